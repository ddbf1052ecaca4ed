"""The steps of OpenCode 2: what a model is asked, says and has tools do, each reported as it goes on (pure)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from collector.assemble.dialects.contents import text_and_files
from collector.assemble.dialects.items import OpenCodeEvent
from collector.assemble.dialects.lenient import (
    JsonObject,
    agent_name,
    first_text,
    mapping,
    milliseconds,
    number,
    text,
    texts,
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
    RequestFact,
    RetryFact,
    ToolFact,
    earliest,
    latest,
)
from collector.otlp.values import to_json

Reads = Callable[[OpenCodeEvent, JsonObject, str, int], Facts]
"""Reads an event, its data, of that session, made at that time."""


def model_of(data: JsonObject) -> tuple[str | None, str | None, str | None]:
    """Provider, model and variant."""
    model = mapping(data.get("model"))
    return text(model.get("providerID")), first_text(model, "id", "modelID"), text(model.get("variant"))


def error_of(value: Any) -> tuple[str | None, str | None]:
    """Type and text of an error."""
    error = mapping(value)
    return first_text(error, "type", "name"), text(error.get("message"))


def _step(data: JsonObject, session: str, at: int, stage: str, rank: int, **known: Any) -> MessageFact | None:
    message = first_text(data, "assistantMessageID", "messageID")
    if message is None:
        return None
    return MessageFact(
        *latest(session, f"message:{message}:{stage}", at, rank),
        message=message,
        role="assistant",
        **known,
    )


def _step_started(event: OpenCodeEvent, data: JsonObject, session: str, at: int) -> Facts:
    provider, model, variant = model_of(data)
    started = milliseconds(data.get("started")) or milliseconds(data.get("timestamp")) or at
    agent = agent_name(data.get("agent"))
    step = _step(data, session, at, "started", PENDING, agent=agent, provider=provider, model=model, variant=variant)
    if step is None:
        return
    created = MessageFact(
        *earliest(session, f"message:{step.message}:created", at),
        message=step.message,
        role="assistant",
        created=at,
    )
    yield created
    yield step
    yield RequestFact(
        *latest(session, f"request:{step.message}:{started}", started),
        agent=agent,
        provider=provider,
        model=model,
        variant=variant,
        message=step.message,
    )


def _step_streamed(event: OpenCodeEvent, data: JsonObject, session: str, at: int) -> Facts:
    step = _step(data, session, at, "streamed", RUNNING, streamed=at)
    if step:
        yield step


def _step_ended(event: OpenCodeEvent, data: JsonObject, session: str, at: int) -> Facts:
    kind, message = error_of(data.get("error"))
    failed = event.type.endswith("failed")
    step = _step(
        data,
        session,
        at,
        "ended",
        SETTLED,
        completed=at,
        finish=text(data.get("finish")),
        error_type=kind if failed else None,
        error=message if failed else None,
        tokens=tokens(data.get("tokens")),
        cost=number(data.get("cost")),
    )
    if step is None:
        return
    yield step
    files = texts(data.get("files"))
    if files:
        yield NoteFact(
            *latest(session, f"patch:{step.message}", at),
            name="patch",
            message=step.message,
            counts={"file_count": len(files)},
            texts={"files": to_json(files)},
        )


def _streaming(event: OpenCodeEvent, data: JsonObject, session: str, at: int) -> Facts:
    message = first_text(data, "assistantMessageID", "messageID")
    if message:
        yield FirstTokenFact(*earliest(session, f"first:{message}", at), message=message)


def _text_ended(event: OpenCodeEvent, data: JsonObject, session: str, at: int) -> Facts:
    message, said = text(data.get("assistantMessageID")), data.get("text")
    if message is None or not isinstance(said, str):
        return
    ordinal = whole(data.get("ordinal")) or 0
    reasoning = event.type.startswith("session.reasoning")
    kind = "1reasoning" if reasoning else "2text"
    yield PartFact(
        *latest(session, f"part:{message}:{kind}:{ordinal}", at),
        message=message,
        part=f"{message}:{kind}:{ordinal:05}",
        type="reasoning" if reasoning else "text",
        text=said,
        end=at,
    )


def _retry(event: OpenCodeEvent, data: JsonObject, session: str, at: int) -> Facts:
    kind, message = error_of(data.get("error"))
    attempt = whole(data.get("attempt")) or 2
    yield RetryFact(
        *latest(session, f"retry:{event.id or at}", at),
        attempt=max(1, attempt - 1),  # it names the attempt that comes; ours is the one that failed
        message=text(data.get("assistantMessageID")),
        next=milliseconds(data.get("at")),
        error_type=kind,
        error=message,
    )


# ---- tools


def _tool(data: JsonObject, session: str, at: int, stage: str, rank: int, **known: Any) -> Facts:
    message = first_text(data, "assistantMessageID", "messageID")
    call = first_text(data, "id", "callID")
    if message and call:
        yield ToolFact(
            *latest(session, f"tool:{message}:{call}:{stage}", at, rank),
            message=message,
            part=f"{message}:3tool:{call}",
            call=call,
            **known,
        )


def _input_started(event: OpenCodeEvent, data: JsonObject, session: str, at: int) -> Facts:
    yield from _streaming(event, data, session, at)
    yield from _tool(data, session, at, "named", 0, name=text(data.get("name")), status="pending")


def _input_ended(event: OpenCodeEvent, data: JsonObject, session: str, at: int) -> Facts:
    yield from _tool(data, session, at, "written", 0, input=text(data.get("text")))


def _called(event: OpenCodeEvent, data: JsonObject, session: str, at: int) -> Facts:
    yield from _tool(
        data,
        session,
        at,
        "called",
        PENDING,
        name=first_text(data, "name", "tool"),
        status="running",
        input=data.get("input"),
        start=at,
        background=truth(mapping(data.get("input")).get("background")),
    )


def _progress(event: OpenCodeEvent, data: JsonObject, session: str, at: int) -> Facts:
    metadata = mapping(data.get("metadata", data.get("structured")))
    child = first_text(metadata, "sessionID", "sessionId")
    if child:
        yield from _tool(data, session, at, "progress", RUNNING, child=child)


def _settled(event: OpenCodeEvent, data: JsonObject, session: str, at: int) -> Facts:
    failed = event.type.endswith("failed")
    kind, message = error_of(data.get("error"))
    metadata = mapping(data.get("metadata", data.get("structured")))
    said, files = text_and_files(data.get("content"))
    if not said and data.get("result") is not None:
        result = data["result"]
        if mapping(result).get("type") == "error":
            result = result.get("value")
        said = result if isinstance(result, str) else to_json(result)
    yield from _tool(
        data,
        session,
        at,
        "settled",
        SETTLED,
        status="error" if failed else "completed",
        output=said or None,
        error_type=kind if failed else None,
        error=message if failed else None,
        metadata=metadata or None,
        end=at,
        exit=whole(metadata.get("exit")),
        child=first_text(metadata, "sessionID", "sessionId"),
        background=True if metadata.get("status") == "running" else None,
        attachments=files or None,
    )


READERS: dict[str, Reads] = {
    "session.step.started": _step_started,
    "session.step.streamed": _step_streamed,
    "session.step.ended": _step_ended,
    "session.step.failed": _step_ended,
    "session.text.started": _streaming,
    "session.text.delta": _streaming,
    "session.text.ended": _text_ended,
    "session.reasoning.started": _streaming,
    "session.reasoning.delta": _streaming,
    "session.reasoning.ended": _text_ended,
    "session.tool.input.started": _input_started,
    "session.tool.input.delta": _streaming,
    "session.tool.input.ended": _input_ended,
    "session.tool.called": _called,
    "session.tool.progress": _progress,
    "session.tool.success": _settled,
    "session.tool.failed": _settled,
    "session.tool.error": _settled,
    "session.retry.scheduled": _retry,
}
