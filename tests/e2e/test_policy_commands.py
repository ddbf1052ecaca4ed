"""The commands an administrator and a developer use: check, test, show, sign, keygen, doctor, preview, redact."""

from __future__ import annotations

import gzip
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from harness.process import TREE_AND_START

TOKEN = "gh" + "p_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"
SPAN = {
    "traceId": "1" * 32, "spanId": "2" * 16, "name": "bash: rm notes", "attributes": [
        {"key": "openinference.span.kind", "value": {"stringValue": "TOOL"}},
        {"key": "tool.name", "value": {"stringValue": "bash"}},
        {"key": "input.value", "value": {"stringValue": f"rm notes; echo {TOKEN}"}},
    ],
}  # fmt: skip


def run(
    directory: Path, *arguments: str, stdin: str = "", code: int = 0, **environ: str
) -> subprocess.CompletedProcess[str]:
    names = {name: value for name, value in os.environ.items() if not name.startswith(("COLLECTOR_", "OPENINF"))}
    done = subprocess.run(
        [sys.executable, "-m", "collector", *arguments], input=stdin, capture_output=True, text=True, cwd=directory,
        timeout=60,
        env={**names, "PYTHONPATH": TREE_AND_START, "COLLECTOR_DATA_DIR": str(directory / "data"), **environ},
    )  # fmt: skip
    assert done.returncode == code, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(
        'schema = 1\nname = "acme"\nrevision = 2\n[[rule]]\nid = "acme-badge"\npattern = "ACME-[0-9]{8}"\n'
        'match = ["ACME-12345678"]\nno_match = ["ACME-1"]\n[[field]]\nkey = "note"\naction = "drop"\n'
    )
    return path


def test_check_says_ok_or_what_is_wrong(tmp_path: Path, policy: Path) -> None:
    assert "ok (acme)" in run(tmp_path, "policy", "check", str(policy)).stdout
    assert json.loads(run(tmp_path, "policy", "check", "--json", str(policy)).stdout)["revision"] == 2
    policy.write_text('moed = "mask"')
    done = run(tmp_path, "policy", "check", str(policy), code=2)
    assert done.stderr.strip() == f"collector: {policy}: moed: unknown key; did you mean mode?"


def test_check_without_a_file_looks_at_what_is_in_force(tmp_path: Path, policy: Path) -> None:
    assert "acme" in run(tmp_path, "policy", "check", COLLECTOR_POLICY_FILE=str(policy)).stdout


def test_a_wrong_policy_stops_every_command_that_needs_one(tmp_path: Path, policy: Path) -> None:
    policy.write_text('mode = "no"')
    for arguments in (("serve", "--port", "0"), ("preview", "-"), ("redact",), ("policy", "show")):
        assert "mode" in run(tmp_path, *arguments, "--policy", str(policy), code=2).stderr
    assert "no such file" in run(tmp_path, "redact", code=2, COLLECTOR_POLICY_FILE="nowhere.toml").stderr


