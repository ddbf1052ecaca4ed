"""The outbox: what each destination still has to get, leased by range of items and settled by range.

A lease is a name and a time in the row. It is taken by `FOR UPDATE SKIP LOCKED`, so that no two collectors get a range;
its holder makes it last, and when the holder is gone it ends by itself.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from collector.enums import Signal
from collector.store.entries import Hold, Lane, Settlement, Then
from collector.store.postgres.clock import PgClock
from collector.store.postgres.column_values import storable
from collector.store.postgres.connecting import PgConnection, Row, execute
from collector.store.postgres.transaction import Transaction
from collector.store.ranges import bounded, share_body

LEASE_S = 15
"""How long a lease lasts without being renewed."""

_LOOKED_AT = 500
_ATTEMPTS = 5
_COLUMNS = (
    "{0}.id, {0}.batch_id, {0}.first_item, {0}.items, {0}.of_items, {0}.hops, {0}.attempts, {0}.suspicion,"
    " {0}.most_ranges, {0}.shrinks, {0}.bytes, {0}.due_ms"
)


def take(
    connection: PgConnection,
    lane: Lane,
    lessee: str,
    policy: str,
    most_bytes: int,
    now_ms: int,
    *,
    retries: bool,
    newest: bool,
) -> list[Row]:
    """Lease the ranges to send together next to `lessee`: of what was never tried, or of what is due again.

    With a `policy` only what was sealed under it.
    """
    free = "destination = %s AND signal = %s AND leased_until < now() AND " + (
        "due_ms > 0 AND due_ms <= %s" if retries else "due_ms = 0 AND %s >= 0"
    )
    values: tuple[object, ...] = (lane.destination, str(lane.signal), now_ms)
    if policy:
        free, values = f"{free} AND policy IN (%s, '')", (*values, policy)
    order = "batch_id DESC" if newest else "due_ms, batch_id, first_item"
    look = f"SELECT {_COLUMNS.format('o')} FROM outbox o WHERE {free} ORDER BY {order} LIMIT %s"
    hold = (
        f"WITH held AS (SELECT id FROM outbox WHERE id = ANY(%s) AND {free} FOR UPDATE SKIP LOCKED)"
        f" UPDATE outbox o SET lessee = %s, leased_until = now() + interval '{LEASE_S} s'"
        f" FROM held WHERE o.id = held.id RETURNING {_COLUMNS.format('o')}"
    )
    for _ in range(_ATTEMPTS):
        seen = execute(connection, look, (*values, 1 if newest else _LOOKED_AT)).fetchall()
        chosen = share_body(seen, 0 if newest else most_bytes)
        if not chosen:
            return []
        taken = execute(connection, hold, ([row[0] for row in chosen], *values, lessee)).fetchall()
        if taken:  # others may have taken the rest
            return sorted(taken, key=lambda row: (row[11], row[1], row[2]))
    return []


def free(connection: PgConnection, lessee: str, ranges: Collection[int] | None) -> None:
    """End leases (all of `lessee` for None)."""
    which, values = ("", ()) if ranges is None else (" AND id = ANY(%s)", (list(ranges),))
    execute(
        connection,
        f"UPDATE outbox SET lessee = '', leased_until = '-infinity' WHERE lessee = %s{which}",
        (lessee, *values),
    )


def renew(connection: PgConnection, lessee: str, ranges: Collection[int]) -> None:
    """Make leases last."""
    if ranges:
        execute(
            connection,
            f"UPDATE outbox SET leased_until = now() + interval '{LEASE_S} s' WHERE id = ANY(%s) AND lessee = %s",
            (list(ranges), lessee),
        )


def settle(
    transaction: Transaction, lane: Lane, settlements: Sequence[Settlement], lessee: str, now_ms: int
) -> list[tuple[int, int]]:
    """Write what came of leased ranges; (batch, bytes) of those that no longer wait for this lane.

    A range that is gone from the lane meanwhile (it was moved or dropped by command, or another collector delivered it
    after this one's lease had ended) was counted then. One that another collector has now is delivered all the same, or
    left to that one.
    """
    done = {each.id: each for each in settlements if each.then is Then.DONE}
    dead = {each.id: each for each in settlements if each.then is Then.DEAD}
    delivered = 0
    dropped: Counter[str] = Counter()
    touched: list[tuple[int, int]] = []
    for row, batch_id, items, size in _delete(transaction, lane, done, "id, batch_id, items, bytes"):
        left_out = bounded(done[row].dropped, items)
        dropped.update(left_out)
        delivered += items - sum(left_out.values())
        touched.append((batch_id, size))
    died = time.time_ns()
    letters: list[Row] = []
    columns = "id, batch_id, items, bytes, first_item, attempts"
    for row, batch_id, items, size, first, attempts in _delete(transaction, lane, dead, columns, lessee):
        cause = storable(dead[row].cause)
        letters.append((lane.destination, str(lane.signal), batch_id, first, items, died, attempts + 1, cause))
        touched.append((batch_id, size))
    transaction.insert("dead_letters", _LETTER, letters)
    for each in settlements:
        if each.then in (Then.RETRY, Then.HALVE):
            _try_again(transaction, each, lessee, now_ms)
    transaction.count(lane.destination, lane.signal, "delivered", delivered)
    for reason, items in dropped.items():
        transaction.count(lane.destination, lane.signal, "dropped", items, storable(reason))
    return touched


def _delete(transaction: Transaction, lane: Lane, ids: Collection[int], columns: str, lessee: str = "") -> list[Row]:
    if not ids:
        return []
    mine, values = (" AND lessee = %s", (lessee,)) if lessee else ("", ())
    return transaction.rows(
        f"DELETE FROM outbox WHERE id = ANY(%s) AND destination = %s AND signal = %s{mine} RETURNING {columns}",
        list(ids), lane.destination, str(lane.signal), *values,
    )  # fmt: skip


def _try_again(transaction: Transaction, each: Settlement, lessee: str, now_ms: int) -> None:
    rows = transaction.rows(
        "UPDATE outbox SET due_ms = %s, attempts = attempts + 1, suspicion = %s, most_ranges = %s, shrinks = %s,"
        " cause = %s, lessee = '', leased_until = '-infinity' WHERE id = %s AND lessee = %s RETURNING items",
        now_ms + int(each.retry_in_s * 1000), each.suspicion, each.most_ranges, each.shrinks, storable(each.cause),
        each.id, lessee,
    )  # fmt: skip
    if rows and each.then is Then.HALVE and rows[0][0] > 1:
        transaction.run(
            "INSERT INTO outbox (destination, signal, batch_id, first_item, items, of_items, bytes, hops, policy,"
            " queued_ms, due_ms, attempts, suspicion, most_ranges, shrinks, cause)"
            " SELECT destination, signal, batch_id, first_item + items / 2, items - items / 2, of_items, bytes, hops,"
            " policy, queued_ms, due_ms, attempts, suspicion, most_ranges, shrinks, cause FROM outbox WHERE id = %s",
            each.id,
        )
        transaction.run("UPDATE outbox SET items = items / 2 WHERE id = %s", each.id)


def drop_ranges(transaction: Transaction, condition: str, values: Sequence[object], reason: str) -> list[Row]:
    """Take ranges off the outbox, counted; (items, batch) of each."""
    rows = transaction.rows(
        f"DELETE FROM outbox WHERE {condition} RETURNING destination, signal, items, batch_id", *values
    )
    for destination, signal, items, _ in rows:
        transaction.count(destination, signal, "dropped", items, reason)
    return [row[2:] for row in rows]


def move(transaction: Transaction, source: str, target: str, signals: Collection[Signal]) -> int:
    """Let what waits for `source` wait for `target` instead, in the ledger too; how many items."""
    moved = 0
    for signal in signals:
        rows = transaction.rows(
            "UPDATE outbox SET destination = %s, due_ms = 0, attempts = 0, suspicion = 0, most_ranges = 0, shrinks = 0,"
            " cause = '', lessee = '', leased_until = '-infinity' WHERE destination = %s AND signal = %s"
            " RETURNING items",
            target, source, str(signal),
        )  # fmt: skip
        items = sum(row[0] for row in rows)
        transaction.count(source, signal, "received", -items)
        transaction.count(target, signal, "received", items)
        moved += items
    transaction.tells = True
    return moved


def revive(transaction: Transaction, letters: Collection[int] | None, now_ms: int) -> int:
    """Put dead letters (all of them for None) back into the outbox; how many items."""
    which, values = _letters(letters)
    rows = transaction.rows(
        f"WITH revived AS (DELETE FROM dead_letters WHERE {which} RETURNING *)"
        " INSERT INTO outbox (destination, signal, batch_id, first_item, items, of_items, bytes, hops, policy,"
        " queued_ms, due_ms, most_ranges, cause)"
        " SELECT r.destination, r.signal, r.batch_id, r.first_item, r.items, b.items, b.bytes, b.hops, b.policy,"
        " %s, %s, 1, r.cause FROM revived r JOIN batches b ON b.id = r.batch_id ORDER BY r.id RETURNING items",
        *values, now_ms, now_ms,
    )  # fmt: skip
    transaction.tells = True
    return sum(row[0] for row in rows)


def drop_letters(transaction: Transaction, letters: Collection[int] | None, reason: str) -> int:
    """Give dead letters (all of them for None) up, counted; how many items."""
    which, values = _letters(letters)
    rows = transaction.rows(f"DELETE FROM dead_letters WHERE {which} RETURNING destination, signal, items", *values)
    for destination, signal, items in rows:
        transaction.count(destination, signal, "dropped", items, reason)
    return sum(row[2] for row in rows)


def _letters(letters: Collection[int] | None) -> tuple[str, tuple[object, ...]]:
    return ("true", ()) if letters is None else ("id = ANY(%s)", (list(letters),))


def hold(transaction: Transaction, lane: Lane | str, held: Hold | None, clock: PgClock) -> None:
    """Remember, over a restart too, that a lane or a whole destination takes nothing for now; None forgets it."""
    destination, signal = place_of_hold(lane)
    if held is None:
        transaction.run("DELETE FROM holds WHERE destination = %s AND signal = %s", destination, signal)
    else:
        transaction.run(
            "INSERT INTO holds VALUES (%s, %s, %s, %s, %s) ON CONFLICT (destination, signal) DO UPDATE SET"
            " until_ms = excluded.until_ms, failures = excluded.failures, cause = excluded.cause",
            destination, signal, clock.now_ms() + int(held.seconds * 1000), held.failures, storable(held.cause),
        )  # fmt: skip


def place_of_hold(lane: Lane | str) -> tuple[str, str]:
    """Destination and signal of a row of `holds`; '' stands for every signal."""
    return (lane, "") if isinstance(lane, str) else (lane.destination, str(lane.signal))


def still_waiting(transaction: Transaction, batches: Iterable[int], destinations: Sequence[str]) -> set[int]:
    """Those of `batches` of which a range waits for one of `destinations`."""
    return {
        row[0]
        for row in transaction.rows(
            "SELECT DISTINCT batch_id FROM outbox WHERE batch_id = ANY(%s) AND destination = ANY(%s)",
            list(batches),
            list(destinations),
        )
    }


_LETTER = (
    ("destination", "text"), ("signal", "text"), ("batch_id", "bigint"), ("first_item", "bigint"), ("items", "bigint"),
    ("died_ns", "bigint"), ("attempts", "integer"), ("cause", "text"),
)  # fmt: skip
