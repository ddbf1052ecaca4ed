"""Where the texts of facts are said to stand in spans is where they stand: a policy seals them by that."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, cast

import pytest
from harness.opencode import NOW, export, recording, scenarios, v2_examples
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.assemble.assembler import Assembler
from collector.assemble.dialects.reader import ItemReader, UnknownType
from collector.assemble.facts import FIELDS, STRUCTURE, AnyFact, NoteFact
from collector.pipeline.fact_positions import Positions, positions_in_list, positions_of, positions_of_note
from collector.policy.model import Place

ITEMS = {
    **{f"1, {scenario}": lambda scenario=scenario: recording(scenario) for scenario in scenarios()},
    "1, export": lambda: export("multi"),
    "2": v2_examples,
}
_MARK = re.compile(r"~\w+\.\w+~")
_MESSAGE = re.compile(r"(llm\.(?:in|out)put_messages\.\d+\.message\.)")
Stands = tuple[str, Place, str, str]
"""Kind of span, place, key, role of the message."""


def _marked(fact: AnyFact, listed: dict[str, Positions]) -> AnyFact:
    """The same fact with the name of each text of its content before that text; `listed` gets where each will stand."""
    kind = type(fact)
    for field in FIELDS[kind]:
        value = getattr(fact, field)
        if field in STRUCTURE.get(kind, {}):
            continue
        if kind is NoteFact:
            setattr(fact, field, {name: _mark(kind, name, text) for name, text in value.items()})
            listed |= {_mark(kind, name, ""): positions_of_note(name) for name in value}
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            setattr(fact, field, [_marked_object(kind, each, listed) for each in value])
        elif value:
            setattr(fact, field, _everywhere(kind, field, value))
            listed[_mark(kind, field, "")] = positions_of(kind, field)
    return fact


def _mark(kind: type, field: str, text: str) -> str:
    return f"~{kind.__name__}.{field}~{text}"


def _everywhere(kind: type, field: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _everywhere(kind, field, each) for key, each in value.items()}
    if isinstance(value, list):
        return [_everywhere(kind, field, each) for each in value]
    return _mark(kind, field, value) if isinstance(value, str) else value


def _marked_object(kind: type, value: dict[str, Any], listed: dict[str, Positions]) -> dict[str, Any]:
    found = {}
    for key, each in value.items():
        found[key] = each
        if key in ("text", "reasoning", "input", "output", "description", "parameters"):
            found[key] = _everywhere(kind, key, each)
            listed[_mark(kind, key, "")] = positions_in_list(cast(Any, kind), key)
    return found


def _texts(span: Span) -> Iterator[tuple[Place, str, str]]:
    yield Place.NAME, "", span.name
    yield Place.STATUS, "", span.status.message
    for pair in span.attributes:
        yield Place.ATTR, pair.key, pair.value.string_value
    for event in span.events:
        yield Place.EVENT_NAME, "", event.name
        for pair in event.attributes:
            yield Place.EVENT_ATTR, pair.key, pair.value.string_value


def _attribute(span: Span, key: str) -> str:
    return next((pair.value.string_value for pair in span.attributes if pair.key == key), "")


def _stands(span: Span) -> Iterator[tuple[str, Stands]]:
    """The marks of a span, and where each stands."""
    kind = _attribute(span, "openinference.span.kind")
    for place, key, text in _texts(span):
        marks = set(_MARK.findall(text))
        message = _MESSAGE.match(key) if marks else None
        role = _attribute(span, f"{message[1]}role") if message else ""
        yield from ((mark, (kind, place, re.sub(r"(?<=\.)\d+(?=\.)", "999999", key), role)) for mark in marks)


@pytest.mark.parametrize("items", ITEMS)
def test_each_text_of_a_fact_stands_where_it_is_listed(items: str) -> None:
    reader, assembler, listed = ItemReader(), Assembler(), dict[str, Positions]()
    for item in ITEMS[items]():
        for fact in reader.read(item, NOW):
            if not isinstance(fact, UnknownType):
                assembler.learn(_marked(fact, listed), 0)
    found: dict[str, set[Stands]] = defaultdict(set)
    for made in assembler.close():
        for mark, stands in _stands(made.whole()):
            found[mark].add(stands)
    said = {mark: {(each.kind, each.place, each.key, each.role) for each in where} for mark, where in listed.items()}
    assert found
    assert {mark: stands - said[mark] for mark, stands in found.items() if stands - said[mark]} == {}
