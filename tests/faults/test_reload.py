"""Settings that change under a running collector: read again, put in force, or told to need a restart."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from harness.process import Process, running
from harness.telemetry import traces
from harness.upstream import requires, upstream, wait_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no SIGHUP there")

OLD, NEW = "old-access-token", "new-access-token"
BODY = traces(1, {"input.value": "please remember me"}).SerializeToString()


def status_with(collector: Process, token: str) -> int:
    return collector.post("/v1/traces", BODY, x_collector_token=token)[0]


def test_a_changed_file_takes_an_access_token_back_and_gives_another(tmp_path: Path) -> None:
    file = tmp_path / "collector.toml"
    file.write_text(f'access_tokens = {{laptop = "{OLD}", ci = "kept-access-token"}}\n')
    with running(tmp_path) as collector:
        assert status_with(collector, OLD) == 200
        file.write_text(f'access_tokens = {{laptop = "{NEW}", ci = "kept-access-token"}}\n')
        wait_for(lambda: status_with(collector, NEW) == 200)
        assert (status_with(collector, OLD), status_with(collector, "kept-access-token")) == (401, 200)


def test_sighup_reads_the_policy_and_seals_what_waits_under_it(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('schema = 1\nname = "mine"\nmode = "mask"\n')
    with (
        upstream(lambda _: (503, {}, b"")) as up,
        running(tmp_path, "--policy", str(policy), "--upstream", up.url) as one,
    ):
        assert one.post("/v1/traces", BODY)[0] == 200
        policy.write_text('schema = 1\nname = "mine"\nmode = "metadata"\n')
        os.kill(one.pid, signal.SIGHUP)
        wait_for(lambda: one.get("/api/status")["content"] == "metadata")
        wait_for(lambda: not any("remember" in str(span) for span in one.get("/api/tail?after=0")["batches"]))


def test_another_upstream_token_is_used_without_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "collector.toml"
    with upstream(requires("right-token")) as up:
        file.write_text(f'upstream_endpoint = "{up.url}"\nupstream_token = "wrong-token"\n')
        with running(tmp_path) as collector:
            collector.post("/v1/traces", BODY)
            wait_for(lambda: bool(up.received))
            file.write_text(f'upstream_endpoint = "{up.url}"\nupstream_token = "right-token"\n')
            up.wait(lambda u: len(u.spans()) == 1)


def test_what_cannot_be_changed_while_it_runs_is_said_and_a_file_that_is_wrong_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "collector.toml"
    file.write_text(f'access_token = "{OLD}"\n')
    with running(tmp_path) as collector:
        file.write_text(f'access_token = "{OLD}"\nmax_body_bytes = 2048\n')

        def notices() -> str:
            return " ".join(collector.get("/api/status")["notices"])

        wait_for(lambda: "restart to apply: max_body_bytes" in notices())
        file.write_text(f'access_token = "{NEW}"\nmax_body = 1\n')
        wait_for(lambda: "cannot be used, what held before holds" in notices())
        assert (status_with(collector, OLD), status_with(collector, NEW)) == (200, 401)
        file.write_text(f'access_token = "{NEW}"\n')
        wait_for(lambda: status_with(collector, NEW) == 200)
        wait_for(lambda: "restart" not in notices())
