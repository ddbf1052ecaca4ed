"""OTLP answers in both encodings: export responses and google.rpc.Status (pure)."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from collector.batch import Signal
from collector.errors import CollectorError, NotNow, SenderError
from collector.otlp.left_out import LeftOut
from collector.otlp.read import JSON
from collector.otlp.write import to_document

_RESPONSES = {
    Signal.TRACES: ExportTraceServiceResponse,
    Signal.LOGS: ExportLogsServiceResponse,
    Signal.METRICS: ExportMetricsServiceResponse,
}

_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 413: 8, 415: 3, 429: 8, 503: 14}
"""HTTP status to google.rpc.Code: what a gRPC server would have answered."""


def export_response(signal: Signal, left_out: LeftOut, content_type: str) -> bytes:
    """Full success leaves `partial_success` unset (specification, "Full Success": MUST)."""
    if not left_out.total:
        return b"{}" if content_type == JSON else b""
    response = _RESPONSES[signal]()
    setattr(response.partial_success, f"rejected_{signal.item}", left_out.total)
    response.partial_success.error_message = f"left out: {left_out}"
    return orjson.dumps(to_document(response)) if content_type == JSON else response.SerializeToString()


def status_response(error: CollectorError, content_type: str) -> tuple[int, bytes]:
    """The HTTP status and google.rpc.Status for an error of ours or of the sender's."""
    status = _status_of(error)
    body = Status(code=code_of(error), message=str(error))
    if content_type == JSON:
        return status, orjson.dumps({"code": body.code, "message": body.message})
    return status, body.SerializeToString()


def code_of(error: CollectorError) -> int:
    """The google.rpc.Code of an error."""
    return _CODES[_status_of(error)]


def _status_of(error: CollectorError) -> int:
    return error.status if isinstance(error, (SenderError, NotNow)) else 503


def retry_headers(error: CollectorError) -> Mapping[bytes, bytes]:
    return {b"retry-after": str(error.retry_after).encode()} if isinstance(error, NotNow) else {}
