"""The stage between decode and redact: every span to its convention, every change all or nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.batch import ExportRequest
from collector.enums import SourceKeys
from collector.otlp.values import Attributes, read_attributes, write_value
from collector.reshape.convention import Convention
from collector.reshape.conventions import CONVENTIONS
from collector.reshape.environment import NEW, OLD, copy_environment
from collector.reshape.join import LogJoin
from collector.reshape.request_spans import Family, Waiting
from collector.reshape.source import Event, Scope, Source
from collector.reshape.target import Target

INTERNAL = "internal span of the agent, which says nothing of its work"

_VECTOR = ".embedding.vector"
_CONTENT = ("input.value", "output.value", "llm.input_messages", "llm.output_messages", "llm.tools", "tool.parameters")
_MOST_PLAIN_KEYS = 10_000
_LONGEST_PLAIN_KEY = 100
_COUNTS = "llm.token_count."
"""A span that counts tokens is never sent twice: a destination that knows no better would count them twice."""

_MANY = 256


@dataclass(frozen=True, slots=True)
class Reshaped:
    """How many spans were dropped as `INTERNAL`, how many left as they came because their convention failed, by
    its name, and spans of earlier requests that can be told in full now."""

    dropped: int = 0
    failed: Mapping[str, int] = field(default_factory=dict)
    late: ExportTraceServiceRequest | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """A span, its attributes as they came, and their keys."""

    span: Span
    pairs: Sequence[KeyValue]
    keys: Sequence[str]


class Reshaper:
    """Turns the spans of a request into OpenInference spans in place; not safe to share between threads.

    `reshaped` and `failed` count spans by convention. A span that no convention matches, or whose convention
    fails, stays exactly as it came.
    """

    def __init__(
        self,
        source_keys: SourceKeys = SourceKeys.DISTINCT,
        *,
        vectors: bool = False,
        join: LogJoin | None = None,
        conventions: Sequence[Convention] = CONVENTIONS,
    ) -> None:
        self._source_keys = source_keys
        self._vectors = vectors
        self._join = join
        self._conventions = conventions
        self._keys = tuple(key for convention in conventions for key in convention.keys)
        self._scopes = tuple(scope for convention in conventions for scope in convention.scopes)
        self._plain: set[str] = set()
        self._waiting: list[Waiting] = []
        self.reshaped: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()

    def reshape(self, request: ExportRequest) -> Reshaped:
        """Reshape `request` in place.

        Log records are only looked at, and remembered for the spans that come after them. Spans that came before
        them are returned once more, complete, as `late`.
        """
        if isinstance(request, ExportTraceServiceRequest):
            before = self.failed.copy()
            return Reshaped(self._reshape(request), self.failed - before)
        if isinstance(request, ExportLogsServiceRequest):
            for logs in request.resource_logs:
                copy_environment(logs.resource.attributes)
            if self._join is not None:
                return Reshaped(late=self._late(self._join.remember(request)))
        else:
            for metrics in request.resource_metrics:
                copy_environment(metrics.resource.attributes)
        return Reshaped()

    def _late(self, waited: list[bytes]) -> ExportTraceServiceRequest | None:
        """Spans that left without what their records say, reshaped once more with it."""
        if not waited:
            return None
        late = ExportTraceServiceRequest()
        for span in waited:
            late.MergeFromString(span)
        self._reshape(late, again=True)
        return late

    def _reshape(self, request: ExportTraceServiceRequest, *, again: bool = False) -> int:
        family = Family(request)
        for holder in request.resource_spans:
            copy_environment(holder.resource.attributes)
            resource = read_attributes(holder.resource.attributes)
            for scope in holder.scope_spans:
                named = self._is_named(resource, scope.scope.name)
                origin = Scope(scope.scope.name, scope.scope.version)
                for index, span in enumerate(scope.spans):
                    pairs = list(span.attributes)  # the walk itself is what costs: every later look is at this list
                    keys = [pair.key for pair in pairs]
                    if named or (not self._plain.issuperset(keys) and self._may_match(keys)):
                        if self._reshape_span(resource, origin, Read(span, pairs, keys), family):
                            family.drop(scope, index)
                        family.wait(self._waiting, holder, scope)
                        self._waiting.clear()
        dropped = family.finish()
        if self._join is not None and not again:
            family.let_wait(self._join)
        return dropped

    def _is_named(self, resource: Attributes, scope: str) -> bool:
        """Whether a convention is to be asked because of the scope or the service, whatever the keys."""
        service = resource.get("service.name")
        return scope.startswith(self._scopes) or (isinstance(service, str) and service.startswith(self._scopes))

    def _may_match(self, keys: list[str]) -> bool:
        """Whether any key is of a convention; keys found to be none are not looked at again."""
        found = False
        for key in keys:
            if key in self._plain:
                continue
            if key.startswith(self._keys):
                found = True
            elif len(self._plain) < _MOST_PLAIN_KEYS and len(key) <= _LONGEST_PLAIN_KEY:
                self._plain.add(key)
        return found

    def _reshape_span(self, resource: Attributes, scope: Scope, read: Read, family: Family) -> bool:
        """Reshape one span; True when it is to be dropped."""
        name = ""
        try:
            asked: list[tuple[str, str]] = []
            source = self._source(read, family, asked)
            for convention in self._conventions:
                name = convention.name
                if convention.matches(resource, scope, source):
                    target = convention.reshape(source)
                    if target is not None:
                        if target.internal:
                            return True
                        if asked and not any(key.startswith(_COUNTS) for key in target.attributes):
                            self._waiting.append(Waiting(read.span, asked))
                        self._apply(read, source.attributes, target, convention)
                        self.reshaped[name] += 1
                    return False
        except Exception:  # whatever it was, the span as it came is better than none
            self.failed[name] += 1
        return False

    def _source(self, read: Read, family: Family, asked: list[tuple[str, str]]) -> Source:
        span = read.span
        join, trace_id = self._join, span.trace_id

        def find(name: str, value: str) -> Sequence[Event]:
            found = join.find(trace_id, name, value) if join is not None else ()
            if not found and join is not None:
                asked.append((name, value))
            return found

        return Source(
            name=span.name,
            attributes=read_attributes(read.pairs),
            events=[Event(event.name, read_attributes(event.attributes)) for event in span.events],
            id=span.span_id.hex(),
            start_ns=span.start_time_unix_nano,
            end_ns=span.end_time_unix_nano,
            ancestors=lambda: family.ancestors(span),
            in_trace=lambda key: family.first(trace_id, key),
            joined=find,
        )

    def _apply(self, read: Read, present: Attributes, target: Target, convention: Convention) -> None:
        """Add what is new and take out what is now said twice; nothing changes when this fails.

        `present` may hold what a convention took from events, too: those keys are none of OpenInference's.
        """
        span = read.span
        add = span.attributes.add
        said_otherwise = False
        try:
            for key, value in target.attributes.items():
                if key in present:  # what the sender says in OpenInference's own keys is never overwritten
                    said_otherwise |= key.startswith(_CONTENT) and present[key] != value
                elif self._vectors or not key.endswith(_VECTOR):
                    pair = add()
                    pair.key = key
                    if type(value) is str:
                        pair.value.string_value = value
                    else:
                        write_value(pair.value, value)
        except Exception:
            del span.attributes[len(read.keys) :]
            raise
        if not said_otherwise:
            _remove(span, read.keys, self._gone(read.keys, target, convention))
        if OLD in present or NEW in present:
            copy_environment(span.attributes)
        if target.event_twins and self._source_keys is not SourceKeys.ALL and not said_otherwise:
            for event in span.events:
                _remove(event, [pair.key for pair in event.attributes], target.event_twins.get(event.name, _NONE))

    def _gone(self, present: Iterable[str], target: Target, convention: Convention) -> Collection[str]:
        if self._source_keys is SourceKeys.ALL:
            return _NONE
        if self._source_keys is SourceKeys.DISTINCT:
            return target.twins
        return {key for key in present if key in target.twins or _is_own(key, convention.own)}


def _is_own(key: str, own: tuple[str, ...]) -> bool:
    """Whether `key` is one of `own`, or begins with one of those that end with a dot or colon."""
    return any(key.startswith(one) if one.endswith((".", ":")) else key == one for one in own)


_NONE: frozenset[str] = frozenset()


def _remove(holder: Any, keys: Sequence[str], gone: Collection[str]) -> None:
    """Take out the attributes whose keys are in `gone`; `keys` are those of the first attributes, the only ones looked
    at. Many go at once by copying the others, since each deletion moves all that follow."""
    if not gone:
        return
    pairs = holder.attributes
    at = [index for index, key in enumerate(keys) if key in gone]
    if len(at) < _MANY:
        for index in reversed(at):
            del pairs[index]
        return
    kept = Span()
    out = set(at)
    kept.attributes.extend(pair for index, pair in enumerate(pairs) if index not in out)
    holder.ClearField("attributes")
    holder.attributes.MergeFrom(kept.attributes)
