"""`collector sessions | traces | spans | tail`: what arrived, from the running collector or from its store."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from collector.cli.client import Client, NotRunning, open_reader
from collector.cli.options import AsJson, DataDirOption
from collector.cli.show import json_text, moment, money, number, print_json, print_table, printable, span_of_time
from collector.settings.model import Settings
from collector.settings.sources import load
from collector.store.entries import SessionQuery

LimitOption = Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="How many at most.")]
SessionOption = Annotated[str, typer.Option("--session", help="Only of this session.")]

_EMPTY = "nothing has arrived yet: export CATALYST_OTLP_ENDPOINT=http://127.0.0.1:4318 TRACE_TO_CATALYST=true"
_POLL_SECONDS = 0.3


def register(app: typer.Typer) -> None:
    for command in (sessions, traces, spans, tail):
        app.command()(command)


def sessions(as_json: AsJson = False, limit: LimitOption = 20, data_dir: DataDirOption = None) -> None:
    """List sessions, the one last heard of first."""
    rows = _read(data_dir, "sessions", limit=limit)
    if as_json:
        print_json(rows)
        return
    print_table(
        ["session", "service", "last", "took", "traces", "spans", "errors", "tokens", "cost"],
        (
            [
                row["session_id"], row["service"], moment(row["end_ns"]), span_of_time(row["start_ns"], row["end_ns"]),
                number(row["traces"]), number(row["spans"]), number(row["errors"]), number(row["tokens"]),
                money(row["cost"]),
            ]
            for row in rows
        ),
        _EMPTY,
    )  # fmt: skip


def traces(
    as_json: AsJson = False, session: SessionOption = "", limit: LimitOption = 20, data_dir: DataDirOption = None
) -> None:
    """List traces, the newest first."""
    rows = _read(data_dir, "traces", session=session, limit=limit)
    if as_json:
        print_json(rows)
        return
    print_table(
        ["trace", "name", "service", "last", "took", "spans", "errors", "tokens", "cost"],
        (
            [
                row["trace_id"], row["name"], row["service"], moment(row["end_ns"]),
                span_of_time(row["start_ns"], row["end_ns"]), number(row["spans"]), number(row["errors"]),
                number(row["tokens"]), money(row["cost"]),
            ]
            for row in rows
        ),
        _EMPTY,
    )  # fmt: skip


def spans(
    trace: Annotated[str, typer.Argument(help="Trace id; all traces when left out.")] = "",
    as_json: AsJson = False,
    session: SessionOption = "",
    limit: LimitOption = 200,
    data_dir: DataDirOption = None,
) -> None:
    """List spans in the order they started; of a trace, as a tree."""
    rows = _read(data_dir, "spans", trace=trace, session=session, limit=limit)
    if as_json:
        print_json(rows)
        return
    print_table(
        ["span", "kind", "name", "started", "took", "status", "model", "tokens", "cost"],
        (
            [
                row["span_id"], row["kind"], "  " * depth + row["name"], moment(row["start_ns"]),
                span_of_time(row["start_ns"], row["end_ns"]), "error" if row["error"] else "", row["model"],
                number(row["tokens"]), money(row["cost"]),
            ]
            for depth, row in _as_tree(rows)
        ),
        _EMPTY,
    )  # fmt: skip


def tail(as_json: AsJson = False, data_dir: DataDirOption = None) -> None:
    """Follow what arrives, until interrupted.

    --json prints one OTLP/JSON request a line.
    """
    settings = _settings(data_dir)
    client = Client(settings)
    last = client.get("/api/tail")["last"]
    while True:
        found = client.get("/api/tail", after=last)
        last = found["last"]
        for batch in found["batches"]:
            if as_json:
                print(json_text(batch["request"]), flush=True)
            else:
                for line in _lines(batch["signal"], batch["request"]):
                    print(printable(line), flush=True)
        time.sleep(_POLL_SECONDS)


def _settings(data_dir: Path | None) -> Settings:
    return load({"data_dir": data_dir}).settings


def _read(data_dir: Path | None, what: str, **query: Any) -> list[dict[str, Any]]:
    settings = _settings(data_dir)
    try:
        found: list[dict[str, Any]] = Client(settings).get(f"/api/{what}", **query)
    except NotRunning:
        reader = open_reader(settings)
        rows: Sequence[Any]
        if what == "sessions":
            rows = reader.sessions(SessionQuery(**query))
        else:
            names = {"session": "session_id", "trace": "trace_id"}
            rows = getattr(reader, what)(**{names.get(key, key): value for key, value in query.items()})
        found = [dataclasses.asdict(row) for row in rows]
    return found


def _as_tree(rows: list[dict[str, Any]]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Parents before their children, with depth; a span whose parent is not listed is a root."""
    by_parent: dict[tuple[str, str], list[dict[str, Any]]] = {}
    known = {(row["trace_id"], row["span_id"]) for row in rows}
    roots = []
    for row in rows:
        parent = (row["trace_id"], row["parent_id"])
        if parent in known and row["parent_id"] != row["span_id"]:
            by_parent.setdefault(parent, []).append(row)
        else:
            roots.append(row)
    seen: set[tuple[str, str]] = set()
    pending = [(0, row) for row in reversed(roots)]
    while pending or len(seen) < len(known):
        if not pending:  # a circle of parents has no root: begin anywhere
            pending.append((0, next(row for row in rows if (row["trace_id"], row["span_id"]) not in seen)))
        depth, row = pending.pop()
        key = (row["trace_id"], row["span_id"])
        if key in seen:
            continue
        seen.add(key)
        yield depth, row
        pending += [(depth + 1, child) for child in reversed(by_parent.get(key, ()))]


def _lines(signal: str, request: dict[str, Any]) -> Iterator[str]:
    """One line a span, log record or metric."""
    resources, scopes, items = {
        "traces": ("resourceSpans", "scopeSpans", "spans"),
        "logs": ("resourceLogs", "scopeLogs", "logRecords"),
        "metrics": ("resourceMetrics", "scopeMetrics", "metrics"),
    }[signal]
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
    for pair in holder.get("attributes", ()):
        if pair.get("key") == key:
            return str(pair.get("value", {}).get("stringValue", ""))
    return ""
