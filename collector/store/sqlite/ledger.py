"""The ledger: received = delivered + queued + dead-lettered + dropped(reason), per destination and signal."""

from __future__ import annotations

import sqlite3

from collector.store.entries import Ledger, account_in, enter


def read_ledger(connection: sqlite3.Connection) -> Ledger:
    """Read all accounts as they stand at one moment."""
    ledger: Ledger = {}
    connection.execute("BEGIN")
    try:
        for row in connection.execute("SELECT destination, signal, outcome, reason, items FROM ledger"):
            enter(ledger, *row)
        for destination, signal, items in connection.execute(
            "SELECT destination, signal, sum(items) FROM outbox GROUP BY 1, 2"
        ):
            account_in(ledger, destination, signal)["queued"] = items
        for destination, signal, items in connection.execute(
            "SELECT destination, signal, sum(items) FROM dead_letters GROUP BY 1, 2"
        ):
            account_in(ledger, destination, signal)["dead_lettered"] = items
    finally:
        connection.execute("COMMIT")
    return ledger


def count(
    connection: sqlite3.Connection, destination: str, signal: str, outcome: str, items: int, reason: str = ""
) -> None:
    """Add to one counter, in the caller's transaction."""
    if items:
        connection.execute(
            "INSERT INTO ledger VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET items = items + excluded.items",
            (destination, signal, outcome, reason, items),
        )
