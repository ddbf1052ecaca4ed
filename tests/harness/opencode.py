"""Recordings of OpenCode, and what the assembler makes of items, for the tests."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from collector.assemble.assembler import Assembler
from collector.assemble.dialects.items import BadItem
from collector.assemble.dialects.reader import ItemReader, UnknownType
from collector.assemble.spans.otlp import BuiltSpan

FIXTURES = Path(__file__).parents[2] / "proto_fixtures" / "opencode"
CAPTURES = FIXTURES / "captures"
NOW = 1_795_361_000_000
DOORS = ("plugin_hooks", "events.sse", "global.sse")


def load(path: Path) -> list[Any]:
    """The items of a recording: lines, an array, or one document."""
    data = gzip.decompress(path.read_bytes())
    if ".ndjson" in path.name:
        return [orjson.loads(line) for line in data.splitlines() if line.strip()]
    found = orjson.loads(data)
    return found if isinstance(found, list) else [found]


def scenarios(door: str = "plugin_hooks") -> list[str]:
    return sorted(path.parent.name for path in CAPTURES.glob(f"*/{door}.ndjson.gz"))


def recording(scenario: str, door: str = "plugin_hooks") -> list[Any]:
    return load(CAPTURES / scenario / f"{door}.ndjson.gz")


def export(scenario: str) -> list[Any]:
    return load(CAPTURES / scenario / "export.json.gz")


def history(scenario: str) -> list[Any]:
    """The rows `/sync/history` and the table `event` hold, taken from the global stream's sync payloads."""
    rows = []
    for line in recording(scenario, "global.sse"):
        payload = line["data"]["payload"]
        if payload.get("type") == "sync":
            event = payload["syncEvent"]
            rows.append({("aggregate_id" if k == "aggregateID" else k): v for k, v in event.items()})
    return rows


def v2_examples() -> list[Any]:
    return load(FIXTURES / "v2_examples.ndjson.gz")


def assemble(
    items: Iterable[Any], assembler: Assembler | None = None, unknown: Counter[str] | None = None
) -> list[BuiltSpan]:
    """All spans of `items`, which come at one moment and then no more."""
    reader, assembler = ItemReader(), assembler or Assembler()
    made: list[BuiltSpan] = []
    for item in items:
        try:
            for fact in reader.read(item, NOW):
                if not isinstance(fact, UnknownType):
                    made += assembler.feed(fact, 0)
                elif unknown is not None:
                    unknown[fact.name] += 1
        except BadItem as error:
            if unknown is not None:
                unknown[str(error)] += 1
    return made + assembler.close()


def live(
    items: list[dict[str, Any]], times: list[int] | None = None, assembler: Assembler | None = None
) -> list[BuiltSpan]:
    """All spans of recorded lines, each heard at its time: when it was recorded, where none is given."""
    reader, assembler = ItemReader(), assembler or Assembler()
    made: list[BuiltSpan] = []
    now = 0
    for item, at in zip(items, times or [item["ts"] for item in items], strict=True):
        while now and now + 200 < at:
            now += 200
            made += assembler.look(now)
        now = max(now, at)
        for fact in reader.read(item, now):
            if not isinstance(fact, UnknownType):
                made += assembler.feed(fact, now)
    for _ in range(100):
        now += 200
        made += assembler.look(now)
    return made


def attributes(made: BuiltSpan) -> dict[str, Any]:
    found = {}
    for pair in made.whole().attributes:
        kind = pair.value.WhichOneof("value")
        found[pair.key] = getattr(pair.value, kind) if kind else None
    return found


def kind(made: BuiltSpan) -> str:
    return str(attributes(made)["openinference.span.kind"])


def of_kind(made: Iterable[BuiltSpan], wanted: str) -> list[BuiltSpan]:
    return sorted((m for m in made if kind(m) == wanted), key=lambda m: (m.span.start_time_unix_nano, m.span.span_id))


def ids(made: Iterable[BuiltSpan]) -> set[tuple[bytes, bytes, bytes]]:
    return {(m.span.trace_id, m.span.span_id, m.span.parent_span_id) for m in made}


def tree(made: list[BuiltSpan]) -> list[str]:
    """The spans as an indented tree: kind, agent, name, status, and their events."""
    known = {m.span.span_id for m in made}
    by_parent: dict[bytes, list[BuiltSpan]] = {}
    for m in made:
        above = m.span.parent_span_id
        by_parent.setdefault(above if above in known else b"", []).append(m)

    def lines(above: bytes, depth: int) -> Iterator[str]:
        for m in sorted(by_parent.get(above, ()), key=lambda m: (m.span.start_time_unix_nano, m.span.span_id)):
            found = attributes(m)
            orphan = "" if m.span.parent_span_id in known or not m.span.parent_span_id else " ORPHAN"
            status = {1: "ok", 2: f"error: {m.span.status.message}"}[m.span.status.code]
            turn = f" turn {found['opencode.turn_number']}" if "opencode.turn_number" in found else ""
            spoken = sum(1 for key in found if key.startswith("llm.input_messages.") and key.endswith(".role"))
            messages = f" messages {spoken}" if kind(m) == "LLM" else ""
            incomplete = " incomplete" if found.get("opencode.incomplete") else ""
            events = "".join(f" +{event.name}" for event in m.span.events)
            yield (
                f"{'  ' * depth}{kind(m)} {found['agent.name']} | {m.span.name} | {status}"
                f"{turn}{messages}{incomplete}{orphan}{events}"
            )
            yield from lines(m.span.span_id, depth + 1)

    return list(lines(b"", 0))


