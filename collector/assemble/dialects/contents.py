"""What messages and tool results hold, in either generation: text, calls, and files by name, type and size (pure)."""

from __future__ import annotations

from typing import Any

from collector.assemble.attachments import describe
from collector.assemble.dialects.lenient import JsonObject, first_text, mapping, text, whole
from collector.otlp.values import to_json


def attachment(found: JsonObject) -> tuple[str | None, str | None, int | None]:
    """Type, name and size of a file: its content is no trace."""
    url = found.get("url", found.get("uri"))
    size = whole(found.get("size"))
    if size is None and isinstance(url, str) and url.startswith("data:"):
        head, _, body = url.partition(",")
        size = _decoded(body) if head.endswith(";base64") else len(body)
    if size is None and isinstance(found.get("data"), str):
        size = _decoded(found["data"])
    name = first_text(found, "filename", "name") or _file_of(mapping(found.get("source")).get("uri"))
    return text(found.get("mime")), name, size


def _decoded(base64: str) -> int:
    """The size of what a base64 text holds."""
    return len(base64) * 3 // 4 - base64[-2:].count("=")


def _file_of(uri: Any) -> str | None:
    """The name of the file a URI points to."""
    return uri.rpartition("/")[2] or None if isinstance(uri, str) and uri.startswith("file:") else None


def text_and_files(content: Any) -> tuple[str, list[str]]:
    """The text of a tool's or message's content, and its files as `describe` puts them."""
    if isinstance(content, str):
        return content, []
    words, files = [], []
    for item in content if isinstance(content, list) else ():
        found = mapping(item)
        if isinstance(found.get("text"), str):
            words.append(found["text"])
        elif found:
            files.append(describe(*attachment(found)))
    return "\n".join(words), files


def spoken(item: JsonObject) -> JsonObject:
    """A message as a model library holds it: role, text, reasoning, tool calls and results."""
    role = first_text(item, "role", "type") or "user"
    said: JsonObject = {"role": role}
    content = item.get("content", item.get("text"))
    words: list[str] = []
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, str):
            words.append(part)
            continue
        found = mapping(part)
        kind = text(found.get("type")) or ""
        if kind in ("tool-call", "tool", "tool_use", "tool-use"):
            said.setdefault("calls", []).append(
                {
                    "id": first_text(found, "toolCallId", "id") or "",
                    "name": first_text(found, "toolName", "name") or "",
                    "input": found.get("input", found.get("args")),
                }
            )
        elif kind in ("tool-result", "tool_result"):
            output = found.get("output", found.get("result", found.get("content")))
            said.setdefault("results", []).append(
                {"id": first_text(found, "toolCallId", "id") or "", "output": _output(output)}
            )
        elif kind in ("reasoning", "thinking"):
            said["reasoning"] = said.get("reasoning", "") + (text(found.get("text")) or "")
        elif isinstance(found.get("text"), str):
            words.append(found["text"])
        elif found:
            words.append(describe(*_media(found)))
    said["text"] = "\n".join(word for word in words if word)
    return said


def _media(found: JsonObject) -> tuple[str | None, str | None, int | None]:
    """A media part, whose content stands in it or one or two levels deeper."""
    media = mapping(found.get("media"))
    inner = {**found, **media, **mapping(media.get("source"))} if media else found
    mime, name, size = attachment(inner)
    return mime or first_text(inner, "mediaType", "type"), name, size


def _output(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and "value" in value:
        return _output(value["value"])
    if isinstance(value, list):
        words, files = text_and_files(value)
        return "\n".join(part for part in (words, *files) if part)
    return "" if value is None else to_json(value)
