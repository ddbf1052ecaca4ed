"""A token is read where it is sent and shown nowhere."""

from __future__ import annotations

import base64
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from pydantic import SecretStr

from collector.forward.token_fetching import ClientCredentials, from_authorization_server, from_command, from_keyring
from collector.forward.tokens import BasicToken, Fetched, FetchedToken, FileToken, FixedToken, TokenFailed, TokenSource


def _value(source: TokenSource) -> str | None:
    token = source.token()
    return token.get_secret_value() if token else None


def test_a_token_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    """Short-lived tokens are replaced while the collector runs."""
    file = tmp_path / "token"
    file.write_text("first\n")
    source = FileToken(file)
    assert _value(source) == "first"
    file.write_text("second-token\n")
    os.utime(file, (1, 1))
    assert _value(source) == "second-token"


def test_a_token_file_that_is_being_replaced_keeps_its_last_token(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    source = FileToken(file)
    assert _value(source) == "first"
    file.unlink()
    assert _value(source) == "first"


def test_a_token_file_that_is_being_written_keeps_its_last_token(tmp_path: Path) -> None:
    """Most programs empty a file before they fill it: nothing is sent without a token meanwhile."""
    file = tmp_path / "token"
    file.write_text("first\n")
    source = FileToken(file)
    assert _value(source) == "first"
    file.write_text("")
    assert _value(source) == "first"
    file.write_text("second\n")
    assert _value(source) == "second"


def test_a_refused_token_of_a_file_is_renewed_only_by_another(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first")
    source = FileToken(file)
    assert _value(source) == "first" and not source.renew()
    file.write_text("other")
    os.utime(file, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    assert source.renew() and _value(source) == "other"


def test_a_token_that_is_good_is_given_while_another_one_is_fetched() -> None:
    """The event loop asks for it: it would stand still for as long as the command takes."""
    fetching, go_on = threading.Event(), threading.Event()
    tokens = iter(["first", "second"])

    def fetch() -> Fetched:
        found = next(tokens)
        if found == "second":
            fetching.set()
            assert go_on.wait(90)
        return Fetched(SecretStr(found))

    source = FetchedToken(fetch, 3600)
    assert _value(source) == "first"
    with ThreadPoolExecutor(2) as threads:
        renewed = threads.submit(source.renew)
        assert fetching.wait(90)
        try:
            assert threads.submit(_value, source).result(30) == "first"
        finally:
            go_on.set()
        assert renewed.result(90)
    assert _value(source) == "second"


def test_a_token_prints_as_stars() -> None:
    source = FixedToken(SecretStr("CANARY-3"))
    assert "CANARY" not in repr(source.token()) + str(source.token()) + repr(vars(source))


def jwt(expires: float) -> str:
    part = [base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in ({}, {"exp": expires})]
    return ".".join((*part, "c2ln"))


class Issuer:
    """Gives the tokens it was made with, one a time, and then fails."""

    def __init__(self, *tokens: str | Fetched) -> None:
        self.tokens = list(tokens)
        self.asked = 0
        self.time = 1000.0

    def __call__(self) -> Fetched:
        self.asked += 1
        if not self.tokens:
            raise TokenFailed("nothing is left")
        found = self.tokens.pop(0)
        return found if isinstance(found, Fetched) else Fetched(SecretStr(found))

    def source(self, ttl_s: float = 300) -> FetchedToken:
        return FetchedToken(self, ttl_s, clock=lambda: self.time, now=lambda: self.time)


def test_a_fetched_token_is_kept_for_its_time_and_then_fetched_again() -> None:
    issuer = Issuer("one", "two")
    source = issuer.source(300)
    assert not source.at_hand
    assert [_value(source), _value(source), issuer.asked, source.at_hand] == ["one", "one", 1, True]
    issuer.time += 299
    assert _value(source) == "two"


def test_a_json_web_token_is_kept_until_shortly_before_it_expires() -> None:
    issuer = Issuer(jwt(5000), "next")
    source = issuer.source(ttl_s=1)
    first = _value(source)
    issuer.time = 4960
    assert _value(source) == first
    issuer.time = 4971
    assert _value(source) == "next"


def test_what_the_issuer_says_of_its_life_goes_before_what_the_token_says() -> None:
    issuer = Issuer(Fetched(SecretStr(jwt(10_000)), 100), "next")
    source = issuer.source()
    _value(source)
    issuer.time += 80
    assert _value(source) == "next"


def test_a_token_that_is_expired_already_is_fetched_each_time_and_never_loops() -> None:
    issuer = Issuer(jwt(1), "next")
    source = issuer.source()
    assert _value(source) is not None and not source.at_hand
    assert _value(source) == "next"


def test_a_refused_token_is_fetched_once_for_all_who_were_refused() -> None:
    issuer = Issuer("old", "new", "newer")
    source = issuer.source()
    assert _value(source) == "old"
    assert source.renew() and _value(source) == "new" and issuer.asked == 2


def test_renewing_tells_when_nothing_else_can_be_had() -> None:
    issuer = Issuer("same", "same")
    source = issuer.source()
    _value(source)
    assert not source.renew()
    assert not source.renew()
    with pytest.raises(TokenFailed, match="nothing is left"):
        source.token()


def test_many_threads_fetch_once() -> None:
    fetched: list[int] = []

    def slow() -> Fetched:
        time.sleep(0.05)
        fetched.append(1)
        return Fetched(SecretStr("tok"))

    source = FetchedToken(slow, 300)
    threads = [threading.Thread(target=source.token) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert fetched == [1]


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_the_first_line_a_command_prints_is_the_token() -> None:
    fetched = from_command(python("print('tok-1'); print('more')"), 30)
    assert fetched.token.get_secret_value() == "tok-1"


def test_a_command_is_split_as_a_shell_would_and_no_shell_runs_it(tmp_path: Path) -> None:
    script = tmp_path / "a script.py"
    script.write_text("import sys; print('-'.join(sys.argv[1:]))")
    command = f"'{sys.executable}' '{script}' a '$HOME;b'"
    assert from_command(command, 30).token.get_secret_value() == "a-$HOME;b"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import sys; print('CANARY8'); print('CANARY9', file=sys.stderr); sys.exit(3)", "failed with exit code 3"),
        ("print()", "printed no token"),
        ("print('CANARY8 CANARY9')", "holds spaces"),
        ("import time; print('CANARY8', flush=True); time.sleep(60)", "did not end within"),
        ("while True: print('CANARY8' * 1000)", ""),
    ],
)
def test_a_command_that_gives_no_token_fails_without_repeating_it(code: str, said: str) -> None:
    with pytest.raises(TokenFailed) as error:
        from_command(python(code), 2 if "sleep" in code else 30)
    assert said in str(error.value) and "CANARY" not in str(error.value)


@pytest.mark.skipif(sys.platform == "win32", reason="process groups")
def test_a_late_command_is_ended_with_its_children() -> None:
    child = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])"
    with pytest.raises(TokenFailed, match="did not end"):
        from_command(python(child + "; time.sleep(600)"), 2)  # reading ends only when no one holds the pipe


