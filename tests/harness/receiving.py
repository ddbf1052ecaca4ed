"""The receiver without a socket, for tests in which the socket is not the point."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx

from collector.batch import Signal
from collector.pipeline.otlp import Pipeline, Processed
from collector.policy.model import ContentLevel
from collector.receive.exports import Exports
from collector.receive.guard import Guard
from collector.receive.limits import Budget
from collector.receive.otlp import OtlpReceiver
from collector.receive.receiver import Admission
from collector.redact.seal import Sealer, always
from collector.store.entries import Caps
from collector.store.sqlite.reading import SqliteReading
from collector.store.sqlite.store import SqliteStore

MIB = 1024 * 1024


class ReceiverHarness:
    """An OTLP receiver on a real store in `directory`."""

    def __init__(
        self,
        directory: Path,
        *,
        guard: Guard | None = None,
        most_bytes: int = MIB,
        budget: int = 16 * MIB,
        queue_bytes: int = 64 * MIB,
        destinations: dict[str, list[Signal]] | None = None,
        level: ContentLevel = ContentLevel.MASK,
    ) -> None:
        caps = Caps(queue_bytes, 86400, 64 * MIB)
        self.store = SqliteStore(directory, caps, destinations or {})
        self.reader = SqliteReading(directory)
        self.kept: list[Processed] = []
        self.exports = Exports(
            lambda: Pipeline(always(Sealer(level))),
            self.store,
            lambda _, outcome: self.kept.append(outcome),
            most_bytes,
        )
        self.admission = Admission(self.store.instance, guard or Guard(), Budget(budget), most_bytes)
        self.receiver = OtlpReceiver(self.admission, {"": self.exports})

    def ask(self, method: str, path: str, content: Any = b"", **headers: str) -> httpx.Response:
        """Send one request; header names may use _ for -."""

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.receiver)
            async with httpx.AsyncClient(transport=transport) as client:
                sent = {key.replace("_", "-"): value for key, value in headers.items()}
                return await client.request(method, f"http://127.0.0.1:4318{path}", content=content, headers=sent)

        return asyncio.run(send())

    def post(self, path: str, content: Any, content_type: str, **headers: str) -> httpx.Response:
        return self.ask("POST", path, content, content_type=content_type, **headers)

    def close(self) -> None:
        self.exports.close()
        self.reader.close()
        self.store.close()
