"""What goes when room is needed, in small steps beside the posts: never what still waits, but for its age.

In this order: delivered batches, those of the session heard of longest ago first; then what waits for destinations
that are no longer configured; then dead letters. The last two are counted in the ledger.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Iterable, Mapping

from collector.enums import Signal
from collector.store.entries import ABANDONED, EXPIRED, GIVEN_UP, Caps
from collector.store.sqlite import queue
from collector.store.sqlite.batches import delete_batch
from collector.store.sqlite.clock import StoreClock
from collector.store.sqlite.file import empty_log
from collector.store.sqlite.listing import forget_spans
from collector.store.sqlite.texts import forget_text

_EVICT_TO = 0.9
_STEP_S = 0.008
_BLOCKED_S = 5.0
_IDLE_S = 60.0
_EXPIRE_MS = 60_000
_MOST_AT_ONCE = 200
_VACUUM_PAGES = 64
_FREE_PAGES = 16


def forget_batch(connection: sqlite3.Connection, batch_id: int) -> None:
    """Delete a batch and all that lists it."""
    forget_spans(connection, batch_id)
    forget_text(connection, batch_id)
    delete_batch(connection, batch_id)


def forget_delivered(connection: sqlite3.Connection) -> int:
    """Forget, for a few milliseconds, batches that nobody waits for; how many items they held."""
    until = time.monotonic() + _STEP_S
    items = 0
    rows = connection.execute(
        "SELECT id, items FROM batches b WHERE NOT EXISTS (SELECT 1 FROM outbox o WHERE o.batch_id = b.id)"
        " AND NOT EXISTS (SELECT 1 FROM dead_letters d WHERE d.batch_id = b.id) ORDER BY id LIMIT ?",
        (_MOST_AT_ONCE,),
    ).fetchall()
    for batch_id, held in rows:
        forget_batch(connection, batch_id)
        items += held
        if time.monotonic() > until:
            break
    return items


class Forgetting:
    """Knows how much is kept, and makes room.

    `queued` are bytes of batches that wait for a configured destination, `total` bytes of the file, log included.
    """

    def __init__(self, caps: Caps, clock: StoreClock, destinations: Mapping[str, Collection[Signal]]) -> None:
        self._caps = caps
        self._clock = clock
        self._configured = tuple(destinations)
        self._waits = (
            "EXISTS (SELECT 1 FROM outbox o WHERE o.batch_id = b.id"
            f" AND o.destination IN ({', '.join('?' * len(self._configured))}))"
        )
        self.queued = self.total = self._live = self._free_pages = 0
        self._evicting = False
        self._refused = 0
        self._blocked_until = 0.0
        self._session_cursor = self._batch_cursor = 0
        self._expired_ms = -_EXPIRE_MS

    @property
    def full(self) -> str:
        """Why no batch as large as the last one refused can be taken; empty while one can."""
        return self._full(self._refused)

    def refuses(self, size: int) -> str:
        """Why a batch of `size` bytes is not taken, for the bytes that wait already; empty where it is."""
        full = self._full(size)
        self._refused = size if full else 0
        return full

    def _full(self, size: int) -> str:
        if self._configured and self.queued + max(size, 1) > self._caps.queue_bytes:
            return "the queue of undelivered telemetry is full"
        return ""

    def measure(self, connection: sqlite3.Connection) -> None:
        """Count afresh what is kept."""
        self.measure_queue(connection)
        self._measure_file(connection)

    def measure_queue(self, connection: sqlite3.Connection) -> None:
        given = ", ".join("?" * len(self._configured))
        waiting = f"SELECT batch_id FROM outbox WHERE destination IN ({given})"  # few, where batches are many
        self.queued = _scalar(
            connection, f"SELECT coalesce(sum(bytes), 0) FROM batches WHERE id IN ({waiting})", *self._configured
        )
        self._blocked_until = 0.0

    def was_put(self, size: int, *, queued: bool) -> None:
        """A batch of `size` bytes was put in this transaction."""
        if queued:
            self.queued += size

    def left_queue(self, connection: sqlite3.Connection, batches: Iterable[int]) -> None:
        """Ranges of these batches no longer wait; those without another are no longer queued."""
        for batch_id in set(batches):
            self.queued -= _scalar(
                connection,
                f"SELECT bytes FROM batches b WHERE id = ? AND NOT {self._waits}",
                batch_id,
                *self._configured,
            )
        self._blocked_until = 0.0

    def step(self, connection: sqlite3.Connection) -> float:
        """Forget a little where room is needed; seconds until more of it should be done."""
        now = self._clock.now_ms()
        if now - self._expired_ms >= _EXPIRE_MS and not self._expire(connection):
            self._expired_ms = now
        self._measure_file(connection)
        if self._live > self._caps.total_bytes:
            self._evicting = True
        if self._evicting and time.monotonic() >= self._blocked_until:
            target = int(self._caps.total_bytes * _EVICT_TO)
            self._evicting = self._live > target
            if self._evicting and not self._evict(connection, target):
                self._blocked_until = time.monotonic() + _BLOCKED_S
            return 0.0
        if self._free_pages > _FREE_PAGES:
            connection.execute(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})").fetchall()
            return 0.0
        return min(_IDLE_S, max(self._blocked_until - time.monotonic(), 0.0)) if self._evicting else _IDLE_S

    def make_space(self, connection: sqlite3.Connection) -> None:
        """The disk is full: forget delivered batches of at least a few MB, or all there are."""
        wanted = self._live - max(self._caps.total_bytes // 10, 4 << 20)
        self._session_cursor = self._batch_cursor = 0
        empty_log(connection)
        while self._live > wanted and self._evict(connection, wanted, delivered_only=True):
            empty_log(connection)

    def _expire(self, connection: sqlite3.Connection) -> bool:
        """Drop what waited longer than it may, by the store's own clock; whether there may be more."""
        oldest = self._clock.now_ms() - int(self._caps.queue_seconds * 1000)
        rows = connection.execute(
            "SELECT id, destination, signal, items, batch_id FROM outbox WHERE queued_ms < ? ORDER BY id LIMIT ?",
            (oldest, _MOST_AT_ONCE),
        ).fetchall()
        if rows:
            connection.execute("BEGIN IMMEDIATE")
            queue.drop_rows(connection, [row[:4] for row in rows], EXPIRED)
            self.left_queue(connection, [row[4] for row in rows])
            connection.execute("COMMIT")
        return len(rows) == _MOST_AT_ONCE

    def _evict(self, connection: sqlite3.Connection, target: int, *, delivered_only: bool = False) -> bool:
        """Forget for a few milliseconds, down to `target` bytes; whether anything was forgotten."""
        connection.execute("BEGIN IMMEDIATE")
        until = time.monotonic() + _STEP_S
        forgotten = 0
        for batch_id in self._candidates(connection):
            forget_batch(connection, batch_id)
            forgotten += 1
            self._measure_file(connection)
            if self._live <= target or time.monotonic() > until:
                break
        if not forgotten and not delivered_only:
            forgotten = self._give_up(connection)
        connection.execute("COMMIT")
        if not forgotten:
            self._session_cursor = self._batch_cursor = 0
        return bool(forgotten)

    def _candidates(self, connection: sqlite3.Connection) -> Iterable[int]:
        """Batches nobody waits for, of the session heard of longest ago, or without a session and older than that."""
        until = time.monotonic() + _STEP_S
        while time.monotonic() < until:
            session = connection.execute(
                "SELECT session_id, last_batch FROM sessions WHERE last_batch > ? ORDER BY last_batch LIMIT 1",
                (self._session_cursor,),
            ).fetchone()
            alone = connection.execute(
                "SELECT id FROM batches WHERE in_session = 0 AND id > ? ORDER BY id LIMIT 1", (self._batch_cursor,)
            ).fetchone()
            if session is None and alone is None:
                return
            if alone is not None and (session is None or alone[0] < session[1]):
                self._batch_cursor = alone[0]
                if not self._is_wanted(connection, alone[0]):
                    yield alone[0]
                continue
            assert session is not None
            batches = [
                row[0]
                for row in connection.execute(
                    "SELECT DISTINCT batch_id FROM spans WHERE session_id = ?"
                    " AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.batch_id = spans.batch_id)"
                    " AND NOT EXISTS (SELECT 1 FROM dead_letters d WHERE d.batch_id = spans.batch_id)"
                    " LIMIT ?",
                    (session[0], _MOST_AT_ONCE),
                )
                if not self._is_in_younger_session(connection, row[0], session[1])
            ]
            if not batches:
                self._session_cursor = session[1]
            yield from batches

    def _is_wanted(self, connection: sqlite3.Connection, batch_id: int) -> bool:
        return bool(
            connection.execute(
                "SELECT 1 WHERE EXISTS (SELECT 1 FROM outbox WHERE batch_id = ?)"
                " OR EXISTS (SELECT 1 FROM dead_letters WHERE batch_id = ?)",
                (batch_id, batch_id),
            ).fetchone()
        )

    def _is_in_younger_session(self, connection: sqlite3.Connection, batch_id: int, last_batch: int) -> bool:
        return bool(
            connection.execute(
                "SELECT 1 FROM spans s JOIN sessions USING (session_id)"
                " WHERE s.batch_id = ? AND last_batch > ? LIMIT 1",
                (batch_id, last_batch),
            ).fetchone()
        )

    def _give_up(self, connection: sqlite3.Connection) -> int:
        """Nothing delivered is left: give up what waits for nobody, then dead letters, oldest first; how many."""
        places = ", ".join("?" * len(self._configured))
        rows = connection.execute(
            "SELECT id, destination, signal, items, batch_id FROM outbox"
            f" WHERE destination NOT IN ({places}) ORDER BY id LIMIT 16",
            self._configured,
        ).fetchall()
        if rows:
            queue.drop_rows(connection, [row[:4] for row in rows], ABANDONED)
            held = [row[4] for row in rows]
        else:
            letters = connection.execute("SELECT id, batch_id FROM dead_letters ORDER BY id LIMIT 16").fetchall()
            queue.drop_letters(connection, [row[0] for row in letters], GIVEN_UP)
            held = [row[1] for row in letters]
        for batch_id in set(held):
            if not self._is_wanted(connection, batch_id):
                forget_batch(connection, batch_id)
        return len(held)

    def _measure_file(self, connection: sqlite3.Connection) -> None:
        pages, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
        self._free_pages = free if connection.execute("PRAGMA auto_vacuum").fetchone()[0] == 2 else 0
        self._live = (pages - free) * size
        self.total = pages * size


def _scalar(connection: sqlite3.Connection, query: str, *values: object) -> int:
    row = connection.execute(query, values).fetchone()
    return int(row[0]) if row else 0