class Script:
    """Events of OpenCode 1 as they come, written one after the other; `at` is the time in ms since `NOW`."""

    def __init__(self, session: str = "ses_root", parent: str | None = None, at: int = 0) -> None:
        self.session = session
        self.events: list[Any] = []
        info = {"id": session, "title": "New session - 2026-11-22T15:21:28.0Z", "directory": "/p", "version": "1.18.33"}
        times = {"time": {"created": NOW + at, "updated": NOW + at}}
        self.add("session.created", at, info={**info, **times, **({"parentID": parent} if parent else {})})

    def add(self, type: str, at: int, **properties: Any) -> None:
        self.events.append(
            {
                "ts": NOW + at,
                "data": {
                    "id": f"evt_{((NOW + at) * 4096 + len(self.events)) % 2**48:012x}{self.session}",
                    "type": type,
                    "properties": {"sessionID": self.session, **properties},
                },
            }
        )

    def user(self, id: str, at: int, text: str = "do it", **part: Any) -> None:
        self.add("message.updated", at, info=self._info(id, "user", at))
        found = {"type": "text", "text": text, **part}
        self.add("message.part.updated", at, part=self._part(f"{id}_text", id, **found), time=NOW + at)

    def step(self, id: str, parent: str, at: int, **info: Any) -> None:
        self.add("message.updated", at, info={**self._info(id, "assistant", at), "parentID": parent, **info})
        self.add("session.status", at + 1, status={"type": "busy"})
        self.add("message.part.updated", at + 5, part=self._part(f"{id}_a", id, type="step-start"), time=NOW + at + 5)

    def tool(self, id: str, step: str, at: int, until: int, name: str = "bash", **state: Any) -> None:
        ran = {"status": "completed", "input": {}, "output": "out", "time": {"start": NOW + at, "end": NOW + until}}
        part = self._part(id, step, type="tool", tool=name, callID=f"call_{id}", state={**ran, **state})
        self.add("message.part.updated", until, part=part, time=NOW + until)

    def running(self, id: str, step: str, at: int, name: str = "bash", **state: Any) -> None:
        runs = {"status": "running", "input": {}, "time": {"start": NOW + at}, **state}
        part = self._part(id, step, type="tool", tool=name, callID=f"call_{id}", state=runs)
        self.add("message.part.updated", at, part=part, time=NOW + at)

    def done(self, id: str, parent: str, created: int, at: int, finish: str = "stop", **info: Any) -> None:
        times = {"time": {"created": NOW + created, "completed": NOW + at}}
        told = {**self._info(id, "assistant", created), "parentID": parent, "finish": finish, **times, **info}
        self.add("message.updated", at, info=told)

    def idle(self, at: int) -> None:
        self.add("session.status", at, status={"type": "idle"})
        self.add("session.idle", at)

    def answer(self, id: str, parent: str, at: int, text: str = "done") -> None:
        """A step that only talks, for 50 ms."""
        self.step(id, parent, at)
        times = {"start": NOW + at + 10, "end": NOW + at + 40}
        part = self._part(f"{id}_t", id, type="text", text=text, time=times)
        self.add("message.part.updated", at + 40, part=part, time=NOW + at + 40)
        self.done(id, parent, at, at + 50)

    def _info(self, id: str, role: str, at: int) -> dict[str, Any]:
        return {"id": id, "role": role, "sessionID": self.session, "agent": "build", "time": {"created": NOW + at}}

    def _part(self, id: str, message: str, **found: Any) -> dict[str, Any]:
        return {"id": f"prt_{id}", "messageID": message, "sessionID": self.session, **found}


def merged(*scripts: Script) -> list[Any]:
    """The events of several sessions in the order of their times."""
    return sorted((event for script in scripts for event in script.events), key=lambda event: event["ts"])


def golden(name: str) -> Path:
    return FIXTURES / "trees" / f"{name}.txt"


if __name__ == "__main__":  # writes what the trees are now, to be read before it is committed
    for scenario in scenarios():
        golden(scenario).write_text("\n".join(tree(assemble(recording(scenario)))) + "\n", encoding="utf-8")
    golden("v2_examples").write_text("\n".join(tree(assemble(v2_examples()))) + "\n", encoding="utf-8")
