"""Processes that seal beside the one that keeps: what they are asked, and what becomes of it when they or it change."""

from __future__ import annotations

import asyncio
import gzip
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from harness.live_sessions import recorded
from harness.process import sealing_processes
from harness.reshape import SPAN, TRACE, logs_with
from harness.sealing import OwnLoop, SealedBothWays
from harness.telemetry import PROTOBUF, traces
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.app.workers import Workers, _environment
from collector.batch import SealedBatch, Signal
from collector.errors import Busy, ConfigError, Unavailable
from collector.otlp.read import Decoded
from collector.otlp.values import write_value
from collector.pipeline.events import Intake, IntakeResult
from collector.receive import exports
from collector.receive.limits import Budget
from collector.redact.ruleset import preset_policy
from collector.redact.seal import Sealer, SealerSource, always

pytestmark = pytest.mark.slow  # starts processes

STRICT = preset_policy("metadata-only")
SECRET = "gh" + "p_" + "x7Kq9mRt2LsVw4Yz8NbC3fHj6Pd1GaE5Tu0o"


class Changing:
    """A policy that can be replaced."""

    def __init__(self) -> None:
        self.sealer = Sealer()

    def __call__(self) -> Sealer:
        return self.sealer


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[OwnLoop, Workers, Any, Changing]]:
    on, workers, policy = OwnLoop(), Workers(1), Changing()
    sealing = workers.under(policy)
    on.run(workers.start())
    yield on, workers, sealing, policy
    on.run(workers.close())
    on.close()


