"""OTLP/JSON to the OTLP message, as its specification defines it and as real clients write it.

`google.protobuf.json_format` cannot be used: it reads hex ids as base64 without an error, refuses unknown
keys, and takes twenty times longer. Accepted beyond the specification ("JSON Protobuf Encoding"), because
clients in the field send it: ids as base64 by their length, enum names, snake_case keys, integers as
numbers, `{}` for an unset value, bare NaN, lone surrogates, a byte order mark.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import orjson
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from collector.batch import ExportRequest, Signal
from collector.errors import BadRequest
from collector.otlp.left_out import UNREADABLE, LeftOut
from collector.otlp.scalars import Unreadable, converter, read_bool, read_bytes, read_double, read_integer, read_text

MAX_DEPTH = 88
"""Messages that a value may stand below that of its attribute: what is written must be read again, and upb reads a
hundred, of which up to eight are above the attribute's value (of an exemplar), and two or three below the last."""
_ARRAY, _MAP = 2, 3
"""Messages that an array and a map put between themselves and their values."""

TOO_DEEP = "[REDACTED:too-deep]"

Setter = Callable[[Any, Any, LeftOut], None]

_ISOLATED = {"spans", "log_records", "metrics"}
_ROOT_KEYS = {"resourceSpans": "traces", "resourceLogs": "logs", "resourceMetrics": "metrics"}


def read_json(signal: Signal, body: bytes, left_out: LeftOut) -> ExportRequest:
    """Read `body`; items that cannot be read are left out and counted by reason in `left_out`.

    Raises `BadRequest` when the body is no JSON object or holds another signal.
    """
    document = _load(body)
    if type(document) is not dict:
        raise BadRequest("the body must be a JSON object")
    own = f"resource{'Spans' if signal is Signal.TRACES else signal.value.capitalize()}"
    for key, other in _ROOT_KEYS.items():
        if key != own and key in document and own not in document:
            raise BadRequest(f"this is the path for {signal.value}, the body holds {key}: send it to /v1/{other}")
    request = signal.request()
    try:
        _read_message(request, document, left_out)
    except Unreadable as error:
        raise BadRequest(str(error)) from None
    return request


