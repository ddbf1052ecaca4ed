"""The forms an item may have, told apart and taken out of their envelopes (pure).

bare event of OpenCode 1     {id?, type, properties}
bare event of OpenCode 2     {id, created, type, durable?, location?, data}
global event                 {directory, project?, payload}, the payload an event or {type: "sync", syncEvent}
history row                  {id, aggregate_id, seq, type: "message.updated.1", data}
plugin line                  {ts, pid, dir, hook, input, output}
recorded line                {ts, data: any of these}; of OpenCode 2 {ts, event} and {ts, dom, name, ev}, a hook
export                       {info, messages: [{info, parts}]}, or one of its messages
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from collector.assemble.dialects.lenient import JsonObject, mapping, milliseconds, objects, text
from collector.assemble.ids import time_in

_VERSIONED = re.compile(r"(?s)(.+)\.(\d{1,3})")
_DEEPEST = 4
_ENVELOPES = frozenset({"hook", "payload", "syncEvent"})


class BadItem(Exception):
    """The item is nothing this collector can keep; the text says why and quotes nothing."""


class UnknownType:
    """A type this version does not know; kept out of spans and counted."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


@dataclass(slots=True)
class OpenCodeEvent:
    """An event of either generation; `at` is when it was made or heard, where the envelope says so."""

    generation: int
    type: str
    data: JsonObject
    id: str
    at: int | None
    directory: str | None = None

    def made(self, near: int) -> int:
        """When it was made, by the time in its id, which says in which round of its clock by `near`; else `near`."""
        return (time_in(self.id, near) if self.id else None) or near


@dataclass(slots=True)
class HookCall:
    """A call of a plugin hook."""

    name: str
    input: JsonObject
    output: JsonObject
    at: int | None
    pid: str
    directory: str | None


def unwrap(item: Any) -> OpenCodeEvent | HookCall | Iterator[OpenCodeEvent | HookCall]:
    """What `item` holds, one thing or several; raises `BadItem` when it has no form that is known."""
    hook = item.get("hook") if isinstance(item, dict) else None
    if not isinstance(hook, str):
        return _unwrap(item, None, None, 0)
    if hook != "event":
        return _hook_call(item, hook)
    inner = item.get("input")  # most items are lines of the plugin with one event each
    if isinstance(inner, dict):
        properties, kind = inner.get("properties"), inner.get("type")
        if isinstance(properties, dict) and isinstance(kind, str) and kind and _ENVELOPES.isdisjoint(inner):
            at, directory = milliseconds(item.get("ts")), text(item.get("dir"))
            return OpenCodeEvent(1, kind, properties, text(inner.get("id")) or "", at, directory)
    return _hook(item, hook, 0)


def _unwrap(item: Any, at: int | None, directory: str | None, depth: int) -> Iterator[OpenCodeEvent | HookCall]:
    if not isinstance(item, dict):
        raise BadItem("not a JSON object")
    if depth > _DEEPEST:
        raise BadItem("envelopes are nested too deep")
    hook = item.get("hook")
    if isinstance(hook, str):
        yield from _hook(item, hook, depth)
        return
    domain, shown = item.get("dom"), item.get("ev")
    if isinstance(domain, str) and isinstance(shown, dict):
        name = f"{domain}.{item.get('name')}"
        yield HookCall(name, shown, shown, milliseconds(item.get("ts")), str(item.get("pid", "")), directory)
        return
    payload = item.get("payload")
    if isinstance(payload, dict):
        yield from _unwrap(payload, at, text(item.get("directory")) or directory, depth + 1)
        return
    sync = item.get("syncEvent")
    if isinstance(sync, dict):
        yield from _unwrap(sync, at, directory, depth + 1)
        return
    kind = item.get("type")
    if isinstance(kind, str) and kind:
        yield _event(item, kind, at, directory)
        return
    inner = item.get("data", item.get("event"))
    if isinstance(inner, dict):
        yield from _unwrap(inner, milliseconds(item.get("ts")) or at, directory, depth + 1)
        return
    if isinstance(item.get("info"), dict):
        yield from _exported(item)
        return
    raise BadItem("no type")


def _hook(item: JsonObject, hook: str, depth: int) -> Iterator[OpenCodeEvent | HookCall]:
    if hook == "event":
        at, directory = milliseconds(item.get("ts")), text(item.get("dir"))
        yield from _unwrap(item.get("input"), at, directory, depth + 1)
        return
    yield _hook_call(item, hook)


def _hook_call(item: JsonObject, hook: str) -> HookCall:
    return HookCall(
        hook,
        mapping(item.get("input")),
        mapping(item.get("output")),
        milliseconds(item.get("ts")),
        str(item.get("pid", "")),
        text(item.get("dir")),
    )


def _event(item: JsonObject, kind: str, at: int | None, directory: str | None) -> OpenCodeEvent:
    properties, identifier = item.get("properties"), text(item.get("id")) or ""
    if isinstance(properties, dict):
        return OpenCodeEvent(1, kind, properties, identifier, at, directory)
    location, data = mapping(item.get("location")), mapping(item.get("data"))
    if "aggregate_id" in item or "aggregateID" in item:
        versioned = _VERSIONED.fullmatch(kind)
        kind = versioned[1] if versioned else kind
        data.setdefault("sessionID", item.get("aggregate_id", item.get("aggregateID")))
    older = kind.startswith("message.") or (kind.startswith("session.") and "info" in data)
    generation = 1 if older else 2
    created = milliseconds(item.get("created"))
    return OpenCodeEvent(
        generation, kind, data, identifier, created or at, text(location.get("directory")) or directory
    )


def _exported(item: JsonObject) -> Iterator[OpenCodeEvent]:
    info = item["info"]
    if isinstance(item.get("messages"), list):
        yield OpenCodeEvent(1, "session.updated", {"info": info}, "", None)
        for message in objects(item["messages"]):
            if isinstance(message.get("info"), dict):
                yield from _exported({"info": message["info"], "parts": message.get("parts")})
        return
    if "role" not in info:
        yield OpenCodeEvent(1, "session.updated", {"info": info}, "", None)
        return
    yield OpenCodeEvent(1, "message.updated", {"info": info}, "", None)
    for part in objects(item.get("parts")):
        yield OpenCodeEvent(1, "message.part.updated", {"part": part}, "", None)
