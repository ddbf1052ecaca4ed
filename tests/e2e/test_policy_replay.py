"""Trying another policy on what is kept and on files, and being told why something was masked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from harness.credentials import GITHUB
from harness.process import run, running
from harness.telemetry import FIXTURES, traces

from collector.otlp.write import to_json

pytestmark = pytest.mark.slow

pytestmark = pytest.mark.slow

MAIL = "ada@" + "example-mail.org"


def _replay(folder: Path, *arguments: str) -> tuple[int, dict[str, object]]:
    result = run(folder, "policy", "replay", "--json", *arguments)
    assert result.returncode in (0, 1), result.stderr
    return result.returncode, json.loads(result.stdout)


def test_a_stricter_policy_masks_more_of_what_is_kept_and_a_looser_one_nothing_less(tmp_path: Path) -> None:
    """What is kept is sealed: nothing that was masked can be had back."""
    with running(tmp_path, "--policy", "secrets") as collector:
        request = traces(2, {"input.value": f"write to {MAIL} with {GITHUB}"}, session="ses_a")
        collector.post("/v1/traces", request.SerializeToString())
        code, found = _replay(tmp_path, "--policy", "secrets-and-pii", "--fail-on", "more")
        collector.stop()
    assert code == 1
    assert found["rules"] == {"email": [2, 0]} and found["sessions"] == {"ses_a": [2, 0]}
    code, found = _replay(tmp_path, "--policy", "secrets")
    assert (code, found["rules"]) == (0, {})


def test_of_a_file_a_looser_policy_masks_less_and_fails_a_build(tmp_path: Path) -> None:
    file = tmp_path / "export.json"
    file.write_bytes(to_json(traces(2, {"input.value": f"write to {MAIL} with {GITHUB}"}, session="ses_b")))
    code, found = _replay(tmp_path, "--policy", "secrets", str(file))
    assert code == 1
    assert found["rules"] == {"email": [0, 2]} and found["sessions"] == {"ses_b": [0, 2]}
    assert _replay(tmp_path, "--policy", "secrets", "--fail-on", "never", str(file))[0] == 0
    assert _replay(tmp_path, "--policy", "secrets-and-pii", "--fail-on", "any", str(file))[0] == 0
    shown = run(tmp_path, "policy", "replay", "--policy", "secrets", str(file))
    assert b"0 findings more, 2 less" in shown.stdout and MAIL.encode() not in shown.stdout + shown.stderr


def test_events_of_opencode_are_replayed_as_well(tmp_path: Path) -> None:
    file = FIXTURES / "opencode" / "captures" / "multi_native" / "export.json.gz"
    code, found = _replay(tmp_path, "--policy", "metadata-only", "--as", "opencode", "--fail-on", "more", str(file))
    assert code == 1
    assert isinstance(found["items"], int) and found["items"] > 3


@pytest.mark.parametrize("arguments", [(), ("--policy", "secrets", "--fail-on", "x"), ("--policy", "absent.toml")])
def test_what_cannot_be_meant_is_a_usage_error(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert run(tmp_path, "policy", "replay", *arguments).returncode == 2


def test_redact_explains_which_rule_and_layer_and_how_to_allow_it(tmp_path: Path) -> None:
    result = run(tmp_path, "redact", "--explain", stdin=f"a\nkey {GITHUB} {MAIL}".encode())
    assert result.stdout.startswith(b"a\nkey [REDACTED:github-token] ")
    first, second = result.stderr.decode().splitlines()
    assert first.startswith("line 2, column 5: github-token (secrets, known by its own format), placeholder")
    assert 'disable = ["github-token"]' in first
    assert "email" in second and MAIL not in result.stderr.decode()


def test_redact_explains_a_rule_of_the_users_own(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text("""
[[rule]]
id = "badge"
pattern = 'BADGE-[0-9]{4}'
match = ["BADGE-1234"]
no_match = ["BADGE-1"]
""")
    line = json.dumps({"text": "BADGE-1234"}).encode()
    result = run(tmp_path, "redact", "--jsonl", "--explain", "--policy", str(policy), stdin=line)
    [finding] = json.loads(result.stdout)["findings"]
    assert "a rule of the policy's own" in finding["why"] and "policy.toml has it on" in finding["why"]
