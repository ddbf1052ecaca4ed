"""A real collector whose file is damaged, removed or another program's, whose store is full, whose clients attack."""

from __future__ import annotations

import gzip
import json
import os
import random
import sqlite3
import sys
import threading
from pathlib import Path

from harness.process import Process, ask, assert_balanced, memory, run, running
from harness.telemetry import PROTOBUF, span_ids, traces
from harness.upstream import OK, Answer, Received, Upstream, upstream, wait_for

MIB = 1024 * 1024
PAGE = 16384
LOST = "lost to a damaged page on disk"


def _file(proxy: Process) -> Path:
    return proxy.directory / "data" / "collector.db"


def _fill(proxy: Process, posts: int) -> list[str]:
    """Post until the file is larger than its log; the ids of all spans."""
    sent: list[str] = []
    for _ in range(posts):
        request = traces(3, {"input.value": os.urandom(6000).hex()})
        assert proxy.post("/v1/traces", request.SerializeToString())[0] == 200
        sent += span_ids(request)
    return sent


def _damage(path: Path, pages: int) -> None:
    """Overwrite pages on which batches stand, chosen by chance; the seed is printed."""
    seed = random.randrange(1_000_000)
    sys.stderr.write(f"seed {seed}\n")
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    query = "SELECT pageno FROM dbstat WHERE name = 'batches' AND pagetype IN ('leaf', 'overflow')"
    found = [row[0] for row in connection.execute(query)]
    connection.close()
    with path.open("r+b") as file:
        for page in random.Random(seed).sample(found, pages):
            file.seek((page - 1) * PAGE)
            file.write(os.urandom(PAGE))


def _is_told(proxy: Process) -> None:
    """The status and readiness tell of damage, and readiness is as it was: the rest goes on."""
    assert any("damaged" in notice for notice in proxy.get("/api/status")["notices"])
    ready = proxy.get("/readyz")
    assert ready["status"] == "ready"
    assert any("damaged" in notice for notice in ready["notices"])
    assert "damaged" in proxy.log.read_text()


def _costs_what_stood_there(proxy: Process, up: Upstream, sent: list[str]) -> None:
    wait_for(lambda: proxy.account()["queued"] == 0, 90)
    account = proxy.account()
    assert_balanced(account)
    arrived = [span.span_id.hex() for span in up.spans()]
    assert sorted(arrived) == sorted(set(arrived) & set(sent))
    assert account["dropped"] == {LOST: len(sent) - len(arrived)}
    assert 0 < len(sent) - len(arrived) <= 60
    _is_told(proxy)
    assert proxy.post("/v1/traces", traces(1).SerializeToString())[0] == 200


def test_damaged_pages_cost_what_stood_on_them_and_the_rest_arrives_after_a_start(tmp_path: Path) -> None:
    with upstream(lambda _: (503, {}, b"")) as down, running(tmp_path, "--upstream", down.url) as proxy:
        port = down.port
        sent = _fill(proxy, 60)
        proxy.stop()
        _damage(_file(proxy), 6)
    with upstream(port=port) as up, running(tmp_path, "--upstream", up.url) as proxy:
        _costs_what_stood_there(proxy, up, sent)


def test_pages_damaged_while_it_runs_cost_what_stood_on_them_and_the_rest_arrives(tmp_path: Path) -> None:
    down = threading.Event()
    down.set()

    def answer(_: Received) -> Answer:
        return (503, {}, b"") if down.is_set() else OK

    with upstream(answer) as up, running(tmp_path, "--upstream", up.url) as proxy:
        sent = _fill(proxy, 200)
        _damage(_file(proxy), 6)
        down.clear()
        _costs_what_stood_there(proxy, up, sent)


def test_removed_files_are_noticed_and_nothing_is_said_to_be_kept(tmp_path: Path) -> None:
    body = traces(2).SerializeToString()
    with running(tmp_path) as proxy:
        assert proxy.post("/v1/traces", body)[0] == 200
        _file(proxy).unlink()
        for _ in range(5):
            status, _, said = proxy.post("/v1/traces", body)
            assert (status, b"restart the collector" in said) == (503, True), said
        status, _, said = ask(proxy.url + "/readyz", None, {})
        assert (status, b"was removed or replaced" in said) == (503, True)
        assert any("was removed or replaced" in notice for notice in proxy.get("/api/status")["notices"])
        lines = [json.loads(line)["message"] for line in proxy.log.read_text().splitlines()]
        said_so = [line for line in lines if "was removed or replaced" in line]
        assert said_so and len(said_so) == len(set(said_so))  # each who meets it says so once, however many posts come


