"""A message of a session with its parts and tool calls, each merged from all that was heard of it (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import Enum
from operator import attrgetter
from sys import intern
from typing import TYPE_CHECKING, Any, Literal

from collector.assemble.facts import FIELDS, NEVER, Fact, MessageFact, PartFact, SessionFact, ToolFact
from collector.assemble.fold.packing import packed, unpacked
from collector.assemble.ids import sequence

_UNHEARD = -1
"""Below the order of every fact."""
_VALUES: dict[type[Fact], Callable[[Fact], tuple[Any, ...]]] = {
    kind: attrgetter(*FIELDS[kind]) for kind in (SessionFact, MessageFact, ToolFact)
}
"""All fields of a fact at once, as `FIELDS` names them."""
_APART = 1 << 50
"""Beyond all times: messages that a fork took over come first, those of a clock that was set back last."""


_STATES = tuple((version,) for version in range(64))
"""One object for each state of messages that changed so often and no more: there is one beside each message."""


class Standing(Enum):
    """What the time of a message says of its place in the session."""

    PLAIN = "made when it says"
    COPIED = "taken over by a fork from another session, with the time it has there"
    DISPLACED = "made after the clock was set back"


def merge(into: Fact, orders: dict[str, int], fact: Fact) -> bool:
    """Take over what `fact` knows better than `into`, a fact of the same class; whether anything changed.

    `orders` holds the order of the fact that each field of `into` came from.
    """
    kind, order = type(fact), fact.order
    told = zip(FIELDS[kind], _VALUES[kind](fact), strict=True)
    if not orders:  # the first that is heard
        for name, value in told:
            if value is not None:
                setattr(into, name, value)
                orders[name] = order
        return True
    changed, known = False, orders.get
    for name, value in told:
        if value is not None and order >= known(name, _UNHEARD):
            if getattr(into, name) != value:
                changed = True
                setattr(into, name, value)
            orders[name] = order
    return changed


_NOTHING: dict[Any, Any] = {}
"""Stands for a table that most messages need none of; never written to."""
_PACKED = ("_orders", "_tool_orders", "parts", "replaced", "tools")


class SessionMessage:
    """A user's prompt or an assistant's step; `info` and the tool calls are merged facts.

    What it says may be packed: then it is unpacked as soon as it is asked for, and stands in `loose` again, which holds
    the messages of the session that are not.
    """

    __slots__ = (
        "_changes",
        "_last_end",
        "_loose",
        "_orders",
        "_packed",
        "_size",
        "_tool_orders",
        "called",
        "first",
        "has_own_event",
        "heard",
        "id",
        "info",
        "parts",
        "removed",
        "replaced",
        "role",
        "said",
        "standing",
        "timed",
        "tools",
        "version",
        "written_version",
    )

    def __init__(self, session: str, identifier: str, loose: dict[str, SessionMessage]) -> None:
        self.id = identifier
        self.role: Literal["user", "assistant"] | None = None
        self.info = MessageFact(session, "", 0, _UNHEARD, message=identifier, role="user")
        """What the message's facts say together."""
        self._loose = loose
        loose[identifier] = self
        self._packed = b""
        self._orders: dict[str, int] = {}
        self.has_own_event = False
        """Whether more is known than a later call's history says."""
        self.standing = Standing.PLAIN
        self.called = False
        """Whether a model was asked for it."""
        self.parts: dict[str, PartFact] = {}
        self.tools: dict[str, ToolFact] = {}
        """Tool calls by the ids of their parts."""
        self._tool_orders: dict[str, dict[str, int]] = _NOTHING
        self.first: int | None = None
        """When the first of it was streamed."""
        self.heard = 0
        self.version = 0
        self.said: tuple[Any, Any] = (None, None)
        """What the message says, as `spans` put it, in a state."""
        self.timed: tuple[Any, Any] = (None, None)
        """When a model was at work for it, as `spans` put it, by what was known of the session."""
        self.replaced: dict[str, list[PartFact]] = _NOTHING
        """What texts said before they were changed, by part; never written to from outside."""
        self.removed: dict[str | None, int] = _NOTHING
        """Which parts were taken out, and when; None stands for the message."""
        self.written_version = -1
        """The version of which all spans are out."""

    def unpack(self) -> None:
        """Hold what it says as facts."""
        _ = self.parts

    def pack(self) -> None:
        """Hold what it says compressed, in a quarter of the room."""
        self._loose.pop(self.id, None)
        if self._packed:
            return
        size, changes = self.size, tuple(self._moments())
        last_end = max((tool.end or 0 for tool in self.tools.values()), default=0)
        data = packed(self.parts, self.tools, self.replaced, (self._orders, self._tool_orders))
        if data is None:
            return
        self.__class__ = _PackedMessage
        self._packed, self._size, self._changes, self._last_end = data, size, changes, last_end
        del self.parts, self.tools, self.replaced, self._orders, self._tool_orders
        info = self.info
        info.agent, info.provider, info.model = _shared(info.agent), _shared(info.provider), _shared(info.model)
        self.timed = (None, None)
        state, said = self.said
        if said:
            self.said = state, tuple(said)
            for sent in said:
                sent.settle()

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
            self._tool_orders = self._tool_orders or {}
            self._tool_orders[fact.part] = {}
        start = tool.start
        if fact.output is not None and fact.sent is None:
            self._keep_output(tool, fact)
        changed = merge(tool, self._tool_orders[fact.part], fact)
        if start is not None and tool.start is not None and tool.start > start:
            tool.start = start  # when a call is cut, OpenCode 1.2 gives it the time of the cut as its start
        return changed

    @property
    def created(self) -> int:
        """When it was made; what has no time sorts first."""
        return self.info.created or self.info.streamed or 0

    @property
    def position(self) -> tuple[int, str]:
        """Where it stands among the messages of its session: by its time, or by its id where the clock was set back."""
        if self.standing is Standing.PLAIN:
            return self.info.created or self.info.streamed or 0, self.id
        if self.standing is Standing.COPIED:
            return self.created - _APART, self.id
        return sequence(self.id, self.created) + _APART, self.id

    @property
    def done(self) -> bool:
        """Nothing more is generated for it."""
        return self.info.completed is not None

    @property
    def is_compaction(self) -> bool:
        """It sums up what came before it."""
        return bool(self.info.summary) or self.info.agent == "compaction"

    def keep_replaced(self, old: PartFact) -> None:
        """Keep a text that was changed: earlier requests held it."""
        known = self.replaced.get(old.part, [])
        if old not in known:
            self.replaced = {**self.replaced, old.part: [*known, old]}

    def _keep_output(self, tool: ToolFact, fact: ToolFact) -> None:
        """Keep what a call's result was before someone changed it, and since when it is what.

        Of a result that was never changed, the call's own `at` and `order` say when it was first told.
        """
        known = self.replaced.get(fact.part)
        if known is None:
            if tool.output is None or tool.output == fact.output:
                told = fact.at, fact.told or 0
                tool.at, tool.order = told if tool.output is None else min((tool.at, tool.order), told)
                return
            known = [_as_text(tool, tool.order)]
        new = _as_text(fact, fact.told or 0)
        before = max((old for old in known if _when(old) <= _when(new)), key=_when, default=None)
        if before is None or before.text != fact.output:
            self.replaced = {**self.replaced, fact.part: [*known, new]}

    def remove(self, part: str | None, at: int) -> bool:
        """A part of it, or with None the message, was taken out at `at`; whether that is new."""
        self.unpack()
        known = self.removed.get(part)
        self.removed = {**self.removed, part: min(at, known or NEVER)}
        return known is None

    @property
    def size(self) -> int:
        """About how many characters it and its tools' results hold."""
        if self._packed:
            return self._size
        texts = sum(len(part.text) for part in self.parts.values() if part.text)
        return texts + sum(len(tool.output or "") + len(tool.error or "") for tool in self.tools.values()) + 200

    @property
    def is_prompt(self) -> bool:
        """Whether it holds a text that a person wrote."""
        return any(part.type == "text" and not part.synthetic for part in self.parts.values())

    def words(self) -> list[str | None]:
        """Its texts, in order."""
        return [part.text for part in self.sorted_parts() if part.type == "text"]

    def part(self, kind: str) -> PartFact | None:
        """Its last part of a kind."""
        found = None
        for part in self.parts.values():
            if part.type == kind and (found is None or part.part > found.part):
                found = part
        return found

    def sorted_parts(self) -> list[PartFact]:
        """Its parts in the order of their ids, which is that of their making."""
        return [self.parts[key] for key in sorted(self.parts)]

    def parts_at(self, at: int) -> list[PartFact]:
        """Its parts as they were at `at`, in order."""
        if not self.replaced and not self.removed:
            return self.sorted_parts()
        found: list[PartFact] = []
        for part in self.sorted_parts():
            if self.removed.get(part.part, NEVER) > at:
                old = [old for old in self.replaced.get(part.part, ()) if self.role == "user" or old.end is not None]
                texts = sorted((*old, part), key=lambda text: text.at)
                found.append(next((text for text in reversed(texts) if text.at <= at), texts[0]))
        return found

    def state_at(self, at: int) -> tuple[object, ...]:
        """Differs where what the message says at `at` may differ."""
        if self._packed and self._last_end <= at:
            changes = self._changes
        else:
            ends = [tool.end for tool in self.tools.values() if tool.end is not None and tool.end > at]
            changes = (*self._moments(), *ends)
        if changes:
            return self.version, sum(change <= at for change in changes)
        return _STATES[self.version] if self.version < len(_STATES) else (self.version,)

    def _moments(self) -> list[int]:
        """When what it says changed, or may have, but for the ends of its tool calls."""
        changes = [*self.removed.values()]
        if self.replaced:
            now = self.parts
            changes += [text.at for part, old in self.replaced.items() for text in (*old, now.get(part, old[-1]))]
        changes += [tool.pruned for tool in self.tools.values() if tool.pruned is not None]
        return changes

    def sorted_tools(self) -> list[ToolFact]:
        """Its tool calls in the same order."""
        return [self.tools[key] for key in sorted(self.tools)]

    def tools_at(self, at: int) -> list[ToolFact]:
        """The same as they were at `at`, without those that were taken out by then."""
        tools = self.sorted_tools()
        if self.replaced:
            tools = [self.tool_at(tool, at) for tool in tools]
        return [tool for tool in tools if self.removed.get(tool.part, NEVER) > at]

    def tool_at(self, tool: ToolFact, at: int) -> ToolFact:
        """A tool call with the result it had at `at`, or at first."""
        outputs = sorted(self.replaced.get(tool.part, ()), key=_when)
        if not outputs:
            return tool
        return replace(tool, output=next((text.text for text in reversed(outputs) if text.at <= at), outputs[0].text))

    def running_tools(self) -> Iterator[ToolFact]:
        """Its tool calls of which no end was heard."""
        return (tool for tool in self.tools.values() if not is_settled(tool))


def _as_text(tool: ToolFact, told: int) -> PartFact:
    """A result of a call, and when it was told; its order is that within the millisecond."""
    return PartFact(
        tool.session, tool.key, tool.at, told, message=tool.message, part=tool.part, type="other", text=tool.output
    )


def _when(result: PartFact) -> tuple[int, int]:
    """When a result was told, among the others of its call."""
    return result.at, result.order


class _PackedMessage(SessionMessage):
    """One that is packed; a class of its own, since `__getattr__` makes each attribute of its class slow to read."""

    __slots__ = ()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """What was packed, as soon as it is asked for."""
            if name not in _PACKED:
                raise AttributeError(name)
            found = unpacked(self.info.session, self._packed)
            self.__class__, self._packed = SessionMessage, b""
            self.parts, self.tools, self.replaced, (self._orders, self._tool_orders) = found
            self._loose[self.id] = self
            return getattr(self, name)


def _shared(name: str | None) -> str | None:
    """The same text as an object that all share."""
    return name if name is None else intern(name)


def is_settled(tool: ToolFact) -> bool:
    """Whether a tool call came to an end."""
    return tool.status in ("completed", "error")
