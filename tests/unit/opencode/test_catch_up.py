"""Reading by itself what no door told: when, of which sessions, and not more than that."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from collector.opencode.catch_up import CatchUp, is_alive

Json = dict[str, Any]


def now() -> int:
    """Told when it is asked for: these tests may run minutes after they were collected."""
    return int(time.time() * 1000)


class SentItems:
    """A door that keeps what it is sent."""

    def __init__(self) -> None:
        self.items: list[Json] = []

    def send(self, items: Iterable[Json]) -> int:
        self.items += items
        return len(self.items)

    def sessions(self) -> set[str]:
        return {item["aggregate_id"] for item in self.items if "aggregate_id" in item}

    def ended(self) -> list[str]:
        return [item["dir"] for item in self.items if item.get("hook") == "dispose"]


def store(path: Path, **sessions: tuple[str, int]) -> Path:
    """A database with sessions by name: their directory and when they changed."""
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE session (id text, parent_id text, directory text, time_updated integer)")
        db.execute("CREATE TABLE event (id text, aggregate_id text, seq integer, type text, data text)")
        for name, (directory, updated) in sessions.items():
            db.execute("INSERT INTO session VALUES (?, NULL, ?, ?)", (name, directory, updated))
            db.execute("INSERT INTO event VALUES (?, ?, 0, 'session.created.1', '{}')", (f"evt_{name}", name))
    db.close()
    return path


def hello(path: Path, directory: str, pid: int, scope: str = "global") -> Json:
    about = {"directory": directory, "scope": scope, "database": str(path)}
    return {"hook": "__init__", "ts": now(), "pid": pid, "dir": directory, "input": about}


def dropped(path: Path, *sessions: str, pid: int = 1, complete: bool = False) -> Json:
    about = {"sessions": dict.fromkeys(sessions, 1), "complete": complete, "database": str(path)}
    return {"hook": "collector.dropped", "ts": now(), "pid": pid, "input": about}


class Running:
    """A catch-up that looks for what is due a moment after it was told something."""

    def __init__(self, folder: Path) -> None:
        self.door, self.open = SentItems(), list[Json]()
        self.catch_up = CatchUp(folder, lambda: self.open)

    def start(self) -> None:
        self.catch_up.start(self.door)  # type: ignore[arg-type]

    def until(self, claim: Callable[[], bool], seconds: float = 40) -> None:
        deadline = time.monotonic() + seconds
        while not claim():
            assert time.monotonic() < deadline, self.door.items
            time.sleep(0.02)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    found = Running(tmp_path)
    yield found
    found.catch_up.stop()


@pytest.fixture
def agent() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def test_a_session_with_dropped_events_is_read_at_once(tmp_path: Path, running: Running) -> None:
    path = store(tmp_path / "opencode.db", ses_a=("/p", now()), ses_b=("/p", now()))
    running.start()
    running.catch_up.told([hello(path, "/p", os.getpid()), dropped(path, "ses_a")])
    running.until(lambda: running.door.sessions() == {"ses_a"})
    assert running.door.ended() == []


def test_what_a_killed_process_left_is_read_and_its_turns_end(
    tmp_path: Path, running: Running, agent: subprocess.Popen[bytes]
) -> None:
    """Otherwise they would stay open until nothing was heard for ten minutes."""
    path = store(tmp_path / "opencode.db", ses_a=("/p", now()), ses_old=("/p", 5), ses_q=("/q", now()))
    running.start()
    running.catch_up.told([hello(path, "/p", agent.pid)])
    running.open.append({"session_id": "ses_a"})
    agent.kill()  # and nobody asks for its end: it stays in the table of processes
    running.until(lambda: running.door.ended() == ["/p"])
    assert running.door.sessions() == {"ses_a"}


def test_a_process_that_told_everything_leaves_nothing_to_read(
    tmp_path: Path, running: Running, agent: subprocess.Popen[bytes]
) -> None:
    path = store(tmp_path / "opencode.db", ses_a=("/p", now()))
    running.start()
    running.catch_up.told([hello(path, "/p", agent.pid), dropped(path, pid=agent.pid, complete=True)])
    agent.kill()
    agent.wait()
    time.sleep(2.5)
    assert running.door.items == []


def test_turns_do_not_end_while_another_process_works_there(
    tmp_path: Path, running: Running, agent: subprocess.Popen[bytes]
) -> None:
    path = store(tmp_path / "opencode.db", ses_a=("/p", now()))
    running.start()
    running.catch_up.told([hello(path, "/p", agent.pid), hello(path, "/p", os.getpid())])
    running.open.append({"session_id": "ses_a"})
    agent.kill()
    running.until(lambda: running.door.sessions() == {"ses_a"})
    time.sleep(1.2)
    assert running.door.ended() == []


def test_sessions_of_the_time_it_was_away_are_read_at_the_next_start(tmp_path: Path) -> None:
    path = store(tmp_path / "opencode.db", ses_old=("/p", now() - 10_000_000), ses_new=("/p", now() + 5000))
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"no database at all")
    first = Running(tmp_path)
    first.start()
    first.catch_up.told([hello(broken, "/b", os.getpid()), hello(path, "/p", os.getpid())])
    first.catch_up.stop()
    kept = tmp_path / "opencode-sources.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    second = Running(tmp_path)
    second.start()
    second.until(lambda: second.door.sessions() == {"ses_new"})
    second.catch_up.stop()


def test_a_collector_that_stood_still_reads_what_changed_meanwhile(
    tmp_path: Path, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole `opencode run` fits into three seconds, and its plugin waits for nobody."""
    path = store(tmp_path / "opencode.db", ses_old=("/p", now() - 10_000_000), ses_new=("/p", now()))
    ahead = 0
    monkeypatch.setattr("collector.opencode.catch_up._now_ms", lambda: now() + ahead)
    running.start()
    running.catch_up.told([hello(path, "/p", os.getpid())])
    time.sleep(0.5)
    ahead = 1500  # beside the second between two looks
    running.until(lambda: running.door.sessions() == {"ses_new"})


