"""What the viewer lists: spans, and the sums of their traces and sessions, kept as spans come and go."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, fields, replace
from operator import attrgetter
from typing import Any

from collector.batch import SpanEntry

_OF_SESSION = ("title", "directory", "agent", "prompt", "failure")
COLUMNS = tuple(each.name for each in fields(SpanEntry) if each.name not in _OF_SESSION)
"""Columns of `spans` that an entry fills; what it says of its session stands in `sessions`."""

_SPENDS = frozenset({"LLM", "EMBEDDING", "RERANKER"})
"""Kinds whose tokens and cost are summed; AGENT and CHAIN spans repeat what these spent."""

_ROOT_RANK = 2**63 - 1
_PUT = f"INSERT OR REPLACE INTO spans ({', '.join(COLUMNS)}, batch_id) VALUES ({', '.join('?' * len(COLUMNS))}, ?)"
_VALUES = attrgetter(*COLUMNS)
_GET = f"SELECT {', '.join(COLUMNS)} FROM spans WHERE trace_id = ? AND span_id = ?"


@dataclass(slots=True)
class _Sums:
    """What is added to a trace or a session."""

    traces: int = 0
    spans: int = 0
    errors: int = 0
    tools: int = 0
    tokens: int = 0
    cost: float = 0.0
    start_ns: int = 2**63 - 1
    end_ns: int = 0
    name: str = ""
    name_rank: int = 2**63 - 1
    session_id: str = ""
    service: str = ""
    title: str = ""
    directory: str = ""
    agent: str = ""
    prompt: str = ""
    model: str = ""
    failure: str = ""
    root: bool = False
    uses: set[tuple[str, str]] = field(default_factory=set)

    def add(self, span: SpanEntry, sign: int = 1) -> None:
        self.spans += sign
        self.errors += sign * span.error
        self.tools += sign * (span.kind == "TOOL")
        if span.kind in _SPENDS:
            self.tokens += sign * span.tokens
            self.cost += sign * span.cost
        if sign < 0:
            return
        self.start_ns = min(self.start_ns, span.start_ns)
        self.end_ns = max(self.end_ns, span.end_ns)
        self.session_id = self.session_id or span.session_id
        self.service = self.service or span.service
        self.title = span.title or self.title
        self.directory = span.directory or self.directory
        self.agent = self.agent or span.agent
        self.prompt = self.prompt or span.prompt
        self.model = span.model or self.model
        if span.kind == "AGENT" or not span.parent_id:
            self.root, self.failure = True, span.failure
        rank = span.start_ns - (0 if span.parent_id else _ROOT_RANK)
        if rank < self.name_rank:
            self.name, self.name_rank = span.name, rank
        if span.model:
            self.uses.add(("model", span.model))
        if span.tool:
            self.uses.add(("tool", span.tool))

    def merge(self, other: _Sums) -> None:
        """Add what another one adds."""
        self.traces += other.traces
        self.spans += other.spans
        self.errors += other.errors
        self.tools += other.tools
        self.tokens += other.tokens
        self.cost += other.cost
        self.start_ns = min(self.start_ns, other.start_ns)
        self.end_ns = max(self.end_ns, other.end_ns)
        if other.name_rank < self.name_rank:
            self.name, self.name_rank = other.name, other.name_rank
        self.session_id = self.session_id or other.session_id
        self.service = self.service or other.service
        self.title = other.title or self.title
        self.directory = other.directory or self.directory
        self.agent = self.agent or other.agent
        self.prompt = self.prompt or other.prompt
        self.model = other.model or self.model
        if other.root:
            self.root, self.failure = True, other.failure
        self.uses = self.uses | other.uses


class _Totals:
    """What a change adds to the traces and sessions it touches."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str], _Sums] = defaultdict(_Sums)

    def add(self, span: SpanEntry, sign: int = 1) -> None:
        self._sums[span.trace_id, span.session_id].add(span, sign)

    def write(self, connection: sqlite3.Connection, batch_id: int) -> None:
        traces: dict[str, _Sums] = {}
        sessions: dict[str, _Sums] = defaultdict(_Sums)
        for (trace_id, session_id), sums in self._sums.items():
            if trace_id in traces:
                traces[trace_id].merge(sums)
            else:
                traces[trace_id] = replace(sums)
            if session_id:
                sessions[session_id].merge(sums)
        for trace_id, sums in traces.items():
            _write_trace(connection, trace_id, sums, sessions)
        for session_id, sums in sessions.items():
            _write_session(connection, session_id, sums, batch_id)


