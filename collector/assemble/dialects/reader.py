"""Items in, facts out: the door's reading of both generations of OpenCode (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from collector.assemble.dialects import v1, v2
from collector.assemble.dialects.hooks import HookReader
from collector.assemble.dialects.items import BadItem, HookCall, UnknownType, unwrap
from collector.assemble.dialects.lenient import milliseconds
from collector.assemble.facts import AnyFact
from collector.assemble.ids import time_in


class ItemReader:
    """Reads items one after the other; remembers only what hooks of OpenCode say before they say for whom."""

    def __init__(self) -> None:
        self._hooks = HookReader()
        self._last = 0

    def read(self, item: Any, now: int) -> Iterator[AnyFact | UnknownType]:
        """The facts in one item heard at `now` (ms); raises `BadItem` when it is none."""
        for found in unwrap(item):
            if isinstance(found, HookCall):
                if found.at is None:
                    found.at = self._last or now
                yield from self._hooks.read(found)
                continue
            stated = found.at or _stated_time(found.data)
            near = stated or self._last or now
            at = (time_in(found.id, near) if found.id else None) or near
            if stated:
                self._last = stated
            facts = v1.read(found, at) if found.generation == 1 else v2.read(found, at)
            if facts is None:
                yield UnknownType(f"{found.generation}:{found.type}")
            else:
                yield from facts


def _stated_time(data: dict[str, Any]) -> int | None:
    """The time an event of OpenCode 1 carries, where it does."""
    found = milliseconds(data.get("time"))
    if found:
        return found
    info = data.get("info")
    if isinstance(info, dict) and isinstance(info.get("time"), dict):
        times = info["time"]
        for name in ("updated", "completed", "created"):
            found = milliseconds(times.get(name))
            if found:
                return found
    return None


__all__ = ["BadItem", "ItemReader", "UnknownType"]
