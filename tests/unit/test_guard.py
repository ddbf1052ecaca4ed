"""Web pages, other machines and strangers stay out; agents on this machine come in."""

from __future__ import annotations

import pytest

from collector.errors import Forbidden, SenderError, Unauthorized
from collector.receive.guard import Access, Guard


def _headers(host: str = "127.0.0.1:4318", **headers: str) -> dict[bytes, bytes]:
    return {b"host": host.encode(), **{k.replace("_", "-").encode(): v.encode() for k, v in headers.items()}}


def _lets_in(guard: Guard, access: Access = Access.SEND, **headers: str) -> bool:
    try:
        guard.check(_headers(**headers), access)
    except SenderError:
        return False
    return True


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:4318", "localhost:4318", "LOCALHOST", "[::1]:4318", "127.5.5.5:1", "a.localhost"]
)
def test_loopback_names_come_in(host: str) -> None:
    assert _lets_in(Guard(), host=host)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:4318",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "",
        "192.168.1.5",
        "[::2]",
    ],
)
def test_other_names_stay_out(host: str) -> None:
    """A name that was made to point at 127.0.0.1 (DNS rebinding)."""
    with pytest.raises(Forbidden):
        Guard().check(_headers(host), Access.SEND)


def test_listed_names_come_in() -> None:
    guard = Guard(hosts=["collector.internal", "other:4318"])
    assert _lets_in(guard, host="collector.internal:4318")
    assert _lets_in(guard, host="other:4318")


def test_on_a_public_bind_addresses_come_in_but_names_do_not() -> None:
    """An address cannot be rebound."""
    guard = Guard({"access": "token"}, addresses=True)
    assert _lets_in(guard, host="192.168.1.5:4318", authorization="Bearer token")
    assert not _lets_in(guard, host="evil.example", authorization="Bearer token")


def test_pages_of_other_origins_stay_out() -> None:
    guard = Guard(origins=["https://app.example"])
    assert not _lets_in(guard, origin="https://evil.example")
    assert not _lets_in(guard, origin="null")
    assert not _lets_in(guard, origin="http://127.0.0.1:9999")
    assert _lets_in(guard, origin="https://app.example")
    assert _lets_in(guard, origin="http://127.0.0.1:4318")


def test_the_access_token_opens_as_bearer_and_as_header() -> None:
    """As bearer, so that the npm plugin's own token variable carries it."""
    guard = Guard({"access": "tok-1"})
    assert _lets_in(guard, authorization="Bearer tok-1")
    assert _lets_in(guard, authorization="bearer  tok-1")
    assert _lets_in(guard, x_collector_token="tok-1")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer tok-2"},
        {"authorization": "Bearer "},
        {"authorization": "tok-1"},
        {"authorization": "Basic tok-1"},
        {"x_collector_token": "tok"},
        {"x_collector_token": "", "authorization": "Bearer tok-1"},
    ],
)
def test_a_missing_or_wrong_token_is_401_and_not_repeated(headers: dict[str, str]) -> None:
    with pytest.raises(Unauthorized) as error:
        Guard({"access": "tok-1"}).check(_headers(**headers), Access.SEND)
    assert "tok-" not in str(error.value)


def test_an_open_path_needs_no_token() -> None:
    assert _lets_in(Guard({"access": "tok-1"}), Access.OPEN)
    assert not _lets_in(Guard({"access": "tok-1"}), Access.READ)
    assert not _lets_in(Guard({"access": "tok-1"}), Access.SEND)


def test_a_teams_token_sends_and_neither_reads_nor_measures() -> None:
    guard = Guard({"access": "tok-1"}, teams={"red": "tok-2", "blue": "tok-3"}, addresses=True, read_token="tok-4")
    assert guard.check(_headers(authorization="Bearer tok-3"), Access.SEND) == "blue"
    assert guard.check(_headers(authorization="Bearer tok-1"), Access.SEND) == ""
    for access in (Access.READ, Access.MEASURE):
        with pytest.raises(Unauthorized):
            guard.check(_headers(x_collector_token="tok-2"), access)


def test_a_token_that_was_taken_back_no_longer_counts() -> None:
    guard = Guard({"access": "tok-1"}, teams={"red": "tok-2"})
    guard.accept({"access": "tok-1"}, {"red": "tok-3"})
    assert guard.check(_headers(x_collector_token="tok-3"), Access.SEND) == "red"
    with pytest.raises(Unauthorized):
        guard.check(_headers(x_collector_token="tok-2"), Access.SEND)
