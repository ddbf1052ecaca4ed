"""The spans of one request together: their ancestors, the gaps that dropped ones leave, and requests told twice."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TypeAlias

from openinference.semconv.trace import SpanAttributes
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span

from collector.openinference.kinds import AGENT, CHAIN, LLM, TOOL
from collector.otlp.values import Attributes, Value, read_attributes, read_value
from collector.reshape.counted import CountedSpans, ToolCallOfSpan
from collector.reshape.dropped import DroppedSpans

_MOST_ANCESTORS = 64
_KIND = SpanAttributes.OPENINFERENCE_SPAN_KIND
COUNTS = "llm.token_count."
_COSTS = "llm.cost."

SpanId: TypeAlias = tuple[bytes, bytes]
"""The ids of a trace and of a span in it."""


class RequestSpans:
    """The spans of one request by their ids, and those that were dropped from earlier ones."""

    def __init__(
        self,
        request: ExportTraceServiceRequest,
        dropped: DroppedSpans,
        told: CountedSpans,
        nested: frozenset[SpanId],
        take_tokens: Callable[[bytes, bytes], bool],
    ) -> None:
        self.nested: set[SpanId] = set(nested)
        """LLM spans whose tokens another one counts; those known before, and those that `count_once` finds."""
        self.around: list[SpanId] = []
        """LLM spans that took the tokens of held ones right below them."""
        self._take_tokens = take_tokens
        self._request = request
        self._dropped = dropped
        self._told = told
        self._by_id: dict[SpanId, Span] | None = None
        self._read: dict[SpanId, Attributes] = {}
        self._firsts: dict[str, dict[bytes, Value]] = {}
        self._drops: list[tuple[ScopeSpans, int]] = []
        self._counted: list[Span] = []
        self._untouched: list[Span] = []
        self._tools: list[tuple[Span, ToolCallOfSpan]] = []

    def _all(self) -> Iterator[Span]:
        for resource in self._request.resource_spans:
            for scope in resource.scope_spans:
                yield from scope.spans

    def _find(self, trace_id: bytes, span_id: bytes) -> Span | None:
        if self._by_id is None:
            self._by_id = {(one.trace_id, one.span_id): one for one in self._all()}
        return self._by_id.get((trace_id, span_id))

    def above(self, span: Span, keys: Sequence[str]) -> Value:
        """The first value under any of `keys` on the nearest ancestor that has one: the spans above in the request,
        and those that were dropped from earlier ones."""
        trace_id, parent = span.trace_id, span.parent_span_id
        for _ in range(_MOST_ANCESTORS):
            found = self._find(trace_id, parent)
            if found is not None:
                key = (trace_id, parent)
                if key not in self._read:
                    self._read[key] = read_attributes(found.attributes)
                attributes, parent = self._read[key], found.parent_span_id
            else:
                told = self._dropped.said_by(trace_id, parent)
                if told is None:
                    return None
                parent, attributes = told
            value = next((attributes[key] for key in keys if attributes.get(key)), None)
            if value is not None:
                return value
        return None

    def first(self, trace_id: bytes, key: str) -> Value:
        """What the first span of the trace that has `key` says there; each key is looked for once a request."""
        if key not in self._firsts:
            found: dict[bytes, Value] = {}
            for span in self._all():
                if span.trace_id not in found:
                    for pair in span.attributes:
                        if pair.key == key:
                            found[span.trace_id] = read_value(pair.value)
            self._firsts[key] = found
        return self._firsts[key].get(trace_id)

    def unknown_above(self, span: Span) -> bytes:
        """The first span above `span` that is neither in the request nor was dropped from an earlier one; empty where
        all are known."""
        trace_id, parent = span.trace_id, span.parent_span_id
        for _ in range(_MOST_ANCESTORS):
            if not parent:
                break
            found = self._find(trace_id, parent)
            told = self._dropped.said_by(trace_id, parent) if found is None else None
            if found is None and told is None:
                return parent
            parent = found.parent_span_id if found is not None else told[0] if told else b""
        return b""

    def drop(self, scope: ScopeSpans, index: int, keys: Sequence[str]) -> None:
        """Have a span taken out; what it says under `keys` is remembered for the spans below it."""
        span = scope.spans[index]
        said = {pair.key: read_value(pair.value) for pair in span.attributes if pair.key in keys}
        self._dropped.remember(span.trace_id, span.span_id, span.parent_span_id, said)
        self._drops.append((scope, index))

    def counts(self, span: Span) -> None:
        """Note that `span` was made an LLM span with token counts."""
        self._counted.append(span)

    def counts_untouched(self, span: Span) -> None:
        """Note that `span` came as an LLM span with token counts, and stays as it is."""
        self._untouched.append(span)

    def tool(self, span: Span, name: str, call_id: str) -> None:
        """Note that `span` was made a TOOL span of that name and call; the id is empty where none was given."""
        self._tools.append((span, ToolCallOfSpan(name, call_id)))

    def close_gaps(self) -> list[SpanId]:
        """Take the dropped spans out; their children, and children of those dropped before, become children of the
        nearest ancestor that stays. Returns the ids of the dropped spans."""
        gone = [(scope.spans[index].trace_id, scope.spans[index].span_id) for scope, index in self._drops]
        by_scope: dict[int, tuple[ScopeSpans, set[int]]] = {}
        for scope, index in self._drops:
            by_scope.setdefault(id(scope), (scope, set()))[1].add(index)
        for scope, indexes in by_scope.values():
            kept = ScopeSpans()
            kept.spans.extend(span for index, span in enumerate(scope.spans) if index not in indexes)
            scope.ClearField("spans")
            scope.spans.MergeFrom(kept.spans)
        if self._dropped:
            for span in self._all():
                if span.parent_span_id and self._dropped.has(span.trace_id):
                    span.parent_span_id = self._dropped.kept_above(span.trace_id, span.parent_span_id)
        return gone

    def count_once(self) -> None:
        """Leave of two LLM spans within each other, which count the same tokens, one that counts: an SDK's own span of
        the request is a step of the instrumentation's around it, and one that was told already, in an earlier request
        or by OpenInference itself, leaves the span around it without counts. So too a TOOL span right below one of the
        same call."""
        around = {above for span in self._untouched for above in self._counted_above(span)[0]}
        for span in self._counted:
            identifier = (span.trace_id, span.span_id)
            if identifier not in around:
                self._take_from_below(*identifier)
        self._pass_up()
        for span in self._counted:
            identifier = (span.trace_id, span.span_id)
            if identifier in around or self._told.is_above(*identifier):
                self._count_elsewhere(span)
        for span in self._counted:
            identifier = (span.trace_id, span.span_id)
            if identifier in self.nested:
                self._count_elsewhere(span)
                continue
            above, unknown = self._counted_above(span)
            if above or self._told.has(span.trace_id, unknown):
                self._count_elsewhere(span)
            else:
                self._remember(span, unknown)
        for span in self._untouched:
            self._take_from_below(span.trace_id, span.span_id)
            self._remember(span, self._counted_above(span)[1])
        self._pass_on()
        self._call_once()

    def _call_once(self) -> None:
        """Leave of two TOOL spans of one call, one right below the other, the upper one, or that which came first."""
        calls = {(span.trace_id, span.span_id): call for span, call in self._tools}
        for span, call in self._tools:
            around = calls.get((span.trace_id, span.parent_span_id))
            ids = (span.trace_id, span.span_id, span.parent_span_id)
            if around is not None and span.parent_span_id != span.span_id:
                told = call.may_be(around)
            else:
                told = self._told.told_tool(*ids, call)
            if told:
                _set_kind(span, CHAIN)
            else:
                self._told.remember_tool(*ids, call)

    def _take_from_below(self, trace_id: bytes, span_id: bytes) -> None:
        """Have what is right below a span, and still held, leave without the tokens, which that span tells."""
        if self._told.is_above(trace_id, span_id) and self._take_tokens(trace_id, span_id):
            self._told.forget_above(trace_id, span_id)
            self.around.append((trace_id, span_id))

    def _remember(self, span: Span, unknown: bytes) -> None:
        self._told.remember(span.trace_id, span.span_id)
        self._told.remember_above(span.trace_id, unknown)

    def _pass_up(self) -> None:
        """What is above a span that is above a told request is above it too, up to the first agent or tool."""
        for span in self._all():
            above: Span | None = span
            for _ in range(_MOST_ANCESTORS):
                if above is None or not self._told.is_above(above.trace_id, above.span_id):
                    break
                if _kind_and_counts(above)[0] in (AGENT, TOOL):
                    break
                self._told.remember_above(above.trace_id, above.parent_span_id)
                above = self._find(above.trace_id, above.parent_span_id)

    def _pass_on(self) -> None:
        """What is below a span that is below a told request is below it too, but for agents and tools."""
        for span in self._all():
            below = self._told.has(span.trace_id, span.parent_span_id)
            if below and _kind_and_counts(span)[0] not in (AGENT, TOOL):
                self._told.remember(span.trace_id, span.span_id)

    def _count_elsewhere(self, span: Span) -> None:
        self.nested.add((span.trace_id, span.span_id))
        _set_kind(span, CHAIN)
        attributes = span.attributes
        for index in range(len(attributes) - 1, -1, -1):
            if attributes[index].key.startswith((COUNTS, _COSTS)):
                del attributes[index]

    def _counted_above(self, span: Span) -> tuple[list[SpanId], bytes]:
        """The LLM spans with token counts above `span`, up to the first agent or tool, and the first span above it that
        is not in the request; no id where one of the former ends the way."""
        found: list[SpanId] = []
        parent = span.parent_span_id
        for _ in range(_MOST_ANCESTORS):
            above = self._find(span.trace_id, parent) if parent else None
            if above is None:
                return found, parent
            if above.span_id == span.span_id:
                break  # a circle of parents
            kind, counts = _kind_and_counts(above)
            if kind == LLM and counts:
                found.append((above.trace_id, above.span_id))
            elif kind in (AGENT, TOOL):
                break
            parent = above.parent_span_id
        return found, b""


def _kind_and_counts(span: Span) -> tuple[str, bool]:
    """The kind of a span, and whether it counts tokens."""
    kind, counts = "", False
    for pair in span.attributes:
        if pair.key == _KIND:
            kind = pair.value.string_value
        elif pair.key.startswith(COUNTS):
            counts = True
    return kind, counts


def _set_kind(span: Span, kind: str) -> None:
    for pair in span.attributes:
        if pair.key == _KIND:
            pair.value.string_value = kind


def take_out(request: ExportTraceServiceRequest, spans: Collection[SpanId]) -> ExportTraceServiceRequest:
    """Take `spans` out of `request`; returns them as a request of their own, with their resources and scopes."""
    taken = ExportTraceServiceRequest()
    for holder in request.resource_spans:
        resource = None
        for scope in holder.scope_spans:
            out = [(one.trace_id, one.span_id) in spans for one in scope.spans]
            if not any(out):
                continue
            if resource is None:
                resource = taken.resource_spans.add(schema_url=holder.schema_url)
                resource.resource.CopyFrom(holder.resource)
            scoped = resource.scope_spans.add(schema_url=scope.schema_url)
            scoped.scope.CopyFrom(scope.scope)
            kept = ScopeSpans()
            for one, is_out in zip(scope.spans, out, strict=True):
                (scoped if is_out else kept).spans.add().CopyFrom(one)
            scope.ClearField("spans")
            scope.spans.MergeFrom(kept.spans)
    return taken


def drop_counted(request: ExportTraceServiceRequest) -> None:
    """Take out the spans that count tokens: who has them already, and goes by no ids, would count them twice."""
    counted = {
        (span.trace_id, span.span_id)
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
        if any(pair.key.startswith(COUNTS) for pair in span.attributes)
    }
    if counted:
        take_out(request, counted)
