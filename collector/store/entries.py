"""What the store is given and what it tells, as plain data that names no engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from typing_extensions import TypedDict

from collector.batch import SealedBatch, Signal
from collector.errors import CollectorError

LOCAL = "local"
"""The account of a collector that forwards nothing: what is kept here is delivered."""

EXPIRED = "not delivered in time"
GIVEN_UP = "refused by the destination, then given up for room"
UNSEALABLE = "could not be sealed under the changed policy"

Reseal = Callable[[Signal, bytes], SealedBatch]
"""Seals a serialized, already sealed export request again, under the policy in force."""


class NoStore(CollectorError):
    """There is no store to read."""


@dataclass(frozen=True, slots=True)
class Caps:
    """How much may be kept: undelivered bytes and their age, and bytes in all (the oldest sessions go first)."""

    queue_bytes: int
    queue_seconds: float
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Lane:
    """What waits for one destination: batches of one signal, in the order they came."""

    destination: str
    signal: Signal


@dataclass(frozen=True, slots=True)
class QueuedBatch:
    """A sealed batch on its way out; `hops` names the collectors it came through."""

    id: int
    hops: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """Items of one request that were left out at the door, by reason."""

    signal: Signal
    by_reason: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class EndedTurn:
    """A turn that is over: which messages of its session the inbox may forget, and the session's memory.

    Facts of `messages` go, and facts up to `until` (ms) that belong to none of `open_messages`.
    """

    session: str
    messages: tuple[str, ...]
    until: int
    open_messages: tuple[str, ...]
    memory: bytes


@dataclass(frozen=True, slots=True)
class SessionEntry:
    """A session as far as its spans tell; times in nanoseconds since the epoch, what is not known is empty.

    `prompt` is what was asked first, `failure` why its last turn failed; `queued` and `dead` count its spans.
    """

    session_id: str
    service: str
    traces: int
    spans: int
    errors: int
    tokens: int
    cost: float
    start_ns: int
    end_ns: int
    title: str = ""
    prompt: str = ""
    directory: str = ""
    agent: str = ""
    model: str = ""
    tools: int = 0
    failure: str = ""
    queued: int = 0
    dead: int = 0


@dataclass(frozen=True, slots=True)
class SessionQuery:
    """Which sessions to list: an empty text or 0 asks for any; `before_ns` pages on from the last one's end."""

    agent: str = ""
    model: str = ""
    tool: str = ""
    directory: str = ""
    errors: bool = False
    since_ns: int = 0
    before_ns: int = 0
    limit: int = 50


ANY_SESSION = SessionQuery()


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A span whose kept text holds what was searched for; in `snippet` \\x02 and \\x03 stand around the words."""

    trace_id: str
    span_id: str
    session_id: str
    name: str
    kind: str
    start_ns: int
    snippet: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What a destination refused for good: how many items, its answer, and when it came."""

    id: int
    destination: str
    signal: str
    items: int
    cause: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class TraceEntry:
    """A trace by its root span, or by its first where the root has not arrived."""

    trace_id: str
    session_id: str
    service: str
    name: str
    spans: int
    errors: int
    tokens: int
    cost: float
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far a trace is on its way to one destination: queued or dead; `answer` is the last one given."""

    destination: str
    state: str
    attempts: int
    answer: str


class Account(TypedDict):
    """One line of the ledger, in spans, log records or data points."""

    received: int
    delivered: int
    queued: int
    dead_lettered: int
    dropped: dict[str, int]


Ledger = dict[str, dict[str, Account]]
"""destination -> signal -> account"""
