"""Extents and what is put in their place."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from collector.policy.model import Action
from collector.redact.engine.rule import ByteRange
from collector.redact.placeholders import named


class Extent(NamedTuple):
    """A finding: what stands at `start` up to `end` (bytes) is what `rule` describes."""

    start: int
    end: int
    rule: str


Render = Callable[[Extent, bytes], bytes]


def placeholder(extent: Extent, _found: bytes) -> bytes:
    """Name the rule, and nothing about what it found."""
    return named(extent.rule).encode()


def replace(data: bytes, extents: Iterable[Extent], render: Render = placeholder) -> bytes:
    """Put what `render` makes where `extents` (in order, none over another) say.

    A bare JSON number gets the quotes of the strings around it, so that a document stays valid JSON.
    """
    parts: list[bytes] = []
    at = 0
    for extent in extents:
        found = data[extent.start : extent.end]
        quote = _quote(data, extent, found)
        parts += (data[at : extent.start], quote, render(extent, found), quote)
        at = extent.end
    parts.append(data[at:])
    return b"".join(parts)


def longer_by(data: bytes, extent: Extent) -> int:
    """How many bytes longer the text is with a placeholder in place of `extent`; below zero where it is shorter."""
    found = data[extent.start : extent.end]
    return len(placeholder(extent, found)) + 2 * len(_quote(data, extent, found)) - len(found)


_NUMBER = re.compile(rb"-?[0-9][0-9.eE+-]*")
_AFTER_NUMBER = re.compile(rb"(?:\\+[nrt]|\s){0,40}[,}\]]")
_BEFORE_NUMBER = re.compile(rb"[:\[,](?:\\+[nrt]|\s){0,40}\Z")
_QUOTE = re.compile(rb"(\\{0,64}\")[^\"]*\Z")


def _quote(data: bytes, extent: Extent, found: bytes) -> bytes:
    if not _NUMBER.fullmatch(found) or not _AFTER_NUMBER.match(data, extent.end):
        return b""
    before = data[max(0, extent.start - 400) : extent.start]
    if not _BEFORE_NUMBER.search(before[-48:]):
        return b""
    quote = _QUOTE.search(before)
    if not quote:
        return b'"'
    if before[quote.end(1) :].lstrip()[:1] in (b":", b",", b"]", b"}"):
        return quote[1]
    return b"\\" * (2 * len(quote[1]) - 1) + b'"'  # the text in which the number stands is itself a string


Strictness = Mapping[str, int]
"""How strict the action of a rule is; a rule that is not named has `NAMED`."""

NAMED = int(Action.PLACEHOLDER)


def choose(found: list[Extent], strictness: Strictness) -> list[Extent]:
    """Where findings overlap one extent covers them all, under the rule with the strictest action, else the first."""
    if len(found) < 2:
        return found
    chosen: list[Extent] = []
    for extent in sorted(found, key=lambda e: (e.start, -e.end, e.rule)):
        if not chosen or extent.start >= chosen[-1].end:
            chosen.append(extent)
            continue
        start, end, rule = chosen[-1]
        if strictness and strictness.get(extent.rule, NAMED) > strictness.get(rule, NAMED):
            rule = extent.rule
        if extent.end > end or rule != chosen[-1].rule:
            chosen[-1] = Extent(start, max(end, extent.end), rule)
    return chosen


def brought_back(data: bytes, extents: Sequence[Extent], again: Iterable[Extent]) -> Iterator[Extent]:
    """What was found `again` in the text that replacing `extents` leaves, as extents of the text itself."""
    left: list[int] = []  # where in what is left each piece begins: a kept one, and a placeholder, in turn
    starts: list[int] = []
    ends: list[int] = []
    at = size = 0
    for extent in extents:
        put = longer_by(data, extent) + extent.end - extent.start
        for start, end, length in ((at, extent.start, extent.start - at), (extent.start, extent.end, put)):
            if length:
                left.append(size)
                starts.append(start)
                ends.append(end)
                size += length
        at = extent.end
    left.append(size)
    starts.append(at)
    ends.append(len(data))

    def piece(place: int) -> tuple[int, bool]:
        index = bisect_right(left, place) - 1
        length = (left[index + 1] if index + 1 < len(left) else size + len(data) - at) - left[index]
        return index, length == ends[index] - starts[index]

    for start, end, rule in again:
        first, kept = piece(start)
        low = starts[first] + (start - left[first] if kept else 0)
        last, kept = piece(max(start, end - 1))
        high = starts[last] + end - left[last] if kept else ends[last]
        yield Extent(low, high, rule)


def settle(data: bytes, start: int, end: int) -> ByteRange:
    """Move the borders off the middle of an escape (`\\n`, `\\"`, `\\u0041`) and of a UTF-8 character."""
    while start > 0 and data[start - 1] == 0x5C:
        start -= 1
    if (cut := data.rfind(b"\\u", max(0, start - 5), start)) >= 0:
        start = cut
        while start > 0 and data[start - 1] == 0x5C:
            start -= 1
    while end > start + 1 and end < len(data) and data[end - 1] == 0x5C:
        end -= 1
    while start > 0 and start < len(data) and data[start] & 0xC0 == 0x80:
        start -= 1
    while end < len(data) and data[end] & 0xC0 == 0x80:
        end += 1
    return start, end
