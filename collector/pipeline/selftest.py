"""The proof before the start: made-up secrets in every text position, through the real pipeline (pure).

The positions are those of the protobuf descriptors, not of our own list, so a field that a new version of OTLP
brings is tried as well. What survives stops the start.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from collector.batch import Signal
from collector.errors import CollectorError
from collector.otlp.read import PROTOBUF
from collector.pipeline.otlp import Pipeline
from collector.redact.seal import Sealer, always

_ANY = "opentelemetry.proto.common.v1.AnyValue"
_DEEPEST = 3


class Survived(CollectorError):
    """A made-up secret came through: the collector must not run."""


def canaries() -> tuple[str, ...]:
    """Tokens of well-known forms that were never issued; put together here so that no file holds one."""
    return (
        "gh" + "p_" + "C4nA7yQ0f2Xk9Lw5Rb8TzVm3Hd6Js1PeGuNi",
        "AK" + "IA" + "C4NARY7QX2LW5RB6",
        "xo" + "xb-" + "273849506172-384950617283-C4nA7yQ0f2Xk9Lw5Rb8TzVm3",
        "canary.c4na7y" + "@" + "mail.c4nary-works.net",
    )


def prove(sealer: Sealer) -> int:
    """Send canaries through `sealer`; returns in how many positions.

    Raises `Survived` naming the first position where one came through.
    """
    secret = next((text for text in canaries() if sealer.engine.find(text.encode())), canaries()[0])
    pipeline = Pipeline(always(sealer))
    tried = 0
    for signal in Signal:
        request, places = planted(signal, secret)
        tried += len(places)
        outcome = pipeline.run(signal, request.SerializeToString(), PROTOBUF)
        if outcome.batch is None or outcome.left_out.total:
            raise Survived(f"self-test: the {signal} of the test were not taken; the collector must not run")
        if secret.encode() in outcome.batch.data:
            raise Survived(
                f"self-test: a test secret survived in {_survivor(signal, outcome.batch.data, secret)}:"
                " the policy in force does not redact; the collector must not run"
            )
    return tried


def planted(signal: Signal, text: str) -> tuple[Message, list[str]]:
    """An export request with `text` in every string, and where those are."""
    request = signal.request()
    places: list[str] = []
    _plant(request, text, "", 0, places)
    return request, places


def _plant(message: Message, text: str, path: str, depth: int, places: list[str]) -> None:
    for field in message.DESCRIPTOR.fields:
        here = f"{path}.{field.name}" if path else field.name
        if field.containing_oneof is None or field.message_type is None:
            _plant_field(message, field, text, here, depth, places)


def _plant_field(message: Message, field: Any, text: str, here: str, depth: int, places: list[str]) -> None:
    if field.message_type is not None:
        if field.message_type.full_name == _ANY:
            _plant_value(getattr(message, field.name), text, here, depth, places)
        elif field.is_repeated:
            for kind in _kinds(field) or [""]:
                item = getattr(message, field.name).add()
                _plant(item, text, here, depth, places)
                if kind:
                    getattr(item, kind).SetInParent()
                    _plant(getattr(item, kind), text, f"{here}.{kind}", depth, places)
        else:
            getattr(message, field.name).SetInParent()
            _plant(getattr(message, field.name), text, here, depth, places)
    elif field.type == FieldDescriptor.TYPE_STRING:
        places.append(here)
        if field.is_repeated:
            getattr(message, field.name).append(text)
        else:
            setattr(message, field.name, text)
    elif field.type == FieldDescriptor.TYPE_BYTES and field.name.endswith("_id"):
        setattr(message, field.name, b"\1" * (16 if field.name == "trace_id" else 8))


def _kinds(field: Any) -> list[str]:
    """The kinds of message that a repeated message takes one of: of a metric gauge, sum, histogram, ..."""
    return [each.name for oneof in field.message_type.oneofs for each in oneof.fields if each.message_type is not None]


def _plant_value(value: Any, text: str, path: str, depth: int, places: list[str]) -> None:
    """A map that holds every other kind of value, itself among them."""
    if depth >= _DEEPEST:
        places.append(path)
        value.string_value = f"in the middle: {text}."
        return
    pairs = value.kvlist_value.values
    pairs.add(key=text).value.string_value = text
    pairs.add(key="bytes").value.bytes_value = text.encode()
    pairs.add(key="array").value.array_value.values.add().string_value = text
    pairs.add(key="json").value.string_value = '{"a": "' + text + '"}'
    places += [f"{path}.{end}" for end in ("key", "string", "bytes", "array", "json")]
    _plant_value(pairs.add(key="deeper").value, text, f"{path}.kvlist", depth + 1, places)


def _survivor(signal: Signal, data: bytes, secret: str) -> str:
    return next((path for path, text in texts_of(signal.request.FromString(data)) if secret in text), "unknown")


def texts_of(message: Message, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a message, bytes as Latin-1, with where it stands."""
    for field, value in message.ListFields():
        here = f"{path}.{field.name}" if path else field.name
        for item in value if field.is_repeated else (value,):
            if field.message_type is not None:
                yield from texts_of(item, here)
            elif isinstance(item, str):
                yield here, item
            elif isinstance(item, bytes):
                yield here, item.decode("latin-1")
