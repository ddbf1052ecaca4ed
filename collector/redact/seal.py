"""The one way from an `ExportRequest` to bytes that may be kept, shown and sent.

In this order: unknown fields go, content by level, limits of structure, field actions, what the rules find,
truncation, and the report of it all. Sealing what is sealed under a stricter policy only takes away more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.batch import ExportRequest, Passages, SealedBatch, SealedBeginning, Signal, count_items
from collector.otlp.joined import joined
from collector.policy.model import Action, ContentLevel, Policy
from collector.redact.early import EarlySealer
from collector.redact.engine.engine import Engine, Extent
from collector.redact.masker import Masker
from collector.redact.otlp.content import keep_metadata
from collector.redact.otlp.entries import entries, list_again
from collector.redact.otlp.fields import REPORT, FieldActions, Subject, level_of
from collector.redact.otlp.items import delete
from collector.redact.otlp.positions import collect
from collector.redact.otlp.strings import Texts
from collector.redact.passages import PassageReader, put_back
from collector.redact.placeholders import sized
from collector.redact.report import CONTENT, ERROR, Tally
from collector.redact.ruleset import engine_of, level_policy

_COUNT = f"{REPORT}count"
_RULE = f"{REPORT}rule."


@dataclass(frozen=True, slots=True)
class Recipe:
    """What another process makes an equal sealer of; see `Sealer`."""

    policy: Policy
    key: bytes = field(repr=False)
    fingerprint: str

    def sealer(self) -> Sealer:
        return Sealer(self.policy, None, self.key, self.fingerprint)


class Sealer:
    """Redacts export requests under one policy; not safe to share between threads.

    `key` is that of pseudonyms (see `Masker`). `fingerprint` names the policy that batches count as sealed under: of
    one that does nothing but tighten the policy in force, that one.
    """

    def __init__(
        self,
        policy: Policy | ContentLevel = ContentLevel.MASK,
        engine: Engine | None = None,
        key: bytes = b"",
        fingerprint: str = "",
    ) -> None:
        if isinstance(policy, ContentLevel):
            policy = level_policy(policy)
        self.policy = policy
        self.fingerprint = fingerprint or policy.fingerprint()
        self.recipe = Recipe(policy, key, self.fingerprint)
        self.engine = engine or engine_of(policy)
        self._masker = Masker(policy, self.engine, key)
        self._actions = {signal: FieldActions(policy, signal) for signal in Signal}
        self._keep = tuple(rule for rule in policy.fields if rule.action is Action.KEEP)
        self._levels = {signal: policy.level_of(signal) for signal in Signal}
        self._stamp = _stamp(policy)
        self._passages = PassageReader(policy)

    def seal(self, signal: Signal, request: ExportRequest, passages: Passages | None = None) -> SealedBatch:
        """Redact `request` in place, with the passages of its spans, and return it as a `SealedBatch`.

        Fields that this version of OTLP does not know are discarded, since no rule could look at them.
        """
        return self._seal(signal, request, {}, passages)

    def early(self, service: str) -> EarlySealer:
        """The same for texts whose spans, of `service`, are still to be made; shares what this sealer cached."""
        return EarlySealer(self.policy, self._actions[Signal.TRACES], self._masker, service)

    def text(self, data: bytes) -> tuple[bytes, list[Extent]]:
        """Redact a text by itself, UTF-8; also what was found in it, and where."""
        if data.strip() and self.policy.mode is ContentLevel.METADATA:
            return sized(CONTENT, len(data)).encode(), [Extent(0, len(data), CONTENT)]
        extents = self.engine.find(data)
        return self._masker.replaced(data, extents), extents

    def reseal(self, signal: Signal, data: bytes) -> SealedBatch:
        """Redact a sealed batch again, under this policy; what its spans reported before stays counted."""
        request = signal.request.FromString(data)
        before = _take_reports(request) if isinstance(request, ExportTraceServiceRequest) else {}
        return self._seal(signal, request, before)

    def _seal(
        self,
        signal: Signal,
        request: ExportRequest,
        before: dict[int, dict[str, int]],
        passages: Passages | None = None,
    ) -> SealedBatch:
        tally = Tally()
        request.DiscardUnknownFields()
        shared: dict[bytes, list[SealedBeginning]] = {}
        if passages and isinstance(request, ExportTraceServiceRequest):
            shared = self._passages.shared(request, passages, partial(self._mask, signal))
        self._reduce(signal, request, tally)
        texts = self._mask(signal, request, tally)
        if tally.total and self.policy.metadata_on_error and any(rule == ERROR for rule, _ in tally.total):
            put_back(request, shared)
            keep_metadata(request, tally, self.policy, self._keep)
            if isinstance(request, ExportTraceServiceRequest):
                texts.listed = list_again(request)
        if self._stamp is not None:
            self._report(texts.spans, tally, before)
        return SealedBatch(
            signal=signal,
            own=request.SerializeToString(),
            items=count_items(request),
            findings=tally.by_rule(),
            spans=entries(request, texts.listed) if isinstance(request, ExportTraceServiceRequest) else (),
            actions=dict(tally.total),
            policy=self.fingerprint,
            shared=shared,
            pieces=_pieces(request, shared),
        )

    def _reduce(self, signal: Signal, request: ExportRequest, tally: Tally) -> None:
        level = self._levels[signal]
        if level is ContentLevel.METADATA:
            keep_metadata(request, tally, self.policy, self._keep)
        elif level is None:

            def is_metadata(item: Subject | None) -> bool:
                return level_of(self.policy, signal, item) is ContentLevel.METADATA

            keep_metadata(request, tally, self.policy, self._keep, is_metadata)

    def _mask(self, signal: Signal, request: ExportRequest, tally: Tally) -> Texts:
        texts = Texts(self._actions[signal], self.policy.limits, tally, self._masker.pseudonym)
        collect(texts, request)
        if self._levels[signal] is not ContentLevel.MASK:
            texts.pass_over(CONTENT)
        self._masker.mask(texts, tally)
        return texts

    def _report(self, spans: list[Any], tally: Tally, before: dict[int, dict[str, int]]) -> None:
        for number, span in enumerate(spans):
            span.MergeFrom(self._stamp)
            found = tally.by_span.get(number)
            if found or number in before:
                rules = {**before.get(number, {})}
                for rule, times in (found or {}).items():
                    rules[rule] = rules.get(rule, 0) + times
                span.attributes.add(key=_COUNT).value.int_value = sum(rules.values())
                for rule, times in sorted(rules.items()):
                    span.attributes.add(key=_RULE + rule).value.int_value = times


SealerSource = Callable[[], Sealer]
"""Gives the sealer that is in force when it is called, for the thread that calls."""


def always(sealer: Sealer) -> SealerSource:
    """The source of those under whom the policy never changes: one command, one test; for one thread."""
    return lambda: sealer


def _pieces(
    request: ExportRequest, shared: Mapping[bytes, Sequence[SealedBeginning]]
) -> Sequence[bytes | SealedBeginning]:
    return joined(request, shared) if shared and isinstance(request, ExportTraceServiceRequest) else ()


def _stamp(policy: Policy) -> Span | None:
    """What every span says of its policy, ready to be merged; a user's name never stands for the machine's."""
    if not policy.span_attributes:
        return None
    span = Span()
    if policy.locked:
        span.attributes.add(key=f"{REPORT}policy").value.string_value = policy.name
        span.attributes.add(key=f"{REPORT}revision").value.int_value = policy.revision
    if policy.user_name or not policy.locked:
        span.attributes.add(key=f"{REPORT}user_policy").value.string_value = policy.user_name or policy.name
        span.attributes.add(key=f"{REPORT}user_revision").value.int_value = policy.user_revision
    return span


def _take_reports(request: ExportTraceServiceRequest) -> dict[int, dict[str, int]]:
    """Take our own report off sealed spans: span number -> rule -> count."""
    found: dict[int, dict[str, int]] = {}
    spans = [span for rs in request.resource_spans for scope in rs.scope_spans for span in scope.spans]
    for number, span in enumerate(spans):
        ours = [at for at, pair in enumerate(span.attributes) if pair.key.startswith(REPORT)]
        rules = {
            span.attributes[at].key.removeprefix(_RULE): span.attributes[at].value.int_value
            for at in ours
            if span.attributes[at].key.startswith(_RULE)
        }
        if rules:
            found[number] = rules
        delete(span.attributes, ours)
    return found
