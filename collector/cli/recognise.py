"""What a file holds, by what it begins with: OTLP, OpenCode's events or export, or something of another tool."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from collector.errors import CollectorError

OTLP, OPENCODE = "otlp", "opencode"

_OTLP_KEY = re.compile(r"resource_?(spans|logs|metrics)", re.I)
_READS = "preview reads OTLP (JSON, lines of it, protobuf), and OpenCode's events and exports"


def recognised(data: bytes) -> str:
    """`OTLP` or `OPENCODE`; raises `CollectorError` for what is neither, naming the tool where it is known.

    What is not JSON is taken for OTLP's protobuf, which is refused where it is read when it is none.
    """
    text = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] not in (b"{", b"["):
        printable = sum(byte in b"\t\n\r" or 32 <= byte < 127 for byte in text[:512])
        if text and printable == len(text[:512]):
            raise CollectorError(f"holds text that is not JSON; {_READS}")
        return OTLP
    first = _first(text)
    if first is not None and not first:
        raise CollectorError(f"holds nothing: its JSON is empty; {_READS}")
    if first is None or any(_OTLP_KEY.fullmatch(key) for key in first):
        return OTLP  # with an error in it, it is said where it is read
    if _is_opencode(first):
        return OPENCODE
    named = next((name for name, keys in _OTHERS.items() if all(key in first for key in keys)), "")
    raise CollectorError(f"looks like {named}; {_READS}" if named else f"holds JSON of no kind known here; {_READS}")


def _first(text: bytes) -> Mapping[str, Any] | None:
    """The first object: of an array, of lines, or the document itself; None where it is no JSON."""
    for part in (text.partition(b"\n")[0], text):
        try:
            found = orjson.loads(part)
        except orjson.JSONDecodeError:
            continue
        if isinstance(found, list):
            found = found[0] if found else {}
        return found if isinstance(found, dict) else {"": found}
    return None


def _is_opencode(item: Mapping[str, Any]) -> bool:
    """An export, or any form of an item that `/v1/opencode/events` takes."""
    if isinstance(item.get("messages"), list) and ("info" in item or "session" in item):
        return True
    if "hook" in item or "payload" in item:
        return True
    named = isinstance(item.get("type"), str)
    return named and ("properties" in item or "data" in item)


_OTHERS: Mapping[str, tuple[str, ...]] = {
    "HALO's lines of spans, which are exported from what was sealed": ("trace_id", "span_id", "parent_span_id"),
    "a transcript of Claude Code": ("sessionId", "uuid"),
    "a rollout of Codex": ("timestamp", "type", "payload"),
    "an export of Phoenix": ("context", "span_kind"),
    "an export of Langfuse": ("observations",),
    "an export of Jaeger": ("data", "total"),
    "spans of Zipkin": ("traceId", "id", "timestamp"),
    "messages of a model's API": ("messages",),
}
"""Keys that tell the files of other tools."""
