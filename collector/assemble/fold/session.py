"""What is known of one session: facts put where they belong (pure)."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import Any, NamedTuple

from collector.assemble.facts import (
    NEVER,
    CompactionFact,
    ConversationFact,
    Fact,
    FailureFact,
    HistoryFact,
    NoteFact,
    PartFact,
    RequestFact,
    RetryFact,
    RevertFact,
    SessionFact,
    StatusFact,
    SystemPromptFact,
    ToolFact,
    ToolListFact,
    UsageFact,
    WaitFact,
)
from collector.assemble.fold.message import SessionMessage, Standing
from collector.assemble.fold.timeline import Timeline

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
        "has_removals",
        "heard",
        "histories",
        "id",
        "info",
        "info_orders",
        "is_displaced",
        "is_idle",
        "is_open",
        "last_at",
        "last_sent",
        "latest",
        "latest_start",
        "links",
        "loose",
        "measured",
        "messages",
        "notes",
        "opened",
        "ordered",
        "origin",
        "over_until",
        "owners",
        "places",
        "requests",
        "retries",
        "reverts",
        "said",
        "said_history",
        "said_sent",
        "sent",
        "spoken",
        "statuses",
        "steps",
        "summaries",
        "systems",
        "timelines",
        "title_usages_told",
        "titled",
        "titled_as",
        "titles_asked",
        "told_again",
        "tools",
        "touched",
        "usages",
        "waits",
    )

    def __init__(self, identifier: str) -> None:
        self.id = identifier
        self.info = SessionFact(identifier, "session", 0, -1)
        """What the session's facts say together."""
        self.info_orders: dict[str, int] = {}
        self.born: int | None = None
        self.messages: dict[str, SessionMessage] = {}
        self.loose: dict[str, SessionMessage] = {}
        """Those of them that are not packed, in the order in which they were last unpacked, or made."""
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
        self.latest_start = self.over_until = 0  # the highest of those times, and of when their facts were needed last
        self.told_again: dict[str, None] = {}
        """Messages of those turns that were told again while no turn is open."""
        self.places: dict[str, tuple[int, str]] = {}
        """The positions of those of them whose time says something else."""
        self.given_up: dict[str, int] = {}
        """The messages that opened turns of dead agents, and how much of the session was known then."""
        self.is_displaced = self.is_idle = False
        """Whether messages seem older than the session; whether the agent is idle by the status heard last."""
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
        self.has_removals = False
        """Whether a message, or a part of one, was taken out."""
        self.said: Any = None
        """The last conversation that was put together of messages, as `spans` put it."""
        self.touched: set[str] = set()
        """Messages of which something new was heard since then."""
        self.sent: dict[str, PartFact | ToolFact] = {}
        """Parts as histories showed them, by the names these refer to."""
        self.last_sent: dict[str, PartFact | ToolFact] = {}
        """The last of those of each part."""
        self.said_sent: dict[tuple[str, tuple[str | None, ...], Any], Any] = {}
        """What messages said in histories, as `spans` put it."""
        self.said_history: tuple[HistoryFact | None, Any, Any] = (None, (None, None), [])
        """The last history, and what it said."""
        self.encodings: dict[Any, Any] = {}
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
        self.timelines: dict[type[Fact], Timeline] = {
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
        self.titled, self.titled_as = (None, None)  # type: tuple[int | None, str | None]
        self.reverts: list[RevertFact] = []
        self.title_usages_told: set[int] = set()
        """When what a title used was heard of, for each of which a span was built."""
        self.titles_asked: dict[str, str] = {}
        """Which message opened the turn of a request for a title."""
        self.heard = self.changes = 0
        self.last_at = 0
        """The time of the last fact."""
        self.gone_at: int | None = None

    @property
    def parent(self) -> str | None:
        return self.info.parent

    def place_of(self, opener: str) -> tuple[int, str]:
        """The position of the message that opened a turn that is over."""
        return self.places.get(opener) or (self.finished[opener], opener)

    def message(self, identifier: str) -> SessionMessage:
        found = self.messages.get(identifier)
        if found is None:
            found = self.messages[identifier] = SessionMessage(self.id, identifier, self.loose)
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

    def has_summed_up(self, message: SessionMessage) -> bool:
        """Whether the conversation begins anew with `message`, a compaction that was asked for and did not fail.

        One that failed is tried again as the answer to the next prompt: that sums up, and nothing begins with it.
        """
        if not message.is_compaction or not message.done or message.info.error_type is not None:
            return False
        mark = self.messages.get(message.info.parent or "")
        return mark is not None and mark.part("compaction") is not None

    def is_undone(self, message: SessionMessage, step: SessionMessage, at: int) -> bool:
        """Whether `message` was taken out of the conversation before `step`, whose request left at `at`."""
        if message.removed.get(None, NEVER) <= at or self.is_reverted(message.position, at):
            return True
        since, when = self.info.reverted, self.info.reverted_at
        if since is None or not when:
            return False
        return since <= message.id and message.created <= when < step.created

    def is_reverted(self, position: tuple[int, str], at: int) -> bool:
        """Whether what was made at `position` was undone for good before `at`."""
        for revert in self.reverts:
            since = self.messages.get(revert.since)
            if since is not None and since.position <= position and position[0] <= revert.at <= at:
                return True
        return False

    def touch(self, message: SessionMessage) -> None:
        """Something new was heard of `message`."""
        message.version += 1
        self.touched.add(message.id)

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
