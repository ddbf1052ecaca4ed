"""Every string and bytes field that the protobuf descriptors of the three signals know is looked at."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.batch import Signal
from collector.pipeline.selftest import planted, texts_of
from collector.redact.engine.engine import Extent
from collector.redact.ruleset import preset_policy
from collector.redact.seal import Sealer

MARK = "Mark" + "er-4711"


class FindsAll:
    """An engine that finds the marker wherever it is asked to look."""

    name = "test"

    def find(self, data: bytes) -> list[Extent]:
        at = data.find(MARK.encode())
        return [Extent(at, at + len(MARK), "marker")] if at >= 0 else []

    def find_all(self, texts: list[str]) -> Any:
        for index, text in enumerate(texts):
            if extents := self.find(text.encode()):
                yield index, text.encode(), extents


def descriptor_paths(descriptor: Any, path: str = "", seen: tuple[str, ...] = ()) -> set[str]:
    """Every string and bytes field below `descriptor`, recursion cut where a type contains itself."""
    found = set()
    for field in descriptor.fields:
        here = f"{path}.{field.name}" if path else field.name
        if field.message_type is not None:
            if field.message_type.full_name not in seen:
                found |= descriptor_paths(field.message_type, here, (*seen, descriptor.full_name))
        elif field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
            found.add(here)
    return found


@pytest.mark.parametrize("signal", Signal)
def test_every_text_field_of_the_descriptors_is_visited(signal: Signal) -> None:
    """Fails when a new version of OTLP brings a field that `positions.py` does not know."""
    request, places = planted(signal, MARK)
    before = [path for path, text in texts_of(request) if MARK in text]
    assert len(before) >= len(places)
    batch = Sealer(preset_policy(), FindsAll()).seal(signal, request)  # type: ignore[arg-type]
    assert [path for path, text in texts_of(signal.request.FromString(batch.data)) if MARK in text] == []


@pytest.mark.parametrize("signal", Signal)
def test_the_planting_itself_reaches_every_text_field(signal: Signal) -> None:
    """What the self-test and the test above plant is compared with the descriptors."""
    request, _ = planted(signal, MARK)
    reached = {path for path, text in texts_of(request)}
    missing = {path for path in descriptor_paths(request.DESCRIPTOR) if path not in reached}
    # Values are planted as a map that holds every other kind, so their own kinds stand one level deeper.
    values = ("value.string_value", "value.bytes_value", "body.string_value", "body.bytes_value")
    assert {path for path in missing if not path.endswith(("_id", *values)) and "array_value" not in path} == set()


@pytest.mark.parametrize("signal", Signal)
def test_at_the_metadata_level_no_text_field_is_left_either(signal: Signal) -> None:
    text = f"two words {MARK}"
    request, _ = planted(signal, text)
    batch = Sealer(preset_policy("metadata-only")).seal(signal, request)
    assert MARK.encode() not in batch.data


def test_ids_are_the_only_bytes_that_stay() -> None:
    """They have a fixed length; any other bytes could be a compressed prompt."""
    kinds = {field.name for field in Span.DESCRIPTOR.fields if field.type == FieldDescriptor.TYPE_BYTES}
    assert kinds == {"trace_id", "span_id", "parent_span_id"}
