"""Kept log records and metrics as rows of a list."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from collector.batch import ExportRequest, data_points
from collector.otlp.values import read_attributes, read_value
from collector.viewer.shown.words import written


@dataclass(frozen=True, slots=True)
class Record:
    """A log record (`kind` is its severity), or a metric with its last value."""

    at_ns: int
    service: str
    kind: str
    name: str
    text: str
    value: str
    trace_id: str
    attributes: dict[str, Any]


def records_of(requests: Iterable[ExportRequest]) -> list[Record]:
    """Every record of these requests, newest first."""
    found: list[Record] = []
    for request in requests:
        if isinstance(request, ExportLogsServiceRequest):
            found += _logs(request)
        elif isinstance(request, ExportMetricsServiceRequest):
            found += _metrics(request)
    return sorted(found, key=lambda record: -record.at_ns)


def _logs(request: ExportLogsServiceRequest) -> list[Record]:
    return [
        Record(
            record.time_unix_nano or record.observed_time_unix_nano,
            str(read_attributes(resource.resource.attributes).get("service.name") or ""),
            record.severity_text,
            record.event_name or scope.scope.name,
            written(read_value(record.body)),
            "",
            record.trace_id.hex(),
            read_attributes(record.attributes),
        )
        for resource in request.resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]


def _metrics(request: ExportMetricsServiceRequest) -> list[Record]:
    found = []
    for resource in request.resource_metrics:
        service = str(read_attributes(resource.resource.attributes).get("service.name") or "")
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                points = data_points(metric)
                last = points[-1] if points else None
                found.append(
                    Record(
                        max((point.time_unix_nano for point in points), default=0),
                        service,
                        str(metric.WhichOneof("data") or ""),
                        metric.name,
                        metric.description,
                        f"{_value(last)} {metric.unit}".strip() if last is not None else "",
                        "",
                        read_attributes(last.attributes) if last is not None else {},
                    )
                )
    return found


def _value(point: Any) -> str:
    """The number of a point; of a histogram how many it counts, and their sum."""
    kind = point.WhichOneof("value") if "value" in point.DESCRIPTOR.oneofs_by_name else None
    if kind:
        return f"{getattr(point, kind):g}"
    return f"{point.count} counted, sum {point.sum:g}"
