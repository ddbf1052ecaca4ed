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
    """A session as far as its spans tell; times in nanoseconds since the epoch."""

    session_id: str
    service: str
    traces: int
    spans: int
    errors: int
    tokens: int
    cost: float
    start_ns: int
    end_ns: int


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
