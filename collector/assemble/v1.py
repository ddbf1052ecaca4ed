"""The dialect of OpenCode 1 (1.0 to 1.18), read leniently: what has another shape than expected is left out.

Over the versions: events got ids (1.18), deltas moved from `message.part.updated` to `message.part.delta`,
`permission.updated` became `permission.asked`. History rows and export files hold the same messages and parts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from collector.assemble.contents import attachment, describe
from collector.assemble.ids import time_in
from collector.assemble.items import Event
from collector.assemble.lenient import (
    Json,
    agent_name,
    first_text,
    mapping,
    milliseconds,
    number,
    text,
    texts,
    to_json,
    tokens,
    truth,
    whole,
)
from collector.assemble.vocabulary import (
    LAST,
    PENDING,
    RUNNING,
    SETTLED,
    AnyFact,
    Failure,
    FirstToken,
    Gone,
    MessageTold,
    Note,
    PartTold,
    Retry,
    SessionTold,
    Status,
    Titled,
    ToolTold,
    Wait,
    earliest,
    latest,
    order,
)

Facts = Iterator[AnyFact]

_UNTITLED = re.compile(r"(New session|Child session) - \d{4}-\d\d-.*")
_RUNNING = {"pending": PENDING, "running": RUNNING, "completed": SETTLED, "error": SETTLED}
_KNOWN_EMPTY = re.compile(
    r"(plugin|catalog|integration|reference|server|installation|lsp|project|vcs|tui|pty|mcp|ide|worktree|workspace"
    r"|account|models|command|file|storage|config|global|filesystem|skill|agent|provider)\..*"
    r"|session\.diff|message\.removed|message\.part\.removed"
)


def read(event: Event, at: int) -> Facts | None:
    """The facts in `event`; None when its type is not known."""
    known = _READERS.get(event.type)
    if known is not None:
        return known(event, event.data, at)
    return iter(()) if _KNOWN_EMPTY.fullmatch(event.type) else None


def _session(event: Event, data: Json, at: int) -> Facts:
    info = mapping(data.get("info"))
    session = text(info.get("id")) or text(data.get("sessionID"))
    if session is None:
        return
    title = text(info.get("title"))
    yield SessionTold(
        session=session,
        key=event.type,
        at=at,
        order=order(milliseconds(mapping(info.get("time")).get("updated")) or at),
        parent=text(info.get("parentID")),
        title=title,
        directory=text(info.get("directory")) or event.directory,
        project=text(info.get("projectID")),
        version=text(info.get("version")),
        agent=text(info.get("agent")),
        created=milliseconds(mapping(info.get("time")).get("created")),
    )
    if title and not _UNTITLED.fullmatch(title):
        yield Titled(*earliest(session, "titled", at))


def _message(event: Event, data: Json, at: int) -> Facts:
    yield from message(mapping(data.get("info")), text(data.get("sessionID")), at)


def message(info: Json, session: str | None, at: int, *, recalled: bool = False) -> Facts:
    """The facts in a message's `info`; `recalled` when it stands in the history of a later call."""
    session = text(info.get("sessionID")) or session
    identifier, role = text(info.get("id")), info.get("role")
    if session is None or identifier is None or role not in ("user", "assistant"):
        return
    times, model, error = mapping(info.get("time")), mapping(info.get("model")), mapping(info.get("error"))
    completed = milliseconds(times.get("completed"))
    summary = info.get("summary")
    rank = SETTLED if completed else RUNNING if info.get("finish") else PENDING
    yield MessageTold(
        session=session,
        key=f"{'recalled' if recalled else 'message'}:{identifier}",
        at=at,
        order=order(completed or at, 0 if recalled else rank),
        message=identifier,
        role=role,
        recalled=recalled,
        parent=text(info.get("parentID")),
        agent=agent_name(info.get("agent")) or text(info.get("mode")),
        provider=text(info.get("providerID")) or text(model.get("providerID")),
        model=text(info.get("modelID")) or first_text(model, "modelID", "id"),
        variant=text(info.get("variant")) or text(model.get("variant")),
        created=milliseconds(times.get("created")),
        completed=completed,
        finish=text(info.get("finish")),
        error_type=text(error.get("name")),
        error=_error_text(error),
        tokens=tokens(info.get("tokens")) if role == "assistant" and rank > PENDING else None,
        cost=number(info.get("cost")) if role == "assistant" and rank > PENDING else None,
        summary=summary is True or None,
        directory=text(mapping(info.get("path")).get("cwd")),
    )
    if isinstance(summary, dict):
        yield from _summary(summary, session, identifier, at)


