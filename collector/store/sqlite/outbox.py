"""The queue side of the store: what waits is leased by a reading connection and settled by the writer thread."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future
from pathlib import Path

from isal.isal_zlib import crc32

from collector.errors import Unavailable
from collector.store.addressing import Addressing
from collector.store.entries import BY_COMMAND, DAMAGED, Hold, Lane, Leased, Settlement
from collector.store.ranges import leased_of
from collector.store.sqlite import queue
from collector.store.sqlite.batches import whole
from collector.store.sqlite.clock import StoreClock
from collector.store.sqlite.file import StoreFile
from collector.store.sqlite.forgetting import Forgetting, forget_batch, forget_delivered
from collector.store.sqlite.queue import Leases
from collector.store.sqlite.writer import WriterThread, is_damage


class SqliteOutbox:
    """`Queue` and `QueueCommands` on one file; whoever extends it opens the connections."""

    _writer: WriterThread
    _reading: sqlite3.Connection
    _lock: threading.Lock
    """Of `_reading`."""
    _generation: int
    """How often the file had been mended when `_reading` was opened."""
    _clock: StoreClock
    _leases: Leases
    _forgetting: Forgetting
    _file: StoreFile
    _addressing: Addressing
    path: Path

    # ---- Queue

    def lease(self, lane: Lane, most_bytes: int, *, retries: bool = False, newest: bool = False) -> list[Leased]:
        """See `Queue.lease`."""
        with self._asking() as connection:
            leased = self._leases.now()
            try:
                connection.execute("BEGIN")
                rows = queue.choose(
                    connection,
                    lane,
                    0 if newest else most_bytes,
                    self._clock.now_ms(),
                    leased,
                    retries=retries,
                    newest=newest,
                )
                found = [leased_of(row, data) for row in rows if (data := self._data(row[1], row[11])) is not None]
            finally:
                with contextlib.suppress(sqlite3.Error):
                    connection.rollback()
            self._leases.add(each.id for each in found)
        return found

    @contextlib.contextmanager
    def _asking(self) -> Iterator[sqlite3.Connection]:
        """The reading connection, for one at a time; a damaged page that is met is set aside next.

        Raises `Unavailable`.
        """
        with self._lock:
            try:
                yield self._reading
            except sqlite3.DatabaseError as error:
                if is_damage(error):
                    self._writer.report_damage(self._generation)
                raise Unavailable(f"the store cannot be read ({type(error).__name__})") from None

    def release(self, ranges: Iterable[int]) -> None:
        """See `Queue.release`."""
        self._leases.release(ranges)

    def settle(self, lane: Lane, settlements: Iterable[Settlement]) -> Future[None]:
        """See `Queue.settle`."""
        found = list(settlements)

        def work(connection: sqlite3.Connection) -> None:
            touched = queue.settle(connection, lane, found, self._clock.now_ms())
            self._forgetting.left_queue(connection, touched)

        future: Future[None] = self._writer.submit(work, durable=False)

        def end(done: Future[None]) -> None:
            if not done.exception():
                self._leases.release(each.id for each in found)

        future.add_done_callback(end)
        return future

    def due_in(self, lane: Lane) -> float | None:
        """See `Queue.due_in`."""
        with self._asking() as connection:
            rows = connection.execute(
                "SELECT id, due_ms FROM outbox WHERE destination = ? AND signal = ? AND due_ms > 0"
                " ORDER BY due_ms LIMIT ?",
                (lane.destination, lane.signal, len(self._leases) + 1),
            )
            due = next((due_ms for row, due_ms in rows if row not in self._leases), None)
            rows.close()
        return None if due is None else max((due - self._clock.now_ms()) / 1000, 0.0)

    def hold(self, lane: Lane | str, held: Hold | None) -> Future[None]:
        """See `Queue.hold`."""
        return self._writer.submit(lambda connection: queue.hold(connection, lane, held, self._clock), durable=False)

    def held(self, lane: Lane | str) -> Hold | None:
        """See `Queue.held`."""
        destination, signal = (lane, "") if isinstance(lane, str) else (lane.destination, str(lane.signal))
        with self._asking() as connection:
            row = connection.execute(
                "SELECT until_ms, failures, cause FROM holds WHERE destination = ? AND signal = ?",
                (destination, signal),
            ).fetchone()
        if row is None:
            return None
        return Hold(max((row[0] - self._clock.now_ms()) / 1000, 0.0), row[1], row[2])

    # ---- QueueCommands

    def move_queue(self, source: str, target: str) -> Future[int]:
        """See `QueueCommands.move_queue`."""
        signals = self._addressing.taken_by(target)
        return self._command(lambda connection: queue.move(connection, source, target, signals))

    def drop_queue(self, destination: str) -> Future[int]:
        """See `QueueCommands.drop_queue`."""

        def work(connection: sqlite3.Connection) -> int:
            rows = connection.execute(
                "SELECT id, destination, signal, items FROM outbox WHERE destination = ?", (destination,)
            ).fetchall()
            return queue.drop_rows(connection, rows, BY_COMMAND)

        return self._command(work)

    def retry_dead_letters(self, letters: Collection[int] | None) -> Future[int]:
        """See `QueueCommands.retry_dead_letters`."""
        return self._command(lambda connection: queue.revive(connection, letters, self._clock.now_ms()))

    def drop_dead_letters(self, letters: Collection[int] | None) -> Future[int]:
        """See `QueueCommands.drop_dead_letters`."""
        return self._command(lambda connection: queue.drop_letters(connection, letters, BY_COMMAND))

    def forget_some(self) -> Future[int]:
        """See `QueueCommands.forget_some`."""
        return self._writer.submit(forget_delivered)

    def _command(self, work: Callable[[sqlite3.Connection], int]) -> Future[int]:
        def counted(connection: sqlite3.Connection) -> int:
            done = work(connection)
            self._forgetting.measure_queue(connection)
            return done

        return self._writer.submit(counted)

    def _data(self, batch_id: int, crc: int) -> bytes | None:
        """A batch as it was put; one that is not what was put any more is given up, and counted."""
        own, shared = self._reading.execute("SELECT data, shared FROM batches WHERE id = ?", (batch_id,)).fetchone()
        if crc32(own) == crc and (data := whole(self._reading, own, shared)) is not None:
            return data
        self._writer.submit(lambda connection: self._give_up(connection, batch_id, DAMAGED))
        self._file.note(f"a batch on a damaged page of {self.path.name} is given up, the rest goes on")
        return None

    def _give_up(self, connection: sqlite3.Connection, batch_id: int, reason: str) -> None:
        rows = connection.execute(
            "SELECT id, destination, signal, items FROM outbox WHERE batch_id = ?", (batch_id,)
        ).fetchall()
        queue.drop_rows(connection, rows, reason)
        letters = connection.execute("SELECT id FROM dead_letters WHERE batch_id = ?", (batch_id,)).fetchall()
        queue.drop_letters(connection, [letter for (letter,) in letters], reason)
        forget_batch(connection, batch_id)
        self._forgetting.measure_queue(connection)