def test_test_runs_examples_and_measures_texts_of_ones_own(tmp_path: Path, policy: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    text = f"key {TOKEN} here"
    lines = [
        {"text": text, "secrets": [{"start": 4, "end": 44}]},
        {"text": "ü " + text, "secrets": [{"start": 6, "end": 46}]},
    ]
    with gzip.open(corpus / "labelled.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(line) + "\n" for line in [*lines, {"text": "nothing here", "secrets": []}])
    (corpus / "plain.txt").write_text("ordinary words " * 1000)
    found = json.loads(run(tmp_path, "policy", "test", str(policy), "--corpus", str(corpus), "--json").stdout)
    assert {"rule": "acme-badge", "examples": 2, "failed": 0} in found["rules"]
    assert found["corpus"]["recall"] == found["corpus"]["precision"] == 1.0
    assert (found["corpus"]["labelled"], found["corpus"]["secrets"], found["corpus"]["by_rule"]) == (3, 2, {})


def test_show_names_the_layer_that_set_each_part(tmp_path: Path, policy: Path) -> None:
    found = json.loads(run(tmp_path, "policy", "show", "--effective", "--json", "--policy", str(policy)).stdout)
    layers = {row["key"]: row["layer"] for row in found["effective"]}
    assert layers["rule"] == layers["field[1]"] == str(policy)
    assert layers["limits.max_depth"] == "built-in"
    assert found["fingerprint"]
    shown = run(tmp_path, "policy", "show", "--effective", CATALYST_REDACT_CONTENT="true").stdout
    assert any(
        line.split()[:2] == ["mode", "metadata"] and "CATALYST_REDACT_CONTENT" in line for line in shown.splitlines()
    )


@pytest.mark.parametrize("preset", ["metadata-only", "no-tool-content", "secrets-and-pii", "secrets"])
def test_a_preset_can_be_printed_and_used_as_a_file(tmp_path: Path, preset: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(run(tmp_path, "policy", "show", "--preset", preset).stdout)
    run(tmp_path, "policy", "check", str(path))


def test_keys_are_made_for_their_owner_and_sign_what_can_be_read(tmp_path: Path, policy: Path) -> None:
    key = tmp_path / "key"
    public = run(tmp_path, "policy", "keygen", str(key)).stdout.strip()
    assert public.startswith("ed25519:")
    assert sys.platform == "win32" or stat.S_IMODE(key.stat().st_mode) == 0o600
    assert "exists" in run(tmp_path, "policy", "keygen", str(key), code=2).stderr
    run(tmp_path, "policy", "sign", str(policy), "--key", str(key))
    from collector.policy.signature import is_signed

    assert is_signed(policy.read_bytes(), (tmp_path / "policy.toml.sig").read_bytes(), [public])
    policy.write_text("nonsense = 1")
    run(tmp_path, "policy", "sign", str(policy), "--key", str(key), code=2)


def test_preview_shows_what_would_leave_under_a_preset(tmp_path: Path) -> None:
    document = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [SPAN]}]}]})
    masked = run(tmp_path, "preview", "-", stdin=document).stdout
    assert TOKEN not in masked
    assert "rm notes" in masked
    for preset in ("no-tool-content", "metadata-only"):
        left = run(tmp_path, "preview", "-", "--policy", preset, stdin=document).stdout
        assert "rm notes" not in left
        assert '"bash"' in left
        assert f'"{preset}"' in left


def test_redact_follows_the_policy(tmp_path: Path, policy: Path) -> None:
    text = f"badge ACME-12345678 and {TOKEN}"
    assert run(tmp_path, "redact", stdin=text).stdout == "badge ACME-12345678 and [REDACTED:github-token]"
    assert run(tmp_path, "redact", "--policy", str(policy), stdin=text).stdout == (
        "badge [REDACTED:acme-badge] and [REDACTED:github-token]"
    )
    line = json.dumps({"text": text})
    found = json.loads(run(tmp_path, "redact", "--jsonl", "--policy", str(policy), stdin=line).stdout)
    assert found["findings"][0] == {"rule": "acme-badge", "start": 6, "end": 19}


def test_doctor_proves_and_reports(tmp_path: Path, policy: Path) -> None:
    found = json.loads(run(tmp_path, "doctor", "--json", "--policy", str(policy)).stdout)
    checks = {each["check"]: each for each in found["findings"]}
    assert found["ok"]
    assert checks["self-test"]["level"] == "ok"
    assert "none survived" in checks["self-test"]["said"]
    assert "acme" in checks["policy"]["said"]
    assert {"settings", "policy", "engine", "self-test", "data directory", "collector"} <= checks.keys()


def test_doctor_says_when_a_destination_cannot_be_reached(tmp_path: Path) -> None:
    done = run(tmp_path, "doctor", "--json", code=1, COLLECTOR_UPSTREAM_ENDPOINT="http://127.0.0.1:9")
    findings = {each["check"]: each for each in json.loads(done.stdout)["findings"]}
    assert findings["destination 127.0.0.1:9"]["level"] == "problem"
    assert "connection refused" in findings["destination 127.0.0.1:9"]["said"]


def test_doctor_names_a_wrong_policy(tmp_path: Path, policy: Path) -> None:
    policy.write_text('mode = "no"')
    done = run(tmp_path, "doctor", "--policy", str(policy), code=1)
    assert "problem  policy" in done.stdout
