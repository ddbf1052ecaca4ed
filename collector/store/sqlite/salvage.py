"""Copies what can still be read of a damaged store into a new one, and counts what could not."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from collector.store.entries import DAMAGED
from collector.store.sqlite.batches import mend_batches
from collector.store.sqlite.ledger import count
from collector.store.sqlite.migrations import SUMS, VERSION

_BY_ROWID = ("batches", "runs", "outbox", "dead_letters", "inbox")
_BY_KEY = {
    "meta": "key",
    "ledger": "destination, signal, outcome, reason",
    "holds": "destination, signal",
    "opencode_sessions": "session_id",
    "unknown_events": "type",
    "spans": "trace_id, span_id",
    "run_parts": "run_id, start",
}
_LAST = 2**62


def salvage(damaged: Path, fresh: sqlite3.Connection) -> int | None:
    """Fill the new store `fresh` from the file `damaged`; how many items are lost, which the ledger then says too.

    None when nothing of it can be read.
    """
    old = sqlite3.connect(damaged, isolation_level=None)
    try:
        if old.execute("PRAGMA user_version").fetchone()[0] != VERSION:
            return None
        fresh.execute("BEGIN IMMEDIATE")
        for table in (*_BY_ROWID, "built_spans"):
            _copy(fresh, table, _rows_by_rowid(old, table))
        for table, key in _BY_KEY.items():
            _copy(fresh, table, _rows_by_key(old, table, key))
        mend_batches(fresh)
        fresh.execute("DELETE FROM meta WHERE key IN ('indexed_batch', 'indexed_bytes')")
        for query in (
            "DELETE FROM outbox WHERE batch_id NOT IN (SELECT id FROM batches)",
            "DELETE FROM dead_letters WHERE batch_id NOT IN (SELECT id FROM batches)",
            "DELETE FROM spans WHERE batch_id NOT IN (SELECT id FROM batches)",
            *SUMS,
        ):
            fresh.execute(query)
        lost = _balance(fresh)
        fresh.execute("COMMIT")
        return lost
    except sqlite3.DatabaseError:
        if fresh.in_transaction:
            fresh.execute("ROLLBACK")
        return None
    finally:
        with contextlib.suppress(sqlite3.Error):
            old.close()


def _copy(fresh: sqlite3.Connection, table: str, rows: Iterator[tuple[Any, ...]]) -> None:
    places = ", ".join("?" * len(fresh.execute(f"PRAGMA table_info({table})").fetchall()))
    for row in rows:
        with contextlib.suppress(sqlite3.IntegrityError):
            fresh.execute(f"INSERT OR REPLACE INTO {table} VALUES ({places})", row)


def _rows_by_rowid(old: sqlite3.Connection, table: str) -> Iterator[tuple[Any, ...]]:
    """All rows that can be read: after a page that cannot, the next row is looked for in growing steps, then halves."""
    at = -1
    while True:
        try:
            for row in old.execute(f"SELECT rowid, * FROM {table} NOT INDEXED WHERE rowid > ? ORDER BY rowid", (at,)):
                at = row[0]
                yield row[1:]
            return
        except sqlite3.DatabaseError:
            found = _next_readable(old, table, at)
            if found is None:
                return
            at = found - 1


def _next_readable(old: sqlite3.Connection, table: str, after: int) -> int | None:
    """The first rowid beyond `after`, not next to it, from which on a row can be read."""

    def first_from(rowid: int) -> int | None:
        query = f"SELECT rowid, * FROM {table} NOT INDEXED WHERE rowid >= ? ORDER BY rowid LIMIT 1"
        row = old.execute(query, (rowid,)).fetchone()
        return None if row is None else int(row[0])

    low, step = after + 1, 1
    while low + step < _LAST:
        try:
            found = first_from(low + step)
        except sqlite3.DatabaseError:
            step *= 2
            continue
        if found is None and step == 1:
            return None
        break
    else:
        return None
    bad, good = low + step // 2, low + step
    while good - bad > 1:
        middle = (bad + good) // 2
        try:
            first_from(middle)
            good = middle
        except sqlite3.DatabaseError:
            bad = middle
    return first_from(good)


def _rows_by_key(old: sqlite3.Connection, table: str, key: str) -> Iterator[tuple[Any, ...]]:
    """Rows before the first page that cannot be read, then rows behind the last one."""
    try:
        yield from old.execute(f"SELECT * FROM {table} NOT INDEXED ORDER BY {key}")
        return
    except sqlite3.DatabaseError:
        pass
    backwards = ", ".join(f"{name} DESC" for name in key.split(", "))
    with contextlib.suppress(sqlite3.DatabaseError):
        yield from old.execute(f"SELECT * FROM {table} NOT INDEXED ORDER BY {backwards}")


def _balance(fresh: sqlite3.Connection) -> int:
    """Count what was received and is found nowhere as lost; where counters are lost, received is what is found."""
    lost = 0
    rows = fresh.execute(
        "SELECT destination, signal,"
        " sum(CASE outcome WHEN 'received' THEN items ELSE -items END) FROM ledger GROUP BY 1, 2"
        " UNION ALL SELECT destination, signal, -sum(items) FROM outbox GROUP BY 1, 2"
        " UNION ALL SELECT destination, signal, -sum(items) FROM dead_letters GROUP BY 1, 2"
    ).fetchall()
    open_accounts: dict[tuple[str, str], int] = {}
    for destination, signal, items in rows:
        open_accounts[destination, signal] = open_accounts.get((destination, signal), 0) + items
    for (destination, signal), items in open_accounts.items():
        if items > 0:
            count(fresh, destination, signal, "dropped", items, DAMAGED)
            lost += items
        else:
            count(fresh, destination, signal, "received", -items)
    return lost
