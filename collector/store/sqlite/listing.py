"""What the viewer lists: spans, and the sums of their traces and sessions, kept as spans come and go."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from collector.batch import SpanEntry
from collector.store.sums import COLUMNS as COLUMNS
from collector.store.sums import ListedSums, ListedTotals, rows_of

_PUT = f"INSERT OR REPLACE INTO spans ({', '.join(COLUMNS)}, batch_id) VALUES ({', '.join('?' * len(COLUMNS))}, ?)"
_GET_TRACE = f"SELECT {', '.join(COLUMNS)} FROM spans WHERE trace_id = ?"
_GET = f"{_GET_TRACE} AND span_id = ?"
_SPAN_ID = COLUMNS.index("span_id")
_FEW = 4


def list_spans(
    connection: sqlite3.Connection, spans: Iterable[SpanEntry], batch_id: int, only: Collection[str] | None = None
) -> None:
    """List the spans of a batch, those of ids in `only` where it is given; one that is listed already is replaced."""
    wanted = {(span.trace_id, span.span_id): span for span in spans if only is None or span.span_id in only}
    if not wanted:
        return
    totals = ListedTotals()
    totals.add_all(_listed(connection, wanted), -1)
    totals.add_all(wanted.values())
    connection.executemany(_PUT, rows_of([(span, batch_id) for span in wanted.values()]))
    _write(connection, totals, batch_id)


def forget_spans(connection: sqlite3.Connection, batch_id: int) -> None:
    """Take the spans of a batch off the lists; a trace or session goes with its last span."""
    totals = ListedTotals()
    rows = connection.execute(f"DELETE FROM spans WHERE batch_id = ? RETURNING {', '.join(COLUMNS)}", (batch_id,))
    totals.add_all(map(_entry, rows.fetchall()), -1)
    _write(connection, totals, 0)


def _listed(connection: sqlite3.Connection, wanted: Collection[tuple[str, str]]) -> list[SpanEntry]:
    """Those of the `wanted` (trace id, span id) that are listed already."""
    by_trace: dict[str, list[str]] = defaultdict(list)
    for trace_id, span_id in wanted:
        by_trace[trace_id].append(span_id)
    rows: list[Any] = []
    for trace_id, span_ids in by_trace.items():
        known = connection.execute("SELECT spans FROM traces WHERE trace_id = ?", (trace_id,)).fetchone()
        if known is None:
            continue
        if known[0] <= _FEW * len(span_ids):  # one statement for all that the trace has, where that is not much more
            ids = set(span_ids)
            rows += [row for row in connection.execute(_GET_TRACE, (trace_id,)) if row[_SPAN_ID] in ids]
        else:
            for span_id in span_ids:
                rows += connection.execute(_GET, (trace_id, span_id))
    return [_entry(row) for row in rows]


def _write(connection: sqlite3.Connection, totals: ListedTotals, batch_id: int) -> None:
    traces, sessions = totals.by_trace_and_session()
    for trace_id, sums in traces.items():
        _write_trace(connection, trace_id, sums, sessions)
    for session_id, sums in sessions.items():
        _write_session(connection, session_id, sums, batch_id)


def _write_trace(
    connection: sqlite3.Connection, trace_id: str, sums: ListedSums, sessions: dict[str, ListedSums]
) -> None:
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


def _write_session(connection: sqlite3.Connection, session_id: str, sums: ListedSums, batch_id: int) -> None:
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
    return SpanEntry(**dict(zip(COLUMNS, row, strict=True)))
