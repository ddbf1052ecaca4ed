"""`collector doctor` asks a destination of which nothing is known, and says in words what its answer means."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from harness.certificates import certificate
from harness.process import run
from harness.upstream import Answer, Received, Upstream, requires, speaking, upstream
from pydantic import SecretStr

from collector.cli.doctor_destination import destination_findings
from collector.cli.finding import Finding
from collector.enums import Encoding, Signal
from collector.settings.destinations import DestinationSettings, TokenSettings
from collector.settings.endpoints import urls_of

SECRET = "sk-observability-" + "k3y" * 8
EMPTY = {"traces": {"answer": "HTTP 200", "at": 1000.0, "failures": 0, "next_attempt_at": None}}


def _settings(url: str, token: str = "") -> DestinationSettings:
    return DestinationSettings(
        name="there",
        urls=urls_of(url),
        signals=(Signal.TRACES,),
        token=TokenSettings(SecretStr(token)) if token else TokenSettings(),
    )


def _asked(settings: DestinationSettings) -> Finding:
    [found] = [each for each in destination_findings([settings], {}, False) if each.check == "destination there"]
    assert SECRET not in found.said
    return found


def _answers(status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> Finding:
    with upstream(lambda _: (status, headers or {}, body)) as up:
        return _asked(_settings(up.url, SECRET))


def test_a_destination_that_takes_it_is_sent_nothing_but_the_token() -> None:
    with upstream(requires(SECRET)) as up:
        found = _asked(_settings(up.url, SECRET))
    assert (found.level, "HTTP 200: it takes what is sent" in found.said) == ("ok", True)
    [received] = up.received
    assert received.path == "/v1/traces"
    assert not received.request.resource_spans
    assert len(received.body) < 30


def test_the_encoding_that_it_reads_is_found() -> None:
    def answer(received: Received) -> Answer:
        return (200 if "protobuf" in received.headers["content-type"] else 415), {}, b""

    with upstream(answer) as up:
        assert _asked(_settings(up.url)).level == "ok"
        found = _asked(replace(_settings(up.url), encoding=Encoding.JSON))
    assert (found.level, "set `encoding` to the other" in found.said) == ("problem", True)


@pytest.mark.parametrize(
    ("status", "level", "words"),
    [
        (401, "problem", "refused the token: set another one (COLLECTOR_UPSTREAM_TOKEN"),
        (402, "problem", "its plan and quota"),
        (403, "problem", "set a token that may write there"),
        (404, "problem", "no such path: check its address"),
        (405, "problem", "no such path: check its address"),
        (307, "problem", "set the address it redirects to"),
        (407, "problem", "the proxy asks for credentials"),
        (413, "notice", "`collector send-test`"),
        (400, "notice", "`collector send-test`"),
        (429, "notice", "what waits is kept"),
        (500, "problem", "try again later"),
        (503, "problem", "try again later"),
    ],
)
def test_each_answer_says_what_to_do(status: int, level: str, words: str) -> None:
    found = _answers(status)
    assert (found.level, words in found.said) == (level, True), found


def test_a_page_for_people_is_no_endpoint() -> None:
    found = _answers(200, {"content-type": "text/html"}, b"<html>")
    assert (found.level, "is this the address of an OTLP endpoint?" in found.said) == ("problem", True)


def _unreachable(url: str, words: str) -> None:
    found = _asked(_settings(url))
    assert (found.level, words in found.said) == ("problem", True), found


def _closed() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def test_what_cannot_be_reached_says_why_and_what_to_do(tmp_path: Path) -> None:
    certificate(tmp_path, "stranger")
    secured = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secured.load_cert_chain(tmp_path / "stranger.pem", tmp_path / "stranger.key")
    _unreachable(f"http://127.0.0.1:{_closed()}", "nothing listens there: start it, or check")
    _unreachable("http://nowhere.invalid:4318", "cannot be resolved: check the destination's address")
    with upstream() as plain, speaking(b"", secured) as untrusted, speaking(b"SSH-2.0\r\n") as other:
        _unreachable(plain.url.replace("http:", "https:"), "http:// rather than https://?")
        _unreachable(f"https://localhost:{untrusted}", "name the authority that signed it: `ca_file`")
        _unreachable(f"http://127.0.0.1:{other}", "its answer is not HTTP: is it a gRPC port (4317)")


@contextmanager
def _proxy(monkeypatch: pytest.MonkeyPatch, status: int) -> Iterator[Upstream]:
    with upstream(lambda _: (status, {}, b"")) as up:
        monkeypatch.setenv("http_proxy", up.url)
        yield up


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_not_there_is_not_taken_for_the_destination(
    monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    closed = _closed()
    monkeypatch.setenv(f"{scheme}_proxy", f"http://user:{SECRET}@127.0.0.1:{closed}")
    _unreachable(f"{scheme}://collector.example", f"through the proxy at 127.0.0.1:{closed}): the proxy cannot be")
    _unreachable(f"{scheme}://collector.example", "check HTTPS_PROXY and HTTP_PROXY, or name the destination's host")


def test_what_a_proxy_says_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with _proxy(monkeypatch, 407):
        _unreachable("http://collector.example", "the proxy asks for credentials")
    with _proxy(monkeypatch, 200) as up:
        assert _asked(_settings("http://collector.example")).level == "ok"
        assert up.received
        monkeypatch.setenv("https_proxy", up.url)  # it knows no CONNECT
        _unreachable("https://collector.example", "the proxy refuses (HTTP 501): check HTTPS_PROXY")


def test_one_that_does_not_answer_costs_a_few_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.cli.doctor_destination._SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        _unreachable(f"http://127.0.0.1:{silent.getsockname()[1]}", "no answer within")


def test_nothing_is_asked_while_nothing_may_be_sent() -> None:
    with upstream() as up:
        [found] = destination_findings([_settings(up.url)], {}, True)
    assert (found.level, found.said) == ("notice", "not asked: nothing may be sent now")
    assert not up.received


def test_what_a_running_collector_heard_lately_is_told_instead() -> None:
    with upstream() as up:
        [fine] = destination_findings([_settings(up.url)], {"there": EMPTY}, False, now_s=1010)
        failed = {"traces": {**EMPTY["traces"], "answer": "HTTP 401", "failures": 3}}
        [bad] = destination_findings([_settings(up.url)], {"there": failed}, False, now_s=1e6)
        assert not up.received
        heard, asked = destination_findings([_settings(up.url)], {"there": EMPTY}, False, now_s=1e6)
        assert len(up.received) == 1
    assert (fine.level, "traces: HTTP 200 at" in fine.said) == ("ok", True)
    assert (bad.level, bad.said) == ("problem", "traces failed 3 times: HTTP 401")
    assert (heard.level, asked.level) == ("ok", "ok")


@pytest.mark.slow
def test_doctor_fits_a_screen_and_breaks_at_words(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{_closed()}"
    wide, narrow = (
        run(tmp_path, "doctor", COLLECTOR_UPSTREAM_ENDPOINT=url, **columns).stdout.decode()
        for columns in ({}, {"COLUMNS": "80"})
    )
    assert all(len(line) <= 80 or " " not in line.strip() for line in narrow.splitlines()), narrow
    assert "nothing listens there: start it, or check the destination's address and port" in wide
    assert "nothing listens there: start it, or check the destination's address and port" in " ".join(narrow.split())


@pytest.mark.slow
def test_a_policy_that_blocks_keeps_doctor_from_asking(tmp_path: Path) -> None:
    """The command itself: under a policy that cannot be read nothing leaves, and under a good one an empty request."""
    policy = tmp_path / "policy.toml"
    with upstream() as up:
        env = {"COLLECTOR_UPSTREAM_ENDPOINT": up.url, "COLLECTOR_UPSTREAM_TOKEN": SECRET}
        policy.write_text('mode = "no"')
        blocked = run(tmp_path, "doctor", "--policy", str(policy), **env)
        assert not up.received
        assert b"not asked: nothing may be sent now" in blocked.stdout
        policy.write_text("")
        asked = run(tmp_path, "doctor", "--policy", str(policy), **env)
        assert len(up.received) == 1
    assert b"it takes what is sent" in asked.stdout
    assert SECRET.encode() not in asked.stdout + blocked.stdout
