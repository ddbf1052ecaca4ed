"""OTLP/gRPC when the process ends: killed, or asked to."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.grpc_client import TRACES, GrpcClient
from harness.process import assert_balanced, running
from harness.telemetry import span_ids, traces
from harness.upstream import upstream, wait_for

GRPC = {"COLLECTOR_GRPC_PORT": "0"}


@pytest.mark.slow
def test_what_was_answered_ok_survives_kill_9(tmp_path: Path) -> None:
    chance = random.Random(15)
    answered: set[str] = set()
    with upstream() as up:
        for _ in range(6):
            with running(tmp_path, "--upstream", up.url, **GRPC) as collector:
                address = collector.grpc

                def send(address: str = address) -> None:
                    with GrpcClient(address) as client:
                        while True:
                            request = traces(chance.randint(1, 4))
                            if client.call(TRACES, request.SerializeToString()).code != "OK":
                                return
                            answered.update(span_ids(request))

                before = len(answered)
                senders = [threading.Thread(target=send) for _ in range(3)]
                for sender in senders:
                    sender.start()
                wait_for(lambda before=before: len(answered) > before)
                time.sleep(chance.uniform(0, 0.5))
                collector.kill()
                for sender in senders:
                    sender.join()
        with running(tmp_path, "--upstream", up.url, **GRPC) as collector:
            wait_for(lambda: collector.account()["queued"] == 0, 60)
            assert_balanced(collector.account())
            arrived = {span_id for received in up.received for span_id in span_ids(received.request)}
            assert answered <= arrived
            assert {span["span_id"] for span in collector.get("/api/spans?limit=10000")} >= answered


@pytest.mark.slow
def test_it_stops_in_time_though_a_message_never_ends(tmp_path: Path) -> None:
    """The call under way ends with a code that clients retry."""
    with running(tmp_path, **GRPC) as collector, GrpcClient(collector.grpc) as client:
        held = threading.Event()
        codes: list[str] = []

        def never() -> Iterator[bytes]:
            held.wait(60)
            yield traces(1).SerializeToString()

        calling = threading.Thread(target=lambda: codes.append(client.stream(TRACES, never()).code))
        calling.start()
        assert client.call(TRACES, traces(1).SerializeToString()).code == "OK"
        code, seconds = collector.stop()
        held.set()
        calling.join(60)
        assert (code, seconds < 10) == (0, True)
        assert codes[0] in ("UNAVAILABLE", "CANCELLED")
        assert b"Traceback" not in collector.log.read_bytes()
