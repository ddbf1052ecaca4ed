"""Every kind of answer a destination can give, over real connections: each is told as what it is, and nothing is lost.

One collector serves all destinations of a test, each of which has a queue of its own.
"""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.certificates import certificate
from harness.process import Process, assert_balanced, memory, run, running
from harness.telemetry import JSON, PROTOBUF, traces
from harness.upstream import OK, Answer, Received, Reset, Upstream, speaking, upstream, wait_for

POISON = "what this destination does not take"
TOKEN = "gh" + "p_" + "0123456789abcdefghijABCDEFGHIJ012345"


@contextlib.contextmanager
def sending_to(
    directory: Path, answers: dict[str, Callable[[Received], Answer]], more: str = ""
) -> Iterator[tuple[Process, dict[str, Upstream]]]:
    """A collector with a destination for each of `answers`."""
    with contextlib.ExitStack() as stack:
        ups = {name: stack.enter_context(upstream(answer)) for name, answer in answers.items()}
        _configure(directory, {name: up.url for name, up in ups.items()}, more)
        yield stack.enter_context(running(directory)), ups


def _configure(directory: Path, endpoints: dict[str, str], more: str = "") -> None:
    tables = [
        f'[[destination]]\nname = "{name}"\nendpoint = "{endpoint}"\nencoding = "json"\n{more}\n'
        for name, endpoint in endpoints.items()
    ]
    (directory / "collector.toml").write_text("\n".join(tables))


def _post(proxy: Process, *texts: str) -> None:
    for text in texts:
        assert proxy.post("/v1/traces", traces(1, {"input.value": text}).SerializeToString())[0] == 200


def _refuses(status: int, headers: dict[str, str] | None = None) -> Callable[[Received], Answer]:
    def answer(received: Received) -> Answer:
        return (status, headers or {}, b"") if POISON.encode() in received.body else OK

    return answer


def _always(answer: Answer) -> Callable[[Received], Answer]:
    return lambda _: answer


def _delivered(proxy: Process, name: str, spans: int) -> None:
    wait_for(lambda: proxy.account(destination=name)["delivered"] == spans, 60, lambda: f"{name}: {_last(proxy, name)}")


def _says(proxy: Process, name: str, words: str) -> None:
    wait_for(lambda: words in _last(proxy, name), 60, lambda: f"{name}: {_last(proxy, name)}")


def _last(proxy: Process, name: str) -> str:
    found: dict[str, Any] = proxy.get("/api/status")["forwarding"]["destinations"][name]
    return str(found["traces"]["answer"]) if "traces" in found else ""


def test_what_cannot_be_reached_is_told_as_what_it_is(tmp_path: Path) -> None:
    """In the status, the log and doctor; everything waits, and nobody who posts notices."""
    certificate(tmp_path, "stranger")
    secured = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secured.load_cert_chain(tmp_path / "stranger.pem", tmp_path / "stranger.key")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = taken.getsockname()[1]
    settings_frame = b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + bytes(18)  # how a gRPC server begins (RFC 9113, 3.4)
    with (
        speaking(settings_frame) as grpc,
        speaking(b"SSH-2.0-OpenSSH_9.2\r\n") as ssh,
        speaking(b"", secured) as untrusted,
        upstream() as plain,
    ):
        said = {
            "grpc": (f"http://127.0.0.1:{grpc}", "is it a gRPC port"),
            "ssh": (f"http://127.0.0.1:{ssh}", "its answer is not HTTP"),
            "https-to-http": (plain.url.replace("http:", "https:"), "does not speak TLS"),
            "untrusted": (f"https://localhost:{untrusted}", "certificate is not trusted"),
            "refused": (f"http://127.0.0.1:{closed}", "connection refused"),
            "unknown": ("http://nowhere.invalid:4318", "cannot be resolved"),
        }
        _configure(tmp_path, {name: endpoint for name, (endpoint, _) in said.items()})
        with running(tmp_path) as proxy:
            _post(proxy, "fine", "fine")
            for name, (_, words) in said.items():
                _says(proxy, name, words)
                account = proxy.account(destination=name)
                assert (account["queued"], account["dead_lettered"]) == (2, 0), name
                assert_balanced(account)
            log = proxy.log.read_text()
            port = proxy.url.rsplit(":", 1)[1]
            shown = run(tmp_path, "doctor", COLLECTOR_PORT=port).stdout.decode()
            status = run(tmp_path, "status", COLLECTOR_PORT=port).stdout.decode()
            waits = run(tmp_path, "queue", "list", COLLECTOR_PORT=port).stdout.decode()
            for name, (_, words) in said.items():
                assert f"{name} does not take traces now" in log
                for text in (log, shown, status, waits):
                    assert words in text, (name, text)


