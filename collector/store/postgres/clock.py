"""The clock by which waiting ranges age and holds end: milliseconds of the server, read once a connection.

Collectors on machines with wrong clocks agree through it. It only goes on: it never jumps back with the server's.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from collector.store.postgres.connecting import PgConnection, execute

NOW_MS = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)"


class PgClock:
    """Goes on from the server's time; `monotonic` gives seconds."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._base_ms = 1
        self._started = monotonic()

    def load(self, connection: PgConnection) -> None:
        """Take the server's time over, unless ours is further."""
        [(now,)] = execute(connection, f"SELECT {NOW_MS}").fetchall()
        self._base_ms, self._started = max(int(now), self.now_ms()), self._monotonic()

    def now_ms(self) -> int:
        return self._base_ms + int((self._monotonic() - self._started) * 1000)
