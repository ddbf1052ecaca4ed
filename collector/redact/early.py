"""Texts that are sealed before the spans they will stand in are made: as they will be sealed there.

OpenCode's events are kept before there are spans. Each text of them is treated as the attribute, name or status it
becomes. Where it will stand at several positions the most lenient of them decides: what is stricter elsewhere is done
there, when the span is sealed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from collector.batch import Signal
from collector.policy.model import KEYED, Action, ContentLevel, Place, Policy
from collector.redact.masker import Masker
from collector.redact.otlp.fields import FieldActions, KeyTable, Subject, decide, level_of, role_key_of
from collector.redact.otlp.lengths import limit_length
from collector.redact.otlp.strings import Fields, Texts
from collector.redact.report import Tally

_TEXT_FIELDS: dict[Place, Fields] = {
    Place.NAME: (("name", Place.NAME),),
    Place.EVENT_NAME: (("name", Place.EVENT_NAME),),
    Place.STATUS: (("message", Place.STATUS),),
}
"""Where in a message the text of a place without keys stands."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where in a span a text will stand, and what conditions of a policy see there: span kind, role of a message."""

    kind: str
    place: Place = Place.ATTR
    key: str = ""
    role: str = ""


@dataclass(frozen=True, slots=True)
class TextPlace:
    """Of the positions where a text will stand the one that decides, and how much content may stay there."""

    position: Position
    level: ContentLevel
    subject: Subject
    table: KeyTable | None
    """What its key calls for; None at a place without keys."""
    is_only_read: bool
    """At a place without keys: whether no field rule names it."""


@dataclass(slots=True)
class EarlyText:
    """A text on its way to a place in a span; None once it was dropped."""

    text: str | None
    place: TextPlace

    @property
    def string_value(self) -> str:
        """Where the text is written back, as in an attribute's value."""
        return self.text or ""

    @string_value.setter
    def string_value(self, text: str) -> None:
        self.text = text


@dataclass(slots=True)
class _Identifiers:
    names: list[str]


class EarlySealer:
    """Seals texts as `Sealer` seals the spans of `service` that they become; not safe to share between threads."""

    def __init__(self, policy: Policy, actions: FieldActions, masker: Masker, service: str) -> None:
        self._policy = policy
        self._actions = actions
        self._masker = masker
        self._resource = Resource()
        self._resource.attributes.add(key="service.name").value.string_value = service
        self._subjects: dict[tuple[str, str, str, str], Subject] = {}
        self._chosen: dict[tuple[tuple[Position, ...], str], TextPlace] = {}

    def place(self, positions: tuple[Position, ...], tool: str = "") -> TextPlace:
        """Of `positions` in spans, those of `tool` where it has one, the most lenient.

        Its level is the metadata level where no position may hold any content.
        """
        known = self._chosen.get((positions, tool))
        if known is None:
            if len(self._chosen) > _MOST_CHOSEN:
                self._chosen.clear()
            known = self._chosen[positions, tool] = self._choose(positions, tool)
        return known

    def seal(self, texts: Sequence[EarlyText], identifiers: list[str]) -> tuple[list[str], Counter[tuple[str, str]]]:
        """Seal `texts` in place; `identifiers`, which no field rule changes, are returned as the rules leave them.

        The counts are by rule and action.
        """
        tally = Tally()
        collected = Texts(self._actions, self._policy.limits, tally, self._masker.pseudonym)
        held = [(text, holder) for text in texts if (holder := self._take(collected, text)) is not None]
        found = _Identifiers(identifiers.copy())
        collected.take_each(found, "names")
        limit_length(collected)
        self._masker.mask(collected, tally)
        for text, holder in held:
            text.text = _text_of(holder)
        return found.names, tally.total

    def _take(self, collected: Texts, text: EarlyText) -> Any:
        """List a text; the message that holds it where more is done than to read it."""
        place = text.place
        position = place.position
        if place.is_only_read if place.table is None else place.table.is_plain(position.key):
            collected.take_text(text, text.text or "")
            return None
        collected.subject = place.subject
        if position.place in KEYED:
            pair = KeyValue(key=position.key)
            pair.value.string_value = text.text or ""
            collected.take_pairs([pair], position.place)
            return pair
        fields = _TEXT_FIELDS[position.place]
        holder = Status() if position.place is Place.STATUS else Span()
        setattr(holder, fields[0][0], text.text or "")
        collected.take(holder, fields)
        return holder

    def _choose(self, positions: tuple[Position, ...], tool: str) -> TextPlace:
        levels = [(position, self._level(position, tool)) for position in positions]
        position, level = min(levels, key=self._strictness(tool))
        table = self._actions.tables[position.place] if position.place in KEYED else None
        is_only_read = table is None and position.place not in self._actions.texts
        return TextPlace(position, level, self._subject(position, tool), table, is_only_read)

    def _strictness(self, tool: str) -> Any:
        def strictness(choice: tuple[Position, ContentLevel]) -> tuple[bool, int, int]:
            position, level = choice
            rule = None
            subject = self._subject(position, tool)
            if position.place in KEYED:
                treatment = self._actions.tables[position.place].resolve(position.key)
                rule = decide(treatment.rules, subject, treatment.role_key)
            else:
                rule = decide(self._actions.texts.get(position.place, ()), subject)
            action = Action.SCAN if rule is None else rule.action
            return level is ContentLevel.METADATA, action, -rule.most_bytes if rule is not None else 0

        return strictness

    def _level(self, position: Position, tool: str) -> ContentLevel:
        return level_of(self._policy, Signal.TRACES, self._subject(position, tool))

    def _subject(self, position: Position, tool: str) -> Subject:
        role_key = role_key_of(position.key) if position.role else ""
        known = self._subjects.get((position.kind, tool, role_key, position.role))
        if known is None:
            if len(self._subjects) > _MOST_CHOSEN:
                self._subjects.clear()
            span = Span()
            for key, value in (
                ("openinference.span.kind", position.kind),
                ("tool.name", tool if position.kind == "TOOL" else ""),
                (role_key, position.role),
            ):
                if value:
                    span.attributes.add(key=key).value.string_value = value
            known = self._subjects[position.kind, tool, role_key, position.role] = Subject(span, self._resource)
        return known


_MOST_CHOSEN = 10_000


def _text_of(holder: Any) -> str | None:
    """The text that was left, None where it was dropped."""
    if isinstance(holder, KeyValue):
        return holder.value.string_value if holder.HasField("value") else None
    return (holder.message if isinstance(holder, Status) else holder.name) or None
