"""A real collector with several destinations: each gets what is meant for it, and one that fails delays no other."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

import pytest
from harness.process import assert_balanced, running
from harness.telemetry import logs, metrics, traces
from harness.upstream import OK, Answer, Received, Upstream, upstream, wait_for


def _config(directory: Path, *tables: str) -> Path:
    path = directory / "collector.toml"
    path.write_text("\n".join(f"[[destination]]\n{table}\n" for table in tables))
    return path


def _table(name: str, up: Upstream, more: str = "") -> str:
    return f'name = "{name}"\nendpoint = "{up.url}"\nencoding = "json"\n{more}'


def test_a_destination_that_hangs_delays_no_other(tmp_path: Path) -> None:
    """The other's spans arrive while not one answer has come from the first."""
    release = threading.Event()

    def hang(_: Received) -> Answer:
        release.wait(60)
        return OK

    with upstream(hang) as stuck, upstream() as well:
        _config(tmp_path, _table("stuck", stuck), _table("well", well))
        with running(tmp_path) as proxy:
            for number in range(20):
                assert proxy.post("/v1/traces", traces(2).SerializeToString())[0] == 200
                well.wait(lambda u, sent=2 * (number + 1): len(u.spans()) == sent)  # type: ignore[misc]
            assert stuck.taken == []
            assert proxy.account(destination="stuck")["queued"] == 40
            wait_for(lambda: proxy.account(destination="well")["delivered"] == 40)
            release.set()


def test_a_token_command_that_hangs_holds_up_nothing_but_its_destination(tmp_path: Path) -> None:
    """It held every thread of the event loop: no other destination was sent to, and no page answered."""
    sleep = json.dumps([sys.executable, "-c", "import time; time.sleep(40)"])
    with upstream() as stuck, upstream() as well:
        hangs = f"token = {{ command = {sleep}, timeout_seconds = 40 }}"
        _config(tmp_path, _table("stuck", stuck, hangs), _table("well", well, 'token = { command = "echo t" }'))
        with running(tmp_path) as proxy:
            for number in range(8):
                for path, request in (("/v1/traces", traces(1)), ("/v1/logs", logs(1)), ("/v1/metrics", metrics(1))):
                    assert proxy.post(path, request.SerializeToString())[0] == 200
                well.wait(lambda u, sent=number + 1: len(u.spans()) == sent, 20)  # type: ignore[misc]
            wait_for(lambda: proxy.account(destination="well")["delivered"] == 8)
            assert proxy.account(destination="stuck")["queued"] == 8
            assert stuck.received == []
            assert proxy.stop(30)[0] == 0


def test_a_tightening_policy_takes_from_its_destination_alone(tmp_path: Path) -> None:
    with upstream() as whole, upstream() as less:
        _config(tmp_path, _table("whole", whole), _table("less", less, 'policy = "metadata-only"'))
        with running(tmp_path) as proxy:
            proxy.post("/v1/traces", traces(1, {"input.value": "what was asked"}).SerializeToString())
            whole.wait(lambda u: len(u.spans()) == 1)
            less.wait(lambda u: len(u.spans()) == 1)
            assert b"what was asked" in whole.received[0].body
            assert b"what was asked" not in less.received[0].body
            assert b"what was asked" in str(proxy.get("/api/tail?after=0")).encode()


def test_what_a_filter_leaves_out_is_counted_and_not_sent(tmp_path: Path) -> None:
    with upstream() as up:
        _config(tmp_path, _table("some", up, 'filter = { session = ["public-*"] }'))
        with running(tmp_path) as proxy:
            proxy.post("/v1/traces", traces(3, session="public-1").SerializeToString())
            proxy.post("/v1/traces", traces(2, session="private-1").SerializeToString())
            wait_for(lambda: proxy.account(destination="some")["queued"] == 0)
            account = proxy.account(destination="some")
            assert_balanced(account)
            assert account["delivered"] == 3
            assert account["dropped"] == {"left out by the destination's filter": 2}
            assert len(up.spans()) == 3


@pytest.mark.slow
@pytest.mark.parametrize("status", [403, 502])
def test_a_hundred_good_payloads_behind_five_that_are_refused_arrive(tmp_path: Path, status: int) -> None:
    """A firewall or a gateway that does not like certain data holds up nothing else."""

    def answer(received: Received) -> Answer:
        return (status, {}, b"") if b"poison" in received.body else OK

    with upstream(answer) as up, running(tmp_path, "--upstream", up.url) as proxy:
        for number in range(105):
            request = traces(1, {"input.value": "poison" if number < 5 else "fine"})
            assert proxy.post("/v1/traces", request.SerializeToString())[0] == 200
        up.wait(lambda u: len(u.spans()) == 100, 30)
        wait_for(lambda: proxy.account()["delivered"] == 100)
        assert proxy.account()["queued"] + proxy.account()["dead_lettered"] == 5
        assert_balanced(proxy.account())


def test_what_waits_for_another_upstream_is_held_and_not_sent_elsewhere(tmp_path: Path) -> None:
    with upstream() as gone:
        address = gone.url
    with running(tmp_path, "--upstream", address) as proxy:
        proxy.post("/v1/traces", traces(3).SerializeToString())
    with upstream() as up, running(tmp_path, "--upstream", up.url) as proxy:
        proxy.post("/v1/traces", traces(1).SerializeToString())
        up.wait(lambda u: len(u.spans()) == 1)
        held = proxy.account(destination=address.removeprefix("http://"))
        assert held["queued"] == 3
        assert len(up.spans()) == 1
