"""Prints how long posts take at an empty store, a full one and one behind which 1 GB waits; then how 1 GB drains.

Three real collectors take the same posts in turns, so that a busy machine slows all of them alike: compare the rows of
one run. The full store is at its cap and forgets for each post; what waits is four times as much as the other may keep.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import httpx
from harness.process import Process, memory, running
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from payloads import text
from sink import sink

_MIB = 1024 * 1024
_SPANS, _SIZE = 16, 8192


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mib", type=int, default=1024, help="at the full store, and waiting")
    parser.add_argument("--posts", type=int, default=1500, help="timed at each store")
    arguments = parser.parse_args()
    size = arguments.mib * _MIB
    texts = [text(random.Random(seed), _SIZE) for seed in range(256)]
    with tempfile.TemporaryDirectory() as name, sink() as (open_address, _), sink() as (address, closed):
        closed.touch()
        places = {label: Path(name) / label for label in ("empty", "full", "waiting")}
        for place in places.values():
            place.mkdir()
        limits = {"COLLECTOR_MAX_QUEUE_BYTES": str(4 * size)}
        full = {"COLLECTOR_MAX_STORE_BYTES": str(size)}
        small = {"COLLECTOR_MAX_STORE_BYTES": str(size // 4)}
        with (
            running(places["empty"], "--upstream", open_address, **limits) as empty,
            running(places["full"], "--upstream", open_address, **limits, **full) as filled,
            running(places["waiting"], "--upstream", address, **limits, **small) as waiting,
        ):
            _fill(filled, texts, size + size // 10)
            _fill(waiting, texts, size)
            _posts({"empty": empty, "full": filled, "waiting": waiting}, texts, arguments.posts)
            _drain(waiting, closed)


def _body(texts: list[str], number: int) -> bytes:
    """Sixteen spans of 8 KB of text with ids of their own, four requests a session."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "bench"
    scope = resource.scope_spans.add()
    trace_id = os.urandom(16)
    for index in range(_SPANS):
        span = scope.spans.add(trace_id=trace_id, span_id=os.urandom(8), name="fake/fake-model", kind=1)
        span.start_time_unix_nano = time.time_ns()
        span.end_time_unix_nano = span.start_time_unix_nano + 1_000_000
        span.attributes.add(key="session.id").value.string_value = f"ses_{number // 4}"
        content = texts[(number * _SPANS + index) % len(texts)]
        span.attributes.add(key="input.value").value.string_value = content
    return request.SerializeToString()


def _post(client: httpx.Client, process: Process, body: bytes) -> float:
    """Post until it is answered 200; seconds of the last try."""
    while True:
        began = time.perf_counter()
        answer = client.post(
            f"{process.url}/v1/traces", content=body, headers={"content-type": "application/x-protobuf"}
        )
        took = time.perf_counter() - began
        if answer.status_code == 200:
            return took
        assert answer.status_code in (429, 503), answer.status_code
        time.sleep(0.2)


def _fill(process: Process, texts: list[str], size: int) -> None:
    with httpx.Client(timeout=60) as client:
        sent = number = 0
        while sent < size:
            body = _body(texts, number)
            _post(client, process, body)
            sent += len(body)
            number += 1


def _posts(processes: dict[str, Process], texts: list[str], count: int) -> None:
    took: dict[str, list[float]] = {label: [] for label in processes}
    with httpx.Client(timeout=60) as client:
        for number in range(count):
            body = _body(texts, 1_000_000 + number)
            for label in random.sample(list(processes), len(processes)):
                took[label].append(_post(client, processes[label], body))
    print(f"{count} posts of {_SPANS} spans of {_SIZE // 1024} KiB, one at a time, ms")
    print(f"{'store':12}{'MiB on disk':>12}{'p50':>8}{'p90':>8}{'p99':>8}{'max':>8}{'p99 to empty':>14}")
    tail = 0.0
    for label, seconds in took.items():
        ordered = sorted(each * 1000 for each in seconds)
        p50, p90, p99 = (ordered[min(int(len(ordered) * part), len(ordered) - 1)] for part in (0.5, 0.9, 0.99))
        tail = tail or p99
        disk = sum(path.stat().st_size for path in (processes[label].directory / "data").iterdir()) / _MIB
        print(f"{label:12}{disk:12.0f}{p50:8.1f}{p90:8.1f}{p99:8.1f}{ordered[-1]:8.1f}{p99 / tail:14.2f}")
    print(flush=True)


def _drain(process: Process, closed: Path) -> None:
    before, waiting = memory(process.pid), process.account()["queued"]
    closed.unlink()
    while process.account()["queued"] == waiting:
        time.sleep(0.1)
    began, held = time.perf_counter(), [memory(process.pid)]
    while process.account()["queued"]:
        held.append(memory(process.pid))
        time.sleep(0.1)
    seconds, drained = time.perf_counter() - began, waiting * _SIZE / _MIB
    print(f"drained {drained:.0f} MiB in {seconds:.0f} s, {drained / seconds:.0f} MiB/s")
    ends = [len(held) * quarter // 4 for quarter in range(5)]
    most = [max(held[first : max(last, first + 1)]) / _MIB for first, last in itertools.pairwise(ends)]
    said = ", ".join(f"{each:.0f}" for each in most)
    print(f"memory: {before / _MIB:.0f} MiB before, at most {said} in its quarters", flush=True)


if __name__ == "__main__":
    main()
