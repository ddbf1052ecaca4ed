"""What waits and what was refused: to list, and to move, drop or try again by command."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Path, Query
from pydantic import Field

from collector.viewer.live import Live, QueueControl

_LARGEST_KEY = 2**63 - 1
Letters = Annotated[list[Annotated[int, Field(le=_LARGEST_KEY, ge=-_LARGEST_KEY)]] | None, Query()]
Most = Annotated[int, Query(ge=1, le=10_000)]


def add_queue(api: FastAPI, live: Live, control: QueueControl) -> None:
    """Routes of the queue and of dead letters."""
    commands, destinations = control.commands, control.destinations

    @api.get("/api/queue")
    def queue() -> list[dict[str, Any]]:
        """What waits, by destination and signal."""
        return [dataclasses.asdict(entry) for entry in live.reader.queues(destinations)]

    @api.post("/api/queue/move")
    async def move(source: str, target: str) -> dict[str, int]:
        """Let what waits for one destination wait for another instead; signals that one does not take stay."""
        if target not in destinations:
            known = ", ".join(destinations) or "none is configured"
            raise HTTPException(422, f"there is no destination of the name given as target; known: {known}")
        items = await asyncio.wrap_future(commands.move_queue(source, target))
        control.wake()
        return {"items": items}

    @api.post("/api/queue/drop")
    async def drop(destination: str) -> dict[str, int]:
        """Give up what waits for a destination; counted as dropped."""
        return {"items": await asyncio.wrap_future(commands.drop_queue(destination))}

    @api.post("/api/clear")
    async def clear() -> dict[str, int]:
        """Forget all that was delivered, or is kept here only; what waits and what was refused stays."""
        forgotten = 0
        while items := await asyncio.wrap_future(commands.forget_some()):
            forgotten += items
        live.changes.tell()
        return {"items": forgotten}

    @api.get("/api/dead-letters")
    def dead_letters(
        destination: str = "", limit: Annotated[int, Query(ge=1, le=10_000)] = 100
    ) -> list[dict[str, Any]]:
        """What was refused for good, newest first."""
        return [dataclasses.asdict(letter) for letter in live.reader.dead_letters(limit, destination)]

    @api.get("/api/dead-letters/{letter}")
    def dead_letter(letter: Annotated[int, Path(le=_LARGEST_KEY, ge=-_LARGEST_KEY)]) -> dict[str, Any]:
        """One dead letter, with its items as an OTLP/JSON export request."""
        found = live.reader.dead_letter(letter)
        if found is None:
            raise HTTPException(404, "no such dead letter is kept")
        return {**dataclasses.asdict(found[0]), "request": found[1]}

    @api.post("/api/dead-letters/retry")
    async def retry(letter: Letters = None) -> dict[str, int]:
        """Queue dead letters once more: those named, or all."""
        items = await asyncio.wrap_future(commands.retry_dead_letters(letter))
        control.wake()
        return {"items": items}

    @api.post("/api/dead-letters/drop")
    async def give_up(letter: Letters = None) -> dict[str, int]:
        """Give dead letters up: those named, or all; counted as dropped."""
        return {"items": await asyncio.wrap_future(commands.drop_dead_letters(letter))}
