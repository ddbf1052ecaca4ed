"""Two ways through one collector's core, side by side: sealed in this process, and in others."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

from collector.app.workers import Workers
from collector.batch import Signal
from collector.errors import CollectorError
from collector.pipeline.events import Intake, IntakeResult
from collector.pipeline.otlp import Pipeline, Processed
from collector.pipeline.sift import Sieve
from collector.receive.exports import Exports
from collector.receive.limits import Budget
from collector.redact.seal import Sealer, SealerSource
from collector.reshape.join import LogJoin
from collector.reshape.stage import Reshaper
from collector.store.entries import Caps
from collector.store.sqlite.reading import SqliteReading
from collector.store.sqlite.store import SqliteStore
from harness.reshape import Clock

MIB = 1024 * 1024


class OwnLoop:
    """An event loop in a thread, for what lives longer than one test's."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Any], seconds: float = 120) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(seconds)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


class SealedBothWays:
    """Every request goes through a core that seals here and one with `workers`, each with a store of its own."""

    def __init__(self, directory: Path, workers: int = 2, sealers: SealerSource | None = None) -> None:
        sealer = Sealer()
        self.sealers = sealers or (lambda: sealer)
        self.on = OwnLoop()
        self.workers = Workers(workers)
        elsewhere = self._elsewhere = self.workers.under(self.sealers)
        self.on.run(self.workers.start())
        self._intake = Intake(self.sealers, "opencode")
        self.ways = [self._way(directory / name, sealing) for name, sealing in (("here", None), ("there", elsewhere))]

    def _way(self, directory: Path, sealing: Any) -> _Way:
        directory.mkdir()
        return _Way(directory, self.sealers, sealing)

    def take(self, signal: Signal, body: bytes, content_type: str, encoding: str = "") -> list[Any]:
        """What each way makes of a body, and answers."""
        return [self.on.run(way.take(signal, body, content_type, encoding)) for way in self.ways]

    def take_events(self, body: bytes, now: int) -> list[Any]:
        """What each way makes of a body of OpenCode's events."""
        assert self._elsewhere is not None

        async def here() -> IntakeResult:
            return self._intake.take(body, now)

        return [self.on.run(_events_told(way)) for way in (here(), self._elsewhere.read_events("opencode", body, now))]

    def ledgers(self) -> list[Any]:
        return [way.reader.ledger() for way in self.ways]

    def close(self) -> None:
        self.on.run(self.workers.close())
        for way in self.ways:
            way.close()
        self.on.close()


class _Way:
    def __init__(self, directory: Path, sealers: SealerSource, sealing: Any) -> None:
        self.store = SqliteStore(directory, Caps(10**9, 10**6, 10**9), {"upstream": tuple(Signal)})
        self.reader = SqliteReading(directory)
        self._kept: list[Processed] = []
        clock = Clock()
        join = LogJoin(lambda: clock.now)
        sieve = Sieve()

        def new_pipeline() -> Pipeline:
            return Pipeline(sealers, reshaper=Reshaper(join=join, hold=True), sift=sieve.sift)

        self.exports = Exports(
            new_pipeline, self.store, lambda _, outcome: self._kept.append(outcome), 64 * MIB, sealing=sealing
        )

    async def take(
        self, signal: Signal, body: bytes, content_type: str, encoding: str, budget: Budget | None = None
    ) -> tuple[Any, ...]:
        self._kept.clear()
        with (budget or Budget(256 * MIB)).request() as reservation:
            try:
                left_out = await self.exports.take(signal, body, encoding, content_type, "", reservation)
            except CollectorError as error:
                return type(error), str(error)
        return str(left_out), left_out.places, *map(_told, self._kept)

    def close(self) -> None:
        self.exports.close()
        self.reader.close()
        self.store.close()


async def _events_told(taking: Awaitable[IntakeResult]) -> tuple[Any, ...]:
    try:
        taken = await taking
    except CollectorError as error:
        return type(error), str(error)
    rows = [(row.session, row.key, row.message, row.at, row.order, row.data, row.fact) for row in taken.rows]
    return taken.items, rows, taken.rejected, taken.unknown, taken.actions, taken.hooks, taken.marks


def _told(processed: Processed) -> tuple[Any, ...]:
    """All of it in a form that can be compared."""
    held: Callable[[Any], Any] = lambda each: each and (each.number, each.batch)  # noqa: E731
    return (
        processed.batch,
        processed.left_out,
        dict(processed.dropped),
        processed.late,
        dict(processed.failed),
        held(processed.held),
        [held(each) for each in processed.completed],
    )
