"""What is kept of traces and sessions is what their spans add up to, however they came and went."""

from __future__ import annotations

import sqlite3

from hypothesis import given
from hypothesis import strategies as st

from collector.batch import SpanEntry
from collector.store.sqlite.listing import forget_spans, list_spans
from collector.store.sqlite.schema import TABLES

_NAMES = st.sampled_from(["", "a", "b"])
_SPANS = st.builds(
    SpanEntry,
    trace_id=st.sampled_from(["t1", "t2"]),
    span_id=st.sampled_from([f"s{number}" for number in range(12)]),
    parent_id=_NAMES,
    session_id=_NAMES,
    service=_NAMES,
    name=_NAMES,
    kind=st.sampled_from(["LLM", "TOOL", "AGENT", "CHAIN"]),
    start_ns=st.integers(1, 9),
    end_ns=st.integers(9, 20),
    error=st.booleans(),
    model=_NAMES,
    tokens=st.integers(0, 9),
    cost=st.sampled_from([0.0, 0.5, 2.0]),
    tool=_NAMES,
    title=_NAMES,
)
_COUNTED = (
    "count(*), sum(error), sum(CASE WHEN kind = 'LLM' THEN tokens ELSE 0 END),"
    " sum(CASE WHEN kind = 'LLM' THEN cost ELSE 0 END)"
)


@given(st.lists(st.lists(_SPANS, max_size=20), max_size=5), st.sets(st.integers(0, 4)))
def test_sums_are_those_of_the_spans_that_are_listed(batches: list[list[SpanEntry]], forgotten: set[int]) -> None:
    """A span that comes again is counted as it came last, and one that is forgotten not at all."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(TABLES)
    for number, spans in enumerate(batches):
        list_spans(connection, spans, number)
    for number in forgotten:
        forget_spans(connection, number)
    for kept, listed in (
        (
            "SELECT trace_id, spans, errors, tokens, cost FROM traces ORDER BY 1",
            f"SELECT trace_id, {_COUNTED} FROM spans GROUP BY 1 ORDER BY 1",
        ),
        (
            "SELECT session_id, spans, errors, tokens, cost, tools FROM sessions ORDER BY 1",
            f"SELECT session_id, {_COUNTED}, sum(kind = 'TOOL') FROM spans WHERE session_id <> ''"
            " GROUP BY 1 ORDER BY 1",
        ),
    ):
        assert connection.execute(kept).fetchall() == connection.execute(listed).fetchall()


@given(st.lists(_SPANS, min_size=1, max_size=20, unique_by=lambda span: (span.trace_id, span.span_id)))
def test_a_trace_is_named_by_its_first_root_or_else_by_what_began_first(spans: list[SpanEntry]) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(TABLES)
    list_spans(connection, spans, 1)
    for trace_id, name, start_ns, end_ns in connection.execute("SELECT trace_id, name, start_ns, end_ns FROM traces"):
        own = [span for span in spans if span.trace_id == trace_id]
        ranks = [(bool(span.parent_id), span.start_ns) for span in own]
        assert name in {span.name for span, rank in zip(own, ranks, strict=True) if rank == min(ranks)}
        assert (start_ns, end_ns) == (min(span.start_ns for span in own), max(span.end_ns for span in own))
