"""Which waiting ranges share a body, and what a settlement may claim of them, whichever engine keeps them (pure).

A row of what waits is (range, batch, first item, items, items of the batch, hops, attempts, suspicion, most ranges,
shrinks, bytes of the batch, ...).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from collector.store.entries import Leased

WaitingRow = tuple[Any, ...]

MOST_RANGES = 2000
"""Of one body."""


def share_body(rows: Iterable[WaitingRow], most_bytes: int, passed_over: Collection[int] = ()) -> list[WaitingRow]:
    """The first rows that came the same way (hops), make up to `most_bytes`, and may each share with so many others."""
    chosen: list[WaitingRow] = []
    size, most_ranges = 0, MOST_RANGES
    for row in rows:
        if row[0] in passed_over:
            continue
        length = row[10] * row[3] // max(row[4], 1)
        allowed = row[8] or MOST_RANGES
        alike = chosen and row[5] == chosen[0][5] and len(chosen) < min(most_ranges, allowed)
        if chosen and (not alike or size + length > most_bytes):
            break
        chosen.append(row)
        size += length
        most_ranges = min(most_ranges, allowed)
    return chosen


def leased_of(row: WaitingRow, data: bytes) -> Leased:
    """A chosen row with its batch."""
    return Leased(
        id=row[0], batch_id=row[1], first=row[2], items=row[3], of_items=row[4], hops=row[5], data=data,
        attempts=row[6], suspicion=row[7], most_ranges=row[8], shrinks=row[9],
    )  # fmt: skip


def bounded(dropped: Mapping[str, int], items: int) -> dict[str, int]:
    """No more than there were: a destination may claim anything."""
    found: dict[str, int] = {}
    for reason, number in dropped.items():
        found[reason] = min(max(number, 0), items - sum(found.values()))
    return found
