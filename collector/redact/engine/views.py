"""Text read in other ways: without escapes, decoded, joined. A finding in a view covers the text it was read from.

A view can only add findings. Each is built in one pass, and only where its mark is in the text at all.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from collector.redact.engine.rule import ByteRange, Trigger

Piece = tuple[int, int, bytes]
"""What stands at a range of the text is read as these bytes."""


class View:
    """Text made from a text by replacing pieces of it, that knows where each byte came from."""

    __slots__ = ("_from", "_raw", "data")

    def __init__(self, data: bytes, starts: list[int], raw: list[ByteRange]) -> None:
        self.data = data
        self._from = starts  # where in `data` each piece begins: kept and replaced ones in turn
        self._raw = raw  # and the range of the text it was made from

    def raw(self, start: int, end: int) -> ByteRange:
        """The range of the text that what stands at `start` up to `end` was read from."""
        first = bisect_right(self._from, start) - 1
        last = bisect_right(self._from, end - 1) - 1
        return self._at(first, start, False), self._at(last, end, True)

    def _at(self, piece: int, at: int, end: bool) -> int:
        view_start = self._from[piece]
        raw_start, raw_end = self._raw[piece]
        view_end = self._from[piece + 1] if piece + 1 < len(self._from) else len(self.data)
        if view_end - view_start == raw_end - raw_start:
            return raw_start + at - view_start
        return raw_end if end else raw_start

    def joins(self, start: int, end: int) -> bool:
        """Whether two pieces meet inside the range."""
        return bisect_right(self._from, start) < bisect_right(self._from, end - 1)


def _build(data: bytes, pieces: Iterable[Piece]) -> View | None:
    parts: list[bytes] = []
    starts: list[int] = []
    raw: list[ByteRange] = []
    at = size = 0
    for start, end, new in pieces:
        if start > at:
            parts.append(data[at:start])
            starts.append(size)
            raw.append((at, start))
            size += start - at
        if new:
            parts.append(new)
            starts.append(size)
            raw.append((start, end))
            size += len(new)
        at = end
    if not at:
        return None
    if at < len(data):
        parts.append(data[at:])
        starts.append(size)
        raw.append((at, len(data)))
    return View(b"".join(parts), starts, raw)


# -- escapes, invisible characters, and strings put together -----------------------------------------------------------

_TOKEN = r"[A-Za-z0-9_+/=.~-]"
_CONCAT = (
    r"[ \t]{0,8}(?:[+.&\\]?[ \t]{0,8}(?:\r?\n|\\{1,4}n)[ \t]{0,60}(?:[+-][ \t]{0,60})?[+.&]?|[+.&]?)[ \t]{0,8}[\"']"
)
_ESCAPE = re.compile(
    rb"""(?x) [\x1b\\\xe2\xef\xc2\xcd\xe1\xed%&"'] (?:
        (?P<gone> (?<=\x1b) (?: \[[0-9;:?]{0,32}[\x20-\x2f]{0,4}[@-~] | \][^\x07\x1b\x00]{0,256}(?:\x07|\x1b\\) )
            | (?<=\\) (?: \\{0,7}(?:u001[bB]|x1[bB]|033|e)\[[0-9;]{0,32}m
                | \\{0,7}u(?:200[b-fB-F]|202[a-eA-E]|206[0-9a-fA-F]|[fF][eE][fF][fF]|00[aA][dD])
                | \r?\n | \\{1,7}(?:\\r)?\\n )
            | (?<=\xe2) (?: \x80[\x8b-\x8f\xaa-\xae] | \x81[\xa0-\xaf] )
            | (?<=\xef) (?: \xbb\xbf | \xb8[\x80-\x8f] ) | (?<=\xc2)\xad | (?<=\xcd)\x8f | (?<=\xe1)\xa0\x8e
            | (?<=\xed)[\xa0-\xbf][\x80-\xbf]
            | (?<="""
    + _TOKEN.encode()
    + rb"""["'])"""
    + _CONCAT.encode()
    + rb"""(?="""
    + _TOKEN.encode()
    + rb""") )
        | (?<=\\) \\{0,7} (?: u00(?P<u> [2-7][0-9a-fA-F] ) | x(?P<x> [2-7][0-9a-fA-F] ) | (?P<slash> / ) )
        | (?<=\xef)(?P<wide> \xbc[\x81-\xbf] | \xbd[\x80-\x9e] )
        | (?<=%)(?P<percent> [2-7][0-9a-fA-F] )
        | (?<=&) (?: \#x(?P<entity> [2-7][0-9a-fA-F] ); | (?P<name> amp|lt|gt|quot|apos ); )
    )"""
)
_NAMES = {b"amp": b"&", b"lt": b"<", b"gt": b">", b"quot": b'"', b"apos": b"'"}

ESCAPED = Trigger(
    r"\x1b[\[\]]|\\(?:u001[bB]|x1[bB]|033|e)\[|\xe2\x80[\x8b-\x8f\xaa-\xae]|\xe2\x81[\xa0-\xaf]|\xef\xbb\xbf|\xc2\xad"
    r"|\xcd\x8f|\xe1\xa0\x8e|\xef\xb8[\x80-\x8f]|\xed[\xa0-\xbf]|\xef[\xbc\xbd]"
    r"|\\u(?:20[0-6]|[fF][eE]|00[aA2-7])|\\\r?\n|\\\\(?:\\+r)?\\n|\\x[2-7]|\\/|%[2-7][0-9a-fA-F]|&(?:#x|amp|lt|gt|quot|apos)"
    r"|" + _TOKEN + r"[\"']" + _CONCAT + _TOKEN,
    once=True,
)
"""In every text that has something for `unescaped` to do."""


_AROUND = 1200
"""How much text on either side of an escape is looked at again."""
_STEP = 512
_LONGEST_ESCAPE = 300


def unescaped(data: bytes, first: Callable[[memoryview], int]) -> View | None:
    """The text around escapes, with them read, invisible characters gone, and adjacent literals and lines joined.

    `first` tells where the first match of `ESCAPED` ends, or -1.
    """
    return _build(data, _near(len(data), list(_escapes(data, first))))


def _near(size: int, pieces: list[Piece]) -> Iterator[Piece]:
    """The pieces, and a zero byte in place of each long stretch that has none."""
    at = 0
    for piece in pieces:
        low, high = at + _AROUND * (at > 0), piece[0] - _AROUND
        if high - low > _AROUND:
            yield low, high, b"\0"
        yield piece
        at = piece[1]
    if pieces and size - at > 2 * _AROUND:
        yield at + _AROUND, size, b"\0"


def _escapes(data: bytes, first: Callable[[memoryview], int]) -> Iterator[Piece]:
    text = memoryview(data)
    at = 0
    while (hit := first(text[at:])) >= 0:
        low = max(at, at + hit - _LONGEST_ESCAPE)
        high = at + hit + _STEP
        at = high
        for start, end, new in _escapes_in(data, low, high):
            yield start, end, new
            at = max(at, end)


def _escapes_in(data: bytes, low: int, high: int) -> Iterator[Piece]:
    for match in _ESCAPE.finditer(data, low, high + _LONGEST_ESCAPE):
        if match.start() >= high:
            return
        kind = match.lastgroup
        new = b""
        if kind in ("u", "x", "percent", "entity"):
            new = bytes([int(match[kind], 16)])
        elif kind == "slash":
            new = b"/"
        elif kind == "name":
            new = _NAMES[match["name"]]
        elif kind == "wide":
            new = bytes([match[kind][1] - 0x60 + (0x40 if match[kind][0] == 0xBD else 0)])
        if new in (b'"', b"\\") and kind in ("u", "x"):
            continue  # an escaped quote or backslash says nothing that its neighbours do not
        yield match.start(), match.end(), new


_WORD = re.compile(rb"[A-Za-z0-9_+/.~=-]")


def without_placeholders(data: bytes, placeholders: list[ByteRange]) -> View | None:
    """The text without the placeholders that a word goes on after: one that was forged must not hide what follows."""
    joined: list[ByteRange] = []
    for low, high in placeholders:
        if joined and joined[-1][1] == low:
            joined[-1] = (joined[-1][0], high)
        else:
            joined.append((low, high))
    return _build(data, [(low, high, b"") for low, high in joined if low and _WORD.match(data, high)])


# -- base64 and hexadecimal digits -------------------------------------------------------------------------------------

_GROUP = "[I-Za-f][ACDEFGHQSTUVWXgijklmnwxyz0123][ABEFIJMNQRUVYZcdghklopstwx014589][A-Za-z0-9+/_-]"
"""Four characters that stand for three of ASCII text; by chance, one of twelve groups is such."""

ENCODED = (
    Trigger(f"(?:{_GROUP}){{5}}", 20),
    Trigger("(?:[2-7][0-9a-fA-F]){18}", 36),
    Trigger("H4sI[A-Za-z0-9+/]{12}", 16),
)
_B64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"
_B64_RUN = re.compile(rb"[A-Za-z0-9+/_-]{1,1000000}")
_B64_BREAK = re.compile(rb"(?:\r?\n|(?:\\{1,8}r)?\\{1,8}n|\\\r?\n)[ \t]{0,40}(?:[+>|-][ \t]?)?(?=[A-Za-z0-9+/_-]{4})")
_HEX = b"0123456789abcdefABCDEF"
_HEX_RUN = re.compile(rb"[0-9a-fA-F]{1,1000000}")
_FURTHEST_BACK = 4096
_MOST_INFLATED = 1 << 20
_STANDARD = bytes.maketrans(b"-_", b"+/")


def cuts_encoded(data: bytes, ranges: Iterable[tuple[int, int, Any]]) -> bool:
    """Whether encoded text may go on at a border of `ranges`: what is left of it may say something else by itself."""
    return any(
        (start and data[start - 1] in _B64) or (end < len(data) and data[end] in _B64) for start, end, _ in ranges
    )


class Region:
    """A run of encoded text, and what it says."""

    __slots__ = ("data", "end", "start")

    def __init__(self, start: int, end: int, data: bytes) -> None:
        self.start = start
        self.end = end
        self.data = data


def encoded(data: bytes, hit: int, at: int, most: int) -> Region:
    """Decode the run around the trigger that ends at `hit`; nothing before `at` belongs to it.

    Of what is compressed little more than `most` bytes are given.
    """
    if hit - at >= 36 and _HEX_TEXT.fullmatch(data, hit - 36, hit):
        return _hexadecimal(data, hit - 36, at)
    width = 16 if hit - at >= 16 and data[hit - 16 : hit - 12] == b"H4sI" else 20
    return _base64(data, hit - width, at, most)


_HEX_TEXT = re.compile(rb"(?:[2-7][0-9a-fA-F]){18}")


def _before(data: bytes, hit: int, at: int, alphabet: bytes) -> int:
    head = data[max(at, hit - _FURTHEST_BACK) : hit]
    start = hit - len(head) + len(head.rstrip(alphabet))
    if start < hit and data[start] in b"nrt" and start > at and data[start - 1] == 0x5C:
        start += 1  # the letter of an escape
    return start


def _hexadecimal(data: bytes, hit: int, at: int) -> Region:
    start = _before(data, hit, at, _HEX)
    run = _HEX_RUN.match(data, hit)
    end = run.end() if run else hit
    first = start + (hit - start) % 2
    return Region(start, end, binascii.unhexlify(data[first : first + (end - first) // 2 * 2]))


def _base64(data: bytes, hit: int, at: int, most: int) -> Region:
    """The run may begin before the hit, by whole groups of four, and go on over line breaks."""
    start = _before(data, hit, at, _B64)
    runs = [data[start + (hit - start) % 4 : hit]]
    end = hit
    while run := _B64_RUN.match(data, end):
        runs.append(run[0])
        end = run.end()
        if not (brk := _B64_BREAK.match(data, end)):
            break
        end = brk.end()
    text = b"".join(runs).translate(_STANDARD)
    text = text[: len(text) - (len(text) % 4 == 1)]
    decoded = base64.b64decode(text + b"=" * (-len(text) % 4))
    for _ in range(2):
        end += data[end : end + 1] == b"="
    return Region(start, end, _inflated(decoded, most) if decoded.startswith(b"\x1f\x8b") else decoded)


def _inflated(data: bytes, most: int) -> bytes:
    try:
        return zlib.decompressobj(31).decompress(data, max(1, min(most + 1, _MOST_INFLATED)))
    except zlib.error:
        return data
