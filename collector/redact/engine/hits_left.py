"""Where triggers match in what masking leaves: only around what was put in the text are matches looked for again."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence

from collector.redact.engine.extents import Extent, longer_by
from collector.redact.engine.scan import Hit

_WORTH = 2
"""What is left is read as a whole where the parts to read are more than one in so many bytes of it."""


def hits_left(
    scan: Callable[[bytes], Sequence[Hit]],
    data: bytes,
    hits: Sequence[Hit],
    extents: Sequence[Extent],
    left: bytes,
    widest: int,
) -> list[Hit] | None:
    """The matches in `left`, which is `data` without `extents`, given those in `data`.

    None where to read all of it is as quick. Both texts stand between zero bytes, and ends of matches count the first
    one. No match is wider than `widest`, nor depends on more than one byte on each side.
    """
    starts = [extent.start for extent in extents]
    ends = [extent.end + widest + 2 for extent in extents]
    if len(extents) * 2 * widest * _WORTH > len(left):
        return None
    shifts = [0]  # how much further on what stands behind so many extents is in `left`
    for extent in extents:
        shifts.append(shifts[-1] + longer_by(data, extent))
    found: list[Hit] = []
    for trigger, end in hits:
        passed = bisect_left(starts, end)  # extents that begin before the end of the match
        if not passed or end >= ends[passed - 1]:
            found.append((trigger, end + shifts[passed]))
    padded = b"\0" + left + b"\0"
    for number, extent in enumerate(extents):
        low = extent.start + shifts[number]
        high = extent.end + shifts[number + 1] + widest + 2
        if number + 1 < len(extents):
            high = min(high, starts[number + 1] + shifts[number + 1] + 1)
        at = max(0, low - widest - 2)
        found += [(trigger, end + at) for trigger, end in scan(padded[at : high + 2]) if low < end + at < high]
    return found
