"""The metadata level of OpenCode's facts: what of a fact stays when no content may be kept (pure).

Only what `assemble.facts` declares to be structure stays, and only where its value has the declared shape. Of content
whose presence is worth knowing the size stays, and of lists of tools and messages what is structure in them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from collector.assemble.facts import (
    STRUCTURE,
    ConversationFact,
    Fact,
    NoteFact,
    RequestFact,
    SessionFact,
    Shape,
    ToolListFact,
    to_bytes,
)
from collector.redact.placeholders import sized
from collector.redact.report import CONTENT

_IDENTIFIER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:+-]{0,159}")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/@+-]{0,99}")
_OF_EVERY_FACT = {"session": Shape.ID, "key": Shape.ID, "at": Shape.NUMBER, "order": Shape.NUMBER}
_SIZED = frozenset({"text", "input", "output", "error", "structured"})


def reduced(kind: type[Fact], name: str, value: Any) -> Any:
    """What stays of a field where no content may: structure of its shape, or the size of content; None for nothing."""
    shape = shape_of(kind, name)
    if shape is not None:
        return _shaped(value, shape)
    reduce = _REDUCE.get((kind, name))
    if reduce is not None:
        return reduce(value)
    return _sized(value) if name in _SIZED else None


def shape_of(kind: type[Fact], name: str) -> Shape | None:
    """The shape of a field that is structure; None for content, and for every field of a class that declares none."""
    structure = STRUCTURE.get(kind)
    if structure is None:
        return None
    return structure.get(name) or _OF_EVERY_FACT.get(name)


def _shaped(value: Any, shape: Shape) -> Any:
    """`value` where it has the shape, as far as it has it; None otherwise."""
    match shape:
        case Shape.NUMBER:
            return value if isinstance(value, (int, float)) else None
        case Shape.NUMBERS:
            return _numbers(value)
        case Shape.IDS:
            return [_id(item) for item in value if isinstance(item, str)] if isinstance(value, list) else None
        case Shape.ID:
            return _id(value) if isinstance(value, str) else None
    pattern = _NAME if shape is Shape.NAME else _IDENTIFIER
    return value if isinstance(value, str) and pattern.fullmatch(value) else None


def _id(value: str) -> str:
    """An id; a text that has not the shape of one is replaced by an id that tells nothing."""
    if _IDENTIFIER.fullmatch(value):
        return value
    return "h" + blake2b(value.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _numbers(value: Any) -> dict[str, float] | None:
    if not isinstance(value, dict):
        return None
    return {key: item for key, item in value.items() if isinstance(item, (int, float)) and _NAME.fullmatch(key)}


def _tools(value: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [{"name": n} for tool in value if _IDENTIFIER.fullmatch(n := str(tool.get("name") or ""))]


def _messages(value: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [_message(item) for item in value]


def _message(item: dict[str, Any]) -> dict[str, Any]:
    calls = [{"id": _known(c.get("id")), "name": _known(c.get("name")), "input": _sized(c.get("input"))}
             for c in item.get("calls") or ()]  # fmt: skip
    results = [{"id": _known(r.get("id")), "output": _sized(r.get("output"))} for r in item.get("results") or ()]
    return {"role": _known(item.get("role")), "text": _sized(item.get("text")), "calls": calls, "results": results}


_REDUCE: dict[tuple[type[Fact], str], Callable[[Any], Any]] = {
    (SessionFact, "title"): lambda value: _sized(value),
    (RequestFact, "params"): _numbers,
    (ToolListFact, "tools"): _tools,
    (ConversationFact, "messages"): _messages,
    (NoteFact, "texts"): lambda _: {},
}


def _known(value: Any) -> str:
    return _id(str(value)) if value else ""


def _sized(value: Any) -> str:
    size = len(value.encode("utf-8", "surrogatepass")) if isinstance(value, str) else len(to_bytes({"": value})) - 5
    return sized(CONTENT, size)
