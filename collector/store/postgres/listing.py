"""What the viewer lists: spans, and the sums of their traces and sessions, kept as spans come and go.

Whoever changes the spans of a trace holds its row of `traces` first. Rows are taken in the order of their keys, traces
before sessions, in all transactions alike.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from collector.batch import SpanEntry
from collector.store.postgres.connecting import PgConnection, Row, execute
from collector.store.sums import COLUMNS, ListedSums, ListedTotals, rows_of

SpanKey = tuple[str, str]


class Interrupted(Exception):
    """A row went that was there a moment ago: the transaction is to be made again."""


class ListedSpans:
    """Spans that a transaction lists, with their batches; of a span that comes twice the later."""

    def __init__(self) -> None:
        self._spans: dict[SpanKey, tuple[SpanEntry, int]] = {}

    def __bool__(self) -> bool:
        return bool(self._spans)

    def add(self, spans: Iterable[SpanEntry], batch_id: int) -> None:
        for span in spans:
            self._spans[span.trace_id, span.span_id] = (span, batch_id)

    def write(self, connection: PgConnection) -> None:
        """List them, each once: what is listed already of the same id is replaced, in the sums too."""
        totals, last_batch = ListedTotals(), dict[str, int]()
        for span, batch_id in self._spans.values():
            totals.add(span)
            last_batch[span.session_id] = max(last_batch.get(span.session_id, 0), batch_id)
        traces, sessions = totals.by_trace_and_session()
        new = _insert_traces(connection, traces)
        for trace_id in new:
            if session := traces[trace_id].session_id:
                sessions[session].traces += 1
        if known := sorted(set(traces) - new):
            homes = _hold_traces(connection, known)
            if len(homes) < len(known):
                raise Interrupted
            wanted = [key for key in self._spans if key[0] in homes]
            for old in _listed(connection, wanted):
                totals.add(old, -1)
            traces, changed = totals.by_trace_and_session()
            for session, sums in changed.items():
                sums.traces = sessions[session].traces if session in sessions else 0
            sessions = changed
            for trace_id in known:
                if not homes[trace_id] and (session := traces[trace_id].session_id):
                    sessions[session].traces += 1
            _update_traces(connection, {trace_id: traces[trace_id] for trace_id in known})
        rows = rows_of(self._spans.values())
        execute(connection, *_many(_PUT_SPANS, _SPAN_TYPES, _as_numbers(rows)))
        _write_sessions(connection, sessions, last_batch)


def forget_listed(connection: PgConnection, batches: Collection[int]) -> None:
    """Take the spans of batches off the lists; a trace or session goes with its last span."""
    numbers = list(batches)
    traces = execute(connection, "SELECT DISTINCT trace_id FROM spans WHERE batch_id = ANY(%s)", (numbers,)).fetchall()
    homes = _hold_traces(connection, sorted(row[0] for row in traces))
    gone = execute(
        connection, f"DELETE FROM spans WHERE batch_id = ANY(%s) RETURNING {', '.join(COLUMNS)}", (numbers,)
    ).fetchall()
    totals = ListedTotals()
    for row in gone:
        totals.add(_entry(row), -1)
    by_trace, sessions = totals.by_trace_and_session()
    if any(trace_id not in homes for trace_id in by_trace):
        raise Interrupted
    _update_traces(connection, by_trace)
    emptied = execute(
        connection, "DELETE FROM traces WHERE trace_id = ANY(%s) AND spans <= 0 RETURNING session_id", (list(by_trace),)
    ).fetchall()
    for (session,) in emptied:
        if session:
            sessions[session].traces -= 1
    _write_sessions(connection, sessions, {})
    forgotten = execute(
        connection,
        "DELETE FROM sessions WHERE session_id = ANY(%s) AND spans <= 0 RETURNING session_id",
        (sorted(sessions),),
    ).fetchall()
    execute(connection, "DELETE FROM session_uses WHERE session_id = ANY(%s)", ([row[0] for row in forgotten],))


def _insert_traces(connection: PgConnection, traces: dict[str, ListedSums]) -> set[str]:
    """Insert the traces that are new; which they are."""
    rows = [(trace_id, *_trace_values(traces[trace_id])) for trace_id in sorted(traces)]
    return {row[0] for row in execute(connection, *_many(_PUT_TRACES, _TRACE_TYPES, rows)).fetchall()}


def _hold_traces(connection: PgConnection, traces: Sequence[str]) -> dict[str, str]:
    """Hold rows of traces until the transaction ends; the session of each that is there."""
    query = "SELECT trace_id, session_id FROM traces WHERE trace_id = ANY(%s) ORDER BY trace_id FOR UPDATE"
    return dict(execute(connection, query, (list(traces),)).fetchall()) if traces else {}


def _listed(connection: PgConnection, keys: Sequence[SpanKey]) -> list[SpanEntry]:
    query = (
        f"SELECT {', '.join(f's.{name}' for name in COLUMNS)} FROM spans s"
        " JOIN unnest(%s::text[], %s::text[]) AS k (trace_id, span_id) USING (trace_id, span_id)"
    )
    return [
        _entry(row) for row in execute(connection, query, [list(each) for each in zip(*keys, strict=True)]).fetchall()
    ]


def _update_traces(connection: PgConnection, traces: dict[str, ListedSums]) -> None:
    rows = [(trace_id, *_trace_values(sums)) for trace_id, sums in sorted(traces.items())]
    if rows:
        execute(connection, *_many(_CHANGE_TRACES, _TRACE_TYPES, rows))


def _write_sessions(connection: PgConnection, sessions: dict[str, ListedSums], last_batch: dict[str, int]) -> None:
    if not sessions:
        return
    rows = [
        (
            session_id, sums.service, sums.title, sums.prompt, sums.directory, sums.agent, sums.model, sums.failure,
            sums.traces, sums.spans, sums.tools, sums.errors, sums.tokens, sums.cost, sums.start_ns, sums.end_ns,
            last_batch.get(session_id, 0),
        )
        for session_id, sums in sorted(sessions.items())
    ]  # fmt: skip
    query, arrays = _many(_ADD_SESSIONS, _SESSION_TYPES, rows)
    execute(connection, query, [*arrays, [session_id for session_id, sums in sessions.items() if sums.root]])
    uses = sorted({(*use, session_id) for session_id, sums in sessions.items() for use in sums.uses})
    if uses:
        execute(connection, *_many(_PUT_USES, ("text", "text", "text"), uses))


def _trace_values(sums: ListedSums) -> tuple[Any, ...]:
    return (
        sums.session_id, sums.service, sums.name, sums.name_rank, sums.spans, sums.errors, sums.tokens, sums.cost,
        sums.start_ns, sums.end_ns,
    )  # fmt: skip


def _many(query: str, types: Sequence[str], rows: Sequence[Sequence[object]]) -> tuple[str, list[object]]:
    """A statement over the rows `u`, given as one array a column."""
    arrays = ", ".join(f"%s::{kind}[]" for kind in types)
    return query.replace("UNNESTED", f"unnest({arrays}) AS u"), [list(each) for each in zip(*rows, strict=True)]


def _as_numbers(rows: Iterable[Row]) -> list[Row]:
    """`error` is a number in the tables, so that one query serves both engines."""
    at = COLUMNS.index("error")
    return [(*row[:at], int(row[at]), *row[at + 1 :]) for row in rows]


def _entry(row: Iterable[Any]) -> SpanEntry:
    found = dict(zip(COLUMNS, row, strict=True))
    return SpanEntry(**{**found, "error": bool(found["error"])})


_TYPES = {"start_ns": "bigint", "end_ns": "bigint", "error": "integer", "tokens": "bigint", "cost": "float8"}
_SPAN_TYPES = (*(_TYPES.get(name, "text") for name in COLUMNS), "bigint")
_OTHERS = [name for name in (*COLUMNS, "batch_id") if name not in ("trace_id", "span_id")]
_PUT_SPANS = (
    f"INSERT INTO spans ({', '.join(COLUMNS)}, batch_id) SELECT * FROM UNNESTED"
    f" ON CONFLICT (trace_id, span_id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _OTHERS)}"
)
_TRACE_TYPES = (
    "text", "text", "text", "text", "bigint", "bigint", "bigint", "bigint", "float8", "bigint", "bigint",
)  # fmt: skip
_TRACE = "trace_id, session_id, service, name, name_rank, spans, errors, tokens, cost, start_ns, end_ns"
_PUT_TRACES = (
    f"INSERT INTO traces ({_TRACE}) SELECT * FROM UNNESTED ON CONFLICT (trace_id) DO NOTHING RETURNING trace_id"
)
_CHANGE_TRACES = (
    "UPDATE traces t SET"
    " session_id = CASE t.session_id WHEN '' THEN u.session_id ELSE t.session_id END,"
    " service = CASE t.service WHEN '' THEN u.service ELSE t.service END,"
    " name = CASE WHEN u.name_rank <= t.name_rank THEN u.name ELSE t.name END,"
    " name_rank = least(t.name_rank, u.name_rank), spans = t.spans + u.spans, errors = t.errors + u.errors,"
    " tokens = t.tokens + u.tokens, cost = t.cost + u.cost, start_ns = least(t.start_ns, u.start_ns),"
    f" end_ns = greatest(t.end_ns, u.end_ns) FROM UNNESTED ({_TRACE}) WHERE t.trace_id = u.trace_id"
)
_SESSION_TYPES = (*("text",) * 8, *("bigint",) * 5, "float8", *("bigint",) * 3)
_SESSION = (
    "session_id, service, title, prompt, directory, agent, model, failure, traces, spans, tools, errors, tokens, cost,"
    " start_ns, end_ns, last_batch"
)
_ADD_SESSIONS = (
    f"INSERT INTO sessions AS s ({_SESSION}) SELECT * FROM UNNESTED"
    " ON CONFLICT (session_id) DO UPDATE SET"
    " service = CASE s.service WHEN '' THEN excluded.service ELSE s.service END,"
    " title = CASE excluded.title WHEN '' THEN s.title ELSE excluded.title END,"
    " directory = CASE excluded.directory WHEN '' THEN s.directory ELSE excluded.directory END,"
    " agent = CASE s.agent WHEN '' THEN excluded.agent ELSE s.agent END,"
    " prompt = CASE s.prompt WHEN '' THEN excluded.prompt ELSE s.prompt END,"
    " model = CASE excluded.model WHEN '' THEN s.model ELSE excluded.model END,"
    " failure = CASE WHEN excluded.session_id = ANY(%s) THEN excluded.failure ELSE s.failure END,"
    " traces = s.traces + excluded.traces, spans = s.spans + excluded.spans, tools = s.tools + excluded.tools,"
    " errors = s.errors + excluded.errors, tokens = s.tokens + excluded.tokens, cost = s.cost + excluded.cost,"
    " start_ns = least(s.start_ns, excluded.start_ns), end_ns = greatest(s.end_ns, excluded.end_ns),"
    " last_batch = greatest(s.last_batch, excluded.last_batch)"
)
_PUT_USES = "INSERT INTO session_uses SELECT * FROM UNNESTED ON CONFLICT DO NOTHING"
