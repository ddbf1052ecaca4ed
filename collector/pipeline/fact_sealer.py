"""Seals OpenCode's facts before they are kept: each text as the span attribute it becomes (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import MISSING, fields
from functools import partial
from operator import attrgetter
from typing import Any

import orjson

from collector.assemble.facts import FIELDS, AnyFact, Fact, NoteFact, Shape, ToolFact
from collector.otlp.values import to_json
from collector.pipeline.fact_content import reduced, shape_of
from collector.pipeline.fact_positions import positions_in_list, positions_of, positions_of_note
from collector.policy.model import Action, ContentLevel, Place
from collector.redact.early import EarlySealer, EarlyText, Position, TextPlace
from collector.redact.placeholders import named
from collector.redact.report import CONTENT, ERROR, TOO_DEEP

MAX_DEPTH = 32
"""As in OTLP's own values."""

_ANYWHERE = tuple(Position(kind, Place.NAME) for kind in ("AGENT", "LLM", "TOOL", "CHAIN"))
_FIXED = frozenset({"at", "order", "media"})
"""Numbers of every fact, and a word of a closed list: no field rule changes them, or the fact could not be read."""
_NAMING = frozenset({"id", "role"})
"""Fields of the objects in lists that join things together, or come from a closed list."""

Actions = Counter[tuple[str, str]]
FactDocument = dict[str, Any]


_Take = Callable[["_Batch", type[Fact], FactDocument, str, Any, TextPlace], None]
_Step = tuple[str, _Take, TextPlace]
"""A field, what becomes of it, and where it will stand."""


class FactSealer:
    """Turns facts into redacted documents; `metadata_on_error` keeps no content where a text could not be read."""

    def __init__(self, early: EarlySealer, *, metadata_on_error: bool = False) -> None:
        self._batch = partial(_Batch, early, _Plans(early, all_content_goes=False))
        self._batch_of_none = partial(_Batch, early, _Plans(early, all_content_goes=True))
        self._metadata_on_error = metadata_on_error

    def seal(self, facts: Sequence[AnyFact], actions: Actions) -> list[FactDocument]:
        """The documents of `facts` in order, without those of which nothing is left to tell.

        What was done is counted in `actions`, by rule and action.
        """
        batch = self._batch()
        documents = [found for fact in facts if (found := batch.take(fact)) is not None]
        batch.seal()
        if self._metadata_on_error and any(rule == ERROR for rule, _ in batch.actions):
            batch = self._batch_of_none()
            documents = [found for fact in facts if (found := batch.take(fact)) is not None]
            batch.seal()
        actions.update(batch.actions)
        return [document for kind, document in documents if document.keys() >= _required(kind)]


class _Plan:
    """What becomes of each field of a class of facts; of tool calls, of those of one tool."""

    __slots__ = ("steps", "values")

    def __init__(self, steps: Sequence[_Step]) -> None:
        self.steps = steps
        self.values: Callable[[Fact], tuple[Any, ...]] = attrgetter(*(field for field, _, _ in steps))


class _Plans:
    """The plan of each class of facts, made when one is met, and where texts in lists will stand."""

    def __init__(self, early: EarlySealer, *, all_content_goes: bool) -> None:
        self._early = early
        self._all_content_goes = all_content_goes
        self._plans: dict[tuple[type[Fact], str], _Plan] = {}
        self._in_lists: dict[tuple[type[Fact], str, str], TextPlace] = {}

    def of(self, kind: type[Fact], tool: str) -> _Plan:
        known = self._plans.get((kind, tool))
        if known is None:
            if len(self._plans) > _MOST_PLANS:
                self._plans.clear()
            steps = [self._step(kind, tool, field) for field in ("session", "key", "at", "order", *FIELDS[kind])]
            known = self._plans[kind, tool] = _Plan(steps)
        return known

    def _step(self, kind: type[Fact], tool: str, field: str) -> _Step:
        names = shape_of(kind, field) in (Shape.ID, Shape.IDS, Shape.NUMBER, Shape.NUMBERS)
        place = self._early.place(_ANYWHERE if names else positions_of(kind, field), tool)
        if field in _closed(kind):
            return field, _Batch.copy, place
        if self._all_content_goes or place.level is ContentLevel.METADATA:
            return field, _Batch.reduce, place
        return field, _Batch.take_naming if names or field in _FIXED else _Batch.take_text, place

    def in_list(self, kind: type[Fact], tool: str, field: str) -> TextPlace:
        """Where a field of the objects in a list of a fact will stand."""
        known = self._in_lists.get((kind, tool, field))
        if known is None:
            if len(self._in_lists) > _MOST_PLANS:
                self._in_lists.clear()
            known = self._in_lists[kind, tool, field] = self._early.place(positions_in_list(kind, field), tool)
        return known


