"""`collector sessions | traces | spans`: what is kept, as tables that fit the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from collector.cli.kept import KeptReader, short_session, short_span, short_trace
from collector.cli.options import AsJson, DataDirOption
from collector.cli.show import Column, moment, money, number, print_json, print_table, span_of_time
from collector.settings.sources import load

LimitOption = Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="How many at most.")]
SessionOption = Annotated[str, typer.Option("--session", help="Only of this session.")]
ToolOption = Annotated[str, typer.Option("--tool", help="Only where this tool was called.")]
ModelOption = Annotated[str, typer.Option("--model", help="Only where this model was called.")]
ErrorsOption = Annotated[bool, typer.Option("--errors", help="Only what failed.")]
SinceOption = Annotated[str, typer.Option("--since", help="Only since: 7d, 12h, 30m, 2026-01-31.")]
TextOption = Annotated[str, typer.Option("--text", help="Only where a span holds all these words.")]


def register(app: typer.Typer) -> None:
    for command in (sessions, traces, spans):
        app.command()(command)


def sessions(
    tool: ToolOption = "",
    model: ModelOption = "",
    errors: ErrorsOption = False,
    since: SinceOption = "",
    text: TextOption = "",
    directory: Annotated[str, typer.Option("--directory", help="Only of this working directory.")] = "",
    agent: Annotated[str, typer.Option("--agent", help="Only of this agent: build, plan, ...")] = "",
    as_json: AsJson = False,
    limit: LimitOption = 20,
    data_dir: DataDirOption = None,
) -> None:
    """List sessions, the one last heard of first."""
    kept = KeptReader(load({"data_dir": data_dir}).settings)
    only = {"tool": tool, "model": model, "errors": errors, "since_ns": _since(since), "text": text}
    only |= {"directory": directory, "agent": agent}
    rows = kept.sessions(limit=limit, **only)
    if as_json:
        print_json(rows)
        return
    print_table(
        [
            Column("session", 100), Column("title", 99, least=20), Column("directory", 65, least=14, is_path=True),
            Column("agent", 30), Column("model", 40, least=8), Column("last", 90), Column("took", 20, right=True),
            Column("turns", 60, right=True), Column("tools", 35, right=True), Column("errors", 80, right=True),
            Column("tokens", 55, right=True), Column("cost", 70, right=True),
        ],
        (
            [
                _short(row["session_id"], short_session), row["title"] or row["prompt"], _home(row["directory"]),
                row["agent"] or row["service"], row["model"], moment(row["end_ns"]),
                span_of_time(row["start_ns"], row["end_ns"]), number(row["traces"]), number(row["tools"]),
                number(row["errors"]), number(row["tokens"]), money(row["cost"]),
            ]
            for row in rows
        ),
        kept.no_session(any(only.values())),
    )  # fmt: skip


def traces(
    session: SessionOption = "",
    tool: ToolOption = "",
    model: ModelOption = "",
    errors: ErrorsOption = False,
    since: SinceOption = "",
    text: TextOption = "",
    as_json: AsJson = False,
    limit: LimitOption = 20,
    data_dir: DataDirOption = None,
) -> None:
    """List traces, the newest first; a turn of OpenCode is one."""
    kept = KeptReader(load({"data_dir": data_dir}).settings)
    only = {"tool": tool, "model": model, "errors": errors, "since_ns": _since(since), "text": text}
    rows = kept.traces(kept.session(session), limit, **only)
    if as_json:
        print_json(rows)
        return
    print_table(
        [
            Column("trace", 100), Column("name", 99, least=16), Column("session", 50), Column("service", 40, least=8),
            Column("last", 90), Column("took", 60, right=True), Column("spans", 70, right=True),
            Column("errors", 80, right=True), Column("tokens", 55, right=True), Column("cost", 65, right=True),
        ],
        (
            [
                _short(row["trace_id"], short_trace), row["name"], _short(row["session_id"], short_session),
                row["service"], moment(row["end_ns"]), span_of_time(row["start_ns"], row["end_ns"]),
                number(row["spans"]), number(row["errors"]), number(row["tokens"]), money(row["cost"]),
            ]
            for row in rows
        ),
        kept.nothing(bool(session) or any(only.values())),
    )  # fmt: skip


def spans(
    trace: Annotated[str, typer.Argument(help="Trace id; all traces when left out.")] = "",
    session: SessionOption = "",
    tool: ToolOption = "",
    model: ModelOption = "",
    errors: ErrorsOption = False,
    since: SinceOption = "",
    text: TextOption = "",
    as_json: AsJson = False,
    limit: LimitOption = 200,
    data_dir: DataDirOption = None,
) -> None:
    """List spans in the order they started; of a trace, as a tree."""
    kept = KeptReader(load({"data_dir": data_dir}).settings)
    only = {"tool": tool, "model": model, "errors": errors, "since_ns": _since(since), "text": text}
    trace_id = session_id = ""
    if trace:
        found = kept.find(trace)
        trace_id, session_id = found["trace_id"], "" if found["trace_id"] else found["session_id"]
    rows = kept.spans(trace_id, kept.session(session) or session_id, limit, **only)
    if as_json:
        print_json(rows)
        return
    print_table(
        [
            Column("span", 100), Column("kind", 90), Column("name", 99, least=20), Column("started", 50),
            Column("took", 80, right=True), Column("status", 95), Column("model", 60, least=8),
            Column("tokens", 55, right=True), Column("cost", 40, right=True),
        ],
        (
            [
                _short_span(row), row["kind"], "  " * depth + row["name"], moment(row["start_ns"]),
                span_of_time(row["start_ns"], row["end_ns"]), "error" if row["error"] else "", row["model"],
                number(row["tokens"]), money(row["cost"]),
            ]
            for depth, row in _as_tree(rows)
        ),
        kept.nothing(bool(trace or session) or any(only.values())),
    )  # fmt: skip


def _since(text: str) -> int:
    if not text:
        return 0
    from collector.opencode.importing import since

    return since(text) * 1_000_000


def _short(identifier: str, short: Any) -> str:
    """Whole ids for programs that read the output, short ones for people."""
    return str(short(identifier)) if sys.stdout.isatty() else identifier


def _short_span(row: dict[str, Any]) -> str:
    return short_span(row["trace_id"], row["span_id"]) if sys.stdout.isatty() else str(row["span_id"])


def _home(path: str) -> str:
    from collector.viewer.shown.figures import short_path

    return short_path(path, 200)


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
