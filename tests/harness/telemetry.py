"""Export requests to send."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

FIXTURES = Path(__file__).parents[2] / "proto_fixtures"
JSON = "application/json"
PROTOBUF = "application/x-protobuf"

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
SPAN_ID = "b7ad6b7169203331"


def traces(
    count: int = 1, attributes: dict[str, str] | None = None, *, session: str = "ses_1", size: int = 0
) -> ExportTraceServiceRequest:
    """A request of `count` spans with fresh ids, in one trace; `size` adds that much text to each."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    _set(resource.resource, {"service.name": "opencode"})
    scope = resource.scope_spans.add()
    scope.scope.name = "test"
    trace_id = os.urandom(16)
    for index in range(count):
        span = scope.spans.add(trace_id=trace_id, span_id=os.urandom(8), name=f"span {index}")
        span.start_time_unix_nano = 1_700_000_000_000_000_000 + index
        span.end_time_unix_nano = span.start_time_unix_nano + 1_000_000
        _set(span, {"session.id": session, **(attributes or {})})
        if size:
            _set(span, {"input.value": "word " * (size // 5)})
    return request


def logs(count: int = 1, body: str = "hello") -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    _set(resource.resource, {"service.name": "opencode"})
    scope = resource.scope_logs.add()
    for _ in range(count):
        scope.log_records.add(time_unix_nano=1_700_000_000_000_000_000).body.string_value = body
    return request


def metrics(count: int = 1, name: str = "tokens") -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name=name)
    for index in range(count):
        metric.gauge.data_points.add(time_unix_nano=1_700_000_000_000_000_000 + index, as_int=index)
    return request


def span_ids(request: Any) -> list[str]:
    return [
        span.span_id.hex()
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _set(holder: Any, attributes: dict[str, str]) -> None:
    for key, value in attributes.items():
        holder.attributes.add(key=key).value.string_value = value
