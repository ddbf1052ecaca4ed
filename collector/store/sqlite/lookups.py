"""The queries behind the lists: what was asked for, as SQL and its values; each is led by an index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields

from collector.openinference.session_ids import listed_session
from collector.store.entries import MOST_COUNTED, SessionEntry, SessionQuery, SpanQuery, TraceEntry
from collector.store.outline import OUTLINED
from collector.store.sqlite.listing import COLUMNS
from collector.store.sqlite.texts import match_of

Query = tuple[str, tuple[object, ...]]

_MOST = 2**63 - 1
"""The latest time that is kept; what claims to be later is kept as of then."""
_NEWEST_SPANS = 20_000
"""Among so many spans an id that names no trace is looked for."""

_ENTRY = ", ".join(COLUMNS)
_NEWEST = f"SELECT batch_id FROM spans WHERE session_id = s.session_id ORDER BY start_ns DESC LIMIT {MOST_COUNTED}"
_COUNTED = {
    name: f"CASE WHEN EXISTS (SELECT 1 FROM {table}) THEN (SELECT count(*) FROM ({_NEWEST}) n"
    f" WHERE EXISTS (SELECT 1 FROM {table} w WHERE w.batch_id = n.batch_id)) ELSE 0 END AS {name}"
    for name, table in (("queued", "outbox"), ("dead", "dead_letters"))
}
_SESSION = ", ".join(_COUNTED.get(field.name, f"s.{field.name}") for field in fields(SessionEntry))
_TRACE = ", ".join(f"t.{field.name}" for field in fields(TraceEntry))
_USES = "EXISTS (SELECT 1 FROM session_uses u WHERE u.kind = '{}' AND u.value = ? AND u.session_id = s.session_id)"
_FOUND = (
    "SELECT x.{} FROM text_index i JOIN texts x ON x.id = i.rowid"
    " WHERE text_index MATCH ? ORDER BY i.rowid DESC LIMIT 2000"
)


def sessions_query(query: SessionQuery) -> Query:
    where, values = _session_conditions(query)
    where.append("s.end_ns <= ?")
    values.append(_last(query.before_ns))
    if text := match_of(query.text):
        where.append(f"s.session_id IN ({_FOUND.format('session_id')})")
        values.append(text)
    select = f"SELECT {_SESSION} FROM sessions s WHERE {' AND '.join(where)} ORDER BY s.end_ns DESC LIMIT ?"
    return select, (*values, query.limit)


def traces_query(session_id: str, limit: int, only: SpanQuery) -> Query:
    """Of a model, tool or text, the traces of the newest spans that have it."""
    where, values = _given(
        ("t.session_id = ?", session_id),
        ("t.end_ns >= ?", only.since_ns),
    )
    where.append("t.end_ns <= ?")
    values.append(_last(only.before_ns))
    conditions, of_conditions = _span_conditions(only)
    if of_conditions:  # a text of blanks asks for nothing
        inner = f"SELECT s.trace_id FROM spans s WHERE {' AND '.join(conditions)} ORDER BY s.start_ns DESC LIMIT 10000"
        where.append(f"t.trace_id IN ({inner})")
        values += of_conditions
    elif only.errors:
        where.append("t.errors > 0")
    return f"SELECT {_TRACE} FROM traces t WHERE {' AND '.join(where)} ORDER BY t.end_ns DESC LIMIT ?", (*values, limit)


def spans_query(trace_id: str, session_id: str, limit: int, only: SpanQuery) -> Query:
    where, values = _given(
        ("s.trace_id = ?", trace_id),
        ("s.session_id = ?", session_id),
        ("s.start_ns >= ?", only.since_ns),
    )
    where.append("s.start_ns <= ?")
    values.append(_last(only.before_ns))
    conditions, of_conditions = _span_conditions(only)
    where, values = where + conditions, values + of_conditions
    # Where no index leads to a few, what came last is newest: an index by time alone would cost each post.
    looked_up = trace_id or session_id or only.model or only.tool or only.errors or only.text
    newest = "s.start_ns" if looked_up else "s.batch_id"
    return (
        f"SELECT {_ENTRY} FROM (SELECT s.* FROM spans s WHERE {' AND '.join(where)}"
        f" ORDER BY {newest} DESC LIMIT ?) ORDER BY start_ns, trace_id, span_id",
        (*values, limit),
    )


def outline_queries(session_id: str, trace_id: str, span_id: str) -> Sequence[Query]:
    """Of a session its own spans, then those of other sessions (subagents) in the traces that it began."""
    select = f"SELECT {OUTLINED} FROM spans s JOIN batches b ON b.id = s.batch_id WHERE"
    if span_id:
        return ((f"{select} s.trace_id = ? AND s.span_id = ?", (trace_id, span_id)),)
    if trace_id:
        return ((f"{select} s.trace_id = ?", (trace_id,)),)
    begun = "SELECT trace_id FROM spans WHERE session_id = ? AND parent_id = ''"
    return (
        (f"{select} s.session_id = ?", (session_id,)),
        (f"{select} s.trace_id IN ({begun}) AND s.session_id <> ?", (session_id, session_id)),
    )


def search_query(match: str, limit: int, only: SessionQuery) -> Query:
    where, values = _session_conditions(only)
    within = f" AND {' AND '.join(where)}" if where else ""
    source = "text_index JOIN texts x ON x.id = text_index.rowid JOIN sessions s ON s.session_id = x.session_id"
    return (
        "SELECT s.trace_id, s.span_id, s.session_id, s.name, s.kind, s.start_ns, f.snippet,"
        " coalesce(nullif(w.title, ''), w.prompt, '') AS title, coalesce(w.directory, '') AS directory FROM"
        " (SELECT text_index.rowid AS id, snippet(text_index, 0, char(2), char(3), '…', 24) AS snippet"
        f" FROM {source if where else 'text_index'}"
        f" WHERE text_index MATCH ?{within} ORDER BY text_index.rowid DESC LIMIT ?) f"
        " JOIN texts x ON x.id = f.id JOIN spans s ON s.trace_id = x.trace_id AND s.span_id = x.span_id"
        " LEFT JOIN sessions w ON w.session_id = s.session_id"
        " ORDER BY s.start_ns DESC",
        (match, *values, limit),
    )


def choices_queries() -> Iterator[tuple[str, Query]]:
    """The values that each filter of sessions may take; models and tools are leapt from one to the next."""
    for name in ("agent", "directory"):
        yield name, (f"SELECT DISTINCT {name} FROM sessions WHERE {name} <> '' LIMIT 200", ())
    for kind in ("model", "tool"):
        next_value = "SELECT min(value) FROM session_uses WHERE kind = ?"
        query = (
            f"WITH RECURSIVE used (value) AS ({next_value} UNION ALL SELECT ({next_value} AND value > used.value)"
            " FROM used WHERE value IS NOT NULL) SELECT value FROM used WHERE value IS NOT NULL LIMIT 200"
        )
        yield kind, (query, (kind, kind))


def find_queries(identifier: str, limit: int) -> Sequence[Query]:
    """Where an id is looked for, in order: sessions, traces, spans; each gives session, trace and span."""
    trace, slash, span = identifier.lower().partition("/")
    session = "SELECT session_id, '' AS trace_id, '' AS span_id FROM sessions WHERE"
    as_listed = (f"{session} session_id IN (?, ?)", (identifier, listed_session(identifier)))
    shortened = (f"{session} session_id GLOB ? ORDER BY end_ns DESC LIMIT ?", (f"*{_literal(identifier)}*", limit))
    if slash:
        query = (
            "SELECT session_id, trace_id, span_id FROM spans WHERE trace_id >= ? AND trace_id < ? AND span_id GLOB ?"
        )
        of_trace = (f"{query} LIMIT ?", (trace, trace + "g", f"{_literal(span)}*", limit))
        return (as_listed, of_trace, shortened) if trace and span else (as_listed, shortened)
    found: list[Query] = [
        as_listed,
        ("SELECT session_id, trace_id, '' AS span_id FROM traces WHERE trace_id = ?", (trace,)),
        shortened,
    ]
    if all(character in "0123456789abcdef" for character in trace):
        ids = "SELECT session_id, trace_id, span_id FROM"
        newest = f"(SELECT session_id, trace_id, span_id FROM spans ORDER BY batch_id DESC LIMIT {_NEWEST_SPANS})"
        found += [
            (
                "SELECT session_id, trace_id, '' AS span_id FROM traces WHERE trace_id >= ? AND trace_id < ? LIMIT ?",
                (trace, trace + "g", limit),
            ),
            (f"{ids} {newest} WHERE span_id >= ? AND span_id < ? LIMIT ?", (trace, trace + "g", limit)),
        ]
    return found


def _literal(text: str) -> str:
    """A text as GLOB takes it to the letter."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in text)


