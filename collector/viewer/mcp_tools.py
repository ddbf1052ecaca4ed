"""What agents may ask of the kept traces: small answers, with a cursor where there is more."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from collector.batch import SpanEntry
from collector.errors import CollectorError
from collector.policy.model import KINDS
from collector.store import Reading
from collector.store.entries import SessionQuery, SpanQuery
from collector.store.outline import OutlinedSpan
from collector.viewer.reading import outline_of, read_span, read_these
from collector.viewer.short_ids import only_session
from collector.viewer.shown import words
from collector.viewer.shown.figures import count, duration, money
from collector.viewer.shown.markdown import session_markdown, turn_markdown
from collector.viewer.shown.masks import masks_of
from collector.viewer.shown.overview import title_of
from collector.viewer.shown.parts import MOST_BYTES, MOST_SPANS, Outline
from collector.viewer.shown.spans import ShownSpan
from collector.viewer.shown.turns import turns_in

_MOST_ROWS = 50
_MOST_SKIPPED = 10_000
_MOST_FOUND = 200
_MOST_SCANNED = 1000
_MOST_CHARACTERS = 29_000
_MOST_MINUTES = 10 * 366 * 24 * 60


class NotUsable(CollectorError):
    """A tool was called with arguments that cannot be used; the message says which."""


class Argument(NamedTuple):
    """An argument of a tool: JSON Schema's type, what it means, and what it may be: from least to most, or a choice."""

    kind: str
    text: str
    least: int | None = None
    most: int | None = None
    choices: tuple[str, ...] = ()

    def schema(self) -> dict[str, Any]:
        bounds = {"minimum": self.least, "maximum": self.most, "enum": list(self.choices) or None}
        said = {name: value for name, value in bounds.items() if value is not None}
        return {"type": self.kind, "description": self.text, **said}

    def expected(self, value: Any) -> str:
        """What a value should be that cannot be used; empty for one that can."""
        if self.kind == "boolean":
            return "" if isinstance(value, bool) else "boolean"
        if self.kind == "string":
            fits = isinstance(value, str) and (not self.choices or value in self.choices)
            return "" if fits else ", ".join(self.choices) or "text"
        if isinstance(value, int) and not isinstance(value, bool) and self._holds(value):
            return ""
        bounds = [
            f"at least {self.least}" if self.least is not None else "",
            f"at most {self.most}" if self.most else "",
        ]
        return " ".join(["integer", *filter(None, [", ".join(filter(None, bounds))])])

    def _holds(self, value: int) -> bool:
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)


@dataclass(frozen=True, slots=True)
class Tool:
    """What an agent may call: its description, its arguments by name, and what answers."""

    name: str
    description: str
    arguments: Mapping[str, Argument]
    required: tuple[str, ...]
    answer: Callable[[Reading, Mapping[str, Any]], str]

    def document(self) -> dict[str, Any]:
        properties = {name: argument.schema() for name, argument in self.arguments.items()}
        schema = {"type": "object", "properties": properties, "required": list(self.required)}
        hints = {"readOnlyHint": True, "openWorldHint": False}
        return {"name": self.name, "description": self.description, "inputSchema": schema, "annotations": hints}


def _sessions(reader: Reading, given: Mapping[str, Any]) -> str:
    query = SessionQuery(
        agent=given.get("agent", ""),
        model=given.get("model", ""),
        tool=given.get("tool", ""),
        directory=given.get("directory", ""),
        errors=given.get("errors", False),
        since_ns=_since(given),
        before_ns=given.get("before", 0),
        limit=_limit(given),
    )
    rows = [
        {
            "session": row.session_id,
            "title": row.title or row.prompt,
            "directory": row.directory,
            "agent": row.agent or row.service,
            "model": row.model,
            "turns": row.traces,
            "tools": row.tools,
            "errors": row.errors,
            "tokens": row.tokens,
            "cost": round(row.cost, 4),
            "end_ns": row.end_ns,
        }
        for row in reader.sessions(query)
    ]
    return _rows(rows, f"page on with before={rows[-1]['end_ns']}" if len(rows) == query.limit else "")


