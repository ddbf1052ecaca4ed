"""`/mcp`: the kept traces for agents, as an MCP server over HTTP that answers each request by itself."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from collector.viewer.live import Live
from collector.viewer.mcp import answer_text

_MOST_BYTES = 256 * 1024


def add_agents(api: FastAPI, live: Live, version: str) -> None:
    """The one endpoint of MCP's "Streamable HTTP"; there is no stream to open and no session to end."""

    @api.post("/mcp", include_in_schema=False)
    async def mcp(request: Request) -> Response:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > _MOST_BYTES:
                return JSONResponse({"detail": f"a message may have at most {_MOST_BYTES} bytes"}, 413)
        found = await run_in_threadpool(answer_text, lambda: live.reader, version, bytes(body))
        return Response(found, media_type="application/json") if found else Response(status_code=202)
