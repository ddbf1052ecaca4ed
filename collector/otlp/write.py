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
    return orjson.dumps(to_document(request))


def to_document(message: Message) -> dict[str, Any]:
    """Turn any OTLP message into the object its OTLP/JSON text stands for."""
    writers = _writers(message.DESCRIPTOR)
    document: dict[str, Any] = {}
    for field, value in message.ListFields():
        name, write = writers[field.number]
        document[name] = write(value)
    return document


Writer = Callable[[Any], Any]
_TABLES: dict[str, dict[int, tuple[str, Writer]]] = {}


def _writers(descriptor: Any) -> dict[int, tuple[str, Writer]]:
    table = _TABLES.get(descriptor.full_name)
    if table is None:
        table = {field.number: (field.json_name, _writer(field)) for field in descriptor.fields}
        _TABLES[descriptor.full_name] = table
    return table


def _writer(field: FieldDescriptor) -> Writer:
    if field.message_type is not None:
        one: Writer = to_document
        if field.message_type.full_name == "opentelemetry.proto.common.v1.KeyValue":
            return _attributes
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
    out = []
    for pair in pairs:
        value = pair.value
        if text := value.string_value:  # by far the most common
            out.append({"key": pair.key, "value": {"stringValue": text}})
        elif pair.HasField("value"):
            out.append({"key": pair.key, "value": _any(value)})
        else:
            out.append({"key": pair.key})
    return out


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