def _turn(reader: Reading, given: Mapping[str, Any]) -> str:
    number, outline = given.get("turn", 0), _outline(reader, given["session"])
    if not 0 <= number <= len(outline.turns):
        raise NotUsable(f"turn: this session has {len(outline.turns)}")
    chosen = outline.turns[number - 1] if number else outline.turns[-1]
    return _read_on(reader, Outline([chosen]).recut(MOST_SPANS, MOST_BYTES), given, None)


def _conversation(reader: Reading, given: Mapping[str, Any]) -> str:
    return _read_on(reader, _outline(reader, given["session"]), given, 1000)


def _read_on(reader: Reading, outline: Outline, given: Mapping[str, Any], most_output: int | None) -> str:
    """A part as Markdown, as much of it as an answer holds, and how to ask for what comes next."""
    parts = len(outline.parts)
    part = min(given.get("part", 0), parts) or parts
    spans = read_these(reader, outline.wanted(part))
    turns = turns_in(outline.slices(part), spans, [turn.cost for turn in outline.turns])
    if most_output is None:
        text = "\n".join(turn_markdown(turn) for turn in turns)
    else:
        text = session_markdown(title_of(spans, turns), turns, most_output)
    skip = _skip(given)
    until = skip + _MOST_CHARACTERS
    more = [f"page on with part={part} and skip={until}"] if until < len(text) else []
    if parts > 1:
        others = [f"{word} part={at}" for word, at in (("earlier:", part - 1), ("later:", part + 1)) if 0 < at <= parts]
        more.append(f"part {part} of {parts}: page on with {others[0].partition(' ')[2]} ({', '.join(others)})")
    return "\n".join([text[skip:until], *more])


def _spans(reader: Reading, given: Mapping[str, Any]) -> str:
    """By kind and failure the lists tell; a name is looked for in so many spans at once as may be read."""
    kind, name = given.get("kind", ""), given.get("name", "").lower()
    every = _spans_of(_outline(reader, given["session"]))
    wanted = [span for span in every if (not kind or span.kind == kind) and (not given.get("errors") or span.failed)]
    return _scan(
        reader, wanted, given, lambda span: [_row(span)] if not name or name in words.label(span).lower() else [],
        at_once=_MOST_SCANNED if name else _limit(given),
    )  # fmt: skip


def _errors(reader: Reading, given: Mapping[str, Any]) -> str:
    failed: list[SpanEntry] = []
    wanted = _skip(given) + _limit(given) + 1  # each of the sessions holds one at least
    since, only = _since(given), SpanQuery(errors=True)
    for session in reader.sessions(SessionQuery(errors=True, since_ns=since, limit=wanted)):
        own = reader.spans(session_id=session.session_id, limit=wanted, only=only)
        failed += [span for span in own if span.end_ns >= since]
        if len(failed) >= wanted:
            break
    shown = failed[_skip(given) : _skip(given) + _limit(given)]
    kept = {
        (span.trace_id, span.span_id): span
        for entry in shown
        for span in [read_span(reader, entry.trace_id, entry.span_id)]
        if span is not None
    }
    lines = [
        orjson.dumps({**_row(span), "session": entry.session_id, "error": span.error[:300]}).decode()
        for entry in shown
        if (span := kept.get((entry.trace_id, entry.span_id))) is not None
    ]
    return _with_rest(lines, _skip(given) + _limit(given), len(failed))


def _cost(reader: Reading, given: Mapping[str, Any]) -> str:
    by = given.get("by", "model")
    sums: dict[str, list[float]] = {}
    for row in reader.sessions(SessionQuery(since_ns=_since(given), limit=10_000)):
        key = {"model": row.model, "agent": row.agent or row.service, "directory": row.directory}.get(
            by, row.session_id
        )
        held = sums.setdefault(key, [0, 0.0, 0])
        held[0], held[1], held[2] = held[0] + row.tokens, held[1] + row.cost, held[2] + 1
    ordered = sorted(sums.items(), key=lambda item: -item[1][1])
    lines = [f"{key or 'unknown'}: {money(cost)}, {count(tokens)} tokens, {number:.0f} sessions"
             for key, (tokens, cost, number) in ordered]  # fmt: skip
    return _lines(lines, given) if lines else "nothing is kept of that time"


