"""Log records that hold what their spans do not, kept for a short time until the span arrives.

The records themselves go their own way as logs, whether a span asks for them or not: this is a copy. It lives in
memory only, holds no more than `most_bytes`, and forgets after `seconds` by a clock it is given.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from collector.reshape.events import MESSAGE_EVENTS
from collector.reshape.source import SPAN, Event
from collector.reshape.values import read_attributes, read_value

_TRACE = ""
_RECORDS: dict[str, str] = {
    **dict.fromkeys(MESSAGE_EVENTS, SPAN),
    "codex.user_prompt": _TRACE,
    "codex.tool_result": "call_id",
    "claude_code.user_prompt": SPAN,
    "claude_code.tool_result": "tool_use_id",
    "claude_code.api_request": _TRACE,
    "claude_code.assistant_response": _TRACE,
}
"""Which records are worth keeping, and what finds them: the span's id, an attribute, or the trace alone."""

_CLAUDE_CODE = "com.anthropic.claude_code"
_MOST_OF_ONE_KEY = 1000

Key = tuple[bytes, str, str]


class LogJoin:
    """Keeps records by trace and by what else finds them; safe to share between threads."""

    def __init__(self, clock: Callable[[], float], seconds: float = 60, most_bytes: int = 32 * 1024 * 1024) -> None:
        self._clock = clock
        self._seconds = seconds
        self._most = most_bytes
        self._bytes = 0
        self._found: dict[Key, list[Event]] = {}
        self._arrivals: deque[tuple[float, Key, int]] = deque()
        self._lock = Lock()

    def remember(self, request: ExportLogsServiceRequest) -> None:
        """Keep a copy of the records that a span may ask for."""
        for resource in request.resource_logs:
            for scope in resource.scope_logs:
                prefix = "claude_code." if scope.scope.name.startswith(_CLAUDE_CODE) else ""
                for record in scope.log_records:
                    if record.trace_id:
                        self._remember(record, prefix)

    def _remember(self, record: LogRecord, prefix: str) -> None:
        name = prefix + _name_of(record)
        by = _RECORDS.get(name)
        if by is None:
            return
        attributes = read_attributes(record.attributes)
        if by == SPAN:
            key = (record.trace_id, SPAN if not prefix else name, record.span_id.hex())
        else:
            value = attributes.get(by) if by else ""
            if not isinstance(value, str):
                return
            key = (record.trace_id, name, value)
        event = Event(
            name, attributes, read_value(record.body), record.time_unix_nano or record.observed_time_unix_nano
        )
        with self._lock:
            kept = self._found.setdefault(key, [])
            if len(kept) < _MOST_OF_ONE_KEY:
                size = record.ByteSize()
                kept.append(event)
                self._arrivals.append((self._clock(), key, size))
                self._bytes += size
            self._forget()

    def find(self, trace_id: bytes, name: str, value: str) -> Sequence[Event]:
        """The records of `trace_id` under `name` and `value`, in the order they came."""
        with self._lock:
            self._forget()
            return tuple(self._found.get((trace_id, name, value), ()))

    def _forget(self) -> None:
        arrivals = self._arrivals
        oldest = self._clock() - self._seconds
        while arrivals and (arrivals[0][0] < oldest or self._bytes > self._most):
            _, key, size = arrivals.popleft()
            self._bytes -= size
            kept = self._found[key]
            if len(kept) > 1:
                del kept[0]
            else:
                del self._found[key]


def _name_of(record: LogRecord) -> str:
    for pair in record.attributes:
        if pair.key == "event.name":
            return pair.value.string_value
    name: Any = record.event_name
    return str(name)
