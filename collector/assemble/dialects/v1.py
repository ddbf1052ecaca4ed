"""The dialect of OpenCode 1 (1.0 to 1.18), read leniently: what has another shape than expected is left out.

Over the versions: events got ids (1.18), deltas moved from `message.part.updated` to `message.part.delta`,
`permission.updated` became `permission.asked`. History rows and export files hold the same messages and parts.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from collector.assemble.dialects.items import OpenCodeEvent
from collector.assemble.dialects.lenient import (
    JsonObject,
    first_text,
    mapping,
    milliseconds,
    objects,
    text,
    texts_of,
    whole,
)
from collector.assemble.dialects.v1_messages import error_of, message, part
from collector.assemble.facts import (
    LAST,
    Facts,
    FailureFact,
    FirstTokenFact,
    NoteFact,
    RemovalFact,
    RetryFact,
    SessionFact,
    ShutdownFact,
    StatusFact,
    TitleFact,
    ToolFact,
    WaitFact,
    earliest,
    latest,
    order,
)
from collector.assemble.ids import number_in
from collector.otlp.values import to_json

_NAMED = ("id", "title", "parentID", "directory", "projectID", "version", "agent")
_UNTITLED = re.compile(r"(New session|Child session) - \d{4}-\d\d-.*")
_KNOWN_EMPTY = re.compile(
    r"(plugin|catalog|integration|reference|server|installation|lsp|project|vcs|tui|pty|mcp|ide|worktree|workspace"
    r"|account|models|command|file|storage|config|global|filesystem|skill|agent|provider)\..*"
    r"|session\.diff|session\.next\..*"
)


def read(event: OpenCodeEvent, near: int) -> Facts | None:
    """The facts in `event`, which was made near that time; None when its type is not known."""
    known = _READERS.get(event.type)
    if known is not None:
        return known(event, event.data, event.made(near))
    return () if _KNOWN_EMPTY.fullmatch(event.type) else None


def _session(event: OpenCodeEvent, data: JsonObject, at: int) -> Facts:
    info = mapping(data.get("info"))
    told, title, parent, directory, project, version, agent = texts_of(info, *_NAMED)
    session = told or text(data.get("sessionID"))
    if session is None:
        return ()
    times, reverted = mapping(info.get("time")), text(mapping(info.get("revert")).get("messageID"))
    fact = SessionFact(
        session=session,
        key=event.type,
        at=at,
        order=order(milliseconds(times.get("updated")) or at),
        parent=parent,
        title=title,
        directory=directory or event.directory,
        project=project,
        version=version,
        agent=agent,
        created=milliseconds(times.get("created")),
        reverted=reverted,
        reverted_at=at if reverted else 0,
    )
    if title and not _UNTITLED.fullmatch(title):
        return fact, TitleFact(*earliest(session, "titled", at), title=title)
    return (fact,)


def _deleted(event: OpenCodeEvent, data: JsonObject, at: int) -> Facts:
    session = text(mapping(data.get("info")).get("id")) or text(data.get("sessionID"))
    if session:
        yield SessionFact(*earliest(session, event.type, at), deleted=at)


def _message(event: OpenCodeEvent, data: JsonObject, at: int) -> Facts:
    return message(mapping(data.get("info")), text(data.get("sessionID")), at)


def _part(event: OpenCodeEvent, data: JsonObject, at: int) -> Facts:
    found = mapping(data.get("part"))
    stated = milliseconds(data.get("time"))
    streaming = isinstance(data.get("delta"), str)
    fact = part(
        found, text(data.get("sessionID")), at if stated is None else stated, streaming, exact=stated is not None
    )
    if fact is None:
        return ()
    if isinstance(fact, ToolFact):
        if fact.output is not None:
            fact.told = number_in(event.id)
        if fact.status == "running" and fact.start is not None:
            return fact, _begun(fact, fact.start)
    return (fact,)


def _begun(tool: ToolFact, start: int) -> ToolFact:
    """The first start that is told holds: OpenCode 1.15 gives a call another with each thing it says of it."""
    first = earliest(tool.session, f"begun:{tool.part}", start)
    return ToolFact(*first, message=tool.message, part=tool.part, call=tool.call, start=start)


def _removed(event: OpenCodeEvent, data: JsonObject, at: int) -> Facts:
    session, of, part_id = text(data.get("sessionID")), text(data.get("messageID")), text(data.get("partID"))
    if session and of:
        yield RemovalFact(*latest(session, f"removed:{part_id or of}", at), message=of, part=part_id)


def _delta(event: OpenCodeEvent, data: JsonObject, at: int) -> Facts:
    session, of = text(data.get("sessionID")), text(data.get("messageID"))
    if not session or not of:
        return ()
    return (FirstTokenFact(*earliest(session, f"first:{of}", at), message=of),)


def _status(event: OpenCodeEvent, data: JsonObject, at: int) -> Facts:
    session, status = text(data.get("sessionID")), mapping(data.get("status"))
    kind = status.get("type")
    if session is None:
        return ()
    if kind in ("busy", "idle"):
        key = event.id or str(at)
        return (StatusFact(*latest(session, f"status:{kind}:{key}", at), status=kind),)
    if kind == "retry":
        attempt = whole(status.get("attempt")) or 1
        retry = latest(session, f"retry:{event.id or at}", at)
        due, error = milliseconds(status.get("next")), text(status.get("message"))
        return (RetryFact(*retry, attempt=attempt, next=due, error=error),)
    return ()


def _idle(event: OpenCodeEvent, data: JsonObject, at: int) -> Facts:
    session = text(data.get("sessionID"))
    return (StatusFact(*latest(session, f"status:idle:{event.id or at}", at), status="idle"),) if session else ()


def _error(event: OpenCodeEvent, data: JsonObject, at: int) -> Facts:
    session, (error_type, error) = text(data.get("sessionID")), error_of(data.get("error"))
    if session:
        yield FailureFact(*latest(session, f"failure:{event.id or at}", at), error_type=error_type, error=error)


def _compacted(event: OpenCodeEvent, data: JsonObject, at: int) -> Facts:
    return ()  # the summary message says the same, through every door


def _asked(event: OpenCodeEvent, data: JsonObject, at: int) -> Facts:
    session, identifier = text(data.get("sessionID")), text(data.get("id"))
    if session is None or identifier is None:
        return
    tool = mapping(data.get("tool"))
    patterns = data.get("patterns", data.get("pattern"))
    detail = data.get("questions") if event.type.startswith("question") else patterns
    yield WaitFact(
        session=session,
        key=f"asked:{identifier}",
        at=milliseconds(mapping(data.get("time")).get("created")) or at,
        order=LAST - at,
        id=identifier,
        what="question" if event.type.startswith("question") else "permission",
        ends=False,
        call=text(tool.get("callID")) or text(data.get("callID")),
        message=text(tool.get("messageID")) or text(data.get("messageID")),
        permission=first_text(data, "permission", "type"),
        detail=None if detail is None else to_json(detail),
    )


def _replied(event: OpenCodeEvent, data: JsonObject, at: int) -> Facts:
    session = text(data.get("sessionID"))
    identifier = first_text(data, "requestID", "permissionID", "id")
    if session is None or identifier is None:
        return
    question = event.type.startswith("question")
    answers = data.get("answers")
    yield WaitFact(
        *earliest(session, f"replied:{identifier}", at),
        id=identifier,
        what="question" if question else "permission",
        ends=True,
        reply=first_text(data, "reply", "response") or event.type.rpartition(".")[2],
        detail=None if answers is None else to_json(answers),
    )


def _todo(event: OpenCodeEvent, data: JsonObject, at: int) -> Facts:
    session = text(data.get("sessionID"))
    todos = objects(data.get("todos"))
    if session is None:
        return
    counts: dict[str, int] = {"count": len(todos)}
    for found in todos:
        status = text(found.get("status"))
        if status and re.fullmatch(r"[a-z_]{1,30}", status):
            counts[status] = counts.get(status, 0) + 1
    yield NoteFact(
        *latest(session, f"todo:{event.id or at}", at),
        name="todo.updated",
        counts=counts,
        texts={"todos": to_json(todos)},
    )


def _command(event: OpenCodeEvent, data: JsonObject, at: int) -> Facts:
    session = text(data.get("sessionID"))
    if session:
        yield NoteFact(
            *latest(session, f"command:{event.id or at}", at),
            name="command.executed",
            message=text(data.get("messageID")),
            texts={name: found for name in ("name", "arguments") if (found := text(data.get(name)))},
        )


def _gone(event: OpenCodeEvent, data: JsonObject, at: int) -> Facts:
    directory = text(data.get("directory")) or event.directory
    yield ShutdownFact(*latest("", f"gone:{directory}", at), directory=directory)


_READERS: dict[str, Callable[[OpenCodeEvent, JsonObject, int], Facts]] = {
    "session.created": _session,
    "session.updated": _session,
    "session.deleted": _deleted,
    "session.status": _status,
    "session.idle": _idle,
    "session.error": _error,
    "session.compacted": _compacted,
    "message.updated": _message,
    "message.part.updated": _part,
    "message.part.delta": _delta,
    "message.removed": _removed,
    "message.part.removed": _removed,
    "permission.asked": _asked,
    "permission.updated": _asked,
    "permission.replied": _replied,
    "question.asked": _asked,
    "question.replied": _replied,
    "question.rejected": _replied,
    "todo.updated": _todo,
    "command.executed": _command,
    "server.instance.disposed": _gone,
}
