"""The queue side of the store: leases are taken on a connection of their own, and settled by the writer thread."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import Future

from collector.errors import CollectorError
from collector.store.addressing import Addressing
from collector.store.entries import BY_COMMAND, DAMAGED, Hold, Lane, Leased, Settlement
from collector.store.postgres import queue
from collector.store.postgres.clock import PgClock
from collector.store.postgres.connecting import PgConnection, Row, SharedConnection, execute
from collector.store.postgres.housekeeping import forget_delivered
from collector.store.postgres.room import Room
from collector.store.postgres.transaction import Transaction
from collector.store.postgres.writer import PgWriterThread
from collector.store.ranges import leased_of


class PgOutbox:
    """`Queue` and `QueueCommands` on a database; whoever extends it opens the connections."""

    _writer: PgWriterThread
    _leasing: SharedConnection
    _asking: SharedConnection
    _clock: PgClock
    _room: Room
    _addressing: Addressing
    _lessee: str
    _policy: str
    _held: set[int]
    """Ranges leased to this collector, of which the leases are made to last."""
    _held_lock: threading.Lock
    _given_back: Future[None] | None

    # ---- Queue

    def lease(self, lane: Lane, most_bytes: int, *, retries: bool = False, newest: bool = False) -> list[Leased]:
        """See `Queue.lease`."""
        if (given_back := self._given_back) is not None:
            with contextlib.suppress(CollectorError):
                given_back.result()
            self._given_back = None

        def work(connection: PgConnection) -> tuple[list[Row], dict[int, bytes]]:
            rows = queue.take(
                connection, lane, self._lessee, self._policy, most_bytes, self._clock.now_ms(),
                retries=retries, newest=newest,
            )  # fmt: skip
            numbers = sorted({row[1] for row in rows})
            if not rows:
                return [], {}
            query = "SELECT id, data FROM batches WHERE id = ANY(%s)"
            return rows, dict(execute(connection, query, (numbers,), binary=True).fetchall())

        rows, data = self._leasing.run(work)
        with self._held_lock:  # only now: a lease whose answer was lost is nobody's, and ends by itself
            self._held.update(row[0] for row in rows)
        if lost := [row[0] for row in rows if row[1] not in data]:
            self._give_up(lost)
        return [leased_of(row, bytes(data[row[1]])) for row in rows if row[1] in data]

    def release(self, ranges: Iterable[int]) -> None:
        """See `Queue.release`."""
        found = list(ranges)
        if found:
            self._forget_leases(found)
            self._given_back = self._writer.submit(
                lambda transaction: queue.free(transaction.connection, self._lessee, found), durable=False
            )

    def settle(self, lane: Lane, settlements: Iterable[Settlement]) -> Future[None]:
        """See `Queue.settle`. Without a connection it waits for one, as far as the process lives so long."""
        found = list(settlements)

        def work(transaction: Transaction) -> None:
            touched = queue.settle(transaction, lane, found, self._lessee, self._clock.now_ms())
            if touched:
                sizes = dict(touched)
                left = set(sizes) - queue.still_waiting(transaction, sizes, self._room.destinations)
                transaction.after(lambda: self._room.was_delivered(sum(sizes[number] for number in left)))

        future: Future[None] = self._writer.submit(work, durable=False, patient=True)

        def end(done: Future[None]) -> None:
            if not done.exception():
                self._forget_leases([each.id for each in found])

        future.add_done_callback(end)
        return future

    def due_in(self, lane: Lane) -> float | None:
        """See `Queue.due_in`."""
        own, values = (" AND policy IN (%s, '')", (self._policy,)) if self._policy else ("", ())
        rows = self._leasing.rows(
            "SELECT due_ms FROM outbox WHERE destination = %s AND signal = %s AND due_ms > 0 AND leased_until < now()"
            f"{own} ORDER BY due_ms LIMIT 1",
            (lane.destination, str(lane.signal), *values),
        )
        return max((rows[0][0] - self._clock.now_ms()) / 1000, 0.0) if rows else None

    def hold(self, lane: Lane | str, held: Hold | None) -> Future[None]:
        """See `Queue.hold`."""
        return self._writer.submit(
            lambda transaction: queue.hold(transaction, lane, held, self._clock), durable=False, patient=True
        )

    def held(self, lane: Lane | str) -> Hold | None:
        """See `Queue.held`."""
        rows = self._leasing.rows(
            "SELECT until_ms, failures, cause FROM holds WHERE destination = %s AND signal = %s",
            queue.place_of_hold(lane),
        )
        if not rows:
            return None
        until, failures, cause = rows[0]
        return Hold(max((until - self._clock.now_ms()) / 1000, 0.0), failures, cause)

    # ---- QueueCommands

    def move_queue(self, source: str, target: str) -> Future[int]:
        """See `QueueCommands.move_queue`."""
        signals = self._addressing.taken_by(target)
        return self._command(lambda transaction: queue.move(transaction, source, target, signals))

    def drop_queue(self, destination: str) -> Future[int]:
        """See `QueueCommands.drop_queue`."""

        def work(transaction: Transaction) -> int:
            rows = queue.drop_ranges(transaction, "destination = %s", (destination,), BY_COMMAND)
            return sum(row[0] for row in rows)

        return self._command(work)

    def retry_dead_letters(self, letters: Collection[int] | None) -> Future[int]:
        """See `QueueCommands.retry_dead_letters`."""
        return self._command(lambda transaction: queue.revive(transaction, letters, self._clock.now_ms()))

    def drop_dead_letters(self, letters: Collection[int] | None) -> Future[int]:
        """See `QueueCommands.drop_dead_letters`."""
        return self._command(lambda transaction: queue.drop_letters(transaction, letters, BY_COMMAND))

    def forget_some(self) -> Future[int]:
        """See `QueueCommands.forget_some`."""
        return self._writer.submit(forget_delivered)

    def _command(self, work: Callable[[Transaction], int]) -> Future[int]:
        def counted(transaction: Transaction) -> int:
            done = work(transaction)
            transaction.flush()
            self._room.measure_queue(transaction.connection)
            return done

        return self._writer.submit(counted)

    def _forget_leases(self, ranges: Collection[int]) -> None:
        with self._held_lock:
            self._held.difference_update(ranges)

    def _give_up(self, ranges: list[int]) -> None:
        """Ranges whose batch is gone from the table can never be sent."""
        self._forget_leases(ranges)
        self._writer.submit(lambda transaction: queue.drop_ranges(transaction, "id = ANY(%s)", (ranges,), DAMAGED))
