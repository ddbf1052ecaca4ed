"""The outbox: what each destination still has to get, leased by range of items and settled by range."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

from collector.enums import Signal
from collector.store.entries import Hold, Lane, Settlement, Then
from collector.store.ranges import MOST_RANGES, bounded, share_body
from collector.store.sqlite.clock import StoreClock
from collector.store.sqlite.ledger import count

_COLUMNS = (
    "o.id, o.batch_id, o.first_item, o.items, b.items, b.hops, o.attempts, o.suspicion, o.most_ranges, o.shrinks,"
    " b.bytes, b.crc"
)
_FROM = "FROM outbox o JOIN batches b ON b.id = o.batch_id WHERE o.destination = ? AND o.signal = ?"


class Leases:
    """Which ranges are leased. They stand in memory: a process that dies has leased nothing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids: set[int] = set()

    def __contains__(self, row: int) -> bool:
        return row in self._ids

    def __len__(self) -> int:
        return len(self._ids)

    def now(self) -> frozenset[int]:
        """The ranges that are leased at this moment."""
        with self._lock:
            return frozenset(self._ids)

    def add(self, rows: Iterable[int]) -> None:
        with self._lock:
            self._ids.update(rows)

    def release(self, rows: Iterable[int]) -> None:
        with self._lock:
            self._ids.difference_update(rows)


def choose(
    connection: sqlite3.Connection,
    lane: Lane,
    most_bytes: int,
    now_ms: int,
    leased: Collection[int],
    *,
    retries: bool,
    newest: bool,
) -> list[tuple[Any, ...]]:
    """The rows to send together next: of what was never tried, or of what failed before and is due again.

    The rows came the same way (hops), make up to `most_bytes`, and share a body with no more others than each may.
    `leased` are passed over. It must be older than what `connection` sees: a range is settled before its lease ends, so
    the other way round a range could be taken as it was before.
    """
    due = "o.due_ms > 0 AND o.due_ms <= ?" if retries else "o.due_ms = 0 AND ? >= 0"
    order = "o.batch_id DESC" if newest else "o.due_ms, o.batch_id, o.first_item"
    rows = connection.execute(
        f"SELECT {_COLUMNS} {_FROM} AND {due} ORDER BY {order} LIMIT ?",
        (lane.destination, lane.signal, now_ms, len(leased) + (1 if newest else MOST_RANGES)),
    )
    chosen = share_body(rows, most_bytes, leased)
    rows.close()
    return chosen


