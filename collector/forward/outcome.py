"""What a destination answered, as a value: `match` on it covers every case (pure)."""

from __future__ import annotations

import email.utils
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from collector.batch import Signal

MAX_RETRY_AFTER_S = 600


@dataclass(frozen=True, slots=True)
class Delivered:
    """Taken; `refused` items were left out by the destination and must not be sent again."""

    answer: str
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Retry:
    """Not taken this time; the same data may be taken later, not before `after_s` seconds where given."""

    answer: str
    after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Blocked:
    """Not taken until a person changes something here or there (token, address); the data waits."""

    answer: str


@dataclass(frozen=True, slots=True)
class OtherEncoding:
    """The destination does not read this encoding (415)."""

    answer: str


@dataclass(frozen=True, slots=True)
class TooBig:
    """The destination does not take this much at once (413)."""

    answer: str


@dataclass(frozen=True, slots=True)
class NotServed:
    """The destination has no such path: it does not take this signal (404, 405, 501)."""

    answer: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """Refused for good: sending the same data again cannot help (specification, "Failures")."""

    answer: str


Outcome = Delivered | Retry | Blocked | OtherEncoding | TooBig | NotServed | Rejected

_RETRYABLE = {429, 502, 503, 504}


def judge(signal: Signal, status: int, headers: dict[str, str], body: bytes, now: datetime) -> Outcome:
    """Tell what an HTTP answer means for the data that was sent; header names are lower-case."""
    answer = f"HTTP {status}"
    if 200 <= status < 300:
        refused = _refused(signal, headers.get("content-type", ""), body)
        return Delivered(f"{answer}, {refused} {signal.item} left out" if refused else answer, refused)
    if status in _RETRYABLE:
        return Retry(answer, retry_after(headers.get("retry-after"), now))
    if status in (401, 403, 407) or 300 <= status < 400:
        return Blocked(answer)
    if status in (404, 405, 501):
        return Blocked(answer) if signal is Signal.TRACES else NotServed(answer)
    if status == 415:
        return OtherEncoding(answer)
    if status == 413:
        return TooBig(answer)
    return Rejected(answer)


def retry_after(value: str | None, now: datetime) -> float | None:
    """Read a Retry-After header, in seconds or as an HTTP date, to seconds from `now` within sane bounds."""
    if not value:
        return None
    if value.strip().isdigit():
        seconds = float(value[:12])
    else:
        try:
            at = email.utils.parsedate_to_datetime(value)
        except ValueError:
            return None
        seconds = (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds()
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S)


_RESPONSES: dict[Signal, Any] = {
    Signal.TRACES: ExportTraceServiceResponse,
    Signal.LOGS: ExportLogsServiceResponse,
    Signal.METRICS: ExportMetricsServiceResponse,
}


def _refused(signal: Signal, content_type: str, body: bytes) -> int:
    """How many items a 200 left out; an answer that cannot be read counts as full success."""
    if not body:
        return 0
    try:
        if "json" in content_type:
            partial = orjson.loads(body).get("partialSuccess") or {}
            name = "rejected" + "".join(word.capitalize() for word in signal.item.split("_"))
            return max(int(partial.get(name) or 0), 0)
        if "protobuf" in content_type:
            response = _RESPONSES[signal].FromString(body)
            return max(int(getattr(response.partial_success, f"rejected_{signal.item}")), 0)
    except (ValueError, AttributeError, TypeError, DecodeError):
        pass
    return 0
