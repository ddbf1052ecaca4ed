"""What runs beside the posts, in a thread and a connection of its own.

Every collector makes its leases last and hears what others tell. One at a time, whoever comes first, indexes texts and
makes room, in small steps: never of what still waits, but for its age. In this order: delivered batches, those of the
session heard of longest ago first; then what waits for destinations that are no longer configured; then dead letters.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator
from typing import Protocol

import psycopg

from collector.errors import CollectorError
from collector.store.entries import ABANDONED, EXPIRED, GIVEN_UP
from collector.store.postgres import queue
from collector.store.postgres.clock import PgClock
from collector.store.postgres.connecting import OwnConnection, PgConnection
from collector.store.postgres.listing import Interrupted, forget_listed
from collector.store.postgres.locks import HOUSEKEEPING, try_lock_transaction
from collector.store.postgres.notifying import listen
from collector.store.postgres.room import Room, size_of
from collector.store.postgres.texts import PgTextIndex, forget_texts
from collector.store.postgres.transaction import Transaction

logger = logging.getLogger(__name__)

_SHARD = -1
"""Of the counters: only one collector at a time keeps house."""
_EVICT_TO = 0.9
_PAUSE_S = 0.2
_AFTER_FAULT_S = 0.5
_RENEW_S = queue.LEASE_S / 3
_WAKE_S = 2.0
_EXPIRE_MS = 60_000
_BLOCKED_S = 5.0
_MOST_AT_ONCE = 200
_FORGOTTEN_AT_ONCE = 32


class LeaseHolder(Protocol):
    """What keeps house for a store asks of it."""

    def held_leases(self) -> Collection[int]: ...
    def told(self) -> None:
        """Something came, or may have been given back, elsewhere."""
        ...


class Housekeeping:
    """Runs until it is stopped."""

    def __init__(
        self, url: str, owner: LeaseHolder, lessee: str, origin: int, room: Room, clock: PgClock, texts: PgTextIndex
    ) -> None:
        self._owner = owner
        self._lessee = lessee
        self._origin = str(origin)
        self._room = room
        self._clock = clock
        self._texts = texts
        self._link = OwnConnection(url, listen)
        self._stopping = threading.Event()
        self._renew_at = self._wake_at = self._blocked_until = 0.0
        self._expired_ms = -_EXPIRE_MS
        self._session_cursor = self._batch_cursor = 0
        self._evicting = False
        self._thread = threading.Thread(target=self._run, name="store-housekeeping", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                connection = self._link.get()
                busy = self._step(connection)
                self._hear(connection, 0.0 if busy else _PAUSE_S)
            except Exception as error:  # whatever it is: leases must last and others be heard while the process lives
                expected = isinstance(error, psycopg.Error | CollectorError | Interrupted)
                logger.log(
                    logging.DEBUG if expected else logging.ERROR,
                    "a step beside the posts failed: %s",
                    type(error).__name__,
                )
                if self._link.current is not None and self._link.current.closed:
                    self._link.drop()
                self._stopping.wait(_AFTER_FAULT_S)
        self._link.drop()

    def _hear(self, connection: PgConnection, seconds: float) -> None:
        told = [notice.payload != self._origin for notice in connection.notifies(timeout=seconds, stop_after=1)]
        now = time.monotonic()
        if any(told) or now >= self._wake_at:
            self._wake_at = now + _WAKE_S
            self._owner.told()

    def _step(self, connection: PgConnection) -> bool:
        """Do a little of all that is due; whether there is more to do at once."""
        if time.monotonic() >= self._renew_at:
            queue.renew(connection, self._lessee, self._owner.held_leases())
            self._renew_at = time.monotonic() + _RENEW_S
        self._room.measure_in_time(connection)
        more = self._alone(connection, self._texts.step)
        now = self._clock.now_ms()
        if now - self._expired_ms >= _EXPIRE_MS and self._alone(connection, self._expire) is False:
            self._expired_ms = now
        return self._make_room(connection) or bool(more)

    def _alone(self, connection: PgConnection, work: Callable[[Transaction], bool]) -> bool | None:
        """Run `work` in a transaction; None when another collector keeps house at this moment."""
        with connection.transaction():
            if not try_lock_transaction(connection, HOUSEKEEPING):
                return None
            transaction = Transaction(connection, _SHARD)
            done = work(transaction)
            transaction.flush()
        transaction.committed()
        return done

    def _make_room(self, connection: PgConnection) -> bool:
        """Forget a little where room is needed; whether there is more to forget."""
        cap = self._room.caps.total_bytes
        if self._room.total > cap:
            self._evicting = True
        if not self._evicting or time.monotonic() < self._blocked_until:
            return False
        if self._room.total <= cap * _EVICT_TO:
            self._evicting = False
            return False
        forgotten = self._alone(connection, self._evict)
        if forgotten is None or forgotten:
            return bool(forgotten)
        self._blocked_until = time.monotonic() + _BLOCKED_S
        self._session_cursor = self._batch_cursor = 0
        return False

    # ---- inside a transaction

    def _expire(self, transaction: Transaction) -> bool:
        """Drop what waited longer than it may; whether there may be more."""
        oldest = self._clock.now_ms() - int(self._room.caps.queue_seconds * 1000)
        some = f"SELECT id FROM outbox WHERE queued_ms < %s ORDER BY id LIMIT {_MOST_AT_ONCE} FOR UPDATE SKIP LOCKED"
        rows = queue.drop_ranges(transaction, f"id IN ({some})", (oldest,), EXPIRED)
        if rows:
            transaction.after(lambda: self._measure_again())
        return len(rows) == _MOST_AT_ONCE

    def _evict(self, transaction: Transaction) -> bool:
        batches: list[int] = []
        goal = self._room.total - self._room.caps.total_bytes * _EVICT_TO
        freed = 0
        for number, size, items in self._candidates(transaction):
            batches.append(number)
            freed += size_of(size, 1, items)
            if freed >= goal or len(batches) >= _FORGOTTEN_AT_ONCE:
                break
        if not batches:
            batches = self._give_up(transaction)
        forget_batches(transaction, batches)
        transaction.after(lambda: self._measure_again())
        return bool(batches)

    def _candidates(self, transaction: Transaction) -> Iterator[tuple[int, int, int]]:
        """Batches nobody waits for, of the session heard of longest ago, or without a session and older than that."""
        while True:
            sessions = transaction.rows(
                "SELECT session_id, last_batch FROM sessions WHERE last_batch > %s ORDER BY last_batch LIMIT 1",
                self._session_cursor,
            )
            alone = transaction.rows(
                "SELECT id, bytes, items FROM batches WHERE NOT in_session AND id > %s ORDER BY id LIMIT 1",
                self._batch_cursor,
            )
            if alone and (not sessions or alone[0][0] < sessions[0][1]):
                self._batch_cursor = alone[0][0]
                if not _wanted(transaction, [alone[0][0]]):
                    yield alone[0][0], alone[0][1], alone[0][2]
            elif sessions:
                session, last = sessions[0]
                yield from transaction.rows(
                    "SELECT b.id, b.bytes, b.items FROM batches b"
                    " WHERE b.id IN (SELECT batch_id FROM spans WHERE session_id = %s)"
                    " AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.batch_id = b.id)"
                    " AND NOT EXISTS (SELECT 1 FROM dead_letters d WHERE d.batch_id = b.id)"
                    " AND NOT EXISTS (SELECT 1 FROM spans s JOIN sessions USING (session_id)"
                    "   WHERE s.batch_id = b.id AND last_batch > %s)"
                    " LIMIT %s",
                    session, last, _MOST_AT_ONCE,
                )  # fmt: skip
                self._session_cursor = last
            else:
                return

    def _give_up(self, transaction: Transaction) -> list[int]:
        """Nothing delivered is left: give up what waits for nobody, then dead letters, oldest first."""
        some = "SELECT id FROM outbox WHERE destination <> ALL(%s) ORDER BY id LIMIT 16"
        rows = queue.drop_ranges(transaction, f"id IN ({some})", (list(self._room.destinations),), ABANDONED)
        held = {row[1] for row in rows}
        if not held:
            letters = transaction.rows("SELECT id, batch_id FROM dead_letters ORDER BY id LIMIT 16")
            queue.drop_letters(transaction, [row[0] for row in letters], GIVEN_UP)
            held = {row[1] for row in letters}
        return sorted(held - _wanted(transaction, held))

    def _measure_again(self) -> None:
        with contextlib.suppress(psycopg.Error, CollectorError):
            self._room.measure(self._link.get())


def forget_batches(transaction: Transaction, batches: Collection[int]) -> None:
    """Delete batches and all that lists them."""
    if batches:
        transaction.flush()
        forget_listed(transaction.connection, batches)
        forget_texts(transaction, batches)
        transaction.run("DELETE FROM batches WHERE id = ANY(%s)", list(batches))


def forget_delivered(transaction: Transaction) -> int:
    """Forget some batches that nobody waits for, the oldest first; how many items they held."""
    transaction.flush()
    rows = transaction.rows(
        "SELECT id, items FROM batches b WHERE NOT EXISTS (SELECT 1 FROM outbox o WHERE o.batch_id = b.id)"
        " AND NOT EXISTS (SELECT 1 FROM dead_letters d WHERE d.batch_id = b.id) ORDER BY id LIMIT %s",
        _FORGOTTEN_AT_ONCE,
    )
    forget_batches(transaction, [row[0] for row in rows])
    return sum(row[1] for row in rows)


def _wanted(transaction: Transaction, batches: Collection[int]) -> set[int]:
    """Those of `batches` that wait for somebody, or stand as a dead letter."""
    numbers = list(batches)
    return {
        row[0]
        for row in transaction.rows(
            "SELECT batch_id FROM outbox WHERE batch_id = ANY(%s)"
            " UNION SELECT batch_id FROM dead_letters WHERE batch_id = ANY(%s)",
            numbers,
            numbers,
        )
    }