def list_spans(
    connection: sqlite3.Connection, spans: Iterable[SpanEntry], batch_id: int, only: Collection[str] | None = None
) -> None:
    """List the spans of a batch, those of ids in `only` where it is given; one that is listed already is replaced."""
    wanted = {(span.trace_id, span.span_id): span for span in spans if only is None or span.span_id in only}
    if not wanted:
        return
    totals = _Totals()
    known = {
        trace_id
        for trace_id in {trace_id for trace_id, _ in wanted}
        if connection.execute("SELECT 1 FROM traces WHERE trace_id = ?", (trace_id,)).fetchone()
    }
    for key, span in wanted.items():
        if key[0] in known and (row := connection.execute(_GET, key).fetchone()) is not None:
            totals.add(_entry(row), -1)
        totals.add(span)
    connection.executemany(_PUT, [(*_VALUES(span), batch_id) for span in wanted.values()])
    totals.write(connection, batch_id)


def forget_spans(connection: sqlite3.Connection, batch_id: int) -> None:
    """Take the spans of a batch off the lists; a trace or session goes with its last span."""
    totals = _Totals()
    rows = connection.execute(f"DELETE FROM spans WHERE batch_id = ? RETURNING {', '.join(COLUMNS)}", (batch_id,))
    for row in rows.fetchall():
        totals.add(_entry(row), -1)
    totals.write(connection, 0)


def _write_trace(connection: sqlite3.Connection, trace_id: str, sums: _Sums, sessions: dict[str, _Sums]) -> None:
    """Add `sums` to a trace, and count the trace in its session when it is new there, or gone."""
    row = connection.execute("SELECT session_id, spans FROM traces WHERE trace_id = ?", (trace_id,)).fetchone()
    before = row[0] if row else ""
    if row is not None and row[1] + sums.spans <= 0:
        connection.execute("DELETE FROM traces WHERE trace_id = ?", (trace_id,))
        after = ""
    else:
        after = before or sums.session_id
        connection.execute(
            "INSERT INTO traces VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (trace_id) DO UPDATE SET"
            " session_id = CASE session_id WHEN '' THEN excluded.session_id ELSE session_id END,"
            " service = CASE service WHEN '' THEN excluded.service ELSE service END,"
            " name = CASE WHEN excluded.name_rank <= name_rank THEN excluded.name ELSE name END,"
            " name_rank = min(name_rank, excluded.name_rank), spans = spans + excluded.spans,"
            " errors = errors + excluded.errors, tokens = tokens + excluded.tokens, cost = cost + excluded.cost,"
            " start_ns = min(start_ns, excluded.start_ns), end_ns = max(end_ns, excluded.end_ns)",
            (
                trace_id, sums.session_id, sums.service, sums.name, sums.name_rank, sums.spans, sums.errors,
                sums.tokens, sums.cost, sums.start_ns, sums.end_ns,
            ),
        )  # fmt: skip
    if before != after:
        for session_id, sign in ((before, -1), (after, 1)):
            if session_id:
                sessions[session_id].traces += sign


def _write_session(connection: sqlite3.Connection, session_id: str, sums: _Sums, batch_id: int) -> None:
    connection.execute(
        "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (session_id) DO UPDATE SET"
        " service = CASE service WHEN '' THEN excluded.service ELSE service END,"
        " title = CASE excluded.title WHEN '' THEN title ELSE excluded.title END,"
        " directory = CASE excluded.directory WHEN '' THEN directory ELSE excluded.directory END,"
        " agent = CASE agent WHEN '' THEN excluded.agent ELSE agent END,"
        " prompt = CASE prompt WHEN '' THEN excluded.prompt ELSE prompt END,"
        " model = CASE excluded.model WHEN '' THEN model ELSE excluded.model END,"
        " failure = CASE WHEN ? THEN excluded.failure ELSE failure END,"
        " traces = traces + excluded.traces, spans = spans + excluded.spans, tools = tools + excluded.tools,"
        " errors = errors + excluded.errors, tokens = tokens + excluded.tokens, cost = cost + excluded.cost,"
        " start_ns = min(start_ns, excluded.start_ns), end_ns = max(end_ns, excluded.end_ns),"
        " last_batch = max(last_batch, excluded.last_batch)",
        (
            session_id, sums.service, sums.title, sums.prompt, sums.directory, sums.agent, sums.model,
            sums.failure, sums.traces, sums.spans, sums.tools,
            sums.errors, sums.tokens, sums.cost, sums.start_ns, sums.end_ns, batch_id, sums.root,
        ),
    )  # fmt: skip
    connection.executemany(
        "INSERT OR IGNORE INTO session_uses VALUES (?, ?, ?)", [(*use, session_id) for use in sums.uses]
    )
    if sums.spans < 0 or not sums.spans:
        gone = connection.execute("DELETE FROM sessions WHERE session_id = ? AND spans <= 0", (session_id,)).rowcount
        if gone:
            connection.execute("DELETE FROM session_uses WHERE session_id = ?", (session_id,))


def _entry(row: Iterable[Any]) -> SpanEntry:
    found = dict(zip(COLUMNS, row, strict=True))
    return SpanEntry(**{**found, "error": bool(found["error"])})
