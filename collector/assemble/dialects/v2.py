"""The dialect of OpenCode 2, read leniently, with the names its earlier versions used.

A step says no parent: it belongs to the prompt last delivered in its session. `callID` became `id`,
`session.input.*` and `session.prompt.*` became `session.inbox.*`, a tool's `structured`/`result` became
content and metadata, `streamed` and `started` came late. Everything else unknown is left out.
"""

from __future__ import annotations

import re

import orjson

from collector.assemble.dialects import v2_steps
from collector.assemble.dialects.contents import attachment
from collector.assemble.dialects.items import OpenCodeEvent
from collector.assemble.dialects.lenient import (
    JsonObject,
    agent_name,
    first_text,
    mapping,
    number,
    objects,
    text,
    tokens,
    whole,
)
from collector.assemble.dialects.v2_steps import Reads, error_of, model_of
from collector.assemble.facts import (
    PENDING,
    RUNNING,
    SETTLED,
    CompactionFact,
    Facts,
    MessageFact,
    NoteFact,
    PartFact,
    RevertFact,
    SessionFact,
    ShutdownFact,
    StatusFact,
    TitleFact,
    UsageFact,
    WaitFact,
    earliest,
    latest,
)
from collector.otlp.values import to_json

_SORTED = orjson.OPT_SORT_KEYS

_KNOWN_EMPTY = re.compile(
    r"(plugin|catalog|integration|reference|server|installation|lsp|project|vcs|tui|pty|mcp|ide|worktree|workspace"
    r"|rpc|model|provider|agent|command|skill|shell|config|log|websearch|credential|tool|location|filesystem|file"
    r"|models-dev|persistent-pty|preferences|vibe|voice|global|usage|aisdk|migration)\.[a-z._-]+"
    r"|session\.(forked|viewed|archived|unarchived|metadata\.updated|permissions|instructions\.updated"
    r"|inbox\.delivery\.changed|agent\.selected|model\.selected|agent\.switched|model\.switched|status|idle"
    r"|revert\.(staged|cleared)|message\.content\.updated|compaction\.delta|shell\.delta|context\.updated)"
)


def read(event: OpenCodeEvent, near: int) -> Facts | None:
    """The facts in `event`, which was made near that time; None when its type is not known."""
    known = _READERS.get(event.type)
    if known is not None:
        return _sessioned(known, event, event.made(near))
    return iter(()) if _KNOWN_EMPTY.fullmatch(event.type) else None


def _sessioned(known: Reads, event: OpenCodeEvent, at: int) -> Facts:
    data = event.data
    session = text(data.get("sessionID")) or text(mapping(data.get("form")).get("sessionID"))
    if session:
        yield from known(event, data, session, at)
    elif event.type == "location.shutdown":
        yield ShutdownFact(*latest("", f"gone:{event.directory}", at), directory=event.directory)


# ---- sessions


def _created(event: OpenCodeEvent, data: JsonObject, session: str, at: int) -> Facts:
    yield SessionFact(
        *latest(session, "session.created", at),
        parent=text(data.get("parentID")),
        title=text(data.get("title")),
        directory=text(mapping(data.get("location")).get("directory")) or event.directory,
        project=text(data.get("projectID")),
        version=text(data.get("version")),
        agent=agent_name(data.get("agent")),
        created=at,
    )


def _renamed(event: OpenCodeEvent, data: JsonObject, session: str, at: int) -> Facts:
    title = text(data.get("title"))
    if title:
        yield SessionFact(*latest(session, "session.renamed", at), title=title)
        yield TitleFact(*earliest(session, "titled", at), title=title)


def _deleted(event: OpenCodeEvent, data: JsonObject, session: str, at: int) -> Facts:
    yield SessionFact(*earliest(session, "session.deleted", at), deleted=at)


def _reverted(event: OpenCodeEvent, data: JsonObject, session: str, at: int) -> Facts:
    """Undone for good, without a word on each message; what is only staged may be cleared again."""
    since = text(data.get("to"))
    if since:
        yield RevertFact(*latest(session, f"reverted:{event.id or at}", at), since=since)


def _moved(event: OpenCodeEvent, data: JsonObject, session: str, at: int) -> Facts:
    yield SessionFact(
        *latest(session, "session.moved", at),
        directory=text(mapping(data.get("location")).get("directory")),
        project=text(data.get("projectID")),
    )