def _masked(reader: Reading, given: Mapping[str, Any]) -> str:
    def rows(span: ShownSpan) -> list[dict[str, Any]]:
        return [
            {"rule": mask.rule, "span": span.span_id, "in": mask.place, "line": mask.line} for mask in masks_of(span)
        ]

    return _scan(reader, _spans_of(_outline(reader, given["session"])), given, rows, at_once=_MOST_SCANNED)


def _scan(
    reader: Reading,
    spans: Sequence[OutlinedSpan],
    given: Mapping[str, Any],
    rows: Callable[[ShownSpan], list[dict[str, Any]]],
    at_once: int,
) -> str:
    """What `rows` finds in spans, in order of time, until there is a page of it or so many `at_once` were read."""
    skip = _skip(given)
    looked_at = spans[skip : skip + at_once]
    known = {(span.trace_id, span.span_id): span for span in read_these(reader, list(looked_at))}
    lines: list[str] = []
    for each in looked_at:
        if len(lines) >= _limit(given):
            break
        skip += 1
        span = known.get((each.trace_id, each.span_id))
        lines += [orjson.dumps(row).decode() for row in rows(span)] if span is not None else []
    return _with_rest(lines, skip, len(spans))


def _with_rest(lines: list[str], until: int, of: int) -> str:
    return "\n".join([*(lines or ["none"]), *([f"page on with skip={until}"] if of > until else [])])


def _wait(reader: Reading, given: Mapping[str, Any]) -> str:
    """Waits in the thread that answers; another turn is one whose AGENT span ends after the call began."""
    session = _whole_session(reader, given["session"]) if given.get("session") else ""
    start, deadline = time.time_ns(), time.monotonic() + given.get("seconds", 30)
    while time.monotonic() < deadline:
        for trace in reader.traces(session_id=session, limit=5):
            if trace.end_ns >= start:
                ended = [turn for turn in outline_of(reader, trace_id=trace.trace_id).turns if turn.root is not None]
                if ended:
                    return _read_on(reader, Outline(ended[-1:]).recut(MOST_SPANS, MOST_BYTES), {}, None)
        time.sleep(0.25)
    return "no turn ended in that time; call again to wait on"


def _search(reader: Reading, given: Mapping[str, Any]) -> str:
    hits = reader.search(given["text"], _MOST_FOUND)  # of which pages are cut: their order depends on the number
    rows = [
        {"session": hit.session_id, "trace": hit.trace_id, "span": hit.span_id, "name": hit.name,
         "snippet": hit.snippet.replace("\x02", "").replace("\x03", "")}
        for hit in hits
    ]  # fmt: skip
    return _page(rows, given)


def _outline(reader: Reading, identifier: str) -> Outline:
    outline = outline_of(reader, session_id=_whole_session(reader, identifier))
    if not outline.turns:
        raise NotUsable("session: none of this id is kept; `sessions` lists them")
    return outline


def _spans_of(outline: Outline) -> list[OutlinedSpan]:
    return sorted((span for turn in outline.turns for span in turn.spans), key=lambda span: span.start_ns)


def _whole_session(reader: Reading, identifier: str) -> str:
    """The id as it is where nothing has one like it: of a session that is waited for, the first turn may be to come."""
    found = reader.find(identifier)
    return only_session(identifier, found) if found else identifier


def _row(span: ShownSpan) -> dict[str, Any]:
    return {
        "span": span.span_id,
        "trace": span.trace_id,
        "kind": span.kind,
        "name": words.label(span),
        "failed": span.failed,
        "took": duration(span.duration_ns),
    }


def _rows(rows: list[dict[str, Any]], more: str) -> str:
    if not rows:
        return "none"
    text = "\n".join(orjson.dumps(row).decode() for row in rows)
    return f"{text}\n{more}" if more else text


