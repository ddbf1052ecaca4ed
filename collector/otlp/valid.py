"""Ids that no backend can use, and that could carry text, are refused here.

Trace ids have 16 bytes and span ids 8, neither all zero (specification, "Trace", `trace.proto`). An id of
another length is not only useless: it would be a place for any text that no rule looks at.
"""

from __future__ import annotations

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Exemplar
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.batch import ExportRequest, data_points
from collector.otlp.left_out import INVALID_ID, LeftOut

_NO_TRACE = bytes(16)
_NO_SPAN = bytes(8)


def drop_invalid(request: ExportRequest, left_out: LeftOut) -> None:
    """Take spans with unusable ids out of `request`; clear unusable references on what may stay."""
    if isinstance(request, ExportTraceServiceRequest):
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                bad = [i for i, span in enumerate(scope.spans) if not _usable(span)]
                for i in reversed(bad):
                    del scope.spans[i]
                left_out.add(INVALID_ID, len(bad))
    elif isinstance(request, ExportLogsServiceRequest):
        for logs in request.resource_logs:
            for scope_logs in logs.scope_logs:
                for record in scope_logs.log_records:
                    _clear_references(record)
    else:
        for metrics in request.resource_metrics:
            for scope_metrics in metrics.scope_metrics:
                for metric in scope_metrics.metrics:
                    for point in data_points(metric):
                        for exemplar in getattr(point, "exemplars", ()):  # a summary has none
                            _clear_references(exemplar)


def _usable(span: Span) -> bool:
    parent = span.parent_span_id
    if parent and (len(parent) != 8 or parent == _NO_SPAN):
        if len(parent) != 8:
            return False
        span.ClearField("parent_span_id")
    if not _is_trace_id(span.trace_id) or not _is_span_id(span.span_id):
        return False
    links = span.links
    if links:
        for i in reversed(range(len(links))):
            if not (_is_trace_id(links[i].trace_id) and _is_span_id(links[i].span_id)):
                del links[i]
                span.dropped_links_count = min(span.dropped_links_count + 1, 0xFFFFFFFF)
    return True


def _is_trace_id(value: bytes) -> bool:
    return len(value) == 16 and value != _NO_TRACE


def _is_span_id(value: bytes) -> bool:
    return len(value) == 8 and value != _NO_SPAN


def _clear_references(item: LogRecord | Exemplar) -> None:
    """A log record or exemplar is useful without its trace, so only the reference goes."""
    if item.trace_id and not _is_trace_id(item.trace_id):
        item.ClearField("trace_id")
    if item.span_id and not _is_span_id(item.span_id):
        item.ClearField("span_id")
