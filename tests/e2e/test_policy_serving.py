"""A collector under an organisation's policy: what it takes, what it sends, and what it says."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from harness.process import TREE_AND_START

from collector.policy.signature import new_key, sign

PRIVATE, PUBLIC = new_key(bytes(range(32)))
SERVE = textwrap.dedent("""
    import os, sys
    from pathlib import Path
    from collector import logs
    from collector.app import process as app
    from collector.enforce.in_force import Enforcement
    from collector.enforce.request import PolicyRequest
    from collector.settings.sources import load
    data, machine, upstream, policy = sys.argv[1:]
    loaded = load({"port": 0, "data_dir": Path(data), "upstream_endpoint": upstream, "policy_file": policy or None})
    logs.configure("info")
    owners = (os.getuid(),) if hasattr(os, "getuid") else (0,)
    request = PolicyRequest.from_settings(loaded, os.environ)
    enforcement = Enforcement(request, Path(data), Path(machine), owners, fetch=True)
    app.serve(loaded, lambda url: print(url, flush=True), enforcement)
""")


class Server:
    """An upstream, or an organisation's policy server: answers as `answer` says."""

    def __init__(self, answer: Callable[[str], tuple[int, bytes]]) -> None:
        self.bodies: list[bytes] = []
        self.answer = answer
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                status, answer = outer.answer(self.path)
                if status == 200 and body:
                    outer.bodies.append(body)
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST = handle_any

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


class PolicyServer(Server):
    def __init__(self, text: str) -> None:
        super().__init__(self.serve)
        self.text = text
        self.down = False

    def serve(self, path: str) -> tuple[int, bytes]:
        if self.down:
            return 503, b""
        data = self.text.encode()
        return 200, sign(data, PRIVATE).encode() if path.endswith(".sig") else data


class Running:
    def __init__(self, directory: Path, machine: str, policy: str = "") -> None:
        self.upstream = Server(lambda _: (200, b"{}"))
        self.machine = directory / "machine"
        self.machine.mkdir(exist_ok=True)
        (self.machine / "policy.toml").write_text(machine)
        self.directory, self.policy = directory, policy
        self.start()

    def start(self) -> None:
        names = {name: value for name, value in os.environ.items() if not name.startswith(("COLLECTOR_", "OPENINF"))}
        data = str(self.directory / "data")
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE, data, str(self.machine), self.upstream.url, self.policy],
            stdout=subprocess.PIPE, stderr=(self.directory / "log").open("ab"), text=True, cwd=self.directory,
            env={**names, "PYTHONPATH": TREE_AND_START, "COLLECTOR_UPSTREAM_COMPRESSION": "none"},
        )  # fmt: skip
        assert self.process.stdout is not None
        self.url = urlsplit(self.process.stdout.readline().strip())
        assert self.url.port, (self.directory / "log").read_text()

    @property
    def destination(self) -> str:
        """What the ledger calls a destination that was given no name: its host and port."""
        return self.upstream.url.removeprefix("http://")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)

    def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, Any]:
        connection = http.client.HTTPConnection(self.url.hostname or "", self.url.port, timeout=30)
        token = (self.directory / "data" / "read-token").read_text()
        connection.request(method, path, body, {"content-type": "application/json", "x-collector-token": token})
        response = connection.getresponse()
        answer = response.status, json.loads(response.read())
        connection.close()
        return answer

    def say(self, text: str, number: int = 1) -> int:
        span = {
            "traceId": f"{number:032x}", "spanId": f"{number:016x}", "name": "turn",
            "attributes": [{"key": "input.value", "value": {"stringValue": text}}],
        }  # fmt: skip
        body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
        return self.ask("POST", "/v1/traces", body)[0]

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 90
        while not holds():
            assert time.monotonic() < deadline, (self.directory / "log").read_text()
            time.sleep(0.1)

    def ready(self) -> bool:
        return self.ask("GET", "/readyz")[0] == 200

    def sent(self) -> bytes:
        return b"".join(self.upstream.bodies)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    every: list[Running] = []

    def start(machine: str, policy: str = "") -> Running:
        every.append(Running(tmp_path, machine, policy))
        return every[-1]

    yield start
    for running in every:
        running.stop()
        running.upstream.server.shutdown()


