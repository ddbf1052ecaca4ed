"""The organisation's policy: signed, never older, whole or not at all, and never erased by an empty answer."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from collector.enforce.files import document_layers
from collector.enforce.remote import PolicySource, RemotePolicy
from collector.errors import ConfigError
from collector.policy.signature import is_signed, new_key, sign
from collector.redact.ruleset import combined

OLD, NEW, OTHER = (new_key(bytes([n]) * 32) for n in (1, 2, 3))
URL = "https://policy.example/policy.toml"
NOW = 1_800_000_000.0


class Server:
    """Serves a policy and its signature, as a static file server does."""

    def __init__(self, text: str = "", key: str = OLD[0]) -> None:
        self.asked: list[httpx.Request] = []
        self.answer: Callable[[httpx.Request], httpx.Response] | None = None
        self.serve(text, key)

    def serve(self, text: str, key: str = OLD[0]) -> None:
        self.data = text.encode()
        self.signature = sign(self.data, key).encode()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if self.answer is not None:
            return self.answer(request)
        if request.url.path.endswith(".sig"):
            return httpx.Response(200, content=self.signature)
        etag = f'"{hash(self.data)}"'
        if request.headers.get("if-none-match") == etag:
            return httpx.Response(304)
        return httpx.Response(200, content=self.data, headers={"etag": etag})


def document(revision: int, more: str = "") -> str:
    return f'name = "acme"\nrevision = {revision}\nmode = "metadata"\n{more}'


def remote(directory: Path, keys: tuple[str, ...] = (OLD[1],), max_age_s: int = 3600) -> RemotePolicy:
    return RemotePolicy(
        PolicySource(URL, keys, max_age_s), directory, lambda doc, origin: void(combined(document_layers(doc, origin)))
    )


def void(_: object) -> None:
    return None


def refresh(policy: RemotePolicy, server: Server, now: float = NOW) -> bool:
    return policy.refresh(now, httpx.MockTransport(server))


def revision(policy: RemotePolicy) -> int | None:
    return policy.accepted.document.revision if policy.accepted else None


def test_a_signed_policy_is_taken_and_found_again(tmp_path: Path) -> None:
    """The next start must not need the network."""
    policy = remote(tmp_path)
    assert refresh(policy, Server(document(4)))
    assert (revision(policy), policy.failure) == (4, "")
    assert revision(remote(tmp_path)) == 4


@pytest.mark.skipif(sys.platform == "win32", reason="access lists there")
def test_what_is_kept_only_its_owner_can_read(tmp_path: Path) -> None:
    refresh(remote(tmp_path / "policy"), Server(document(1)))
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in (tmp_path / "policy").iterdir())
    assert stat.S_IMODE((tmp_path / "policy").stat().st_mode) == 0o700


@pytest.mark.parametrize("change", ["body", "signature", "key"])
def test_what_is_not_signed_by_a_named_key_changes_nothing(tmp_path: Path, change: str) -> None:
    server = Server(document(1))
    policy = remote(tmp_path)
    refresh(policy, server)
    server.serve(document(2), OTHER[0] if change == "key" else OLD[0])
    if change == "body":
        server.data += b"\n"
    elif change == "signature":
        server.signature = b"AAAA" + server.signature[4:]
    assert not refresh(policy, server)
    assert revision(policy) == 1
    assert "not signed" in policy.failure


def test_two_keys_let_one_be_rotated(tmp_path: Path) -> None:
    server = Server(document(1), OLD[0])
    policy = remote(tmp_path, (OLD[1], NEW[1]))
    refresh(policy, server)
    server.serve(document(2), NEW[0])
    assert refresh(policy, server)
    assert revision(policy) == 2


def test_a_kept_policy_signed_by_a_key_that_was_taken_out_does_not_hold(tmp_path: Path) -> None:
    """Taking a key out of the machine's policy must reach what was accepted under it."""
    refresh(remote(tmp_path), Server(document(1)))
    assert remote(tmp_path, (NEW[1],)).accepted is None


@pytest.mark.parametrize("lower", [document(6), document(7, "# another")])
def test_revisions_never_go_back(tmp_path: Path, lower: str) -> None:
    """An old policy is signed as well: replaying it must not loosen anything."""
    server = Server(document(7))
    policy = remote(tmp_path)
    refresh(policy, server)
    server.serve(lower)
    assert not refresh(policy, server)
    assert policy.accepted is not None
    assert policy.accepted.data == document(7).encode()
    assert "revision" in policy.failure


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, content=b""),
        httpx.Response(200, content=b" \n"),
        httpx.Response(204),
        httpx.Response(500, content=b"oops"),
        httpx.Response(302, headers={"location": "https://elsewhere.example/"}),
        httpx.Response(200, content=b"x" * 2_000_000),
    ],
)
def test_an_empty_or_failed_answer_erases_nothing(tmp_path: Path, answer: httpx.Response) -> None:
    server = Server(document(1))
    policy = remote(tmp_path)
    refresh(policy, server)
    server.answer = lambda request: answer
    assert not refresh(policy, server)
    assert revision(policy) == 1
    assert policy.failure


