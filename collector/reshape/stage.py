"""The stage between decode and redact: every span to its convention, every change all or nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from openinference.semconv.trace import SpanAttributes
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from collector.batch import ExportRequest
from collector.enums import SourceKeys
from collector.openinference.kinds import LLM, TOOL
from collector.openinference.tokens import KEYS
from collector.otlp.values import Attributes, Value, read_attributes
from collector.reshape.apply import ReadSpan, apply
from collector.reshape.choose import Chooser
from collector.reshape.convention import Convention
from collector.reshape.conventions import CONVENTIONS
from collector.reshape.counted import CountedSpans
from collector.reshape.dropped import DroppedSpans
from collector.reshape.environment import copy_environment
from collector.reshape.join import AROUND, PARENT, LogJoin, Waiting, WaitingSpan
from collector.reshape.keys import TOOL_CALL_ID
from collector.reshape.request_spans import RequestSpans, SpanId, take_out
from collector.reshape.source import SourceEvent, SourceScope, SourceSpan, with_texts

_COUNTS = tuple(KEYS.values())
INTERNAL = "internal span of the agent, which says nothing of its work"

Late: TypeAlias = ExportTraceServiceRequest | None
Nearby: TypeAlias = dict[tuple[str, ...], Value]


@dataclass(frozen=True, slots=True)
class HeldRequest:
    """Spans of which log records or parents may still come: what is known of them now, to be sent a little later."""

    number: int
    request: ExportTraceServiceRequest


@dataclass(frozen=True, slots=True)
class Reshaped:
    """What became of one request.

    `dropped` counts spans dropped as `INTERNAL`; `failed` those that left as they came because their convention failed,
    by its name. `held` were taken out of the request, to be sent later; `completed` are held spans of earlier requests
    as they are known now, to be sent in place of what was known of them before. `late` are spans of earlier requests
    that were not held, complete now.
    """

    dropped: int = 0
    failed: Mapping[str, int] = field(default_factory=dict)
    held: HeldRequest | None = None
    completed: Sequence[HeldRequest] = ()
    late: ExportTraceServiceRequest | None = None


class _Pass:
    """One walk over the spans of a request, and what comes of it: spans that wait, and those that were dropped.

    `known` holds what an earlier walk found for spans, which has seen the request they came in.
    """

    def __init__(
        self,
        request: ExportTraceServiceRequest,
        dropped: DroppedSpans,
        counted: CountedSpans,
        known: Mapping[SpanId, WaitingSpan],
        take_tokens: Callable[[bytes, bytes], bool],
    ) -> None:
        self.request = request
        self.known = known
        nested = frozenset(id for id, span in self.known.items() if span.nested)
        self.spans = RequestSpans(request, dropped, counted, nested, take_tokens)
        self.waiting: dict[SpanId, WaitingSpan] = {}
        self.gone: Sequence[SpanId] = ()


class Reshaper:
    """Turns the spans of a request into OpenInference spans in place; not safe to share between threads.

    `reshaped` and `failed` count spans by convention. A span that no convention matches, or whose convention
    fails, stays exactly as it came. With `hold`, spans that wait for something are taken out of their request.
    """

    def __init__(
        self,
        source_keys: SourceKeys = SourceKeys.DISTINCT,
        *,
        vectors: bool = False,
        join: LogJoin | None = None,
        hold: bool = False,
        conventions: Sequence[Convention] = CONVENTIONS,
    ) -> None:
        self._source_keys = source_keys
        self._vectors = vectors
        self._join = join
        self._dropped = join.dropped if join is not None else DroppedSpans()
        self._counted = join.counted if join is not None else CountedSpans()
        self._hold = hold
        self._chooser = Chooser(conventions)
        self.reshaped: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()

    def reshape(self, request: ExportRequest) -> Reshaped:
        """Reshape `request` in place.

        Log records are only looked at, and remembered for the spans that come after them.
        """
        if isinstance(request, ExportTraceServiceRequest):
            before = self.failed.copy()
            walk = self._pass(request, {})
            dropped = self._reshape(walk)
            held = self._let_wait(walk)
            completed, late = self._complete(walk)
            return Reshaped(dropped, self.failed - before, held, completed, late)
        if isinstance(request, ExportLogsServiceRequest):
            for logs in request.resource_logs:
                copy_environment(logs.resource.attributes)
            if self._join is not None:
                completed, late = self._again(self._join.remember(request))
                return Reshaped(completed=completed, late=late)
        else:
            for metrics in request.resource_metrics:
                copy_environment(metrics.resource.attributes)
        return Reshaped()

    def _complete(self, walk: _Pass) -> tuple[Sequence[HeldRequest], Late]:
        """Earlier spans that wait to hear of a parent which was dropped now, or which tells their tokens."""
        come = [(trace, PARENT, span.hex()) for trace, span in walk.gone]
        come += [(trace, AROUND, span.hex()) for trace, span in walk.spans.around]
        if self._join is None or not come:
            return (), None
        return self._again(self._join.waiting_for(come))

    def _again(self, waited: Sequence[Waiting]) -> tuple[Sequence[HeldRequest], Late]:
        """Reshape spans once more with what is known now: held requests whole, and single spans that were sent."""
        completed = [HeldRequest(number, self._once_more(spans)) for number, spans in waited if number]
        sent = [self._once_more(spans) for number, spans in waited if not number]
        return completed, sent[0] if sent else None

    def _pass(self, request: ExportTraceServiceRequest, known: Mapping[SpanId, WaitingSpan]) -> _Pass:
        take_tokens = self._join.take_tokens if self._join is not None else _take_none
        return _Pass(request, self._dropped, self._counted, known, take_tokens)

    def _once_more(self, spans: Sequence[WaitingSpan]) -> ExportTraceServiceRequest:
        request = ExportTraceServiceRequest()
        for span in spans:
            request.MergeFromString(span.request)
        self._reshape(self._pass(request, {span.id: span for span in spans}))
        return request

    def _reshape(self, walk: _Pass) -> int:
        """Reshape every span of a request; returns how many were dropped."""
        for holder in walk.request.resource_spans:
            copy_environment(holder.resource.attributes)
            resource = read_attributes(holder.resource.attributes)
            for scope in holder.scope_spans:
                named = self._chooser.is_named(resource, scope.scope.name)
                for index, span in enumerate(scope.spans):
                    pairs = list(span.attributes)  # the walk itself is what costs: every later look is at this list
                    keys = [pair.key for pair in pairs]
                    if named or self._chooser.may_match(keys):
                        dropped = self._reshape_span(resource, ReadSpan(span, pairs, keys), walk, holder, scope)
                        if dropped is not None:
                            walk.spans.drop(scope, index, dropped.asked_above)
        walk.spans.count_once()
        walk.gone = walk.spans.close_gaps()
        return len(walk.gone)

    def _let_wait(self, walk: _Pass) -> HeldRequest | None:
        """Hand the spans that wait to the join; with `hold` they are taken out of their request as well."""
        join = self._join
        if join is None or not walk.waiting:
            return None
        for identifier in walk.spans.nested & walk.waiting.keys():
            walk.waiting[identifier].nested = True
        if not self._hold:
            for span in walk.waiting.values():
                if not span.counted:  # a destination that knows no better would count its tokens twice
                    join.wait(span)
            return None
        number = join.hold(list(walk.waiting.values()))
        return HeldRequest(number, take_out(walk.request, walk.waiting.keys()))

    def _reshape_span(
        self, resource: Attributes, read: ReadSpan, walk: _Pass, holder: ResourceSpans, scope: ScopeSpans
    ) -> Convention | None:
        """Reshape one span; the convention that says so when it is to be dropped."""
        span, origin = read.span, SourceScope(scope.scope.name, scope.scope.version)
        identifier = (span.trace_id, span.span_id)
        known = walk.known.get(identifier)
        missed: set[tuple[str, str]] = set()
        nearby: Nearby = dict(known.nearby) if known is not None else {}
        source = self._source(read, walk, origin, missed, nearby)
        try:
            chosen = self._chooser.choose(resource, origin, source)
            if chosen is None:
                said = source.attributes
                if said.get(SpanAttributes.OPENINFERENCE_SPAN_KIND) == LLM and any(key in said for key in _COUNTS):
                    walk.spans.counts_untouched(span)
                return None
            convention, target = chosen
            if target.internal:
                return convention
            missed |= target.awaited
            if convention.drops and not target.root and (unknown := walk.spans.unknown_above(span)):
                missed.add((PARENT, unknown.hex()))
            if missed and target.tokens and target.kind_of == LLM and span.parent_span_id:
                missed.add((AROUND, span.parent_span_id.hex()))
            waiting = None
            if missed and self._join is not None and known is None:
                awaited = frozenset((span.trace_id, name, value) for name, value in missed)
                waiting = WaitingSpan(identifier, _alone(span, holder, scope), awaited, nearby, bool(target.tokens))
            apply(read, source.attributes, target, convention, self._source_keys, vectors=self._vectors)
        except Exception:  # whatever it was, the span as it came is better than none
            self.failed[self._chooser.asked] += 1
            return None
        if waiting is not None:
            walk.waiting[identifier] = waiting
        if target.root:
            span.ClearField("parent_span_id")
        if target.tokens and target.kind_of == LLM:
            walk.spans.counts(span)
        elif target.kind_of == TOOL:
            said = target.attributes
            walk.spans.tool(span, str(said.get(SpanAttributes.TOOL_NAME, "")), str(said.get(TOOL_CALL_ID, "")))
        self.reshaped[convention.name] += 1
        return None

    def _source(
        self, read: ReadSpan, walk: _Pass, scope: SourceScope, missed: set[tuple[str, str]], nearby: Nearby
    ) -> SourceSpan:
        span = read.span
        join, trace_id, spans = self._join, span.trace_id, walk.spans

        def find(name: str, value: str) -> Sequence[SourceEvent]:
            found = join.find(trace_id, name, value) if join is not None else ()
            if not found:
                missed.add((name, value))
            return found

        def above(keys: tuple[str, ...]) -> Value:
            if nearby.get(keys) is None:
                nearby[keys] = spans.above(span, keys)
            return nearby[keys]

        def in_trace(key: str) -> Value:
            at = ("", key)
            if nearby.get(at) is None:
                nearby[at] = spans.first(trace_id, key)
            return nearby[at]

        return SourceSpan(
            name=span.name,
            attributes=with_texts(read_attributes(read.pairs)),
            events=[SourceEvent(event.name, read_attributes(event.attributes)) for event in span.events],
            id=span.span_id.hex(),
            scope=scope.name,
            start_ns=span.start_time_unix_nano,
            end_ns=span.end_time_unix_nano,
            above=above,
            in_trace=in_trace,
            joined=find,
        )


def _take_none(trace_id: bytes, around: bytes) -> bool:
    return False


def _alone(span: Span, holder: ResourceSpans, scope: ScopeSpans) -> bytes:
    """A span as it came, as the bytes of a request that has only it."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.CopyFrom(holder.resource)
    scoped = resource.scope_spans.add()
    scoped.scope.CopyFrom(scope.scope)
    scoped.spans.add().CopyFrom(span)
    return request.SerializeToString()
