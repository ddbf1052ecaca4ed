"""Arbitrary OTLP messages, drawn from their descriptors: whatever OTLP can hold, a property sees."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from hypothesis import strategies as st

from collector.batch import Signal

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_INTS = {
    FieldDescriptor.TYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_SINT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_FIXED32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_SINT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_SFIXED64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT64: (0, 2**64 - 1),
    FieldDescriptor.TYPE_FIXED64: (0, 2**64 - 1),
}
_IDS = {"trace_id": 16, "span_id": 8, "parent_span_id": 8}
_UNUSED = {"key_strindex", "string_value_strindex"}  # for profiles, which are not collected


@st.composite
def requests(draw: st.DrawFn, signal: Signal, text: st.SearchStrategy[str] = _TEXT) -> Any:
    """An export request of `signal` with valid ids; `text` fills every string."""
    message = signal.request()
    _fill(draw, message, text, 0)
    return message


def _fill(draw: st.DrawFn, message: Any, text: st.SearchStrategy[str], depth: int) -> None:
    for oneof in message.DESCRIPTOR.oneofs:
        chosen = draw(st.sampled_from([None, *(f for f in oneof.fields if f.name not in _UNUSED)]))
        if chosen is not None:
            _set(draw, message, chosen, text, depth)
    for field in message.DESCRIPTOR.fields:
        if field.containing_oneof is not None or field.name in _UNUSED:
            continue
        if depth < 3 or field.name in ("trace_id", "span_id") or draw(st.booleans()):
            _set(draw, message, field, text, depth)


def _set(draw: st.DrawFn, message: Any, field: FieldDescriptor, text: st.SearchStrategy[str], depth: int) -> None:
    if field.message_type is not None:
        if depth > 12:
            return
        if field.is_repeated:
            for _ in range(draw(st.integers(1 if depth < 3 else 0, 2))):
                _fill(draw, getattr(message, field.name).add(), text, depth + 1)
        else:
            target = getattr(message, field.name)
            target.SetInParent()
            _fill(draw, target, text, depth + 1)
        return
    values = _values(field, text)
    if field.is_repeated:
        getattr(message, field.name).extend(draw(st.lists(values, max_size=2)))
    else:
        setattr(message, field.name, draw(values))


def _values(field: FieldDescriptor, text: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    if field.name in _IDS:
        size = _IDS[field.name]
        return st.binary(min_size=size, max_size=size).filter(any)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return st.binary(max_size=8)
    if field.type == FieldDescriptor.TYPE_STRING:
        return text
    if field.type == FieldDescriptor.TYPE_BOOL:
        return st.booleans()
    if field.type == FieldDescriptor.TYPE_ENUM:
        return st.sampled_from([*(value.number for value in field.enum_type.values), 99])
    if field.type in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT):
        return st.floats(allow_nan=False) | st.just(float("nan"))  # JSON has no other NaN
    return st.integers(*_INTS[field.type])
