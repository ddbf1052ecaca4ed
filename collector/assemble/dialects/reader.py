"""Items in, facts out: the door's reading of both generations of OpenCode (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from collector.assemble.dialects import v1, v2
from collector.assemble.dialects.hooks import HookReader
from collector.assemble.dialects.items import BadItem, HookCall, OpenCodeEvent, UnknownType, unwrap
from collector.assemble.dialects.lenient import milliseconds
from collector.assemble.facts import AnyFact


class ItemReader:
    """Reads items one after the other; remembers only what hooks of OpenCode say before they say for whom."""

    def __init__(self) -> None:
        self._hooks = HookReader()
        self._last = 0

    def read(self, item: Any, now: int) -> Iterable[AnyFact | UnknownType]:
        """The facts in one item heard at `now` (ms); raises `BadItem` when it is none, at once or on the way."""
        found = unwrap(item)
        if isinstance(found, (OpenCodeEvent, HookCall)):
            return self._facts(found, now)
        return (fact for event in found for fact in self._facts(event, now))

    def _facts(self, found: OpenCodeEvent | HookCall, now: int) -> Iterable[AnyFact | UnknownType]:
        if isinstance(found, HookCall):
            if found.at is None:
                found.at = self._last or now
            return self._hooks.read(found)
        self._last = found.at or _stated_time(found.data) or self._last
        near = self._last or now
        facts = v1.read(found, near) if found.generation == 1 else v2.read(found, near)
        return (UnknownType(f"{found.generation}:{found.type}"),) if facts is None else facts


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