def test_another_programs_database_is_refused_with_one_line_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "data" / "collector.db"
    path.parent.mkdir(mode=0o700)
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE bookmarks (address TEXT)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    found = run(tmp_path, "serve", "--port", "0")
    assert (found.returncode, found.stderr.count(b"\n")) == (2, 1), found.stderr
    assert str(path) in found.stderr.decode()
    assert path.read_bytes() == before


def test_a_full_queue_refuses_says_so_once_and_takes_again(tmp_path: Path) -> None:
    """Readiness agrees with the posts, also where a smaller one would still fit."""
    down = threading.Event()
    down.set()

    def answer(_: Received) -> Answer:
        return (503, {}, b"") if down.is_set() else OK

    names = {"COLLECTOR_MAX_QUEUE_BYTES": str(MIB)}
    with upstream(answer) as up, running(tmp_path, "--upstream", up.url, **names) as proxy:
        statuses = []
        for _ in range(60):
            body = traces(3, {"input.value": os.urandom(9000).hex()}).SerializeToString()
            status, headers, _ = proxy.post("/v1/traces", body)
            statuses.append(status)
            assert ask(proxy.url + "/readyz", None, {})[0] == status
            assert status == 200 or int(headers["retry-after"]) > 0
        assert statuses == sorted(statuses)
        assert set(statuses) == {200, 503}
        account = proxy.account()
        assert account["received"] == account["queued"] == 3 * statuses.count(200)
        assert proxy.log.read_text().count("the queue of undelivered telemetry is full") == 1
        down.clear()
        wait_for(lambda: ask(proxy.url + "/readyz", None, {})[0] == 200, 60)
        assert proxy.post("/v1/traces", body)[0] == 200
        wait_for(lambda: proxy.account()["queued"] == 0, 60)
        assert len(up.spans()) == 3 * (statuses.count(200) + 1)


def test_a_backlog_above_the_cap_of_the_store_is_kept_and_delivered(tmp_path: Path) -> None:
    """What waits is no reason to refuse, and the cap no reason to drop it; the file shrinks once it is delivered."""
    down = threading.Event()
    down.set()

    def answer(_: Received) -> Answer:
        return (503, {}, b"") if down.is_set() else OK

    cap = 4 * MIB
    with upstream(answer) as up, running(tmp_path, "--upstream", up.url, COLLECTOR_MAX_STORE_BYTES=str(cap)) as proxy:
        sent = _fill(proxy, 300)
        assert _file(proxy).stat().st_size > 2 * cap
        assert proxy.account()["queued"] == len(sent)
        down.clear()
        wait_for(lambda: proxy.account()["queued"] == 0, 90)
        assert sorted(span.span_id.hex() for span in up.spans()) == sorted(sent)
        assert proxy.account()["dropped"] == {}
        wait_for(lambda: _file(proxy).stat().st_size <= cap + 2 * MIB, 60)


def test_a_hundred_and_twenty_bombs_fill_no_memory_and_hold_up_nobody(tmp_path: Path) -> None:
    """Sixty megabytes each from sixty kilobytes; what they decompress to counts among what is under way."""
    bomb = gzip.compress(bytes(60 * MIB))
    body = traces(2).SerializeToString()
    answers: list[int] = []
    with running(tmp_path, COLLECTOR_MAX_INFLIGHT_BYTES=str(128 * MIB)) as proxy:
        assert proxy.post("/v1/traces", body)[0] == 200
        before = memory(proxy.pid)

        def attack() -> None:
            headers = {"content-type": PROTOBUF, "content-encoding": "gzip"}
            for _ in range(10):
                answers.append(ask(proxy.url + "/v1/traces", bomb, headers)[0])

        attackers = [threading.Thread(target=attack) for _ in range(12)]
        for attacker in attackers:
            attacker.start()
        kept = 0
        while any(attacker.is_alive() for attacker in attackers):
            assert ask(proxy.url + "/healthz", None, {})[0] == 200
            kept += proxy.post("/v1/traces", body)[0] == 200
        for attacker in attackers:
            attacker.join()
        assert len(answers) == 120
        assert set(answers) <= {400, 429, 503}, set(answers)
        assert proxy.post("/v1/traces", body)[0] == 200
        assert memory(proxy.pid, "VmHWM") < before + 2 * 128 * MIB
        account = proxy.account()
        assert account["received"] == 2 * (kept + 2)
        assert_balanced(account)
