"""Sending one body to one place, over a real connection."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import sys
import threading
from collections.abc import Iterator

import aiohttp
import pytest
from harness.upstream import OK, Answer, Received, speaking, upstream
from httpx_aiohttp import HttpxAiohttpClient
from pydantic import SecretStr

from collector.batch import Signal
from collector.forward.client import open_client
from collector.forward.destination import Destination
from collector.forward.outcome import Delivered, DestinationAnswer, TryLater, Unreachable
from collector.forward.tokens import Fetched, FetchedToken, FixedToken
from collector.forward.unreachable import explain, was_answered


def _dripping(words: bytes) -> Iterator[int]:
    """The port of a server that says `words` at once, and then a byte now and then, for good."""
    listener = socket.create_server(("127.0.0.1", 0))
    stopped = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(words)
            while not stopped.wait(0.1):
                connection.sendall(b"x")

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        stopped.set()
        listener.close()


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n", Delivered),
        (b"HTTP/1.1 503 Busy\r\ncontent-length: 100000\r\n\r\n", TryLater),
        (b"HTTP/1.1 200 OK\r\nx-", TryLater),
    ],
    ids=["taken", "refused", "no-answer"],
)
def test_an_answer_that_drips_is_ended_by_one_time_for_all_of_it(words: bytes, meant: type) -> None:
    """No time-out between two bytes ever ends it; what its head said counts."""

    async def send(url: str) -> DestinationAnswer:
        urls = {Signal.TRACES: f"{url}/v1/traces"}
        destination = Destination("d", urls, FixedToken(None), [Signal.TRACES], total_seconds=1.0)
        async with open_client(destination) as client:
            return await destination.send(client, Signal.TRACES, b"x", "1")

    with contextlib.contextmanager(_dripping)(words) as port:
        assert isinstance(asyncio.run(send(f"http://127.0.0.1:{port}")), meant)


@pytest.mark.parametrize(
    ("words", "said", "gives_up"),
    [
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\nx", "malformed", True),
        (b"HTTP/1.1 200 OK\r\nno header\r\n\r\n", "malformed", True),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000 + b"\r\n\r\n", "malformed", True),
        (b"HTTP/1.1 OK\r\n\r\n", "not HTTP", False),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not HTTP", False),
    ],
    ids=["chunks", "header", "long", "status", "ssh"],
)
def test_an_answer_that_cannot_be_read_is_not_asked_for_without_end(words: bytes, said: str, gives_up: bool) -> None:
    """Who answers HTTP may have taken the data, each time anew; who speaks something else has not."""

    async def send(url: str) -> DestinationAnswer:
        destination = Destination("d", {Signal.TRACES: f"{url}/v1/traces"}, FixedToken(None), [Signal.TRACES])
        async with open_client(destination) as client:
            return await destination.send(client, Signal.TRACES, b"x", "1")

    with speaking(words) as port:
        answer = asyncio.run(send(f"http://127.0.0.1:{port}"))
    assert isinstance(answer, TryLater)
    assert said in answer.answer
    assert answer.gives_up == gives_up


def test_what_is_said_before_it_was_asked_is_not_http() -> None:
    """A gRPC server speaks first; the client then knows only that it cannot read it."""
    nothing = aiohttp.ClientResponseError(None, (), status=400)  # type: ignore[arg-type]
    assert "is it a gRPC port" in explain(nothing)
    assert not was_answered(nothing)


@pytest.mark.parametrize("token", ["t\u00f6ken", "a\0b", "a\nx: y"])
def test_a_token_that_no_header_can_hold_is_told_as_that(token: str) -> None:
    """It comes from a file or a keyring, where nobody looked at it."""

    async def send(url: str) -> DestinationAnswer:
        urls = {Signal.TRACES: f"{url}/v1/traces"}
        destination = Destination("d", urls, FixedToken(SecretStr(token)), [Signal.TRACES])
        async with open_client(destination) as client:
            return await destination.send(client, Signal.TRACES, b"x", "1")

    with upstream() as up:
        assert asyncio.run(send(up.url)) == Unreachable("the token holds characters that no token has: copy it again")
        assert up.received == []


def test_a_token_that_takes_long_takes_no_thread_of_others() -> None:
    """A command that hangs held up every destination, and the page."""
    go_on = threading.Event()

    def fetch() -> Fetched:
        assert go_on.wait(90)
        return Fetched(SecretStr("t"))

    async def main(url: str) -> None:
        urls = {Signal.TRACES: f"{url}/v1/traces"}
        destination = Destination("d", urls, FetchedToken(fetch, 3600), [Signal.TRACES])
        async with open_client(destination) as client:
            sending = [asyncio.create_task(destination.send(client, Signal.TRACES, b"x", "1")) for _ in range(64)]
            await asyncio.sleep(0)
            try:
                async with asyncio.timeout(30):
                    await asyncio.to_thread(lambda: None)
            finally:
                go_on.set()
            assert all(isinstance(each, Delivered) for each in await asyncio.gather(*sending))

    with upstream() as up:
        asyncio.run(main(up.url))


@pytest.mark.parametrize("answer", [OK, (503, {}, b"busy"), (400, {}, b"no")], ids=["taken", "retry", "refused"])
def test_a_sent_body_is_let_go_at_once(answer: Answer) -> None:
    """Bodies are megabytes: until the garbage collector comes round, hundreds of them would be held."""
    body = b"x" * 100_000

    def held(_: Received) -> Answer:
        return answer

    async def send(url: str) -> int:
        destination = Destination("d", {Signal.TRACES: f"{url}/v1/traces"}, FixedToken(None), [Signal.TRACES])
        async with HttpxAiohttpClient() as client:
            await destination.send(client, Signal.TRACES, body, "1")  # what is loaded once is loaded now
            before = sys.getrefcount(body)
            for _ in range(5):
                await destination.send(client, Signal.TRACES, body, "1")
            return sys.getrefcount(body) - before

    with upstream(held) as place:
        gc.collect()
        gc.disable()
        try:
            assert asyncio.run(send(place.url)) == 0
        finally:
            gc.enable()
        assert len(place.received) == 6
