"""A running collector that is sent damage for a while: no 500, no crash, no growth, and a ledger that balances."""

from __future__ import annotations

import http.client
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from harness.damage import BODIES, ENCODE, LINES, changed
from harness.process import Process, assert_balanced, memory, running
from harness.telemetry import JSON, PROTOBUF

MIB = 1024 * 1024
SECONDS = 240.0 if os.environ.get("HYPOTHESIS_PROFILE") == "fuzz" else 15.0
PATHS = ("/v1/traces", "/v1/logs", "/v1/metrics", "/v1/opencode/events")
TYPES = (PROTOBUF, JSON, "application/x-ndjson", "text/plain", "application/json; charset=utf-16", "")


def _request(chance: random.Random) -> tuple[str, bytes, dict[str, str]]:
    """A request that is nearly right: a real body, damaged or not, under headers that fit it or do not."""
    if chance.random() < 0.3:
        path, kind = PATHS[3], "application/x-ndjson"
        body = b"\n".join(chance.sample(LINES, chance.randint(1, 5)))
    else:
        signal, kind = chance.choice(sorted(BODIES))
        path, body = f"/v1/{signal}", BODIES[signal, kind]
    if chance.random() < 0.7:
        places = [(chance.randrange(10**6), chance.randbytes(chance.randint(0, 6)), chance.randint(0, 8))]
        body = changed(body, places * chance.randint(1, 3))
    encoding = chance.choice(sorted(ENCODE))
    body = ENCODE[encoding](body)
    if chance.random() < 0.2:
        body = changed(body, [(chance.randrange(10**6), chance.randbytes(2), 2)])
    if chance.random() < 0.1:
        path, kind = chance.choice(PATHS), chance.choice(TYPES)
    if chance.random() < 0.1:
        encoding = chance.choice([*ENCODE, "gzip, gzip", "br", "", "identity, zstd"])
    return path, body, {"content-type": kind, "content-encoding": encoding}


def _attack(collector: Process, chance: random.Random, goes_on: Callable[[], bool]) -> Counter[int]:
    """Send requests while `goes_on`; how often each status came. A connection is made anew where it was closed."""
    parts = urlsplit(collector.url)
    answers: Counter[int] = Counter()
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=60)
    while goes_on():
        path, body, headers = _request(chance)
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        said = answer.read()
        answers[answer.status] += 1
        assert answer.status < 500 or answer.status == 503, (path, headers, answer.status, said)
        assert b"Traceback" not in said
    connection.close()
    return answers


@pytest.mark.slow
def test_damage_of_any_kind_is_answered_and_leaves_nothing_behind(tmp_path: Path) -> None:
    seed = random.randrange(1_000_000)
    sys.stderr.write(f"seed {seed}\n")
    chance = random.Random(seed)
    with running(tmp_path, COLLECTOR_MAX_STORE_BYTES=str(32 * MIB)) as collector:
        count = iter(range(2000))
        _attack(collector, chance, lambda: next(count, None) is not None)  # what is loaded once, is loaded now
        before = memory(collector.pid)
        until = time.monotonic() + SECONDS
        answers = _attack(collector, chance, lambda: time.monotonic() < until)
        sys.stderr.write(f"{sum(answers.values())} requests: {dict(answers)}\n")
        assert answers[200] and answers[400]
        assert memory(collector.pid) < before + 64 * MIB, f"seed {seed}"
        for signal, account in next(iter(collector.get("/api/status")["ledger"].values())).items():
            assert_balanced(account)
            assert account["received"], signal
        log = collector.log.read_text()
        assert "internal error" not in log and "Traceback" not in log
        assert collector.stop()[0] == 0
