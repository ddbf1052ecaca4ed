"""A destination: an HTTP server that records what arrives and answers as it is told."""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from collector.batch import Signal
from collector.otlp.read import decode
from harness.telemetry import JSON

Answer = tuple[int, dict[str, str], bytes]

OK: Answer = (200, {"content-type": JSON}, b"{}")


class Reset(Exception):
    """Raised by an answer: the connection is reset instead."""


@dataclass
class Received:
    """One request as it came over the wire."""

    path: str
    headers: dict[str, str]
    raw: bytes
    answered: int

    @property
    def body(self) -> bytes:
        return gzip.decompress(self.raw) if self.headers.get("content-encoding") == "gzip" else self.raw

    @property
    def request(self) -> Any:
        signal = Signal(self.path.rsplit("/", 1)[1])
        return decode(signal, self.body, self.headers["content-type"]).request


@dataclass
class Upstream:
    """`answer` decides each reply; `received` lists everything that came, `taken` what was answered with 200."""

    answer: Callable[[Received], Answer] = lambda _: OK
    received: list[Received] = field(default_factory=list)
    url: str = ""

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    @property
    def taken(self) -> list[Received]:
        return [item for item in self.received if item.answered == 200]

    def spans(self) -> list[Any]:
        """Every span that was taken, in order."""
        return [
            span
            for item in self.taken
            if item.path.endswith("/v1/traces")
            for resource in item.request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def wait(self, until: Callable[[Upstream], bool], seconds: float = 20) -> None:
        wait_for(lambda: until(self), seconds, lambda: f"got {[(r.path, r.answered) for r in self.received[-20:]]}")


def requires(token: str, content_type: str = JSON) -> Callable[[Received], Answer]:
    """What Catalyst does: no entry without the bearer token, and no other encoding than JSON."""

    def answer(received: Received) -> Answer:
        if received.headers.get("authorization") != f"Bearer {token}":
            return 401, {}, b""
        if received.headers.get("content-type") != content_type:
            return 415, {}, b""
        return OK

    return answer


@contextmanager
def upstream(
    answer: Callable[[Received], Answer] = lambda _: OK, port: int = 0, tls: ssl.SSLContext | None = None
) -> Iterator[Upstream]:
    """Run a destination on a loopback port, a free one unless it is named; with `tls` it is reached as localhost."""
    state = Upstream(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
            item = Received(self.path, {key.lower(): value for key, value in self.headers.items()}, raw, 0)
            try:
                status, headers, body = state.answer(item)
            except Reset:
                state.received.append(item)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                self.connection.close()
                return
            item.answered = status
            state.received.append(item)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if "content-length" not in headers and status != 204:
                self.send_header("content-length", str(len(body)))
            self.close_connection = "content-length" in headers  # one that is not true: the rest never comes
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            pass  # the collector going away is what some tests are about

    server = Server(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        state.url = f"https://localhost:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def speaking(words: bytes, secured: ssl.SSLContext | None = None) -> Iterator[int]:
    """The port of a server that says `words` to whoever connects, whatever it is asked, and closes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError):
                connection.settimeout(5)
                talk = secured.wrap_socket(connection, server_side=True) if secured else connection
                talk.sendall(words)
                while talk.recv(65536):
                    pass
            connection.close()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def wait_for(check: Callable[[], bool], seconds: float = 20, say: Callable[[], str] = lambda: "") -> None:
    """Return as soon as `check` holds; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, f"did not happen within {seconds} s; {say()}"
        time.sleep(0.02)
