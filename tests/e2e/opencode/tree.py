"""A turn as text: one line a span, ids, times and places taken out, so that it can be kept and compared."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from e2e.opencode.client import Collector

_IDS = re.compile(r"\b(ses|msg|prt|per|que|evt|call|tool|wrk)_[0-9A-Za-z_]{5,}")
_SHOWN = {
    "opencode.turn_number": "turn",
    "agent.name": "agent",
    "llm.model_name": "model",
    "llm.token_count.prompt": "prompt",
    "llm.token_count.completion": "completion",
    "llm.token_count.total": "total",
    "llm.finish_reason": "finish",
    "tool.name": "tool",
    "opencode.incomplete": "incomplete",
}
_LONGEST = 60


def trees(collector: Collector, session: str, folder: Path, unsure: tuple[str, ...] = ()) -> str:
    """All turns of a session with the spans of their subagents, oldest first.

    `unsure` events are left out; where `title` is unsure, title calls beside each other are shown once.
    """
    roots = [row for row in collector.spans(session) if not row["parent_id"]]
    lines: list[str] = []
    for root in sorted(roots, key=lambda row: row["start_ns"]):
        rows = collector.get(f"/api/spans?limit=10000&trace={root['trace_id']}")
        spans = [collector.span(row) for row in rows]
        for span in spans:
            if not span.get("parentSpanId"):
                _draw(span, spans, 0, lines, folder, unsure)
    if "title" in unsure:
        lines = [line for at, line in enumerate(lines) if "agent=title" not in line or line not in lines[at - 1 : at]]
    return "\n".join(lines) + "\n"


def _draw(
    span: dict[str, Any],
    spans: list[dict[str, Any]],
    depth: int,
    lines: list[str],
    folder: Path,
    unsure: tuple[str, ...],
) -> None:
    lines.append("  " * depth + _line(span, folder, unsure))
    children = [other for other in spans if other.get("parentSpanId") == span["spanId"]]
    for child in sorted(children, key=_place):
        _draw(child, spans, depth + 1, lines, folder, unsure)


def _place(span: dict[str, Any]) -> tuple[bool, int, str]:
    """By time; title calls first, for they run beside the first step and either may begin earlier."""
    beside = span["attributes"].get("agent.name") == "title"
    return not beside, int(span["startTimeUnixNano"]), span["name"]


def _line(span: dict[str, Any], folder: Path, unsure: tuple[str, ...]) -> str:
    attributes = span["attributes"]
    words = [attributes.get("openinference.span.kind", "?"), _plain(span["name"], folder)]
    words += [f"{name}={attributes[key]}" for key, name in _SHOWN.items() if key in attributes]
    messages = {key.split(".")[2] for key in attributes if key.startswith("llm.input_messages.")}
    if messages:
        words.append(f"messages={len(messages)}")
    tools = {key.split(".")[2] for key in attributes if key.startswith("llm.tools.")}
    if tools:
        words.append("tools")
    for key, name in (("input.value", "in"), ("output.value", "out")):
        if key in attributes and attributes.get("openinference.span.kind") in ("AGENT", "TOOL"):
            text = " ".join(_plain(str(attributes[key]), folder).split())
            words.append(f"{name}=<{text[:_LONGEST]}{'…' if len(text) > _LONGEST else ''}>")
    names = [event["name"] for event in span.get("events", ()) if event["name"] not in unsure]
    if names:
        words.append(f"events={','.join(names)}")
    if span.get("status", {}).get("code") == 2:
        words.append(f"ERROR {_plain(span['status'].get('message', ''), folder)}"[:100])
    return " ".join(str(word) for word in words)


def _plain(text: str, folder: Path) -> str:
    """Without what differs from run to run."""
    return _IDS.sub(r"\1_*", text.replace(str(folder), "@").replace(str(folder.parents[1]), "~"))
