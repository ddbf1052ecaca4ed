"""The text between placeholders: a label on one side of a placeholder says nothing of what stands on the other.

So what is left after masking holds no more findings than the text itself did, and a list of numbers is not taken for
telephones one by one because the name of a placeholder reads as a label.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from collector.redact.engine.rule import ByteRange, Rule


class Segments:
    """A text cut at its placeholders."""

    def __init__(self, data: bytes, placeholders: Sequence[ByteRange]) -> None:
        self._starts = [0, *(end for _, end in placeholders)]
        ends = [*(start for start, _ in placeholders), len(data)]
        self._texts = [data[start:end] for start, end in zip(self._starts, ends, strict=True)]

    def find(self, rule: Rule, places: Iterable[int]) -> Iterator[ByteRange]:
        """What `rule` finds at `places` (ascending) of the whole text, in each segment by itself."""
        number = -1
        inside: list[int] = []
        for place in places:
            at = bisect_right(self._starts, place + 1) - 1  # the last byte of a placeholder: just before what follows
            if at != number:
                yield from self._find_in(number, rule, inside)
                number, inside = at, []
            inside.append(max(place - self._starts[at], 0))
        yield from self._find_in(number, rule, inside)

    def _find_in(self, number: int, rule: Rule, places: list[int]) -> Iterator[ByteRange]:
        if places:
            text, start = self._texts[number], self._starts[number]
            for low, high in rule.find(text, [place for place in places if place <= len(text)]):
                yield start + low, start + high
