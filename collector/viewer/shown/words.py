"""A span in a few words: its label, what its tool was asked, how it ended, what it gave back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from collector.viewer.shown.figures import plural, short_path, short_text
from collector.viewer.shown.items import TurnItem
from collector.viewer.shown.spans import ShownSpan

_WHAT = (
    "filePath", "file_path", "path", "absolute_path", "pattern", "query", "url", "description", "prompt", "skill",
    "name",
)  # fmt: skip
_COMMAND = ("command", "cmd", "script")


def tool(span: ShownSpan) -> str:
    """The name of a tool."""
    return span.text("tool.name") or span.name.partition(":")[0]


def command(span: ShownSpan) -> str:
    """The command line a tool was given, where it was given one."""
    for key in _COMMAND:
        value = span.tool_input.get(key)
        if isinstance(value, str):
            return value
        if isinstance(value, list):
            return " ".join(str(word) for word in value)
    return ""


def what(span: ShownSpan, directory: str = "") -> str:
    """What a tool was asked to do, on one line; paths below `directory` are relative to it."""
    if line := command(span):
        return short_text(line)
    if found := todos(span):
        done = sum(todo["status"] == "completed" for todo in found)
        return f"{plural(len(found), 'item')}, {done} done"
    given = span.tool_input
    for key in _WHAT:
        value = given.get(key)
        if isinstance(value, str) and value:
            short = (
                within(value, directory) if "/" in value and " " not in value and key != "url" else short_text(value)
            )
            where = given.get("path")
            if key in ("pattern", "query") and isinstance(where, str) and where:
                return f"{short} in {within(where, directory)}"
            return short
    title = span.metadata.get("title")
    return short_text(title) if isinstance(title, str) and title else short_text(span.text("input.value"), 80)


def label(span: ShownSpan, directory: str = "") -> str:
    """A span's name in a list: a tool with what it did, a model's call by its model."""
    if span.kind == "TOOL":
        return f"{tool(span)} {what(span, directory)}".strip()
    if span.kind == "LLM":
        return span.text("llm.model_name") or span.name
    if span.kind == "AGENT":
        return span.text("agent.name") or span.name
    return span.name


def within(path: str, directory: str = "") -> str:
    """A path as seen from `directory`, short."""
    if directory and path.rstrip("/") == directory.rstrip("/"):
        return "."
    return short_path(path.removeprefix(directory.rstrip("/") + "/") if directory else path)


def exit_code(span: ShownSpan) -> int | None:
    found = span.number("opencode.exit_code")
    inner = span.metadata.get("metadata")
    if found is None and isinstance(inner, dict) and isinstance(inner.get("exit"), int):
        found = inner["exit"]
    return None if found is None else int(found)


def outcome(span: ShownSpan) -> str:
    """How a span ended, in a word or two."""
    code = exit_code(span)
    if span.failed:
        return f"exit {code}" if code else short_text(span.error or "failed", 60)
    if code is not None:
        return f"exit {code}"
    text = output(span)
    if span.kind == "TOOL" and text:
        return plural(text.rstrip("\n").count("\n") + 1, "line")
    return ""


def output(span: ShownSpan) -> str:
    """What a span gave back, as text."""
    return span.text("output.value")


def todos(span: ShownSpan) -> list[dict[str, str]]:
    """The list that a todo tool wrote; empty for every other tool."""
    if "todo" not in tool(span).lower():
        return []
    found = span.tool_input.get("todos")
    if not isinstance(found, list):
        return []
    return [
        {"content": str(todo.get("content") or ""), "status": str(todo.get("status") or "pending")}
        for todo in found
        if isinstance(todo, dict)
    ]


def tally(items: Sequence[TurnItem]) -> str:
    """`4 read, 2 grep`."""
    names = Counter(tool(item.span) for item in items if item.span is not None)
    return ", ".join(f"{number} {name}" for name, number in names.most_common())


def written(value: Any) -> str:
    """An attribute's value as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(written(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key}: {written(inner)}" for key, inner in value.items())
    return "" if value is None else str(value)


_KINDS: dict[type, str] = {
    str: "text",
    bool: "flag",
    int: "int",
    float: "number",
    bytes: "bytes",
    list: "list",
    dict: "map",
}


def type_name(value: Any) -> str:
    """OTLP's kind of a value, in a word."""
    return _KINDS.get(type(value), "empty")
