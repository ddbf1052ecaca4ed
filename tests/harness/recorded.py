"""Recordings of real OpenCode sessions beside what their models were sent, and what each door makes of them.

`tests/e2e/opencode/record.py` writes them.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import orjson
from e2e.opencode.fake_model import Exchange
from e2e.opencode.judge import Difference, Trial
from e2e.opencode.known_differences import unexplained

from collector.assemble.assembler import Assembler
from collector.assemble.spans.otlp import BuiltSpan
from harness.opencode import FIXTURES, assemble, attributes, live

RECORDED = FIXTURES / "recorded"
NAMES = sorted(f"{path.parent.name}/{path.name.partition('.')[0]}" for path in RECORDED.glob("*/*.json.gz"))


class Recording:
    """One scenario, as each door told of it."""

    def __init__(self, name: str) -> None:
        document = orjson.loads(gzip.decompress((RECORDED / f"{name}.json.gz").read_bytes()))
        self.scenario, self.version = document["scenario"], document["version"]
        self.plugin: list[dict[str, Any]] = document["plugin"]
        self.stream: list[dict[str, Any]] = document["stream"]
        self.exports: list[dict[str, Any]] = document["exports"]
        self.exchanges = [
            Exchange(**{**found, "calls": [tuple(call) for call in found["calls"]]}) for found in document["exchanges"]
        ]

    def by(
        self, door: str, told: Callable[[Any], Any] = lambda item: item, assembler: Assembler | None = None
    ) -> list[BuiltSpan]:
        """What a door (`plugin`, `stream`, `history`, `export`) makes of its items, each changed by `told`."""
        if door == "plugin":
            return live([told(line) for line in self.plugin], [line["ts"] for line in self.plugin], assembler)
        return assemble((told(item) for item in self.items(door)), assembler)

    def items(self, door: str) -> list[Any]:
        """What a door hears, in order."""
        if door == "plugin":
            return self.plugin
        if door == "stream":
            return self.stream
        if door == "export":
            return sorted(self.exports, key=lambda session: int(session["info"]["time"]["created"]))
        return list(self._rows())

    def by_plugin(self) -> list[BuiltSpan]:
        return self.by("plugin")

    def by_stream(self) -> list[BuiltSpan]:
        """As attach hears it: `/global/event`, whose durable events come a second time, with their number."""
        return self.by("stream")

    def by_history(self) -> list[BuiltSpan]:
        """As catch-up reads it: the rows of the table `event`, and of `/sync/history`."""
        return self.by("history")

    def by_export(self) -> list[BuiltSpan]:
        """As import reads it: whole sessions, parents before the subagents they started."""
        return self.by("export")

    def _rows(self) -> Iterator[dict[str, Any]]:
        for item in self.stream:
            payload = item["payload"]
            if payload.get("type") == "sync":
                event = payload["syncEvent"]
                yield {("aggregate_id" if key == "aggregateID" else key): event[key] for key in event}

    def differences(self, made: Iterable[BuiltSpan]) -> list[Difference]:
        """What LLM spans say otherwise than the requests they stand for, and no reason is listed for."""
        calls = [_as_json(built) for built in made if attributes(built)["openinference.span.kind"] == "LLM"]
        return unexplained(Trial(self.scenario, self.version, self.exchanges, calls, lambda text: text).run())


def _as_json(built: BuiltSpan) -> dict[str, Any]:
    span = built.span
    return {
        "name": span.name,
        "startTimeUnixNano": span.start_time_unix_nano,
        "endTimeUnixNano": span.end_time_unix_nano,
        "status": {"code": span.status.code},
        "attributes": attributes(built),
        "events": [
            {
                "name": event.name,
                "attributes": [
                    {"key": pair.key, "value": {"stringValue": pair.value.string_value}} for pair in event.attributes
                ],
            }
            for event in span.events
        ],
    }
