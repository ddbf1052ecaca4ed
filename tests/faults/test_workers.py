"""A collector whose sealing processes are killed, whose policy changes, and which is stopped, under load."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from harness.credentials import GITHUB
from harness.grpc_client import TRACES, GrpcClient
from harness.live_sessions import SPANS_A_TURN, LiveSessions, post_turns
from harness.postgres import own_server
from harness.process import Process, ask, assert_balanced, is_alive, running, sealing_processes
from harness.telemetry import span_ids, traces
from harness.upstream import Upstream, upstream, wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="/proc tells of processes"),
]

WORDS = "please remember me"


class _Load:
    """Three senders, until they are stopped; they note which spans were answered with 200, and every other answer."""

    def __init__(self, collector: Process) -> None:
        self.answered: dict[str, float] = {}
        """By span, when its request was begun."""
        self.others: list[tuple[int, dict[str, str]]] = []
        self._collector = collector
        self._stop = threading.Event()
        self._senders = [threading.Thread(target=self._send) for _ in range(3)]

    def _send(self) -> None:
        while not self._stop.is_set():
            request = traces(60, {"input.value": f"{WORDS} {GITHUB} " + "word " * 100})
            begun = time.monotonic()
            try:
                status, headers, _ = self._collector.post("/v1/traces", request.SerializeToString())
            except OSError:
                return
            if status == 200:
                self.answered.update(dict.fromkeys(span_ids(request), begun))
            else:
                self.others.append((status, headers))

    def stop(self) -> None:
        self._stop.set()
        for sender in self._senders:
            sender.join()


@contextmanager
def load(collector: Process) -> Iterator[_Load]:
    made = _Load(collector)
    for sender in made._senders:
        sender.start()
    try:
        yield made
    finally:
        made.stop()


def _arrived(up: Upstream) -> set[str]:
    return {span.span_id.hex() for span in up.spans()}


def test_sealing_processes_that_are_killed_cost_a_503_and_nothing_that_was_answered(tmp_path: Path) -> None:
    chance = random.Random(5)
    with upstream() as up, running(tmp_path, "--workers", "2", "--upstream", up.url) as collector:
        with load(collector) as sent:
            for _ in range(4):
                before = len(sent.answered)
                wait_for(lambda before=before: len(sent.answered) > before + 300, 60)
                os.kill(chance.choice(sealing_processes(collector.pid)), signal.SIGKILL)
            whole = {"wanted": 2, "running": 2, "ended": 4}
            wait_for(lambda: collector.get("/api/status")["workers"] == whole, 60)
        assert_balanced(collector.account())
        assert all(status == 503 and headers["retry-after"] == "1" for status, headers in sent.others), sent.others
        wait_for(lambda: collector.account()["queued"] == 0, 60)
        assert sent.answered.keys() <= _arrived(up)
        notices = collector.get("/api/status")["notices"]
        assert any("sealing processes ended by themselves 4 times (the last: signal 9)" in each for each in notices)
        assert_balanced(collector.account())
        assert collector.stop()[0] == 0
    assert GITHUB.encode() not in collector.files() + collector.log.read_bytes()


def test_turns_are_told_once_each_though_the_process_that_reads_events_is_killed(tmp_path: Path) -> None:
    sessions = LiveSessions(live=10)
    with upstream() as up, running(tmp_path, "--workers", "2", "--upstream", up.url) as collector:
        for turn in range(3):
            posting = threading.Thread(target=_post_a_turn, args=(collector.url, sessions))
            posting.start()
            time.sleep(0.3)
            os.kill(sealing_processes(collector.pid)[0], signal.SIGKILL)
            posting.join()
            wait_for(lambda: collector.get("/api/status")["ledger"], 60)
            spans = (turn + 1) * sessions.live * SPANS_A_TURN
            wait_for(lambda spans=spans: collector.account()["received"] >= spans, 60)
        wait_for(lambda: collector.get("/api/status")["opencode"]["open_turns"] == [], 60)
        status = collector.get("/api/status")["opencode"]
        assert (status["accepted"], status["rejected"]) == (3 * sessions.live * sessions.events_a_turn, 0)
        wait_for(lambda: collector.account()["queued"] == 0, 60)
        told = [span.span_id for span in up.spans()]
        assert len(set(told)) == len(told) == 3 * sessions.live * SPANS_A_TURN
        assert_balanced(collector.account())


def _post_a_turn(url: str, sessions: LiveSessions) -> None:
    """Whatever is answered 503 is posted again."""
    post_turns(url, sessions, 1, a_second=1000, events_a_post=10, connections=4)


def test_on_postgresql_with_grpc_too_nothing_that_was_answered_is_lost_when_processes_are_killed(
    tmp_path: Path,
) -> None:
    """Two collectors with a sealing process each: one is killed in mid-turn, of the other the sealing process."""
    sessions, stop = LiveSessions(live=8), threading.Event()
    sent: set[str] = set()
    answered: set[str] = set()
    codes: set[str] = set()

    def send(address: str) -> None:
        with GrpcClient(address) as client:
            while not stop.is_set():
                request = traces(60, {"input.value": f"{WORDS} {GITHUB} " + "word " * 100})
                sent.update(span_ids(request))
                code = client.call(TRACES, request.SerializeToString()).code
                if code == "OK":
                    answered.update(span_ids(request))
                codes.add(code)
                time.sleep(0.05)

    with own_server() as server, upstream() as up, ExitStack() as running_both:
        settings = {"COLLECTOR_STORE_URL": server.new_database(), "COLLECTOR_GRPC_PORT": "0", "COLLECTOR_WORKERS": "1"}
        both = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            both.append(running_both.enter_context(running(tmp_path / name, "--upstream", up.url, **settings)))
        one, two = both
        threads = [threading.Thread(target=send, args=(each.grpc,)) for each in both]
        threads.append(threading.Thread(target=_post_a_turn, args=(two.url, sessions)))
        for thread in threads:
            thread.start()
        wait_for(lambda: len(answered) >= 300, 60)
        os.kill(sealing_processes(two.pid)[0], signal.SIGKILL)
        one.kill()
        before = len(answered)
        wait_for(lambda: len(answered) >= before + 300, 60)
        stop.set()
        for thread in threads:
            thread.join(60)
        told = sessions.live * SPANS_A_TURN
        wait_for(lambda: len(_arrived(up) - sent) >= told, 120)
        wait_for(lambda: two.account()["queued"] == 0, 60)
        assert len(_arrived(up) - sent) == told
        assert answered <= _arrived(up)
        assert codes <= {"OK", "UNAVAILABLE"}
        assert GITHUB not in str(up.spans())
        assert_balanced(two.account())
        assert two.stop()[0] == 0


def test_a_policy_that_changes_under_load_holds_for_all_that_is_sent_after_it(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('schema = 1\nname = "mine"\nmode = "mask"\n')
    with (
        upstream() as up,
        running(tmp_path, "--workers", "2", "--policy", str(policy), "--upstream", up.url) as collector,
    ):
        with load(collector) as sent:
            wait_for(lambda: len(_arrived(up)) >= 300, 60)
            policy.write_text('schema = 1\nname = "mine"\nmode = "metadata"\n')
            os.kill(collector.pid, signal.SIGHUP)
            wait_for(lambda: collector.get("/api/status")["content"] == "metadata", 60)
            changed, before = time.monotonic(), len(sent.answered)
            wait_for(lambda: len(sent.answered) > before + 600, 60)
        # What was sealed just before and would be kept just after is refused by the store.
        assert all(status == 503 and headers["retry-after"] == "1" for status, headers in sent.others), sent.others
        wait_for(lambda: collector.account()["queued"] == 0, 60)
        after = {span for span, begun in sent.answered.items() if begun > changed}
        told = {span.span_id.hex() for span in up.spans() if WORDS in str(span)}
        assert len(told) >= 300 > 0 == len(told & after)
        assert sent.answered.keys() <= _arrived(up)
        assert_balanced(collector.account())


def test_a_collector_that_is_killed_leaves_no_sealing_process(tmp_path: Path) -> None:
    with running(tmp_path, "--workers", "2") as collector, load(collector) as sent:
        wait_for(lambda: len(sent.answered) > 100, 60)
        children = sealing_processes(collector.pid)
        assert len(children) == 2
        os.kill(children[0], signal.SIGSTOP)  # one of them hangs
        collector.kill()
    wait_for(lambda: not any(map(is_alive, children)))


def test_a_collector_that_is_stopped_answers_what_is_being_sealed_and_leaves_no_process(tmp_path: Path) -> None:
    """A service manager signals every process of the service, and a terminal too."""
    body = traces(3000, {"input.value": f"{WORDS} {random.Random(1).random()} " + "word " * 60}).SerializeToString()
    answers: list[int] = []
    with running(tmp_path, "--workers", "2") as collector:
        children = sealing_processes(collector.pid)
        sender = threading.Thread(target=lambda: answers.append(collector.post("/v1/traces", body)[0]))
        sender.start()
        time.sleep(0.15)
        for child in children:
            os.kill(child, signal.SIGTERM)
            os.kill(child, signal.SIGINT)
        code, _ = collector.stop()
        sender.join()
    assert (code, answers) == (0, [200])
    assert not any(map(is_alive, children))
    with running(tmp_path) as again:
        assert again.account()["received"] == 3000


TEAMS = """
workers = 2
access_token = "operator-TOKEN"