def _summary(summary: Json, session: str, identifier: str, at: int) -> Facts:
    """A user message is told again with what the turn changed, and by OpenCode 1.0 with the title."""
    diffs = [found for found in summary.get("diffs") or () if isinstance(found, dict)]
    if diffs:
        yield Note(
            *latest(session, f"diff:{identifier}", at),
            name="diff",
            message=identifier,
            counts={
                "file_count": len(diffs),
                "additions": sum(whole(found.get("additions")) or 0 for found in diffs),
                "deletions": sum(whole(found.get("deletions")) or 0 for found in diffs),
            },
            texts={
                "files": to_json([text(found.get("file")) for found in diffs]),
                **{f"patch.{i}": patch for i, found in enumerate(diffs) if (patch := text(found.get("patch")))},
            },
        )
    if text(summary.get("title")):
        yield Titled(*earliest(session, "titled", at))


def _part(event: Event, data: Json, at: int) -> Facts:
    found = mapping(data.get("part"))
    told = milliseconds(data.get("time"))
    streaming = isinstance(data.get("delta"), str)
    yield from part(found, text(data.get("sessionID")), at if told is None else told, streaming, exact=told is not None)


def part(found: Json, session: str | None, at: int, streaming: bool = False, *, exact: bool = False) -> Facts:
    """The facts in a part; of one that is still streamed only the time counts.

    `exact` says that `at` is OpenCode's own time, not that of our hearing: the id's time is nearer than that.
    """
    session = text(found.get("sessionID")) or session
    of, identifier = text(found.get("messageID")), text(found.get("id"))
    if session is None or of is None or identifier is None:
        return
    if streaming:
        yield FirstToken(*earliest(session, f"first:{of}", at), message=of)
        return
    kind = found.get("type")
    if kind == "tool":
        yield from _tool(found, session, of, identifier, at)
        return
    if kind == "retry":
        yield _retry_part(found, session, of, at)
        return
    times = mapping(found.get("time"))
    start, end = milliseconds(times.get("start")), milliseconds(times.get("end"))
    made = at if exact else time_in(identifier, at) or at
    told = PartTold(
        session=session,
        key=f"part:{identifier}",
        at=at,
        order=order(end or at, SETTLED if end else PENDING),
        message=of,
        part=identifier,
        type="other",
        start=start,
        end=end,
    )
    match kind:
        case "text" | "reasoning":
            told.type = kind
            told.text = found["text"] if isinstance(found.get("text"), str) else None
            told.synthetic = found.get("synthetic") is True or found.get("ignored") is True
            told.resumes = mapping(found.get("metadata")).get("compaction_continue") is True
        case "file":
            told.type = "file"
            told.mime, told.filename, told.bytes = attachment(found)
        case "step-start":
            told.type, told.start = "start", made
        case "step-finish":
            told.type, told.end = "finish", made
            told.reason, told.tokens = text(found.get("reason")), tokens(found.get("tokens"))
            told.cost = number(found.get("cost"))
        case "compaction":
            told.type = "compaction"
            told.auto, told.overflow = truth(found.get("auto")), truth(found.get("overflow"))
        case "patch":
            told.type, told.start = "patch", made
            told.files, told.reason = texts(found.get("files")), text(found.get("hash"))
        case "subtask":
            told.text = text(found.get("prompt"))
    yield told


def _tool(found: Json, session: str, of: str, identifier: str, at: int) -> Facts:
    state = mapping(found.get("state"))
    status = state.get("status")
    if status not in _RUNNING:
        return
    times, metadata = mapping(state.get("time")), state.get("metadata")
    meta = mapping(metadata)
    start, end = milliseconds(times.get("start")), milliseconds(times.get("end"))
    settled = status in ("completed", "error")
    given = state.get("input")
    yield ToolTold(
        session=session,
        key=f"part:{identifier}",
        at=at,
        order=order(end or at, _RUNNING[status]),
        message=of,
        part=identifier,
        call=text(found.get("callID")) or identifier,
        name=text(found.get("tool")),
        status=status,
        input=given if status != "pending" or given else None,
        output=text(state.get("output")) if settled else None,
        error=text(state.get("error")) if settled else None,
        title=text(state.get("title")),
        metadata=meta if settled and meta else None,
        start=start,
        end=end,
        exit=whole(meta.get("exit")),
        child=first_text(meta, "sessionId", "sessionID"),
        background=truth(meta.get("background")) or truth(mapping(given).get("background")),
        attachments=[describe(*attachment(file)) for file in state.get("attachments") or () if isinstance(file, dict)]
        or None,
    )