def test_a_store_that_could_not_be_read_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenCode may be writing to it just then."""
    monkeypatch.setattr("collector.opencode.catch_up._AGAIN_SECONDS", 0.5)
    path = tmp_path / "opencode.db"
    path.write_bytes(b"no database yet")
    first = Running(tmp_path)
    first.start()
    first.catch_up.told([hello(path, "/p", os.getpid())])
    first.catch_up.stop()
    second = Running(tmp_path)
    second.start()
    time.sleep(0.3)
    path.unlink()
    store(path, ses_new=("/p", now() + 5000))
    second.until(lambda: second.door.sessions() == {"ses_new"})
    second.catch_up.stop()


def test_of_a_project_plugin_only_that_project_is_read(tmp_path: Path) -> None:
    """OpenCode keeps all projects in one file; nobody asked for the others to be traced."""
    path = store(tmp_path / "opencode.db", ses_p=("/p", now() + 5000), ses_q=("/q", now() + 5000))
    first = Running(tmp_path)
    first.start()
    first.catch_up.told([hello(path, "/p", os.getpid(), "project"), dropped(path, "ses_p", "ses_q")])
    first.until(lambda: first.door.sessions() == {"ses_p"})
    first.catch_up.stop()
    second = Running(tmp_path)
    second.start()
    second.until(lambda: second.door.sessions() == {"ses_p"})
    second.catch_up.stop()
    assert second.door.sessions() == {"ses_p"}


def test_a_store_that_no_plugin_named_is_not_read(tmp_path: Path, running: Running) -> None:
    path = store(tmp_path / "opencode.db", ses_a=("/p", now()))
    running.start()
    running.catch_up.told([dropped(path, "ses_a")])
    time.sleep(1.5)
    assert running.door.items == []


@pytest.mark.parametrize("content", [b"", b"no database at all", b"SQLite format 3\0" + b"x" * 200])
def test_a_broken_store_stops_nothing(tmp_path: Path, running: Running, content: bytes) -> None:
    bad, good = tmp_path / "bad.db", store(tmp_path / "opencode.db", ses_a=("/p", now()))
    bad.write_bytes(content)
    running.start()
    running.catch_up.told([hello(bad, "/b", os.getpid()), hello(good, "/p", os.getpid()), dropped(bad, "ses_x")])
    time.sleep(1.2)
    running.catch_up.told([dropped(good, "ses_a")])
    running.until(lambda: running.door.sessions() == {"ses_a"})


ODD = {"hook": "__init__", "pid": "x", "input": {"database": "/no", "directory": 3}}


@pytest.mark.parametrize("line", [{}, {"input": 1}, {"input": {"database": 1}}, ODD])
def test_odd_lines_are_no_trouble(tmp_path: Path, running: Running, line: Json) -> None:
    running.catch_up.told([line])
    (tmp_path / "opencode-sources.json").write_text(json.dumps(["not", "ours"]))
    running.start()
    time.sleep(0.1)
    assert running.door.items == []


def test_a_process_that_ended_unasked_is_not_alive() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    deadline = time.monotonic() + 10
    while is_alive(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(process.pid)
    assert is_alive(os.getpid())
    process.wait()
