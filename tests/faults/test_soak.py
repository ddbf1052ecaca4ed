"""The same promises over minutes: `make soak`."""

from __future__ import annotations

import asyncio
import gzip
import os
import random
import re
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from harness.live_sessions import SPANS_A_TURN, LiveSessions, post_turns
from harness.process import assert_balanced, cpu_seconds, memory, running, sealing_processes
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


def test_two_hundred_connections_for_ten_minutes_lose_nothing_and_grow_nothing(tmp_path: Path) -> None:
    """Each posts again and again on one connection; one in ten leaves in the middle of a body and comes back."""
    seconds = float(os.environ.get("SOAK_SECONDS", "600"))
    body = gzip.compress(traces(5, size=2000).SerializeToString())
    head = (
        b"POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-protobuf\r\n"
        b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    )
    taken = [0] * 200

    async def client(number: int, host: str, port: int, until: float) -> None:
        while time.monotonic() < until:
            reader, writer = await asyncio.open_connection(host, port)
            for turn in range(50):
                if time.monotonic() > until:
                    break
                if number % 10 == 0 and turn == 20:
                    writer.write(head + body[:10])
                    await writer.drain()
                    break
                writer.write(head + body)
                answer = await reader.readuntil(b"\r\n\r\n")
                length = int(re.search(rb"content-length: (\d+)", answer)[1])  # type: ignore[index]
                await reader.readexactly(length)
                if answer.startswith(b"HTTP/1.1 200 "):
                    taken[number] += 5
                else:
                    assert answer.startswith((b"HTTP/1.1 429 ", b"HTTP/1.1 503 ")), answer
                await asyncio.sleep(0.2)
            writer.close()

    with running(tmp_path) as collector:
        parts = urlsplit(collector.url)

        async def main(seconds: float) -> None:
            until = time.monotonic() + seconds
            await asyncio.gather(*(client(n, str(parts.hostname), int(parts.port or 0), until) for n in range(200)))

        asyncio.run(main(seconds / 5))  # caches fill, the store reaches its size
        before = memory(collector.pid)
        asyncio.run(main(seconds * 4 / 5))
        account = collector.account()
        assert_balanced(account)
        assert account["received"] == sum(taken) > 0
        assert memory(collector.pid) < before * 1.3 + 64 * 1024 * 1024


def test_five_thousand_events_a_second_of_five_hundred_sessions_are_all_told_and_grow_nothing(tmp_path: Path) -> None:
    """Ten minutes where the machine keeps up; where it does not, the same events take longer.

    SOAK_SECONDS makes it shorter; SOAK_WORKERS has events sealed in so many more processes. `-s -k five_hundred`
    prints the rate, the memory and the processor time of each part.
    """
    seconds, a_second = float(os.environ.get("SOAK_SECONDS", "600")), float(os.environ.get("SOAK_EVENTS", "5000"))
    sessions = LiveSessions(live=500)
    turns = max(round(seconds * a_second / sessions.live / sessions.events_a_turn), 2)
    first = max(turns // 5, 1)
    with running(tmp_path, "--workers", os.environ.get("SOAK_WORKERS", "0")) as collector:
        processes = [collector.pid, *sealing_processes(collector.pid)]
        held = []
        for part in (first, *_quarters(turns - first)):
            before, own = [cpu_seconds(pid) for pid in processes], time.process_time()
            posted = post_turns(collector.url, sessions, part, a_second=a_second, events_a_post=20, connections=16)
            own = time.process_time() - own
            taken = [(cpu_seconds(pid) - at) * 1e6 / posted.events for pid, at in zip(processes, before, strict=True)]
            held.append(sum(map(memory, processes)))
            sys.stdout.write(
                f"{posted.events} events, {posted.events / posted.seconds:.0f}/s ({posted.again} posts came again),"
                f" p50 {posted.latency(0.5):.0f} ms, p99 {posted.latency(0.99):.0f} ms, {held[-1] >> 20} MiB,"
                f" CPU us an event: {' + '.join(f'{each:.0f}' for each in taken)},"
                f" to make and post it {own * 1e6 / posted.events:.0f}\n"
            )
        wait_for(lambda: collector.account()["received"] >= turns * sessions.live * SPANS_A_TURN, 600)
        wait_for(lambda: collector.get("/api/status")["opencode"]["open_turns"] == [], 600)
        status = collector.get("/api/status")["opencode"]
        assert status["accepted"] == turns * sessions.live * sessions.events_a_turn
        assert status["rejected"] == 0
        account = collector.account()
        assert_balanced(account)
        assert account["received"] == turns * sessions.live * SPANS_A_TURN
        assert sum(map(memory, processes)) < held[0] * 1.3 + 64 * 1024 * 1024


def _quarters(whole: int) -> list[int]:
    """A whole number in up to four parts that differ by one at most."""
    return [part for index in range(4) if (part := (whole + index) // 4)]
