"""What agents may ask of the kept traces: small answers, with a cursor where there is more."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from collector.errors import CollectorError
from collector.policy.model import KINDS
from collector.store import Reading
from collector.store.entries import SessionQuery
from collector.viewer.short_ids import only_session
from collector.viewer.shown import words
from collector.viewer.shown.figures import count, duration, money
from collector.viewer.shown.markdown import session_markdown, turn_markdown
from collector.viewer.shown.masks import masks_of
from collector.viewer.shown.overview import title_of
from collector.viewer.shown.spans import ShownSpan, read_spans
from collector.viewer.shown.turns import turns_of

_MOST_ROWS = 50
_MOST_SKIPPED = 10_000
_MOST_FOUND = 200
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
    session, number = given["session"], given.get("turn", 0)
    turns = turns_of(_spans_of_session(reader, session))
    if number:
        if not 1 <= number <= len(turns):
            raise NotUsable(f"turn: this session has {len(turns)}")
        return turn_markdown(turns[number - 1])
    return turn_markdown(turns[-1])


def _conversation(reader: Reading, given: Mapping[str, Any]) -> str:
    spans = _spans_of_session(reader, given["session"])
    turns = turns_of(spans)
    return session_markdown(title_of(spans, turns), turns, 1000)


def _spans(reader: Reading, given: Mapping[str, Any]) -> str:
    found = _spans_of_session(reader, given["session"])
    kind, name = given.get("kind", ""), given.get("name", "").lower()
    rows = [
        _row(span)
        for span in found
        if (not kind or span.kind == kind)
        and (not name or name in words.label(span).lower())
        and (not given.get("errors") or span.failed)
    ]
    return _page(rows, given)


def _errors(reader: Reading, given: Mapping[str, Any]) -> str:
    rows: list[dict[str, Any]] = []
    wanted = _skip(given) + _limit(given) + 1  # each of the sessions holds one at least
    for session in reader.sessions(SessionQuery(errors=True, since_ns=_since(given), limit=wanted)):
        for span in read_spans(reader.requests(session_id=session.session_id)):
            if span.failed and span.end_ns >= _since(given):
                rows.append({**_row(span), "session": session.session_id, "error": span.error[:300]})
        if len(rows) >= wanted:
            break
    return _page(rows, given)


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
    rows = []
    for span in _spans_of_session(reader, given["session"]):
        for mask in masks_of(span):
            rows.append({"rule": mask.rule, "span": span.span_id, "in": mask.place, "line": mask.line})
    return _page(rows, given)


def _wait(reader: Reading, given: Mapping[str, Any]) -> str:
    """Waits in the thread that answers; another turn is one whose AGENT span ends after the call began."""
    session = _whole_session(reader, given["session"]) if given.get("session") else ""
    start, deadline = time.time_ns(), time.monotonic() + given.get("seconds", 30)
    while time.monotonic() < deadline:
        for trace in reader.traces(session_id=session, limit=5):
            if trace.end_ns >= start:
                turns = [
                    t for t in turns_of(read_spans(reader.requests(trace_id=trace.trace_id))) if t.root is not None
                ]
                if turns:
                    return turn_markdown(turns[-1])
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


def _spans_of_session(reader: Reading, identifier: str) -> list[ShownSpan]:
    spans = list(read_spans(reader.requests(session_id=_whole_session(reader, identifier))))
    if not spans:
        raise NotUsable("session: none of this id is kept; `sessions` lists them")
    return sorted(spans, key=lambda span: span.start_ns)


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
        {**_SESSION, "turn": Argument("integer", "its number, from 1; 0 for the last", 0)},
        ("session",),
        _turn,
    ),
    Tool("conversation", "A whole session as Markdown, tool results cut short.", _SESSION, ("session",), _conversation),
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
