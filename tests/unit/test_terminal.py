"""Telemetry cannot steer the terminal it is shown in, nor turn text around there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from harness.process import command, environment, run, running
from harness.telemetry import traces
from hypothesis import given
from hypothesis import strategies as st

from collector.cli.show import json_text, printable

STEERING = "\x1b[2J\x9b31m\x07\x7f\u202e\u2066\u200f\u061c\r\b"
"""Escape sequences in both forms, bell, delete, bidi controls, and what moves the cursor back."""

JSON = st.recursive(
    st.text() | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(value=JSON, indent=st.sampled_from([None, 2]))
def test_json_says_the_same_and_holds_nothing_but_what_shows_itself(value: Any, indent: int | None) -> None:
    text = json_text(value, indent)
    assert text.replace("\n", "").isprintable()
    assert json.loads(text) == value


@given(text=st.text())
def test_a_line_for_people_holds_nothing_but_what_shows_itself(text: str) -> None:
    assert printable(text).isprintable()


def _shown(output: bytes) -> str:
    return output.decode("utf-8").replace("\n", "")


@pytest.mark.slow
def test_no_command_passes_steering_on(tmp_path: Path) -> None:
    request = traces(1, {"input.value": f"before {STEERING} after"}, session=f"ses{STEERING}")
    with running(tmp_path) as collector:
        assert collector.post("/v1/traces", request.SerializeToString())[0] == 200
        for reading in ("sessions", "traces", "spans"):
            for form in ([], ["--json"]):
                found = run(tmp_path, reading, *form)
                assert found.returncode == 0, found.stderr
                assert _shown(found.stdout).isprintable(), (reading, form, found.stdout)
                assert b"ses" in found.stdout or reading != "sessions"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals there")
@pytest.mark.parametrize("form", [["redact"], ["redact", "--jsonl"]])
def test_what_is_written_to_a_terminal_can_be_shown(tmp_path: Path, form: list[str]) -> None:
    """Into a pipe the bytes go as they are."""
    import pty

    given = (
        json.dumps({"text": STEERING}, ensure_ascii=False) if len(form) > 1 else STEERING.replace("\r", "")
    ).encode()
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command(*form), stdin=subprocess.PIPE, stdout=theirs, env=environment(tmp_path), cwd=tmp_path
    ) as process:
        process.communicate(given, timeout=60)
    os.close(theirs)
    written = os.read(ours, 65536).decode("utf-8")
    os.close(ours)
    assert written.replace("\r\n", "").replace("\n", "").isprintable(), repr(written)
    if len(form) == 1:
        assert run(tmp_path, *form, stdin=given).stdout == given
