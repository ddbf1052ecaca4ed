"""OTLP/protobuf to the OTLP message, with a second, slower look at a body that upb refuses.

upb refuses a whole body for one invalid UTF-8 string (exporters in other languages do send those: a tool's
raw output) or for one value nested over its limit. The second look walks the wire format, repairs strings
and leaves out only the spans, log records or metrics that stay unreadable.
"""

from __future__ import annotations

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from collector.batch import ExportRequest, Signal
from collector.errors import BadRequest
from collector.otlp.left_out import UNREADABLE, LeftOut

MAX_REPAIR_BYTES = 8 * 1024 * 1024
"""Larger bodies are refused rather than walked in Python (about 1 s per 8 MiB of small fields)."""

_MAX_DEPTH = 100
_ISOLATED = {"spans", "log_records", "metrics"}


class _Broken(Exception):
    """The wire format itself cannot be followed from here on."""


def read_protobuf(signal: Signal, body: bytes, left_out: LeftOut) -> ExportRequest:
    """Read `body`; items that stay unreadable are left out and counted in `left_out`.

    Raises `BadRequest` when the body is no export request at all.
    """
    try:
        return signal.request.FromString(body)
    except DecodeError:
        pass
    if len(body) > MAX_REPAIR_BYTES:
        raise BadRequest("the body is not a valid protobuf export request")
    try:
        repaired = _repair(signal.request.DESCRIPTOR, body, left_out, 0)
        return signal.request.FromString(repaired)
    except (_Broken, DecodeError):
        raise BadRequest("the body is not a valid protobuf export request") from None


def _repair(descriptor: Descriptor, data: bytes, left_out: LeftOut, depth: int) -> bytes:
    if depth > _MAX_DEPTH:
        raise _Broken
    out: list[bytes] = []
    at = 0
    while at < len(data):
        start = at
        tag, at = _varint(data, at)
        wire = tag & 7
        if wire == 2:
            length, begin = _varint(data, at)
            at = begin + length
            if at > len(data):
                raise _Broken
            field = descriptor.fields_by_number.get(tag >> 3)
            if field is not None:
                fixed = _repair_field(field, data[begin:at], left_out, depth)
                if fixed is not None:
                    out += (_encode_varint(tag), _encode_varint(len(fixed)), fixed)
            continue
        if wire == 0:
            _, at = _varint(data, at)
        elif wire == 1:
            at += 8
        elif wire == 5:
            at += 4
        else:
            raise _Broken  # groups: OTLP has none
        if at > len(data):
            raise _Broken
        out.append(data[start:at])
    return b"".join(out)


def _repair_field(field: FieldDescriptor, data: bytes, left_out: LeftOut, depth: int) -> bytes | None:
    if field.type == FieldDescriptor.TYPE_STRING:
        return data.decode("utf-8", "replace").encode()
    if field.message_type is None:
        return data
    if field.name not in _ISOLATED:
        return _repair(field.message_type, data, left_out, depth + 1)
    try:
        fixed = _repair(field.message_type, data, left_out, depth + 1)
        _class_of(field).FromString(fixed)
    except (_Broken, DecodeError):
        left_out.add(UNREADABLE)
        return None
    return fixed


def _class_of(field: FieldDescriptor) -> type[Message]:
    assert field.message_type is not None
    return GetMessageClass(field.message_type)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise _Broken
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _encode_varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
