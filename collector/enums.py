"""Enumerations and names on the wire that several rooms share; this module imports no stage and no library."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    RequestClass = type[ExportTraceServiceRequest | ExportLogsServiceRequest | ExportMetricsServiceRequest]


EVENTS_PATH = "/v1/opencode/events"
"""Where raw events of OpenCode are posted."""

CAN_WAIT_HEADER = "x-collector-can-wait"
"""Says of posted events that they are an import's: where much waits to be assembled, they wait before an agent's."""

HOP_HEADER = "x-opencode-collector-hops"
"""The collectors that telemetry came through, by their instance ids, with commas between them."""


class Signal(StrEnum):
    """What an export request holds; the value is the last part of its OTLP path."""

    TRACES = "traces"
    LOGS = "logs"
    METRICS = "metrics"

    @property
    def path(self) -> str:
        """The default OTLP/HTTP path (specification, "OTLP/HTTP Request")."""
        return f"/v1/{self.value}"

    @property
    def request(self) -> RequestClass:
        """The message class of this signal's export request; the first call imports protobuf."""
        return _requests()[self]

    @property
    def item(self) -> str:
        """What is counted, as OTLP's partial success names it."""
        return _ITEMS[self]


_ITEMS = {Signal.TRACES: "spans", Signal.LOGS: "log_records", Signal.METRICS: "data_points"}


@cache
def _requests() -> dict[Signal, RequestClass]:
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    return {
        Signal.TRACES: ExportTraceServiceRequest,
        Signal.LOGS: ExportLogsServiceRequest,
        Signal.METRICS: ExportMetricsServiceRequest,
    }


class Encoding(StrEnum):
    """How a destination is written to; `auto` starts with JSON, which Catalyst needs, and changes once on a 415."""

    JSON = "json"
    PROTOBUF = "protobuf"
    AUTO = "auto"


class ContentLevel(StrEnum):
    """How much text may leave: credentials masked, or nothing but metadata."""

    MASK = "mask"
    METADATA = "metadata"


class SourceKeys(StrEnum):
    """Which of its own keys a reshaped span keeps."""

    ALL = "all"
    DISTINCT = "distinct"
    """All but those whose content now stands in OpenInference's keys."""
    NONE = "none"


class SpanFormat(StrEnum):
    """In which convention's keys a destination reads agent spans."""

    OPENINFERENCE = "openinference"
    GEN_AI = "gen_ai"
    BOTH = "both"


LOCAL = "local"
"""The account of a collector that forwards nothing: what it keeps counts as delivered, and is called kept."""