def attribute(key: str, value: str) -> bytes:
    return json.dumps({"key": key, "value": {"stringValue": value}}, separators=(",", ":")).encode()


def remote(server: PolicyServer, max_age: str) -> str:
    return f'policy_url = "{server.url}/policy.toml"\npublic_keys = ["{PUBLIC}"]\nmax_age = "{max_age}"\n'


def test_under_a_wrong_machine_policy_telemetry_is_taken_and_nothing_is_sent(run: Callable[..., Running]) -> None:
    """The agent must not lose its data for an administrator's mistake; nor may it leave."""
    running = run('mode = "everything"')
    assert running.say("please keep this to yourself") == 200
    status, answer = running.ask("GET", "/readyz")
    assert status == 503
    assert "mode" in answer["reason"]
    time.sleep(0.5)
    assert running.upstream.bodies == []
    found = running.ask("GET", "/api/status")[1]
    assert found["ledger"][running.destination]["traces"]["queued"] == 1
    assert found["policy"]["blocked"]
    files = b"".join(path.read_bytes() for path in (running.directory / "data").glob("*.db*"))
    assert b"keep this" not in files
    running.stop()
    (running.machine / "policy.toml").write_text('mode = "mask"')
    running.start()
    running.until(lambda: b"REDACTED:content" in running.sent())


def test_a_machine_policy_holds_against_the_users(run: Callable[..., Running]) -> None:
    running = run('name = "acme"\nrevision = 4\nmode = "metadata"', "secrets")
    assert running.say("please keep this to yourself") == 200
    running.until(lambda: bool(running.upstream.bodies))
    assert b"keep this" not in running.sent()
    assert attribute("redaction.policy", "acme") in running.sent()
    assert attribute("redaction.user_policy", "secrets") in running.sent()
    found = running.ask("GET", "/api/status")[1]
    assert any("mode stays at metadata" in notice for notice in found["notices"])
    assert found["content"] == "metadata"


def test_a_new_remote_policy_reaches_what_still_waits(run: Callable[..., Running]) -> None:
    server = PolicyServer('name = "org"\nrevision = 1\nmode = "mask"')
    running = run(remote(server, "4s"))
    running.upstream.answer = lambda _: (503, b"")
    assert running.say("please keep this to yourself") == 200
    assert running.ready()
    server.text = 'name = "org"\nrevision = 2\nmode = "metadata"'
    running.until(lambda: running.ask("GET", "/api/status")[1]["policy"]["revision"] == 2)
    running.upstream.answer = lambda _: (200, b"{}")
    running.until(lambda: bool(running.upstream.bodies))
    assert b"keep this" not in running.sent()
    server.server.shutdown()


def test_an_organisations_policy_that_cannot_be_confirmed_blocks_until_it_is(run: Callable[..., Running]) -> None:
    server = PolicyServer('name = "org"\nrevision = 1\nmode = "mask"')
    running = run(remote(server, "2s"))
    assert running.ready()
    assert running.say("first") == 200
    running.until(lambda: b"first" in running.sent())
    server.down = True
    running.until(lambda: not running.ready())
    assert running.say("second words", 2) == 200
    time.sleep(0.5)
    assert len(running.upstream.bodies) == 1
    server.down = False
    running.until(running.ready)
    running.until(lambda: len(running.upstream.bodies) == 2)
    assert b"second words" not in running.sent()
    server.server.shutdown()


def test_a_policy_that_was_never_seen_blocks_the_first_start(run: Callable[..., Running]) -> None:
    """An open first start is when the most is sent unseen."""
    server = PolicyServer("")
    server.down = True
    running = run(remote(server, "20s"))
    assert "missing" in running.ask("GET", "/readyz")[1]["reason"]
    assert running.say("please keep this to yourself") == 200
    server.down, server.text = False, 'name = "org"\nrevision = 1\nmode = "mask"'
    running.until(running.ready)
    running.until(lambda: bool(running.upstream.bodies))
    assert b"keep this" not in running.sent()
    running.stop()
    server.down = True
    running.start()
    assert running.ready(), "what was accepted before holds over a restart"
    server.server.shutdown()