def _load(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    if not body.strip():
        raise BadRequest("the body is empty; an empty JSON request is {}")
    try:
        return _scrub(json.loads(body.decode("utf-8-sig", "replace")))
    except RecursionError:
        raise BadRequest("the JSON is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise BadRequest(f"the body is not valid JSON (at character {error.pos})") from None
    except ValueError:
        raise BadRequest("the body holds a number too long to read") from None


def _scrub(value: Any) -> Any:
    """Replace lone surrogates, which no UTF-8 text can hold, by U+FFFD."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_scrub(item) for item in value]
    if isinstance(value, dict):
        return {_scrub(key): _scrub(item) for key, item in value.items()}
    return value


def _read_message(message: Any, source: Any, left_out: LeftOut) -> None:
    if type(source) is not dict:
        raise Unreadable("expected an object")
    setters = _setters(message.DESCRIPTOR)
    for key, value in source.items():
        setter = setters.get(key)
        if setter is None or value is None:
            continue  # unknown keys MUST be ignored; null is an absent field
        try:
            setter(message, value, left_out)
        except Unreadable as error:
            error.path.append(f".{key}")
            raise


_TABLES: dict[str, dict[str, Setter]] = {}


def _setters(descriptor: Descriptor) -> dict[str, Setter]:
    table = _TABLES.get(descriptor.full_name)
    if table is None:
        table = {}
        for field in descriptor.fields:
            setter = _setter(field)
            table[field.name] = setter
            table[field.json_name] = setter
        _TABLES[descriptor.full_name] = table
    return table


def _setter(field: FieldDescriptor) -> Setter:
    if field.message_type is not None:
        kind = field.message_type.full_name
        if kind == "opentelemetry.proto.common.v1.KeyValue":
            return _attributes_setter(field.name)
        if kind == "opentelemetry.proto.common.v1.AnyValue":
            return _any_setter(field.name)
        return _messages_setter(field.name) if field.is_repeated else _message_setter(field.name)
    convert = converter(field)
    name = field.name
    if field.is_repeated:

        def extend(message: Any, value: Any, left_out: LeftOut) -> None:
            if type(value) is not list:
                raise Unreadable("expected a list")
            getattr(message, name).extend([convert(item) for item in value])

        return extend

    def assign(message: Any, value: Any, left_out: LeftOut) -> None:
        setattr(message, name, convert(value))

    return assign


def _message_setter(name: str) -> Setter:
    def read(message: Any, value: Any, left_out: LeftOut) -> None:
        target = getattr(message, name)
        target.SetInParent()
        _read_message(target, value, left_out)

    return read


def _messages_setter(name: str) -> Setter:
    isolated = name in _ISOLATED

    def read(message: Any, value: Any, left_out: LeftOut) -> None:
        if type(value) is not list:
            raise Unreadable("expected a list")
        target = getattr(message, name)
        for index, item in enumerate(value):
            try:
                _read_message(target.add(), item, left_out)
            except Unreadable as error:
                if not isolated:
                    error.path.append(f"[{index}]")
                    raise
                _reject(target, item, error, left_out)

    return read


def _reject(target: Any, item: Any, error: Unreadable, left_out: LeftOut) -> None:
    """Take the half-read last item out again, so that its neighbours are kept."""
    del target[-1]
    left_out.add(UNREADABLE, _points(item), str(error))


def _points(item: Any) -> int:
    """How many items are lost with `item`: a metric is counted by its data points."""
    if type(item) is dict:
        for data in item.values():
            points = data.get("dataPoints") if type(data) is dict else None
            if type(points) is list:
                return len(points)
    return 1


def _attributes_setter(name: str) -> Setter:
    def read(message: Any, value: Any, left_out: LeftOut) -> None:
        _read_attributes(getattr(message, name), value, 0)

    return read


def _any_setter(name: str) -> Setter:
    def read(message: Any, value: Any, left_out: LeftOut) -> None:
        target = getattr(message, name)
        target.SetInParent()
        _read_any(target, value, 0)

    return read


def _read_attributes(target: Any, source: Any, depth: int) -> None:
    if type(source) is not list:
        raise Unreadable("expected a list of {key, value}")
    add = target.add
    for index, item in enumerate(source):
        if type(item) is not dict:
            raise _at(Unreadable("expected {key, value}"), f"[{index}]")
        pair = add()
        key = item.get("key")
        if type(key) is str:
            pair.key = key
        elif key is not None:
            raise _at(Unreadable("expected a string"), ".key", f"[{index}]")
        value = item.get("value")
        if value is None:
            continue
        # The common case first: an object with the one member stringValue.
        if type(value) is dict and len(value) == 1:
            text = value.get("stringValue")
            if type(text) is str:
                pair.value.string_value = text
                continue
        pair.value.SetInParent()
        try:
            _read_any(pair.value, value, depth)
        except Unreadable as error:
            raise _at(error, ".value", f"[{index}]") from None


def _at(error: Unreadable, *places: str) -> Unreadable:
    error.path.extend(places)
    return error


def _read_any(target: Any, source: Any, depth: int) -> None:
    if type(source) is not dict:
        raise Unreadable("expected an object such as {stringValue}")
    if depth > MAX_DEPTH:
        target.string_value = TOO_DEEP
        return
    found = False
    for key, value in source.items():
        read = _ANY_READERS.get(key)
        if read is None or value is None:
            continue
        if found:
            raise Unreadable("holds more than one value")
        found = True
        try:
            read(target, value, depth)
        except Unreadable as error:
            raise _at(error, f".{key}") from None


def _read_array(target: Any, source: Any, depth: int) -> None:
    values = _values_of(source)
    add = target.array_value.values.add
    target.array_value.SetInParent()
    for index, value in enumerate(values):
        item = add()
        if value is None:
            continue
        try:
            _read_any(item, value, depth + _ARRAY)
        except Unreadable as error:
            raise _at(error, f"[{index}]", ".values") from None


def _read_kvlist(target: Any, source: Any, depth: int) -> None:
    target.kvlist_value.SetInParent()
    _read_attributes(target.kvlist_value.values, _values_of(source), depth + _MAP)


def _values_of(source: Any) -> list[Any]:
    if type(source) is not dict:
        raise Unreadable("expected {values: [...]}")
    values = source.get("values")
    if values is None:
        return []
    if type(values) is not list:
        raise _at(Unreadable("expected a list"), ".values")
    return values


def _set_string(target: Any, value: Any, depth: int) -> None:
    target.string_value = read_text(value)


def _set_bool(target: Any, value: Any, depth: int) -> None:
    target.bool_value = read_bool(value)


def _set_int(target: Any, value: Any, depth: int) -> None:
    target.int_value = read_integer(value, -(2**63), 2**63 - 1)


def _set_double(target: Any, value: Any, depth: int) -> None:
    target.double_value = read_double(value)


def _set_bytes(target: Any, value: Any, depth: int) -> None:
    target.bytes_value = read_bytes(value)


_ANY_READERS: dict[str, Callable[[Any, Any, int], None]] = {
    "stringValue": _set_string,
    "string_value": _set_string,
    "boolValue": _set_bool,
    "bool_value": _set_bool,
    "intValue": _set_int,
    "int_value": _set_int,
    "doubleValue": _set_double,
    "double_value": _set_double,
    "bytesValue": _set_bytes,
    "bytes_value": _set_bytes,
    "arrayValue": _read_array,
    "array_value": _read_array,
    "kvlistValue": _read_kvlist,
    "kvlist_value": _read_kvlist,
}
