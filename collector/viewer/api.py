"""Routes that people and tools call: health, metrics, status, and reading what was kept."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from collector.store.entries import SessionQuery
from collector.viewer.live import Live, add_live
from collector.viewer.metrics import exposition
from collector.viewer.pages.agents import add_agents
from collector.viewer.pages.detail import add_detail
from collector.viewer.pages.lists import add_lists
from collector.viewer.pages.state import add_state
from collector.viewer.pages.static import add_static
from collector.viewer.queue import QueueControl, add_queue
from collector.viewer.status import Status

RowLimit = Annotated[int, Query(ge=1, le=10_000)]
BatchNumber = Annotated[int, Query(ge=-1, le=2**63 - 1)]
Challenge = Annotated[str, Query(max_length=64)]


def new_api(live: Live, version: str, control: QueueControl) -> FastAPI:
    """The application behind every path but OTLP's own."""
    api = FastAPI(
        title="opencode-collector",
        version=version,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )

    @api.exception_handler(RequestValidationError)
    def refuse(_: Request, error: Exception) -> JSONResponse:
        """The framework's own answer would quote what was asked."""
        assert isinstance(error, RequestValidationError)
        names = sorted({str(each["loc"][-1]) for each in error.errors() if each["loc"][0] in ("query", "path")})
        return JSONResponse({"detail": f"not usable: {', '.join(names) or 'the request'}"}, 422)

    add_lists(api, live)
    add_detail(api, live)
    add_state(api, live)
    add_live(api, live)
    add_queue(api, live, control)
    add_static(api)
    add_agents(api, live, version)

    _add_health(api, live, version)

    @api.get("/api/status")
    def status() -> Status:
        return live.status()

    @api.get("/api/test-trace")
    def made_up_trace() -> dict[str, Any]:
        """A made-up turn as OTLP/JSON, to be posted to /v1/traces: to see that the way is open."""
        return live.test_trace()

    @api.get("/api/sessions")
    def sessions(limit: RowLimit = 50) -> list[dict[str, Any]]:
        return [dataclasses.asdict(row) for row in live.reader.sessions(SessionQuery(limit=limit))]

    @api.get("/api/traces")
    def traces(session: str = "", limit: RowLimit = 50) -> list[dict[str, Any]]:
        return [dataclasses.asdict(row) for row in live.reader.traces(session, limit)]

    @api.get("/api/spans")
    def spans(trace: str = "", session: str = "", limit: RowLimit = 200) -> list[dict[str, Any]]:
        return [dataclasses.asdict(row) for row in live.reader.spans(trace, session, limit)]

    @api.get("/api/spans/{trace_id}/{span_id}")
    def span(trace_id: str, span_id: str) -> dict[str, Any]:
        """One span as it was kept: an OTLP/JSON export request of its own."""
        found = live.reader.document(trace_id, span_id)
        if found is None:
            raise HTTPException(404, "no such span is kept")
        return found

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

    return api


def _add_health(api: FastAPI, live: Live, version: str) -> None:
    @api.get("/healthz")
    def alive(request: Request, challenge: Challenge = "") -> dict[str, str]:
        """Alive: the process answers; with a challenge, which data directory it serves."""
        said = {"status": "ok", "service": "opencode-collector", "version": version}
        return {**said, "proof": live.proof(challenge, request.scope["server"])} if challenge else said

    @api.get("/readyz")
    async def ready() -> JSONResponse:
        """Ready: telemetry can be kept; the reason where it cannot."""
        failure = await live.failure()
        if failure:
            return JSONResponse({"status": "not ready", "reason": failure}, 503)
        return JSONResponse({"status": "ready"})

    @api.get("/metrics", response_class=Response)
    def metrics() -> Response:
        """Prometheus."""
        return Response(exposition(live.status()), media_type=CONTENT_TYPE_LATEST)
