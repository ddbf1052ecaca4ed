"""What belongs to a span and comes in another request, kept for a short time until both are there.

Log records that hold what their spans do not, spans that wait for them, and the parents of dropped spans. The records
themselves go their own way as logs, whether a span asks for them or not: this is a copy. It lives in memory only,
holds no more than `most_bytes`, and forgets after `seconds` by a clock it is given.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import count
from threading import Lock
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from collector.otlp.values import Value, read_attributes, read_value
from collector.reshape.convention import BY_SPAN, Convention, LogRecords
from collector.reshape.conventions import CONVENTIONS
from collector.reshape.counted import CountedSpans
from collector.reshape.dropped import DroppedSpans
from collector.reshape.events import MESSAGE_EVENTS
from collector.reshape.source import SourceEvent

PARENT = "parent"
"""Under which name a span waits to hear whether its parent was dropped."""

AROUND = "around"
"""Under which name a request to a model waits for one around it, which tells the same tokens and more."""

_SURELY_HELD_SECONDS = 1.5
"""Of the two seconds that a held request waits, those in which it has certainly not been sent."""

_MOST_OF_ONE_KEY = 1000

Key: TypeAlias = tuple[bytes, str, str]
"""The trace, the name of what is looked for, and what finds it there."""

Joinable = TypeVar("Joinable")


@dataclass(slots=True, eq=False)
class WaitingSpan:
    """A span as it came, as the bytes of a request of its own, and what it waits for."""

    id: tuple[bytes, bytes]
    request: bytes
    awaited: frozenset[Key]
    nearby: dict[tuple[str, ...], Value] = field(default_factory=dict)
    """What was found for it in the request it came in."""
    counted: bool = False
    """Whether it counts tokens."""
    nested: bool = False
    """Whether another LLM span counts the same tokens."""
    held_at: float = 0
    number: int = 0
    """The number of the held request it is part of; 0 for a span that was not held."""

    def size(self) -> int:
        """About how many bytes it takes."""
        return len(self.request) + 500 * len(self.awaited)


class _Record(NamedTuple):
    """A log record as spans are told of it, and what tells it from others."""

    event: SourceEvent
    digest: bytes


class Waiting(NamedTuple):
    """Spans that were held together under a number; under 0 those that were sent and may be sent once more."""

    number: int
    spans: Sequence[WaitingSpan]


class _Kept(Generic[Joinable]):
    """Items by what finds them, the oldest forgotten first."""

    def __init__(self) -> None:
        self.items: dict[Key, list[Joinable]] = {}

    def add(self, key: Key, item: Joinable) -> bool:
        kept = self.items.setdefault(key, [])
        if len(kept) >= _MOST_OF_ONE_KEY:
            return False
        kept.append(item)
        return True

    def drop_first(self, key: Key) -> None:
        kept = self.items[key]
        if len(kept) > 1:
            del kept[0]
        else:
            del self.items[key]


class LogJoin:
    """Keeps log records, waiting spans and dropped parents by trace; safe to share between threads.

    It works both ways: a span finds the records that came before it, and one that waits is offered again when what it
    waits for has come.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        seconds: float = 60,
        most_bytes: int = 32 * 1024 * 1024,
        conventions: Sequence[Convention] = CONVENTIONS,
    ) -> None:
        self._clock = clock
        self._seconds = seconds
        self._most = most_bytes
        self._bytes = 0
        self._declared = [convention.records for convention in conventions if convention.records.names]
        self._records: _Kept[_Record] = _Kept()
        self._known: set[bytes] = set()
        self._spans: _Kept[WaitingSpan] = _Kept()
        self._groups: _Kept[Sequence[WaitingSpan]] = _Kept()
        self._arrivals: deque[tuple[float, Callable[[Key], None], Key, int]] = deque()
        self._lock = Lock()
        self._numbers = count(1)
        self.dropped = DroppedSpans()
        self.counted = CountedSpans()

    def remember(self, request: ExportLogsServiceRequest) -> Sequence[Waiting]:
        """Keep a copy of the records that a span may ask for; returns the spans that waited for one of them.

        What an earlier request said already is not kept twice: its client had no answer, or a 503, and sent it again.
        """
        come: dict[Key, None] = {}
        fresh: list[tuple[Key, _Record, int]] = []
        with self._lock:
            self._forget()  # what was forgotten is said anew
        for resource in request.resource_logs:
            for scope in resource.scope_logs:
                for record in scope.log_records:
                    name, found_by = self._named(record, scope.scope.name) if record.trace_id else ("", None)
                    if found_by is None:
                        continue
                    key = _key_of(record, name, found_by)
                    come[key] = None
                    digest = _digest_of(key, record)
                    if digest in self._known:
                        continue
                    at_ns = record.time_unix_nano or record.observed_time_unix_nano
                    event = SourceEvent(name, read_attributes(record.attributes), read_value(record.body), at_ns)
                    fresh.append((key, _Record(event, digest), record.ByteSize()))
        for key, kept, size in fresh:
            self._keep_record(key, kept, size)
        return self.waiting_for(come)

    def waiting_for(self, keys: Iterable[Key]) -> Sequence[Waiting]:
        """What waits for any of `keys`, each once: held requests whole, and the spans that were not held together."""
        with self._lock:
            self._forget()
            if not self._spans.items:
                return ()
            found = {id(span): span for key in keys for span in self._spans.items.get(key, ())}.values()
            numbers = {span.number: None for span in found if span.number}
            held = [Waiting(number, self._groups.items[_key_of_group(number)][0]) for number in numbers]
            sent = [span for span in found if not span.number]
            return [*held, Waiting(0, sent)] if sent else held

    def find(self, trace_id: bytes, name: str, value: str) -> Sequence[SourceEvent]:
        """The records of `trace_id` under `name` and `value`, in the order they came."""
        with self._lock:
            self._forget()
            return tuple([record.event for record in self._records.items.get((trace_id, name, value), ())])

    def wait(self, span: WaitingSpan) -> None:
        """Have `span` returned when something comes that it waits for."""
        for key in span.awaited:
            self._keep(self._spans, key, span, span.size() // len(span.awaited))

    def hold(self, spans: Sequence[WaitingSpan]) -> int:
        """Let `spans` wait together; returns the number of the held request they make."""
        number = next(self._numbers)
        key = _key_of_group(number)
        with self._lock:
            self._groups.add(key, spans)
        now = self._clock()
        for span in spans:
            span.number, span.held_at = number, now
            self.wait(span)
        with self._lock:  # forgotten after the last of its spans
            self._arrivals.append((self._clock(), self._groups.drop_first, key, 0))
        return number

    def take_tokens(self, trace_id: bytes, around: bytes) -> bool:
        """Have the requests that are held right below `around` leave without their tokens, which it tells; whether
        there are any, and none was sent already."""
        key = (trace_id, AROUND, around.hex())
        with self._lock:
            below = self._spans.items.get(key, ())
            latest = self._clock() - _SURELY_HELD_SECONDS
            if not below or not all(span.number and span.held_at > latest for span in below):
                return False
            for span in below:
                span.nested = True
            return True

    def _keep(self, side: _Kept[Joinable], key: Key, item: Joinable, size: int) -> None:
        with self._lock:
            if side.add(key, item):
                self._arrivals.append((self._clock(), side.drop_first, key, size))
                self._bytes += size
            self._forget()

    def _keep_record(self, key: Key, record: _Record, size: int) -> None:
        with self._lock:
            if self._records.add(key, record):
                self._known.add(record.digest)
                self._arrivals.append((self._clock(), self._drop_record, key, size))
                self._bytes += size
            self._forget()

    def _drop_record(self, key: Key) -> None:
        self._known.discard(self._records.items[key][0].digest)
        self._records.drop_first(key)

    def _forget(self) -> None:
        arrivals = self._arrivals
        oldest = self._clock() - self._seconds
        while arrivals and (arrivals[0][0] < oldest or self._bytes > self._most):
            _, drop_first, key, size = arrivals.popleft()
            self._bytes -= size
            drop_first(key)

    def _named(self, record: LogRecord, scope: str) -> tuple[str, str | None]:
        """The record's name with its prefix, and what finds it; None when no span would ask for it."""
        bare = _name_of(record)
        for declared in self._declared:
            name = _with_prefix(bare, scope, declared)
            found_by = declared.names.get(name)
            if found_by is not None:
                return name, found_by
        return bare, None


def _with_prefix(name: str, scope: str, declared: LogRecords) -> str:
    prefix = declared.prefix
    return prefix + name if prefix and scope.startswith(declared.scope) and not name.startswith(prefix) else name


def _key_of(record: LogRecord, name: str, found_by: str) -> Key:
    if found_by == BY_SPAN:
        # Messages of the GenAI conventions are asked for together, whatever their names.
        return (record.trace_id, BY_SPAN if name in MESSAGE_EVENTS else name, record.span_id.hex())
    value = next((pair.value.string_value for pair in record.attributes if pair.key == found_by), "")
    return (record.trace_id, name, value if found_by else "")


def _digest_of(key: Key, record: LogRecord) -> bytes:
    return blake2b(repr(key).encode() + record.SerializeToString(), digest_size=16).digest()


def _key_of_group(number: int) -> Key:
    return (b"", "", str(number))


def _name_of(record: LogRecord) -> str:
    for pair in record.attributes:
        if pair.key == "event.name":
            return pair.value.string_value
    return record.event_name
