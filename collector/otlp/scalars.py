"""Single values of OTLP/JSON as protobuf holds them: texts, numbers, truth values, bytes, ids and enums."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

_ID_BYTES = {"trace_id": 16, "span_id": 8, "parent_span_id": 8}
_INT_RANGES = {
    FieldDescriptor.TYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_SINT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_SFIXED32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_FIXED32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_SINT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_SFIXED64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT64: (0, 2**64 - 1),
    FieldDescriptor.TYPE_FIXED64: (0, 2**64 - 1),
}


class Unreadable(Exception):
    """A field that cannot be read: where (outermost last) and what was expected; never the value."""

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected
        self.path: list[str] = []

    def __str__(self) -> str:
        place = "".join(reversed(self.path)).lstrip(".")
        return f"{place}: {self.expected}" if place else self.expected


def read_text(value: Any) -> str:
    if type(value) is not str:
        raise Unreadable("expected a string")
    return value


def read_bool(value: Any) -> bool:
    if type(value) is not bool:
        raise Unreadable("expected true or false")
    return value


def read_integer(value: Any, low: int, high: int) -> int:
    kind = type(value)
    number: int
    if kind is int:
        number = value
    elif kind is str:
        # Longer strings are no 64 bit number, and int() of a huge one would take long.
        if len(value) > 32 or "_" in value:
            raise Unreadable("expected an integer")
        try:
            number = int(value)
        except ValueError:
            number = _whole(read_double(value))
    elif kind is float:
        number = _whole(value)
    else:
        raise Unreadable("expected an integer")
    if not low <= number <= high:
        raise Unreadable("the integer is out of range")
    return number


def _whole(value: float) -> int:
    if not value.is_integer():
        raise Unreadable("expected an integer")
    return int(value)


def read_double(value: Any) -> float:
    kind = type(value)
    if kind is float or kind is int:
        try:
            return float(value)
        except OverflowError:
            raise Unreadable("the number is out of range") from None
    if kind is str and len(value) <= 64 and "_" not in value:
        try:
            return float(value)
        except ValueError:
            pass
    raise Unreadable("expected a number")


def read_bytes(value: Any) -> bytes:
    text = read_text(value).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable("expected base64") from None


def read_id(value: Any, size: int) -> bytes:
    """Tell hex from base64 by length; the catalyst-tracing package for Python sends base64 ids.

    Anything else becomes an id of the wrong length, which `valid` refuses: one bad id costs one span.
    """
    text = read_text(value)
    if not text:
        return b""
    if len(text) == 2 * size:
        try:
            return bytes.fromhex(text) if text.isalnum() else b"?"
        except ValueError:
            return b"?"
    if len(text) == 4 * ((size + 2) // 3):
        try:
            return read_bytes(text)
        except Unreadable:
            return b"?"
    return b"?"


def read_enum(value: Any, names: dict[str, int]) -> int:
    if type(value) is str and value in names:
        return names[value]
    return read_integer(value, -(2**31), 2**31 - 1)


def converter(field: FieldDescriptor) -> Callable[[Any], Any]:
    size = _ID_BYTES.get(field.name)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return (lambda value: read_id(value, size)) if size else read_bytes
    if field.type == FieldDescriptor.TYPE_ENUM and field.enum_type is not None:
        names = {value.name: value.number for value in field.enum_type.values}
        return lambda value: read_enum(value, names)
    if field.type == FieldDescriptor.TYPE_STRING:
        return read_text
    if field.type == FieldDescriptor.TYPE_BOOL:
        return read_bool
    if field.type in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT):
        return read_double
    low, high = _INT_RANGES[field.type]
    return lambda value: read_integer(value, low, high)
