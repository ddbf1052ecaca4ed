"""A stand-in for the collector's door: keeps the lines posted to it, and can hang or refuse."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Recording:
    """Answers `status` to every POST; with `hang` set it reads and never answers."""

    def __init__(self, port: int = 0) -> None:
        self.lines: list[dict[str, Any]] = []
        self.requests: list[tuple[str, dict[str, str], int]] = []
        self.status = 200
        self.hang = threading.Event()
        self._ended = threading.Event()
        recording = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                recording.requests.append((self.path, headers, len(body)))
                if recording.hang.is_set():
                    recording._ended.wait(60)
                    self.close_connection = True
                    return
                if recording.status == 200:
                    recording.lines += [json.loads(line) for line in body.splitlines() if line]
                self.send_response(recording.status)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def hooks(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["hook"] == name]

    def events(self, kind: str = "") -> list[dict[str, Any]]:
        return [line["input"] for line in self.hooks("event") if not kind or line["input"]["type"] == kind]

    def close(self) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
