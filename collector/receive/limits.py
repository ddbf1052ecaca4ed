"""How much of all requests together is taken at once, and saying so when nothing can be."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from collector.errors import Busy, NotNow, OverQuota

logger = logging.getLogger(__name__)

_CALM_SECONDS = 10.0


class RefusalLog:
    """Says once that requests are refused, and why, and once that they are taken again.

    Requests that are taken in between, for a moment, end nothing: a line a change, however many requests come.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._reason = ""
        self._last = 0.0

    def refused(self, error: NotNow) -> None:
        if isinstance(error, OverQuota):  # the others' requests are taken
            return
        self._last = self._clock()
        if str(error) != self._reason:
            self._reason = str(error)
            logger.warning("telemetry is refused for now (%d), and clients try again: %s", error.status, error)

    def taken(self) -> None:
        if self._reason and self._clock() - self._last > _CALM_SECONDS:
            self._reason = ""
            logger.info("telemetry is taken again")


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
