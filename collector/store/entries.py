"""What the store is given and what it tells, as plain data that names no engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, NotRequired

from typing_extensions import TypedDict

from collector.batch import SealedBatch, Signal
from collector.enums import LOCAL as LOCAL
from collector.errors import CollectorError

EXPIRED = "not delivered in time"
GIVEN_UP = "refused by the destination, then given up for room"
ABANDONED = "waited for a destination that is no longer configured, given up for room"
UNSEALABLE = "could not be sealed under the changed policy"
DAMAGED = "lost to a damaged page on disk"
BY_COMMAND = "dropped by command"

Reseal = Callable[[Signal, bytes], SealedBatch]
"""Seals a serialized, already sealed export request again, under the policy in force."""


class NoStore(CollectorError):
    """There is no store to read."""


class OtherStore(NoStore):
    """What stands there is of a later version of the collector, or of another program."""


class Superseded(CollectorError):
    """Another collector may assemble by now: what is in memory here is to be thrown away."""


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
class Leased:
    """A range of a batch's items, for the caller alone until it is settled or released.

    `data` is the whole batch, of which `items` items from number `first` on are meant; `hops` names the collectors
    it came through. `attempts` failed so far, `suspicion` of them while others were taken; `most_ranges` says with
    how many others it may share a body (0: any number), `shrinks` how often it was too large standing alone.
    """

    id: int
    batch_id: int
    first: int
    items: int
    of_items: int
    hops: str
    data: bytes
    attempts: int = 0
    suspicion: int = 0
    most_ranges: int = 0
    shrinks: int = 0


class Then(StrEnum):
    """What becomes of the items of a range that were neither delivered nor dropped."""

    DONE = "done"
    RETRY = "retry"
    HALVE = "halve"
    """Two ranges of half the items each, due at once; a single item is retried."""
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Settlement:
    """What came of one attempt to send a leased range.

    With `Then.DONE` all its items are delivered, but for those `dropped` by reason. Otherwise none is, and the range
    is kept with the retry state given here; `cause` is the answer in a few words.
    """

    id: int
    then: Then = Then.DONE
    dropped: Mapping[str, int] = field(default_factory=dict)
    cause: str = ""
    retry_in_s: float = 0.0
    suspicion: int = 0
    most_ranges: int = 0
    shrinks: int = 0


@dataclass(frozen=True, slots=True)
class Hold:
    """A destination, or one lane of it, takes nothing for `seconds` more, after `failures` in a row."""

    seconds: float
    failures: int
    cause: str


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """What waits for one destination, one signal; `configured` tells whether it is sent there at all."""

    destination: str
    signal: str
    ranges: int
    items: int
    bytes: int
    oldest_seconds: float
    configured: bool
    cause: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Items of one request that were left out at the door, by reason."""

    signal: Signal
    by_reason: Mapping[str, int]


NOTHING_LEFT_OUT = Refusal(Signal.TRACES, {})


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


MOST_COUNTED = 2000
"""Of so many spans of a session it is counted how many wait, and how many were refused."""


@dataclass(frozen=True, slots=True)
class SessionEntry:
    """A session as far as its spans tell; times in nanoseconds since the epoch, what is not known is empty.

    `prompt` is what was asked first, `failure` why its last turn failed; `queued` and `dead` count its spans, of a
    long session the newest `MOST_COUNTED`.
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
    """Which sessions to list: an empty text or 0 asks for any; `before_ns` pages on from the last one's end.

    `text` asks for sessions that hold all of its words in one span, `session` for the one of that id.
    """

    agent: str = ""
    model: str = ""
    tool: str = ""
    directory: str = ""
    errors: bool = False
    since_ns: int = 0
    before_ns: int = 0
    limit: int = 50
    text: str = ""
    session: str = ""


ANY_SESSION = SessionQuery()


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A span whose kept text holds what was searched for; in `snippet` \\x02 and \\x03 stand around the words.

    `title` (or what was asked first) and `directory` are of its session.
    """

    trace_id: str
    span_id: str
    session_id: str
    name: str
    kind: str
    start_ns: int
    snippet: str
    title: str = ""
    directory: str = ""


@dataclass(frozen=True, slots=True)
class FoundId:
    """What an id names: a session, a trace (`trace_id` is given) or a span (`span_id` too)."""

    session_id: str = ""
    trace_id: str = ""
    span_id: str = ""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What a destination refused for good: how many items, its answer, after how many attempts, and when."""

    id: int
    destination: str
    signal: str
    items: int
    cause: str
    at_ns: int
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class SpanQuery:
    """Which spans to list: an empty text or 0 asks for any; times are of their start; `text` is searched for."""

    model: str = ""
    tool: str = ""
    errors: bool = False
    since_ns: int = 0
    before_ns: int = 0
    text: str = ""


ANY_SPAN = SpanQuery()


@dataclass(frozen=True, slots=True)
class TraceEntry:
    """A trace by its root span, or by its first where the root has not arrived; an agent's turn by what was asked."""

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
    """One line of the ledger, in spans, log records or data points.

    A collector that forwards nothing delivers nothing: what it only keeps stands under LOCAL, and is
    `kept` by name too.
    """

    received: int
    delivered: int
    kept: NotRequired[int]
    queued: int
    dead_lettered: int
    dropped: dict[str, int]


Ledger = dict[str, dict[str, Account]]
"""destination -> signal -> account"""


def account_in(ledger: Ledger, destination: str, signal: str) -> Account:
    """The account, begun where there is none yet."""
    return ledger.setdefault(destination, {}).setdefault(
        signal, Account(received=0, delivered=0, queued=0, dead_lettered=0, dropped={})
    )


def enter(ledger: Ledger, destination: str, signal: str, outcome: str, reason: str, items: int) -> None:
    """Write a counter that the store holds into its account."""
    account = account_in(ledger, destination, signal)
    if outcome == "dropped":
        account["dropped"][reason] = items
    elif outcome == "received":
        account["received"] = items
    else:
        account["delivered"] = items
        if destination == LOCAL:
            account["kept"] = items


class Completable(NamedTuple):
    """A batch of which more may be known soon: its number, and for how many seconds it waits for that."""

    number: int
    seconds: float
