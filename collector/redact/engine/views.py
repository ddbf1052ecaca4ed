"""Text read in other ways: without escapes, decoded, joined. A finding in a view covers the text it was read from.

A view can only add findings. Each is built in one pass, and only where its mark is in the text at all.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum

from collector.redact.engine.encoded import joins_base64
from collector.redact.engine.rule import ByteRange, Trigger

Piece = tuple[int, int, bytes]
"""What stands at a range of the text is read as these bytes."""


class Joins(Enum):
    """Which encoded text a view may hold that the text it was made from did not."""

    NONE = 0
    MARKED = 1
    """None but what `ENCODED` matches: no base64 of ASCII."""
    ANY = 2


class View:
    """Text made from a text by replacing pieces of it, that knows where each byte came from."""

    __slots__ = ("_from", "_raw", "data", "joins_encoded")

    def __init__(self, data: bytes, starts: list[int], raw: list[ByteRange]) -> None:
        self.data = data
        self.joins_encoded = Joins.ANY
        """What encoded text there may be that the text itself did not hold."""
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

    def borders(self) -> Sequence[int]:
        """Where in the view one piece ends and the next begins."""
        return self._from[1:]

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
    rb"""(?x) [\x01-\x08\x0e-\x1b\x7f\\\xe2\xef\xc2\xcd\xe1\xed\xf3\xd8\xe3%&"'>|] (?:
        (?<=["']) (?<="""
    + _TOKEN.encode()
    + rb"""["'])"""
    + _CONCAT.encode()
    + rb"""(?="""
    + _TOKEN.encode()
    + rb""")
        | (?<=\\) (?: \\{0,7}(?:u001[bB]|x1[bB]|033|e)\[[0-9;]{0,32}m
            | \\{0,7}u(?:200[b-fB-F]|202[a-eA-E]|206[0-9a-fA-F]|[fF][eE][fF][fF]|00[aA][dD])
            | \r?\n | \\{1,7}(?:\\r)?\\n
            | \\{0,7} (?: u00(?P<u> [2-7][0-9a-fA-F] ) | x(?P<x> [2-7][0-9a-fA-F] ) | (?P<slash> / )
                | u\{0{0,4}(?P<brace> [2-7][0-9a-fA-F] )\} | U000000(?P<long> [2-7][0-9a-fA-F] )
                | (?P<octal> 0[4-7][0-7] | 1[0-6][0-7] | 17[0-6] ) ) )
        | (?<=%)(?P<percent> [2-7][0-9a-fA-F] )
        | (?<=&) (?: \#[xX]0{0,4}(?P<entity> [2-7][0-9a-fA-F] ); | (?P<name> [A-Za-z]{2,14} );
            | \#0{0,4}(?P<decimal> 3[2-9] | [4-9][0-9] | 1[01][0-9] | 12[0-6] ); )
        | (?<=[:=][ ][>|]) [+-]? \r?\n [ \t]{1,40}
        | (?<=[\x80-\xff]) (?:
            (?<=\xe2) (?: \x80[\x8b-\x8f\xaa-\xae] | \x81[\xa0-\xaf] )
            | (?<=\xef) (?: \xbb\xbf | \xb8[\x80-\x8f] ) | (?<=\xc2)\xad | (?<=\xcd)\x8f | (?<=\xe1)\xa0\x8e
            | (?<=\xed)[\xa0-\xbf][\x80-\xbf] | (?<=\xd8)\x9c | (?<=\xe3)\x85\xa4
            | (?<=\xe1) (?: \xa0[\x8b-\x8f] | \x85[\x9f\xa0] | \x9e[\xb4\xb5] )
            | (?<=\xef) (?: \xbe\xa0 | \xbf[\xb9-\xbb] )
            | (?<=\xf3)\xa0 (?: [\x84-\x87][\x80-\xbf]
                | (?<!\xf3\xa0[\x80\x81][\x80-\xbf]\xf3\xa0[\x80\x81][\x80-\xbf]\xf3\xa0)
                    [\x80\x81][\x80-\xbf](?!(?:\xf3\xa0[\x80\x81][\x80-\xbf]){2}) )
            | (?<=\xf3)\xa0(?P<tag> [\x80\x81][\x80-\xbf] )
            | (?<=\xef)(?P<wide> \xbc[\x81-\xbf] | \xbd[\x80-\x9e] ) )
        | (?<=[\x01-\x08\x0e-\x1a\x7f])
        | (?<=\x1b) (?: \[[0-9;:?]{0,32}[\x20-\x2f]{0,4}[@-~] | \][^\x07\x1b\x00]{0,256}(?:\x07|\x1b\\) )
    )"""
)
"""By their first byte, the most common ones first: a try that fails costs as much as a match."""
_NAMES = {
    b"amp": b"&", b"lt": b"<", b"gt": b">", b"quot": b'"', b"apos": b"'", b"lowbar": b"_", b"hyphen": b"-",
    b"dash": b"-", b"period": b".", b"sol": b"/", b"bsol": b"\\", b"colon": b":", b"equals": b"=", b"plus": b"+",
    b"commat": b"@", b"num": b"#", b"dollar": b"$", b"percnt": b"%", b"ast": b"*", b"excl": b"!", b"quest": b"?",
    b"lpar": b"(", b"rpar": b")", b"lsqb": b"[", b"lbrack": b"[", b"rsqb": b"]", b"rbrack": b"]", b"lcub": b"{",
    b"lbrace": b"{", b"rcub": b"}", b"rbrace": b"}", b"semi": b";", b"comma": b",", b"grave": b"`", b"verbar": b"|",
    b"vert": b"|", b"nbsp": b" ", b"Tab": b"\t", b"NewLine": b"\n", b"shy": b"", b"zwnj": b"", b"zwj": b"",
    b"ZeroWidthSpace": b"",
}  # fmt: skip

ESCAPED = Trigger(
    r"\x1b[\[\]]|\\(?:u001[bB]|x1[bB]|033|e)\[|\xe2\x80[\x8b-\x8f\xaa-\xae]|\xe2\x81[\xa0-\xaf]|\xef\xbb\xbf|\xc2\xad"
    r"|\xcd\x8f|\xe1(?:\xa0[\x8b-\x8f]|\x85[\x9f\xa0]|\x9e[\xb4\xb5])|\xef\xb8[\x80-\x8f]|\xed[\xa0-\xbf]|\xef[\xbc\xbd]"
    r"|\xd8\x9c|\xe3\x85\xa4|\xef(?:\xbe\xa0|\xbf[\xb9-\xbb])|\xf3\xa0[\x80-\x87]|[\x01-\x08\x0e-\x1a\x7f]"
    r"|[:=] [>|][+-]?\r?\n[ \t]|\\(?:u\{|U0000|0[4-7][0-7]|1[0-7][0-7])"
    r"|\\u(?:20[0-6]|[fF][eE]|00[aA2-7])|" + _TOKEN + r"\\\r?\n|(?:[A-Za-z0-9_\"'`:]|[^=!<>]=)[ \t]{1,8}\\\r?\n"
    r"|\\\\(?:\\r)?\\n|\\x[2-7]|\\/|%[2-7][0-9a-fA-F]|&(?:#[xX0-9]|[A-Za-z]{2,14};)",
)
JOINED = Trigger(_TOKEN + r"[\"']" + _CONCAT + _TOKEN)
"""One of both is in every text that has something for `unescaped` to do; a line that goes on after an operator has not.

They are looked for apart: beside others, what begins with a quote makes Hyperscan take twice as long for all of them.
"""


_AROUND = 1200
"""How much text on either side of an escape is looked at again."""
_LONGEST_MARK = 18
_LONGEST_JOINT = 160
_LONGEST_ESCAPE = 48
"""Longer than a mark, since the parameters of a terminal's command stand behind it."""
_LONGEST_COMMAND = 300
"""Of a terminal: `ESC ]`, then a title."""
_BETWEEN = 64
"""Marks nearer to each other than that are read in one go."""
_EVERY = 16
"""A text with a mark so often, or oftener, is read as a whole."""
Marks = tuple[list[int], list[int]]
"""Where `ESCAPED` and where `JOINED` match: the ends, in a text with a zero byte before it."""


def unescaped(data: bytes, marks: Marks, encoded: Sequence[ByteRange]) -> View | None:
    """The text around escapes, with them read, invisible characters gone, and adjacent literals and lines joined.

    It is read at all `marks`. `encoded` is where the text holds encoded text.
    """
    many = sum(map(len, marks)) > len(data) // _EVERY + 1
    pieces = _escapes(data, [(0, len(data))] if many else _parts(data, *marks))
    view = _build(data, _near(len(data), pieces))
    if view:
        joined = (encoded and _beside(pieces, encoded)) or joins_base64(view.data, view.borders())
        view.joins_encoded = Joins.ANY if joined else Joins.MARKED
    return view


_LONGEST_BREAK = 64
"""What may stand between two lines of encoded text."""


def _beside(pieces: Sequence[Piece], encoded: Sequence[ByteRange]) -> bool:
    """Whether any encoded text may go on behind, before or over one of the pieces."""
    return any(
        start - _LONGEST_BREAK <= piece_end and piece_start <= end + _LONGEST_BREAK
        for start, end in encoded
        for piece_start, piece_end, _ in pieces
    )


def _near(size: int, pieces: list[Piece]) -> list[Piece]:
    """The pieces, and a zero byte in place of each long stretch that has none."""
    near: list[Piece] = []
    at = 0
    for piece in pieces:
        start, end, _ = piece
        if start - at > 2 * _AROUND:
            low = at + _AROUND if at else 0
            if start - low > 2 * _AROUND:
                near.append((low, start - _AROUND, b"\0"))
        near.append(piece)
        at = end
    if pieces and size - at > 2 * _AROUND:
        near.append((at + _AROUND, size, b"\0"))
    return near


def _escapes(data: bytes, parts: Iterable[ByteRange]) -> list[Piece]:
    longest = _LONGEST_COMMAND if b"\x1b]" in data else _LONGEST_ESCAPE
    pieces: list[Piece] = []
    at = 0
    for low, high in parts:
        for match in _ESCAPE.finditer(data, max(low, at), high + longest):
            start, end = match.span()
            if start >= high:
                break
            new = b"" if match.lastgroup is None else _says(match, match.lastgroup)
            if new is not None:
                pieces.append((start, end, new))
            at = end
            if end >= high:
                break
    return pieces


def _parts(data: bytes, escaped: Sequence[int], joined: Sequence[int]) -> Iterator[ByteRange]:
    """The parts of the text that are read: each from where an escape may begin to where its mark ends, in order."""
    parts = [(max(0, end - 1 - _LONGEST_MARK), end - 1) for end in escaped]
    parts += [(_joint(data, end - 1), end - 1) for end in joined]
    parts.sort()
    at = 0
    while at < len(parts):
        low, high = parts[at]
        at += 1
        while at < len(parts) and parts[at][0] <= high + _BETWEEN:
            high = max(high, parts[at][1])
            at += 1
        yield low, high


def _joint(data: bytes, end: int) -> int:
    """Where the quote may be that ends the first of two strings, when the second begins just before `end`."""
    low = max(0, end - _LONGEST_JOINT)
    quote = low + len(data[low : end - 2].rstrip(_IN_JOINT)) - 1
    return quote if quote >= low and data[quote] in b"\"'" else low


_IN_JOINT = b" \t\r\n\\+.&-"


def _says(match: re.Match[bytes], kind: str) -> bytes | None:
    """What an escape of a kind says; None where that is nothing that its neighbours do not say, too."""
    if kind == "name":
        return _NAMES.get(match[kind])
    if kind == "slash":
        return b"/"
    if kind == "tag":
        return bytes([(match[kind][0] - 0x80) * 0x40 + match[kind][1] - 0x80])
    if kind == "wide":
        return bytes([match[kind][1] - 0x60 + (0x40 if match[kind][0] == 0xBD else 0)])
    code = int(match[kind], 8 if kind == "octal" else 10 if kind == "decimal" else 16)
    quote = code in (0x22, 0x5C) and kind not in ("percent", "entity", "decimal")
    return None if quote else bytes([code])


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
