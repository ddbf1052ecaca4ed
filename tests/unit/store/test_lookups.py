"""What the viewer asks of PostgreSQL is led by an index at any size, as on SQLite; and means the same there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from harness.postgres import server
from harness.store import HOST, seal, until
from harness.telemetry import span_ids, traces

from collector.batch import Signal
from collector.store import Reading, Store
from collector.store.entries import Caps, DeadLetter, Hold, Refusal, SessionQuery, SpanQuery
from collector.store.postgres.connecting import PgConnection, execute
from collector.store.postgres.lookups import find_queries
from collector.store.postgres.reading import PostgresReading
from collector.store.postgres.store import PostgresStore

CAPS = Caps(1 << 26, 86400, 1 << 28)
NONE = Refusal(Signal.TRACES, {})

_FILL = """
INSERT INTO batches SELECT b, 'traces', b, 10, 100, '', true, '', '' FROM generate_series(1, 6000) b;
INSERT INTO spans SELECT md5(b::text), left(md5(b || '.' || s), 16), CASE s WHEN 1 THEN '' ELSE 'p' END,
  'ses_' || md5((b / 10)::text), 'svc', 'span', 'LLM', b * 100 + s, b * 100 + s + 1,
  CASE WHEN b % 500 = 0 THEN 1 ELSE 0 END, CASE WHEN b % 100 = 0 THEN 'rare' ELSE 'common' || b % 20 END,
  CASE WHEN b % 100 = 1 THEN 'edit' ELSE '' END, 1, 0, b
  FROM generate_series(1, 6000) b, generate_series(1, 10) s;
INSERT INTO traces SELECT trace_id, min(session_id), 'svc', 'n', 0, count(*), sum(error), 10, 0, min(start_ns),
  max(end_ns) FROM spans GROUP BY trace_id;
INSERT INTO sessions SELECT session_id, 'svc', '', '', '/p' || min(batch_id) % 50, 'agent', 'm', '', 10, count(*), 0,
  sum(error), 1, 0, min(start_ns), max(end_ns), max(batch_id) FROM spans GROUP BY session_id;
INSERT INTO session_uses SELECT DISTINCT 'model', model, session_id FROM spans;
INSERT INTO texts (trace_id, span_id, session_id, batch_id, content, words)
  SELECT trace_id, span_id, session_id, batch_id, 'text', to_tsvector('simple', 'text w' || batch_id) FROM spans;
INSERT INTO outbox (destination, signal, batch_id, first_item, items, of_items, bytes, hops, policy, queued_ms)
  SELECT 'd', 'traces', b, 0, 10, 10, 100, '', '', 1 FROM generate_series(5000, 6000) b;
INSERT INTO dead_letters (destination, signal, batch_id, first_item, items, died_ns, attempts, cause)
  SELECT 'd', 'traces', b, 0, 10, b, 1, 'HTTP 400' FROM generate_series(4000, 4990) b;
