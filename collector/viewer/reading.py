"""Reading of what is kept no more than an answer shows: the outline of a session or trace, and parts of it."""

from __future__ import annotations

from collections.abc import Iterator
from weakref import WeakKeyDictionary

from collector.store import Reading
from collector.store.outline import OutlinedSpan
from collector.viewer.shown.excerpt import Excerpt
from collector.viewer.shown.parts import MOST_BYTES, Outline
from collector.viewer.shown.spans import ShownSpan, read_spans
from collector.viewer.shown.turns import ShownTurn, turns_in

_AT_ONCE = 1000
"""Of a session that is written as a whole so many spans are in memory."""


_REMEMBERED = 4
_remembered: WeakKeyDictionary[Reading, dict[tuple[str, str], tuple[object, Outline]]] = WeakKeyDictionary()
"""Of a page its rail and the parts beside it are asked for next; what was kept in between makes an outline anew."""


def outline_of(reader: Reading, session_id: str = "", trace_id: str = "") -> Outline:
    """The turns of a session or trace, and its parts."""
    known = _remembered.setdefault(reader, {})
    name, version = (session_id, trace_id), reader.version()
    before, outline = known.get(name, (None, None))
    if outline is not None and version is not None and before == version:
        return outline
    outline = Outline.of(reader.outline(session_id, trace_id))
    known.pop(name, None)
    known[name] = version, outline
    for oldest in list(known)[:-_REMEMBERED]:
        known.pop(oldest, None)
    return outline


def read_these(reader: Reading, spans: list[OutlinedSpan]) -> list[ShownSpan]:
    """These spans with their content, in the order they were kept; one that is gone is left out."""
    return list(read_spans(reader.requests_of(spans)))


def read_excerpt(reader: Reading, excerpt: Excerpt) -> list[ShownSpan]:
    """The spans that a page shows."""
    return read_these(reader, excerpt.wanted)


def read_span(reader: Reading, trace_id: str, span_id: str) -> ShownSpan | None:
    """One span; None when it is not kept."""
    return next(iter(read_these(reader, reader.outline(trace_id=trace_id, span_id=span_id))), None)


def turns_of_part(reader: Reading, outline: Outline, part: int) -> list[ShownTurn]:
    """The turns, or pieces of turns, that stand in a part."""
    spans = read_these(reader, outline.wanted(part))
    return turns_in(outline.slices(part), spans, [turn.cost for turn in outline.turns])


def every_turn(reader: Reading, outline: Outline) -> Iterator[ShownTurn]:
    """All turns of a session, some at a time; a long turn comes in pieces."""
    outline = outline.recut(_AT_ONCE, 2 * MOST_BYTES)
    for part in range(1, len(outline.parts) + 1):
        yield from turns_of_part(reader, outline, part)
