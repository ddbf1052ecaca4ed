"""A forwarder paused at a bad moment, on every engine: what it leased is sent later, what was taken never again."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from harness.store import HOST, Engine, account_of, seal
from harness.telemetry import traces
from harness.upstream import OK, Answer, Received, Upstream, upstream
from pydantic import SecretStr

from collector.batch import SealedBatch, Signal
from collector.errors import Unavailable
from collector.forward.destination import Destination
from collector.forward.forwarder import Forwarder
from collector.forward.tokens import FixedToken
from collector.store import Store
from collector.store.entries import Lane, Refusal

OTHER = "other.example:443"
NONE = Refusal(Signal.TRACES, {})


@pytest.fixture
def two(engine: Engine, tmp_path: Path) -> Iterator[Store]:
    """A store of two destinations; only the first is sent to."""
    made = engine.open(tmp_path, {HOST: [Signal.TRACES], OTHER: [Signal.TRACES]})
    yield made
    made.close()


def _forwarder(store: Store, up: Upstream, **settings: Any) -> Forwarder:
    urls = {Signal.TRACES: f"{up.url}/v1/traces"}
    destination = Destination(HOST, urls, FixedToken(SecretStr("t")), [Signal.TRACES], **settings)
    return Forwarder(store, destination, "this-one")


@contextlib.asynccontextmanager
async def _running(forwarder: Forwarder) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(forwarder.run())
    try:
        yield task
    finally:
        await _cancel(task)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _happened(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, 90)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(90):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


def test_what_was_being_leased_when_forwarding_paused_is_sent_when_it_goes_on(
    engine: Engine, two: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that leases cannot be cancelled: what it took would wait until a restart,."""
    two.put(seal(traces(3)), NONE, destinations=[HOST]).result(5)
    lease = two.lease
    leased, go_on = threading.Event(), threading.Event()

    def slowly(*arguments: Any, **named: Any) -> Any:
        found = lease(*arguments, **named)
        if found:
            leased.set()
            assert go_on.wait(90)
        return found

    async def main(up: Upstream) -> None:
        monkeypatch.setattr(two, "lease", slowly)
        paused = asyncio.create_task(_forwarder(two, up).run())
        await _happened(leased)
        paused.cancel()
        await asyncio.sleep(0)
        go_on.set()
        await _cancel(paused)
        monkeypatch.setattr(two, "lease", lease)
        async with _running(_forwarder(two, up)):
            await _until(lambda: len(up.spans()) == 3)

    with upstream() as up:
        asyncio.run(main(up))
    reading = engine.read(tmp_path)
    assert account_of(reading)["dead_lettered"] == 0
    reading.close()


def test_what_was_taken_is_not_sent_again_by_who_goes_on_before_it_is_written(
    engine: Engine, two: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer came and waits for the writer when forwarding pauses: only a crash may make it unheard."""
    two.put(seal(traces(1)), NONE, destinations=[OTHER]).result(5)
    two.put(seal(traces(2)), NONE, destinations=[HOST]).result(5)
    [held] = [each.batch_id for each in two.lease(Lane(OTHER, Signal.TRACES), 1)]
    busy, go_on, settled, looked = (threading.Event() for _ in range(4))
    settle, lease = two.settle, two.lease

    def slow_seal(_: Signal, data: bytes) -> SealedBatch:
        busy.set()
        assert go_on.wait(90)
        return seal(Signal.TRACES.request.FromString(data))

    def answer(_: Received) -> Answer:
        if not busy.is_set():
            two.reseal([held], slow_seal)  # the writer has something to do for a while
            assert busy.wait(90)
        return OK

    def note_settling(*arguments: Any) -> Future[None]:
        future = settle(*arguments)
        settled.set()
        return future

    def note_leasing(*arguments: Any, **named: Any) -> Any:
        found = lease(*arguments, **named)
        looked.set()
        return found

    async def main(up: Upstream) -> None:
        paused = asyncio.create_task(_forwarder(two, up).run())
        monkeypatch.setattr(two, "settle", note_settling)
        await _happened(settled)
        await _cancel(paused)
        monkeypatch.setattr(two, "lease", note_leasing)
        async with _running(_forwarder(two, up)):
            await _happened(looked)
            go_on.set()
            reading = engine.read(tmp_path)
            await _until(lambda: account_of(reading)["delivered"] == 2)
            reading.close()

    with upstream(answer) as up:
        try:
            asyncio.run(main(up))
        finally:
            go_on.set()
        assert len(up.received) == 1


def test_an_answer_that_cannot_be_written_waits_and_nothing_is_sent_twice(
    engine: Engine, two: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the store cannot be written, as on a full disk, what was taken came again thirty times a second."""
    two.put(seal(traces(2)), NONE, destinations=[HOST]).result(5)
    settle = two.settle
    failed, failures = threading.Event(), iter(range(3))

    def fails(*arguments: Any) -> Future[None]:
        if next(failures, None) is None:
            failed.set()
            return settle(*arguments)
        two.put(seal(traces(1)), NONE, destinations=[HOST]).result(5)  # and more is to be sent
        refused: Future[None] = Future()
        refused.set_exception(Unavailable("the disk is full"))
        return refused

    async def main(up: Upstream) -> None:
        monkeypatch.setattr(two, "settle", fails)
        forwarder = _forwarder(two, up)
        async with _running(forwarder):
            while not failed.is_set():
                forwarder.notify(Signal.TRACES)
                assert len(up.received) <= 2  # one was about to be leased
                await asyncio.sleep(0.01)
            await _until(lambda: len(up.spans()) == 5)
            reading = engine.read(tmp_path)
            await _until(lambda: account_of(reading)["delivered"] == 5)
            reading.close()

    with upstream() as up:
        asyncio.run(main(up))
        assert len({span.span_id for span in up.spans()}) == len(up.spans()) == 5


def test_bodies_are_made_by_one_thread_however_many_are_under_way(two: Store) -> None:
    """Every thread that made one would keep the memory that its largest took: a long drain grew by the half."""
    for _ in range(40):
        two.put(seal(traces(1)), NONE, destinations=[HOST]).result(5)
    threads: set[int] = set()
    together = threading.Barrier(4)

    def refine(_: Signal, data: bytes) -> tuple[bytes, dict[str, int]]:
        threads.add(threading.get_ident())
        return data, {}

    def answer(_: Received) -> Answer:
        together.wait(90)  # four are under way at once
        return OK

    async def main(up: Upstream) -> None:
        async with _running(_forwarder(two, up, refine=refine, merge_bytes=1)):
            await _until(lambda: len(up.spans()) == 40)

    with upstream(answer) as up:
        asyncio.run(main(up))
    assert len(threads) == 1
