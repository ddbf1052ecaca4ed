"""`collector run` finds a collector for its agent wherever one can be, and leaves none behind that it started."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness.process import command, environment, running
from harness.upstream import upstream, wait_for

from collector.app.data_dir import is_in_use
from collector.store.open import open_reading

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="ends processes by signals")]

AGENT = """
import json, os, pathlib, sys, time, urllib.request
name, waits = sys.argv[1], sys.argv[2] == "waits"
url = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]
pathlib.Path(name + ".url").write_text(url)
while waits and not pathlib.Path(name + ".go").exists():
    time.sleep(0.02)
span = {"traceId": name * 32, "spanId": name * 16, "name": name, "startTimeUnixNano": "1", "endTimeUnixNano": "2"}
body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
headers = {"content-type": "application/json"}
if token := os.environ.get("OTEL_EXPORTER_OTLP_HEADERS"):
    headers["x-collector-token"] = token.partition("=")[2]
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
opener.open(urllib.request.Request(url + "/v1/traces", body, headers), timeout=20)
"""


class Run:
    """`collector run` with an agent that says where it sends, and posts a span; told to, it waits before."""

    def __init__(self, directory: Path, name: str, *, waits: bool = False, **extra: str) -> None:
        self._directory, self._name = directory, name
        self.process = subprocess.Popen(
            command("run", "--", sys.executable, "-c", AGENT, name, "waits" if waits else "goes"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(directory, **extra),
            cwd=directory,
        )

    @property
    def url(self) -> str:
        file = self._directory / f"{self._name}.url"
        wait_for(lambda: file.exists() and bool(file.read_text()), 60)
        return file.read_text()

    def go_on(self) -> None:
        (self._directory / f"{self._name}.go").touch()

    def end(self) -> tuple[int, str]:
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said.decode()


@contextmanager
def _port(directory: Path) -> Iterator[str]:
    """A port that nobody listens at."""
    with upstream() as other:
        port = other.port
    yield str(port)
    assert not is_in_use(directory / "data"), "a collector is left behind"


def _kept(directory: Path) -> set[str]:
    reader = open_reading(directory / "data")
    try:
        return {trace.name for trace in reader.traces()}
    finally:
        reader.close()


def test_where_none_runs_one_is_started_and_ends_with_the_run(tmp_path: Path) -> None:
    with _port(tmp_path) as port:
        run = Run(tmp_path, "a", COLLECTOR_PORT=port)
        code, said = run.end()
        assert (code, run.url) == (0, f"http://127.0.0.1:{port}"), said
        assert "later with `collector serve`" in said
        assert _kept(tmp_path) == {"a"}


def test_a_port_of_another_program_is_left_to_it(tmp_path: Path) -> None:
    with _port(tmp_path), upstream() as other:
        run = Run(tmp_path, "a", COLLECTOR_PORT=str(other.port))
        code, said = run.end()
        assert code == 0, said
        assert f"port {other.port} is another program's: this run takes a free one" in said
        assert run.url != other.url
        assert not other.received
        assert _kept(tmp_path) == {"a"}


def test_a_port_of_another_collector_is_left_to_it(tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    with running(stranger) as other, _port(tmp_path):
        run = Run(tmp_path, "a", COLLECTOR_PORT=other.url.rpartition(":")[2])
        code, said = run.end()
        assert code == 0, said
        assert "is another collector's, of other settings" in said
        assert _kept(tmp_path) == {"a"}
        assert other.get("/api/status")["ledger"] == {}


def test_the_collector_that_runs_is_used_and_goes_on(tmp_path: Path) -> None:
    """Whatever port the settings name: the data directory says where it is."""
    with running(tmp_path) as collector:
        run = Run(tmp_path, "a")
        code, said = run.end()
        assert (code, run.url) == (0, collector.url), said
        assert "later with" not in said
        assert collector.account()["received"] == 1


def test_one_that_asks_for_a_token_gets_it_or_the_run_says_which(tmp_path: Path) -> None:
    token = "access-" + "k3y" * 6
    with running(tmp_path, COLLECTOR_ACCESS_TOKEN=token) as collector:
        code, said = Run(tmp_path, "a").end()
        assert code == 1
        assert f"the collector at {collector.url} asks agents for its access token: set COLLECTOR_ACCESS_TOKEN" in said
        assert not (tmp_path / "a.url").exists(), "the agent ran"
        code, said = Run(tmp_path, "b", COLLECTOR_ACCESS_TOKEN=token).end()
        assert code == 0, said
        assert token not in said
        assert collector.account()["received"] == 1


@pytest.mark.parametrize("first", ["a", "b"])
def test_two_runs_share_a_collector_until_the_last_one_ends(tmp_path: Path, first: str) -> None:
    """They may begin at the same moment, and either may end first."""
    with _port(tmp_path) as port:
        runs = {name: Run(tmp_path, name, waits=True, COLLECTOR_PORT=port) for name in ("a", "b")}
        assert runs["a"].url == runs["b"].url
        last = "b" if first == "a" else "a"
        for name in (first, last):
            runs[name].go_on()
            code, said = runs[name].end()
            assert code == 0, said
        assert _kept(tmp_path) == {"a", "b"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_run_that_is_told_to_end_ends_its_agent_and_its_collector(tmp_path: Path, number: signal.Signals) -> None:
    """SIGHUP is what closing the terminal's window sends."""
    with _port(tmp_path) as port:
        run = Run(tmp_path, "a", waits=True, COLLECTOR_PORT=port)
        assert run.url
        run.process.send_signal(number)
        assert run.end()[0] == 128 + number


def test_what_a_killed_run_left_behind_the_next_one_ends(tmp_path: Path) -> None:
    with _port(tmp_path) as port:
        killed = Run(tmp_path, "a", waits=True, COLLECTOR_PORT=port)
        url = killed.url
        killed.process.kill()
        killed.go_on()
        killed.process.communicate(timeout=60)
        assert is_in_use(tmp_path / "data")
        run = Run(tmp_path, "b", COLLECTOR_PORT=port)
        code, said = run.end()
        assert (code, run.url) == (0, url), said


def test_a_collector_that_a_person_started_later_is_not_ended(tmp_path: Path) -> None:
    with _port(tmp_path) as port:
        assert Run(tmp_path, "a", COLLECTOR_PORT=port).end()[0] == 0
    with running(tmp_path) as collector:
        assert Run(tmp_path, "b").end()[0] == 0
        assert collector.account()["received"] == 2
