"""Bringing kept sessions in: which, in what order, and remembering how far it got.

What was sent is remembered by session and the time it last changed, so that an import that was stopped goes on
where it was, and a later one sends only what is new. Sending twice would do no harm: the ids are the same.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from pathlib import Path

from collector.errors import CollectorError, ConfigError
from collector.opencode.client import EventClient
from collector.opencode.database import Database
from collector.opencode.files import Export, Storage
from collector.opencode.history import EventItem, HistorySource, Kept, data_folder, databases, with_children

_STATE_FILE = "opencode-import.json"
_LONG_MS = 600_000
_CROWDED = 0.85
_MIB = 1024 * 1024
_UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}


@dataclass(frozen=True, slots=True)
class SessionFilter:
    """Which sessions: those named with their subagents, or those changed since; `again` also what was sent before."""

    sessions: frozenset[str] = frozenset()
    since_ms: int = 0
    again: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """One session to send."""

    source: HistorySource
    kept: Kept


class Progress:
    """What was sent before, in a file of the data directory."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _STATE_FILE
        self._sent: dict[str, dict[str, int]] = {}
        try:
            found = json.loads(self._path.read_text())
            self._sent = {str(source): dict(sessions) for source, sessions in found.items()}
        except (OSError, ValueError, AttributeError, TypeError):
            pass  # nothing was sent yet, or it is not known: sending again does no harm

    def has(self, task: Task) -> bool:
        return self._sent.get(_key(task.source), {}).get(task.kept.id, -1) >= task.kept.updated

    def done(self, task: Task) -> None:
        """Remember a session before the next one is begun."""
        self._sent.setdefault(_key(task.source), {})[task.kept.id] = task.kept.updated
        new = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
                json.dump(self._sent, out)
            new.replace(self._path)
        except OSError as error:
            raise CollectorError(f"{self._path} cannot be written: {error.strerror}") from None


def sources(given: Iterable[Path], environ: Mapping[str, str], home: Path) -> list[HistorySource]:
    """The stores to read: the files given, or all that OpenCode keeps here. Raises `CollectorError`."""
    paths = list(given)
    if paths:
        return [_open(path) for path in paths]
    found: list[HistorySource] = [Database(path) for path in databases(environ, home)]
    storage = data_folder(environ, home) / "storage"
    if (storage / "session").is_dir():
        found.append(Storage(storage))
    if not found:
        raise CollectorError(f"OpenCode keeps nothing in {data_folder(environ, home)}: name a file to import")
    return found


def _open(path: Path) -> HistorySource:
    if path.is_dir():
        storage = path if (path / "session").is_dir() else path / "storage"
        if not (storage / "session").is_dir():
            raise CollectorError(f"{path} holds no sessions of OpenCode")
        return Storage(storage)
    try:
        with path.open("rb") as file:
            is_database = file.read(16).startswith(b"SQLite format 3")
    except OSError as error:
        raise CollectorError(f"{path} cannot be read ({error.strerror})") from None
    return Database(path) if is_database else Export(path)


def planned(found: Iterable[HistorySource], wanted: SessionFilter, progress: Progress) -> list[Task]:
    """What is to be sent, parents before subagents; a session that two stores keep is read from the first."""
    tasks: dict[str, Task] = {}
    for source in found:
        kept = source.sessions()
        if wanted.sessions:
            kept = with_children(kept, set(wanted.sessions))
        for one in kept:
            if wanted.sessions or one.updated >= wanted.since_ms:
                tasks.setdefault(one.id, Task(source, one))
    missing = wanted.sessions - tasks.keys()
    if missing:
        raise CollectorError(f"OpenCode keeps no session {', '.join(sorted(missing))}")
    left = [task for task in tasks.values() if wanted.again or wanted.sessions or not progress.has(task)]
    return sorted(left, key=lambda task: (task.kept.parent is not None, task.kept.updated))


def send(
    tasks: Iterable[Task],
    client: EventClient,
    progress: Progress,
    told: Callable[[Task, int], None],
    sent: Callable[[int], None] = lambda _: None,
) -> int:
    """Send session after session; `told` hears of each with its count of events. Returns the events sent.

    `sent` hears of the events as they are sent: a session may hold all there is.
    """
    total = 0
    for task in tasks:
        count = client.send(_with_end(task, int(time.time() * 1000)), sent)
        progress.done(task)
        total += count
        told(task, count)
    return total


def crowded(used_bytes: int, most_bytes: int) -> str | None:
    """What to tell of a store that gives up old sessions for those that were imported; None while it has room."""
    if used_bytes < most_bytes * _CROWDED:
        return None
    return (
        f"the store is full ({used_bytes // _MIB} of {most_bytes // _MIB} MiB, COLLECTOR_MAX_STORE_BYTES):"
        " it forgets the sessions that ended first to make room, imported ones too"
    )


def _with_end(task: Task, now_ms: int) -> Iterator[EventItem]:
    """What is kept holds no sign that the agent stopped: that nothing was added for long is one."""
    yield from task.source.items(task.kept.id)
    if now_ms - task.kept.updated > _LONG_MS:
        told = {"sessionID": task.kept.id, "time": task.kept.updated}
        yield {"type": "session.idle", "properties": told}


def since(text: str) -> int:
    """`7d`, `12h`, `2w` ago or a date, in milliseconds since the epoch; raises `ConfigError`."""
    if found := re.fullmatch(r"(\d{1,6})([mhdw])", text.strip()):
        return int((time.time() - int(found[1]) * _UNITS[found[2]]) * 1000)
    try:
        return int(datetime.fromisoformat(text.strip()).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise ConfigError(f"--since {text}: give a time like 7d, 12h or 2026-01-31") from None


def _key(source: HistorySource) -> str:
    """A path says where someone works; its digest is enough to know it again."""
    return blake2b(source.name.encode("utf-8", "replace"), digest_size=8).hexdigest()
