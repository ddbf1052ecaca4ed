"""Prints what a collector costs on this machine: requests and spans a second, CPU per span, memory, start.

A real process with its defaults: redaction on, SQLite synced before each answer, forwarding to a sink on
loopback. Machines are noisy: compare rows of one run, and CPU time before wall time.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import httpx
from harness.process import Process, memory, run
from httpx_aiohttp import HttpxAiohttpClient
from payloads import SHAPES, fresh, payload
from sink import sink

from collector.otlp.write import to_json

_CLIENTS = 8
_MIB = 1024 * 1024
_TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3, help="of posting, for each row")
    parser.add_argument("parts", nargs="*", help="ingest, start (default: all)")
    arguments = parser.parse_args()
    parts = arguments.parts or ["start", "ingest"]
    with tempfile.TemporaryDirectory() as directory:
        if "start" in parts:
            start(Path(directory))
        if "ingest" in parts:
            ingest(Path(directory), arguments.seconds)


def start(directory: Path) -> None:
    """Process start to listening, and what it holds then."""
    times, held = [], []
    for number in range(6):
        began = time.perf_counter()
        place = directory / f"start{number}"
        place.mkdir()
        process = Process(place)
        times.append(time.perf_counter() - began)
        time.sleep(0.5)
        held.append(memory(process.pid) / _MIB)
        process.stop()
    began = time.perf_counter()
    run(directory, "--help")
    shown = time.perf_counter() - began
    print(f"start to listening   {statistics.median(times[1:]):.2f} s (median of 5, {min(times):.2f}-{max(times):.2f})")
    print(f"idle memory          {statistics.median(held):.0f} MiB")
    print(f"collector --help     {shown:.2f} s")
    print(flush=True)


def ingest(directory: Path, seconds: float) -> None:
    print(f"{_CLIENTS} clients, redaction on, SQLite synced; CPU is the collector's, until all is delivered")
    print(f"{'payload':26}{'req/s':>8}{'spans/s':>10}{'MB/s':>8}{'CPU us/span':>13}{'CPU ms/MB':>11}{'peak MiB':>10}")
    plain = {"COLLECTOR_UPSTREAM_ENCODING": "protobuf", "COLLECTOR_UPSTREAM_COMPRESSION": "none"}
    variants = (
        ("protobuf in, protobuf out", False, plain),
        ("protobuf in, JSON+gzip out", False, {}),
        ("JSON in, JSON+gzip out", True, {}),
        ("protobuf in, local only", False, None),
    )
    with sink() as (address, _):
        for label, as_json, extra in variants:
            print(label)
            for name in SHAPES:
                _row(directory, name, as_json, address if extra is not None else "", extra or {}, seconds)


def _row(directory: Path, name: str, as_json: bool, upstream: str, extra: dict[str, str], seconds: float) -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    bodies = [payload(name, seed) for seed in range(8)]
    size = sum(map(len, bodies)) / len(bodies)
    if as_json:
        bodies = [to_json(ExportTraceServiceRequest.FromString(body)) for body in bodies]
    with tempfile.TemporaryDirectory(dir=directory) as place:
        flags = ["--upstream", upstream] if upstream else []
        process = Process(Path(place), *flags, **extra)
        try:
            content_type = "application/json" if as_json else "application/x-protobuf"
            asyncio.run(_load(process.url, bodies, content_type, 0.5))
            _drained(process)
            cpu = _cpu(process.pid)
            began = time.perf_counter()
            count = asyncio.run(_load(process.url, bodies, content_type, seconds))
            wall = time.perf_counter() - began
            _drained(process)
            used = _cpu(process.pid) - cpu
            peak = memory(process.pid, "VmHWM") / _MIB
        finally:
            process.stop()
    spans = count * SHAPES[name][0]
    megabytes = count * size / 1e6
    print(
        f"  {name:24}{count / wall:8.0f}{spans / wall:10.0f}{megabytes / wall:8.0f}"
        f"{used / spans * 1e6:13.1f}{used / megabytes * 1e3:11.1f}{peak:10.0f}",
        flush=True,
    )


async def _load(url: str, bodies: list[bytes], content_type: str, seconds: float) -> int:
    """Post from several clients at once; every answer must be a 200, or a 429 that is tried again."""
    count = 0
    numbers = itertools.count(time.monotonic_ns() // 1_000_000)
    until = time.perf_counter() + seconds

    async def client(number: int, http: httpx.AsyncClient) -> None:
        nonlocal count
        while time.perf_counter() < until:
            body = fresh(bodies[number % len(bodies)], next(numbers))
            answer = await http.post(f"{url}/v1/traces", content=body, headers={"content-type": content_type})
            if answer.status_code in (429, 503):
                await asyncio.sleep(0.1)
                continue
            assert answer.status_code == 200, answer.status_code
            count += 1
            number += 1

    async with HttpxAiohttpClient(timeout=60) as http:
        await asyncio.gather(*(client(number, http) for number in range(_CLIENTS)))
    return count


def _drained(process: Process) -> None:
    while process.account()["queued"]:
        time.sleep(0.05)


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


if __name__ == "__main__":
    main()
