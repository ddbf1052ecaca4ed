"""Items taken out of a repeated field: those above a limit, or those at some places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from collector.policy.model import Action
from collector.redact.report import TOO_MANY, Tally


def cut(holder: Any, items: Any, most: int, counter: str, tally: Tally) -> None:
    """Leave the first `most` items, and say in the counter of the holder, where it has one, how many went."""
    left = len(items) - most
    if left <= 0:
        return
    del items[most:]
    tally.add(TOO_MANY, Action.DROP, left)
    if holder is not None and counter in holder.DESCRIPTOR.fields_by_name:
        setattr(holder, counter, min(getattr(holder, counter) + left, 2**32 - 1))


def delete(items: Any, indexes: Sequence[int]) -> None:
    """Take out the items at `indexes` (ascending), whole runs at a time."""
    end = len(indexes)
    while end:
        start = end - 1
        while start and indexes[start - 1] == indexes[start] - 1:
            start -= 1
        del items[indexes[start] : indexes[end - 1] + 1]
        end = start
