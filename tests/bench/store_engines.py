"""OpenCode events in and drained through inbox and assembler a second, by engine of the store, and what bounds it.

`python tests/bench/store_engines.py` (a minute an engine). One process keeps redacted events durably, several bodies in
flight as a busy door has them, folds them into turns, seals their spans and keeps those: "drained" is when all are kept
and no turn is open. It prints the processors that the process and PostgreSQL used, by thread, and the durable commits.
What the door does before (reading and redacting events) is measured beside it, in CPU an event. PostgreSQL is Debian's,
started as the tests start it, but synced: on the same two cores, as a small gateway has it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness.live_sessions import SPANS_A_TURN, LiveSessions
from harness.postgres import own_server, programs
from payloads import SHAPES, marked, numbered
from peers_running import cpu_of, tree_of

from collector.app.assembling import Assembling
from collector.batch import SealedBatch, Signal
from collector.pipeline.events import Intake, IntakeResult
from collector.pipeline.otlp import Pipeline
from collector.receive.opencode import MOST_WAITING_BYTES
from collector.redact.seal import Sealer
from collector.store import Store
from collector.store.entries import Caps, Refusal
from collector.store.open import open_store
from collector.store.postgres.writer import PgWriterThread
from collector.store.sqlite.writer import WriterThread

MEASURED = Path(__file__).parent / "measured.json"
AIM = 20_000
"""Events a second on two cores, on PostgreSQL."""
_CAPS = Caps(8 << 30, 7 * 86400, 8 << 30)
_IN_FLIGHT = 32
_MOST_S = 150
_BUSY = 0.9


@dataclass(frozen=True, slots=True)
class Engine:
    """A place to keep, and the processes that work for it beside this one."""

    name: str
    directory: Path
    url: str = ""
    server: int = 0

    def server_cpu(self) -> float:
        return sum(map(cpu_of, tree_of(self.server))) if self.server else 0.0


@dataclass(frozen=True, slots=True)
class Rate:
    """How much was kept a second, and what it took: processors of this process and of the server, by thread too."""

    count: int
    seconds: float
    process_cpu: float
    server_cpu: float
    commits: int
    threads: dict[str, float]

    @property
    def a_second(self) -> float:
        return self.count / self.seconds

    def bound(self) -> str:
        """What the rate is bound by, as far as processors show it."""
        ours, other = self.process_cpu / self.seconds, self.server_cpu / self.seconds
        cores = os.cpu_count() or 1
        if ours + other >= _BUSY * cores:
            return f"all {cores} cores are busy"
        if ours >= _BUSY:
            busiest = max(self.threads, key=lambda name: self.threads[name])
            return f"one Python process computes on one core at a time (busiest thread: {busiest})"
        return "neither processor is busy all the time: waiting for commits, or for other work on this machine"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=500, help="at work at once")
    parser.add_argument("--turns", type=int, default=3, help="of each session, of 142 events")
    parser.add_argument("--events", type=int, default=40, help="a post")
    parser.add_argument("--only", default="", help="sqlite or postgresql")
    parser.add_argument("--write", action="store_true", help="keep the figures in measured.json, for docs/capacity.md")
    arguments = parser.parse_args()
    sessions = LiveSessions(arguments.sessions)
    print("reading and redacting the events ...", flush=True)
    taken, door_us = read_events(sessions, arguments.turns, arguments.events)
    count = arguments.turns * arguments.sessions * sessions.events_a_turn
    print(f"the door takes {door_us:.1f} us of CPU an event before it is kept, {arguments.events} a post", flush=True)
    known = json.loads(MEASURED.read_text(encoding="utf-8"))
    for engine in engines(arguments.only):
        rate = events(engine, taken, count, arguments.turns * arguments.sessions * SPANS_A_TURN)
        told(engine, f"{count:,} events of {arguments.sessions} sessions", rate)
        print(f"  aim: {AIM:,} events/s on two cores: {'met' if rate.a_second >= AIM else 'not met'}", flush=True)
        batches, kept_bytes = spans(engine)
        told(engine, f"{batches.count:,} spans of payload M", batches)
        known.setdefault("engines", {})[engine.name] = {
            "events_a_second": round(rate.a_second),
            "event_cpu_us": round((rate.process_cpu + rate.server_cpu) / count * 1e6 + door_us, 1),
            "commits_a_second": round(rate.commits / rate.seconds),
            "bound": rate.bound(),
            "spans_a_second": round(batches.a_second),
            "kept_bytes": round(kept_bytes),
            "measured": f"{date.today().isoformat()}, {os.cpu_count()} CPUs, {platform.system()}, Python"
            f" {platform.python_version()}, `python tests/bench/store_engines.py`",
        }
    if arguments.write:
        MEASURED.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")


def engines(only: str) -> Iterator[Engine]:
    """Each engine with an empty store; what cannot be had is said."""
    if only in "sqlite":
        with tempfile.TemporaryDirectory() as directory:
            yield Engine("sqlite", Path(directory))
    if only in "postgresql":
        if programs() is None:
            print("postgresql: not measured: its server is not installed")
            return
        with own_server("shared_buffers=256MB") as server, tempfile.TemporaryDirectory() as directory:
            pid = int((server.data / "postmaster.pid").read_text().split()[0])
            yield Engine("postgresql", Path(directory), server.new_database(), pid)


def read_events(sessions: LiveSessions, turns: int, events: int) -> tuple[list[IntakeResult], float]:
    """What the door makes of all bodies, in the order they come, and CPU us an event."""
    sealer = Sealer()
    intake = Intake(lambda: sealer, "opencode")
    whole = turns * sessions.events_a_turn
    bodies = [
        sessions.body(place, min(events, whole - told))
        for told in range(0, whole, events)
        for place in range(sessions.live)
    ]
    began = time.process_time()
    taken = [intake.take(body, time.time_ns() // 1_000_000) for body in bodies]
    return taken, (time.process_time() - began) / (whole * sessions.live) * 1e6


def events(engine: Engine, taken: list[IntakeResult], count: int, wanted: int) -> Rate:
    """Keep, assemble, seal, keep: until `wanted` spans are kept."""
    with opened(engine) as store:
        sealer = Sealer()
        kept: list[int] = []
        assembling = Assembling(
            store.inbox,
            lambda request, passages: sealer.seal(Signal.TRACES, request, passages),
            lambda data: sealer.reseal(Signal.TRACES, data),
            lambda batch: kept.append(batch.items),
            service="opencode",
            metadata={},
            quiet_seconds=600,
        )
        assembling.start()
        try:
            return watched(engine, count, lambda: _keep_all(store, assembling, taken, kept, wanted))
        finally:
            assembling.stop()


def _keep_all(store: Store, assembling: Assembling, taken: list[IntakeResult], kept: list[int], wanted: int) -> None:
    began, until = time.perf_counter(), time.monotonic() + _MOST_S
    waiting: deque[tuple[Future[None], IntakeResult]] = deque()
    for each in taken:
        while assembling.waiting_bytes() > MOST_WAITING_BYTES and time.monotonic() < until:
            time.sleep(0.002)  # as a client that is answered 429
        waiting.append((store.inbox.keep(each.rows, each.unknown), each))
        if len(waiting) >= _IN_FLIGHT:
            _hand_over(assembling, *waiting.popleft())
    while waiting:
        _hand_over(assembling, *waiting.popleft())
    print(f"{sum(map(_items, taken)) / (time.perf_counter() - began):,.0f} events/s in, until the last was kept")
    while sum(kept) < wanted or assembling.open_turns():
        if time.monotonic() > until:
            raise SystemExit(f"{sum(kept)} of {wanted} spans were kept within {_MOST_S} s")
        time.sleep(0.01)


def _items(taken: IntakeResult) -> int:
    return taken.items


def _hand_over(assembling: Assembling, done: Future[None], taken: IntakeResult) -> None:
    done.result()
    assembling.take(taken.rows)


def spans(engine: Engine, requests: int = 96) -> tuple[Rate, float]:
    """Sealed batches of payload M put, eight in flight as posts of eight collectors are, and bytes kept a span.

    The index for search is made after the posts; its bytes count, its time does not.
    """
    sealer = Sealer()
    pipeline = Pipeline(lambda: sealer)
    body = marked("M", 1)
    batches: list[SealedBatch] = []
    for number in range(requests):
        processed = pipeline.run(Signal.TRACES, numbered(body, number + 1), "application/x-protobuf")
        assert processed.batch is not None
        batches.append(processed.batch)
    with opened(engine) as store:

        def put() -> None:
            waiting: deque[Future[None]] = deque()
            for batch in batches:
                waiting.append(store.put(batch, Refusal(Signal.TRACES, {})))
                if len(waiting) >= 8:
                    waiting.popleft().result()
            for each in waiting:
                each.result()

        before = store.sizes["total_bytes"]
        rate = watched(engine, requests * SHAPES["M"][0], put)
        return rate, (_still(lambda: store.sizes["total_bytes"]) - before) / rate.count


def _still(read: Callable[[], int]) -> int:
    """What is read once it no longer changes."""
    last, since, until = read(), time.monotonic(), time.monotonic() + 30
    while time.monotonic() < min(since + 3, until):
        time.sleep(0.1)
        if (now := read()) != last:
            last, since = now, time.monotonic()
    return last


def watched(engine: Engine, count: int, work: Callable[[], None]) -> Rate:
    """Do the work, with the clock, the processors and the commits read before and after it."""
    with counted_commits() as commits:
        began, process, server, threads = time.perf_counter(), time.process_time(), engine.server_cpu(), _threads()
        work()
        seconds = time.perf_counter() - began
        used = {name: value - threads.get(name, 0.0) for name, value in _threads().items()}
        return Rate(count, seconds, time.process_time() - process, engine.server_cpu() - server, sum(commits), used)


def told(engine: Engine, what: str, rate: Rate) -> None:
    busiest = sorted(rate.threads.items(), key=lambda item: -item[1])[:4]
    shares = ", ".join(f"{name} {used / rate.seconds:.2f}" for name, used in busiest)
    print(f"{engine.name}: {what} in {rate.seconds:.1f} s: {rate.a_second:,.0f}/s")
    print(
        f"  cores: this process {rate.process_cpu / rate.seconds:.2f} ({shares}),"
        f" server {rate.server_cpu / rate.seconds:.2f};"
        f" CPU {(rate.process_cpu + rate.server_cpu) / rate.count * 1e6:.1f} us each;"
        f" {rate.commits / rate.seconds:.0f} durable commits/s"
    )
    print(f"  bound by: {rate.bound()}", flush=True)


@contextmanager
def opened(engine: Engine) -> Iterator[Store]:
    store = open_store(engine.directory, _CAPS, {}, url=engine.url)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def counted_commits() -> Iterator[list[int]]:
    """One for each transaction of the writers in which any work is durable."""
    found: list[int] = []
    writers: tuple[Any, ...] = (WriterThread, PgWriterThread)
    originals = [each._transact for each in writers]

    def counting(original: Callable[..., Any]) -> Callable[..., Any]:
        def transact(self: object, group: list[Any]) -> Any:
            done = original(self, group)
            found.append(int(any(each[2] if isinstance(each, tuple) else each.durable for each in group)))
            return done

        return transact

    for writer, original in zip(writers, originals, strict=True):
        writer._transact = counting(original)
    try:
        yield found
    finally:
        for writer, original in zip(writers, originals, strict=True):
            writer._transact = original


def _threads() -> dict[str, float]:
    """CPU seconds of each thread of this process, by its name."""
    tick, found = os.sysconf("SC_CLK_TCK"), {}
    for thread in threading.enumerate():
        try:
            stat = Path(f"/proc/self/task/{thread.native_id}/stat").read_text()
        except OSError:
            continue
        fields = stat.rsplit(")", 1)[1].split()
        found[thread.name] = found.get(thread.name, 0.0) + (int(fields[11]) + int(fields[12])) / tick
    return found


if __name__ == "__main__":
    main()
