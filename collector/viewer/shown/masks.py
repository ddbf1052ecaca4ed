"""What was masked in a text: found by the placeholders that stand there, drawn as ink bars."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from collector.viewer.shown.spans import ShownSpan

_MASK = re.compile(r"\[(REDACTED|HMAC):([a-z0-9-]{1,64})(?: [0-9]{1,12} B|:[A-Za-z0-9]{1,16}:([0-9a-f]{16}))?\]")


@dataclass(frozen=True, slots=True)
class Masked:
    """One masked value: by which rule, and where it stands; `pseudonym` is empty for a placeholder."""

    rule: str
    place: str
    line: int
    whole: bool
    pseudonym: str = ""


def masks_in(text: str, place: str) -> Iterator[Masked]:
    """Every placeholder in `text`, which stands at `place`."""
    for found in _MASK.finditer(text):
        yield Masked(
            found[2],
            place,
            text.count("\n", 0, found.start()) + 1,
            found.end() - found.start() == len(text),
            found[3] or "",
        )


def masks_of(span: ShownSpan) -> list[Masked]:
    """Every masked value of a span, in the order of its attributes and events."""
    found = list(masks_in(span.name, "name"))
    found += masks_in(span.error, "status message")
    for key, value in span.attributes.items():
        found += _in_value(key, value)
    for event in span.events:
        for key, value in event.attributes.items():
            found += _in_value(f"{event.name}, {key}", value)
    return found


def has_masks(text: str) -> bool:
    return "[REDACTED:" in text or "[HMAC:" in text


def _in_value(place: str, value: Any) -> Iterator[Masked]:
    if isinstance(value, str):
        if has_masks(value):
            yield from masks_in(value, place)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _in_value(f"{place}.{key}", inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _in_value(place, inner)


def draw(html: str) -> Markup:
    """Ink bars in place of the placeholders of a text that is HTML already."""
    return Markup(_MASK.sub(_bar, html)) if has_masks(html) else Markup(html)


def inked(text: str) -> Markup:
    """A plain text, escaped, with ink bars in place of its placeholders."""
    return draw(str(escape(text)))


def _bar(found: re.Match[str]) -> str:
    rule, pseudonym = found[2], found[3]
    words = f"{rule}, pseudonym {pseudonym[:8]}" if pseudonym else rule
    return f'<span class="mask" title="masked by rule {rule}">{words}</span>'
