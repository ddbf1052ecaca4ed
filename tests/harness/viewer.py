"""The page and its JSON over a store of the test's own, asked without a socket; what it reads is counted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.batch import Signal
from collector.redact.seal import Sealer
from collector.store.entries import Caps, Refusal
from collector.store.outline import OutlinedSpan
from collector.store.sqlite.reading import SqliteReading
from collector.store.sqlite.store import SqliteStore
from collector.viewer.api import new_api
from collector.viewer.live import Live, QueueControl

_CAPS = Caps(1 << 28, 86400, 1 << 30)


class CountingReading(SqliteReading):
    """A reading that remembers how many spans were read with their content."""

    read = 0

    def requests_of(self, spans: Iterable[OutlinedSpan]) -> Iterator[ExportTraceServiceRequest]:
        wanted = list(spans)
        self.read += len(wanted)
        return super().requests_of(wanted)


class Viewed:
    """A store, and the page over it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.store = SqliteStore(directory, _CAPS, {"local": ()})
        self.reader = CountingReading(directory)
        self.opened: list[dict[str, Any]] = []
        self.notices: list[str] = []

        async def failure() -> str:
            return ""

        self.live = Live(
            self.reader,
            self._status,  # type: ignore[arg-type]
            failure,
            lambda _: "",
            lambda text: text,
            tuple,
            dict,
            lambda *_: "",
        )
        self.api: FastAPI = new_api(self.live, "1", QueueControl(self.store, (), lambda: None))

    def put(self, request: ExportTraceServiceRequest) -> None:
        """Keep a request, sealed as any other."""
        self.store.put(Sealer().seal(Signal.TRACES, request), Refusal(Signal.TRACES, {})).result(120)

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Ask as a client that normalises addresses does, and follow where it is led."""

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.api)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:4318") as client:
                return await client.get(path, headers=headers, follow_redirects=True)

        return asyncio.run(ask())

    def reading(self, path: str) -> tuple[httpx.Response, int]:
        """The answer, and how many spans were read for it."""
        self.reader.read = 0
        return self.get(path), self.reader.read

    def close(self) -> None:
        self.reader.close()
        self.store.close()

    def _status(self) -> dict[str, Any]:
        return {
            "version": "1",
            "url": "http://127.0.0.1:4318",
            "data_dir": "/data",
            "ledger": self.reader.ledger(),
            "forwarding": {"reason": "local only", "endpoint": "", "destinations": {}, "signals": [], "last": {}},
            "opencode": {"open_turns": self.opened},
            "notices": self.notices,
            "store": {},
            "redacted": [],
            "policy": {"name": "p", "revision": 1, "fingerprint": "f", "blocked": "", "mode": "", "engine": ""},
        }
