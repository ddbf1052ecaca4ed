"""Reading from OpenCode's own store what no client told: by itself, in a thread of the collector.

    the plugin dropped events of a session          that session, at once
    an OpenCode process ended, not all told         its sessions; then its turns are closed, for nothing more will come
    a turn is open that no living plugin tells of   its session, every minute
    the collector was away, or stood still          sessions that changed since it was last here

Only stores that a plugin named are read, and of one installed for a project only that project's sessions.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from collector.errors import CollectorError
from collector.opencode.client import EventClient
from collector.opencode.database import Database
from collector.opencode.files import Storage
from collector.opencode.history import EventItem, HistorySource, Kept, with_children

logger = logging.getLogger(__name__)

_FILE = "opencode-sources.json"
_LOOK_SECONDS = 1.0
_QUIET_SECONDS = 2.0
_ALONE_SECONDS = 60.0
_AGAIN_SECONDS = 60.0
_SAVE_SECONDS = 15.0
_STOOD_STILL_MS = 1_000
"""How much longer than meant it took to look again. No run of OpenCode is over in two seconds; one that fell into a
shorter gap was heard of before or after it."""
_MARGIN_MS = 60_000
_MOST_SOURCES = 100


@dataclass(slots=True)
class Source:
    """A store that plugins named, and whose sessions may be read: of all directories, or of these."""

    everything: bool = False
    directories: set[str] = field(default_factory=set)

    def allows(self, kept: Kept) -> bool:
        return self.everything or kept.directory in self.directories


@dataclass(frozen=True, slots=True)
class Agent:
    """A process in which a plugin runs, in one directory."""

    pid: int
    directory: str
    store: str
    since_ms: int


class CatchUp:
    """Looks for what was missed, from `start` until `stop`; `open_turns` says which sessions are not over."""

    def __init__(self, folder: Path, open_turns: Callable[[], list[dict[str, Any]]]) -> None:
        self._path = folder / _FILE
        self._open_turns = open_turns
        self._client: EventClient | None = None
        self._sources: dict[str, Source] = {}
        self._agents: set[Agent] = set()
        self._asked: dict[str, str] = {}  # session -> store
        self._complete: set[int] = set()  # processes that left having told everything
        self._looked: dict[str, float] = {}
        self._owed: dict[str, tuple[int, float]] = {}  # store -> since when it is to be read, and not before when
        self._here_ms = 0
        self._saved = 0.0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._told = threading.Event()
        self._thread = threading.Thread(target=self._run, name="catch-up", daemon=True)

    def start(self, client: EventClient) -> None:
        self._client = client
        self._load()
        self._thread.start()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._stopping.set()
            self._told.set()
            self._thread.join(timeout=3)

    def told(self, hooks: Iterable[EventItem]) -> None:
        """What plugins said of themselves."""
        for hook in hooks:
            about = hook.get("input")
            if not isinstance(about, dict) or not isinstance(about.get("database"), str):
                continue
            store = about["database"]
            with self._lock:
                if hook.get("hook") == "collector.dropped":
                    sessions = about.get("sessions")
                    self._asked.update({str(session): store for session in sessions or ()})
                    if about.get("complete") is True and not sessions:
                        self._complete.add(int(hook.get("pid") or 0))
                elif len(self._sources) < _MOST_SOURCES or store in self._sources:
                    self._met(hook, about, store)
                self._told.set()

    def _met(self, hook: EventItem, about: EventItem, store: str) -> None:
        source = self._sources.setdefault(store, Source())
        directory, pid = about.get("directory"), hook.get("pid")
        source.everything |= about.get("scope") == "global"
        if isinstance(directory, str):
            source.directories.add(directory)
            if isinstance(pid, int) and is_alive(pid):
                self._complete.discard(pid)
                known = any(agent.pid == pid and agent.directory == directory for agent in self._agents)
                if not known:
                    self._agents.add(Agent(pid, directory, store, int(hook.get("ts") or _now_ms())))

    # ---- the thread

    def _run(self) -> None:
        self._owe_since_last_here()
        self._read_owed()
        self._here_ms = _now_ms()
        while not self._stopping.is_set():
            pause = self._pause()
            told = self._told.wait(pause)
            self._told.clear()
            if not self._stopping.is_set():
                self._attempt(self._look, _LOOK_SECONDS if told else pause)
                self._here_ms = _now_ms()
        self._attempt(self._save)

    def _pause(self) -> float:
        """Seconds until it is worth looking again though no plugin says anything."""
        with self._lock:
            if self._agents or self._asked or self._owed or self._open_turns():
                return _LOOK_SECONDS
            return _QUIET_SECONDS if self._sources else _ALONE_SECONDS

    def _attempt(self, what: Callable[..., None], *of: Any) -> bool:
        """Do one thing whose failure must not keep others from being done: a store may be broken. Whether it was."""
        try:
            what(*of)
            return True
        except CollectorError as error:
            logger.warning("catching up: %s", error)
        except Exception as error:
            # Its text may quote a session.
            logger.error("catching up stopped (%s); going on", type(error).__name__)
        return False

    def _look(self, pause: float) -> None:
        if _now_ms() - self._here_ms > pause * 1000 + _STOOD_STILL_MS:
            self._owe_since_last_here()
        self._read_owed()
        with self._lock:
            asked, self._asked = self._asked, {}
            agents = set(self._agents)
        for session, store in asked.items():
            self._attempt(self._read, store, {session})
        gone = {agent for agent in agents if not is_alive(agent.pid)}
        living = agents - gone
        opened = {str(turn["session_id"]) for turn in self._open_turns()}
        for agent in gone:
            self._ended(agent, opened, living)
        self._tend(opened, living)
        if time.monotonic() - self._saved > _SAVE_SECONDS:
            self._save()

    def _ended(self, agent: Agent, opened: set[str], living: set[Agent]) -> None:
        """A process is gone: read what it left untold, then say that nothing more comes from its directory."""
        with self._lock:
            self._agents.discard(agent)
            told = agent.pid in self._complete
        if not told:
            self._attempt(self._read_changed, agent.store, agent.since_ms - _MARGIN_MS, agent.directory)
        if (opened or not told) and not any(other.directory == agent.directory for other in living):
            assert self._client is not None
            self._client.send([{"ts": _now_ms(), "pid": agent.pid, "dir": agent.directory, "hook": "dispose"}])

    def _tend(self, opened: set[str], living: set[Agent]) -> None:
        """Open turns that nobody living tells of; what a living plugin tells of needs no second reader."""
        now = time.monotonic()
        due = {session for session in opened if now - self._looked.get(session, 0.0) > _AGAIN_SECONDS}
        self._looked = {session: at for session, at in self._looked.items() if session in opened}
        self._looked |= dict.fromkeys(due, now)
        for store in list(self._sources) if due else ():
            self._attempt(self._read, store, due, {agent.directory for agent in living})

    def _owe_since_last_here(self) -> None:
        """What happened while no collector listened is to be read from every store."""
        for store in list(self._sources):
            self._owed.setdefault(store, (self._here_ms - _MARGIN_MS, 0.0))

    def _read_owed(self) -> None:
        """Read what is owed; a store that cannot be read now is tried again, for it may only be busy."""
        now = time.monotonic()
        for store, (since, due) in list(self._owed.items()):
            if due > now:
                continue
            if self._attempt(self._read_changed, store, since):
                del self._owed[store]
            else:
                self._owed[store] = (since, now + _AGAIN_SECONDS)

    def _read_changed(self, store: str, since_ms: int, directory: str | None = None) -> None:
        """Read the sessions of a store, or of one directory of it, that changed since then."""
        history = _open(store)
        if history is not None:
            found = [kept for kept in history.sessions() if kept.updated >= since_ms]
            self._read(store, {kept.id for kept in found if directory is None or kept.directory == directory})

    def _read(self, store: str, sessions: set[str], besides: Collection[str] = ()) -> None:
        history = _open(store)
        if history is None or not sessions or self._client is None:
            return
        source = self._sources.get(store, Source())
        for kept in with_children(history.sessions(), sessions):
            if source.allows(kept) and kept.directory not in besides and not self._stopping.is_set():
                self._client.send(history.items(kept.id))

    # ---- what is remembered over a restart

    def _load(self) -> None:
        try:
            found = json.loads(self._path.read_text())
            self._here_ms = int(found["here_ms"])
            self._sources = {
                str(store): Source(bool(known["everything"]), set(known["directories"]))
                for store, known in found["stores"].items()
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self._here_ms = _now_ms()

    def _save(self) -> None:
        self._saved = time.monotonic()
        with self._lock:
            stores = {
                store: {"everything": source.everything, "directories": sorted(source.directories)}
                for store, source in self._sources.items()
            }
        if not stores:
            return
        new = self._path.with_suffix(".new")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            json.dump({"here_ms": self._here_ms, "stores": stores}, out)
        new.replace(self._path)


def is_alive(pid: int) -> bool:
    """Whether a process of this machine has that id; one that cannot be asked counts as living."""
    if pid <= 0:
        return False
    if sys.platform == "win32":  # there `kill` would end it
        return _is_alive_on_windows(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except (OSError, IndexError):
        return True
    return state not in (b"Z", b"X")  # ended, and its parent has not asked yet


def _is_alive_on_windows(pid: int) -> bool:
    import ctypes

    kernel = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined,unused-ignore]
    handle = kernel.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
    if not handle:
        return False
    code = ctypes.c_ulong()
    kernel.GetExitCodeProcess(handle, ctypes.byref(code))
    kernel.CloseHandle(handle)
    return code.value == 259  # STILL_ACTIVE


def _open(store: str) -> HistorySource | None:
    """The database a plugin named, or the files that versions up to 1.1 keep beside it."""
    path = Path(store)
    if path.is_file():
        return Database(path)
    storage = path.parent / "storage"
    return Storage(storage) if (storage / "session").is_dir() else None


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
