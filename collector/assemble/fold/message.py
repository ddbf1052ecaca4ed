"""What is known of one message or tool call: facts put together, the later telling over the earlier (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from collector.assemble.facts import FIELDS, Fact, PartFact


class Known:
    """What several facts about one thing say together; a field is None until one says it."""

    __slots__ = ("_orders", "values")

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self._orders: dict[str, int] = {}

    def learn(self, fact: Fact) -> bool:
        """Take over what `fact` knows better; whether anything changed."""
        changed = False
        for name in FIELDS[type(fact)]:
            value = getattr(fact, name)
            if value is None or fact.order < self._orders.get(name, -1):
                continue
            if self.values.get(name) != value:
                changed = True
            self.values[name], self._orders[name] = value, fact.order
        return changed

    def __getitem__(self, name: str) -> Any:
        return self.values.get(name)

    def to_document(self) -> dict[str, Any]:
        """What `from_document` takes over (JSON)."""
        return {"values": self.values, "orders": self._orders}

    def from_document(self, document: Mapping[str, Any]) -> None:
        self.values.update(document.get("values") or {})
        self._orders.update(document.get("orders") or {})


class SessionMessage(Known):
    """A user's prompt or an assistant's step, with its parts and tool calls."""

    __slots__ = ("called", "first", "heard", "id", "parts", "role", "said", "told", "told_whole", "tools", "version")

    def __init__(self, identifier: str) -> None:
        super().__init__()
        self.id = identifier
        self.role = ""
        self.told = False
        self.called = False
        """Whether a model was asked for it."""
        self.parts: dict[str, PartFact] = {}
        self.tools: dict[str, Known] = {}
        self.first: int | None = None
        self.heard = 0
        self.version = 0
        self.said: tuple[int, Any] = (-1, None)
        """What the message says, as `conversation` put it at a version."""
        self.told_whole = -1
        """The version of which all spans are out."""

    @property
    def created(self) -> int:
        """When it was made; what has no time sorts first."""
        found = self.values.get("created") or self.values.get("streamed")
        return found if found is not None else 0

    @property
    def done(self) -> bool:
        """Nothing more is generated for it."""
        return self.values.get("completed") is not None

    @property
    def is_compaction(self) -> bool:
        """It sums up what came before it."""
        return bool(self.values.get("summary")) or self.values.get("agent") == "compaction"

    def part(self, kind: str) -> PartFact | None:
        """Its last part of a kind."""
        found = [part for part in self.parts.values() if part.type == kind]
        return max(found, key=lambda part: part.part) if found else None

    def sorted_parts(self) -> list[PartFact]:
        """Its parts in the order of their ids, which is that of their making."""
        return [self.parts[key] for key in sorted(self.parts)]

    def sorted_tools(self) -> list[Known]:
        """Its tool calls in the same order."""
        return [self.tools[key] for key in sorted(self.tools)]

    def running_tools(self) -> Iterator[Known]:
        """Its tool calls of which no end was heard."""
        return (tool for tool in self.tools.values() if tool["status"] not in ("completed", "error"))
