"""What the pages need of the running process, and the stream that tells them when something was kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from collector.store import Reading
from collector.viewer.status import Status

_HEARTBEAT_SECONDS = 15.0
_MOST_STREAMS = 64


class Changes:
    """Counts what was kept, and wakes who waits for it. `tell` is called on the event loop."""

    def __init__(self) -> None:
        self.number = 0
        self._waiting: set[asyncio.Event] = set()

    def tell(self) -> None:
        self.number += 1
        for event in self._waiting:
            event.set()

    async def wait(self, after: int, seconds: float) -> int:
        """The number of changes once it is above `after`, or as it is after `seconds`."""
        if self.number > after:
            return self.number
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            pass
        finally:
            self._waiting.discard(event)
        return self.number


class PolicyPart(Protocol):
    """A part of the policy in force: its value, and the layer that decided it."""

    @property
    def key(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def origin(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Live:
    """What the routes ask of the running process.

    `mask` gives a text as it would leave under the policy in force; `policy_rows` are its parts, `reason_of` says of a
    rule which layer of it has the rule on. `proof` answers a challenge that came to an address of ours, so that a
    client knows which data directory is served. `store_notices` say what a person should know of what was kept, such
    as damage.
    """

    reader: Reading
    status: Callable[[], Status]
    failure: Callable[[], Awaitable[str]]
    answer_for: Callable[[list[int]], str]
    mask: Callable[[str], str]
    policy_rows: Callable[[], Sequence[PolicyPart]]
    test_trace: Callable[[], dict[str, Any]]
    proof: Callable[[str, tuple[Any, ...]], str]
    reason_of: Callable[[str], str] = lambda _: ""
    changes: Changes = field(default_factory=Changes)
    store_notices: Callable[[], Sequence[str]] = tuple


def add_live(api: FastAPI, live: Live) -> None:
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
