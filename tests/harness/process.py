"""A real collector process, with an environment of its own."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.telemetry import PROTOBUF

START = str(Path(__file__).parent / "start")
"""In `PYTHONPATH` it halves what the start of a collector costs: see `sitecustomize.py` there."""
TREE_AND_START = os.pathsep.join((str(Path(__file__).parents[2]), START))


def environment(directory: Path, **extra: str) -> dict[str, str]:
    """Nothing of the caller's settings: only what a process needs to run, and `extra`."""
    kept = {key: os.environ[key] for key in ("PATH", "LANG", "TMPDIR", "SYSTEMROOT", "TEST_CACHE") if key in os.environ}
    return {**kept, "PYTHONPATH": START, "HOME": str(directory), "COLLECTOR_DATA_DIR": str(directory / "data"), **extra}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "collector", *arguments]


def run(directory: Path, *arguments: str, stdin: bytes = b"", **extra: str) -> subprocess.CompletedProcess[bytes]:
    """Run one command to its end."""
    return subprocess.run(
        command(*arguments),
        input=stdin,
        capture_output=True,
        timeout=180,
        env=environment(directory, **extra),
        cwd=directory,
    )


class Process:
    """A started collector: `url` once it listens; what it logs is in `log`."""

    def __init__(self, directory: Path, *arguments: str, **extra: str) -> None:
        self.directory = directory
        self.log = directory / "stderr.log"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command("serve", "--port", "0", *arguments),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment(directory, **extra),
                cwd=directory,
            )
        self.url = self._first_line().removeprefix("listening on ")

    def _first_line(self) -> str:
        lines: queue.Queue[str] = queue.Queue()
        assert self._process.stdout is not None
        stdout = self._process.stdout
        threading.Thread(target=lambda: lines.put(stdout.readline().decode()), daemon=True).start()
        try:
            line = lines.get(timeout=120)
        except queue.Empty:
            self.kill()
            raise AssertionError(f"the collector did not start: {self.log.read_text()}") from None
        assert line.startswith("listening on "), self.log.read_text()
        return line.strip()

    @property
    def read_token(self) -> str:
        """What the owner of the data directory reads with; empty where reading takes no token."""
        file = self.directory / "data" / "read-token"
        return file.read_text() if file.exists() else ""

    @property
    def grpc(self) -> str:
        """Where it says that it takes OTLP/gRPC."""
        return self.log.read_text().rpartition("OTLP/gRPC is taken at ")[2].partition('"')[0]

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        """Kill it as the kernel would: no chance to clean up."""
        self._process.kill()
        self._process.wait(10)

    def stop(self, seconds: float = 12) -> tuple[int, float]:
        """Ask it to stop; its exit code and how long it took."""
        started = time.monotonic()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the collector did not stop within {seconds} s") from None
        return code, time.monotonic() - started

    def post(
        self, path: str, body: bytes, content_type: str = PROTOBUF, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """POST; the status, headers and body of the answer, whatever it is."""
        sent = {"content-type": content_type, **{key.replace("_", "-"): value for key, value in headers.items()}}
        return ask(self.url + path, body, sent)

    def get(self, path: str, **headers: str) -> Any:
        sent = {key.replace("_", "-"): value for key, value in headers.items()}
        status, _, body = ask(self.url + path, None, {"x-collector-token": self.read_token, **sent})
        assert status == 200, (path, status, body)
        return json.loads(body)

    def account(self, signal: str = "traces", destination: str | None = None) -> dict[str, Any]:
        """One line of the ledger."""
        ledger = self.get("/api/status")["ledger"]
        return dict((ledger[destination] if destination else next(iter(ledger.values())))[signal])

    def files(self) -> bytes:
        """Every byte of every file it wrote."""
        return b"".join(path.read_bytes() for path in (self.directory / "data").rglob("*") if path.is_file())


def ask(url: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(url, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=90) as response:
            return response.status, {k.lower(): v for k, v in response.headers.items()}, response.read()
    except urllib.error.HTTPError as error:
        return error.code, {k.lower(): v for k, v in error.headers.items()}, error.read()


def memory(pid: int, name: str = "VmRSS") -> int:
    """Bytes of memory a process holds, or with `VmHWM` held at most; 0 where the system does not say."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":")), 0)


def cpu_seconds(pid: int) -> float:
    """Seconds of processor time that a process has taken; 0 where the system does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def sealing_processes(pid: int) -> list[int]:
    """The processes that seal for a collector, as /proc tells; also those of a process that is gone."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (each / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(parent) == pid and state != "Z" and b"sealing_process" in (each / "cmdline").read_bytes():
                found.append(int(each.name))
        except (OSError, ValueError):
            continue  # it has ended meanwhile
    return found


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@contextmanager
def running(directory: Path, *arguments: str, **extra: str) -> Iterator[Process]:
    """A collector for the length of a block; it never outlives it."""
    process = Process(directory, *arguments, **extra)
    try:
        yield process
    finally:
        if process._process.poll() is None:
            process.kill()


def assert_balanced(account: dict[str, Any]) -> None:
    """The ledger's promise: received = delivered + queued + dead-lettered + dropped(reason)."""
    out = account["delivered"] + account["queued"] + account["dead_lettered"] + sum(account["dropped"].values())
    assert account["received"] == out, account
