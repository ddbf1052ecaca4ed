"""What OpenCode keeps of its sessions, whichever store holds it: the shape all readers share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

EventItem = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kept:
    """A session in a store; `updated` in milliseconds since the epoch."""

    id: str
    parent: str | None
    updated: int
    directory: str = ""


class HistorySource(Protocol):
    """A store of sessions; reading it changes nothing."""

    @property
    def name(self) -> str:
        """What a person would call it: its path."""

    def sessions(self) -> list[Kept]:
        """All sessions, the oldest first."""

    def items(self, session: str) -> Iterator[EventItem]:
        """What is kept of a session, in order, as items of `POST /v1/opencode/events`."""


def with_children(kept: Iterable[Kept], wanted: set[str]) -> list[Kept]:
    """The sessions wanted and those of their subagents, in the order they were in."""
    everything = list(kept)
    found = set(wanted)
    while more := {one.id for one in everything if one.parent in found and one.id not in found}:
        found |= more
    return [one for one in everything if one.id in found]


def data_folder(environ: Mapping[str, str], home: Path) -> Path:
    """OpenCode follows XDG on every system."""
    return Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "opencode"


def databases(environ: Mapping[str, str], home: Path) -> list[Path]:
    """The databases OpenCode uses here: the one it was told to, its own, and those of other channels."""
    folder = data_folder(environ, home)
    told = environ.get("OPENCODE_DB", "")
    found = [folder / told] if told else []
    found += sorted(folder.glob("opencode*.db"))
    return [path for path in dict.fromkeys(found) if path.is_file()]


def session_item(info: EventItem) -> EventItem:
    return {"type": "session.updated", "properties": {"sessionID": info.get("id"), "info": info}}


def message_item(info: EventItem) -> EventItem:
    return {"type": "message.updated", "properties": {"sessionID": info.get("sessionID"), "info": info}}


def whole_message(info: EventItem, parts: Iterable[EventItem]) -> Iterator[EventItem]:
    """A message in the order it came to be: begun, its parts, over.

    An import may have to wait between any two items, and a call that is over is told without what comes later.
    """
    times = info.get("time")
    begun = {key: value for key, value in info.items() if key not in ("finish", "error")}
    if isinstance(times, dict):
        begun["time"] = {key: value for key, value in times.items() if key != "completed"}
    yield message_item(begun)
    yield from map(part_item, parts)
    if begun != info:
        yield message_item(info)


def part_item(part: EventItem) -> EventItem:
    return {"type": "message.part.updated", "properties": {"sessionID": part.get("sessionID"), "part": part}}
