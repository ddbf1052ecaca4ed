"""Collectors on one PostgreSQL: killed in mid-turn and mid-delivery, the server restarted, the network cut."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
from harness.opencode import assemble, ids, recording
from harness.postgres import PostgresServer, own_server
from harness.process import Process, ask, assert_balanced, running
from harness.relay import Relay, relay
from harness.telemetry import span_ids, traces
from harness.upstream import OK, Answer, Received, upstream, wait_for

_NDJSON = "application/x-ndjson"
_BEFORE_S, _AFTER_S = 3.0, 3.0
"""An answer that came so long before a fault may not be written yet; so long after its end it may not be yet again."""


@pytest.fixture
def database() -> Iterator[PostgresServer]:
    """A server that syncs as it does by default: a crash of it loses no commit."""
    with own_server() as made:
        yield made


@dataclass
class Destination:
    """Takes spans and remembers when; slow enough that a fault meets requests under way."""

    taken: list[tuple[float, str]] = field(default_factory=list)

    def __call__(self, received: Received) -> Answer:
        time.sleep(0.02)
        now = time.monotonic()
        self.taken += [(now, span_id) for span_id in span_ids(received.request)]
        return OK

    def needlessly_again(self, faults: list[tuple[float, float]]) -> list[str]:
        """Spans that came twice though nothing was wrong when they came first."""
        first: dict[str, float] = {}
        found = []
        for at, span_id in self.taken:
            before = first.setdefault(span_id, at)
            if before != at and not any(begin - _BEFORE_S <= before <= end + _AFTER_S for begin, end in faults):
                found.append(span_id)
        return found


class Load:
    """Posts to whichever collector there is, until it is stopped; remembers what was answered with 200."""

    def __init__(self, collectors: Callable[[], list[Process]], seed: int, senders: int = 3) -> None:
        self.answered: set[str] = set()
        self.sent: set[str] = set()
        self.statuses: Counter[int] = Counter()
        self.wrong: list[str] = []
        self._collectors = collectors
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(seed + each,)) for each in range(senders)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _send(self, seed: int) -> None:
        chance = random.Random(seed)
        while not self._stop.is_set():
            request = traces(chance.randint(1, 4), session=f"ses_{chance.randint(1, 5)}", size=300)
            self.sent.update(span_ids(request))
            try:
                status, headers, _ = chance.choice(self._collectors()).post("/v1/traces", request.SerializeToString())
            except OSError:
                time.sleep(0.05)
                continue
            self.statuses[status] += 1
            if status == 200:
                self.answered.update(span_ids(request))
            elif status != 503 or int(headers.get("retry-after", "0")) < 1:
                self.wrong.append(f"{status} {headers}")
            time.sleep(0.01)


class Gateway:
    """Two collectors on one database, the first behind a network that can be cut."""

    def __init__(self, directory: Path, server: PostgresServer, network: Relay, url: str) -> None:
        self._directory = directory
        self._server = server
        self._network = network
        self._upstream = url
        direct = server.new_database()
        self._urls = {"a": direct.replace(f":{server.port}/", f":{network.port}/"), "b": direct}
        self._stack = ExitStack()
        self.alive = {name: self._start(name) for name in self._urls}
        self.faults: list[tuple[float, float]] = []

    def __enter__(self) -> Gateway:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self, name: str) -> Process:
        place = self._directory / name
        place.mkdir(exist_ok=True)
        arguments = ("--upstream", self._upstream) if self._upstream else ()
        return self._stack.enter_context(running(place, *arguments, COLLECTOR_STORE_URL=self._urls[name]))

    @contextmanager
    def fault(self) -> Iterator[None]:
        begin = time.monotonic()
        yield
        self.faults.append((begin, time.monotonic()))

    def kill(self, name: str) -> None:
        with self.fault():
            self.alive[name].kill()
        self.alive[name] = self._start(name)

    def restart_server(self, mode: str) -> None:
        with self.fault():
            self._server.stop(mode)
            time.sleep(0.5)
            self._server.start()
            self._until_ready("b")

    def cut_network(self, seconds: float, *, silently: bool) -> None:
        with self.fault():
            (self._network.silence if silently else self._network.cut)()
            time.sleep(seconds)
            self._network.heal()
            self._until_ready("a")

    def _until_ready(self, name: str) -> None:
        wait_for(lambda: self.alive[name].post("/v1/traces", b"")[0] == 200, 90)

    def balance(self, name: str) -> dict[str, Any]:
        process = self.alive[name]
        read = {"x-collector-token": process.read_token}
        wait_for(lambda: ask(f"{process.url}/api/status", None, read)[0] == 200, 60)
        account = process.account()
        assert_balanced(account)
        return account


def _lives_through(
    directory: Path, server: PostgresServer, faults: list[Callable[[Gateway], None]], seed: int
) -> Destination:
    """What was answered with 200 arrives, and twice only where its answer was lost; the ledger says the same."""
    chance = random.Random(seed)
    destination = Destination()
    with (
        upstream(destination) as up,
        relay(server.port) as network,
        Gateway(directory, server, network, up.url) as gateway,
    ):
        load = Load(lambda: list(gateway.alive.values()), seed)
        try:
            for fault in faults:
                time.sleep(chance.uniform(0.3, 1.2))
                fault(gateway)
                gateway.balance("b")
        finally:
            load.stop()
        wait_for(lambda: gateway.balance("b")["queued"] == 0, 120)
        account = gateway.balance("a")
        assert gateway.balance("b") == account
        for process in gateway.alive.values():
            process.stop()
    arrived = {span_id for _, span_id in destination.taken}
    assert load.wrong == []
    assert load.statuses[200] > 0
    assert load.answered <= arrived, f"seed {seed}: {len(load.answered - arrived)} answered spans are lost"
    assert arrived <= load.sent, f"seed {seed}: spans were invented"
    assert len(load.answered) <= account["delivered"] <= len(destination.taken)
    assert destination.needlessly_again(gateway.faults) == [], f"seed {seed}"
    return destination


def test_killed_cut_off_and_without_a_server_two_collectors_lose_nothing(
    tmp_path: Path, database: PostgresServer
) -> None:
    _lives_through(
        tmp_path,
        database,
        [
            lambda gateway: gateway.kill("b"),
            lambda gateway: gateway.restart_server("fast"),
            lambda gateway: gateway.cut_network(1.0, silently=False),
            lambda gateway: gateway.restart_server("immediate"),
        ],
        random.randrange(10**6),
    )


@pytest.mark.soak
def test_twenty_rounds_of_every_fault_lose_nothing(tmp_path: Path, database: PostgresServer) -> None:
    faults: list[Callable[[Gateway], None]] = [
        lambda gateway: gateway.kill("a"),
        lambda gateway: gateway.kill("b"),
        lambda gateway: gateway.restart_server("fast"),
        lambda gateway: gateway.restart_server("immediate"),
        lambda gateway: gateway.cut_network(2.0, silently=False),
        lambda gateway: gateway.cut_network(12.0, silently=True),
    ]
    chance = random.Random(1)
    _lives_through(tmp_path, database, [chance.choice(faults) for _ in range(14)] + faults, 1)


def _killed_in_a_turn(directory: Path, server: PostgresServer, scenario: str, seed: int) -> None:
    """The collector that assembles is killed at any event; the other one goes on, and tells the turn once."""
    chance = random.Random(seed)
    items, others = recording(scenario), recording("reasoning")
    wanted, told_later = _told_of(items), _told_of(others)
    with relay(server.port) as network, Gateway(directory, server, network, "") as gateway:
        at = 0
        kill_at = chance.randrange(10, len(items) - 10)
        while at < len(items):
            many = chance.randint(1, 12)
            _post_events(gateway.alive[chance.choice("ab")], items[at : at + many])
            at += many
            if at > kill_at:
                gateway.kill(chance.choice("ab"))
                kill_at = len(items)
        wait_for(lambda: _shown(gateway) == wanted, 90)
        for process in gateway.alive.values():  # whoever assembles is told all of it again, and something new at last
            _post_events(process, items)
            _post_events(process, others)
        wait_for(lambda: _shown(gateway) == wanted | told_later, 90)
        assert gateway.balance("a")["received"] == len(wanted | told_later), f"seed {seed}"


def _told_of(items: list[Any]) -> set[tuple[str, str, str]]:
    return {(trace.hex(), span.hex(), above.hex()) for trace, span, above in ids(assemble(items))}


def _shown(gateway: Gateway) -> set[tuple[str, str, str]]:
    spans = gateway.alive["b"].get("/api/spans?limit=10000")
    return {(span["trace_id"], span["span_id"], span["parent_id"]) for span in spans}


def _post_events(process: Process, items: list[Any]) -> None:
    status, _, _ = process.post("/v1/opencode/events", b"\n".join(orjson.dumps(item) for item in items), _NDJSON)
    assert status == 200


def test_killed_in_the_middle_of_a_turn_the_other_collector_tells_it_once(
    tmp_path: Path, database: PostgresServer
) -> None:
    _killed_in_a_turn(tmp_path, database, "subagent", random.randrange(10**6))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(20))
def test_killed_in_the_middle_of_twenty_turns_each_is_told_once(
    tmp_path: Path, database: PostgresServer, seed: int
) -> None:
    _killed_in_a_turn(tmp_path, database, ("subagent", "text", "multiturn")[seed % 3], seed)
