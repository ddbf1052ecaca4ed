"""Messages and their parts as OpenCode 1 writes them: alike in events, hooks, history rows and export files (pure)."""

from __future__ import annotations

import re
from typing import Any

from collector.assemble.attachments import describe
from collector.assemble.dialects.contents import attachment
from collector.assemble.dialects.lenient import (
    JsonObject,
    agent_name,
    first_text,
    mapping,
    milliseconds,
    number,
    objects,
    text,
    texts,
    texts_of,
    tokens,
    truth,
    whole,
)
from collector.assemble.facts import (
    PENDING,
    RUNNING,
    SETTLED,
    Facts,
    FirstTokenFact,
    MessageFact,
    NoteFact,
    PartFact,
    RetryFact,
    TitleFact,
    ToolFact,
    earliest,
    latest,
    order,
)
from collector.assemble.ids import time_in
from collector.otlp.values import to_json

_REJECTED = re.compile(
    r"(Error: )?(The user rejected permission to use this (specific )?tool call\.?|The user dismissed this question\.?)"
)
_NAMED = ("sessionID", "id", "parentID", "agent", "mode", "providerID", "modelID", "variant", "finish")
_RANKS = {"pending": PENDING, "running": RUNNING, "completed": SETTLED, "error": SETTLED}


def message(info: JsonObject, session: str | None, at: int, *, recalled: bool = False) -> Facts:
    """The facts in a message's `info`; `recalled` when it stands in the history of a later call."""
    told, identifier, parent, agent, mode, provider, model_id, variant, finish = texts_of(info, *_NAMED)
    session, role = told or session, info.get("role")
    if session is None or identifier is None or role not in ("user", "assistant"):
        return ()
    times, model = mapping(info.get("time")), mapping(info["model"]) if "model" in info else {}
    error_type, error = error_of(info["error"]) if "error" in info else (None, None)
    completed = milliseconds(times.get("completed"))
    summary = info.get("summary")
    rank = SETTLED if completed else RUNNING if info.get("finish") else PENDING
    is_counted = role == "assistant" and rank > PENDING
    fact = MessageFact(
        session=session,
        key=f"{'recalled' if recalled else 'message'}:{identifier}",
        at=at,
        order=(0 if recalled else rank << 48) + (completed or at),
        message=identifier,
        role=role,
        recalled=recalled,
        parent=parent,
        agent=agent or agent_name(info.get("agent")) or mode,
        provider=provider or text(model.get("providerID")),
        model=model_id or first_text(model, "modelID", "id"),
        variant=variant or text(model.get("variant")),
        created=milliseconds(times.get("created")),
        completed=completed,
        finish=finish,
        error_type=error_type,
        error=error,
        tokens=tokens(info.get("tokens")) if is_counted else None,
        cost=number(info.get("cost")) if is_counted else None,
        summary=summary is True or None,
        structured=info.get("structured"),
        directory=text(mapping(info.get("path")).get("cwd")),
    )
    if isinstance(summary, dict):
        return (fact, *_summary(summary, session, identifier, at))
    return (fact,)


