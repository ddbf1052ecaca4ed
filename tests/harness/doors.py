"""A recorded session heard through several doors at once, each from and until any moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from collector.assemble.assembler import Assembler
from collector.assemble.dialects.reader import ItemReader, UnknownType
from collector.assemble.ids import time_in
from collector.assemble.spans.otlp import BuiltSpan
from harness.recorded import Recording

_LOOK_MS = 200


@dataclass(frozen=True)
class Heard:
    """One item, through which door, and when."""

    at: int
    door: str
    item: Any


@cache
def recording(name: str) -> Recording:
    return Recording(name)


@cache
def moments(name: str, door: str) -> list[int]:
    """When each item of the plugin, the stream or the history was made."""
    found, last = [], recording(name).plugin[0]["ts"]
    for item in recording(name).items(door):
        last = item["ts"] if door == "plugin" else time_in(_id(item), last) or last
        found.append(last)
    return found


def last_moment(name: str) -> int:
    return int(recording(name).plugin[-1]["ts"])


def plugin(name: str, until: int, late_ms: int = 0) -> list[Heard]:
    """Its first lines; then the process was killed."""
    lines = recording(name).plugin[:until]
    return [Heard(at + late_ms, "plugin", line) for at, line in zip(moments(name, "plugin"), lines, strict=False)]


def attach(name: str, since: int, until: int, late_ms: int = 0) -> list[Heard]:
    """The stream from an item until another, before it the sessions as they are then."""
    stream, times = recording(name).stream, moments(name, "stream")
    heard = [Heard(times[index] + late_ms, "attach", stream[index]) for index in range(since, until)]
    if since and heard:
        before = [Heard(heard[0].at, "told", session) for session in sessions(stream[:since])]
        heard = [*before, *heard]
    return heard


def kept(name: str, door: str, after_ms: int) -> list[Heard]:
    """The history or the export, read so long after all was over."""
    return [Heard(last_moment(name) + after_ms, door, item) for item in recording(name).items(door)]


def together(heard: Iterable[Heard], quiet_ms: int = 20_000) -> list[BuiltSpan]:
    """All spans, as each leaves when it is due, and what is still open `quiet_ms` after the last."""
    assembler, readers = Assembler(), defaultdict[str, ItemReader](ItemReader)
    made: list[BuiltSpan] = []
    now = 0
    for one in sorted(heard, key=lambda one: one.at):
        while now and now + _LOOK_MS < one.at and not assembler.is_idle:
            now += _LOOK_MS
            made += assembler.look(now)
        now = max(now, one.at)
        for fact in readers[one.door].read(one.item, now):
            if not isinstance(fact, UnknownType):
                made += assembler.feed(fact, now)
    for _ in range(quiet_ms // _LOOK_MS):
        now += _LOOK_MS
        made += assembler.look(now)
    return made + assembler.close()


def sessions(stream: Iterable[Any]) -> list[dict[str, Any]]:
    """Exports of the sessions of a stream as they are when so much of it was told."""
    infos: dict[str, dict[str, Any]] = {}
    messages: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for item in stream:
        payload = item["payload"]
        if payload.get("type") == "sync":
            continue
        data, kind = payload["properties"], payload["type"]
        mine = messages[data.get("sessionID", "")]
        if kind in ("session.created", "session.updated"):
            identifier = data["info"].get("id") or data["sessionID"]
            infos[identifier] = {**infos.get(identifier, {}), **data["info"], "id": identifier}
        elif kind == "message.updated":
            mine.setdefault(data["info"]["id"], {"parts": {}})["info"] = data["info"]
        elif kind == "message.part.updated" and data["part"]["messageID"] in mine:
            mine[data["part"]["messageID"]]["parts"][data["part"]["id"]] = data["part"]
        elif kind == "message.removed":
            mine.pop(data["messageID"], None)
        elif kind == "message.part.removed" and data["messageID"] in mine:
            mine[data["messageID"]]["parts"].pop(data["partID"], None)
    return [
        {
            "info": info,
            "messages": [
                {"info": message["info"], "parts": list(message["parts"].values())}
                for message in messages[identifier].values()
            ],
        }
        for identifier, info in infos.items()
    ]


def _id(item: Any) -> str:
    payload = item.get("payload", item)
    return str(payload.get("id") or payload.get("syncEvent", {}).get("id"))
