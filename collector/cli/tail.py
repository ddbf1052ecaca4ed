"""`collector tail`: follow what arrives, also over a restart of the collector."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from collector.cli.client import Client, NotRunning, urls_of
from collector.cli.options import AsJson, DataDirOption
from collector.cli.read import ErrorsOption, ModelOption, TextOption, ToolOption
from collector.cli.show import json_text, moment, printable, say, span_of_time
from collector.settings.model import Settings
from collector.settings.sources import load

_POLL_SECONDS = 0.3
_ITEMS = {
    "traces": ("resourceSpans", "scopeSpans", "spans"),
    "logs": ("resourceLogs", "scopeLogs", "logRecords"),
    "metrics": ("resourceMetrics", "scopeMetrics", "metrics"),
}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which spans, log records and metrics to print; an empty text asks for any."""

    session: str = ""
    tool: str = ""
    model: str = ""
    errors: bool = False
    text: str = ""

    def takes(self, item: dict[str, Any]) -> bool:
        attributes = {pair.get("key", ""): str(next(iter(pair.get("value", {}).values()), "")) for pair in _pairs(item)}
        if self.errors and item.get("status", {}).get("code") != 2 and item.get("severityNumber", 0) < 17:
            return False
        wanted = (("session.id", self.session), ("tool.name", self.tool), ("llm.model_name", self.model))
        if any(value and value not in attributes.get(key, "") for key, value in wanted):
            return False
        return not self.text or self.text.lower() in json.dumps(item, ensure_ascii=False).lower()


def register(app: typer.Typer) -> None:
    app.command()(tail)


def tail(
    session: Annotated[str, typer.Option("--session", help="Only where the session's id holds this.")] = "",
    tool: ToolOption = "",
    model: ModelOption = "",
    errors: ErrorsOption = False,
    text: TextOption = "",
    as_json: AsJson = False,
    data_dir: DataDirOption = None,
) -> None:
    """Follow what arrives, until interrupted.

    --json prints one OTLP/JSON request a line.
    """
    settings = load({"data_dir": data_dir}).settings
    only = Filter(session, tool, model, errors, text)
    client = Client(settings)
    last: int = client.get("/api/tail")["last"]
    where = urls_of(settings)[0]
    say(f"following what arrives at {where}; Ctrl-C ends it", sys.stderr)
    while True:
        try:
            found = client.get("/api/tail", after=last)
        except NotRunning:
            client, last = _when_it_is_back(settings, where, last)
            continue
        last = found["last"]
        for batch in found["batches"]:
            _print(batch["signal"], batch["request"], only, as_json)
        time.sleep(_POLL_SECONDS)


def _when_it_is_back(settings: Settings, where: str, last: int) -> tuple[Client, int]:
    """Wait for the collector; who asks it, and the number to go on from, which is 0 where it has another store now."""
    say(f"the collector at {where} went away; waiting for it", sys.stderr)
    while True:
        time.sleep(_POLL_SECONDS)
        try:
            client = Client(settings)
            newest: int = client.get("/api/tail")["last"]
        except NotRunning:
            continue
        say("the collector is back", sys.stderr)
        return client, last if newest >= last else 0


def _print(signal: str, request: dict[str, Any], only: Filter, as_json: bool) -> None:
    chosen = request if only == Filter() else _chosen(signal, request, only)
    if as_json:
        if next(_lines(signal, chosen), None) is not None:
            print(json_text(chosen), flush=True)
        return
    for line in _lines(signal, chosen):
        print(printable(line), flush=True)


def _chosen(signal: str, request: dict[str, Any], only: Filter) -> dict[str, Any]:
    """The request with the items that are asked for."""
    resources, scopes, items = _ITEMS[signal]
    return {
        resources: [
            {
                **resource,
                scopes: [
                    {**scope, items: [item for item in scope.get(items, ()) if only.takes(item)]}
                    for scope in resource.get(scopes, ())
                ],
            }
            for resource in request.get(resources, ())
        ]
    }


def _lines(signal: str, request: dict[str, Any]) -> Iterator[str]:
    """One line a span, log record or metric."""
    resources, scopes, items = _ITEMS[signal]
    for resource in request.get(resources, ()):
        service = _attribute(resource.get("resource", {}), "service.name") or "-"
        for scope in resource.get(scopes, ()):
            for item in scope.get(items, ()):
                yield f"{service:12} {_describe(signal, item)}"


def _describe(signal: str, item: dict[str, Any]) -> str:
    if signal == "traces":
        start, end = int(item.get("startTimeUnixNano", 0)), int(item.get("endTimeUnixNano", 0))
        kind = _attribute(item, "openinference.span.kind") or "span"
        failed = "  ERROR" if item.get("status", {}).get("code") == 2 else ""
        return f"{moment(end)}  {kind:9} {span_of_time(start, end):>8}  {item.get('name', '')}{failed}"
    if signal == "logs":
        at = int(item.get("timeUnixNano") or item.get("observedTimeUnixNano") or 0)
        body = item.get("body", {})
        text = body.get("stringValue") or json.dumps(body, ensure_ascii=False)
        return f"{moment(at)}  {item.get('severityText') or 'log':9} {item.get('eventName', '')} {text[:200]}"
    points = sum(len(value.get("dataPoints", ())) for value in item.values() if isinstance(value, dict))
    return f"metric    {item.get('name', '')} ({points} points)"


def _attribute(holder: dict[str, Any], key: str) -> str:
    for pair in _pairs(holder):
        if pair.get("key") == key:
            return str(pair.get("value", {}).get("stringValue", ""))
    return ""


def _pairs(holder: dict[str, Any]) -> Any:
    return holder.get("attributes", ())