@pytest.mark.parametrize("pause", [{}, {"retry-after": "0"}], ids=["plain", "retry-after"])
def test_what_a_destination_refuses_of_certain_data_holds_up_no_other(tmp_path: Path, pause: dict[str, str]) -> None:
    """A firewall, a gateway, a bug there: none of them says which part of a body it did not like."""

    def resets(received: Received) -> Answer:
        if POISON.encode() in received.body:
            raise Reset
        return OK

    answers: dict[str, Callable[[Received], Answer]] = {
        f"http-{status}": _refuses(status, pause) for status in (403, 408, 425, 500, 502, 503, 504, 520, 529)
    }
    if not pause:
        answers["reset"] = resets
    with sending_to(tmp_path, answers) as (proxy, ups):
        _post(proxy, POISON, *["fine"] * 10, POISON, *["fine"] * 10)
        for name, up in ups.items():
            up.wait(lambda u: len(u.spans()) >= 20, 90)
            _delivered(proxy, name, 20)
            account = proxy.account(destination=name)
            assert account["queued"] + account["dead_lettered"] == 2, (name, account)
            assert_balanced(account)
            assert len(up.spans()) == 20, name


def test_what_is_refused_for_good_stands_alone_and_can_be_sent_again(tmp_path: Path) -> None:
    """400, 415 and 422 isolate by halving; a dead letter is one span, and has a way back."""
    better = threading.Event()

    def refuses(status: int) -> Callable[[Received], Answer]:
        def answer(received: Received) -> Answer:
            return OK if better.is_set() else _refuses(status)(received)

        return answer

    with sending_to(tmp_path, {f"http-{status}": refuses(status) for status in (400, 410, 415, 422)}) as (proxy, ups):
        _post(proxy, "fine")
        for up in ups.values():
            up.wait(lambda u: len(u.spans()) == 1, 60)
        request = traces(40)
        request.resource_spans[0].scope_spans[0].spans[17].name = POISON
        assert proxy.post("/v1/traces", request.SerializeToString())[0] == 200
        for name, up in ups.items():
            wait_for(lambda name=name: proxy.account(destination=name)["queued"] == 0, 60)  # type: ignore[misc]
            account = proxy.account(destination=name)
            assert (account["delivered"], account["dead_lettered"]) == (40, 1), (name, account)
            assert len(up.spans()) == 40
        better.set()
        port = proxy.url.rsplit(":", 1)[1]
        listed = run(tmp_path, "dead-letters", "list", COLLECTOR_PORT=port).stdout.decode()
        assert all(f"HTTP {status}" in listed for status in (400, 410, 415, 422)), listed
        assert run(tmp_path, "dead-letters", "retry", "--all", COLLECTOR_PORT=port).returncode == 0
        for name, up in ups.items():
            up.wait(lambda u: len(u.spans()) == 41, 60)
            _delivered(proxy, name, 41)
            assert proxy.account(destination=name)["dead_lettered"] == 0