def _summary(summary: JsonObject, session: str, identifier: str, at: int) -> Facts:
    """A user message is reported again with what the turn changed, and by OpenCode 1.0 with the title."""
    diffs = objects(summary.get("diffs"))
    if diffs:
        yield NoteFact(
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
    if title := text(summary.get("title")):
        yield TitleFact(*earliest(session, "titled", at), title=title)


def part(
    found: JsonObject, session: str | None, at: int, streaming: bool = False, *, exact: bool = False
) -> PartFact | ToolFact | FirstTokenFact | RetryFact | None:
    """The fact in a part; of one that is still streamed only the time counts.

    `exact` says that `at` is OpenCode's own time, not that of our hearing: the id's time is nearer than that.
    """
    session = text(found.get("sessionID")) or session
    of, identifier = text(found.get("messageID")), text(found.get("id"))
    if session is None or of is None or identifier is None:
        return None
    if streaming:
        return FirstTokenFact(*earliest(session, f"first:{of}", at), message=of)
    kind = found.get("type")
    if kind == "tool":
        return _tool(found, session, of, identifier, at)
    if kind == "retry":
        return _retry_part(found, session, of, at)
    times = mapping(found.get("time"))
    start, end = milliseconds(times.get("start")), milliseconds(times.get("end"))
    fact = PartFact(
        session=session,
        key=f"part:{identifier}",
        at=at,
        order=((SETTLED if end else PENDING) << 48) + (end or at),
        message=of,
        part=identifier,
        type="other",
        start=start,
        end=end,
    )
    match kind:
        case "text" | "reasoning":
            fact.type = kind
            fact.text = found["text"] if isinstance(found.get("text"), str) else None
            fact.ignored = found.get("ignored") is True
            fact.synthetic = found.get("synthetic") is True or fact.ignored
            fact.resumes = mapping(found.get("metadata")).get("compaction_continue") is True
        case "file":
            fact.type = "file"
            fact.mime, fact.filename, fact.bytes = attachment(found)
        case "step-start":
            fact.type, fact.start = "start", _made(identifier, at, exact)
        case "step-finish":
            fact.type, fact.end = "finish", _made(identifier, at, exact)
            fact.reason, fact.tokens = text(found.get("reason")), tokens(found.get("tokens"))
            fact.cost = number(found.get("cost"))
        case "compaction":
            fact.type = "compaction"
            fact.auto, fact.overflow = truth(found.get("auto")), truth(found.get("overflow"))
            fact.tail = text(found.get("tail_start_id"))
        case "patch":
            fact.type, fact.start = "patch", _made(identifier, at, exact)
            fact.files, fact.reason = texts(found.get("files")), text(found.get("hash"))
        case "subtask":
            fact.type, fact.text = "subtask", text(found.get("prompt"))
    return fact


def _made(identifier: str, at: int, exact: bool) -> int:
    return at if exact else time_in(identifier, at) or at


def _tool(found: JsonObject, session: str, of: str, identifier: str, at: int) -> ToolFact | None:
    state = mapping(found.get("state"))
    status = state.get("status")
    rank = _RANKS.get(status) if isinstance(status, str) else None
    if rank is None:
        return None
    times, meta = mapping(state.get("time")), mapping(state.get("metadata"))
    start, end = milliseconds(times.get("start")), milliseconds(times.get("end"))
    settled = status in ("completed", "error")
    interrupted = status == "error" and meta.get("interrupted") is True
    given = state.get("input")
    files = state.get("attachments")
    return ToolFact(
        session=session,
        key=f"part:{identifier}",
        at=at,
        order=order(end or at, rank),
        message=of,
        part=identifier,
        call=text(found.get("callID")) or identifier,
        name=text(found.get("tool")),
        status=status,
        input=given if status != "pending" or given else None,
        output=text(meta.get("output") if interrupted else state.get("output")) if settled else None,
        error=text(state.get("error")) if settled else None,
        title=text(state.get("title")),
        metadata=meta if settled and meta else None,
        start=start,
        end=end,
        exit=whole(meta.get("exit")),
        child=first_text(meta, "sessionId", "sessionID"),
        background=truth(meta.get("background")) or truth(mapping(given).get("background")),
        attachments=[describe(*attachment(file)) for file in objects(files)] or None if files else None,
        pruned=milliseconds(times.get("compacted")),
        interrupted=interrupted or None,
        rejected=_is_rejection(state) or None,
    )


def _is_rejection(state: JsonObject) -> bool:
    """Whether a person refused the call, or a question, without saying what to do instead: the turn ends."""
    error = text(state.get("error")) if state.get("status") == "error" else None
    return error is not None and _REJECTED.fullmatch(error) is not None


def _retry_part(found: JsonObject, session: str, of: str, at: int) -> RetryFact:
    error_type, error = error_of(found.get("error"))
    when = milliseconds(mapping(found.get("time")).get("created")) or at
    return RetryFact(
        *latest(session, f"retry:{when}", when),
        attempt=whole(found.get("attempt")) or 1,
        message=of,
        error_type=error_type,
        error=error,
    )


def error_of(value: Any) -> tuple[str | None, str | None]:
    """Name and text of an error."""
    error = mapping(value)
    return text(error.get("name")), text(mapping(error.get("data")).get("message")) or text(error.get("message"))
