"""An import takes little memory, however much there is to import."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from harness.kept_sessions import database
from harness.process import command, environment, memory, running
from harness.upstream import wait_for

_MOST = 176 * 1024 * 1024
"""Bytes; of the collector, 147 MiB were measured for many sessions and 160 for the long one, of the command 45."""


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.skipif(sys.platform != "linux", reason="the system does not say how much a process held at most")
@pytest.mark.parametrize(("sessions", "turns"), [(500, 20), (1, 800)], ids=["many sessions", "one long session"])
def test_neither_process_of_an_import_takes_much_memory(tmp_path: Path, sessions: int, turns: int) -> None:
    """10,000 turns, and a session whose every call holds as much of its conversation as a span may."""
    kept = database(tmp_path / "opencode.db", sessions, turns)
    with running(tmp_path, COLLECTOR_TURN_QUIET_SECONDS="30") as collector:
        importing = subprocess.Popen(
            command("opencode", "import", str(kept)), cwd=tmp_path, env=environment(tmp_path),
            stdout=subprocess.PIPE,
        )  # fmt: skip
        most = 0
        while importing.poll() is None:
            most = max(most, memory(importing.pid, "VmHWM"))
            time.sleep(0.1)
        assert importing.returncode == 0
        wait_for(lambda: not collector.get("/api/status")["opencode"]["open_turns"], 300)
        assert collector.account()["received"] == sessions * turns * 4
        assert 0 < most < _MOST
        assert memory(collector.pid, "VmHWM") < _MOST
