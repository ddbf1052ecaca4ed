"""A pass phrase between quotes, where a rule of single words has found nothing."""

from __future__ import annotations

import re

from collector.redact.engine.looks import around
from collector.redact.engine.rule import ByteRange, Look
from collector.redact.rules.labels.verdicts import is_phrase

_QUOTES = (b'"', b"'")
_FARTHEST_QUOTE = 14
"""From a place in the first word of a phrase back to the quote before it."""


def or_phrase(look: Look, before: str, back: int) -> Look:
    """What `look` finds, or else the words between quotes behind `before`."""
    phrase = around(
        re.compile(f"(?i)(?:{before})".encode() + rb"(?P<mark>[\"'])(?P<secret>[^\"'\\\n\x00]{8,100})(?P=mark)"),
        back,
        lambda match, data: is_phrase(match["secret"]),
    )

    def look_for_either(data: bytes, place: int) -> ByteRange | None:
        found = look(data, place)
        if found:
            return found
        near = data[max(0, place - _FARTHEST_QUOTE) : place]
        return phrase(data, place) if any(quote in near for quote in _QUOTES) else None

    return look_for_either