def settle(connection: sqlite3.Connection, lane: Lane, settlements: Iterable[Settlement], now_ms: int) -> list[int]:
    """Write what came of leased ranges; the batches that no longer wait anywhere for this lane's destination.

    A range that is gone from the lane meanwhile (it was moved or dropped by command, or waited too long) was counted
    then.
    """
    delivered = 0
    dropped: Counter[str] = Counter()
    touched: list[int] = []
    for each in settlements:
        row = connection.execute(
            "SELECT batch_id, first_item, items, attempts, queued_ms FROM outbox"
            " WHERE id = ? AND destination = ? AND signal = ?",
            (each.id, lane.destination, lane.signal),
        ).fetchone()
        if row is None:
            continue
        batch_id, first, items, attempts, queued_ms = row
        if each.then is Then.DONE:
            connection.execute("DELETE FROM outbox WHERE id = ?", (each.id,))
            left_out = bounded(each.dropped, items)
            dropped.update(left_out)
            delivered += items - sum(left_out.values())
            touched.append(batch_id)
        elif each.then is Then.DEAD:
            connection.execute("DELETE FROM outbox WHERE id = ?", (each.id,))
            connection.execute(
                "INSERT INTO dead_letters (destination, signal, batch_id, first_item, items, died_ns, attempts, cause)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (lane.destination, lane.signal, batch_id, first, items, time.time_ns(), attempts + 1, each.cause),
            )
            touched.append(batch_id)
        else:
            state = (
                now_ms + int(each.retry_in_s * 1000), attempts + 1, each.suspicion, each.most_ranges, each.shrinks,
                each.cause,
            )  # fmt: skip
            connection.execute(
                "UPDATE outbox SET due_ms = ?, attempts = ?, suspicion = ?, most_ranges = ?, shrinks = ?, cause = ?"
                " WHERE id = ?",
                (*state, each.id),
            )
            if each.then is Then.HALVE and items > 1:
                connection.execute("UPDATE outbox SET items = ? WHERE id = ?", (items // 2, each.id))
                connection.execute(
                    "INSERT INTO outbox (destination, signal, batch_id, first_item, items, queued_ms, due_ms, attempts,"
                    " suspicion, most_ranges, shrinks, cause) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        lane.destination, lane.signal, batch_id, first + items // 2, items - items // 2, queued_ms,
                        *state,
                    ),
                )  # fmt: skip
    count(connection, lane.destination, lane.signal, "delivered", delivered)
    for reason, items in dropped.items():
        count(connection, lane.destination, lane.signal, "dropped", items, reason)
    return touched


def drop_rows(connection: sqlite3.Connection, rows: Iterable[tuple[int, str, str, int]], reason: str) -> int:
    """Take rows (id, destination, signal, items) off the outbox, counted; how many items."""
    total: Counter[tuple[str, str]] = Counter()
    for row, destination, signal, items in rows:
        if connection.execute("DELETE FROM outbox WHERE id = ?", (row,)).rowcount:
            total[destination, signal] += items
    for (destination, signal), items in total.items():
        count(connection, destination, signal, "dropped", items, reason)
    return sum(total.values())


def move(connection: sqlite3.Connection, source: str, target: str, signals: Collection[Signal]) -> int:
    """Let what waits for `source` wait for `target` instead, in the ledger too; how many items."""
    moved = 0
    for signal in signals:
        items = connection.execute(
            "SELECT coalesce(sum(items), 0) FROM outbox WHERE destination = ? AND signal = ?", (source, signal)
        ).fetchone()[0]
        if not items:
            continue
        connection.execute(
            "UPDATE outbox SET destination = ?, due_ms = 0, attempts = 0, suspicion = 0, most_ranges = 0, shrinks = 0,"
            " cause = '' WHERE destination = ? AND signal = ?",
            (target, source, signal),
        )
        count(connection, source, signal, "received", -items)
        count(connection, target, signal, "received", items)
        moved += items
    return moved


def revive(connection: sqlite3.Connection, letters: Collection[int] | None, now_ms: int) -> int:
    """Put dead letters (all of them for None) back into the outbox; how many items."""
    total = 0
    for row in _letters(connection, letters):
        letter, destination, signal, batch_id, first, items, _, cause = row
        connection.execute("DELETE FROM dead_letters WHERE id = ?", (letter,))
        connection.execute(
            "INSERT INTO outbox (destination, signal, batch_id, first_item, items, queued_ms, due_ms, attempts,"
            " most_ranges, cause) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, ?)",
            (destination, signal, batch_id, first, items, now_ms, now_ms, 0, cause),
        )
        total += items
    return total


def drop_letters(connection: sqlite3.Connection, letters: Collection[int] | None, reason: str) -> int:
    """Give dead letters (all of them for None) up, counted; how many items."""
    total = 0
    for letter, destination, signal, _, _, items, _, _ in _letters(connection, letters):
        connection.execute("DELETE FROM dead_letters WHERE id = ?", (letter,))
        count(connection, destination, signal, "dropped", items, reason)
        total += items
    return total


def _letters(connection: sqlite3.Connection, letters: Collection[int] | None) -> list[tuple[Any, ...]]:
    query = "SELECT id, destination, signal, batch_id, first_item, items, attempts, cause FROM dead_letters"
    if letters is None:
        return connection.execute(query).fetchall()
    return [row for letter in letters for row in connection.execute(f"{query} WHERE id = ?", (letter,)).fetchall()]


def hold(connection: sqlite3.Connection, lane: Lane | str, held: Hold | None, clock: StoreClock) -> None:
    """Remember, over a restart too, that a lane or a whole destination takes nothing for now; None forgets it."""
    destination, signal = (lane, "") if isinstance(lane, str) else (lane.destination, str(lane.signal))
    if held is None:
        connection.execute("DELETE FROM holds WHERE destination = ? AND signal = ?", (destination, signal))
    else:
        until = clock.now_ms() + int(held.seconds * 1000)
        connection.execute(
            "INSERT OR REPLACE INTO holds VALUES (?, ?, ?, ?, ?)",
            (destination, signal, until, held.failures, held.cause),
        )
