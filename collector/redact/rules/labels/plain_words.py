"""Spares looks at words of a language and names of programs: most labels stand before those, and a look costs ten times as much."""

from __future__ import annotations

import re

from collector.redact.engine.rule import ByteRange, Look
from collector.redact.rules.values import is_diced, is_plain

_LONGEST = 48
_IN_DATES = b"0123456789-.:,"


def unless_plain(look: Look, parted_by: bytes) -> Look:
    """A look that is spared where the word at the place is plain; words are parted by the bytes of a class.

    For rules that accept no plain word and no short number, and whose triggers end within the value.
    """
    rest = re.compile(rb"[^" + parted_by + rb"]{0,%d}" % _LONGEST)

    def look_unless_plain(data: bytes, place: int) -> ByteRange | None:
        before = rest.match(data[max(0, place - _LONGEST) : place][::-1])
        after = rest.match(data, place)
        word = (before[0][::-1] if before else b"") + (after[0] if after else b"")
        if len(word) < 16 and not word.translate(None, _IN_DATES):
            return None
        said = word.strip(b".,:;")
        if len(word) < _LONGEST and is_plain(said) and not (b"-" in said and is_diced(said)):
            return None
        return look(data, place)

    return look_unless_plain
