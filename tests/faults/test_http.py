"""A real collector and clients that misuse HTTP, or use more of it than others do."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import urlsplit

from harness.process import Process, assert_balanced, running
from harness.telemetry import PROTOBUF, traces
from harness.upstream import wait_for


def connected(process: Process) -> socket.socket:
    parts = urlsplit(process.url)
    return socket.create_connection((parts.hostname, parts.port), timeout=20)


def head(length: int, *lines: str) -> bytes:
    given = ("POST /v1/traces HTTP/1.1", "Host: 127.0.0.1", f"Content-Type: {PROTOBUF}", f"Content-Length: {length}")
    return "\r\n".join((*given, *lines, "", "")).encode()


def test_the_first_request_of_a_java_client_is_kept(tmp_path: Path) -> None:
    """Its HttpClient offers h2c on each new connection; the body was lost and answered with 200."""
    body = traces(3).SerializeToString()
    offer = (
        "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c",
        "HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA",
    )
    with running(tmp_path) as collector:
        with connected(collector) as connection:
            for lines in (offer, ()):
                connection.sendall(head(len(body), *lines) + body)
                answer = connection.recv(65536)
                assert answer.startswith(b"HTTP/1.1 200 "), answer
        assert collector.account()["received"] == 6
        assert_balanced(collector.account())


def test_idle_connections_over_the_limit_harm_no_request_under_way(tmp_path: Path) -> None:
    body = traces(3).SerializeToString()
    with running(tmp_path, COLLECTOR_MAX_CONNECTIONS="5") as collector:
        idle = [connected(collector) for _ in range(4)]
        with connected(collector) as working:
            working.sendall(head(len(body)) + body[:10])
            for _ in range(20):
                with connected(collector) as refused:
                    assert refused.recv(65536).startswith(b"HTTP/1.1 503 ")
            working.sendall(body[10:])
            assert working.recv(65536).startswith(b"HTTP/1.1 200 ")
        for connection in idle:
            connection.close()
        wait_for(lambda: collector.post("/v1/traces", body)[0] == 200)
        assert any("20 connections were refused" in line for line in collector.get("/api/status")["notices"])
        assert "more are refused" in collector.log.read_text()


def test_a_socket_opened_for_a_websocket_is_answered_like_any_other(tmp_path: Path) -> None:
    with running(tmp_path) as collector, connected(collector) as connection:
        connection.sendall(
            b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
