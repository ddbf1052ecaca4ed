"""An import takes little memory, however much there is to import, and goes on after it was killed."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from harness.kept_sessions import database
from harness.process import command, environment, memory, run, running
from harness.upstream import wait_for

_MB = 1_000_000
_OF_THE_COMMAND = 60 * _MB
"""48 MB were measured."""
_SOAK = (pytest.mark.soak, pytest.mark.timeout(3600))


def _count(folder: Path, query: str) -> int:
    """Asked of the file: to answer on its page, the collector would load that."""
    with closing(sqlite3.connect(f"{(folder / 'data' / 'collector.db').as_uri()}?mode=ro", uri=True)) as store:
        return int(store.execute(query).fetchone()[0])


def _waiting(folder: Path) -> int:
    return _count(folder, "SELECT count(*) FROM inbox WHERE message_id <> ''")


def _kept(folder: Path) -> int:
    return _count(folder, "SELECT coalesce(sum(items), 0) FROM ledger WHERE outcome = 'received'")


def _begun(folder: Path, file: Path) -> subprocess.Popen[bytes]:
    arguments = command("opencode", "import", str(file))
    return subprocess.Popen(arguments, cwd=folder, env=environment(folder), stdout=subprocess.PIPE)


@pytest.mark.timeout(240)
@pytest.mark.skipif(sys.platform != "linux", reason="the system does not say how much a process held at most")
@pytest.mark.parametrize(
    ("sessions", "turns", "most_mb"),
    [
        pytest.param(50, 20, 135, id="some sessions"),
        pytest.param(1, 300, 125, id="one session"),
        pytest.param(500, 20, 150, id="many sessions", marks=_SOAK),
        pytest.param(1, 1500, 150, id="one long session", marks=_SOAK),
        pytest.param(1, 3000, 150, id="a session twice as long", marks=_SOAK),
    ],
)
def test_neither_process_of_an_import_takes_much_memory(
    tmp_path: Path, sessions: int, turns: int, most_mb: int
) -> None:
    """10,000 turns, and a session whose every call holds as much of its conversation as a span may."""
    file = database(tmp_path / "opencode.db", sessions, turns)
    with running(tmp_path, COLLECTOR_TURN_QUIET_SECONDS="30") as collector:
        importing = _begun(tmp_path, file)
        most = 0
        while importing.poll() is None:
            most = max(most, memory(importing.pid, "VmHWM"))
            time.sleep(0.1)
        assert importing.returncode == 0
        wait_for(lambda: not _waiting(tmp_path), 300)
        held = memory(collector.pid, "VmHWM")
        assert _kept(tmp_path) == sessions * turns * 4
    assert 0 < most < _OF_THE_COMMAND
    assert held < most_mb * _MB


@pytest.mark.timeout(240)
@pytest.mark.parametrize(("sessions", "turns"), [(40, 10), (1, 150)], ids=["between sessions", "within one"])
def test_an_import_that_was_killed_goes_on_and_tells_all_of_it_once(tmp_path: Path, sessions: int, turns: int) -> None:
    file, whole = database(tmp_path / "opencode.db", sessions, turns), sessions * turns * 4
    with running(tmp_path, COLLECTOR_TURN_QUIET_SECONDS="30"):
        killed = _begun(tmp_path, file)
        wait_for(lambda: _waiting(tmp_path) + _kept(tmp_path) > 0, 60)
        killed.kill()
        assert killed.wait(10) == -9
        wait_for(lambda: not _waiting(tmp_path), 60)
        assert _kept(tmp_path) < whole
        assert run(tmp_path, "opencode", "import", str(file)).returncode == 0
        wait_for(lambda: _kept(tmp_path) >= whole, 120)
        assert _kept(tmp_path) == whole
        assert _count(tmp_path, "SELECT count(*) FROM spans") == whole
