"""Encoded text within a text, and what it says: base64 (of UTF-16, gzip or zlib too), hexadecimal digits, hexdumps."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from collector.redact.engine.rule import Trigger
from collector.redact.engine.scan import Ahead, First, Gated, scanner, touched

_GROUP = "[I-Za-f][ACDEFGHQSTUVWXgijklmnwxyz0123][ABEFIJMNQRUVYZcdghklopstwx014589][A-Za-z0-9+/_-]"
"""Four characters that stand for three of ASCII text; by chance, one of twelve groups is such."""

_WIDE_GROUPS = "[I-Za-f][AQgw][AB][A-Za-z0-9+/_-]A[C-H][AEIMQUYcgkosw048]A"
"""Eight characters that stand for six bytes of ASCII text in UTF-16, low bytes first."""
_PACKED = "(?:H4sI[A-Za-z0-9+/_-]|eJ[w-z][A-Za-z0-9+/_-]{2}|(?:eAE|eNo|eF[4-7])[A-Za-z0-9+/_-]{2})[A-Za-z0-9+/_-]{15}"
"""How gzip and zlib begin."""
_SPACED = "(?:[2-7][0-9a-fA-F][ ]){7}[2-7][0-9a-fA-F]"
_PAIRED = "(?:[2-7][0-9a-fA-F]){2}(?:[ ](?:[2-7][0-9a-fA-F]){2}){3}"

_RUN_OF = 20
_RUN = (Trigger("[A-Za-z0-9+/_-]{20}", _RUN_OF),)
"""In every match of `_IN_RUNS`; six times as fast to look for, and some texts have none."""
_IN_RUNS = (Trigger(f"(?:{_GROUP}){{5}}", 20),)
_HEX_IN_RUNS = (Trigger("(?:[2-7][0-9a-fA-F]){18}", 36),)
_OTHERS = (
    Trigger(f"(?:{_WIDE_GROUPS}){{3}}", 24),
    Trigger(_SPACED, 23),
    Trigger(_PAIRED, 19),
    Trigger(_PACKED, 20),
)
"""All are looked for apart: together they take half as long again."""
_WIDEST = 36
ENCODED = Trigger("|".join(("[0-9a-fA-F]{36}", *(trigger.source for trigger in _OTHERS))), once=True)
"""In every text that has encoded text other than base64 of ASCII.

