"""The application behind the page and the JSON of what was kept; made when it is first asked for."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response

from collector.viewer.asked import known_names, said
from collector.viewer.kept import add_kept
from collector.viewer.live import Live, QueueControl
from collector.viewer.pages.agents import add_agents
from collector.viewer.pages.conversation import add_conversations
from collector.viewer.pages.detail import add_detail
from collector.viewer.pages.frame import page
from collector.viewer.pages.lists import add_lists
from collector.viewer.pages.state import add_state
from collector.viewer.pages.static import add_static
from collector.viewer.pages.stream import add_stream
from collector.viewer.queue import add_queue
from collector.viewer.status import Status


def new_api(live: Live, version: str, control: QueueControl) -> FastAPI:
    """The application behind every path but OTLP's own and those of `HealthAnswers`."""
    api = FastAPI(
        title="opencode-collector",
        version=version,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        dependencies=[Depends(known_names)],
    )

    @api.exception_handler(RequestValidationError)
    def refuse(request: Request, error: Exception) -> Response:
        """The framework's own answer would quote what was asked."""
        assert isinstance(error, RequestValidationError)
        wrong = said(error.errors())
        if request.scope["route"].include_in_schema:
            return JSONResponse({"detail": wrong}, 422)
        return page(live, "error.html", "Sessions", status_code=422, what="The address asks wrongly", advice=wrong)

    add_lists(api, live)
    add_detail(api, live)
    add_conversations(api, live)
    add_state(api, live)
    add_stream(api, live)
    add_kept(api, live)
    add_queue(api, live, control)
    add_static(api)
    add_agents(api, live, version)

    @api.get("/api/status")
    def status() -> Status:
        return live.status()

    @api.get("/api/test-trace")
    def made_up_trace() -> dict[str, Any]:
        """A made-up turn as OTLP/JSON, to be posted to /v1/traces: to see that the way is open."""
        return live.test_trace()

    return api
