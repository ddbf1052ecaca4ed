"""The envelope of items (resource, scope): drop empty ones, take items by range or one by one, in order (pure).

Items are what the ledger counts: spans, log records and data points. A metric stands around its data points as a
scope stands around its metrics, so a range may begin or end inside a metric.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, TypeVar

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from collector.batch import ExportRequest, count_items, data_points

Request = TypeVar("Request", bound=ExportRequest)

ItemFilter = Callable[[Any, Any, Any], bool]
"""Whether an item is taken, by its resource, its scope, and the span, log record or metric itself."""


def prune(request: ExportRequest) -> None:
    """Drop empty envelopes: senders should not create them (specification, "Empty Telemetry Envelopes")."""
    resources, scopes_field, items_field = _fields(request)
    for resource in getattr(request, resources):
        scopes = getattr(resource, scopes_field)
        _keep_only(scopes, [bool(getattr(scope, items_field)) for scope in scopes])
    every = getattr(request, resources)
    _keep_only(every, [bool(getattr(resource, scopes_field)) for resource in every])


def take_range(request: Request, first: int, items: int) -> Request:
    """Copy `items` items from number `first` on (counted from 0) into a request of their own."""
    at, end = 0, first + items

    def choose(_: Any, __: Any, every: Any) -> list[Any]:
        nonlocal at
        chosen = []
        for item in every:
            held = _held(item)
            low, high = max(first - at, 0), min(end - at, held)
            if low < high:
                chosen.append(item if (low, high) == (0, held) else _part_of(item, low, high))
            at += held
        return chosen

    return _copy(request, choose)


def halves(request: Request) -> tuple[Request, Request]:
    """Split a request in two of as many items, in order; the second has one more where the number is odd."""
    count = count_items(request)
    return take_range(request, 0, count // 2), take_range(request, count // 2, count - count // 2)


def select(request: Request, wanted: ItemFilter) -> Request:
    """Copy the items that are `wanted` into a request of their own."""

    def choose(resource: Any, scope: Any, every: Any) -> list[Any]:
        return [item for item in every if wanted(resource, scope, item)]

    return _copy(request, choose)


def select_spans(request: ExportTraceServiceRequest, ids: Collection[tuple[bytes, bytes]]) -> ExportTraceServiceRequest:
    """Copy the spans of these (trace id, span id) into a request of their own."""
    span_ids = {span_id for _, span_id in ids}
    return _copy(
        request,
        lambda _, __, every: [
            span for span in every if span.span_id in span_ids and (span.trace_id, span.span_id) in ids
        ],
    )


def take_span(request: ExportTraceServiceRequest, trace_id: bytes, span_id: bytes) -> ExportTraceServiceRequest | None:
    """Copy one span with its resource and scope into a request of its own; None when it is not there."""
    found = select(request, lambda _, __, span: span.span_id == span_id and span.trace_id == trace_id)
    return take_range(found, 0, 1) if found.resource_spans else None


def _copy(request: Request, choose: Callable[[Any, Any, Any], list[Any]]) -> Request:
    """Copy the items that `choose` gives of each scope's; a resource or scope without one is left out."""
    resources, scopes, items = _fields(request)
    out = type(request)()
    for resource in getattr(request, resources):
        holder = None
        for scope in getattr(resource, scopes):
            chosen = choose(resource.resource, scope.scope, getattr(scope, items))
            if not chosen:
                continue
            if holder is None:
                holder = getattr(out, resources).add(schema_url=resource.schema_url)
                if resource.HasField("resource"):
                    holder.resource.CopyFrom(resource.resource)
            inner = getattr(holder, scopes).add(schema_url=scope.schema_url)
            if scope.HasField("scope"):
                inner.scope.CopyFrom(scope.scope)
            getattr(inner, items).extend(chosen)
    return out


def _held(item: Any) -> int:
    """How many items the ledger counts for a span, log record or metric."""
    return len(data_points(item)) if isinstance(item, Metric) else 1


def _part_of(metric: Metric, low: int, high: int) -> Metric:
    part = Metric()
    part.CopyFrom(metric)
    points: Any = data_points(part)
    del points[high:]
    del points[:low]
    return part


def _fields(request: ExportRequest) -> tuple[str, str, str]:
    if isinstance(request, ExportTraceServiceRequest):
        return "resource_spans", "scope_spans", "spans"
    if isinstance(request, ExportLogsServiceRequest):
        return "resource_logs", "scope_logs", "log_records"
    return "resource_metrics", "scope_metrics", "metrics"


def _keep_only(items: Any, wanted: list[bool]) -> None:
    for index in reversed(range(len(wanted))):
        if not wanted[index]:
            del items[index]
