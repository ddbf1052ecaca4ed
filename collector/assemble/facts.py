"""The few facts that turns are made of, whatever generation of OpenCode or door they came from (pure).

A fact is about something (`key`, within a session); of two with the same key the one of higher `order` holds.
So the order of arrival does not matter, and neither does hearing a thing twice: that is what lets several doors
be open at once, and lets a restart replay what was kept.

Fields are None where a door does not know; several facts about one message or tool call complete each other.
Times are milliseconds since the epoch, as OpenCode's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Annotated, Any, Literal

import orjson
from pydantic import Field, TypeAdapter

from collector.assemble.attachments import MediaPlace

LAST = 1 << 52
"""Orders stay below this; a fact whose first telling counts has the order `LAST - at`."""

PENDING, RUNNING, SETTLED = 1, 2, 3

NEVER = 1 << 62
"""A time after all others."""

SIDE_CALLS = ("title", "summary")
"""Agents of calls that belong to no step."""


def order(at: int, rank: int = 0) -> int:
    """Later beats earlier, and a higher rank beats any time."""
    return (rank << 48) + at


def latest(session: str, key: str, at: int, rank: int = 0) -> tuple[str, str, int, int]:
    """How a fact begins of which the last telling of the highest rank holds."""
    return session, key, at, (rank << 48) + at


def earliest(session: str, key: str, at: int) -> tuple[str, str, int, int]:
    """How a fact begins of which the first telling holds."""
    return session, key, at, LAST - at


@dataclass(slots=True)
class Fact:
    """What every fact says first: of which session, about what, when, and how it holds against another telling."""

    session: str
    key: str
    at: int
    order: int


@dataclass(slots=True, kw_only=True)
class SessionFact(Fact):
    """What is known of a session; from message `reverted` on it was undone at `reverted_at` (0: nothing is)."""

    kind: Literal["session"] = "session"
    parent: str | None = None
    title: str | None = None
    directory: str | None = None
    project: str | None = None
    version: str | None = None
    agent: str | None = None
    created: int | None = None
    deleted: int | None = None
    reverted: str | None = None
    reverted_at: int | None = None


@dataclass(slots=True, kw_only=True)
class TitleFact(Fact):
    """The title call gave the session its title at `at`; a person may give it another later."""

    kind: Literal["titled"] = "titled"
    title: str | None = None


@dataclass(slots=True, kw_only=True)
class MessageFact(Fact):
    """A message as far as it is known; an assistant's is one LLM step.

    `recalled` messages were only heard of in the history of a later call: they open no turn and make no span.
    """

    kind: Literal["message"] = "message"
    message: str
    role: Literal["user", "assistant"]
    recalled: bool = False
    parent: str | None = None
    agent: str | None = None
    provider: str | None = None
    model: str | None = None
    variant: str | None = None
    created: int | None = None
    completed: int | None = None
    finish: str | None = None
    error_type: str | None = None
    error: str | None = None
    tokens: dict[str, float] | None = None
    cost: float | None = None
    summary: bool | None = None
    directory: str | None = None
    queued: int | None = None
    delivered: bool | None = None
    streamed: int | None = None
    manual: bool | None = None
    structured: Any = None


@dataclass(slots=True, kw_only=True)
class PartFact(Fact):
    """Text or reasoning as a whole, an attachment by its type and size, or a mark in the conversation.

    `sent` names the part as a history showed it: `HistoryFact.parts` refers to it. The messages from `tail` on were
    kept beside the summary that a compaction made.
    """

    kind: Literal["part"] = "part"
    message: str
    part: str
    type: Literal["text", "reasoning", "file", "compaction", "subtask", "start", "finish", "patch", "other"]
    sent: str | None = None
    text: str | None = None
    synthetic: bool = False
    ignored: bool = False
    resumes: bool = False
    start: int | None = None
    end: int | None = None
    mime: str | None = None
    filename: str | None = None
    bytes: int | None = None
    auto: bool | None = None
    overflow: bool | None = None
    tail: str | None = None
    reason: str | None = None
    tokens: dict[str, float] | None = None
    cost: float | None = None
    files: list[str] | None = None


@dataclass(slots=True, kw_only=True)
class ToolFact(Fact):
    """A tool call as far as it is known; `child` is the session it started.

    Its output was cleared from the conversation at `pruned`. `sent` is as in `PartFact`. `told` ascends with the events
    that tell an output, also within a millisecond.
    """

    kind: Literal["tool"] = "tool"
    message: str
    part: str
    call: str
    name: str | None = None
    status: Literal["pending", "running", "completed", "error"] | None = None
    input: Any = None
    output: str | None = None
    error_type: str | None = None
    error: str | None = None
    title: str | None = None
    metadata: dict[str, Any] | str | None = None
    start: int | None = None
    end: int | None = None
    exit: int | None = None
    child: str | None = None
    background: bool | None = None
    attachments: list[str] | None = None
    pruned: int | None = None
    interrupted: bool | None = None
    rejected: bool | None = None
    sent: str | None = None
    told: int | None = None


@dataclass(slots=True, kw_only=True)
class FirstTokenFact(Fact):
    """Something of `message` was streamed at `at`."""

    kind: Literal["first"] = "first"
    message: str


@dataclass(slots=True, kw_only=True)
class StatusFact(Fact):
    """The session turned busy or idle; OpenCode 2 says how a busy period ended."""

    kind: Literal["status"] = "status"
    status: Literal["busy", "idle", "succeeded", "failed", "interrupted"]
    error_type: str | None = None
    error: str | None = None
    reason: str | None = None


@dataclass(slots=True, kw_only=True)
class FailureFact(Fact):
    """The session reported an error (the errored message follows)."""

    kind: Literal["failure"] = "failure"
    error_type: str | None = None
    error: str | None = None


@dataclass(slots=True, kw_only=True)
class RetryFact(Fact):
    """An attempt failed at `at`; the next is due at `next`."""

    kind: Literal["retry"] = "retry"
    attempt: int
    message: str | None = None
    next: int | None = None
    error_type: str | None = None
    error: str | None = None


@dataclass(slots=True, kw_only=True)
class RequestFact(Fact):
    """A request leaves for the model, which takes `window` tokens; OpenCode 1 does not say for which message."""

    kind: Literal["request"] = "request"
    agent: str | None = None
    provider: str | None = None
    model: str | None = None
    variant: str | None = None
    message: str | None = None
    params: dict[str, Any] | str = field(default_factory=dict)
    window: int | None = None
    media: MediaPlace | None = None
    """Where the media of tools' results stand in it."""
    inputs: list[str] | None = None
    """The kinds of media that the model takes."""


