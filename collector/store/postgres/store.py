"""The store on PostgreSQL: any number of collectors share it, and any of them may send what another kept."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future

import psycopg

from collector.batch import SealedBatch, Signal
from collector.errors import CollectorError, ConfigError, StoreFull, Unavailable
from collector.store.addressing import Addressing, not_taken
from collector.store.completable import CompletableBatches
from collector.store.entries import LOCAL, UNSEALABLE, Caps, Completable, Refusal, Reseal
from collector.store.postgres import queue
from collector.store.postgres.clock import PgClock
from collector.store.postgres.column_values import storable
from collector.store.postgres.connecting import SharedConnection, connect, place_of
from collector.store.postgres.housekeeping import Housekeeping, forget_batches
from collector.store.postgres.inbox import PgInbox
from collector.store.postgres.migrations import prepare
from collector.store.postgres.outbox import PgOutbox
from collector.store.postgres.reading import PostgresReading
from collector.store.postgres.room import Room
from collector.store.postgres.texts import PgTextIndex, index_again
from collector.store.postgres.transaction import Transaction
from collector.store.postgres.writer import PgWriterThread

logger = logging.getLogger(__name__)


class PostgresStore(PgOutbox):
    """Keeps sealed batches in the database at `url`; every put is committed before its future is done.

    `destinations` says who gets what: destination -> the signals it takes. A signal it does not take is counted as
    dropped for it, with the reason; those that are `reserved` get only what is put for them by name. `monotonic` gives
    the seconds that age is counted in, from the server's time on.
    """

    def __init__(
        self,
        url: str,
        caps: Caps,
        destinations: Mapping[str, Collection[Signal]],
        *,
        reserved: Collection[str] = (),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._destinations = destinations
        self._addressing = Addressing(destinations, reserved)
        self._clock = PgClock(monotonic)
        self._policy = ""
        self._completable = CompletableBatches()
        self._room = Room(caps, destinations)
        origin = secrets.randbits(62)
        self._lessee = f"{origin:016x}"
        try:
            with connect(url) as connection:
                self.instance = prepare(connection)
                self._clock.load(connection)
                self._room.measure(connection)
        except psycopg.Error as error:
            raise ConfigError(f"the store's database {place_of(url)} cannot be used: {_said(error)}") from None
        self._leasing = SharedConnection(url)
        self._asking = SharedConnection(url)
        self._held: set[int] = set()
        self._held_lock = threading.Lock()
        self._given_back: Future[None] | None = None
        self._told: Callable[[], None] = lambda: None
        self._writer = PgWriterThread(url, origin)
        self.inbox = PgInbox(self._writer, self._asking, self._clock, origin, self._put, caps.total_bytes)
        self._housekeeping = Housekeeping(
            url, self, self._lessee, origin, self._room, self._clock, PgTextIndex(caps.total_bytes)
        )

    # ---- Keeping

    def put(
        self,
        batch: SealedBatch | None,
        refusal: Refusal,
        *,
        hops: str = "",
        completable: Completable | None = None,
        destinations: Collection[str] | None = None,
    ) -> Future[None]:
        """See `Keeping.put`."""
        return self._writer.submit(
            lambda transaction: self._put(transaction, batch, refusal, hops, completable, destinations),
            batches=batch is not None,
        )

    def complete(self, number: int, batch: SealedBatch) -> Future[bool]:
        """See `Keeping.complete`; only the collector that put a batch completes it."""
        return self._writer.submit(lambda transaction: self._complete(transaction, number, batch))

    async def failure(self) -> str:
        """See `Keeping.failure`."""
        if self._writer.failure:
            with contextlib.suppress(CollectorError):
                await asyncio.wrap_future(self._writer.submit(lambda transaction: transaction.rows("SELECT 1")))
        return self._writer.failure or self._room.full

    @property
    def notices(self) -> list[str]:
        """See `Store.notices`."""
        return []

    # ---- Sealing

    def adopt(self, policy: str) -> Future[list[int]]:
        """See `Sealing.adopt`. What other collectors seal under another policy is left to them."""

        def work(transaction: Transaction) -> list[int]:
            self._policy = policy
            rows = transaction.rows(
                "SELECT batch_id FROM outbox WHERE policy <> %s"
                " UNION SELECT d.batch_id FROM dead_letters d JOIN batches b ON b.id = d.batch_id WHERE b.policy <> %s"
                " ORDER BY 1",
                policy,
                policy,
            )
            return [row[0] for row in rows]

        return self._writer.submit(work)

    def reseal(self, ids: Iterable[int], seal: Reseal) -> Future[None]:
        """See `Sealing.reseal`."""

        def work(transaction: Transaction) -> None:
            for number in ids:
                self._reseal(transaction, number, seal)
            self._room.measure_queue(transaction.connection)

        return self._writer.submit(work)

    def adopted(self, policy: str) -> Future[None]:
        """See `Sealing.adopted`; each batch says under which policy it was sealed, so there is nothing to note."""
        done: Future[None] = Future()
        done.set_result(None)
        return done

    # ---- what wires it

    @property
    def sizes(self) -> dict[str, int]:
        """See `Store.sizes`; bytes by this collector's count, not the server's disk."""
        return {
            "total_bytes": self._room.total,
            "most_bytes": self._room.caps.total_bytes,
            "queued_bytes": self._room.queued,
        }

    def open_reading(self) -> PostgresReading:
        """See `Store.open_reading`."""
        return PostgresReading(self._url)

    def follow(self, told: Callable[[], None]) -> None:
        """See `Store.follow`."""
        self._told = told

    def close(self) -> None:
        """See `Store.close`."""
        self._housekeeping.stop()
        self._writer.submit(lambda transaction: queue.free(transaction.connection, self._lessee, None))
        self._writer.stop()
        self._leasing.close()
        self._asking.close()

    # ---- LeaseHolder: what housekeeping asks

    def held_leases(self) -> Collection[int]:
        with self._held_lock:
            return list(self._held)

    def told(self) -> None:
        self.inbox.tell()
        self._told()

    # ---- inside a transaction

    def _put(
        self,
        transaction: Transaction,
        batch: SealedBatch | None,
        refusal: Refusal,
        hops: str = "",
        completable: Completable | None = None,
        destinations: Collection[str] | None = None,
    ) -> None:
        if batch is not None:
            if batch.policy != self._policy and batch.policy and self._policy:
                raise Unavailable("the policy changed while this was sealed", retry_after=1)
            if full := self._room.refuses(batch.size, transaction.queued_bytes):
                raise StoreFull(full, retry_after=30)
        takers = self._count(transaction, batch.items if batch else 0, refusal, destinations)
        if batch is None:
            return
        number = transaction.add_batch(batch, time.time_ns(), hops)
        now, due = self._clock.now_ms(), 0
        if completable is not None:
            due = now + int(completable.seconds * 1000)
            self._completable.add(completable.number, number, len(takers))
        transaction.add_ranges(takers, batch, number, hops, now, due)
        size, queued = batch.size, batch.size if takers else 0
        transaction.queued_bytes += queued
        transaction.after(lambda: self._room.was_put(size, batch.items, queued))

    def _complete(self, transaction: Transaction, number: int, batch: SealedBatch) -> bool:
        known = self._completable.find(number)
        rows = known and transaction.rows("SELECT items FROM batches WHERE id = %s", known.batch_id)
        if known is None or not rows or rows[0][0] != batch.items or batch.policy != (self._policy or batch.policy):
            return False
        waiting = transaction.rows(
            "SELECT leased_until > now() FROM outbox WHERE batch_id = %s ORDER BY id FOR UPDATE", known.batch_id
        )
        if known.takers and not waiting:
            return False
        self._replace(transaction, known.batch_id, batch)
        self._room.measure_queue(transaction.connection)
        return len(waiting) == known.takers and not any(row[0] for row in waiting)

    def _replace(self, transaction: Transaction, number: int, batch: SealedBatch) -> None:
        """Keep `batch` as what `number` names, with the spans it still lists."""
        size = batch.size
        transaction.run(
            "UPDATE batches SET bytes = %s, policy = %s, data = %b WHERE id = %s",
            size, batch.policy, batch.data, number,
        )  # fmt: skip
        transaction.run("UPDATE outbox SET bytes = %s, policy = %s WHERE batch_id = %s", size, batch.policy, number)
        listed = {row[0] for row in transaction.rows("SELECT span_id FROM spans WHERE batch_id = %s", number)}
        transaction.list_spans([span for span in batch.spans if span.span_id in listed], number)
        transaction.flush()
        index_again(transaction, number)

    def _count(
        self, transaction: Transaction, items: int, refusal: Refusal, destinations: Collection[str] | None
    ) -> list[str]:
        """Count what came for every destination that it concerns; those that the batch is to be sent to."""
        takers = []
        signal = refusal.signal
        for destination, signals in self._addressing.concerned(destinations).items():
            transaction.count(destination, signal, "received", items + sum(refusal.by_reason.values()))
            for reason, refused in refusal.by_reason.items():
                transaction.count(destination, signal, "dropped", refused, storable(reason))
            if signal not in signals:
                transaction.count(destination, signal, "dropped", items, not_taken(signals))
            elif destination == LOCAL:
                transaction.count(destination, signal, "delivered", items)
            elif items:
                takers.append(destination)
        return takers

    def _reseal(self, transaction: Transaction, number: int, seal: Reseal) -> None:
        rows = transaction.rows("SELECT signal, items, data FROM batches WHERE id = %s", number)
        if not rows:
            return
        signal, items, data = rows[0]
        try:
            batch = seal(Signal(signal), bytes(data))
            if batch.items != items:  # ranges would no longer mean the same items
                raise ValueError("the number of items changed")
        except Exception as error:
            logger.error("a batch could not be sealed again: %s", type(error).__name__)
            queue.drop_ranges(transaction, "batch_id = %s", (number,), UNSEALABLE)
            letters = transaction.rows("SELECT id FROM dead_letters WHERE batch_id = %s", number)
            queue.drop_letters(transaction, [row[0] for row in letters], UNSEALABLE)
            forget_batches(transaction, [number])
        else:
            self._replace(transaction, number, batch)


def _said(error: psycopg.Error) -> str:
    """What the server or the system said of a connection; it names hosts and roles, never a password."""
    return " ".join(str(error).split())[:300] or type(error).__name__
