"""Sessions in files: OpenCode's own JSON storage (up to 1.1), and what `opencode export` wrote.

storage/session/<project>/<session>.json
storage/message/<session>/<message>.json
storage/part/<message>/<part>.json
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from collector.errors import CollectorError
from collector.opencode import messages2
from collector.opencode.history import EventItem, Kept, message_item, part_item, session_item


class Storage:
    """The folder `storage` in OpenCode's data folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def name(self) -> str:
        return str(self._folder)

    def sessions(self) -> list[Kept]:
        """All sessions, the oldest first."""
        found = [_kept(info) for path in self._folder.glob("session/*/*.json") if (info := _read(path))]
        return sorted((kept for kept in found if kept.id), key=lambda kept: (kept.updated, kept.id))

    def items(self, session: str) -> Iterator[EventItem]:
        for path in self._folder.glob(f"session/*/{_plain(session)}.json"):
            if info := _read(path):
                yield session_item(info)
        messages = [info for path in self._folder.glob(f"message/{_plain(session)}/*.json") if (info := _read(path))]
        for info in sorted(messages, key=lambda info: str(info.get("id"))):
            yield message_item({"sessionID": session, **info})
            for path in sorted(self._folder.glob(f"part/{_plain(str(info.get('id')))}/*.json")):
                if part := _read(path):
                    yield part_item({"sessionID": session, "messageID": info.get("id"), **part})


class Export:
    """A file that `opencode export` wrote: `{info, messages: [{info, parts}]}`.

    Raises `CollectorError` when it is none; one cut at 64 KiB says so (a pipe that is read slowly cuts it).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            text = path.read_bytes()
            found = json.loads(text[text.index(b"{") :])
        except OSError as error:
            raise CollectorError(f"{path} cannot be read ({error.strerror})") from None
        except ValueError:
            cut = ": it was cut by a pipe, export again with > FILE" if len(text) % 65536 == 0 and text else ""
            raise CollectorError(f"{path} is no export of OpenCode{cut}") from None
        if not isinstance(found, dict) or not isinstance(found.get("messages"), list):
            raise CollectorError(f"{path} is no export of OpenCode")
        self._info: EventItem = found["info"] if isinstance(found.get("info"), dict) else found.get("session") or {}
        self._messages = [message for message in found["messages"] if isinstance(message, dict)]

    @property
    def name(self) -> str:
        return str(self._path)

    def sessions(self) -> list[Kept]:
        return [_kept(self._info)]

    def items(self, session: str) -> Iterator[EventItem]:
        if any("info" not in message and "type" in message for message in self._messages):
            yield from messages2.events(self._info, self._messages)
            return
        yield from told({"info": self._info, "messages": self._messages})


def told(export: EventItem) -> Iterator[EventItem]:
    """A session with its messages and parts, as OpenCode 1 exports and serves it."""
    info, session = export["info"], export["info"].get("id")
    yield session_item(info)
    for message in export["messages"]:
        about = message.get("info")
        if isinstance(about, dict):
            yield message_item({"sessionID": session, **about})
            parts = (part for part in message.get("parts") or () if isinstance(part, dict))
            yield from (part_item({"sessionID": session, "messageID": about.get("id"), **part}) for part in parts)


def _kept(info: EventItem) -> Kept:
    times = info.get("time")
    updated = times.get("updated", 0) if isinstance(times, dict) else 0
    return Kept(str(info.get("id", "")), info.get("parentID"), int(updated or 0), str(info.get("directory") or ""))


def _read(path: Path) -> EventItem | None:
    """A file that another process may just be writing: what cannot be read yet is left out."""
    try:
        found: Any = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _plain(name: str) -> str:
    """An id as part of a path; what is none must not reach other folders."""
    return name if name.replace("_", "").isalnum() else "none"
