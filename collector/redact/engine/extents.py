"""Extents and what is put in their place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

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


def choose(found: list[Extent]) -> list[Extent]:
    """Where findings overlap, the one that starts first covers the others, and grows to the end of the last."""
    if len(found) < 2:
        return found
    chosen: list[Extent] = []
    for extent in sorted(found, key=lambda e: (e.start, -e.end, e.rule)):
        if chosen and extent.start < chosen[-1].end:
            if extent.end > chosen[-1].end:
                chosen[-1] = chosen[-1]._replace(end=extent.end)
        else:
            chosen.append(extent)
    return chosen


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


def outside(placeholders: list[ByteRange], start: int, end: int) -> ByteRange:
    """The range without the placeholders it begins or ends in."""
    for low, high in placeholders:
        if low <= start < high:
            start = high
        if low < end <= high:
            end = low
    return start, max(start, end)
