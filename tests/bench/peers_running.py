"""A system under load beside a sink: started, posted to, waited for, and read in /proc."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.process import environment
from peers_systems import System

_HERE = Path(__file__).parent
_TICK = os.sysconf("SC_CLK_TCK")
_STARTS_S = 150
_STILL_S = 0.5
_STILL_CPU = 0.06
_LOOKS, _LOOKS_WHEN_KEEPING = 2, 6
"""So often in a row a system must be still; one that forwards nothing shows by its CPU alone that it is done, and may
pause between what it keeps."""
_MOST_DRAIN_S = 60

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


class NotMeasured(Exception):
    """Why a system has no figures: words that may stand on the page."""


@dataclass(frozen=True, slots=True)
class Sink:
    """Counts what it is given, and answers 200 in the encoding it was asked in."""

    port: int
    pid: int

    def received(self) -> tuple[int, int]:
        """Requests and bytes so far."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=30) as answer:
            requests, received = answer.read().split()
        return int(requests), int(received)


class Generator:
    """One process that posts, told by lines: its payloads are made once, not beside each measurement."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(_HERE / "peers_load.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def load(
        self, url: str, shape: str, connections: int, seconds: float, rate: float = 0.0, most: int = 0
    ) -> dict[str, float]:
        """See `peers_load.load`; raises `NotMeasured` where the system hung or closed its connections."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{url} {shape} {connections} {seconds} {rate} {most}\n")
        self._process.stdin.flush()
        found = json.loads(self._process.stdout.readline() or '{"failed": "the generator ended"}')
        if "failed" in found:
            raise NotMeasured(f"posting failed ({found['failed']})")
        return dict(found)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


@dataclass(frozen=True, slots=True)
class Running:
    """A started system."""

    process: subprocess.Popen[bytes]
    url: str
    forwards: bool

    def cpu(self) -> float:
        """Seconds that the processes of the tree used, with those of children that ended."""
        return sum(map(cpu_of, tree_of(self.process.pid)))

    def memory(self, name: str = "VmHWM:") -> float:
        """MiB held at most by the processes of the tree, or with `VmRSS:` now."""
        return sum(_line(pid, "status", name) for pid in tree_of(self.process.pid)) / 1024

    def written(self) -> float:
        return sum(_line(pid, "io", "write_bytes:") for pid in tree_of(self.process.pid))

    def settle(self, sink: Sink) -> None:
        """Wait until all is delivered: the sink gets nothing more and the processes use next to no CPU.

        Raises `NotMeasured` when that has not come after a minute.
        """
        until = time.monotonic() + _MOST_DRAIN_S
        last, still = (self.cpu(), sink.received()), 0
        while still < (_LOOKS if self.forwards else _LOOKS_WHEN_KEEPING):
            if time.monotonic() > until:
                raise NotMeasured(f"it was not done {_MOST_DRAIN_S} s after the last post")
            time.sleep(_STILL_S)
            now = self.cpu(), sink.received()
            still = still + 1 if now[1] == last[1] and now[0] - last[0] <= _STILL_CPU else 0
            last = now


@contextmanager
def started(system: System, directory: Path, sink: Sink) -> Iterator[Running]:
    """A fresh process of `system`, once it listens; raises `NotMeasured` when it does not."""
    port, other = _free(), _free()
    command = system.command(directory, port, other, f"http://127.0.0.1:{sink.port}")
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
            if process.poll() is not None:
                print((directory / "log").read_text(errors="replace")[-600:])
                raise NotMeasured("it ended at the start")
            if time.monotonic() > until:
                raise NotMeasured(f"it did not listen within {_STARTS_S} s")
            time.sleep(0.1)
        yield Running(process, f"http://127.0.0.1:{port}/v1/traces", system.forwards)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def counting_sink() -> Iterator[Sink]:
    process = subprocess.Popen([sys.executable, "-c", _SINK], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield Sink(int(process.stdout.readline()), process.pid)
    finally:
        process.kill()
        process.wait()


def tree_of(pid: int) -> list[int]:
    """A process and all that it started, and so on."""
    found = [pid]
    for each in found:
        for task in Path(f"/proc/{each}/task").glob("*/children"):
            found += map(int, task.read_text().split())
    return found


def cpu_of(pid: int) -> float:
    """Seconds of CPU of a process and of its children that ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:  # it ended after it was listed
        return 0.0
    return sum(map(int, fields[11:15])) / _TICK


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