ANALYZE;
"""
_LARGE = {"batches", "spans", "traces", "sessions", "session_uses", "texts", "outbox", "dead_letters"}


@pytest.fixture(scope="module")
def filled() -> Iterator[tuple[str, PgConnection]]:
    """A database of 60,000 spans."""
    url = server().new_database()
    PostgresStore(url, CAPS, {}).close()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_FILL.encode())
        connection.execute("SET enable_seqscan = off")  # small tables are scanned even where an index would do
        yield url, connection


def scanned(plan: Any) -> Iterator[str]:
    """Tables that a plan reads from beginning to end; one that is asked for any row at all is read to its first."""
    if plan["Node Type"] == "Seq Scan" and plan.get("Parent Relationship") != "InitPlan":
        yield plan["Relation Name"]
    for below in plan.get("Plans", ()):
        yield from scanned(below)


_ID = "0123456789abcdef" * 2
_QUESTIONS: dict[str, Callable[[Reading], object]] = {
    "sessions": lambda reading: reading.sessions(),
    "sessions of a model": lambda reading: reading.sessions(SessionQuery(model="rare")),
    "sessions by text": lambda reading: reading.sessions(SessionQuery(text="w17")),
    "traces": lambda reading: reading.traces(),
    "traces of a session": lambda reading: reading.traces("ses_1"),
    "traces of a model": lambda reading: reading.traces(only=SpanQuery(model="rare")),
    "spans": lambda reading: reading.spans(),
    "spans of a trace": lambda reading: reading.spans(_ID),
    "spans of a session": lambda reading: reading.spans(session_id="ses_1"),
    "spans of a tool": lambda reading: reading.spans(only=SpanQuery(tool="edit")),
    "failed spans": lambda reading: reading.spans(only=SpanQuery(errors=True)),
    "spans by text": lambda reading: reading.spans(only=SpanQuery(text="w17")),
    "search": lambda reading: reading.search("w17"),
    "search in sessions": lambda reading: reading.search("w17", only=SessionQuery(model="rare")),
    "a session's outline": lambda reading: reading.outline("ses_" + _ID),
    "a trace's outline": lambda reading: reading.outline(trace_id=_ID),
    "a span's outline": lambda reading: reading.outline(trace_id=_ID, span_id=_ID[:16]),
    "a session's requests": lambda reading: reading.requests("ses_" + _ID),
    "a trace's requests": lambda reading: reading.requests(trace_id=_ID),
    "newest": lambda reading: reading.newest(Signal.TRACES),
    "a document": lambda reading: reading.document(_ID, _ID[:16]),
    "tail": lambda reading: reading.after(5990),
    "the last batch": lambda reading: reading.last_batch(),
    "deliveries": lambda reading: reading.deliveries(_ID),
    "dead letters": lambda reading: reading.dead_letters(destination="d"),
    "a dead letter": lambda reading: reading.dead_letter(3),
    "an id": lambda reading: reading.find(_ID[:9]),
    "a part of a session's id": lambda reading: reading.find("not there"),
}


@pytest.mark.slow
@pytest.mark.parametrize("question", _QUESTIONS)
def test_every_question_is_led_by_an_index(
    filled: tuple[str, PgConnection], question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, connection = filled
    reading = PostgresReading(url)
    asked: list[str] = []
    rows = reading._link.rows

    def explained(query: str, values: Any = (), *, binary: bool = False) -> Any:
        [(plan,)] = execute(connection, f"EXPLAIN (FORMAT JSON) {query}", values).fetchall()
        found = plan if isinstance(plan, list) else json.loads(plan)
        assert not _LARGE & set(scanned(found[0]["Plan"])), json.dumps(found, indent=1)
        asked.append(query)
        return rows(query, values, binary=binary)

    monkeypatch.setattr(reading._link, "rows", explained)
    _QUESTIONS[question](reading)
    assert asked
    reading.close()


@pytest.mark.slow
def test_every_step_of_looking_for_an_id_is_led_by_an_index(filled: tuple[str, PgConnection]) -> None:
    for identifier in ("abcdef123", "abc/def"):
        for query, values in find_queries(identifier, 10):
            [(found,)] = execute(filled[1], f"EXPLAIN (FORMAT JSON) {query}", values).fetchall()
            assert not _LARGE & set(scanned(found[0]["Plan"])), json.dumps(found, indent=1)


# ---- the same on every engine


def test_what_is_asked_means_the_same_on_every_engine(store: Store, reading: Reading) -> None:
    plain = traces(2, session="ses_plain")
    told = traces(
        3, {"llm.model_name": "m-1", "openinference.span.kind": "LLM", "agent.name": "plan"}, session="ses_told"
    )
    tool = traces(1, {"openinference.span.kind": "TOOL", "tool.name": "edit", "note": "Crème brûlée in src/app.py"})
    tool.resource_spans[0].scope_spans[0].spans[0].status.code = 2
    sealed = [seal(request) for request in (plain, told, tool)]
    for batch in sealed:
        store.put(batch, NONE).result(60)
    assert [entry.session_id for entry in reading.sessions(SessionQuery(model="m-1"))] == ["ses_told"]
    assert [entry.session_id for entry in reading.sessions(SessionQuery(tool="edit"))] == ["ses_1"]
    assert [entry.session_id for entry in reading.sessions(SessionQuery(errors=True))] == ["ses_1"]
    assert [entry.session_id for entry in reading.sessions(SessionQuery(agent="plan"))] == ["ses_told"]
    assert reading.session_choices()["model"] == ["m-1"]
    assert len(reading.sessions()) == len(reading.traces()) == 3
    assert [entry.queued for entry in reading.sessions(SessionQuery(agent="plan"))] == [3]
    [trace] = reading.traces("ses_told")
    assert (trace.spans, trace.name) == (3, "span 0")
    assert [entry.trace_id for entry in reading.traces(only=SpanQuery(model="m-1"))] == [trace.trace_id]
    assert sorted(span.span_id for span in reading.spans(trace.trace_id)) == sorted(span_ids(told))
    assert [span.tool for span in reading.spans(only=SpanQuery(errors=True))] == ["edit"]
    assert [span.tool for span in reading.spans(only=SpanQuery(tool="edit", model=""))] == ["edit"]
    until(lambda: len(reading.search("span")) == 6, 60)
    for text in ("creme", "brul", "Crème brûlée", "src/app", "app.py", "SRC"):
        [hit] = reading.search(text)
        assert (hit.session_id, hit.kind) == ("ses_1", "TOOL"), text
        assert "\x02" in hit.snippet, text
        assert [entry.session_id for entry in reading.sessions(SessionQuery(text=text))] == ["ses_1"]
        assert [span.tool for span in reading.spans(only=SpanQuery(text=text))] == ["edit"]
    for text in ("brulee x", "app.src", "rem", "'", '"', "%", ":*", "!", "a & b | c"):
        assert reading.search(text) == [], text
    assert len(reading.search("brulee creme-")) == 1
    assert reading.search("creme", only=SessionQuery(agent="plan")) == []
    assert [request.SerializeToString() for request in reading.requests("ses_told")] == [sealed[1].data]
    assert [request.SerializeToString() for request in reading.requests(trace_id=trace.trace_id)] == [sealed[1].data]
    assert len(reading.newest(Signal.TRACES, 2)) == 2
    last = reading.last_batch()
    assert [number for number, _, _ in reading.after(last - 2)] == [last - 1, last]
    [queue] = reading.queues([HOST])
    assert (queue.items, queue.ranges, queue.configured) == (6, 3, True)
    assert queue.bytes == sum(len(batch.data) for batch in sealed)
    assert queue.cause == ""
    store.hold(HOST, Hold(60, 1, "HTTP 503")).result(60)
    assert reading.queues([HOST])[0].cause == "HTTP 503"
    store.hold(HOST, None).result(60)
    batches, deliveries = reading.deliveries(trace.trace_id)
    assert len(batches) == 1
    assert [(each.destination, each.state) for each in deliveries] == [(HOST, "queued")]
    span = span_ids(told)[0]
    found = reading.document(trace.trace_id, span)
    assert found is not None
    assert span in json.dumps(found)
    assert reading.document(trace.trace_id, "0" * 16) is None
    assert reading.dead_letter(1) is None
    assert reading.dead_letters() == list[DeadLetter]()
    assert [each.session_id for each in reading.find("ses_told")] == ["ses_told"]
    assert [each.session_id for each in reading.find("told")] == ["ses_told"]
    assert [each.trace_id for each in reading.find(trace.trace_id[:12])] == [trace.trace_id]
    assert [each.span_id for each in reading.find(span)] == [span]
    assert [each.span_id for each in reading.find(f"{trace.trace_id[:9]}/{span[:9]}")] == [span]
    assert reading.find("%") == reading.find("*") == []
