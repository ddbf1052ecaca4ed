"""How a rule looks at the place a trigger gave: for a token by its shape, for a labelled value by what is around it."""

from __future__ import annotations

import re
from collections.abc import Callable

from collector.redact.engine.checks import masked
from collector.redact.engine.rule import ByteRange, Look
from collector.redact.placeholders import consists_of_placeholders

_RUN = re.compile(rb"[A-Za-z0-9_+/~.$-]{1,4096}(?:=[A-F0-9]{8}(?![A-Za-z0-9_])|={0,2})")
_FIRST_RUN = re.compile(rb"[A-Za-z0-9_+/~.$:-]{1,512}(?:=[A-F0-9]{8}(?![A-Za-z0-9_])|={0,2})")
_BORDER = rb"(?:[|]|\xe2\x94[\x82\x83]|\xe2\x95\x91)"
"""Of a table or a box drawn around the text."""
_BREAK = re.compile(
    rb"(?:[ \t]{0,80}" + _BORDER + rb"?[ \t]{0,8})(?:\\?\r?\n|\\{1,8}r?\\{0,8}n)[ \t]{0,40}"
    rb"(?:" + _BORDER + rb"[ \t]{0,8}|[+>|-](?=[ \tA-Za-z0-9_])[ \t]?|[0-9]{1,6}[|\t] ?)?"
)  # fmt: skip
_LINE_ENDS = re.compile(rb"[ \t]{0,80}(?:\r?\n|\\|[\"'`,;)<]|" + _BORDER + rb"|\Z)")
_BEFORE_BREAK = (b"\n", b"\r", b"\\", b" ", b"\t", b"|", b"\xe2")
_MOST_LINES = 64
_MOST_BEFORE = 8
_LONGEST_START = 32
_NAME = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def token(
    pattern: re.Pattern[bytes], group: int = 0, check: Callable[[bytes], bool] | None = None, named: bool = False
) -> Look:
    """A token that begins at the place; broken over lines, it goes on as long as lines hold nothing else.

    A `named` one has the name of its vendor before the place.
    """

    def begin(data: bytes, start: int) -> int:
        head = data[max(0, start - 24) : start]
        return start - len(head) + len(head.rstrip(_NAME)) if named else start

    def look(data: bytes, place: int) -> ByteRange | None:
        match = pattern.match(data, place)
        run = _FIRST_RUN.match(data, place)
        if run and data[run.end() : run.end() + 1] in _BEFORE_BREAK and _BREAK.match(data, run.end()):
            found = _over_lines(data, run, match)
            if found:
                return found
        if match is None:
            return None
        start, end = match.span(group)
        if masked(match[group]) or (check and not check(match[group])):
            return None
        return begin(data, start), end

    def _over_lines(data: bytes, run: re.Match[bytes], match: re.Match[bytes] | None) -> ByteRange | None:
        if match is not None and match.end() != run.end():
            return None
        lead = data[max(0, run.start() - _MOST_BEFORE) : run.start()]  # what a pattern may ask of the text before it
        text = lead + run[0]
        ends = [(len(text), run.end())]
        while len(ends) < _MOST_LINES and (brk := _BREAK.match(data, ends[-1][1])):
            more = _RUN.match(data, brk.end())
            if not more or not _LINE_ENDS.match(data, more.end()):
                break
            if match is not None and not _goes_on(more[0]):
                break
            text += more[0]
            ends.append((len(text), more.end()))
            if match is None and pattern.match(text, len(lead)) and not _goes_on(more[0]):
                break
        if len(ends) == 1 or not (whole := pattern.match(text, len(lead))):
            return None
        if masked(whole[group]) or (check and not check(whole[group])):
            return None
        last = next((raw - size + whole.end(group)) for size, raw in ends if size >= whole.end(group))
        return begin(data, run.start() + whole.start(group) - len(lead)), last

    return look


def _goes_on(run: bytes) -> bool:
    """Whether a line of its own reads as the rest of a token and not as a word."""
    digits = any(48 <= byte <= 57 for byte in run)
    letters = any(65 <= byte <= 90 or 97 <= byte <= 122 for byte in run)
    mixed = any(65 <= byte <= 90 for byte in run[1:]) and any(97 <= byte <= 122 for byte in run)
    return (digits and letters) or mixed


def around(
    pattern: re.Pattern[bytes],
    back: int,
    accept: Callable[[re.Match[bytes], bytes], bool] | None = None,
    group: str = "secret",
    lead: int = 0,
    ahead: int = 300,
    starts: re.Pattern[bytes] | None = None,
    dear: bool = False,
) -> Look:
    """A value that the text before it labels: `pattern` is searched from `back` bytes before the place.

    The match must be over the place, or begin at most `lead` after it. `starts`, where a match can begin, saves trying
    `pattern` everywhere; it must find every such place. One that is `dear` to try is tried only where a match may
    begin, one byte after the other; others are sooner searched for, on to `ahead`.
    """

    def accepted(data: bytes, match: re.Match[bytes]) -> ByteRange | None:
        start, end = match.span(group)
        if end > start and not consists_of_placeholders(data, start, end) and (accept is None or accept(match, data)):
            return start, end
        return None

    def look_from_starts(data: bytes, place: int) -> ByteRange | None:
        assert starts is not None
        for near in starts.finditer(data, max(0, place - back), place + lead + _LONGEST_START):
            if near.start() > place + lead:
                return None
            match = pattern.match(data, near.start())
            if match and match.end() >= place and (found := accepted(data, match)):
                return found
        return None

    def look(data: bytes, place: int) -> ByteRange | None:
        at = max(0, place - back)
        while near := pattern.search(data, at, place + ahead):
            if near.start() > place + lead:
                return None
            match = pattern.match(data, near.start()) or near
            if match.end() >= place and (found := accepted(data, match)):
                return found
            at = match.start() + 1
        return None

    def look_from_each(data: bytes, place: int) -> ByteRange | None:
        for at in range(max(0, place - back), min(len(data), place + lead) + 1):
            match = pattern.match(data, at)
            if match and match.end() >= place and (found := accepted(data, match)):
                return found
        return None

    return look_from_starts if starts else look_from_each if dear else look
