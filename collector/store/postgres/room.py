"""How much is kept: what waits for a destination, and all there is, by this collector's own count.

The count is measured afresh now and then, since other collectors put and deliver too; between two measurements it is
carried on. It is of what is kept: the tables take more on the server's disk until its vacuum gives room back.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from collector.store.entries import Caps
from collector.store.postgres.connecting import PgConnection, execute

_PER_BATCH, _PER_ITEM, _TOAST = 2048, 1024, 1.05
"""Bytes that rows and indexes take beside the data of a batch."""
_LEAST_PAUSE_S = 2.0
_PART_OF_TIME = 50


class Room:
    """`queued` bytes of batches that wait for a configured destination, `total` bytes of all that is kept."""

    def __init__(self, caps: Caps, destinations: Iterable[str]) -> None:
        self.caps = caps
        self.destinations: Sequence[str] = tuple(destinations)
        self.queued = self.total = self._refused = 0
        self._measure_at = 0.0

    @property
    def full(self) -> str:
        """Why no batch as large as the last one refused can be taken; empty while one can."""
        return self._full(self._refused)

    def refuses(self, size: int, beside: int) -> str:
        """Why a batch of `size` bytes is not taken, for what waits and `beside` bytes more; empty where it is."""
        full = self._full(size + beside)
        self._refused = size if full else 0
        return full

    def _full(self, more: int) -> str:
        if self.destinations and self.queued + max(more, 1) > self.caps.queue_bytes:
            return "the queue of undelivered telemetry is full"
        return ""

    def was_put(self, size: int, items: int, queued: int) -> None:
        """Batches were put: one of `size` bytes, of which `queued` wait."""
        self.queued += queued
        self.total += size_of(size, 1, items)

    def was_delivered(self, size: int) -> None:
        self.queued = max(self.queued - size, 0)

    def measure_in_time(self, connection: PgConnection) -> None:
        """Measure, when the last time is long enough ago for what it costs."""
        if time.monotonic() >= self._measure_at:
            self.measure(connection)

    def measure(self, connection: PgConnection) -> None:
        """Count afresh what is kept, by all collectors."""
        began = time.monotonic()
        self.measure_queue(connection)
        [(batches, size, items, texts)] = execute(
            connection,
            "SELECT count(*), coalesce(sum(bytes), 0)::bigint, coalesce(sum(items), 0)::bigint,"
            " coalesce((SELECT value::bigint FROM meta WHERE key = 'indexed_bytes'), 0) FROM batches",
        ).fetchall()
        self.total = size_of(size, batches, items) + texts
        took = time.monotonic() - began
        self._measure_at = began + max(_LEAST_PAUSE_S, took * _PART_OF_TIME)

    def measure_queue(self, connection: PgConnection) -> None:
        [(self.queued,)] = execute(
            connection,
            "SELECT coalesce(sum(bytes), 0)::bigint FROM"
            " (SELECT DISTINCT batch_id, bytes FROM outbox WHERE destination = ANY(%s)) AS waiting",
            (list(self.destinations),),
        ).fetchall()


def size_of(size: int, batches: int, items: int) -> int:
    """Bytes that so many batches and items take, with `size` bytes of data."""
    return int(size * _TOAST) + batches * _PER_BATCH + items * _PER_ITEM
