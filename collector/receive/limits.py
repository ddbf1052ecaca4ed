"""How much of all requests together is taken at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from collector.errors import Busy


class Budget:
    """Bytes of requests under way, decompressed ones too; more than `most_bytes` at once is refused with `Busy`.

    Used on the event loop alone.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self.used = 0

    @contextmanager
    def request(self) -> Iterator[Reservation]:
        reservation = Reservation(self)
        try:
            yield reservation
        finally:
            self.used -= reservation.held

    def reserve(self, size: int) -> None:
        if self.used and self.used + size > self._most:
            raise Busy("too much telemetry is under way at once", retry_after=1)
        self.used += size


class Reservation:
    """What one request holds of the budget."""

    __slots__ = ("_budget", "held")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.held = 0

    def add(self, size: int) -> None:
        self._budget.reserve(size)
        self.held += size