class _Batch:
    """The texts of some facts: listed with where they stand, sealed together, and put back."""

    def __init__(self, early: EarlySealer, plans: _Plans) -> None:
        self.actions: Actions = Counter()
        self._early = early
        self._plans = plans
        self._texts: list[EarlyText] = []
        self._holders: list[tuple[Any, Any, bool]] = []
        """Of each text: what holds it, under which key or index, and whether it is JSON."""
        self._identifiers: list[str] = []
        self._identified: list[tuple[Any, Any]] = []
        self._tool = ""

    def take(self, fact: AnyFact) -> tuple[type[Fact], FactDocument] | None:
        kind = type(fact)
        self._tool = (fact.name or "") if isinstance(fact, ToolFact) else ""
        plan = self._plans.of(kind, self._tool)
        kept: FactDocument = {"kind": fact.kind}
        for (field, take, place), value in zip(plan.steps, plan.values(fact), strict=True):
            if value is not None:
                take(self, kind, kept, field, value, place)
        return (kind, kept) if len(kept) > 1 else None

    def copy(self, kind: type[Fact], kept: FactDocument, field: str, value: Any, place: TextPlace) -> None:
        """Keep a word of a closed list."""
        kept[field] = value

    def reduce(self, kind: type[Fact], kept: FactDocument, field: str, value: Any, place: TextPlace) -> None:
        """Keep what may stay of a field where no content may."""
        left = reduced(kind, field, value)
        if left is None or shape_of(kind, field) is None:
            self.actions[CONTENT, Action.DROP.word if left is None else Action.PLACEHOLDER.word] += 1
        if left is not None:
            self.take_naming(kind, kept, field, left, place)

    def take_naming(self, kind: type[Fact], kept: FactDocument, field: str, value: Any, place: TextPlace) -> None:
        """List what joins things together; numbers are kept as they are."""
        if isinstance(value, str):
            self._identify(kept, field, value)
        elif isinstance(value, list):
            kept[field] = items = list(value)
            for index, item in enumerate(items):
                if isinstance(item, str):
                    self._identify(items, index, item)
        else:
            kept[field] = value

    def take_text(self, kind: type[Fact], holder: Any, key: Any, value: Any, place: TextPlace) -> None:
        """List the texts of a value that may hold content; `holder` gets a copy of it."""
        if isinstance(value, str):
            self._add(holder, key, value, place)
        elif kind is NoteFact and isinstance(value, dict):
            holder[key] = texts = dict(value)
            for name, text in value.items():
                self._add(texts, name, str(text), self._early.place(positions_of_note(name)))
        elif isinstance(value, list) and all(isinstance(item, dict) for item in value):
            holder[key] = [self._object(kind, item) for item in value]
        elif isinstance(value, list) and all(isinstance(item, str) for item in value):
            holder[key] = items = list(value)
            for index, item in enumerate(value):
                self._add(items, index, item, place)
        elif value is None or isinstance(value, bool):
            holder[key] = value
        else:
            self._add(holder, key, to_json(_shallow(value, 0, self.actions)), place, as_json=True)

    def _object(self, kind: type[Fact], item: FactDocument) -> FactDocument:
        found: FactDocument = {}
        for field, value in item.items():
            if field in _NAMING and isinstance(value, str):
                found[field] = value
                self._identify(found, field, value)
            elif field in ("calls", "results") and isinstance(value, list):
                found[field] = [self._object(kind, each) for each in value if isinstance(each, dict)]
            else:
                place = self._plans.in_list(kind, self._tool, field)
                if isinstance(value, list):
                    self._add(found, field, to_json(_shallow(value, 0, self.actions)), place, as_json=True)
                else:
                    self.take_text(kind, found, field, value, place)
        return found

    def _add(self, holder: Any, key: Any, text: str, place: TextPlace, *, as_json: bool = False) -> None:
        holder[key] = text
        self._texts.append(EarlyText(_sound(text), place))
        self._holders.append((holder, key, as_json))

    def _identify(self, holder: Any, key: Any, text: str) -> None:
        holder[key] = sound = _sound(text)
        self._identifiers.append(sound)
        self._identified.append((holder, key))

    def seal(self) -> None:
        """Seal all texts that were taken, and put back what is left of them."""
        names, actions = self._early.seal(self._texts, self._identifiers)
        self.actions.update(actions)
        if names != self._identifiers:
            for (holder, key), name in zip(self._identified, names, strict=True):
                holder[key] = name
        for (holder, key, as_json), text in zip(self._holders, self._texts, strict=True):
            if text.text is None:
                holder[key] = ""
            else:
                holder[key] = _read(text.text) if as_json else text.text


_MOST_PLANS = 10_000

_REQUIRED: dict[type[Fact], frozenset[str]] = {}
_CLOSED: dict[type[Fact], frozenset[str]] = {}


def _required(kind: type[Fact]) -> frozenset[str]:
    """Fields that a fact cannot be without."""
    if kind not in _REQUIRED:
        _REQUIRED[kind] = frozenset(
            item.name for item in fields(kind) if item.default is MISSING and item.default_factory is MISSING
        )
    return _REQUIRED[kind]


def _closed(kind: type[Fact]) -> frozenset[str]:
    """Fields that hold a word of a closed list: no one wrote it."""
    if kind not in _CLOSED:
        _CLOSED[kind] = frozenset(item.name for item in fields(kind) if str(item.type).startswith("Literal["))
    return _CLOSED[kind]


def _shallow(value: Any, depth: int, actions: Actions) -> Any:
    """A copy in which what is nested deeper than OTLP's values may be is replaced whole."""
    if not isinstance(value, (dict, list)):
        return value
    if depth > MAX_DEPTH:
        actions[TOO_DEEP, Action.PLACEHOLDER.word] += 1
        return named(TOO_DEEP)
    if isinstance(value, dict):
        return {key: _shallow(item, depth + 1, actions) for key, item in value.items()}
    return [_shallow(item, depth + 1, actions) for item in value]


def _read(text: str) -> Any:
    """JSON as its value; what is none any more, since the whole was replaced or cut, as text."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _sound(text: str) -> str:
    """Lone surrogates cannot be written as UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