def test_what_was_under_way_while_the_policy_changed_is_sealed_again(running: Any) -> None:
    on, _, sealing, policy = running
    before = policy.sealer
    data = traces(3, {"input.value": f"please remember {SECRET}"}).SerializeToString()

    async def change_while_it_is_sealed() -> SealedBatch:
        under_way = asyncio.ensure_future(sealing.seal(Signal.TRACES, data, 0))
        await asyncio.sleep(0)
        policy.sealer = Sealer(STRICT)
        return await under_way

    batch = on.run(change_while_it_is_sealed())
    assert batch.policy == policy.sealer.fingerprint != before.fingerprint
    assert batch == Sealer(STRICT).seal(Signal.TRACES, Signal.TRACES.request.FromString(data))


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells of processes")
def test_a_process_that_is_killed_says_503_for_what_it_had_and_is_started_again(running: Any) -> None:
    on, workers, sealing, _ = running
    data = traces(2000, {"input.value": "word " * 40}).SerializeToString()
    (pid,) = sealing_processes(os.getpid())
    ended = workers.ended

    async def kill_while_it_seals() -> None:
        under_way = [asyncio.ensure_future(sealing.seal(Signal.TRACES, data, 0)) for _ in range(3)]
        await asyncio.sleep(0)
        os.kill(pid, signal.SIGKILL)
        for each in under_way:
            with pytest.raises(Unavailable) as refused:
                await each
            assert refused.value.retry_after == 1
        while not workers.running:  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)

    on.run(kill_while_it_seals())
    assert workers.ended == ended + 1
    assert "signal 9" in workers.notices[0]
    assert on.run(sealing.seal(Signal.TRACES, data, 0)).items == 2000
    assert sealing_processes(os.getpid()) != [pid]


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells of processes")
def test_a_process_that_is_killed_while_it_starts_is_started_again(running: Any) -> None:
    on, workers, sealing, _ = running
    data = traces(200).SerializeToString()
    killed: set[int] = set()

    async def kill_each_new_one() -> None:
        while len(killed) < 3:
            for pid in set(sealing_processes(os.getpid())) - killed:
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
            await asyncio.sleep(0.002)
        while not workers.running or killed & set(sealing_processes(os.getpid())):  # noqa: ASYNC110 - no event for it
            await asyncio.sleep(0.01)

    on.run(kill_each_new_one())
    assert on.run(sealing.seal(Signal.TRACES, data, 0)).items == 200


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells of processes")
def test_a_process_that_could_seal_is_started_again_at_once_however_often_it_is_killed(
    running: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever gets one killed, by a body that takes all memory, must not have the others wait."""
    on, workers, sealing, _ = running
    paused: list[int] = []
    monkeypatch.setattr("collector.app.workers.delay", lambda failures, *_: float(paused.append(failures) or 0))
    data = traces(1, {"input.value": "word"}).SerializeToString()

    async def seal_and_kill() -> None:
        ended = workers.ended
        assert (await sealing.seal(Signal.TRACES, data, 0)).items == 1
        os.kill(sealing_processes(os.getpid())[0], signal.SIGKILL)
        while workers.ended == ended or not workers.running:  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)

    for _ in range(4):
        on.run(seal_and_kill())
    assert paused == []


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells of processes")
def test_a_terminal_does_not_signal_a_process_that_starts(running: Any) -> None:
    """Ctrl-C while it imports had it write a traceback for each process."""
    assert all(os.getpgid(pid) != os.getpgid(0) for pid in sealing_processes(os.getpid()))


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells of processes")
def test_a_process_that_hangs_says_503_and_is_started_again(running: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    on, workers, sealing, _ = running
    data = traces(1, {"input.value": "word"}).SerializeToString()
    assert on.run(sealing.seal(Signal.TRACES, data, 0)).items == 1
    (pid,) = sealing_processes(os.getpid())
    connection = workers._workers[0]._connection

    async def hang() -> None:
        os.kill(pid, signal.SIGSTOP)
        under_way = asyncio.ensure_future(sealing.seal(Signal.TRACES, data, 0))
        await asyncio.sleep(0)
        connection._heard_at -= 3600
        connection._look()
        with pytest.raises(Unavailable):
            await under_way
        while not workers.running:  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)

    on.run(hang())
    assert "it answered nothing for 60 s" in workers.notices[0]
    assert on.run(sealing.seal(Signal.TRACES, data, 0)).items == 1
    assert pid not in sealing_processes(os.getpid())


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells of processes")
def test_a_policy_that_does_not_redact_in_a_process_of_its_own_stops_the_start(running: Any) -> None:
    """The self-test runs where the sealing is done."""
    on, before = running[0], sealing_processes(os.getpid())
    workers = Workers(1)
    workers.under(always(Sealer(replace(preset_policy("secrets"), rules=frozenset()))))
    with pytest.raises(ConfigError, match=r"--workers 1: .* could not be started: self-test: a test secret survived"):
        on.run(workers.start())
    assert sealing_processes(os.getpid()) == before


def test_events_are_sealed_under_the_policy_in_force(running: Any) -> None:
    on, _, sealing, policy = running
    body, intake = b"\n".join(recorded("text")), Intake(policy, "opencode")
    for sealer in (Sealer(), Sealer(STRICT)):
        policy.sealer = sealer
        there, here = on.run(sealing.read_events("opencode", body, 1)), intake.take(body, 1)
        assert [row.data for row in there.rows] == [row.data for row in here.rows] != []


def test_all_events_are_read_in_one_process_in_the_order_they_came() -> None:
    """Hooks that say something of the next request stand in other bodies; the other process is idle meanwhile."""
    on, workers = OwnLoop(), Workers(2)
    sealing = workers.under(always(Sealer()))
    assert sealing is not None
    lines = [line for scenario in ("multi", "text_v10185") for line in recorded(scenario)]
    intake = Intake(always(Sealer()), "opencode")

    async def read_all() -> list[IntakeResult]:
        return await asyncio.gather(*(sealing.read_events("opencode", line, 1) for line in lines))

    on.run(workers.start())
    try:
        for line, there in zip(lines, on.run(read_all()), strict=True):
            here = intake.take(line, 1)
            assert [row.fact for row in there.rows] == [row.fact for row in here.rows]
    finally:
        on.run(workers.close())
        on.close()


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells of processes")
def test_events_wait_for_the_process_that_reads_them_while_another_one_runs() -> None:
    """Read elsewhere meanwhile, what belongs together would stand in two processes."""
    on, workers = OwnLoop(), Workers(2)
    sealing = workers.under(always(Sealer()))
    assert sealing is not None
    on.run(workers.start())
    body = b"\n".join(recorded("text"))

    async def kill_the_first() -> None:
        first = workers._workers[0]._process
        assert first is not None
        under_way = asyncio.ensure_future(sealing.read_events("opencode", body, 1))
        await asyncio.sleep(0)
        os.kill(first.pid, signal.SIGKILL)
        for each in (under_way, sealing.read_events("opencode", body, 1)):
            with pytest.raises(Unavailable) as refused:
                await each
            assert refused.value.retry_after == 1
        while workers.running < 2:  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)
        assert (await sealing.read_events("opencode", body, 1)).rows

    try:
        on.run(kill_the_first())
    finally:
        on.run(workers.close())
        on.close()


class _Held:
    """In the place of other processes: what is given to it is sealed when `go` says so, or not at all."""

    def __init__(self, way: Any, sealers: SealerSource, waits: Callable[[Signal, bytes], bool]) -> None:
        self.go: asyncio.Future[None] | None = None
        self.begun = asyncio.Event()
        self._sealers = sealers
        self._waits = waits
        way.exports._sealing = self

    async def read(self, of: Signal, body: bytes, content_type: str) -> Decoded:
        raise AssertionError

    async def seal(self, of: Signal, data: bytes, affinity: int) -> SealedBatch:
        if self._waits(of, data):
            self.go = self.go or asyncio.get_running_loop().create_future()
            self.begun.set()
            await self.go
        return self._sealers().seal(of, of.request.FromString(data))


@pytest.fixture
def held_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[SealedBothWays, Any, _Held]]:
    """A core whose spans that wait for their records are sealed when a test says so."""
    monkeypatch.setattr(exports, "_SMALL_BYTES", -1)
    both = SealedBothWays(tmp_path, workers=0)
    way = both.ways[1]
    waits = lambda of, data: of is Signal.TRACES and b"what came later" not in data  # noqa: E731
    yield both, way, _Held(way, both.sealers, waits)
    both.close()


def test_what_completes_a_held_request_that_is_still_being_sealed_waits_for_it(held_up: Any) -> None:
    """Completed before it is kept, it would be sent as it was, and once more."""
    both, way, sealing = held_up

    async def both_at_once() -> None:
        spans = asyncio.ensure_future(way.take(Signal.TRACES, _call(), PROTOBUF, ""))
        await sealing.begun.wait()
        records = asyncio.ensure_future(way.take(Signal.LOGS, _records(), PROTOBUF, ""))
        await asyncio.sleep(0.05)
        sealing.go.set_result(None)
        await asyncio.gather(spans, records)

    both.on.run(both_at_once())
    assert way.reader.ledger()["upstream"]["traces"]["received"] == 1


def test_a_held_request_whose_process_ended_is_kept_once_when_it_is_sent_again(held_up: Any) -> None:
    both, way, sealing = held_up

    async def refused_then_sent_again() -> None:
        spans = asyncio.ensure_future(way.take(Signal.TRACES, _call(), PROTOBUF, ""))
        await sealing.begun.wait()
        sealing.go.set_exception(Unavailable("the sealing process ended"))
        assert (await spans)[0] is Unavailable
        sealing.go = asyncio.get_running_loop().create_future()
        sealing.go.set_result(None)
        await way.take(Signal.TRACES, _call(), PROTOBUF, "")
        await way.take(Signal.LOGS, _records(), PROTOBUF, "")

    both.on.run(refused_then_sent_again())
    assert way.reader.ledger()["upstream"]["traces"]["received"] == 1


def test_a_body_that_waits_for_another_process_counts_as_large_as_it_became(held_up: Any) -> None:
    """A thousand small requests that decompress to a MiB each would be a GiB."""
    both, way, sealing = held_up
    body = traces(1, {"input.value": "word " * 100_000}).SerializeToString()
    budget = Budget(256 * 1024 * 1024)

    async def look_while_it_waits() -> int:
        spans = asyncio.ensure_future(way.take(Signal.TRACES, gzip.compress(body), PROTOBUF, "gzip", budget))
        await sealing.begun.wait()
        used = budget.used
        sealing.go.set_result(None)
        await spans
        return used

    assert both.on.run(look_while_it_waits()) >= len(body)
    assert budget.used == 0


def test_a_request_that_is_refused_once_it_was_sealed_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no room for what became of it; what completes its spans does not wait for them."""
    monkeypatch.setattr(exports, "_SMALL_BYTES", -1)
    both = SealedBothWays(tmp_path, workers=0)
    way = both.ways[1]

    class Here:
        async def read(self, of: Signal, body: bytes, content_type: str) -> Decoded:
            raise AssertionError

        async def seal(self, of: Signal, data: bytes, affinity: int) -> SealedBatch:
            return both.sealers().seal(of, of.request.FromString(data))

    way.exports._sealing = Here()
    asked = ExportTraceServiceRequest.FromString(_call())
    asked.resource_spans[0].scope_spans[0].spans.add(trace_id=TRACE, span_id=bytes(7) + b"\2", name="plain")
    budget = Budget(20)

    async def refused() -> None:
        with budget.request() as reservation:
            reservation.add(15)
            with pytest.raises(Busy):
                await way.exports.take(Signal.TRACES, asked.SerializeToString(), "", PROTOBUF, "", reservation)

    both.on.run(refused())
    assert not way.exports._unkept
    both.on.run(way.take(Signal.LOGS, _records(), PROTOBUF, ""), seconds=20)
    both.close()


def _call() -> bytes:
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add(trace_id=TRACE, span_id=SPAN, name="chat")
    write_value(span.attributes.add(key="gen_ai.operation.name").value, "chat")
    return request.SerializeToString()


def _records() -> bytes:
    return logs_with(("gen_ai.user.message", {}, {"content": "what came later"})).SerializeToString()


def test_a_sealing_process_is_given_no_token_of_the_settings() -> None:
    names = ("COLLECTOR_ACCESS_TOKEN", "CATALYST_OTLP_TOKEN", "INFERENCE_API_KEY", "OF_A_DESTINATION", "PGPASSWORD")
    given = {**dict.fromkeys(names, "a"), "HTTPS_PROXY": "http://user:word@proxy", "PATH": "/bin"}
    assert _environment(given).keys() == {"PATH", "PYTHONPATH"}