def test_what_a_person_must_change_holds_everything_and_is_said(tmp_path: Path) -> None:
    mended = threading.Event()

    def closed(status: int) -> Callable[[Received], Answer]:
        return lambda _: OK if mended.is_set() else (status, {}, b"")

    advice = {401: "refused the token: set another one", 403: "set a token that may write", 404: "check its address"}
    advice |= {301: "the destination redirects", 407: "the proxy asks for credentials"}
    with sending_to(tmp_path, {f"http-{status}": closed(status) for status in advice}) as (proxy, ups):
        _post(proxy, "fine", "fine", "fine")
        for status, words in advice.items():
            wait_for(
                lambda status=status, words=words: any(  # type: ignore[misc]
                    notice.startswith(f"http-{status}: ") and words in notice
                    for notice in proxy.get("/api/status")["notices"]
                ),
                60,
            )
        port = proxy.url.rsplit(":", 1)[1]
        shown = run(tmp_path, "doctor", COLLECTOR_PORT=port).stdout.decode()
        assert all(words in shown for words in advice.values()), shown
        assert len(set(shown.splitlines())) == len(shown.splitlines()), "doctor says each thing once"
        for status in advice:
            assert proxy.account(destination=f"http-{status}")["queued"] == 3
        mended.set()
        for up in ups.values():
            up.wait(lambda u: len(u.spans()) == 3, 90)


def test_what_was_taken_is_never_sent_again_whatever_was_said_of_it(tmp_path: Path) -> None:
    """The status alone decides: a body that is none, cut short or a bomb, words of a proxy, cookies."""
    bomb = gzip.compress(bytes(400 * 1024 * 1024))
    packed = {"content-encoding": "gzip", "content-type": JSON}
    taken: dict[str, Answer] = {
        "empty": (204, {}, b""),
        "accepted": (202, {}, b"queued"),
        "text": (200, {"content-type": "text/plain"}, b"ok"),
        "no-json": (200, {"content-type": JSON}, b'{"partialSuccess":'),
        "no-protobuf": (200, {"content-type": PROTOBUF}, b"\xff\xff"),
        "cut": (200, {"content-type": JSON, "content-length": "500"}, b'{"partial'),
        "page": (200, {"content-type": "text/html; charset=utf-8"}, b"<html>log in</html>"),
        "bomb": (200, packed, bomb),
        "double": (200, {**packed, "content-encoding": "gzip, gzip"}, gzip.compress(bomb)),
        "no-gzip": (200, packed, b"not compressed"),
        "unknown-encoding": (200, {**packed, "content-encoding": "x"}, b"?"),
        "cookie": (200, {"set-cookie": "session=1; path=/"}, b"{}"),
    }
    with sending_to(tmp_path, {name: _always(answer) for name, answer in taken.items()}) as (
        proxy,
        ups,
    ):  # type: ignore[misc]
        for number in range(1, 3):
            before = memory(proxy.pid, "VmHWM")
            _post(proxy, "fine")
            for name in ups:
                _delivered(proxy, name, number)
        assert memory(proxy.pid, "VmHWM") < before + 128 * 1024 * 1024
        for name, up in ups.items():
            assert len(up.received) == 2, (name, [item.answered for item in up.received])
            assert all("cookie" not in item.headers for item in up.received)
        assert "page answers with an HTML page" in " ".join(proxy.get("/api/status")["notices"])
        assert proxy.log.read_text().count("answers with an HTML page") == 1


def test_what_a_destination_says_of_what_it_left_out_is_shown_cut_and_redacted(tmp_path: Path) -> None:
    said = f"no room \x1b[31m for {TOKEN} " + "and more " * 100
    body = f'{{"partialSuccess":{{"rejectedSpans":"2","errorMessage":"{said}"}}}}'.replace("\x1b", "\\u001b").encode()
    with sending_to(tmp_path, {"d": lambda _: (200, {"content-type": JSON}, body)}) as (proxy, ups):
        assert proxy.post("/v1/traces", traces(5).SerializeToString())[0] == 200
        wait_for(lambda: proxy.account()["queued"] == 0)
        assert proxy.account()["dropped"] == {"left out by the destination": 2}
        last = _last(proxy, "d")
        assert "2 spans left out" in last and "no room" in last
        assert len(last) < 400 and TOKEN not in last and "\x1b" not in last
        assert len(ups["d"].received) == 1


