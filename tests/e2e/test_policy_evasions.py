"""Ways around an organisation's policy, walked on a running collector: each is closed, and said so."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from e2e.test_policy_serving import PolicyServer, Running, remote

pytestmark = pytest.mark.slow
TOKEN = "gh" + "p_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"


MACHINE = """
name = "acme"
revision = 4
[rules.action]
github-token = "drop"
[defaults.rules]
disable = ["phone"]
[[content]]
level = "metadata"
kind = ["TOOL"]
"""
USERS = f"""
name = "acme"
revision = 99
[rules]
disable = ["github-token", "phone"]
[[rule]]
id = "mine"
pattern = "note [A-Za-z0-9_]{{8,60}}"
match = ["note {TOKEN}"]
no_match = ["note"]
"""
KINDS = ("TOOL", "TOOL ", "tool", " Tool\t")


@dataclass
class Walk:
    """What a running collector made of the texts that were sent it, by text, and its status."""

    spans: dict[str, dict[str, Any]]
    status: dict[str, Any]


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    directory = tmp_path_factory.mktemp("evasions")
    (directory / "mine.toml").write_text(USERS)
    running = Running(directory, MACHINE, str(directory / "mine.toml"))
    try:
        texts = {"overlap": f"before it note {TOKEN} and after it", "default": "phone +1 212 736 5000, please"}
        spans = [_span(name, "LLM", text) for name, text in texts.items()]
        spans += [_span(kind, kind, "please keep this to yourself") for kind in KINDS]
        body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()
        assert running.ask("POST", "/v1/traces", body)[0] == 200
        running.until(lambda: bool(running.upstream.bodies))
        (sent,) = running.upstream.bodies
        found = [
            span
            for resource in json.loads(sent)["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]
        named = {
            name: {pair["key"]: next(iter(pair["value"].values())) for pair in span["attributes"]}
            for name, span in zip((*texts, *KINDS), found, strict=True)
        }
        return Walk(named, running.ask("GET", "/api/status")[1])
    finally:
        running.stop()
        running.upstream.server.shutdown()


def _span(name: str, kind: str, text: str) -> dict[str, Any]:
    pairs = {"openinference.span.kind": kind, "input.value": text}
    return {
        "traceId": f"{1:032x}", "spanId": os.urandom(8).hex(), "name": name.strip(),
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in pairs.items()],
    }  # fmt: skip


def test_a_users_rule_over_a_locked_finding_does_not_soften_what_is_done(walk: Walk) -> None:
    """The user's rule begins before the token: by position it would win, with a placeholder."""
    assert walk.spans["overlap"]["input.value"].startswith("[REDACTED:github-token ")


def test_a_user_cannot_call_a_policy_the_organisations(walk: Walk) -> None:
    said = walk.spans["overlap"]
    assert (said["redaction.policy"], int(said["redaction.revision"])) == ("acme", 4)
    assert (said["redaction.user_policy"], int(said["redaction.user_revision"])) == ("acme", 99)


def test_a_default_that_turns_one_rule_off_opens_no_other(walk: Walk) -> None:
    assert "736" in walk.spans["default"]["input.value"]
    assert any("github-token" in notice for notice in walk.status["notices"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_that_is_written_another_way_is_the_same_kind(kind: str, walk: Walk) -> None:
    assert "keep this" not in str(walk.spans[kind])
    assert walk.spans[kind]["openinference.span.kind"]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[[str], Running]]:
    every: list[Running] = []

    def start(machine: str) -> Running:
        every.append(Running(tmp_path, machine))
        return every[-1]

    yield start
    for running in every:
        running.stop()
        running.upstream.server.shutdown()


def test_a_machine_folder_that_cannot_be_looked_at_blocks(run: Callable[[str], Running]) -> None:
    """Not found is the only answer that means there is no policy."""
    running = run("")
    running.stop()
    (running.machine / "policy.toml").unlink()
    running.machine.rmdir()
    running.machine.symlink_to(running.machine)
    running.start()
    assert running.say("please keep this to yourself") == 200
    code, answer = running.ask("GET", "/readyz")
    assert code == 503
    assert "cannot be followed" in answer["reason"]
    time.sleep(0.5)
    assert running.upstream.bodies == []


def test_a_date_put_into_the_kept_state_by_hand_does_not_prolong_a_policy(run: Callable[[str], Running]) -> None:
    server = PolicyServer('name = "acme"\nrevision = 1\n')
    running = run(remote(server, "1s"))
    running.until(running.ready)
    running.stop()
    server.down = True
    (path,) = (running.directory / "data").rglob("state.json")
    state = json.loads(path.read_text())
    for later in (0, 3600):
        state["checked_s"] = time.time() + later
        path.write_text(json.dumps(state))
        os.utime(path)
        running.start()
        assert running.say("please keep this to yourself") == 200
        code, answer = running.ask("GET", "/readyz")
        assert code == 503
        assert "could not be confirmed" in answer["reason"]
        running.stop()
    assert running.upstream.bodies == []
