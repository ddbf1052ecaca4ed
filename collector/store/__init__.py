"""Sealed batches on disk: kept before the sender is answered, until delivered and no longer worth showing.

The protocols below say who asks what of the store; none of them names an engine. `store.open` gives the engine.
A future is done when what was asked is committed and synced.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any, Protocol

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.batch import ExportRequest, SealedBatch, Signal, SpanEntry
from collector.store.entries import (
    ANY_SESSION,
    ANY_SPAN,
    NOTHING_LEFT_OUT,
    Completable,
    DeadLetter,
    Delivery,
    EndedTurn,
    FoundId,
    Hold,
    Lane,
    Leased,
    Ledger,
    QueueEntry,
    Refusal,
    Reseal,
    SearchHit,
    SessionEntry,
    SessionQuery,
    Settlement,
    SpanQuery,
    TraceEntry,
)
from collector.store.outline import OutlinedSpan


class Keeping(Protocol):
    """What receivers ask: keep a batch, and count what was refused."""

    @property
    def instance(self) -> str:
        """Names this store, and so this collector, in the hop header."""
        ...

    def put(
        self,
        batch: SealedBatch | None,
        refusal: Refusal,
        *,
        hops: str = "",
        completable: Completable | None = None,
        destinations: Collection[str] | None = None,
    ) -> Future[None]:
        """Keep `batch` and count `refusal`; when the future is done they survive a power cut.

        Both concern `destinations` alone, or those that are not reserved where none are given. `hops` names the
        collectors it came through. A `completable` batch is due a little later, and until then `complete` may put
        another in its place. The future raises `StoreFull`, nothing having been kept, when undelivered batches fill
        the queue, and `Unavailable` when the store cannot be written.
        """
        ...

    def complete(self, number: int, batch: SealedBatch) -> Future[bool]:
        """Put `batch` in the place of the completable one of that number, which must have as many items.

        False when a destination has taken that one already; those that have not get the new one all the same.
        """
        ...

    async def failure(self) -> str:
        """Why nothing can be kept now, tried afresh when the last commit failed; empty while all is well."""
        ...


class Queue(Protocol):
    """What a forwarder asks: what is due for a lane, leased to it alone, and to settle it by range of items."""

    def lease(self, lane: Lane, most_bytes: int, *, retries: bool = False, newest: bool = False) -> list[Leased]:
        """Lease ranges that may share one body of about `most_bytes`: at least one where any is due.

        Of what was never tried, oldest first, or with `retries` of what failed before and is due again; with `newest`
        the one that came last. The caller settles or releases each; when the process dies they are due again. Raises
        `Unavailable`.
        """
        ...

    def release(self, ranges: Iterable[int]) -> None:
        """Give leased ranges back as they were."""
        ...

    def settle(self, lane: Lane, settlements: Iterable[Settlement]) -> Future[None]:
        """Write what came of leased ranges, in the ledger too, and end their leases; when it fails they go on.

        When the future is done this survives `kill -9`, not a power cut: what was delivered would be sent again.
        """
        ...

    def due_in(self, lane: Lane) -> float | None:
        """Seconds until a range is due that failed before, or may be completed until then; None when none waits."""
        ...

    def hold(self, lane: Lane | str, held: Hold | None) -> Future[None]:
        """Remember, over a restart too, that a lane (or a destination, by name) takes nothing; None forgets it."""
        ...

    def held(self, lane: Lane | str) -> Hold | None:
        """What `hold` remembered."""
        ...


class QueueCommands(Protocol):
    """What a person asks of what waits or was refused; each future gives how many items it concerned."""

    def move_queue(self, source: str, target: str) -> Future[int]:
        """Let what waits for one destination wait for another instead; signals that one does not take stay."""
        ...

    def drop_queue(self, destination: str) -> Future[int]:
        """Give up what waits for a destination, counted as dropped by command."""
        ...

    def retry_dead_letters(self, letters: Collection[int] | None) -> Future[int]:
        """Queue dead letters (all of them for None) once more."""
        ...

    def drop_dead_letters(self, letters: Collection[int] | None) -> Future[int]:
        """Give dead letters (all of them for None) up, counted as dropped by command."""
        ...

    def forget_some(self) -> Future[int]:
        """Forget a little of what was delivered, the oldest first: how many items, 0 when nothing of it is left.

        What waits and what was refused stays; the ledger counts what was delivered as before.
        """
        ...


class InboxFact(Protocol):
    """One redacted fact of an OpenCode event; of two with one session and key, that of higher `order` is kept."""

    @property
    def session(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def at(self) -> int: ...
    @property
    def order(self) -> int: ...
    @property
    def data(self) -> bytes: ...


class Inbox(Protocol):
    """What the event receiver and the assembler ask: facts until their turn is over, and which spans were built.

    `idle_seconds`: how long to wait, while no turn is open, before asking again what another collector kept.
    """

    idle_seconds: float

    def keep(self, facts: Iterable[InboxFact], unknown: Mapping[str, int], marks: Iterable[bytes] = ()) -> Future[None]:
        """Keep facts and marks of what they will tell, and count events of unknown types.

        Raises `StoreFull` when the inbox is full.
        """
        ...

    def keep_spans(
        self,
        batch: SealedBatch | None,
        span_ids: Iterable[bytes],
        ended: Iterable[EndedTurn],
        left_out: Refusal = NOTHING_LEFT_OUT,
    ) -> Future[None]:
        """Keep a batch of spans built from facts, remember their ids, and forget what ended turns no longer need.

        `left_out` counts spans that were not built. All of it or nothing, so that a crash neither loses a turn nor
        sends it twice. Raises `StoreFull`, and `Superseded` when the claim was lost.
        """
        ...

    def claim(self) -> int:
        """Be the one collector that assembles, where several share the inbox; 0 while another one is.

        Otherwise a number that stays the same until the claim was lost: then facts are to be read anew.
        """
        ...

    def arrived(self) -> list[bytes]:
        """Facts that other collectors kept since `claim`, and since this was called last; some may come again."""
        ...

    def was_built(self, span_id: bytes) -> bool:
        """Whether a span of this id was kept by `keep_spans` before."""
        ...

    def any_built(self, ids: Collection[bytes]) -> bool:
        """Whether any of these ids or marks was kept before, by whichever way."""
        ...

    def sessions(self) -> list[str]:
        """The sessions of which facts are kept."""
        ...

    def knows(self, session: str) -> bool:
        """Whether facts of a session were ever kept."""
        ...

    def facts(self, session: str) -> list[bytes]:
        """The facts kept of a session, oldest first."""
        ...

    def memory(self, session: str) -> bytes | None:
        """What was remembered of a session when its last turn ended."""
        ...

    def unknown(self) -> dict[str, int]:
        """How often events of each unknown type came."""
        ...

    @property
    def size(self) -> int:
        """Bytes of facts kept."""
        ...


class Sealing(Protocol):
    """What a policy change asks: which batches wait, and to seal them again before any of them is sent."""

    def adopt(self, policy: str) -> Future[list[int]]:
        """From now on keep only batches sealed under `policy`; list those that wait and were sealed under another.

        They are to be sealed again, and then `adopted` is to be called, before anything is sent.
        """
        ...

    def reseal(self, ids: Iterable[int], seal: Reseal) -> Future[None]:
        """Put what `seal` makes of waiting batches in their place; one it cannot seal is dropped, and counted."""
        ...

    def adopted(self, policy: str) -> Future[None]:
        """Note that all that waits is sealed under `policy`."""
        ...


class Reading(Protocol):
    """What the viewer and the command line ask. Calls block: never make them on the event loop."""

    def ledger(self) -> Ledger:
        """All accounts as they stand at one moment."""
        ...

    def sessions(self, query: SessionQuery = ANY_SESSION) -> list[SessionEntry]:
        """The sessions last heard of; tokens and cost are those of their LLM, embedding and reranker spans."""
        ...

    def session_choices(self) -> dict[str, list[str]]:
        """What sessions can be filtered by: the values of agent, model, tool and directory that are kept."""
        ...

    def traces(self, session_id: str = "", limit: int = 50, only: SpanQuery = ANY_SPAN) -> list[TraceEntry]:
        """The newest traces, of one session when it is named, with a span that `only` asks for.

        Its times are of the trace's end.
        """
        ...

    def find(self, identifier: str, limit: int = 10) -> list[FoundId]:
        """What an id names that may be shortened to its beginning, a session's to any part of it: a whole one first.

        `TRACE/SPAN` names a span; a span's id alone is looked for among the newest only.
        """
        ...

    def version(self) -> object:
        """Something that is another one once anything was kept, changed or forgotten; None where it cannot be told."""
        ...

    def outline(self, session_id: str = "", trace_id: str = "", span_id: str = "") -> list[OutlinedSpan]:
        """What the lists tell of a trace's spans, or of a session's with all that its turns started; or of one span."""
        ...

    def requests_of(self, spans: Iterable[OutlinedSpan]) -> Iterator[ExportTraceServiceRequest]:
        """These spans with their content, in the requests they are kept in; a batch is read when its turn comes."""
        ...

    def requests(self, session_id: str = "", trace_id: str = "") -> list[ExportTraceServiceRequest]:
        """All that `outline` tells of, with its content: as much as a session is long."""
        ...

    def newest(self, signal: Signal, limit: int = 50) -> list[ExportRequest]:
        """The newest kept export requests of a signal."""
        ...

    def search(self, text: str, limit: int = 100, only: SessionQuery = ANY_SESSION) -> list[SearchHit]:
        """The newest spans whose kept text holds all words of `text`, in sessions that `only` asks for."""
        ...

    def spans(
        self, trace_id: str = "", session_id: str = "", limit: int = 200, only: SpanQuery = ANY_SPAN
    ) -> list[SpanEntry]:
        """The newest `limit` spans that `only` asks for, oldest of them first."""
        ...

    def document(self, trace_id: str, span_id: str) -> dict[str, Any] | None:
        """One span with its resource and scope as an OTLP/JSON export request; None when it is not kept."""
        ...

    def after(self, batch_id: int, limit: int = 100) -> list[tuple[int, Signal, dict[str, Any]]]:
        """Batches kept after `batch_id`, in order, as OTLP/JSON documents: what `tail` follows."""
        ...

    def last_batch(self) -> int:
        """The number of the batch kept last."""
        ...

    def deliveries(self, trace_id: str) -> tuple[list[int], list[Delivery]]:
        """The batches that hold spans of a trace, and what of them still waits or was refused."""
        ...

    def queues(self, configured: Collection[str] = ()) -> list[QueueEntry]:
        """What waits, by destination and signal; `configured` names the destinations that there are."""
        ...

    def dead_letters(self, limit: int = 100, destination: str = "") -> list[DeadLetter]:
        """What was refused for good, newest first."""
        ...

    def dead_letter(self, letter: int) -> tuple[DeadLetter, dict[str, Any]] | None:
        """One dead letter, and its items as an OTLP/JSON export request; None when it is not kept."""
        ...

    def close(self) -> None: ...


class Store(Keeping, Queue, QueueCommands, Sealing, Protocol):
    """All that one engine offers, for whoever wires it to those who ask."""

    @property
    def inbox(self) -> Inbox: ...

    @property
    def sizes(self) -> dict[str, int]:
        """`total_bytes` that the store takes on disk, `most_bytes` it may take, `queued_bytes` that wait to be sent."""
        ...

    @property
    def notices(self) -> list[str]:
        """What a person should know of the store itself, such as damage that was set aside."""
        ...

    def open_reading(self) -> Reading:
        """Read beside the store; damage that the reader meets is set aside as if the store had met it."""
        ...

    def follow(self, told: Callable[[], None]) -> None:
        """Call `told`, in a thread of the store's, when another collector may have put something or given it back."""
        ...

    def close(self) -> None:
        """Finish what was asked and close; what is asked afterwards raises `Unavailable`."""
        ...