def test_a_body_that_is_too_large_once_decompressed_is_split(tmp_path: Path) -> None:
    """It was small as sent, and sixty spans became dead letters."""

    def answer(received: Received) -> Answer:
        assert len(received.raw) < 64 * 1024
        return OK if len(received.body) < 100_000 else (413, {}, b"")

    with sending_to(tmp_path, {"d": answer}) as (proxy, ups):
        assert proxy.post("/v1/traces", traces(60, size=10_000).SerializeToString())[0] == 200
        ups["d"].wait(lambda u: len(u.spans()) == 60, 60)
        wait_for(lambda: proxy.account()["delivered"] == 60)
        assert all(b"[CUT from" not in item.body for item in ups["d"].taken)


def test_one_value_that_is_too_large_is_cut_with_a_marker_and_else_it_is_dead(tmp_path: Path) -> None:
    def answer(received: Received) -> Answer:
        return OK if len(received.body) < 30_000 else (413, {}, b"")

    answers: dict[str, Callable[[Received], Answer]] = {"less": answer, "nothing": lambda _: (413, {}, b"")}
    with sending_to(tmp_path, answers) as (proxy, ups):
        assert proxy.post("/v1/traces", traces(1, size=500_000).SerializeToString())[0] == 200
        ups["less"].wait(lambda u: len(u.spans()) == 1, 60)
        assert b"[CUT from 500000 B]" in ups["less"].taken[0].body
        wait_for(lambda: proxy.account(destination="nothing")["dead_lettered"] == 1, 60)
        assert proxy.account(destination="nothing")["queued"] == 0


def test_a_pause_that_is_asked_for_holds_for_the_destination(tmp_path: Path) -> None:
    """Not for the one post that was answered so: nothing of any signal is sent meanwhile."""
    asked = threading.Event()
    early: list[str] = []
    over = threading.Event()

    def answer(received: Received) -> Answer:
        if not asked.is_set():
            asked.set()
            return 429, {"retry-after": "600"}, b""
        early.append(received.path)
        return OK

    with sending_to(tmp_path, {"d": answer}) as (proxy, _):
        _post(proxy, "fine")
        assert asked.wait(30)
        wait_for(lambda: _last(proxy, "d") == "HTTP 429")
        _post(proxy, *["fine"] * 10)
        assert not over.wait(3)
        assert early == []
        assert proxy.account()["queued"] == 11
        held = proxy.get("/api/status")["forwarding"]["destinations"]["d"]["traces"]
        assert held["next_attempt_at"] - held["at"] == pytest.approx(600, abs=1)


def test_too_many_requests_say_nothing_of_the_data(tmp_path: Path) -> None:
    """A destination that takes some and puts off others gets all of it in the end, and none becomes a dead letter."""
    put_off = [12]

    def answer(received: Received) -> Answer:
        if POISON.encode() in received.body and put_off[0]:
            put_off[0] -= 1
            return 429, {}, b""
        return OK

    with sending_to(tmp_path, {"d": answer}) as (proxy, ups):
        _post(proxy, POISON)
        while left := put_off[0]:  # read before the post: what is put off may be sent again before it is answered
            _post(proxy, "fine")
            wait_for(lambda left=left: put_off[0] < left, 60)  # type: ignore[misc]
        wait_for(lambda: proxy.account()["queued"] == 0, 60)
        assert proxy.account()["dead_lettered"] == 0
        assert len(ups["d"].spans()) == proxy.account()["received"]


def test_proxies_of_the_environment_are_not_asked_for_this_machine(tmp_path: Path) -> None:
    names = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    with upstream() as up, running(tmp_path, "--upstream", up.url, **names) as proxy:
        _post(proxy, "fine")
        up.wait(lambda u: len(u.spans()) == 1)
