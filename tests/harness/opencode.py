"""Recordings of OpenCode, and what the assembler makes of items, for the tests."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from collector.assemble import Assembler, BadItem, Made, Reader, Unknown

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
) -> list[Made]:
    """All spans of `items`, which come at one moment and then no more."""
    reader, assembler = Reader(), assembler or Assembler()
    made: list[Made] = []
    for item in items:
        try:
            for fact in reader.read(item, NOW):
                if not isinstance(fact, Unknown):
                    made += assembler.feed(fact, 0)
                elif unknown is not None:
                    unknown[fact.name] += 1
        except BadItem as error:
            if unknown is not None:
                unknown[str(error)] += 1
    return made + assembler.close()


def live(items: Iterable[dict[str, Any]], assembler: Assembler | None = None) -> list[Made]:
    """All spans of recorded lines, each heard when it was recorded."""
    reader, assembler = Reader(), assembler or Assembler()
    made: list[Made] = []
    now = 0
    for item in items:
        while now and now + 200 < item["ts"]:
            now += 200
            made += assembler.look(now)
        now = max(now, item["ts"])
        for fact in reader.read(item, now):
            if not isinstance(fact, Unknown):
                made += assembler.feed(fact, now)
    for _ in range(100):
        now += 200
        made += assembler.look(now)
    return made


def attributes(made: Made) -> dict[str, Any]:
    found = {}
    for pair in made.span.attributes:
        kind = pair.value.WhichOneof("value")
        found[pair.key] = getattr(pair.value, kind) if kind else None
    return found


def kind(made: Made) -> str:
    return str(attributes(made)["openinference.span.kind"])


def of_kind(made: Iterable[Made], wanted: str) -> list[Made]:
    return sorted((m for m in made if kind(m) == wanted), key=lambda m: (m.span.start_time_unix_nano, m.span.span_id))


def ids(made: Iterable[Made]) -> set[tuple[bytes, bytes, bytes]]:
    return {(m.span.trace_id, m.span.span_id, m.span.parent_span_id) for m in made}


def tree(made: list[Made]) -> list[str]:
    """The spans as an indented tree: kind, agent, name, status, and their events."""
    known = {m.span.span_id for m in made}
    by_parent: dict[bytes, list[Made]] = {}
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


def golden(name: str) -> Path:
    return FIXTURES / "trees" / f"{name}.txt"


if __name__ == "__main__":  # writes what the trees are now, to be read before it is committed
    for scenario in scenarios():
        golden(scenario).write_text("\n".join(tree(assemble(recording(scenario)))) + "\n", encoding="utf-8")
    golden("v2_examples").write_text("\n".join(tree(assemble(v2_examples()))) + "\n", encoding="utf-8")