def _page(rows: list[dict[str, Any]], given: Mapping[str, Any]) -> str:
    """The asked part of the rows a line each, and how to ask for the next."""
    return _lines([orjson.dumps(row).decode() for row in rows], given)


def _lines(lines: list[str], given: Mapping[str, Any]) -> str:
    until = _skip(given) + _limit(given)
    shown = lines[_skip(given) : until]
    return "\n".join([*(shown or ["none"]), *([f"page on with skip={until}"] if len(lines) > until else [])])


def _skip(given: Mapping[str, Any]) -> int:
    return int(given.get("skip", 0))


def _limit(given: Mapping[str, Any]) -> int:
    return int(given.get("limit", 20))


def _since(given: Mapping[str, Any]) -> int:
    minutes = int(given.get("minutes", 0))
    return time.time_ns() - minutes * 60_000_000_000 if minutes else 0


_LIMIT = {"limit": Argument("integer", f"rows at most, {_MOST_ROWS} at the most", 1, _MOST_ROWS)}
_PAGE = {**_LIMIT, "skip": Argument("integer", "rows to leave out, as the last page said", 0, _MOST_SKIPPED)}
_MINUTES = {"minutes": Argument("integer", "only what was heard in the last so many minutes", 0, _MOST_MINUTES)}
_PARTS = {
    "part": Argument("integer", "of a long one, which part, from 1; 0 for the last", 0),
    "skip": Argument("integer", "characters to leave out, as the last page said", 0),
}
_SESSION = {"session": Argument("string", "a session's id, as `sessions` gives it; a part of it will do")}
TOOLS: tuple[Tool, ...] = (
    Tool(
        "sessions",
        "List sessions of coding agents, newest first, with turns, tools, errors, tokens and cost.",
        {
            "agent": Argument("string", "only this agent"),
            "model": Argument("string", "only this model"),
            "tool": Argument("string", "only sessions that called this tool"),
            "directory": Argument("string", "only this working directory"),
            "errors": Argument("boolean", "only sessions with failures"),
            "before": Argument("integer", "an end_ns from the last page", 0, 2**63 - 1),
            **_MINUTES,
            **_LIMIT,
        },
        (),
        _sessions,
    ),
    Tool(
        "turn",
        "One turn of a session as Markdown: prompt, answers, tool calls with results, diffs. The last one by default.",
        {**_SESSION, "turn": Argument("integer", "its number, from 1; 0 for the last", 0), **_PARTS},
        ("session",),
        _turn,
    ),
    Tool(
        "conversation",
        "A session as Markdown, tool results cut short; a long one in parts, the last one first.",
        {**_SESSION, **_PARTS},
        ("session",),
        _conversation,
    ),
    Tool(
        "spans",
        "The spans of a session, filtered.",
        {
            **_SESSION,
            "kind": Argument("string", "only spans of this kind", choices=tuple(sorted(KINDS))),
            "name": Argument("string", "part of its name"),
            "errors": Argument("boolean", "only failed ones"),
            **_PAGE,
        },
        ("session",),
        _spans,
    ),
    Tool("errors", "Failed spans of all sessions, newest sessions first.", {**_MINUTES, **_PAGE}, (), _errors),
    Tool(
        "cost",
        "Tokens and cost, added up.",
        {
            "by": Argument("string", "by what to add up", choices=("model", "agent", "directory", "session")),
            **_MINUTES,
            **_PAGE,
        },
        (),
        _cost,
    ),
    Tool(
        "masked",
        "What was masked in a session: rule and place, never the value.",
        {**_SESSION, **_PAGE},
        ("session",),
        _masked,
    ),
    Tool(
        "search",
        f"Spans whose kept text holds all these words, the newest {_MOST_FOUND}.",
        {"text": Argument("string", "words"), **_PAGE},
        ("text",),
        _search,
    ),
    Tool(
        "wait_for_turn",
        "Wait until a turn ends, and give it as Markdown.",
        {
            "session": Argument("string", "only this session, by its id or a part of it"),
            "seconds": Argument("integer", "at most this long, 60 at the most", 0, 60),
        },
        (),
        _wait,
    ),
)
"""Small answers; a cursor where there is more."""
