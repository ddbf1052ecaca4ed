"""A message of a session with its parts and tool calls, each merged from all that was heard of it (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from collector.assemble.facts import FIELDS, Fact, MessageFact, PartFact, ToolFact

_UNHEARD = -1
"""Below the order of every fact."""


def merge(into: Fact, orders: dict[str, int], fact: Fact) -> bool:
    """Take over what `fact` knows better than `into`, a fact of the same class; whether anything changed.

    `orders` holds the order of the fact that each field of `into` came from.
    """
    changed = not orders
    for name in FIELDS[type(fact)]:
        value = getattr(fact, name)
        if value is None or fact.order < orders.get(name, _UNHEARD):
            continue
        if getattr(into, name) != value:
            changed = True
            setattr(into, name, value)
        orders[name] = fact.order
    return changed


class SessionMessage:
    """A user's prompt or an assistant's step; `info` and the tool calls are merged facts."""

    __slots__ = (
        "_orders",
        "_tool_orders",
        "called",
        "first",
        "has_own_event",
        "heard",
        "id",
        "info",
        "parts",
        "role",
        "said",
        "tools",
        "version",
        "written_version",
    )

    def __init__(self, session: str, identifier: str) -> None:
        self.id = identifier
        self.role: Literal["user", "assistant"] | None = None
        self.info = MessageFact(session, f"message:{identifier}", 0, _UNHEARD, message=identifier, role="user")
        """What the message's facts say together."""
        self._orders: dict[str, int] = {}
        self.has_own_event = False
        """Whether more is known than a later call's history says."""
        self.called = False
        """Whether a model was asked for it."""
        self.parts: dict[str, PartFact] = {}
        self.tools: dict[str, ToolFact] = {}
        """Tool calls by the ids of their parts."""
        self._tool_orders: dict[str, dict[str, int]] = {}
        self.first: int | None = None
        """When the first of it was streamed."""
        self.heard = 0
        self.version = 0
        self.said: tuple[int, Any] = (-1, None)
        """What the message says, as `conversation` put it at a version."""
        self.written_version = -1
        """The version of which all spans are out."""

    def merge(self, fact: MessageFact) -> bool:
        """Take over what `fact` knows better; whether anything changed."""
        self.role = self.role or fact.role
        return merge(self.info, self._orders, fact)

    def merge_tool(self, fact: ToolFact) -> bool:
        """The same for a tool call of this message."""
        tool = self.tools.get(fact.part)
        if tool is None:
            tool = self.tools[fact.part] = ToolFact(
                fact.session, fact.key, fact.at, _UNHEARD, message=fact.message, part=fact.part, call=fact.call
            )
            self._tool_orders[fact.part] = {}
        return merge(tool, self._tool_orders[fact.part], fact)

    @property
    def created(self) -> int:
        """When it was made; what has no time sorts first."""
        return self.info.created or self.info.streamed or 0

    @property
    def done(self) -> bool:
        """Nothing more is generated for it."""
        return self.info.completed is not None

    @property
    def is_compaction(self) -> bool:
        """It sums up what came before it."""
        return bool(self.info.summary) or self.info.agent == "compaction"

    def part(self, kind: str) -> PartFact | None:
        """Its last part of a kind."""
        found = [part for part in self.parts.values() if part.type == kind]
        return max(found, key=lambda part: part.part) if found else None

    def sorted_parts(self) -> list[PartFact]:
        """Its parts in the order of their ids, which is that of their making."""
        return [self.parts[key] for key in sorted(self.parts)]

    def sorted_tools(self) -> list[ToolFact]:
        """Its tool calls in the same order."""
        return [self.tools[key] for key in sorted(self.tools)]

    def running_tools(self) -> Iterator[ToolFact]:
        """Its tool calls of which no end was heard."""
        return (tool for tool in self.tools.values() if not is_settled(tool))


def is_settled(tool: ToolFact) -> bool:
    """Whether a tool call came to an end."""
    return tool.status in ("completed", "error")
