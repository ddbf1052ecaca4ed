"""What is known of one session: facts put where they belong (pure)."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from collector.assemble.facts import (
    FIELDS,
    NEVER,
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
    RemovalFact,
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
from collector.assemble.fold.message import SessionMessage, Standing, merge
from collector.assemble.fold.timeline import Timeline

_REMEMBERED_TURNS = 100
_HEAD_WITHIN_MS = 60_000
_MOST_MESSAGES = 5000
_MEASURED_AFTER = 64
"""Messages; measuring what they hold takes time."""
_MOST_TEXT = 4 * 1024 * 1024
"""Twice what a span holds of a conversation."""
_FIRST = (0, "")


class Link(NamedTuple):
    """A tool call that started a session, or went on with it: when, its part, its trace in hex, until when."""

    start: int
    part: str
    trace: str
    end: int = NEVER


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
        "forgotten",
        "given_up",
        "gone_at",
        "heard",
        "histories",
        "id",
        "info",
        "is_open",
        "last_at",
        "last_sent",
        "latest",
        "latest_start",
        "links",
        "measured",
        "messages",
        "notes",
        "opened",
        "ordered",
        "origin",
        "owners",
        "places",
        "removed",
        "requests",
        "retries",
        "said",
        "said_history",
        "said_sent",
        "sent",
        "siblings",
        "spoken",
        "statuses",
        "steps",
        "summaries",
        "systems",
        "title_usages_told",
        "titled",
        "tools",
        "usages",
        "waits",
    )

    def __init__(self, identifier: str, siblings: Mapping[str, SessionState] | None = None) -> None:
        self.id = identifier
        self.siblings = siblings or {}
        """All sessions, by id."""
        self.info = SessionFact(identifier, "session", 0, -1)
        """What the session's facts say together."""
        self._info_orders: dict[str, int] = {}
        self.born: int | None = None
        self.messages: dict[str, SessionMessage] = {}
        self.ordered: list[tuple[int, str, SessionMessage]] = []
        """The messages in the order they were made."""
        self.steps: dict[str, SessionMessage] = {}
        """Assistant messages whose spans are not all out."""
        self.opened: dict[str, SessionMessage] = {}
        """User messages of turns that are not over."""
        self.owners: dict[str, str] = {}
        """User messages of turns that are over, and which message opened that turn."""
        self.finished: dict[str, int] = {}
        """The messages that opened turns that are over, and when they were made."""
        self.latest_start = 0
        """The highest of those times."""
        self.places: dict[str, tuple[int, str]] = {}
        """The positions of those of them whose time says something else."""
        self.given_up: dict[str, int] = {}
        """The messages that opened turns of dead agents, and how much of the session was known then."""
        self.is_open = False
        """Whether something may become due without anything new being heard."""
        self.latest: tuple[int, str] | None = None
        """Of the turns that are over, the position of the message that opened the last."""
        self.counted: tuple[tuple[int, str], int] = (_FIRST, 0)
        """The last turn that was numbered: the position of the message that opened it, and its number."""
        self.origin: tuple[bytes, bytes] | None = None
        """Trace and span of the tool call that started this session, once known."""
        self.summaries: dict[str, SessionMessage] = {}
        """Messages that sum up what came before them."""
        self.said: tuple[list[SessionMessage], list[tuple[tuple[object, ...], bool]], Any] = ([], [], [])
        """The messages of the last conversation, their states, and what they say, as `spans` put it."""
        self.sent: dict[str, PartFact | ToolFact] = {}
        """Parts as histories showed them, by the names these refer to."""
        self.last_sent: dict[str, PartFact | ToolFact] = {}
        """The last of those of each part."""
        self.said_sent: dict[tuple[str, tuple[str | None, ...], bool], Any] = {}
        """What messages said in histories, as `spans` put it."""
        self.said_history: tuple[HistoryFact | None, tuple[str | None, str | None], Any] = (None, (None, None), [])
        """The last history, and what it said."""
        self.encodings: dict[str, Any] = {}
        """The last conversation of each system prompt, as `conversation` encoded it."""
        self.children: dict[str, dict[str, tuple[SessionMessage, ToolFact]]] = {}
        """Sessions that tool calls of this one started, and those calls by part."""
        self.links: dict[str, list[Link]] = {}
        """The same of turns that are over."""
        self.forgotten = 0
        """Messages that were let go of: no span had room for them any more, or a compaction summed them up."""
        self.measured = 0
        """How many messages there were when it was last looked whether they hold too much."""
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
        self.title_usages_told: set[int] = set()
        """When what a title used was heard of, for each of which a span was built."""
        self.heard = 0
        self.last_at = 0
        """The time of the last fact."""
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
            "counted": [*self.counted[0], self.counted[1]],
            "titled": self.titled,
            "origin": [part.hex() for part in self.origin] if self.origin else None,
            "finished": kept,
            "places": {opener: list(place) for opener, place in self.places.items() if opener in kept},
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
        made, *opener, number = memory.get("counted") or (0, 0)
        self.counted = ((made, opener[0] if opener else ""), number)
        self.titled = memory.get("titled")
        origin = memory.get("origin")
        self.origin = (bytes.fromhex(origin[0]), bytes.fromhex(origin[1])) if origin else None
        self.finished.update(memory.get("finished") or {})
        self.owners.update(memory.get("owners") or {})
        for child, links in (memory.get("links") or {}).items():
            self.links[child] = [Link(*link) for link in links]
        self.places.update({opener: (at, name) for opener, (at, name) in (memory.get("places") or {}).items()})
        self.latest_start = max(self.finished.values(), default=0)
        self.latest = max((self.place_of(opener) for opener in self.finished), default=None)

    def place_of(self, opener: str) -> tuple[int, str]:
        """The position of the message that opened a turn that is over."""
        return self.places.get(opener) or (self.finished[opener], opener)

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
        self._forget_sent()
        self._forget_summarised()

    def _forget_sent(self) -> None:
        named = {name for history in self.histories.facts for name in history.parts}
        self.sent = {name: part for name, part in self.sent.items() if name in named}
        shown = {part.sent for part in self.sent.values()}
        self.last_sent = {key: part for key, part in self.last_sent.items() if part.sent in shown}
        self.said_sent = {key: said for key, said in self.said_sent.items() if shown.issuperset(key[1])}

    def _forget_summarised(self) -> None:
        """What came before the last compaction, and what no model could still be sent, is no history any more."""
        open_messages = self.opened.keys() | self.steps.keys()
        # A message of which only a part is known stands before all others, and may yet open a turn.
        since = self.heard - _HEAD_WITHIN_MS
        done = [m for _, _, m in self.ordered if m.id not in open_messages and (m.created or m.heard < since)]
        excess = len(self.messages) - _MOST_MESSAGES
        if len(self.messages) >= self.measured + _MEASURED_AFTER:
            excess, self.measured = max(excess, _too_long(done)), len(self.messages)
        last = next((i for i in reversed(range(len(done))) if done[i].is_compaction and done[i].done), -1)
        if last >= 0:
            mark = self.messages.get(done[last].info.parent or "")
            part = mark.part("compaction") if mark is not None else None
            kept = {mark.id if mark is not None else "", part.tail if part is not None else ""}
            excess = max(excess, next((i for i, m in enumerate(done) if m.id in kept), last))
        for message in done[: max(0, excess)]:
            self.forgotten += 1
            self.measured -= 1
            del self.messages[message.id]
            self.summaries.pop(message.id, None)
            del self.ordered[bisect_left(self.ordered, message.position)]

    def message(self, identifier: str) -> SessionMessage:
        found = self.messages.get(identifier)
        if found is None:
            found = self.messages[identifier] = SessionMessage(self.id, identifier)
            insort(self.ordered, (0, identifier, found))
        return found

    def before(self, message: SessionMessage) -> int:
        """How many messages were made before `message`."""
        return bisect_left(self.ordered, message.position)

    def earlier_than(self, message: SessionMessage) -> Iterator[SessionMessage]:
        """The messages made before `message`, the last of them first."""
        return (self.ordered[index][2] for index in range(self.before(message) - 1, -1, -1))

    def next_step(self, step: SessionMessage) -> int:
        """When the step after `step` was made."""
        for index in range(self.before(step) + 1, len(self.ordered)):
            message = self.ordered[index][2]
            if message.role == "assistant" and message.created > step.created:
                return message.created
        return NEVER

    def was_working(self, message: SessionMessage) -> bool:
        """Whether a step was going on when `message` was made."""
        return any(
            step.role == "assistant" and step.created <= message.created <= (step.info.completed or NEVER)
            for _, _, step in self.ordered[: self.before(message)][-2:]
        )

    def has_made(self, message: SessionMessage) -> bool:
        """Whether a message of this session has the role and time of `message`."""
        return any(own.created == message.created and own.role == message.role for own in self.messages.values())

    def is_undone(self, message: SessionMessage, step: SessionMessage, at: int) -> bool:
        """Whether `message` was taken out of the conversation before `step`, whose request left at `at`."""
        if message.removed.get(None, NEVER) <= at:
            return True
        since, when = self.info.reverted, self.info.reverted_at
        if since is None or not when:
            return False
        return since <= message.id and message.created <= when < step.created

    def put(self, message: SessionMessage, standing: Standing) -> None:
        """Move `message` to the place that its standing gives it."""
        del self.ordered[bisect_left(self.ordered, message.position)]
        message.standing = standing
        insort(self.ordered, (*message.position, message))

    def guess_created(self, message: SessionMessage, created: int) -> None:
        """Give a message of unknown time one."""
        if not message.created:
            del self.ordered[bisect_left(self.ordered, (0, message.id))]
            message.info.created = created
            insort(self.ordered, (*message.position, message))

    def learn(self, fact: AnyFact) -> bool:
        """Take `fact` in; whether it said anything new."""
        if fact.at > self.last_at:
            self.last_at = fact.at
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
            case RemovalFact():
                message = self.message(fact.message)
                known = message.removed.get(fact.part)
                message.removed[fact.part] = min(fact.at, known or NEVER)
                message.version += 1
                return known is None
            case RetryFact() if fact.message is None:
                for step in self.steps.values():
                    step.version += 1
                return self.retries.add(fact)
            case _:
                return self._timelines[type(fact)].add(fact)

    def _message(self, fact: MessageFact) -> bool:
        message = self.message(fact.message)
        position, made = message.position, message.created
        changed = message.merge(fact)
        if message.created != made:
            del self.ordered[bisect_left(self.ordered, position)]
            insort(self.ordered, (*message.position, message))
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
        if fact.sent is not None:
            self._keep_sent(fact.sent, fact, held)
            if message.role == "user" and fact.synthetic and not fact.resumes:
                return True  # it may have been made for one request only
        if held is not None and (held.order > fact.order or held == fact):
            if held.order > fact.order:
                _keep_replaced(message, fact, held)
            return fact.sent is not None
        if held is not None:
            _keep_replaced(message, held, fact)
        message.parts[fact.part] = fact
        message.version += 1
        return True

    def _keep_sent(self, name: str, fact: PartFact | ToolFact, held: PartFact | ToolFact | None) -> None:
        """Keep a part as a history showed it; what it is still the same as is held once."""
        last = self.last_sent.get(fact.part)
        if last is not None and _says_the_same(last, fact):
            self.sent[name] = last
            return
        self.sent[name] = self.last_sent[fact.part] = fact
        if isinstance(fact, PartFact) and isinstance(held, PartFact) and fact.text == held.text:
            fact.text = held.text
        if isinstance(fact, ToolFact) and isinstance(held, ToolFact) and fact.output == held.output:
            fact.output = held.output

    def _tool(self, fact: ToolFact) -> bool:
        message = self.message(fact.message)
        if fact.sent is not None:
            self._keep_sent(fact.sent, fact, message.tools.get(fact.part))
        elif fact.part not in message.tools and message.id in self.owners:  # its turn was given up too early
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


def _too_long(messages: list[SessionMessage]) -> int:
    """How many of the oldest messages come before more text than is kept of a conversation."""
    size = 0
    for index in range(len(messages) - 1, -1, -1):
        size += messages[index].size
        if size > _MOST_TEXT:
            return index
    return 0


def _says_the_same(one: PartFact | ToolFact, other: PartFact | ToolFact) -> bool:
    if isinstance(one, ToolFact) and isinstance(other, ToolFact):
        return (
            one.output == other.output
            and one.input == other.input
            and one.status == other.status
            and one.error == other.error
            and one.pruned == other.pruned
            and one.name == other.name
        )
    if isinstance(one, PartFact) and isinstance(other, PartFact):
        return one.text == other.text and one.type == other.type and one.ignored == other.ignored
    return False


def _keep_replaced(message: SessionMessage, old: PartFact, new: PartFact) -> None:
    """Keep a text before it was changed: earlier requests held it."""
    if old.text and old.text != new.text and old.sent is None and new.sent is None:
        known = message.replaced.setdefault(old.part, [])
        if old not in known:
            known.append(old)
