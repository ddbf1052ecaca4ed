"""Values of OpenCode's events, read leniently: what has another shape than expected is not known (pure)."""

from __future__ import annotations

from typing import Any

JsonObject = dict[str, Any]

_LAST_MS = 1 << 43


def mapping(value: Any) -> JsonObject:
    return value if isinstance(value, dict) else {}


def text(value: Any) -> str | None:
    return value if value and isinstance(value, str) else None


def texts_of(found: JsonObject, *names: str) -> list[str | None]:
    """What `text` reads of each of these fields."""
    return [value if value and isinstance(value, str) else None for value in map(found.get, names)]


def first_text(found: JsonObject, *names: str) -> str | None:
    """What the first of the fields `names` that holds a text says: fields were renamed over the versions."""
    for name in names:
        value = found.get(name)
        if isinstance(value, str) and value:
            return value
    return None


def truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def number(value: Any) -> float | None:
    kind = type(value)
    return value if (kind is int or kind is float) and -1e15 < value < 1e15 else None


def milliseconds(value: Any) -> int | None:
    """A time as OpenCode writes it; None for what is none."""
    if type(value) is int:
        return value if 0 < value < _LAST_MS else None
    return int(value) if isinstance(value, float) and 0 < value < _LAST_MS else None


def whole(value: Any) -> int | None:
    found = number(value)
    return None if found is None else int(found)


def texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def objects(value: Any) -> list[JsonObject]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def agent_name(value: Any) -> str | None:
    """An agent is a name, or (up to 1.1) an object that has one."""
    return text(value) or text(mapping(value).get("name"))


def tokens(value: Any) -> dict[str, float] | None:
    """OpenCode's counts: `input` without cache, `output` without reasoning."""
    if not isinstance(value, dict):
        return None
    cache = mapping(value.get("cache"))
    counts: dict[str, float] = {}
    for name, told in (
        ("input", value.get("input")),
        ("output", value.get("output")),
        ("reasoning", value.get("reasoning")),
        ("cache_read", cache.get("read")),
        ("cache_write", cache.get("write")),
        ("total", value.get("total")),
    ):
        count = number(told)
        if count is not None:
            counts[name] = count
    return counts or None
