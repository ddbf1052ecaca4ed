"""The metadata level of facts: what nobody declared to be structure is content."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from typing import Any, Literal, cast

import pytest

from collector.assemble.facts import FIELDS, STRUCTURE, AnyFact, Fact, MessageFact, Shape, ToolFact
from collector.pipeline.fact_sealer import FactSealer
from collector.policy.model import ContentLevel
from collector.redact.seal import Sealer

METADATA = Sealer(ContentLevel.METADATA)
COMMON = {"session", "key", "at", "order", "kind"}


@dataclass(slots=True, kw_only=True)
class InventedFact(Fact):
    """A class as someone adds one next year."""

    kind: Literal["invented"] = "invented"
    note: str | None = None
    details: dict[str, Any] | None = None
    lines: list[str] | None = None
    count: int | None = None
    id: str | None = None


@dataclass(slots=True, kw_only=True)
class InventedNoteFact(Fact):
    """One that cannot be without its text."""

    kind: Literal["invented-note"] = "invented-note"
    note: str


def _declared(monkeypatch: pytest.MonkeyPatch, kind: type[Fact], structure: dict[str, Shape]) -> None:
    monkeypatch.setitem(FIELDS, kind, tuple(item.name for item in fields(kind) if item.name not in COMMON))
    monkeypatch.setitem(STRUCTURE, kind, structure)


def _left(fact: Fact) -> dict[str, Any] | None:
    found = FactSealer(METADATA.early("opencode")).seal([cast(AnyFact, fact)], Counter())
    return found[0] if found else None


def test_fields_that_a_new_fact_class_does_not_declare_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dict or list that nobody thought of is content, not structure."""
    _declared(monkeypatch, InventedFact, {"id": Shape.ID})
    fact = InventedFact("ses_1", "k", 5, 5, note="hello", details={"a": "hello"}, lines=["hello"], count=7, id="x-1")
    assert _left(fact) == {"kind": "invented", "session": "ses_1", "key": "k", "at": 5, "order": 5, "id": "x-1"}


def test_nothing_stays_of_a_class_that_declares_no_structure(monkeypatch: pytest.MonkeyPatch) -> None:
    _declared(monkeypatch, InventedFact, {})
    monkeypatch.delitem(STRUCTURE, InventedFact)
    assert _left(InventedFact("ses_1", "k", 5, 5, details={"a": "hello"}, id="x-1")) is None


def test_a_fact_that_cannot_be_without_its_content_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    _declared(monkeypatch, InventedNoteFact, {})
    assert _left(InventedNoteFact("ses_1", "k", 5, 5, note="hello")) is None


@pytest.mark.parametrize("kind", [kind for kind in STRUCTURE if kind.__module__ == "collector.assemble.facts"])
def test_every_declared_field_is_one_of_the_class(kind: type[Fact]) -> None:
    assert set(STRUCTURE[kind]) <= set(FIELDS[kind])


def test_a_declared_field_of_another_shape_is_content_after_all() -> None:
    found: Counter[str] = Counter()
    tokens: Any = {"input": 5, "a note": 3, "secret": "hello"}
    fact = MessageFact("ses_1", "k", 5, 5, message="msg 1", role="user", agent="an agent of mine", tokens=tokens)
    [left] = FactSealer(METADATA.early("opencode")).seal([fact], found)
    assert left["tokens"] == {"input": 5}
    assert "agent" not in left
    assert left["message"].startswith("h")
    assert found == {("content", "drop"): 1}


def test_the_size_of_what_a_tool_was_given_and_gave_stays() -> None:
    left = _left(ToolFact("ses_1", "k", 5, 5, message="m", part="p", call="c", input={"path": "x"}, output="hello"))
    assert left is not None
    assert (left["input"], left["output"]) == ("[REDACTED:content 12 B]", "[REDACTED:content 5 B]")
