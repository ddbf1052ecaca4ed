"""The stream that tells pages when something was kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from collector.viewer.live import Live

_HEARTBEAT_SECONDS = 15.0
_MOST_STREAMS = 64


def add_stream(api: FastAPI, live: Live) -> None:
    """Server-sent events at `/live`: `kept` each time something was kept or a turn changed since change `after`."""
    streams = 0

    @api.get("/live", include_in_schema=False)
    async def stream(after: int = -1) -> StreamingResponse:
        async def events() -> AsyncIterator[bytes]:
            nonlocal streams
            streams += 1
            try:
                seen = live.changes.number
                yield b"retry: 2000\n\n"
                if after not in (-1, seen):  # between the page and this stream, or before a restart
                    yield b"event: kept\ndata: %d\n\n" % seen
                while streams <= _MOST_STREAMS:
                    now = await live.changes.wait(seen, _HEARTBEAT_SECONDS)
                    yield b"event: kept\ndata: %d\n\n" % now if now > seen else b": here\n\n"
                    seen = now
            finally:
                streams -= 1

        headers: dict[str, Any] = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(events(), media_type="text/event-stream", headers=headers)