[[team]]
name = "blue"
token = "blue-team-TOKEN"
policy = "metadata-only"
"""


def test_a_teams_own_policy_holds_in_the_sealing_processes_and_one_page_of_metrics_counts_all(tmp_path: Path) -> None:
    (tmp_path / "collector.toml").write_text(TEAMS.replace("TOKEN", "token"))
    body = traces(40, {"input.value": f"{WORDS} {GITHUB} " + "word " * 30}).SerializeToString()
    with running(tmp_path) as collector:
        for _ in range(3):
            assert collector.post("/v1/traces", body, authorization="Bearer blue-team-token")[0] == 200
        assert WORDS.encode() not in collector.files()
        assert collector.post("/v1/traces", body, authorization="Bearer operator-token")[0] == 200
        assert WORDS.encode() in collector.files()
        assert GITHUB.encode() not in collector.files()
        redactions = collector.get("/api/status")["redactions"]
        assert redactions["github-token"] == 40
        assert redactions["content"] >= 120
        assert collector.account()["received"] == 160
        assert _metrics(collector) >= {
            'collector_redactions_total{action="placeholder",rule="github-token",signal="traces"} 40.0',
            'collector_requests_total{path="/v1/traces",status="200"} 4.0',
            "collector_workers_running 2.0",
            "collector_workers_ended_total 0.0",
        }


def _metrics(collector: Process) -> set[str]:
    status, _, body = ask(collector.url + "/metrics", None, {})
    assert status == 200
    return set(body.decode().splitlines())
