"""Measures the collector beside others that take the same telemetry, and writes docs/performance.md.

`make bench-peers`: the same payloads, sink and machine, systems interleaved, the order turned round each round. CPU is
that of the process tree from the first post until all is delivered and the processes are still, so that what is done
later counts too. Machines are noisy: compare rows of one run, and CPU time before wall time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness.process import environment
from payloads import SHAPES
from peers_report import Figures, report
from peers_systems import System, systems

_HERE = Path(__file__).parent
_PAGE = Path(__file__).parents[2] / "docs/performance.md"
_TICK = os.sysconf("SC_CLK_TCK")
_STARTS_S = 120
_STILL_S = 0.8
_MOST_DRAIN_S = 90

_SINK = """
import asyncio
requests = received = 0
async def serve(reader, writer):
    global requests, received
    try:
        while True:
            head = (await reader.readuntil(b"\\r\\n\\r\\n")).decode("latin-1").lower()
            if "expect: 100-continue" in head: writer.write(b"HTTP/1.1 100 Continue\\r\\n\\r\\n")
            size = 0
            if "content-length:" in head:
                size = left = int(head.partition("content-length:")[2].split("\\r\\n")[0])
                while left: left -= len(await reader.read(min(left, 1 << 20))) or left
            elif "chunked" in head:
                while more := int(await reader.readline(), 16):
                    await reader.readexactly(more + 2); size += more
                await reader.readline()
            body = b"{}"
            if head.startswith("get"): body = b"%d %d" % (requests, received)
            else: requests += 1; received += size
            kind = b"application/x-protobuf" if "x-protobuf" in head else b"application/json"
            if kind.endswith(b"protobuf"): body = b""
            head = b"HTTP/1.1 200 OK\\r\\ncontent-type: " + kind + b"\\r\\ncontent-length: %d\\r\\n\\r\\n" % len(body)
            writer.write(head + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError): pass
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 22)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4, help="of posting, for each figure")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="systems whose name holds this")
    parser.add_argument("--out", type=Path, default=_PAGE)
    arguments = parser.parse_args()
    if not sys.platform.startswith("linux"):
        sys.exit("bench-peers reads /proc: it runs on Linux only")
    every = systems()
    measured = [each for each in every if each.is_installed and arguments.only in each.name]
    found: dict[tuple[str, str], list[Figures]] = defaultdict(list)
    failed: dict[str, str] = {each.name: "not installed" for each in every if not each.is_installed}
    for number in range(arguments.rounds):
        for system in measured[:: -1 if number % 2 else 1]:
            for shape in SHAPES:
                if system.name in failed:
                    continue
                try:
                    figures = measure(system, shape, arguments.seconds)
                except Exception as error:
                    failed[system.name] = f"failed ({type(error).__name__})"
                    print(f"{system.name}: not measured, {error}", flush=True)
                else:
                    found[system.name, shape].append(figures)
                    print(f"{number + 1} {shape} {system.name:26}{figures.cpu_us:9.1f} us/span", flush=True)
    machine = f"{os.cpu_count()} CPUs, {platform.system()}, Python {platform.python_version()}"
    medians = {key: middle(rows) for key, rows in found.items()}
    arguments.out.write_text(report(every, medians, failed, machine, date.today().isoformat(), arguments.rounds))
    print(f"written: {arguments.out.name}")


def middle(rows: list[Figures]) -> Figures:
    """The median of each figure."""
    names = Figures.__dataclass_fields__
    return Figures(**{name: statistics.median(getattr(row, name) for row in rows) for name in names})


def measure(system: System, shape: str, seconds: float) -> Figures:
    """One fresh process of `system` under one payload."""
    spans = SHAPES[shape][0]
    with (
        tempfile.TemporaryDirectory() as directory,
        _sink() as sink,
        _started(system, Path(directory), sink) as running,
    ):
        running.load(shape, 4, min(seconds, 2.0))
        running.settle(sink)
        before = running.cpu(), running.written(), _delivered(sink)
        four = running.load(shape, 4, seconds)
        running.settle(sink)
        count = max(four["requests"], 1) * spans
        cpu, written = running.cpu() - before[0], running.written() - before[1]
        sent = _delivered(sink)[1] - before[2][1]
        if four["refused"] or (system.forwards and not sent):
            raise RuntimeError("it did not take or did not deliver what was sent")
        one = running.load(shape, 1, seconds / 2)
        running.settle(sink)
        half = running.load(shape, 8, seconds, max(four["requests"] / four["wall"] / 2, 0.5))
        running.settle(sink)
        return Figures(
            cpu_us=cpu / count * 1e6,
            one=one["requests"] * spans / one["wall"],
            four=four["requests"] * spans / four["wall"],
            p50_ms=half["p50"],
            p99_ms=half["p99"],
            peak_mib=running.memory(),
            disk=written / count,
            sent=sent / count,
        )


@dataclass
class Running:
    """A started system."""

    process: subprocess.Popen[bytes]
    url: str

    def tree(self) -> list[int]:
        found = [self.process.pid]
        for pid in found:
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                found += map(int, task.read_text().split())
        return found

    def cpu(self) -> float:
        total = 0
        for pid in self.tree():
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / _TICK

    def memory(self) -> float:
        return sum(_line(pid, "status", "VmHWM:") for pid in self.tree()) / 1024

    def written(self) -> float:
        return sum(_line(pid, "io", "write_bytes:") for pid in self.tree())

    def load(self, shape: str, connections: int, seconds: float, rate: float = 0.0) -> dict[str, float]:
        arguments = [self.url, shape, str(connections), str(seconds), *([str(rate)] if rate else [])]
        done = subprocess.run(
            [sys.executable, str(_HERE / "peers_load.py"), *arguments], check=True, capture_output=True, timeout=300
        )
        found: dict[str, float] = json.loads(done.stdout)
        return found

    def settle(self, sink: int) -> None:
        """Wait until all is delivered: the sink gets nothing more and the processes use next to no CPU."""
        until = time.monotonic() + _MOST_DRAIN_S
        last = self.cpu(), _delivered(sink)
        while time.monotonic() < until:
            time.sleep(_STILL_S)
            now = self.cpu(), _delivered(sink)
            if now[0] - last[0] <= 0.05 and now[1] == last[1]:
                return
            last = now


@contextmanager
def _started(system: System, directory: Path, sink: int) -> Iterator[Running]:
    port, other = _free(), _free()
    command = system.command(directory, port, other, f"http://127.0.0.1:{sink}")
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env=environment(directory, **system.variables(directory, port, other)),
            cwd=directory,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
    try:
        until = time.monotonic() + _STARTS_S
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("it did not start")
            time.sleep(0.1)
        yield Running(process, f"http://127.0.0.1:{port}/v1/traces")
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _sink() -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-c", _SINK], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


def _delivered(sink: int) -> tuple[int, int]:
    """Requests and bytes that the sink was given."""
    with urllib.request.urlopen(f"http://127.0.0.1:{sink}/", timeout=30) as answer:
        requests, received = answer.read().split()
    return int(requests), int(received)


def _line(pid: int, file: str, name: str) -> float:
    lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    return next((float(line.split()[1]) for line in lines if line.startswith(name)), 0.0)


def _free() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    main()
