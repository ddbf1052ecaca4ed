"""OTLP values as plain Python ones and back, and JSON read leniently."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any, TypeAlias

import orjson
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from collector.otlp.sloppy_json import read_sloppy_json

Value: TypeAlias = Any
"""What an attribute holds: str, int, float, bool, bytes, list, dict or None."""

Attributes: TypeAlias = Mapping[str, Value]


def read_attributes(pairs: Iterable[KeyValue]) -> dict[str, Value]:
    """The attributes by key; of a key that occurs twice the last value counts."""
    found: dict[str, Value] = {}
    for pair in pairs:
        value = pair.value
        found[pair.key] = value.string_value or read_value(value)
    return found


def read_value(value: AnyValue) -> Value:
    """The Python value of `value`; None when it is unset."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [read_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return read_attributes(value.kvlist_value.values)
    return getattr(value, kind) if kind else None


def write_value(target: AnyValue, value: Value) -> None:
    """Set `target` to a text, number, truth value, bytes, or a list of those."""
    if isinstance(value, str):
        target.string_value = value
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int):
        if -(2**63) <= value < 2**63:
            target.int_value = value
        else:
            target.string_value = str(value)
    elif isinstance(value, float):
        target.double_value = value
    elif isinstance(value, bytes):
        target.bytes_value = value
    else:
        target.array_value.SetInParent()
        for item in value:
            write_value(target.array_value.values.add(), item)


def read_json(value: Value) -> Value:
    """What a JSON text holds; a text that is no JSON object, list or string, and any other value, as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in _OPENING:
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return read_sloppy_json(value)
    return value


_OPENING = frozenset('{["')


def read_json_deeply(value: Value) -> Value:
    """As `read_json`, also where the JSON text is itself a JSON string, as MLflow writes it."""
    once = read_json(value)
    return read_json(once) if isinstance(once, str) and once is not value else once


def to_text(value: Value) -> str:
    """A text as it is, nothing as an empty one, and any other value as compact JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else to_json(value)


def to_json(value: Value) -> str:
    """`value` as compact JSON; raises `TypeError` when it is nested beyond what orjson writes (254)."""
    return orjson.dumps(value, default=_bytes, option=orjson.OPT_NON_STR_KEYS).decode()


def _bytes(value: Any) -> str:
    if isinstance(value, bytes):
        return f"[{len(value)} bytes]"
    raise TypeError


def is_json(text: str) -> bool:
    """Whether `text` is JSON as a whole; numbers, `true` and `null` are."""
    if text.lstrip()[:1] not in _STARTS:
        return False
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


_STARTS = frozenset('{["-0123456789tfn')


def number(value: Value) -> int | float | None:
    """A count or measure, also when it was sent as a decimal text; None for anything else.

    A text of more than 64 bits is a decimal, since neither JSON nor OTLP can be written with so large a whole number.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, str) and len(value) < 32:
        try:
            whole = int(value)
            return whole if -(2**63) <= whole < 2**63 else float(whole)
        except ValueError:
            try:
                found = float(value)
            except ValueError:
                return None
            return found if isfinite(found) else None
    return None


def listed(value: Value) -> list[Value]:
    """A list, also one sent as JSON text; a single value as a list of one; nothing as an empty list."""
    value = read_json(value)
    if isinstance(value, list):
        return value
    return [] if value is None or value == "" else [value]
