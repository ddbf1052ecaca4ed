"""The types that flow: an `ExportRequest` may hold secrets, a `SealedBatch` cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from collector.enums import Signal as Signal

ExportRequest = ExportTraceServiceRequest | ExportLogsServiceRequest | ExportMetricsServiceRequest


@dataclass(slots=True)  # frozen, it takes four times as long to make
class SpanEntry:
    """What the local store lists of one redacted span, never changed; times in nanoseconds since the epoch.

    `title`, `directory`, `agent`, `prompt` and `failure` are of its session, where the span tells them.
    """

    trace_id: str
    span_id: str
    parent_id: str
    session_id: str
    service: str
    name: str
    kind: str
    start_ns: int
    end_ns: int
    error: bool
    model: str
    tokens: int
    cost: float
    tool: str = ""
    title: str = ""
    directory: str = ""
    agent: str = ""
    prompt: str = ""
    failure: str = ""


class Passage:
    """Attributes that many spans repeat, as the bytes of a span that has only these `count`.

    Which sealer read them, and whether it left them as they are, is the sealer's to note (`redact.passages`).
    """

    __slots__ = ("count", "data", "is_clean", "read_by")

    def __init__(self, data: bytes, count: int) -> None:
        self.data = data
        self.count = count
        self.read_by: object = None
        self.is_clean = False


Passages = Mapping[bytes, Sequence[Passage]]
"""By the id of a span, the passages that it has beside its own attributes."""


@dataclass(frozen=True, slots=True)
class SealedBatch:
    """Redacted telemetry: the serialized export request, how many items it holds, and findings by rule.

    `actions` counts them by rule and action; `policy` is the fingerprint of the policy it was sealed under. `marks` are
    hashes by which the store knows again what the batch tells (`assemble.marks`).
    """

    signal: Signal
    data: bytes
    items: int
    findings: Mapping[str, int] = field(default_factory=dict)
    spans: tuple[SpanEntry, ...] = ()
    actions: Mapping[tuple[str, str], int] = field(default_factory=dict)
    policy: str = ""
    marks: tuple[bytes, ...] = ()


def count_items(request: ExportRequest) -> int:
    """Count spans, log records or data points, whichever the request holds."""
    if isinstance(request, ExportTraceServiceRequest):
        return sum(len(scope.spans) for rs in request.resource_spans for scope in rs.scope_spans)
    if isinstance(request, ExportLogsServiceRequest):
        return sum(len(scope.log_records) for rl in request.resource_logs for scope in rl.scope_logs)
    return sum(
        len(data_points(metric))
        for rm in request.resource_metrics
        for scope in rm.scope_metrics
        for metric in scope.metrics
    )


def data_points(metric: Metric) -> Sequence[Any]:
    """The data points of `metric`, of whichever kind it is."""
    kind = metric.WhichOneof("data")
    return getattr(metric, kind).data_points if kind else ()