# ---- what is asked


def _enqueued(event: OpenCodeEvent, data: JsonObject, session: str, at: int) -> Facts:
    item = mapping(data.get("item", data.get("input")))
    payload = mapping(item.get("payload", item.get("data", item)))
    if "prompt" in data:
        payload = mapping(data.get("prompt"))
    identifier = first_text(data, "inboxID", "inputID", "messageID")
    kind = text(item.get("type")) or "user"
    if identifier is None or kind == "move":
        return
    yield MessageFact(
        *latest(session, f"enqueued:{identifier}", at, PENDING),
        message=identifier,
        role="user",
        created=at,
        queued=at,
        delivered=False,
        manual=True if kind == "compaction" else None,
    )
    yield from _content(session, identifier, payload, at, synthetic=kind == "synthetic")


def _content(session: str, message: str, payload: JsonObject, at: int, *, synthetic: bool) -> Facts:
    said = payload.get("text")
    if isinstance(said, str):
        yield PartFact(
            *latest(session, f"part:{message}:text", at),
            message=message,
            part=f"{message}:text",
            type="text",
            text=said,
            synthetic=synthetic,
        )
    for index, file in enumerate(objects(payload.get("files"))):
        mime, filename, size = attachment(file)
        yield PartFact(
            *latest(session, f"part:{message}:file:{index}", at),
            message=message,
            part=f"{message}:file:{index:03}",
            type="file",
            mime=mime,
            filename=filename or text(file.get("path")),
            bytes=size,
        )


def _delivered(event: OpenCodeEvent, data: JsonObject, session: str, at: int) -> Facts:
    """The prompt is taken up: from here on it is part of the conversation, as OpenCode's own time of it says."""
    identifier = first_text(data, "inboxID", "inputID", "messageID")
    if event.directory:
        yield SessionFact(*latest(session, "session.place", at), directory=event.directory)
    if identifier:
        yield MessageFact(
            *latest(session, f"delivered:{identifier}", at, RUNNING),
            message=identifier,
            role="user",
            created=at,
            delivered=True,
            streamed=at,
        )


def _cancelled(event: OpenCodeEvent, data: JsonObject, session: str, at: int) -> Facts:
    identifier = first_text(data, "inboxID", "inputID")
    if identifier:
        yield MessageFact(
            *latest(session, f"cancelled:{identifier}", at, SETTLED),
            message=identifier,
            role="user",
            delivered=False,
        )


def _synthetic(event: OpenCodeEvent, data: JsonObject, session: str, at: int) -> Facts:
    identifier = text(data.get("messageID")) or event.id
    if identifier:
        yield MessageFact(
            *latest(session, f"recalled:{identifier}", at),
            message=identifier,
            role="user",
            recalled=True,
            created=at,
        )
        yield from _content(session, identifier, data, at, synthetic=True)


# ---- waiting


def _asked(event: OpenCodeEvent, data: JsonObject, session: str, at: int) -> Facts:
    identifier, source = text(data.get("id")), mapping(data.get("source"))
    if identifier:
        yield WaitFact(
            *earliest(session, f"asked:{identifier}", at),
            id=identifier,
            what="permission",
            ends=False,
            call=first_text(source, "id", "callID"),
            message=text(source.get("messageID")),
            permission=first_text(data, "action", "permission"),
            detail=to_json(data["resources"]) if data.get("resources") else None,
        )


def _replied(event: OpenCodeEvent, data: JsonObject, session: str, at: int) -> Facts:
    identifier = first_text(data, "requestID", "id")
    if identifier:
        answer = data.get("answer")
        yield WaitFact(
            *earliest(session, f"replied:{identifier}", at),
            id=identifier,
            what="permission" if event.type.startswith("permission") else "question",
            ends=True,
            reply=text(data.get("reply")) or event.type.rpartition(".")[2],
            detail=None if answer is None else to_json(answer),
        )


def _form(event: OpenCodeEvent, data: JsonObject, session: str, at: int) -> Facts:
    form = mapping(data.get("form"))
    identifier, metadata = text(form.get("id")), mapping(form.get("metadata"))
    tool = mapping(metadata.get("tool"))
    if identifier:
        yield WaitFact(
            *earliest(session, f"asked:{identifier}", at),
            id=identifier,
            what="question",
            ends=False,
            call=first_text(tool, "id", "callID"),
            message=text(tool.get("messageID")),
            detail=orjson.dumps({"title": form.get("title"), "fields": form.get("fields")}, option=_SORTED).decode(),
        )


