"""A command gives its token only to the collector of its own data directory."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from collector.app.data_dir import INSTANCE_KEY, READ_TOKEN, DataDirectory, secret
from collector.cli.client import Client
from collector.errors import CollectorError
from collector.opencode.connection import Credentials, NotProved, ask, proof_of
from collector.settings.sources import load

KEY, TOKEN = "key-of-the-directory", "to" + "ken-of-the-owner"


@contextmanager
def answering(prove: Callable[[str, Any], str], status: int = 200, **headers: str) -> Iterator[tuple[str, list[Any]]]:
    """The address of a server that answers challenges by `prove`, and path and headers of each request it got."""
    got: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            got.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            challenge = parse_qs(urlsplit(self.path).query).get("challenge")
            said = {"proof": prove(challenge[0], self.connection.getsockname())} if challenge else {"ledger": {}}
            body = json.dumps(said).encode()
            self.send_response(200 if challenge else status)
            for name, value in ({} if challenge else headers).items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", got
    finally:
        server.shutdown()
        server.server_close()


def honest(challenge: str, address: Any) -> str:
    return proof_of(KEY, challenge, address)


def asked(url: str) -> int:
    return ask(url, "GET", "/api/status", credentials=Credentials(TOKEN, KEY), seconds=10).status


def test_a_collector_that_proves_itself_gets_the_token() -> None:
    with answering(honest) as (url, got):
        assert asked(url) == 200
    assert [headers.get("x-collector-token") for _, headers in got] == [None, TOKEN]


@pytest.mark.parametrize(
    "prove",
    [lambda *_: "", lambda challenge, _: challenge, lambda *where: proof_of("guess", *where), lambda *_: "\N{SNOWMAN}"],
)
def test_who_cannot_prove_it_gets_no_token(prove: Callable[[str, Any], str]) -> None:
    with answering(prove) as (url, got), pytest.raises(NotProved, match="no token"):
        asked(url)
    assert got and all("x-collector-token" not in headers for _, headers in got)


def test_a_proof_of_the_real_collector_passed_on_is_worth_nothing() -> None:
    """Who took another port asks the real collector and repeats its answer: it names the wrong address."""
    with answering(honest) as (real, _):

        def passed_on(challenge: str, _: Any) -> str:
            answer = ask(real, "GET", f"/healthz?challenge={challenge}", seconds=10)
            return str(json.loads(answer.body)["proof"])

        with answering(passed_on) as (url, got), pytest.raises(NotProved):
            asked(url)
    assert got and all("x-collector-token" not in headers for _, headers in got)


def test_no_redirect_is_followed() -> None:
    with answering(honest) as (elsewhere, visited), answering(honest, 302, location=elsewhere) as (url, _):
        assert asked(url) == 302
    assert visited == []


def test_an_address_is_the_same_however_it_is_written() -> None:
    assert proof_of(KEY, "c", ("::ffff:127.0.0.1", 4318, 0, 0)) == proof_of(KEY, "c", ("127.0.0.1", 4318))
    assert proof_of(KEY, "c", ("::1", 4318, 0, 0)) != proof_of(KEY, "c", ("127.0.0.1", 4318))


def test_a_command_says_that_a_stranger_took_the_port(tmp_path: Path) -> None:
    secret(tmp_path, READ_TOKEN)
    secret(tmp_path, INSTANCE_KEY)
    with answering(lambda *_: "") as (url, got):
        DataDirectory(tmp_path).announce(url)
        settings = load({"data_dir": tmp_path, "port": int(url.rpartition(":")[2])}).settings
        with pytest.raises(CollectorError, match="is not the collector of this data directory"):
            Client(settings).get("/api/status")
    assert got and all("x-collector-token" not in headers for _, headers in got)
