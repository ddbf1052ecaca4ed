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

from collector.otlp.values import read_attributes, read_value
from collector.reshape.events import MESSAGE_EVENTS
from collector.reshape.source import SPAN, Event

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
    """Keeps records by trace and by what else finds them; safe to share between threads.

    It works the other way round as well: a span that asked in vain can `wait`, and is offered again when a
    record that it asked for has come.
    """

    def __init__(self, clock: Callable[[], float], seconds: float = 60, most_bytes: int = 32 * 1024 * 1024) -> None:
        self._clock = clock
        self._seconds = seconds
        self._most = most_bytes
        self._bytes = 0
        self._found: dict[Key, list[Any]] = {}
        self._waiting: dict[Key, list[Any]] = {}
        self._arrivals: deque[tuple[float, dict[Key, list[Any]], Key, int]] = deque()
        self._lock = Lock()

    def remember(self, request: ExportLogsServiceRequest) -> list[bytes]:
        """Keep a copy of the records that a span may ask for; returns the spans that waited for one of them."""
        come: dict[Key, None] = {}
        for resource in request.resource_logs:
            for scope in resource.scope_logs:
                prefix = "claude_code." if scope.scope.name.startswith(_CLAUDE_CODE) else ""
                for record in scope.log_records:
                    key = _key_of(record, prefix) if record.trace_id else None
                    if key is not None:
                        come[key] = None
                        at_ns = record.time_unix_nano or record.observed_time_unix_nano
                        event = Event(
                            prefix + _name_of(record),
                            read_attributes(record.attributes),
                            read_value(record.body),
                            at_ns,
                        )
                        self._keep(self._found, key, event, record.ByteSize())
        with self._lock:
            late = {span: None for key in come for span in self._waiting.get(key, ())}
            return list(late)

    def find(self, trace_id: bytes, name: str, value: str) -> Sequence[Event]:
        """The records of `trace_id` under `name` and `value`, in the order they came."""
        with self._lock:
            self._forget()
            return tuple(self._found.get((trace_id, name, value), ()))

    def wait(self, trace_id: bytes, asked: Sequence[tuple[str, str]], span: bytes) -> None:
        """Have `span`, which asked for records that have not come, returned by `remember` when one of them does."""
        for name, value in asked:
            self._keep(self._waiting, (trace_id, name, value), span, len(span))

    def _keep(self, side: dict[Key, list[Any]], key: Key, item: Any, size: int) -> None:
        with self._lock:
            kept = side.setdefault(key, [])
            if len(kept) < _MOST_OF_ONE_KEY:
                kept.append(item)
                self._arrivals.append((self._clock(), side, key, size))
                self._bytes += size
            self._forget()

    def _forget(self) -> None:
        arrivals = self._arrivals
        oldest = self._clock() - self._seconds
        while arrivals and (arrivals[0][0] < oldest or self._bytes > self._most):
            _, side, key, size = arrivals.popleft()
            self._bytes -= size
            kept = side[key]
            if len(kept) > 1:
                del kept[0]
            else:
                del side[key]


def _key_of(record: LogRecord, prefix: str) -> Key | None:
    """What finds `record`; None when no span would ask for it."""
    name = prefix + _name_of(record)
    by = _RECORDS.get(name)
    if by is None:
        return None
    if by == SPAN:
        return (record.trace_id, name if prefix else SPAN, record.span_id.hex())
    value = next((pair.value.string_value for pair in record.attributes if pair.key == by), "") if by else ""
    return (record.trace_id, name, value)


def _name_of(record: LogRecord) -> str:
    for pair in record.attributes:
        if pair.key == "event.name":
            return pair.value.string_value
    name: Any = record.event_name
    return str(name)
