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

from collector.enums import Signal

MAX_RETRY_AFTER_S = 600
LONGEST_WORDS = 200


@dataclass(frozen=True, slots=True)
class Delivered:
    """Taken; `refused` items were left out by the destination and must not be sent again.

    `words` is what it said of them, unredacted; `odd` says why the answer is no OTLP answer, where it is none.
    """

    answer: str
    refused: int = 0
    words: str = ""
    odd: str = ""


@dataclass(frozen=True, slots=True)
class TryLater:
    """Not taken this time; the same data may be taken later. For `after_s` seconds, where given, nothing is sent there.

    What fails so while other data is taken is suspected itself, unless the destination is `busy` with too many
    requests. `gives_up`: after many attempts it is refused. `advice` says what to change where all data fails so.
    """

    answer: str
    after_s: float | None = None
    gives_up: bool = False
    busy: bool = False
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No request got there; `answer` says why, in words for a person, and `advice` what to do where that is known."""

    answer: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Blocked:
    """Not taken until a person changes something here or there (token, address), as `advice` says."""

    answer: str
    advice: str


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
class Refused:
    """Refused for good: sending the same data again cannot help (specification, "Failures")."""

    answer: str


DestinationAnswer = Delivered | TryLater | Unreachable | Blocked | OtherEncoding | TooBig | NotServed | Refused

_ADVICE = {
    401: "the destination refused the token: set another one (COLLECTOR_UPSTREAM_TOKEN, or `token` of the destination)",
    402: "the destination asks for payment: look at its plan and quota",
    431: "the destination finds the headers too large: set a shorter token, or fewer headers",
    407: "the proxy asks for credentials: put them into the proxy's address, or name the host in NO_PROXY",
}
_FORBIDDEN = (
    "the destination forbids what is sent: set a token that may write there (COLLECTOR_UPSTREAM_TOKEN, or `token` of"
    " the destination), or ask whoever runs what stands before it"
)
_NO_PATH = "the destination has no such path: check its address"
_MOVED = "the destination redirects elsewhere: set the address it redirects to"


def judge(signal: Signal, status: int, headers: dict[str, str], body: bytes, now: datetime) -> DestinationAnswer:
    """Tell what an HTTP answer means for the data that was sent; header names are lower-case."""
    answer = f"HTTP {status}"
    if 200 <= status < 300:
        content_type = headers.get("content-type", "")
        odd = "an HTML page: is this the address of an OTLP endpoint?" if "text/html" in content_type else ""
        refused, words = _partial_success(signal, content_type, body)
        said = f"{answer}, {refused} {signal.item} left out" if refused else answer
        return Delivered(said, refused, words, odd)
    if status in _ADVICE:
        return Blocked(answer, _ADVICE[status])
    if 300 <= status < 400:
        return Blocked(answer, _MOVED)
    if status in (404, 405, 501):
        return Blocked(answer, _NO_PATH) if signal is Signal.TRACES else NotServed(answer)
    if status == 413:
        return TooBig(answer)
    if status == 415:
        return OtherEncoding(answer)
    after_s = retry_after(headers.get("retry-after"), now)
    if status == 429:
        return TryLater(answer, after_s, busy=True)
    if status == 403:
        return TryLater(answer, after_s, advice=_FORBIDDEN)
    if status in (502, 503, 504):
        return TryLater(answer, after_s)
    if status in (408, 425) or not 200 <= status < 500:
        return TryLater(answer, after_s, gives_up=True)
    return Refused(answer)


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


def _partial_success(signal: Signal, content_type: str, body: bytes) -> tuple[int, str]:
    """How many items a 200 left out, and its words on it; an answer that cannot be read counts as full success."""
    if not body:
        return 0, ""
    try:
        if "json" in content_type:
            partial = orjson.loads(body).get("partialSuccess") or {}
            name = "rejected" + "".join(word.capitalize() for word in signal.item.split("_"))
            return max(int(partial.get(name) or 0), 0), str(partial.get("errorMessage") or "")[:LONGEST_WORDS]
        if "protobuf" in content_type:
            partial = _RESPONSES[signal].FromString(body).partial_success
            return max(int(getattr(partial, f"rejected_{signal.item}")), 0), partial.error_message[:LONGEST_WORDS]
    except (ValueError, AttributeError, TypeError, DecodeError):
        pass
    return 0, ""
