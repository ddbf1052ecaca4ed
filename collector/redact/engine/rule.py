"""What a rule is: triggers that tell where to look, and a bounded look at that place.

A trigger is an expression that Hyperscan and `re` read alike. Either all its matches have one width, and the look
begins where the match does, or their ends are what matters, and the look begins there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

ByteRange = tuple[int, int]
Look = Callable[[bytes, int], ByteRange | None]
"""Given the text and a place in it, the range of a finding there. Must look no further than some fixed distance."""


class Trigger(NamedTuple):
    """Where to look: at the start of a match when `width` is given, otherwise at its end."""

    source: str
    width: int | None = None
    literals: tuple[bytes, ...] = ()
    """One of these, in lower case, is in every match (none: always try)."""
    once: bool = False
    """Whether it is enough to know that it matches at all."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of text that must not leave, with examples of what it finds and what it leaves alone."""

    id: str
    pack: str
    triggers: tuple[Trigger, ...]
    look: Look
    match: tuple[str, ...] = ()
    no_match: tuple[str, ...] = ()
    token: bool = False
    """Known by its own shape, with no help from the text around: may be looked for across a mask."""
    on: bool = True
    """Off: listed, and found only where a policy asks for it."""
    since: int = 1
    """The first version of its pack that has it."""
    until: int | None = None
    """The last version of its pack that has it (None: every later one)."""
    reach: int = 0
    """Organisation rules only: the most bytes a match can have (then `pattern` is searched around each trigger)."""
    pattern: re.Pattern[bytes] | None = field(default=None, repr=False)
    group: int = 0
    check: Callable[[bytes], bool] | None = field(default=None, repr=False)

    def find(self, data: bytes, places: Sequence[int]) -> list[ByteRange]:
        """The ranges found at `places` (in ascending order), none over another."""
        if self.pattern is not None:
            return _search(self, data, places)
        ranges: list[ByteRange] = []
        last = -1
        for place in places:
            if place >= last:
                found = self.look(data, place)
                if found is not None and found[1] > found[0]:
                    ranges.append(found)
                    last = found[1]
        return ranges


def _search(rule: Rule, data: bytes, ends: Sequence[int]) -> list[ByteRange]:
    """Every match that a search of the whole text would give, searching only around where matches end."""
    pattern = rule.pattern
    assert pattern is not None
    ranges: list[ByteRange] = []
    at = 0
    index = 0
    while index < len(ends):
        low = max(at, ends[index] - rule.reach)
        high = ends[index]
        while index + 1 < len(ends) and ends[index + 1] - rule.reach <= high:
            index += 1
            high = ends[index]
        index += 1
        at = low
        while at < high and (match := pattern.search(data, at, min(len(data), high + 1))):
            if match.end() == match.start():
                at = match.end() + 1
                continue
            start, end = match.span(rule.group)
            if end > start and (rule.check is None or rule.check(match[rule.group])):
                ranges.append((start, end))
            at = match.end()
    return ranges


_FILL = re.compile(r"\{(alnum|hex|HEX|upper|lower|digit|b32|b58|b64|url)([0-9]{1,4})\}")
_ALPHABETS = {
    "alnum": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
    "hex": "0123456789abcdef",
    "HEX": "0123456789ABCDEF",
    "upper": "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
    "lower": "abcdefghijklmnopqrstuvwxyz0123456789",
    "digit": "0123456789",
    "b32": "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
    "b58": "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
    "b64": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    "url": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-",
}


def expand(example: str, seed: int = 1) -> str:
    """Fill an example in: `{hex32}` becomes 32 digits, so that no file holds what looks like a credential."""

    def fill(match: re.Match[str]) -> str:
        nonlocal seed
        alphabet = _ALPHABETS[match[1]]
        chars = []
        for _ in range(int(match[2])):
            seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
            chars.append(alphabet[(seed >> 33) % len(alphabet)])
        return "".join(chars)

    return _FILL.sub(fill, example)