def test_a_command_that_does_not_exist_is_named() -> None:
    with pytest.raises(TokenFailed, match="absent-command cannot be run"):
        from_command("/nowhere/absent-command --flag", 5)


@contextmanager
def authorization_server(
    answer: bytes, status: int = 200
) -> Iterator[tuple[str, list[tuple[str, dict[str, list[str]]]]]]:
    asked: list[tuple[str, dict[str, list[str]]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = self.rfile.read(int(self.headers["content-length"])).decode()
            asked.append((self.headers.get("authorization", ""), parse_qs(form)))
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/token", asked
    finally:
        server.shutdown()
        server.server_close()


def test_client_credentials_are_exchanged_for_a_token() -> None:
    answer = json.dumps({"access_token": "at-1", "token_type": "bearer", "expires_in": 60}).encode()
    with authorization_server(answer) as (url, asked):
        credentials = ClientCredentials(url, "me", SecretStr("s3"), scope="ingest")
        fetched = from_authorization_server(credentials)
    assert (fetched.token.get_secret_value(), fetched.good_for_s) == ("at-1", 60)
    [(authorization, form)] = asked
    assert authorization == "Basic " + base64.b64encode(b"me:s3").decode()
    assert form == {"grant_type": ["client_credentials"], "scope": ["ingest"]}


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (b'{"error": "CANARY8"}', 401, "answered HTTP 401"),
        (b'{"error": "CANARY8"}', 200, "no access token"),
        (b"CANARY8", 200, "no access token"),
        (b'"CANARY8"', 200, "no access token"),
        (b'{"access_token": "CANARY8", "expires_in": "soon"}', 200, "no access token"),
        (b'{"access_token": "CANARY8\\r\\nx: y"}', 200, "holds spaces"),
    ],
)
def test_an_authorization_server_that_gives_no_token_is_not_repeated(answer: bytes, status: int, said: str) -> None:
    with authorization_server(answer, status) as (url, _), pytest.raises(TokenFailed) as error:
        from_authorization_server(ClientCredentials(url, "me", SecretStr("CANARY7")))
    assert said in str(error.value) and "CANARY" not in str(error.value)


def test_an_authorization_server_that_is_not_there_is_named() -> None:
    with pytest.raises(TokenFailed, match=r"127\.0\.0\.1 cannot be reached"):
        from_authorization_server(ClientCredentials("http://127.0.0.1:1/t", "me", SecretStr("s")))


def test_a_password_of_the_keyring_is_a_token() -> None:
    keyring = pytest.importorskip("keyring")
    from keyring.backend import KeyringBackend

    class Memory(KeyringBackend):
        priority = 1

        def get_password(self, service: str, username: str) -> str | None:
            return "tok-9" if (service, username) == ("catalyst", "me") else None

        def set_password(self, service: str, username: str, password: str) -> None:
            raise NotImplementedError

        def delete_password(self, service: str, username: str) -> None:
            raise NotImplementedError

    before = keyring.get_keyring()
    keyring.set_keyring(Memory())
    try:
        assert from_keyring("catalyst", "me").token.get_secret_value() == "tok-9"
        with pytest.raises(TokenFailed, match="holds no password of you"):
            from_keyring("catalyst", "you")
    finally:
        keyring.set_keyring(before)


def test_the_basic_scheme_encodes_user_and_password_of_any_source() -> None:
    source = BasicToken(FixedToken(SecretStr("pk:sk")))
    assert base64.b64decode(_value(source) or "") == b"pk:sk" and source.at_hand and not source.renew()
    assert BasicToken(FixedToken(None)).token() is None
