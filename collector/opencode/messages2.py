"""The messages OpenCode 2 keeps, told as the events that made them (pure).

`GET /api/session/{id}/message` and the table `session_message` hold the same. A message knows less than its events
did: when a prompt was queued and when a tool's input began are one time. Ids are the events' own, so the spans are too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any

from collector.assemble.dialects.lenient import JsonObject


def events(session: JsonObject, messages: Iterable[JsonObject]) -> Iterator[JsonObject]:
    """The events of one session: its creation, then what each message says."""
    identifier = str(session.get("id", ""))
    left = iter(messages)
    first = list(islice(left, 1))
    created = _time(session, "created") or (_time(first[0], "created") if first else None)
    known = ("parentID", "title", "agent", "model", "version", "projectID", "location", "slug")
    yield _event("session.created", created, identifier, {key: session[key] for key in known if session.get(key)})
    for message in chain(first, left):
        teller = _TELLERS.get(str(message.get("type")))
        if teller is not None:
            yield from teller(identifier, message)


def _event(kind: str, at: int | None, session: str, data: JsonObject) -> JsonObject:
    return {"type": kind, **({"created": at} if at else {}), "data": {"sessionID": session, **data}}


def _time(holder: Any, name: str) -> int | None:
    times = holder.get("time") if isinstance(holder, dict) else None
    value = times.get(name) if isinstance(times, dict) else None
    return int(value) if isinstance(value, (int, float)) else None


def _some(holder: JsonObject, *names: str) -> JsonObject:
    return {name: holder[name] for name in names if holder.get(name) is not None}


def _prompt(session: str, message: JsonObject) -> Iterator[JsonObject]:
    payload = _some(message, "text", "files", "agents", "skills", "description", "metadata")
    item = {"type": message["type"], "payload": payload}
    at, data = _time(message, "created"), {"inboxID": message.get("id")}
    yield _event("session.inbox.enqueued", at, session, {**data, "item": item})
    yield _event("session.inbox.delivered", at, session, data)


def _assistant(session: str, message: JsonObject) -> Iterator[JsonObject]:
    step = {"assistantMessageID": message.get("id")}
    created, completed = _time(message, "created"), _time(message, "completed")
    yield _event(
        "session.step.started", created, session, {**step, **_some(message, "agent", "model"), "started": created}
    )
    retry = message.get("retry")
    if isinstance(retry, dict):
        yield _event("session.retry.scheduled", created, session, {**step, **_some(retry, "attempt", "at", "error")})
    streamed = _time(message, "streamed")
    ordinals = {"text": 0, "reasoning": 0}
    for part in message.get("content") or ():
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "tool":
            yield from _tool(session, step, part, created)
        elif kind in ordinals:
            at = _time(part, "completed") or streamed or completed or created
            data = {**step, "ordinal": ordinals[kind], "text": part.get("text")}
            ordinals[kind] += 1
            yield _event(f"session.{kind}.ended", at, session, data)
    if streamed:
        yield _event("session.step.streamed", streamed, session, step)
    if completed:
        ended = "failed" if message.get("error") else "ended"
        told = _some(message, "finish", "rawFinish", "cost", "tokens", "error")
        snapshot = message.get("snapshot")
        files = _some(snapshot, "files") if isinstance(snapshot, dict) else {}
        yield _event(f"session.step.{ended}", completed, session, {**step, **told, **files})


def _tool(session: str, step: JsonObject, part: JsonObject, created: int | None) -> Iterator[JsonObject]:
    found = part.get("state")
    state: JsonObject = found if isinstance(found, dict) else {}
    status, data = state.get("status"), {**step, "id": part.get("id")}
    begun = _time(part, "created") or created
    yield _event("session.tool.input.started", begun, session, {**data, "name": part.get("name")})
    if status == "streaming":
        return
    called = {**data, **_some(state, "input"), "executed": bool(part.get("executed"))}
    yield _event("session.tool.called", _time(part, "ran") or begun, session, called)
    if state.get("metadata"):
        yield _event(
            "session.tool.progress", _time(part, "ran") or begun, session, {**data, **_some(state, "metadata")}
        )
    if status in ("completed", "error"):
        ended = "success" if status == "completed" else "failed"
        told = {**data, **_some(state, "content", "metadata", "error"), "executed": bool(part.get("executed"))}
        yield _event(f"session.tool.{ended}", _time(part, "completed") or begun, session, told)


def _compaction(session: str, message: JsonObject) -> Iterator[JsonObject]:
    created, status = _time(message, "created"), message.get("status")
    told = {**_some(message, "reason", "model", "cost", "tokens", "error"), "inputID": message.get("id")}
    yield _event("session.compaction.started", created, session, told)
    if status in ("completed", "failed"):
        ended = _time(message, "completed") or created
        text = {"text": message.get("summary") or ""} if status == "completed" else {}
        kind = "ended" if status == "completed" else "failed"
        yield _event(f"session.compaction.{kind}", ended, session, {**told, **text})


def _idle(session: str, message: JsonObject) -> Iterator[JsonObject]:
    outcome = message.get("outcome")
    if outcome in ("succeeded", "failed", "interrupted"):
        yield _event(f"session.execution.{outcome}", _time(message, "created"), session, _some(message, "error"))


_TELLERS = {
    "user": _prompt,
    "synthetic": _prompt,
    "assistant": _assistant,
    "compaction": _compaction,
    "idle": _idle,
}
