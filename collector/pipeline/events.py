"""The stages between the receiver of OpenCode's events and the inbox: read ─> redact (pure).

What leaves here is redacted and only that is kept: facts (see `assemble.facts`), one row each.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from collector.assemble.dialects.items import BadItem
from collector.assemble.dialects.reader import ItemReader, UnknownType
from collector.assemble.facts import AnyFact, PartFact, ToolFact, from_bytes, from_document, to_bytes
from collector.assemble.marks import marks_of_fact
from collector.errors import BadRequest
from collector.pipeline.fact_sealer import Actions, FactSealer
from collector.redact.seal import Sealer, SealerSource

NOT_JSON = "not valid JSON"
OTHER = "other"
"""Stands for the types whose names are not shown."""
_MOST_REASONS = 100
_TYPE = re.compile(r"[12]:[A-Za-z0-9_.-]{1,80}|hook:[A-Za-z0-9_.-]{1,80}")


@dataclass(frozen=True, slots=True)
class RedactedFact:
    """A fact as the inbox keeps it: `data` is its JSON."""

    session: str
    key: str
    message: str
    at: int
    order: int
    data: bytes
    made: AnyFact | None = None
    """The fact that was written as `data`, where it is at hand."""

    @property
    def fact(self) -> AnyFact:
        return from_bytes(self.data) if self.made is None else self.made


@dataclass(slots=True)
class IntakeResult:
    """What one body became."""

    items: int = 0
    rows: list[RedactedFact] = field(default_factory=list)
    rejected: list[tuple[int, str]] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)
    actions: Actions = field(default_factory=Counter)
    """What was redacted, by rule and action."""
    hooks: list[dict[str, Any]] = field(default_factory=list)
    """Plugin lines that tell of the plugin itself."""
    marks: set[bytes] = field(default_factory=set)
    """Of what was heard as it happened and so will be told (`assemble.marks`)."""
    can_wait: bool = False
    """Who sent it tells what was kept elsewhere, and can tell more of it later."""


_OF_THE_PLUGIN = ("__init__", "collector.dropped")
_HEARD = frozenset({"hook", "payload", "properties"})
"""Keys of items that tell what happens: lines of the plugin and events of a server. Others tell what happened."""


def _changed_afterwards(held: AnyFact, found: AnyFact) -> bool:
    """Whether both tell what is whole, a result or a text, and each another: someone changed it, and both were sent."""
    if isinstance(held, ToolFact) and isinstance(found, ToolFact):
        return held.status == found.status == "completed" and held.output != found.output
    if isinstance(held, PartFact) and isinstance(found, PartFact):
        return None not in (held.end, found.end) and held.text != found.text
    return False


class Intake:
    """Turns bodies into facts, sealed as the spans of `service` they become; not safe to share between threads."""

    def __init__(self, sealers: SealerSource, service: str) -> None:
        self._sealers = sealers
        self._service = service
        self._reader = ItemReader()
        self._held: tuple[Sealer, FactSealer] | None = None

    def take(self, body: bytes, now: int) -> IntakeResult:
        """Read NDJSON or a JSON array heard at `now` (ms); what is no item is refused with its index."""
        return self.take_items(items_of(body), now)

    def take_items(self, items: Iterable[Any], now: int) -> IntakeResult:
        taken = IntakeResult()
        facts: dict[tuple[str, str], AnyFact] = {}
        for index, item in enumerate(items):
            taken.items += 1
            try:
                if item is _NotJson:
                    raise BadItem(NOT_JSON)
                is_heard = isinstance(item, dict) and not _HEARD.isdisjoint(item)
                for found in self._reader.read(item, now):
                    if isinstance(found, UnknownType):
                        taken.unknown[self._name_of(found)] += 1
                        continue
                    if is_heard:
                        taken.marks.update(marks_of_fact(found))
                    held = facts.get((found.session, found.key))
                    if held is not None and _changed_afterwards(held, found):
                        first, found = (held, found) if held.order <= found.order else (found, held)
                        first.key = f"{first.key}:{first.order}:{getattr(first, 'told', None) or 0}"
                        facts[first.session, first.key] = first
                    if held is None or held.order <= found.order:  # of a streamed part only the last state counts
                        facts[found.session, found.key] = found
                if isinstance(item, dict) and item.get("hook") in _OF_THE_PLUGIN:
                    taken.hooks.append(item)
            except BadItem as error:
                if len(taken.rejected) < _MOST_REASONS:
                    taken.rejected.append((index, str(error)))
                else:
                    taken.rejected.append((index, ""))
        taken.rows = self._seal(list(facts.values()), taken.actions)
        return taken

    def _seal(self, facts: list[AnyFact], actions: Actions) -> list[RedactedFact]:
        rows = []
        for document in self._fact_sealer().seal(facts, actions):
            fact = from_document(document)
            rows.append(
                RedactedFact(
                    fact.session,
                    fact.key,
                    getattr(fact, "message", None) or "",
                    fact.at,
                    fact.order,
                    to_bytes(document),
                    fact,
                )
            )
        return rows

    def _fact_sealer(self) -> FactSealer:
        sealer = self._sealers()
        if self._held is None or self._held[0] is not sealer:
            early = sealer.early(self._service)
            self._held = (sealer, FactSealer(early, metadata_on_error=sealer.policy.metadata_on_error))
        return self._held[1]

    def _name_of(self, unknown: UnknownType) -> str:
        """The name of an unknown type, to be counted and shown: one that no rule finds anything in."""
        plain = _TYPE.fullmatch(unknown.name) and not self._sealers().engine.find(unknown.name.encode())
        return unknown.name if plain else OTHER


class _NotJson:
    """Stands for a line that is not JSON."""


def items_of(body: bytes) -> Iterable[Any]:
    """The items of a body: a JSON array, or one a line; a line that is not JSON stands as a mark of that.

    Raises `BadRequest` when a body that begins as an array is none.
    """
    body = body.removeprefix(b"\xef\xbb\xbf").strip()
    if body.startswith(b"["):
        try:
            found = orjson.loads(body)
        except orjson.JSONDecodeError:
            lines = body.splitlines()
            if len(lines) < 2:
                raise BadRequest("the body is not valid JSON") from None
            return (_line(line) for line in lines if line.strip())
        return found if isinstance(found, list) else [found]
    first = body.partition(b"\n")[0]
    if body.startswith(b"{") and len(first) < len(body) and _line(first) is _NotJson:
        whole = _line(body)  # an export file, printed over many lines
        if whole is not _NotJson:
            return [whole]
    return (_line(line) for line in body.splitlines() if line.strip())


def _line(line: bytes) -> Any:
    try:
        return orjson.loads(line.removeprefix(b"data: ") if line.startswith(b"data: {") else line)
    except orjson.JSONDecodeError:
        return _NotJson


__all__ = ["Intake", "IntakeResult", "RedactedFact", "items_of"]
