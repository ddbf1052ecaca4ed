"""A connection is read within bounds, and what is no request never becomes one."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest

from collector.app import http_protocol
from collector.app.http_protocol import ConnectionLimit
from collector.app.serving import new_server

POST = b"POST /p HTTP/1.1\r\nHost: x\r\n"
UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the names of the headers and the body; at /early before the body is read."""
    body = b""
    if scope["path"] != "/early":
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
    said = b" ".join(name for name, _ in scope["headers"]) + b"|" + body
    headers = [(b"content-length", b"%d" % len(said))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": said})


@contextmanager
def serving(most: int = 100) -> Iterator[tuple[int, ConnectionLimit]]:
    """The port of a server in a thread of its own."""
    limit = ConnectionLimit(most)
    server = new_server(echo, limit)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(64)
    thread = Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True)
    port = listener.getsockname()[1]
    thread.start()
    try:
        yield port, limit
    finally:
        server.force_exit = True
        server.finish()
        thread.join(60)
        assert not thread.is_alive()


def connected(port: int) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), timeout=20)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def said(connection: socket.socket) -> bytes:
    """Everything until the other side closes."""
    found = b""
    while True:
        try:
            part = connection.recv(65536)
        except ConnectionResetError:
            return found
        if not part:
            return found
        found += part


def exchange(port: int, *parts: bytes) -> bytes:
    with connected(port) as connection:
        for part in parts:
            connection.sendall(part)
        return said(connection)


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
def test_a_request_that_offers_another_protocol_is_answered_as_if_it_did_not(version: bytes) -> None:
    """RFC 9110, 7.8: "A server MAY ignore a received Upgrade header field". Its body was lost before."""
    with serving() as (port, _):
        head = b"POST /p HTTP/%s\r\nHost: x\r\n%sContent-Length: 5\r\n\r\n" % (version, UPGRADE)
        with connected(port) as connection:
            connection.sendall(head + b"he")
            connection.sendall(b"llo" + POST + b"Content-Length: 4\r\nConnection: close\r\n\r\nmore")
            answers = said(connection)
    assert b"|hello" in answers
    if version == b"1.1":
        assert b"|more" in answers
    assert b"http2-settings" not in answers


def test_a_chunked_body_behind_an_offered_protocol_is_read() -> None:
    with serving() as (port, _):
        answer = exchange(
            port, POST + UPGRADE + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", b"GET /p HTTP/1.1\r\n"
            b"Host: x\r\nConnection: close\r\n\r\n"
        )  # fmt: skip
    assert b"|hello" in answer
    assert answer.count(b"200 OK") == 2


def test_connect_is_refused() -> None:
    with serving() as (port, _):
        assert exchange(port, b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n").startswith(b"HTTP/1.1 405")


def test_trailers_are_no_headers() -> None:
    with serving() as (port, _):
        answer = exchange(
            port,
            POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-secret: 1\r\n\r\n",
        )
    assert b"|hello" in answer
    assert b"x-secret" not in answer


@pytest.mark.parametrize("parts", [1, 50])
def test_headers_over_the_limit_are_431(parts: int) -> None:
    """One header may be cut anywhere, so what one reading of the socket gives is let through above the limit."""
    line = b"x-long: " + b"a" * ((http_protocol.MOST_HEAD_BYTES + 512 * 1024) // parts) + b"\r\n"
    with serving() as (port, _), connected(port) as connection:
        connection.sendall(POST)
        with contextlib.suppress(ConnectionError):
            for _ in range(parts):
                connection.sendall(line)
        assert said(connection).startswith(b"HTTP/1.1 431")


def test_headers_within_the_limit_are_read_however_they_are_cut() -> None:
    line = b"x-long: " + b"a" * (http_protocol.MOST_HEAD_BYTES // 2) + b"\r\nConnection: close\r\n\r\n"
    with serving() as (port, _):
        assert exchange(port, POST, line[:1000], line[1000:]).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("begun", [b"", b"\r\n\r\n", b"POST /p HT", POST + b"x-slow"])
def test_a_head_that_does_not_come_is_waited_for_in_vain_only_so_long(
    monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.2)
    with serving() as (port, _):
        assert exchange(port, begun) == b""


def test_a_body_that_does_not_come_is_waited_for_in_vain_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "BODY_SECONDS", 0.2)
    with serving() as (port, _):
        assert exchange(port, POST + b"Content-Length: 5\r\n\r\nhe") == b""


def test_a_body_that_nobody_reads_ends_with_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "LINGER_SECONDS", 0.2)
    with serving() as (port, _):
        answer = exchange(port, b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nhe")
    assert answer.startswith(b"HTTP/1.1 200")


def test_a_second_request_on_a_connection_has_as_long_as_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.5)
    with serving() as (port, _), connected(port) as connection:
        for _ in range(3):
            connection.sendall(POST + b"Content-Length: 2\r\n\r\nok")
            found = b""
            while not found.endswith(b"|ok"):
                found += connection.recv(65536)
        connection.sendall(POST)
        assert said(connection) == b""


def test_connections_over_the_limit_are_answered_503_and_harm_no_other() -> None:
    with serving(most=3) as (port, limit):
        opened = [connected(port) for _ in range(3)]
        for connection in opened:
            connection.sendall(POST + b"Content-Length: 2\r\n\r\no")
        refused = [exchange(port) for _ in range(4)]
        assert all(answer.startswith(b"HTTP/1.1 503") and b"retry-after: 1" in answer for answer in refused)
        assert limit.refused == 4
        for connection in opened:
            connection.sendall(b"k")
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
            connection.close()


def test_what_is_no_http_is_400() -> None:
    with serving() as (port, _):
        assert exchange(port, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").startswith(b"HTTP/1.1 400")
        assert exchange(port, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").startswith(b"HTTP/1.1 ")
