"""One session, turn, trace or span with its content, as one document: for `collector show` and for programs."""

from __future__ import annotations

from typing import Any

from collector.store import Reading
from collector.viewer.shown.markdown import session_markdown, span_markdown, turn_markdown
from collector.viewer.shown.overview import title_of
from collector.viewer.shown.spans import ShownSpan, read_spans
from collector.viewer.shown.turns import ShownTurn, turns_of


def shown(reader: Reading, session: str = "", trace: str = "", span: str = "", turn: int = 0) -> dict[str, Any] | None:
    """What is kept under whole ids; None where there is none, or where the session has no turn of this number.

    `kind` is session, turn, trace or span; `turns` and `spans` are in order of time, times in nanoseconds since the
    epoch; `markdown` is all of it as a person reads it.
    """
    spans = list(read_spans(reader.requests(session_id="" if trace else session, trace_id=trace)))
    if span:
        return next((_span_document(each) for each in spans if each.span_id == span), None)
    turns = turns_of(spans)
    if not turns:
        return None
    title = title_of(spans, turns)
    if turn:
        if turn > len(turns):
            return None
        chosen = turns[turn - 1]
        return _document("turn", chosen.trace_id, title, [chosen], turn_markdown(chosen))
    if trace:
        return _document("trace", trace, title, turns, session_markdown(title, turns))
    return _document("session", session, title, turns, session_markdown(title, turns))


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
    return {
        "number": turn.number,
        "trace_id": turn.trace_id,
        "prompt": turn.prompt,
        "start_ns": turn.start_ns,
        "end_ns": turn.end_ns,
        "failed": turn.failed,
        "incomplete": turn.root is None or turn.incomplete,
        "calls": turn.calls,
        "tools": turn.tools,
        "failed_tools": turn.failed_tools,
        "tokens": turn.usage.total,
        "cost": turn.usage.cost,
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