def _session_conditions(query: SessionQuery) -> tuple[list[str], list[object]]:
    where, values = _given(
        ("s.session_id = ?", query.session),
        ("s.end_ns >= ?", query.since_ns),
        ("s.agent = ?", query.agent),
        ("s.directory = ?", query.directory),
        (_USES.format("model"), query.model),
        (_USES.format("tool"), query.tool),
    )
    return ([*where, "s.errors > 0"] if query.errors else where), values


def _span_conditions(only: SpanQuery) -> tuple[list[str], list[object]]:
    where, values = _given(
        ("s.model = ? AND s.model <> ''", only.model),
        ("s.tool = ? AND s.tool <> ''", only.tool),
        (f"(s.trace_id, s.span_id) IN ({_FOUND.format('trace_id, x.span_id')})", match_of(only.text)),
    )
    return ([*where, "s.error = 1"] if only.errors else where), values


def _last(before_ns: int) -> int:
    """The latest time before `before_ns`, of all there are where that is 0."""
    return before_ns - 1 if before_ns else _MOST


def _given(*conditions: tuple[str, object]) -> tuple[list[str], list[object]]:
    """Those conditions of which a value is given, and the values."""
    given = [(condition, value) for condition, value in conditions if value]
    return [condition for condition, _ in given], [value for _, value in given]