@dataclass(slots=True, kw_only=True)
class SystemPromptFact(Fact):
    """A system prompt; `more` are the system messages behind the first, which plugins add."""

    kind: Literal["system"] = "system"
    text: str | None
    more: list[str] | None = None
    agent: str | None = None


@dataclass(slots=True, kw_only=True)
class ToolListFact(Fact):
    """The tools a request offers: name, description and JSON schema."""

    kind: Literal["tools"] = "tools"
    tools: list[dict[str, Any]]


@dataclass(slots=True, kw_only=True)
class HistoryFact(Fact):
    """Which messages go to the model next, in order, and their parts by the names these were sent under."""

    kind: Literal["history"] = "history"
    messages: list[str]
    parts: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class RemovalFact(Fact):
    """A message, or a part of one, was taken out of the conversation at `at`."""

    kind: Literal["removal"] = "removal"
    message: str
    part: str | None = None


@dataclass(slots=True, kw_only=True)
class RevertFact(Fact):
    """At `at` the messages from `since` on, and what had summed any of them up, were undone for good."""

    kind: Literal["revert"] = "revert"
    since: str


@dataclass(slots=True, kw_only=True)
class ConversationFact(Fact):
    """The conversation as the model gets it, where its messages have no ids of their own (OpenCode 2)."""

    kind: Literal["spoken"] = "spoken"
    messages: list[dict[str, Any]]


@dataclass(slots=True, kw_only=True)
class WaitFact(Fact):
    """Someone is asked at `at`, or answers."""

    kind: Literal["wait"] = "wait"
    id: str
    what: Literal["permission", "question"]
    ends: bool
    call: str | None = None
    message: str | None = None
    permission: str | None = None
    reply: str | None = None
    detail: str | None = None


@dataclass(slots=True, kw_only=True)
class CompactionFact(Fact):
    """A compaction of OpenCode 2, which is no message there."""

    kind: Literal["compaction"] = "compaction"
    id: str
    started: int | None = None
    ended: int | None = None
    auto: bool | None = None
    input: str | None = None
    text: str | None = None
    provider: str | None = None
    model: str | None = None
    tokens: dict[str, float] | None = None
    cost: float | None = None
    error_type: str | None = None
    error: str | None = None


@dataclass(slots=True, kw_only=True)
class UsageFact(Fact):
    """What the title call used."""

    kind: Literal["usage"] = "usage"
    exact: bool
    tokens: dict[str, float]
    cost: float | None = None


@dataclass(slots=True, kw_only=True)
class NoteFact(Fact):
    """Something worth an event on the turn: todos, a command, changed files."""

    kind: Literal["note"] = "note"
    name: str
    message: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class ShutdownFact(Fact):
    """The agent in `directory` shut down: nothing more comes of its turns."""

    kind: Literal["gone"] = "gone"
    directory: str | None = None


AnyFact = (
    SessionFact
    | TitleFact
    | MessageFact
    | PartFact
    | ToolFact
    | FirstTokenFact
    | StatusFact
    | FailureFact
    | RetryFact
    | RequestFact
    | SystemPromptFact
    | ToolListFact
    | HistoryFact
    | RemovalFact
    | RevertFact
    | ConversationFact
    | WaitFact
    | CompactionFact
    | UsageFact
    | NoteFact
    | ShutdownFact
)

