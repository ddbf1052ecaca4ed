"""Routes that read what is kept: lists with filters, one thing by its id, and what arrives."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Query

from collector.store.entries import SessionQuery, SpanQuery
from collector.viewer.asked import LARGEST, Nanoseconds
from collector.viewer.live import Live
from collector.viewer.show import shown

RowLimit = Annotated[int, Query(ge=1, le=10_000)]
BatchNumber = Annotated[int, Query(ge=-1, le=LARGEST)]
Identifier = Annotated[str, Query(max_length=1000)]


def _span_query(
    model: str = "",
    tool: str = "",
    errors: bool = False,
    since_ns: Nanoseconds = 0,
    before_ns: Nanoseconds = 0,
    text: str = "",
) -> SpanQuery:
    return SpanQuery(model, tool, errors, since_ns, before_ns, text)


def add_kept(api: FastAPI, live: Live) -> None:
    """Routes below /api that only read; filters that are left out ask for anything."""

    @api.get("/api/sessions")
    def sessions(
        limit: RowLimit = 50,
        agent: str = "",
        model: str = "",
        tool: str = "",
        directory: str = "",
        errors: bool = False,
        since_ns: Nanoseconds = 0,
        before_ns: Nanoseconds = 0,
        text: str = "",
    ) -> list[dict[str, Any]]:
        """The sessions last heard of first; `before_ns` pages on from the end of the last one."""
        query = SessionQuery(agent, model, tool, directory, errors, since_ns, before_ns, limit, text)
        return [dataclasses.asdict(row) for row in live.reader.sessions(query)]

    @api.get("/api/traces")
    def traces(
        only: Annotated[SpanQuery, Depends(_span_query)],
        session: str = "",
        limit: RowLimit = 50,
    ) -> list[dict[str, Any]]:
        """The traces that ended last first."""
        return [dataclasses.asdict(row) for row in live.reader.traces(session, limit, only)]

    @api.get("/api/spans")
    def spans(
        only: Annotated[SpanQuery, Depends(_span_query)],
        trace: str = "",
        session: str = "",
        limit: RowLimit = 200,
    ) -> list[dict[str, Any]]:
        """The newest spans, the oldest of them first."""
        return [dataclasses.asdict(row) for row in live.reader.spans(trace, session, limit, only)]

    @api.get("/api/spans/{trace_id}/{span_id}")
    def span(trace_id: str, span_id: str) -> dict[str, Any]:
        """One span as it was kept: an OTLP/JSON export request of its own."""
        found = live.reader.document(trace_id, span_id)
        if found is None:
            raise HTTPException(404, "no such span is kept")
        return found

    @api.get("/api/find")
    def find(id: Identifier, limit: Annotated[int, Query(ge=1, le=100)] = 10) -> list[dict[str, Any]]:
        """What an id names that may be shortened: a session, a trace, or a span (also as TRACE/SPAN)."""
        return [dataclasses.asdict(row) for row in live.reader.find(id, limit)]

    @api.get("/api/show")
    def show(
        session: str = "",
        trace: str = "",
        span: str = "",
        turn: Annotated[int, Query(ge=0, le=LARGEST)] = 0,
        part: Annotated[int, Query(ge=0, le=LARGEST)] = 0,
    ) -> dict[str, Any] | None:
        """A session, a turn of it, a trace, or a span of a trace, with its content and as Markdown; null for none.

        What is long comes in `parts`, of which `part` asks for one: the last where it is left out.
        """
        return shown(live.reader, session, trace, span, turn, part)

    @api.get("/api/tail")
    def tail(after: BatchNumber = -1, limit: RowLimit = 100) -> dict[str, Any]:
        """What was kept after a batch number; without one, only the number to go on from."""
        if after < 0:
            return {"last": live.reader.last_batch(), "batches": []}
        rows = live.reader.after(after, limit)
        return {
            "last": rows[-1][0] if rows else after,
            "batches": [{"signal": signal, "request": document} for _, signal, document in rows],
        }

    @api.get("/api/deliveries/{trace_id}")
    def deliveries(trace_id: str) -> dict[str, Any]:
        """How far a trace is on its way, and what was answered."""
        batches, waiting = live.reader.deliveries(trace_id)
        return {
            "kept": bool(batches),
            "waiting": [dataclasses.asdict(row) for row in waiting],
            "answer": live.answer_for(batches),
        }
