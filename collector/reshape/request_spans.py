"""The spans of one request together: their ancestors, the gaps that dropped ones leave, and those that wait."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from collector.otlp.values import Attributes, Value, read_attributes, read_value
from collector.reshape.join import LogJoin

_MOST_ANCESTORS = 64


class Waiting:
    """A span as it came, in a request of its own, and the records it asked for in vain."""

    def __init__(self, span: Span, asked: list[tuple[str, str]]) -> None:
        self.asked = asked
        self.request = ExportTraceServiceRequest()
        self.scope = self.request.resource_spans.add().scope_spans.add()
        self.span = self.scope.spans.add()
        self.span.CopyFrom(span)

    def place(self, resource: ResourceSpans, scope: ScopeSpans) -> None:
        self.request.resource_spans[0].resource.CopyFrom(resource.resource)
        self.scope.scope.CopyFrom(scope.scope)


class Family:
    """The spans of one request by their ids: for their ancestors, and to close the gaps that dropped ones leave."""

    def __init__(self, request: ExportTraceServiceRequest) -> None:
        self._request = request
        self._by_id: dict[tuple[bytes, bytes], Span] | None = None
        self._read: dict[tuple[bytes, bytes], Attributes] = {}
        self._firsts: dict[str, dict[bytes, Value]] = {}
        self._drops: list[tuple[ScopeSpans, int]] = []
        self._waiting: list[Waiting] = []

    def _all(self) -> Iterator[Span]:
        for resource in self._request.resource_spans:
            for scope in resource.scope_spans:
                yield from scope.spans

    def ancestors(self, span: Span) -> Iterator[Attributes]:
        """The attributes of the parent, its parent, and so on, as far as they are in the request."""
        if self._by_id is None:
            self._by_id = {(one.trace_id, one.span_id): one for one in self._all()}
        for _ in range(_MOST_ANCESTORS):
            found = self._by_id.get((span.trace_id, span.parent_span_id))
            if found is None:
                return
            span = found
            key = (span.trace_id, span.span_id)
            if key not in self._read:
                self._read[key] = read_attributes(span.attributes)
            yield self._read[key]

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

    def drop(self, scope: ScopeSpans, index: int) -> None:
        self._drops.append((scope, index))

    def finish(self) -> int:
        """Take the dropped spans out; their children become children of the nearest ancestor that stays."""
        if not self._drops:
            return 0
        parents = {
            (span.trace_id, span.span_id): span.parent_span_id
            for span in (scope.spans[index] for scope, index in self._drops)
        }
        by_scope: dict[int, tuple[ScopeSpans, set[int]]] = {}
        for scope, index in self._drops:
            by_scope.setdefault(id(scope), (scope, set()))[1].add(index)
        for scope, indexes in by_scope.values():
            kept = ScopeSpans()
            kept.spans.extend(span for index, span in enumerate(scope.spans) if index not in indexes)
            scope.ClearField("spans")
            scope.spans.MergeFrom(kept.spans)
        for span in (*self._all(), *(waiting.span for waiting in self._waiting)):
            span.parent_span_id = _stays(span.trace_id, span.parent_span_id, parents)
        return len(self._drops)

    def wait(self, spans: Sequence[Waiting], resource: ResourceSpans, scope: ScopeSpans) -> None:
        for waiting in spans:
            waiting.place(resource, scope)
            self._waiting.append(waiting)

    def let_wait(self, join: LogJoin) -> None:
        """Hand the spans that asked in vain to `join`, with the parents they were sent with."""
        for waiting in self._waiting:
            join.wait(waiting.span.trace_id, waiting.asked, waiting.request.SerializeToString())


def _stays(trace_id: bytes, parent: bytes, parents: dict[tuple[bytes, bytes], bytes]) -> bytes:
    """The nearest ancestor that was not dropped; the way there is shortened for those that ask next."""
    passed = []
    while (trace_id, parent) in parents:
        passed.append(parent)
        parent = parents.pop((trace_id, parent))  # taken out, so that a circle of parents ends
    for one in passed:
        parents[trace_id, one] = parent
    return parent
