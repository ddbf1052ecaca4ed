"""The store on SQLite: nothing to install, one file, one writer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future
from pathlib import Path

from collector.batch import SealedBatch, Signal
from collector.errors import CollectorError, StoreFull, Unavailable
from collector.store.addressing import Addressing, not_taken
from collector.store.completable import CompletableBatches
from collector.store.entries import (
    LOCAL,
    UNSEALABLE,
    Caps,
    Completable,
    Refusal,
    Reseal,
)
from collector.store.sqlite.batches import BatchKeeper, whole
from collector.store.sqlite.clock import StoreClock
from collector.store.sqlite.file import StoreFile
from collector.store.sqlite.forgetting import Forgetting
from collector.store.sqlite.inbox import SqliteInbox, remember_built
from collector.store.sqlite.ledger import count
from collector.store.sqlite.listing import list_spans
from collector.store.sqlite.outbox import SqliteOutbox
from collector.store.sqlite.queue import Leases
from collector.store.sqlite.reading import SqliteReading
from collector.store.sqlite.schema import connect_reading
from collector.store.sqlite.texts import TextIndex, forget_deleted, index_again
from collector.store.sqlite.writer import WriterThread, is_damage

logger = logging.getLogger(__name__)

_SAVE_CLOCK_MS = 60_000
_SOON_S = 0.1
_QUIET_S = 0.5


class SqliteStore(SqliteOutbox):
    """Keeps sealed batches in `directory`; every put is synced before its future is done.

    `destinations` says who gets what: destination -> the signals it takes. A signal it does not take is
    counted as dropped for it, with the reason; those that are `reserved` get only what is put for them by name.
    `formerly` names what waited for "upstream" before destinations were named by their host. `monotonic` gives the
    seconds that age is counted in.
    """

    def __init__(
        self,
        directory: Path,
        caps: Caps,
        destinations: Mapping[str, Collection[Signal]],
        *,
        formerly: str = "",
        reserved: Collection[str] = (),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._caps = caps
        self._addressing = Addressing(destinations, reserved)
        self._clock = StoreClock(monotonic)
        self._saved_ms = 0
        self._put_at = -_QUIET_S
        self._policy = ""
        self._resealed = False
        self._leases = Leases()
        self._completable = CompletableBatches()
        self._lock = threading.Lock()
        self._batches = BatchKeeper()
        self._file = StoreFile(directory)
        self._forgetting = Forgetting(caps, self._clock, destinations)
        connection = self._ready(self._file.open(formerly))
        self.instance = self._file.instance
        self.path = self._file.path
        self._texts = TextIndex(caps.total_bytes)
        self._reading = connect_reading(self.path)
        self._writer = WriterThread(connection, self)
        self._generation = 0
        self.inbox = SqliteInbox(self._writer, self.path, self._clock, self._put, caps.total_bytes, self._file.refuses)

    def _ready(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        """Read what the store knows of itself; the connection to go on with, since this can meet a damaged page."""
        try:
            self._clock.load(connection)
            self._forgetting.measure(connection)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            return self._ready(self._file.mend(connection))
        return connection

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
            lambda connection: self._put(connection, batch, refusal, hops, completable, destinations)
        )

    def complete(self, number: int, batch: SealedBatch) -> Future[bool]:
        """See `Keeping.complete`."""
        return self._writer.submit(lambda connection: self._complete(connection, number, batch))

    async def failure(self) -> str:
        """See `Keeping.failure`."""
        if missing := self._file.missing():
            return missing
        if self._writer.failure:
            with contextlib.suppress(CollectorError):
                await asyncio.wrap_future(
                    self._writer.submit(
                        lambda connection: connection.execute(
                            "INSERT OR REPLACE INTO meta VALUES ('probed', ?)", (str(time.time_ns()),)
                        )
                    )
                )
        return self._writer.failure or self._file.full or self._forgetting.full

    @property
    def notices(self) -> list[str]:
        """What a person should know of the store itself, such as damage that was set aside."""
        return [*self._file.notices, *filter(None, (self._file.missing(),))]

    # ---- Sealing

    def adopt(self, policy: str) -> Future[list[int]]:
        """See `Sealing.adopt`."""

        def work(connection: sqlite3.Connection) -> list[int]:
            self._policy = policy
            held = connection.execute("SELECT value FROM meta WHERE key = 'policy'").fetchone()
            if held is not None and held[0] == policy:
                return []
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('policy', '')")
            query = "SELECT batch_id FROM outbox UNION SELECT batch_id FROM dead_letters ORDER BY 1"
            return [row[0] for row in connection.execute(query)]

        return self._writer.submit(work)

    def reseal(self, ids: Iterable[int], seal: Reseal) -> Future[None]:
        """See `Sealing.reseal`."""

        def work(connection: sqlite3.Connection) -> None:
            for batch_id in ids:
                self._reseal(connection, batch_id, seal)
            self._forgetting.measure_queue(connection)

        return self._writer.submit(work)

    def adopted(self, policy: str) -> Future[None]:
        """See `Sealing.adopted`."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('policy', ?)", (policy,))
            if self._resealed:
                forget_deleted(connection)
            self._resealed = False

        return self._writer.submit(work)

    # ---- what wires it

    @property
    def sizes(self) -> dict[str, int]:
        """See `Store.sizes`."""
        return {
            "total_bytes": self._forgetting.total,
            "most_bytes": self._caps.total_bytes,
            "queued_bytes": self._forgetting.queued,
        }

    def open_reading(self) -> SqliteReading:
        """See `Store.open_reading`."""

        def damaged(inode: int) -> None:
            if self._file.is_current(inode):
                self._writer.report_damage(self._writer.mended)

        return SqliteReading(self.path.parent, damaged)

    def follow(self, told: Callable[[], None]) -> None:
        """No other collector has the file open: there is nothing to be told of."""

    def close(self) -> None:
        """See `Store.close`."""
        self._writer.submit(self._clock.save)
        self._writer.stop()
        with self._lock:
            self._reading.close()
        self.inbox.close()
        self._writer.disconnect()

    # ---- FileOwner: what the writer thread asks

    def missing(self) -> str:
        return self._file.missing()

    def undone(self, connection: sqlite3.Connection) -> None:
        self._batches.undone()
        self._forgetting.measure(connection)

    def keep_room(self, connection: sqlite3.Connection) -> None:
        if not self._file.keep_room(connection):
            self.make_space(connection)
            self._file.measure_room()

    def make_space(self, connection: sqlite3.Connection) -> None:
        self._file.give_reserve()
        self._forgetting.make_space(connection)
        self._file.shrink(connection)
        self._file.take_reserve()

    def mend(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        fresh = self._file.mend(connection)
        self._batches.undone()
        self._forgetting.measure(fresh)
        with self._lock:
            self._reading.close()
            self._reading = connect_reading(self.path)
            self._generation = self._writer.mended
        self.inbox.reopen()
        return fresh

    def step(self, connection: sqlite3.Connection, *, idle: bool) -> float:
        now = self._clock.now_ms()
        if now - self._saved_ms >= _SAVE_CLOCK_MS:
            self._saved_ms = now
            self._clock.save(connection)
        if self._file.full:
            self.make_space(connection)
            return _SOON_S
        pause = self._forgetting.step(connection)
        if not idle:
            return min(pause, _SOON_S)
        busy = time.monotonic() - self._put_at < _QUIET_S
        return min(pause, self._texts.step(connection, self._file.room_beside, busy=busy))

    # ---- inside a transaction

    def _put(
        self,
        connection: sqlite3.Connection,
        batch: SealedBatch | None,
        refusal: Refusal,
        hops: str = "",
        completable: Completable | None = None,
        destinations: Collection[str] | None = None,
    ) -> None:
        size = batch.size if batch is not None else 0
        if batch is not None:
            if batch.policy != self._policy and batch.policy and self._policy:
                raise Unavailable("the policy changed while this was sealed", retry_after=1)
            if full := self._file.refuses(size) or self._forgetting.refuses(size):
                raise StoreFull(full, retry_after=30)
        takers = self._count(connection, batch.items if batch else 0, refusal, destinations)
        if batch is None:
            return
        batch_id = self._batches.insert(connection, batch, hops)
        now, due = self._clock.now_ms(), 0
        if completable is not None:
            due = now + int(completable.seconds * 1000)
            self._completable.add(completable.number, batch_id, len(takers))
        connection.executemany(
            "INSERT INTO outbox (destination, signal, batch_id, first_item, items, queued_ms, due_ms)"
            " VALUES (?, ?, ?, 0, ?, ?, ?)",
            [(destination, batch.signal, batch_id, batch.items, now, due) for destination in takers],
        )
        list_spans(connection, batch.spans, batch_id)
        remember_built(connection, batch.marks)
        self._put_at = time.monotonic()
        self._forgetting.was_put(size, queued=bool(takers))

    def _complete(self, connection: sqlite3.Connection, number: int, batch: SealedBatch) -> bool:
        known = self._completable.find(number)
        row = known and connection.execute("SELECT items FROM batches WHERE id = ?", (known.batch_id,)).fetchone()
        if known is None or row is None or row[0] != batch.items or batch.policy != (self._policy or batch.policy):
            return False
        waiting = connection.execute("SELECT id FROM outbox WHERE batch_id = ?", (known.batch_id,)).fetchall()
        if known.takers and not waiting:
            return False
        self._replace(connection, known.batch_id, batch)
        self._forgetting.measure_queue(connection)
        return len(waiting) == known.takers and not any(row in self._leases for (row,) in waiting)

    def _replace(self, connection: sqlite3.Connection, batch_id: int, batch: SealedBatch) -> None:
        """Keep `batch` as what `batch_id` names, with the spans it still lists."""
        self._batches.replace(connection, batch_id, batch)
        listed = {row[0] for row in connection.execute("SELECT span_id FROM spans WHERE batch_id = ?", (batch_id,))}
        list_spans(connection, batch.spans, batch_id, listed)
        index_again(connection, batch_id)

    def _count(
        self, connection: sqlite3.Connection, items: int, refusal: Refusal, destinations: Collection[str] | None
    ) -> list[str]:
        """Count what came for every destination that it concerns; those that the batch is to be sent to."""
        takers = []
        signal = refusal.signal
        for destination, signals in self._addressing.concerned(destinations).items():
            count(connection, destination, signal, "received", items + sum(refusal.by_reason.values()))
            for reason, refused in refusal.by_reason.items():
                count(connection, destination, signal, "dropped", refused, reason)
            if signal not in signals:
                count(connection, destination, signal, "dropped", items, not_taken(signals))
            elif destination == LOCAL:
                count(connection, destination, signal, "delivered", items)
            elif items:
                takers.append(destination)
        return takers

    def _reseal(self, connection: sqlite3.Connection, batch_id: int, seal: Reseal) -> None:
        row = connection.execute("SELECT signal, items, data, shared FROM batches WHERE id = ?", (batch_id,)).fetchone()
        if row is None:
            return
        signal, items, own, shared = row
        try:
            data = whole(connection, own, shared)
            if data is None:
                raise ValueError("something of it is gone")
            batch = seal(Signal(signal), data)
            if batch.items != items:  # ranges would no longer mean the same items
                raise ValueError("the number of items changed")
        except Exception as error:
            logger.error("a batch could not be sealed again: %s", type(error).__name__)
            self._give_up(connection, batch_id, UNSEALABLE)
        else:
            self._replace(connection, batch_id, batch)
            self._resealed = True