def test_not_modified_confirms_without_sending_the_policy_again(tmp_path: Path) -> None:
    server = Server(document(1))
    policy = remote(tmp_path)
    refresh(policy, server, NOW)
    asked = len(server.asked)
    assert not refresh(policy, server, NOW + 1000)
    assert len(server.asked) == asked + 1
    assert revision(policy) == 1
    assert policy.accepted is not None
    assert policy.accepted.refusal(NOW + 1000 + 3599, 3600) == ""


def test_not_modified_without_anything_kept_is_no_policy(tmp_path: Path) -> None:
    server = Server(document(1))
    server.answer = lambda request: httpx.Response(304)
    policy = remote(tmp_path)
    refresh(policy, server)
    assert policy.accepted is None


@pytest.mark.parametrize(
    "text",
    [
        document(2, "surprise = 1"),
        document(2, '[[field]]\nkey = "a"\naction = "nothing"'),
        document(2, '[rules]\ndisable = ["no-such-rule"]'),
        document(2, 'policy_url = "https://example.com/"'),
        "schema = 2",
        "not toml at all",
    ],
)
def test_a_document_is_taken_whole_or_not_at_all(tmp_path: Path, text: str) -> None:
    server = Server(document(1))
    policy = remote(tmp_path)
    refresh(policy, server)
    server.serve(text)
    assert not refresh(policy, server)
    assert revision(policy) == 1


def test_without_contact_a_policy_gets_too_old(tmp_path: Path) -> None:
    server = Server(document(1))
    policy = remote(tmp_path)
    refresh(policy, server)
    assert policy.accepted is not None
    assert policy.accepted.refusal(NOW + 3601, 3600) != ""
    server.answer = lambda request: (_ for _ in ()).throw(httpx.ConnectError("no"))
    refresh(policy, server, NOW + 3601)
    assert "cannot be reached" in policy.failure


def test_a_policy_holds_between_its_dates(tmp_path: Path) -> None:
    policy = remote(tmp_path)
    refresh(policy, Server(document(1, "not_before = 2027-01-15T00:00:00Z\nexpires = 2027-02-01T00:00:00Z")))
    assert policy.accepted is not None
    start, end = 1_800_000_000 - 28800, 1_801_440_000
    assert "yet" in policy.accepted.refusal(start - 1, 10**9)
    assert policy.accepted.refusal(start, 10**9) == ""
    assert "expired" in policy.accepted.refusal(end, 10**9)


def test_kept_files_that_were_touched_do_not_hold(tmp_path: Path) -> None:
    refresh(remote(tmp_path), Server(document(1)))
    (tmp_path / "policy.toml").write_text(document(9).replace("metadata", "mask"))
    assert remote(tmp_path).accepted is None


@pytest.mark.parametrize("url", ["http://policy.example/p", "ftp://policy.example/p", "policy.example", "https://"])
def test_only_https_or_this_machine_is_asked(url: str) -> None:
    with pytest.raises(ConfigError, match="policy_url"):
        PolicySource(url, (OLD[1],), 60).check("f.toml")
    PolicySource("http://127.0.0.1:8080/p.toml", (OLD[1],), 60).check("f.toml")


def test_signatures_are_over_the_exact_bytes() -> None:
    signature = sign(b"a = 1\n", OLD[0]).encode()
    assert is_signed(b"a = 1\n", signature, [OTHER[1], OLD[1]])
    assert not is_signed(b"a = 1\r\n", signature, [OLD[1]])
    assert not is_signed(b"a = 1\n", signature, [OTHER[1]])
    assert not is_signed(b"a = 1\n", b"!!", [OLD[1]])


def test_a_key_that_is_none_says_how_to_make_one() -> None:
    with pytest.raises(ConfigError, match="keygen"):
        sign(b"", "ed25519:" + "A" * 44)


def test_a_date_put_into_the_kept_state_by_hand_does_not_renew_the_policy(tmp_path: Path) -> None:
    server = Server(document(3))
    policy = remote(tmp_path, max_age_s=60)
    refresh(policy, server)
    state = tmp_path / "state.json"
    kept = json.loads(state.read_text())
    kept["checked_s"] = NOW + 10_000
    state.write_text(json.dumps(kept))
    again = remote(tmp_path, max_age_s=60)
    assert again.accepted is not None
    assert "could not be confirmed" in again.accepted.refusal(NOW + 10_000, 60)
    refresh(again, server, NOW + 10_000)
    assert again.accepted.refusal(NOW + 10_000, 60) == ""