def _retry_part(found: Json, session: str, of: str, at: int) -> Retry:
    error = mapping(found.get("error"))
    when = milliseconds(mapping(found.get("time")).get("created")) or at
    return Retry(
        *latest(session, f"retry:{when}", when),
        attempt=whole(found.get("attempt")) or 1,
        message=of,
        error_type=text(error.get("name")),
        error=_error_text(error),
    )


def _delta(event: Event, data: Json, at: int) -> Facts:
    session, of = text(data.get("sessionID")), text(data.get("messageID"))
    if session and of:
        yield FirstToken(*earliest(session, f"first:{of}", at), message=of)


def _status(event: Event, data: Json, at: int) -> Facts:
    session, status = text(data.get("sessionID")), mapping(data.get("status"))
    kind = status.get("type")
    if session is None:
        return
    if kind in ("busy", "idle"):
        key = event.id or str(at)
        yield Status(*latest(session, f"status:{kind}:{key}", at), status=kind)
    elif kind == "retry":
        attempt = whole(status.get("attempt")) or 1
        yield Retry(
            *latest(session, f"retry:{event.id or at}", at),
            attempt=attempt,
            next=milliseconds(status.get("next")),
            error=text(status.get("message")),
        )


def _idle(event: Event, data: Json, at: int) -> Facts:
    session = text(data.get("sessionID"))
    if session:
        yield Status(*latest(session, f"status:idle:{event.id or at}", at), status="idle")


def _error(event: Event, data: Json, at: int) -> Facts:
    session, error = text(data.get("sessionID")), mapping(data.get("error"))
    if session:
        yield Failure(
            *latest(session, f"failure:{event.id or at}", at),
            error_type=text(error.get("name")),
            error=_error_text(error),
        )


def _compacted(event: Event, data: Json, at: int) -> Facts:
    return iter(())  # the summary message says the same, through every door


def _asked(event: Event, data: Json, at: int) -> Facts:
    session, identifier = text(data.get("sessionID")), text(data.get("id"))
    if session is None or identifier is None:
        return
    tool = mapping(data.get("tool"))
    patterns = data.get("patterns", data.get("pattern"))
    detail = data.get("questions") if event.type.startswith("question") else patterns
    yield Wait(
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


def _replied(event: Event, data: Json, at: int) -> Facts:
    session = text(data.get("sessionID"))
    identifier = first_text(data, "requestID", "permissionID", "id")
    if session is None or identifier is None:
        return
    question = event.type.startswith("question")
    answers = data.get("answers")
    yield Wait(
        *earliest(session, f"replied:{identifier}", at),
        id=identifier,
        what="question" if question else "permission",
        ends=True,
        reply=first_text(data, "reply", "response") or event.type.rpartition(".")[2],
        detail=None if answers is None else to_json(answers),
    )


def _todo(event: Event, data: Json, at: int) -> Facts:
    session = text(data.get("sessionID"))
    todos = [found for found in data.get("todos") or () if isinstance(found, dict)]
    if session is None:
        return
    counts: dict[str, int] = {"count": len(todos)}
    for found in todos:
        status = text(found.get("status"))
        if status and re.fullmatch(r"[a-z_]{1,30}", status):
            counts[status] = counts.get(status, 0) + 1
    yield Note(
        *latest(session, f"todo:{event.id or at}", at),
        name="todo.updated",
        counts=counts,
        texts={"todos": to_json(todos)},
    )


def _command(event: Event, data: Json, at: int) -> Facts:
    session = text(data.get("sessionID"))
    if session:
        yield Note(
            *latest(session, f"command:{event.id or at}", at),
            name="command.executed",
            message=text(data.get("messageID")),
            texts={name: found for name in ("name", "arguments") if (found := text(data.get(name)))},
        )


def _gone(event: Event, data: Json, at: int) -> Facts:
    directory = text(data.get("directory")) or event.directory
    yield Gone(*latest("", f"gone:{directory}", at), directory=directory)


def _error_text(error: Json) -> str | None:
    data = mapping(error.get("data"))
    return text(data.get("message")) or text(error.get("message"))


_READERS: dict[str, Callable[[Event, Json, int], Facts]] = {
    "session.created": _session,
    "session.updated": _session,
    "session.deleted": lambda event, data, at: iter(()),
    "session.status": _status,
    "session.idle": _idle,
    "session.error": _error,
    "session.compacted": _compacted,
    "message.updated": _message,
    "message.part.updated": _part,
    "message.part.delta": _delta,
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

__all__ = ["message", "part", "read"]
