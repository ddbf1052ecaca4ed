"""What is known of one session: facts put where they belong (pure)."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from collector.assemble.facts import (
    FIELDS,
    AnyFact,
    CompactionFact,
    ConversationFact,
    Fact,
    FailureFact,
    FirstTokenFact,
    HistoryFact,
    MessageFact,
    NoteFact,
    PartFact,
    RequestFact,
    RetryFact,
    SessionFact,
    StatusFact,
    SystemPromptFact,
    TitleFact,
    ToolFact,
    ToolListFact,
    UsageFact,
    WaitFact,
)
from collector.assemble.fold.message import SessionMessage, merge
from collector.assemble.fold.timeline import Timeline

_REMEMBERED_TURNS = 100
_HEAD_WITHIN_MS = 60_000
_MOST_MESSAGES = 5000


class Link(NamedTuple):
    """A tool call that started a session: when, its part, and its trace in hex."""

    start: int
    part: str
    trace: str


class SessionState:
    """All that is known of a session; `heard` is when the last new thing was heard, on the caller's clock."""

    __slots__ = (
        "_info_orders",
        "_timelines",
        "born",
        "calls",
        "changes",
        "children",
        "compactions",
        "counted",
        "encodings",
        "failures",
        "finished",
        "given_up",
        "gone_at",
        "heard",
        "histories",
        "id",
        "info",
        "is_open",
        "latest",
        "links",
        "messages",
        "notes",
        "opened",
        "ordered",
        "origin",
        "owners",
        "requests",
        "retries",
        "said",
        "spoken",
        "statuses",
        "steps",
        "summaries",
        "systems",
        "titled",
        "tools",
        "usages",
        "waits",
    )

    def __init__(self, identifier: str) -> None:
        self.id = identifier
        self.info = SessionFact(identifier, "session", 0, -1)
        """What the session's facts say together."""
        self._info_orders: dict[str, int] = {}
        self.born: int | None = None
        self.messages: dict[str, SessionMessage] = {}
        self.ordered: list[tuple[int, str, SessionMessage]] = []
        """The messages by when they were made."""
        self.steps: dict[str, SessionMessage] = {}
        """Assistant messages whose spans are not all out."""
        self.opened: dict[str, SessionMessage] = {}
        """User messages of turns that are not over."""
        self.owners: dict[str, str] = {}
        """User messages of turns that are over, and which message opened that turn."""
        self.finished: dict[str, int] = {}
        """The messages that opened turns that are over, and when they were made."""
        self.given_up: dict[str, int] = {}
        """The messages that opened turns of dead agents, and how much of the session was known then."""
        self.is_open = False
        """Whether something may become due without anything new being heard."""
        self.latest: tuple[int, str] | None = None
        """Of the turns that are over, when the last was opened and by which message."""
        self.counted: tuple[int, int] = (0, 0)
        """The last turn that was numbered: when it was made, and its number."""
        self.origin: tuple[bytes, bytes] | None = None
        """Trace and span of the tool call that started this session, once known."""
        self.summaries: dict[str, SessionMessage] = {}
        """Messages that sum up what came before them."""
        self.said: tuple[list[SessionMessage], list[int], Any] = ([], [], [])
        """The messages of the last conversation, their versions, and what they say, as `conversation` put it."""
        self.encodings: dict[str, Any] = {}
        """The last conversation of each system prompt, as `conversation` encoded it."""
        self.children: dict[str, dict[str, tuple[SessionMessage, ToolFact]]] = {}
        """Sessions that tool calls of this one started, and those calls by part."""
        self.links: dict[str, list[Link]] = {}
        """The same of turns that are over."""
        self.calls: dict[str, tuple[SessionMessage, ToolFact]] = {}
        self.statuses, self.retries, self.requests = Timeline(), Timeline(), Timeline()
        self.systems, self.histories, self.failures = Timeline(), Timeline(), Timeline()
        self.compactions, self.tools, self.spoken, self.usages = Timeline(), Timeline(), Timeline(), Timeline()
        self._timelines: dict[type[Fact], Timeline] = {
            StatusFact: self.statuses,
            RetryFact: self.retries,
            RequestFact: self.requests,
            SystemPromptFact: self.systems,
            HistoryFact: self.histories,
            FailureFact: self.failures,
            CompactionFact: self.compactions,
            ToolListFact: self.tools,
            ConversationFact: self.spoken,
            UsageFact: self.usages,
        }
        self.notes: dict[str, NoteFact] = {}
        self.waits: dict[str, dict[bool, WaitFact]] = {}
        self.titled: int | None = None
        self.heard = 0
        self.changes = 0
        self.gone_at: int | None = None

    @property
    def parent(self) -> str | None:
        return self.info.parent

    def remember(self) -> dict[str, Any]:
        """What a session has to know when it goes on after its facts are forgotten (JSON)."""
        latest = sorted(self.finished.items(), key=lambda item: item[1])[-_REMEMBERED_TURNS:]
        kept = dict(latest)
        return {
            "info": {
                "values": {name: getattr(self.info, name) for name in self._info_orders},
                "orders": self._info_orders,
            },
            "counted": list(self.counted),
            "titled": self.titled,
            "origin": [part.hex() for part in self.origin] if self.origin else None,
            "finished": kept,
            "links": {c: [list(k) for k in found] for c, found in list(self.links.items())[-_REMEMBERED_TURNS:]},
            "owners": {message: opener for message, opener in self.owners.items() if opener in kept},
        }

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Take over what `remember` gave, on a session of which nothing was heard yet."""
        info = memory.get("info") or {}
        for name, value in (info.get("values") or {}).items():
            if name in FIELDS[SessionFact]:
                setattr(self.info, name, value)
        self._info_orders.update(info.get("orders") or {})
        self.born = self.info.created
        made, number = memory.get("counted") or (0, 0)
        self.counted = (made, number)
        self.titled = memory.get("titled")
        origin = memory.get("origin")
        self.origin = (bytes.fromhex(origin[0]), bytes.fromhex(origin[1])) if origin else None
        self.finished.update(memory.get("finished") or {})
        self.owners.update(memory.get("owners") or {})
        for child, links in (memory.get("links") or {}).items():
            self.links[child] = [Link(*link) for link in links]
        self.latest = max(((at, message) for message, at in self.finished.items()), default=None)

    def forget(self, messages: Iterable[str], until: int) -> None:
        """Let go of what only a turn that is over needed; its messages stay, as history of the next."""
        for identifier in messages:
            message = self.messages.get(identifier)
            for tool in message.tools.values() if message else ():
                self.calls.pop(tool.call, None)
        gone = set(messages)
        self.notes = {k: n for k, n in self.notes.items() if n.message not in gone if n.message or n.at > until}
        self.waits = {k: w for k, w in self.waits.items() if max(end.at for end in w.values()) > until}
        before = min([until, *(message.created for message in (*self.opened.values(), *self.steps.values()))])
        for timeline in self._timelines.values():
            timeline.forget(before)
        self._forget_summarised()

    def _forget_summarised(self) -> None:
        """What came before the last compaction, and what no model could still be sent, is no history any more."""
        open_messages = self.opened.keys() | self.steps.keys()
        # A message of which only a part is known stands before all others, and may yet open a turn.
        since = self.heard - _HEAD_WITHIN_MS
        done = [m for _, _, m in self.ordered if m.id not in open_messages and (m.created or m.heard < since)]
        excess = len(self.messages) - _MOST_MESSAGES
        last = next((i for i in reversed(range(len(done))) if done[i].is_compaction and done[i].done), -1)
        if last >= 0:
            parent = done[last].info.parent
            excess = max(excess, next((i for i, m in enumerate(done) if m.id == parent), last))
        for message in done[: max(0, excess)]:
            del self.messages[message.id]
            self.summaries.pop(message.id, None)
            del self.ordered[bisect_left(self.ordered, (message.created, message.id))]

    def message(self, identifier: str) -> SessionMessage:
        found = self.messages.get(identifier)
        if found is None:
            found = self.messages[identifier] = SessionMessage(self.id, identifier)
            insort(self.ordered, (0, identifier, found))
        return found

    def before(self, message: SessionMessage) -> int:
        """How many messages were made before `message`."""
        return bisect_left(self.ordered, (message.created, message.id))

    def guess_created(self, message: SessionMessage, created: int) -> None:
        """Give a message of unknown time one."""
        if not message.created:
            del self.ordered[bisect_left(self.ordered, (0, message.id))]
            message.info.created = created
            insort(self.ordered, (created, message.id, message))

    def learn(self, fact: AnyFact) -> bool:
        """Take `fact` in; whether it said anything new."""
        match fact:
            case FirstTokenFact():
                message = self.message(fact.message)
                if message.first is not None and message.first <= fact.at:
                    return False
                message.first = fact.at
                return True
            case PartFact():
                return self._part(fact)
            case ToolFact():
                return self._tool(fact)
            case MessageFact():
                return self._message(fact)
            case SessionFact():
                if fact.created is not None:
                    self.born = fact.created if self.born is None else min(self.born, fact.created)
                return merge(self.info, self._info_orders, fact)
            case TitleFact():
                if self.titled is not None and self.titled <= fact.at:
                    return False
                self.titled = fact.at
                return True
            case WaitFact():
                ends = self.waits.setdefault(fact.id, {})
                if fact.ends in ends and ends[fact.ends].at <= fact.at:
                    return False
                ends[fact.ends] = fact
                return True
            case NoteFact():
                return self._note(fact)
            case RetryFact() if fact.message is None:
                for step in self.steps.values():
                    step.version += 1
                return self.retries.add(fact)
            case _:
                return self._timelines[type(fact)].add(fact)

    def _message(self, fact: MessageFact) -> bool:
        message = self.message(fact.message)
        made = message.created
        changed = message.merge(fact)
        if message.created != made:
            del self.ordered[bisect_left(self.ordered, (made, message.id))]
            insort(self.ordered, (message.created, message.id, message))
        if message.is_compaction:
            self.summaries[message.id] = message
        if fact.recalled:
            return changed
        if not message.has_own_event:
            message.has_own_event = changed = True
            if message.id not in self.owners:
                (self.opened if message.role == "user" else self.steps)[message.id] = message
        if changed:
            message.version += 1
        return changed

    def _part(self, fact: PartFact) -> bool:
        message = self.message(fact.message)
        held = message.parts.get(fact.part)
        if held is not None and (held.order > fact.order or held == fact):
            return False
        message.parts[fact.part] = fact
        message.version += 1
        return True

    def _tool(self, fact: ToolFact) -> bool:
        message = self.message(fact.message)
        if fact.part not in message.tools and message.id in self.owners:  # its turn was given up too early
            self.steps[message.id] = message
        changed = message.merge_tool(fact)
        if changed:
            message.version += 1
            self.calls[fact.call] = (message, message.tools[fact.part])
            if fact.child:
                self.children.setdefault(fact.child, {})[fact.part] = (message, message.tools[fact.part])
        return changed

    def _note(self, fact: NoteFact) -> bool:
        """A note heard again replaces the earlier one: what a turn changed grows."""
        held = self.notes.get(fact.key)
        if held is not None and held.order >= fact.order:
            return False
        self.notes[fact.key] = fact
        return True
