"""One session, turn, trace or span with its content, as one document: for `collector show` and for programs."""

from __future__ import annotations

from typing import Any

from collector.store import Reading
from collector.store.entries import SessionQuery
from collector.viewer.reading import outline_of, read_span, read_these
from collector.viewer.shown.markdown import session_markdown, span_markdown, turn_markdown
from collector.viewer.shown.overview import title_of
from collector.viewer.shown.parts import MOST_BYTES, MOST_SPANS, Outline
from collector.viewer.shown.spans import ShownSpan
from collector.viewer.shown.turns import ShownTurn, turns_in


def shown(
    reader: Reading, session: str = "", trace: str = "", span: str = "", turn: int = 0, part: int = 0
) -> dict[str, Any] | None:
    """What is kept under whole ids; None where there is none, or where the session has no turn of this number.

    `kind` is session, turn, trace or span; `turns` and `spans` are in order of time, times in nanoseconds since the
    epoch; `markdown` is all of it as a person reads it. What is long comes in `parts`, the last one where no `part`
    is asked for; of a turn that stands in several of them each holds all its sums and its own spans.
    """
    if span:
        found = read_span(reader, trace, span)
        return None if found is None else _span_document(found)
    outline = outline_of(reader, "" if trace else session, trace)
    entry = next(iter(reader.sessions(SessionQuery(session=session, limit=1))), None) if session and not trace else None
    if turn:
        outline = Outline(outline.turns[turn - 1 : turn]).recut(MOST_SPANS, MOST_BYTES)
    parts = len(outline.parts)
    if not parts:
        return None
    number = min(part, parts) or parts
    spans = read_these(reader, outline.wanted(number))
    turns = turns_in(outline.slices(number), spans, [each.cost for each in outline.turns])
    if not turns:
        return None
    title = title_of(spans, turns, (entry.title or entry.prompt) if entry is not None and parts > 1 else "")
    written = "\n".join(turn_markdown(each) for each in turns)
    if not turn and number == 1:
        written = session_markdown(title, turns)
    kind = "turn" if turn else "trace" if trace else "session"
    identifier = turns[0].trace_id if turn else trace or session
    return {**_document(kind, identifier, title, turns, written), "part": number, "parts": parts}


def _document(kind: str, identifier: str, title: str, turns: list[ShownTurn], markdown: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "id": identifier,
        "title": title,
        "turns": [_turn(turn) for turn in turns],
        "spans": [_span(span) for turn in turns for span in turn.spans],
        "markdown": markdown,
    }


def _span_document(span: ShownSpan) -> dict[str, Any]:
    identifier = f"{span.trace_id}/{span.span_id}"
    markdown = span_markdown(span)
    return {
        "kind": "span", "id": identifier, "title": span.name, "turns": [], "spans": [_span(span)], "markdown": markdown
    }  # fmt: skip


def _turn(turn: ShownTurn) -> dict[str, Any]:
    sums = turn.sums
    return {
        "number": turn.number,
        "trace_id": turn.trace_id,
        "prompt": turn.prompt,
        "start_ns": sums.start_ns,
        "end_ns": sums.end_ns,
        "failed": turn.failed,
        "incomplete": turn.root is None or turn.incomplete,
        "calls": sums.calls,
        "tools": sums.tools,
        "failed_tools": sums.failed_tools,
        "tokens": sums.tokens,
        "cost": sums.cost,
        "waited_ns": turn.waited_ns,
    }


def _span(span: ShownSpan) -> dict[str, Any]:
    return {
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "parent_id": span.parent_id,
        "session_id": span.session_id,
        "name": span.name,
        "kind": span.kind,
        "service": span.service,
        "start_ns": span.start_ns,
        "end_ns": span.end_ns,
        "failed": span.failed,
        "error": span.error,
        "attributes": _plain(span.attributes),
        "events": [
            {"name": event.name, "at_ns": event.at_ns, "attributes": _plain(event.attributes)} for event in span.events
        ],
    }


def _plain(value: Any) -> Any:
    """Bytes have no place in JSON: they are hexadecimal."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value