# ---- the busy period


def _execution(event: OpenCodeEvent, data: JsonObject, session: str, at: int) -> Facts:
    outcome = event.type.rpartition(".")[2]
    if outcome == "started":
        outcome = "busy"
    kind, message = error_of(data.get("error"))
    yield StatusFact(
        *latest(session, f"status:{event.id or f'{outcome}:{at}'}", at),
        status=outcome,  # type: ignore[arg-type]  # the table below lists only these
        error_type=kind,
        error=message,
        reason=text(data.get("reason")),
    )


def _compaction(event: OpenCodeEvent, data: JsonObject, session: str, at: int) -> Facts:
    stage = event.type.rpartition(".")[2]
    provider, model, _ = model_of(data)
    kind, message = error_of(data.get("error"))
    reason = text(data.get("reason"))
    yield CompactionFact(
        *latest(session, f"compaction:{stage}:{event.id or at}", at),
        id=event.id or str(at),
        started=at if stage == "started" else None,
        ended=None if stage == "started" else at,
        auto=None if reason is None else reason == "auto",
        input=text(data.get("inputID")),
        text=text(data.get("text")),
        provider=provider,
        model=model,
        tokens=tokens(data.get("tokens")),
        cost=number(data.get("cost")),
        error_type=kind or ("unknown" if stage == "failed" else None),
        error=message,
    )


def _usage(event: OpenCodeEvent, data: JsonObject, session: str, at: int) -> Facts:
    exact = event.type.endswith("recorded")
    if exact and data.get("source") != "title":
        return
    counts = tokens(data.get("tokens"))
    if counts:
        yield UsageFact(
            *latest(session, "usage:title" if exact else f"usage:{event.id or at}", at),
            exact=exact,
            tokens=counts,
            cost=number(data.get("cost")),
        )


def _shell(event: OpenCodeEvent, data: JsonObject, session: str, at: int) -> Facts:
    shell = mapping(data.get("shell"))
    exit_code = whole(shell.get("exit"))
    yield NoteFact(
        *latest(session, f"shell:{text(shell.get('id')) or at}:{event.type.rpartition('.')[2]}", at),
        name=event.type.removeprefix("session."),
        counts={} if exit_code is None else {"exit": exit_code},
        texts={"command": command} if (command := text(shell.get("command"))) else {},
    )


def _skill(event: OpenCodeEvent, data: JsonObject, session: str, at: int) -> Facts:
    yield NoteFact(
        *latest(session, f"skill:{event.id or at}", at),
        name="skill.activated",
        texts={"name": name} if (name := text(data.get("name"))) else {},
    )


_READERS: dict[str, Reads] = {
    **v2_steps.READERS,
    "session.created": _created,
    "session.renamed": _renamed,
    "session.moved": _moved,
    "session.deleted": _deleted,
    "session.revert.committed": _reverted,
    "session.inbox.enqueued": _enqueued,
    "session.input.admitted": _enqueued,
    "session.prompt.admitted": _enqueued,
    "session.inbox.delivered": _delivered,
    "session.input.promoted": _delivered,
    "session.prompt.promoted": _delivered,
    "session.inbox.cancelled": _cancelled,
    "session.input.cancelled": _cancelled,
    "session.synthetic": _synthetic,
    "session.execution.started": _execution,
    "session.execution.succeeded": _execution,
    "session.execution.failed": _execution,
    "session.execution.interrupted": _execution,
    "session.compaction.started": _compaction,
    "session.compaction.ended": _compaction,
    "session.compaction.failed": _compaction,
    "session.usage.updated": _usage,
    "session.usage.recorded": _usage,
    "session.shell.started": _shell,
    "session.shell.ended": _shell,
    "session.skill.activated": _skill,
    "permission.asked": _asked,
    "permission.v2.asked": _asked,
    "permission.replied": _replied,
    "permission.v2.replied": _replied,
    "form.created": _form,
    "form.replied": _replied,
    "form.cancelled": _replied,
    "location.shutdown": lambda event, data, session, at: iter(()),
}
