"""The application behind every path but OTLP's own; health, metrics and status are answered here."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from collector.viewer.kept import add_kept
from collector.viewer.live import Live, add_live
from collector.viewer.metrics import exposition
from collector.viewer.pages.agents import add_agents
from collector.viewer.pages.detail import add_detail
from collector.viewer.pages.lists import add_lists
from collector.viewer.pages.state import add_state
from collector.viewer.pages.static import add_static
from collector.viewer.queue import QueueControl, add_queue
from collector.viewer.status import Status

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
    add_kept(api, live)
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

    return api


def _add_health(api: FastAPI, live: Live, version: str) -> None:
    @api.get("/healthz")
    def alive(request: Request, challenge: Challenge = "") -> dict[str, str]:
        """Alive: the process answers; with a challenge, which data directory it serves."""
        said = {"status": "ok", "service": "opencode-collector", "version": version}
        return {**said, "proof": live.proof(challenge, request.scope["server"])} if challenge else said

    @api.get("/readyz")
    async def ready() -> JSONResponse:
        """Ready: telemetry can be kept; the reason where it cannot, and damage that was set aside."""
        failure = await live.failure()
        said = {"notices": list(notices)} if (notices := live.store_notices()) else {}
        if failure:
            return JSONResponse({"status": "not ready", "reason": failure, **said}, 503)
        return JSONResponse({"status": "ready", **said})

    @api.get("/metrics", response_class=Response)
    def metrics() -> Response:
        """Prometheus."""
        return Response(exposition(live.status()), media_type=CONTENT_TYPE_LATEST)
