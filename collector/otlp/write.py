"""An export request as bytes again, in either encoding: what leaves, and what `preview` shows (pure).

OTLP/JSON as its specification says and no looser: hex ids, integers for enums, decimal strings for 64 bit
integers, base64 for other bytes, no default values.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable
from math import isfinite, isnan
from typing import Any

import orjson
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from collector.batch import ExportRequest

_HEX = {"trace_id", "span_id", "parent_span_id"}
_WIDE = {
    FieldDescriptor.TYPE_INT64,
    FieldDescriptor.TYPE_UINT64,
    FieldDescriptor.TYPE_FIXED64,
    FieldDescriptor.TYPE_SFIXED64,
    FieldDescriptor.TYPE_SINT64,
}
_FLOATS = {FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT}


def to_json(request: ExportRequest) -> bytes:
    """Write `request` as OTLP/JSON (UTF-8, no newline)."""
    return orjson.dumps(_TEXT.document(request))


def to_document(message: Message) -> dict[str, Any]:
    """Turn any OTLP message into the object its OTLP/JSON text stands for."""
    return _OBJECTS.document(message)


Writer = Callable[[Any], Any]


class _Form:
    """Messages as objects, with their attributes as `attributes` makes them."""

    def __init__(self, attributes: Writer) -> None:
        self._attributes = attributes
        self._tables: dict[str, dict[int, tuple[str, Writer]]] = {}

    def document(self, message: Message) -> dict[str, Any]:
        descriptor: Any = message.DESCRIPTOR
        writers = self._tables.get(descriptor.full_name)
        if writers is None:
            writers = {field.number: (field.json_name, self._writer(field)) for field in descriptor.fields}
            self._tables[descriptor.full_name] = writers
        document: dict[str, Any] = {}
        for field, value in message.ListFields():
            name, write = writers[field.number]
            document[name] = write(value)
        return document

    def _writer(self, field: FieldDescriptor) -> Writer:
        if field.message_type is not None:
            one: Writer = self.document
            if field.message_type.full_name == "opentelemetry.proto.common.v1.KeyValue":
                return self._attributes
            if field.message_type.full_name == "opentelemetry.proto.common.v1.AnyValue":
                one = _any
        elif field.type == FieldDescriptor.TYPE_BYTES:
            one = _hex if field.name in _HEX else _base64
        elif field.type in _WIDE:
            one = str
        elif field.type in _FLOATS:
            one = _double
        else:
            one = _same
        if field.is_repeated:
            return lambda values: [one(value) for value in values]
        return one


def _attributes(pairs: Iterable[Any]) -> list[dict[str, Any]]:
    return [_attribute(pair) for pair in pairs]


def _attribute(pair: Any) -> dict[str, Any]:
    if text := pair.value.string_value:  # by far the most common
        return {"key": pair.key, "value": {"stringValue": text}}
    if pair.HasField("value"):
        return {"key": pair.key, "value": _any(pair.value)}
    return {"key": pair.key}


_MOST_HEADS = 10_000
_LONGEST_HEAD = 200
_heads: dict[str, bytes] = {}
"""What stands before the text of an attribute, by its key: keys are few and repeat in every span."""


def _written_attributes(pairs: Iterable[Any]) -> orjson.Fragment:
    """The attributes as text: objects for each of them would take a quarter of the whole time longer."""
    parts: list[bytes] = []
    for pair in pairs:
        if text := pair.value.string_value:
            key = pair.key
            parts.append((_heads.get(key) or _head(key)) + orjson.dumps(text) + b"}}")
        else:
            parts.append(orjson.dumps(_attribute(pair)))
    return orjson.Fragment(b"[" + b",".join(parts) + b"]")


def _head(key: str) -> bytes:
    head = b'{"key":' + orjson.dumps(key) + b',"value":{"stringValue":'
    if len(key) <= _LONGEST_HEAD and len(_heads) < _MOST_HEADS:
        _heads[key] = head
    return head


_OBJECTS = _Form(_attributes)
_TEXT = _Form(_written_attributes)


def _any(value: Any) -> dict[str, Any]:
    kind = value.WhichOneof("value")
    match kind:
        case "string_value":
            return {"stringValue": value.string_value}
        case "int_value":
            return {"intValue": str(value.int_value)}
        case "bool_value":
            return {"boolValue": value.bool_value}
        case "double_value":
            return {"doubleValue": _double(value.double_value)}
        case "array_value":
            return {"arrayValue": {"values": [_any(item) for item in value.array_value.values]}}
        case "kvlist_value":
            return {"kvlistValue": {"values": _attributes(value.kvlist_value.values)}}
        case "bytes_value":
            return {"bytesValue": _base64(value.bytes_value)}
        case _:
            return {}


def _double(value: float) -> float | str:
    if isfinite(value):
        return value
    return "NaN" if isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _hex(value: bytes) -> str:
    return value.hex()


def _base64(value: bytes) -> str:
    return b64encode(value).decode()


def _same(value: Any) -> Any:
    return value
