"""The one way from an `ExportRequest` to bytes that may be kept, shown and sent.

In this order: unknown fields go, content by level, limits of structure, field actions, what the rules find,
truncation, and the report of it all. Sealing what is sealed under a stricter policy only takes away more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.batch import ExportRequest, SealedBatch, Signal, count_items
from collector.policy.model import Action, ContentLevel, Policy, strictest
from collector.redact.engine.engine import Engine, Extent, replace
from collector.redact.otlp.content import keep_metadata
from collector.redact.otlp.entries import LISTED, entries, list_again
from collector.redact.otlp.fields import REPORT, FieldActions, Subject, applies
from collector.redact.otlp.positions import collect
from collector.redact.otlp.strings import Texts, delete
from collector.redact.placeholders import named, pseudonym, sized, truncated
from collector.redact.report import CONTENT, ERROR, Tally
from collector.redact.ruleset import engine_of, level_policy

_MOST_KNOWN_KEYS = 10_000
_LONGEST_KNOWN_KEY = 100
_MOST_CLEAN = 20_000
_LONGEST_CLEAN = 64
_COUNT = f"{REPORT}count"
_RULE = f"{REPORT}rule."


class Sealer:
    """Redacts export requests under one policy; not safe to share between threads.

    `key` is that of pseudonyms; a policy that hashes without one puts placeholders instead.
    """

    def __init__(
        self, policy: Policy | ContentLevel = ContentLevel.MASK, engine: Engine | None = None, key: bytes = b""
    ) -> None:
        if isinstance(policy, ContentLevel):
            policy = level_policy(policy)
        self.policy = policy
        self.fingerprint = policy.fingerprint()
        self.engine = engine or engine_of(policy)
        self._key = key
        self._actions = {signal: FieldActions(policy, signal) for signal in Signal}
        self._keep = tuple(rule for rule in policy.fields if rule.action is Action.KEEP)
        self._levels = {signal: policy.level_of(signal) for signal in Signal}
        self._clean: set[str | bytes] = {""}
        self._stamp = _stamp(policy)

    def seal(self, signal: Signal, request: ExportRequest) -> SealedBatch:
        """Redact `request` in place and return it as a `SealedBatch`.

        Fields that this version of OTLP does not know are discarded, since no rule could look at them.
        """
        return self._seal(signal, request, {})

    def text(self, data: bytes) -> tuple[bytes, list[Extent]]:
        """Redact a text by itself, UTF-8; also what was found in it, and where."""
        if data.strip() and self.policy.mode is ContentLevel.METADATA:
            return sized(CONTENT, len(data)).encode(), [Extent(0, len(data), CONTENT)]
        extents = self.engine.find(data)
        return self._replaced(data, extents), extents

    def reseal(self, signal: Signal, data: bytes) -> SealedBatch:
        """Redact a sealed batch again, under this policy; what its spans reported before stays counted."""
        request = signal.request.FromString(data)
        before = _take_reports(request) if isinstance(request, ExportTraceServiceRequest) else {}
        return self._seal(signal, request, before)

    def _seal(self, signal: Signal, request: ExportRequest, before: dict[int, dict[str, int]]) -> SealedBatch:
        tally = Tally()
        request.DiscardUnknownFields()
        self._reduce(signal, request, tally)
        texts = self._mask(signal, request, tally)
        if tally.total and self.policy.metadata_on_error and any(rule == ERROR for rule, _ in tally.total):
            keep_metadata(request, tally, self.policy, self._keep)
            if isinstance(request, ExportTraceServiceRequest):
                texts.listed = list_again(request)
        if self._stamp is not None:
            self._report(texts.spans, tally, before)
        return SealedBatch(
            signal=signal,
            data=request.SerializeToString(),
            items=count_items(request),
            findings=tally.by_rule(),
            spans=entries(request, texts.listed) if isinstance(request, ExportTraceServiceRequest) else (),
            actions=dict(tally.total),
            policy=self.fingerprint,
        )

    def _reduce(self, signal: Signal, request: ExportRequest, tally: Tally) -> None:
        level = self._levels[signal]
        if level is ContentLevel.METADATA:
            keep_metadata(request, tally, self.policy, self._keep)
        elif level is None:

            def is_metadata(item: Subject | None) -> bool:
                return self._level(signal, item) is ContentLevel.METADATA

            keep_metadata(request, tally, self.policy, self._keep, is_metadata)

    def _level(self, signal: Signal, item: Subject | None) -> ContentLevel:
        """The strictest of all layers for an item, or for what is no item (a resource, a scope)."""
        found = []
        for table in self.policy.levels:
            chosen = [
                rule.level
                for rule in table.rules
                if signal in rule.where.signals
                and (not rule.where.by_item or (item is not None and applies(rule.where, item)))
            ]
            found.append(strictest(chosen) if chosen else table.default)
        return strictest(found)

    def _mask(self, signal: Signal, request: ExportRequest, tally: Tally) -> Texts:
        texts = Texts(self._actions[signal], self.policy.limits, tally, self._pseudonym)
        collect(texts, request)
        if self._levels[signal] is not ContentLevel.MASK:
            texts.pass_over(CONTENT)
        changed = set()
        joined = []
        for index, data, extents in self._find_all(texts.texts):
            if texts.joined(index) is not None:
                joined.append((index, extents))
                continue
            tally.add_all((extent.rule for extent in extents), self.policy.actions, texts.owner(index))
            data = self._replaced(data, extents)
            cut = texts.cuts.pop(index, None)
            texts.put(index, ((truncated(data, cut) or data) if cut else data).decode("utf-8", "replace"))
            changed.add(index)
        for index, extents in joined:
            self._mask_joined(texts, index, extents, tally)
        for index, most in texts.cuts.items():
            shorter = truncated(texts.texts[index].encode("utf-8", "surrogatepass"), most)
            if shorter is not None:
                texts.put(index, shorter.decode("utf-8", "replace"))
                tally.at = texts.owner(index)
                tally.add("field", Action.TRUNCATE)
        self._remember_keys(texts, changed)
        return texts

    def _find_all(self, texts: list[str]) -> list[tuple[int, bytes, list[Extent]]]:
        """What is found, by index. Texts with no findings are cached until the policy changes: roles, kinds and names
        are the same in every span, and each request to a model holds all messages of the ones before."""
        clean = self._clean
        known = [text if len(text) <= _LONGEST_CLEAN else _digest(text) for text in texts]
        places = [place for place, one in enumerate(known) if one not in clean]
        if not places:
            return []
        unread = [texts[place] for place in places]
        found = list(self._read(unread))
        if len(clean) > _MOST_CLEAN:
            clean.clear()
        clean.update(known)
        clean.difference_update([known[places[at]] for at, _, _ in found])
        return [(places[at], data, extents) for at, data, extents in found]

    def _read(self, texts: list[str]) -> Iterable[tuple[int, bytes, list[Extent]]]:
        """What the engine finds; where it fails, text by text, and a text it fails on is found as a whole."""
        try:
            return list(self.engine.find_all(texts))
        except Exception:
            return list(self._read_singly(texts))

    def _read_singly(self, texts: list[str]) -> Iterable[tuple[int, bytes, list[Extent]]]:
        for index, text in enumerate(texts):
            data = text.encode("utf-8", "surrogatepass")
            try:
                extents = self.engine.find(data)
            except Exception:
                extents = [Extent(0, len(data), ERROR)]
            if extents:
                yield index, data, extents

    def _replaced(self, data: bytes, extents: list[Extent]) -> bytes:
        actions = self.policy.actions
        if actions:
            for extent in extents:
                if actions.get(extent.rule) is Action.DROP:
                    return sized(extent.rule, len(data)).encode()
        return replace(data, extents, self._render) if actions else replace(data, extents)

    def _render(self, extent: Extent, found: bytes) -> bytes:
        if self.policy.actions.get(extent.rule) is Action.HASH:
            return self._pseudonym(extent.rule, found).encode()
        return named(extent.rule).encode()

    def _pseudonym(self, rule: str, found: bytes) -> str:
        if self.policy.hmac is None or not self._key:
            return named(rule)
        return pseudonym(self._key, self.policy.hmac.key_id, rule, found)

    def _mask_joined(self, texts: Texts, index: int, extents: list[Extent], tally: Tally) -> None:
        """Replace the items of an array over which a finding stretches."""
        found = texts.joined(index)
        assert found is not None
        items, between, parts = found
        tally.at = texts.owner(index)
        at = 0
        for item, part in zip(items, parts, strict=True):
            end = at + len(part.encode("utf-8", "surrogatepass"))
            for start, stop, rule in extents:
                alone = at <= start and stop <= end
                if start < end and stop > at and not (alone and item.string_value != part):
                    item.string_value = named(rule)
                    tally.add(rule, Action.PLACEHOLDER)
                    break
            at = end + between

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

    def _remember_keys(self, texts: Texts, changed: set[int]) -> None:
        """Attribute keys with no findings are cached: they are few and repeat in every span."""
        for index, table, key, treatment in texts.new_keys:
            if index not in changed and len(key) <= _LONGEST_KNOWN_KEY and len(table) < _MOST_KNOWN_KEYS:
                table[key] = None if treatment.plain and key not in LISTED else treatment


SealerSource = Callable[[], Sealer]
"""Gives the sealer that is in force when it is called, for the thread that calls."""


def always(sealer: Sealer) -> SealerSource:
    """The source of those under whom the policy never changes: one command, one test; for one thread."""
    return lambda: sealer


def _digest(text: str) -> bytes:
    """Stands for a long text; nobody can make another text that has the same."""
    return sha256(text.encode("utf-8", "surrogatepass")).digest()


def _stamp(policy: Policy) -> Span | None:
    """What every span says of its policy, ready to be merged into it."""
    if not policy.span_attributes:
        return None
    span = Span()
    span.attributes.add(key=f"{REPORT}policy").value.string_value = policy.name
    span.attributes.add(key=f"{REPORT}revision").value.int_value = policy.revision
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
