"""`collector opencode install` waits for OpenCode's first event where a person looks on; if none comes, it says why."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.process import command, environment, run, running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals there"),
]

INSTALL = ("opencode", "install", "--opencode-version", "1.18.33")
EVENT = json.dumps({"type": "session.idle", "properties": {"sessionID": "ses_1"}}).encode()


def _heed_ctrl_c() -> None:
    """A shell has what it starts in the background ignore it, tests too; at a terminal nothing does."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _at_a_terminal(
    directory: Path, *arguments: str, waiting: Callable[[int], object] = lambda pid: None, **extra: str
) -> tuple[int, str]:
    """The exit code and all that a person sees; `waiting` is called once the command says that it waits."""
    import pty

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command(*INSTALL, *arguments),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(directory, **extra),
        cwd=directory,
        preexec_fn=_heed_ctrl_c,
    )
    os.close(theirs)
    seen, called = b"", False
    with process, contextlib.suppress(OSError):  # the terminal's end
        while some := os.read(ours, 65536):
            seen += some
            if not called and b"Ctrl-C" in seen:
                called = True
                waiting(process.pid)
    os.close(ours)
    return process.returncode, seen.decode()


def test_at_a_terminal_it_waits_and_says_that_events_arrive(tmp_path: Path) -> None:
    with running(tmp_path) as collector:
        code, seen = _at_a_terminal(
            tmp_path, waiting=lambda _: collector.post("/v1/opencode/events", EVENT, "application/x-ndjson")
        )
    assert code == 0
    assert seen.index("installed in") < seen.index("waiting for OpenCode's first event") < seen.index("events arrive")
    assert "5 minutes at most" in seen


def test_into_a_pipe_it_waits_only_where_asked(tmp_path: Path) -> None:
    with running(tmp_path):
        found = run(tmp_path, *INSTALL)
        assert (found.returncode, found.stderr) == (0, b"")
        asked = run(tmp_path, *INSTALL, "--wait", "--wait-seconds", "1")
    assert asked.returncode == 1
    assert b"no event came within 1 s" in asked.stderr
    assert b"`collector doctor`" in asked.stderr


def test_no_event_is_no_failure_of_installing(tmp_path: Path) -> None:
    with running(tmp_path):
        code, seen = _at_a_terminal(tmp_path, "--wait-seconds", "1")
        assert _at_a_terminal(tmp_path, "--no-wait") == (0, "installed already\r\n")
    assert code == 0
    assert "no event came within 1 s" in seen


def test_without_a_collector_it_says_how_to_start_one(tmp_path: Path) -> None:
    code, seen = _at_a_terminal(tmp_path, COLLECTOR_PORT="1")
    assert code == 0
    assert "no collector runs at http://127.0.0.1:1: start `collector serve`" in seen
    asked = run(tmp_path, *INSTALL, "--wait", COLLECTOR_PORT="1")
    assert (asked.returncode, b"start `collector serve`" in asked.stderr) == (1, True)


def test_the_waiting_can_be_ended(tmp_path: Path) -> None:
    with running(tmp_path):
        code, seen = _at_a_terminal(tmp_path, waiting=lambda pid: os.kill(pid, signal.SIGINT))
    assert code == 0
    assert "no longer waiting; the plugin is installed" in seen


def test_it_asks_the_collector_that_the_plugin_is_told(tmp_path: Path) -> None:
    """With --url another one than that of the settings, which may run too."""
    with running(tmp_path):
        code, seen = _at_a_terminal(tmp_path, "--url", "http://127.0.0.1:1")
    assert code == 0
    assert "no collector runs at http://127.0.0.1:1" in seen
