"""Real clients of the tests: where they are installed, how they are run, and the server they speak to."""

from __future__ import annotations

import gzip
import os
import subprocess
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


SCRIPTS = ROOT / "tests" / "e2e" / "reshape_clients"


CLIENTS = Path(os.environ.get("TEST_CACHE") or ROOT / ".cache").absolute() / "reshape-clients"


INSTALL = "sh tests/e2e/install_reshape_clients.sh"


SECONDS = 60


def client(name: str, *, optional: bool = False) -> Path:
    """Where `name` is installed; skips when it is not, and fails instead where everything should be (CI=true)."""
    if not (CLIENTS / f"{name}.done").exists():
        if os.environ.get("CI") == "true" and not optional:
            pytest.fail(f"{name} is not installed: run `{INSTALL}`")
        pytest.skip(f"{name} is not installed: run `{INSTALL}`")
    return CLIENTS / name


class Server:
    """An HTTP server on a free port that answers each POST with what `answer` makes of path and body."""

    def __init__(self, answer: Callable[[str, bytes], tuple[str, bytes]]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self._body()
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                kind, text = answer(self.path, body)
                self.send_response(200)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def _body(self) -> bytes:
                if self.headers.get("transfer-encoding") != "chunked":
                    return self.rfile.read(int(self.headers.get("content-length") or 0))
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

            def do_GET(self) -> None:
                self.send_response(404)
                self.send_header("content-length", "0")
                self.end_headers()

            do_HEAD = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def clean() -> dict[str, str]:
    """The environment without settings of this machine that would reach the clients."""
    prefixes = ("COLLECTOR_", "CATALYST_", "INFERENCE_", "OTEL_", "ANTHROPIC_", "OPENAI_", "CLAUDE", "CODEX")
    return {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(prefixes) and not key.lower().endswith("_proxy")
    }


def run(command: list[str], folder: Path, **environment: str) -> None:
    done = subprocess.run(
        command, env={**clean(), **environment}, cwd=folder, capture_output=True, timeout=120, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")[-2000:]


def run_script(name: str, installed: Path, collector: str) -> None:
    """Run a script from beside its packages: ES modules look for them from their own place upwards."""
    script = installed / name
    script.write_text((SCRIPTS / name).read_text(encoding="utf-8"), encoding="utf-8")
    run(["node", str(script)], installed, COLLECTOR_TRACES=f"{collector}/v1/traces")
