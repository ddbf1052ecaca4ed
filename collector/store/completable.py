"""Which batches may still be completed, by the number of what they hold.

It stands in memory, as what completes them does: after a restart a batch is sent as it was kept.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

MOST = 20_000
"""Batches remembered; a minute's at some hundred requests a second."""


class CompletableBatch(NamedTuple):
    """A batch, and how many destinations were to get it."""

    batch_id: int
    takers: int


class CompletableBatches:
    """Batches by the number they were put with; the oldest are forgotten first. Used by one thread."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._batches: OrderedDict[int, CompletableBatch] = OrderedDict()

    def add(self, number: int, batch_id: int, takers: int) -> None:
        """Remember a batch."""
        self._batches[number] = CompletableBatch(batch_id, takers)
        while len(self._batches) > self._most:
            self._batches.popitem(last=False)

    def find(self, number: int) -> CompletableBatch | None:
        """The batch of that number, if it is remembered still."""
        return self._batches.get(number)
