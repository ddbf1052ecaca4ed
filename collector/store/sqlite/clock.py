"""The store's own clock: milliseconds in which a collector had the store open, kept over restarts.

A wall clock jumps: forward by days when a laptop wakes with a wrong date, back to 1970 at boot. What waits is aged,
held and retried by this clock, which only ever goes on, so a jump drops nothing. Time in which no collector ran does
not count: nothing could have been delivered in it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable


class StoreClock:
    """Goes on from what was saved last; `monotonic` gives seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._base_ms = 1  # 0 stands for "never tried" in the outbox
        self._started = monotonic()

    def load(self, connection: sqlite3.Connection) -> None:
        """Go on from the time saved in the store, or from the latest time that stands in it."""
        saved = connection.execute(
            "SELECT max(coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'clock_ms'), 1),"
            " coalesce((SELECT queued_ms FROM outbox ORDER BY id DESC LIMIT 1), 1),"
            " coalesce((SELECT max(kept_ms) FROM inbox), 1))"
        ).fetchone()[0]
        self._base_ms = int(saved)
        self._started = self._monotonic()

    def save(self, connection: sqlite3.Connection) -> None:
        """Write the time down, in the caller's transaction."""
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('clock_ms', ?)", (str(self.now_ms()),))

    def now_ms(self) -> int:
        return self._base_ms + int((self._monotonic() - self._started) * 1000)
