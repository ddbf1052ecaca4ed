"""The same promises over minutes: `make soak`."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import pytest
from harness.process import assert_balanced, running
from harness.telemetry import span_ids, traces
from harness.upstream import OK, Received, upstream, wait_for

pytestmark = pytest.mark.soak


def test_a_minute_without_upstream_loses_nothing_and_no_client_waits(tmp_path: Path) -> None:
    down = [True]
    slowest = 0.0
    sent: list[str] = []

    def answer(_: Received):  # type: ignore[no-untyped-def]
        return (503, {}, b"") if down[0] else OK

    with upstream(answer) as up, running(tmp_path, "--upstream", up.url) as proxy:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            request = traces(5, size=2000)
            began = time.monotonic()
            assert proxy.post("/v1/traces", request.SerializeToString())[0] == 200
            slowest = max(slowest, time.monotonic() - began)
            sent += span_ids(request)
            time.sleep(0.02)
        down[0] = False
        wait_for(lambda: proxy.account()["queued"] == 0, 90)
        assert sorted(span.span_id.hex() for span in up.spans()) == sorted(sent)
        assert_balanced(proxy.account())
        assert slowest < 5  # a client's own time-out is 10 s; the upstream never shows through


def test_killed_thirty_times_under_load_no_answered_span_is_lost(tmp_path: Path) -> None:
    chance = random.Random(1)
    answered: list[str] = []
    with upstream() as up:
        for _ in range(30):
            with running(tmp_path, "--upstream", up.url) as proxy:
                stop = threading.Event()

                def send(stop: threading.Event = stop, url_of=proxy) -> None:  # type: ignore[no-untyped-def]
                    while not stop.is_set():
                        request = traces(3)
                        try:
                            if url_of.post("/v1/traces", request.SerializeToString())[0] == 200:
                                answered.extend(span_ids(request))
                        except OSError:
                            return

                senders = [threading.Thread(target=send) for _ in range(4)]
                for sender in senders:
                    sender.start()
                time.sleep(chance.uniform(0.1, 1.0))
                proxy.kill()
                stop.set()
                for sender in senders:
                    sender.join()
        with running(tmp_path, "--upstream", up.url) as proxy:
            wait_for(lambda: proxy.account()["queued"] == 0, 60)
            assert set(answered) <= {span.span_id.hex() for span in up.spans()}
            assert_balanced(proxy.account())