Facts = Iterable[AnyFact]


class Shape(StrEnum):
    """What a field that is structure may hold; what has another shape is content after all."""

    ID = "id"
    """An identifier; another text is replaced by its hash, so that what belongs together stays together."""
    WORD = "word"
    """An identifier."""
    NAME = "name"
    """The name of a model, provider or media type: an identifier, slashes and at signs too."""
    NUMBER = "number"
    """A number or a boolean."""
    NUMBERS = "numbers"
    """Numbers by name."""
    IDS = "ids"
    """A list of identifiers."""


_BY = {"agent": Shape.WORD, "provider": Shape.NAME, "model": Shape.NAME, "variant": Shape.WORD}
_USED = {"tokens": Shape.NUMBERS, "cost": Shape.NUMBER}
_FAILED = {"error_type": Shape.WORD}


def _numbers(*names: str) -> dict[str, Shape]:
    return dict.fromkeys(names, Shape.NUMBER)


STRUCTURE: dict[type[Fact], dict[str, Shape]] = {
    SessionFact: {
        "parent": Shape.ID, "project": Shape.WORD, "version": Shape.WORD, "agent": Shape.WORD, "reverted": Shape.ID,
        **_numbers("created", "deleted", "reverted_at"),
    },
    TitleFact: {},
    MessageFact: {
        "message": Shape.ID, "role": Shape.WORD, "parent": Shape.ID, "finish": Shape.WORD, **_BY, **_USED, **_FAILED,
        **_numbers("recalled", "created", "completed", "summary", "queued", "delivered", "streamed", "manual"),
    },
    PartFact: {
        "message": Shape.ID, "part": Shape.ID, "type": Shape.WORD, "mime": Shape.NAME, "reason": Shape.WORD,
        "sent": Shape.ID, "tail": Shape.ID, **_USED,
        **_numbers("synthetic", "ignored", "resumes", "start", "end", "bytes", "auto", "overflow"),
    },
    ToolFact: {
        "message": Shape.ID, "part": Shape.ID, "call": Shape.ID, "name": Shape.WORD, "status": Shape.WORD,
        "child": Shape.ID, "sent": Shape.ID, **_FAILED,
        **_numbers("start", "end", "exit", "background", "pruned", "interrupted", "rejected", "told"),
    },
    FirstTokenFact: {"message": Shape.ID},
    StatusFact: {"status": Shape.WORD, "reason": Shape.WORD, **_FAILED},
    FailureFact: _FAILED,
    RetryFact: {"message": Shape.ID, **_FAILED, **_numbers("attempt", "next")},
    RequestFact: {"message": Shape.ID, **_BY, **_numbers("window")},
    SystemPromptFact: {"agent": Shape.WORD},
    ToolListFact: {},
    HistoryFact: {"messages": Shape.IDS, "parts": Shape.IDS},
    RemovalFact: {"message": Shape.ID, "part": Shape.ID},
    RevertFact: {"since": Shape.ID},
    ConversationFact: {},
    WaitFact: {
        "id": Shape.ID, "what": Shape.WORD, "call": Shape.ID, "message": Shape.ID, "permission": Shape.WORD,
        "reply": Shape.WORD, **_numbers("ends"),
    },
    CompactionFact: {
        "id": Shape.ID, "input": Shape.ID, "provider": Shape.NAME, "model": Shape.NAME, **_USED, **_FAILED,
        **_numbers("started", "ended", "auto"),
    },
    UsageFact: {**_USED, **_numbers("exact")},
    NoteFact: {"name": Shape.WORD, "message": Shape.ID, "counts": Shape.NUMBERS},
}  # fmt: skip
"""The fields that say nothing of what people, models and tools wrote, or where they work: all that stays at the
metadata level. What is not declared here is content; of a class that is not declared nothing stays (a shutdown says
which directory it is about, and nothing else)."""

FIELDS: dict[type[Fact], tuple[str, ...]] = {
    kind: tuple(item.name for item in fields(kind) if item.name not in ("session", "key", "at", "order", "kind"))
    for kind in Fact.__subclasses__()
}

_READER: TypeAdapter[AnyFact] = TypeAdapter(Annotated[AnyFact, Field(discriminator="kind")])


def to_bytes(document: dict[str, Any]) -> bytes:
    written = orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS)
    return bytes(memoryview(written))  # what orjson wrote takes KiBs more than it says (of 600 bytes, 8 KiB)


def from_document(document: dict[str, Any]) -> AnyFact:
    """Raises `pydantic.ValidationError` for what is no fact of this version."""
    return _READER.validate_python(document)


def from_bytes(data: bytes) -> AnyFact:
    """Read what `to_bytes` wrote; raises `pydantic.ValidationError` for what is no fact of this version."""
    return _READER.validate_json(data)