Beside the triggers of rules it costs next to nothing, and where it does not match nothing else is looked for.
"""
_B64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"
_B64_RUN = re.compile(rb"[A-Za-z0-9+/_-]{1,1000000}")
_B64_BREAK = re.compile(rb"(?:\r?\n|(?:\\{1,8}r)?\\{1,8}n|\\\r?\n)[ \t]{0,40}(?:[+>|-][ \t]?)?(?=[A-Za-z0-9+/_-]{4})")
_HEX = b"0123456789abcdefABCDEF"
_HEX_RUN = re.compile(rb"[0-9a-fA-F]{1,1000000}")
_FURTHEST_BACK = 4096
_MOST_INFLATED = 1 << 20
_STANDARD = bytes.maketrans(b"-_", b"+/")


class EncodedScanner:
    """Finds where encoded text may be; safe to share between threads.

    `marked` says that `ENCODED` matches, so that there may be more than base64 of ASCII.
    """

    def __init__(self, scanner_name: str = "") -> None:
        self._plain: First = Gated(scanner(_RUN, scanner_name), _RUN_OF, scanner(_IN_RUNS, scanner_name))
        self._all = (self._plain, scanner(_HEX_IN_RUNS, scanner_name), scanner(_OTHERS, scanner_name))

    def touched(self, joined: bytes, starts: Sequence[int], marked: bool) -> set[int]:
        """Which of the texts that begin at `starts` in `joined` may hold encoded text."""
        return set().union(*(touched(one, joined, starts) for one in self._scanners(marked)))

    def touches(self, data: bytes) -> bool:
        """Whether an unmarked text may hold encoded text."""
        return self._plain.first(memoryview(data)) >= 0

    def regions(self, data: bytes, most: Callable[[], int], marked: bool) -> Iterator[EncodedRegion]:
        """The encoded regions in order, each decoded; `most` tells how much compressed text may unfold to by then."""
        ahead = Ahead(memoryview(data), self._scanners(marked), _WIDEST)
        at = 0
        while (hit := ahead.first_end(at)) >= 0:
            region = _region(data, hit, at, most())
            yield region
            at = max(region.end, hit)

    def _scanners(self, marked: bool) -> Sequence[First]:
        return self._all if marked else self._all[:1]


def cuts_encoded(data: bytes, ranges: Iterable[tuple[int, int, Any]]) -> bool:
    """Whether encoded text may go on at a border of `ranges`: what is left of it may say something else by itself."""
    return any(
        (start and data[start - 1] in _B64) or (end < len(data) and data[end] in _B64) for start, end, _ in ranges
    )


_IN_RUN = re.compile(_IN_RUNS[0].source.encode())


_FEW = 40
"""Borders are looked at one by one; where there are more amid what may be encoded, all of the text is."""


def joins_base64(data: bytes, borders: Iterable[int]) -> bool:
    """Whether a trigger for base64 of ASCII may match over one of the borders, so that neither side alone says it."""
    looked_at = 0
    for border in borders:
        low, high = border - _RUN_OF // 2, border + _RUN_OF // 2 - 1
        if (
            0 < border < len(data)
            and data[border - 1] in _B64
            and data[border] in _B64
            and ((low >= 0 and data[low] in _B64) or (high < len(data) and data[high] in _B64))
        ):
            looked_at += 1
            if looked_at > _FEW or _IN_RUN.search(data, max(0, border - _RUN_OF + 1), border + _RUN_OF - 1):
                return True
    return False


class EncodedRegion:
    """A run of encoded text, and what it says."""

    __slots__ = ("data", "end", "start")

    def __init__(self, start: int, end: int, data: bytes) -> None:
        self.start = start
        self.end = end
        self.data = data


def _region(data: bytes, hit: int, at: int, most: int) -> EncodedRegion:
    """Decode the run around the trigger that ends at `hit`; nothing before `at` belongs to it.

    Of what is compressed little more than `most` bytes are given.
    """
    for pattern, width, decode in _DECODERS:
        if hit - at >= width and pattern.fullmatch(data, hit - width, hit):
            return decode(data, hit - width, at, most)
    return _base64(data, max(at, hit - 20), at, most)


def _before(data: bytes, hit: int, at: int, alphabet: bytes) -> int:
    head = data[max(at, hit - _FURTHEST_BACK) : hit]
    start = hit - len(head) + len(head.rstrip(alphabet))
    if start < hit and data[start] in b"nrt" and start > at and data[start - 1] == 0x5C:
        start += 1  # the letter of an escape
    return start


def _hexadecimal(data: bytes, hit: int, at: int, most: int) -> EncodedRegion:
    start = _before(data, hit, at, _HEX)
    run = _HEX_RUN.match(data, hit)
    end = run.end() if run else hit
    first = start + (hit - start) % 2
    return EncodedRegion(start, end, binascii.unhexlify(data[first : first + (end - first) // 2 * 2]))


def _base64(data: bytes, hit: int, at: int, most: int) -> EncodedRegion:
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
    if decoded[:1] == b"\x1f" or decoded[:1] == b"\x78":
        decoded = _inflated(decoded, most)
    elif b"\0" in decoded[:2]:
        decoded = _narrow(decoded)
    return EncodedRegion(start, end, decoded)


def _narrow(data: bytes) -> bytes:
    """Text in UTF-16 as UTF-8; the run may begin with the second byte of a character."""
    first = data[0:20:2].count(0) > data[1:20:2].count(0)
    return data[first:].decode("utf-16-le", "replace").encode("utf-8", "replace")


def _inflated(data: bytes, most: int) -> bytes:
    try:
        return zlib.decompressobj(47).decompress(data, max(1, min(most + 1, _MOST_INFLATED)))
    except zlib.error:
        return data


# -- hexdumps ----------------------------------------------------------------------------------------------------------

_DUMP_LINE = re.compile(
    rb"(?:[0-9a-fA-F]{4,16}:?[ \t]{1,4})?(?P<hex>(?:[0-9a-fA-F]{2}){1,2}(?:[ ]{1,2}(?:[0-9a-fA-F]{2}){1,2}){1,340})"
    rb"(?:[ \t]{1,60}[^\r\n\\]{0,40})?"
)
"""One line of what `xxd`, `hexdump -C` and `od` print: an address, bytes in ones or twos, and what they say."""
_DUMP_BREAK = re.compile(rb"\r?\n|\\{1,8}n")
_MOST_DUMP_LINES = 4096
_LONGEST_DUMP_LINE = 1100


def _dump(data: bytes, hit: int, at: int, most: int) -> EncodedRegion:
    """The lines of a dump from that of the hit on; those before it say nothing that a trigger would know."""
    low = max(at, hit - _LONGEST_DUMP_LINE)
    breaks = list(_DUMP_BREAK.finditer(data, low, hit))
    line_start = breaks[-1].end() if breaks else low
    start = next((place for place in range(line_start, hit + 1) if _begins_dump(data, place, hit)), hit)
    said: list[bytes] = []
    end = place = start
    for _ in range(_MOST_DUMP_LINES):
        line = _DUMP_LINE.match(data, place, place + _LONGEST_DUMP_LINE)
        if not line:
            break
        digits = line["hex"].replace(b" ", b"")
        said.append(binascii.unhexlify(digits[: len(digits) // 2 * 2]))
        end = line.end()
        brk = _DUMP_BREAK.match(data, end)
        if not brk:
            break
        place = brk.end()
    return EncodedRegion(start, max(end, hit), b"".join(said))


def _begins_dump(data: bytes, place: int, hit: int) -> bool:
    line = _DUMP_LINE.match(data, place)
    return line is not None and line.start("hex") <= hit <= line.end()


_DECODERS = (
    (re.compile(b"(?:[2-7][0-9a-fA-F]){18}"), 36, _hexadecimal),
    (re.compile(_SPACED.encode()), 23, _dump),
    (re.compile(_PAIRED.encode()), 19, _dump),
    (re.compile(f"(?:{_WIDE_GROUPS}){{3}}".encode()), 24, _base64),
    (re.compile(_PACKED.encode()), 20, _base64),
    (re.compile(f"(?:{_GROUP}){{5}}".encode()), 20, _base64),
)
