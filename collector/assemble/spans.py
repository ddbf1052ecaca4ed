"""Turns as OpenInference spans: AGENT, LLM, TOOL, CHAIN (pure).

Attribute names are those of the npm plugin where it has one, so dashboards keep working.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from collector.assemble import conversation
from collector.assemble.conversation import Said, as_text, sound
from collector.assemble.ids import span_id
from collector.assemble.session import Known, Message, Session
from collector.assemble.timing import SIDE_CALLS, Attempt, Timing
from collector.assemble.turns import Turn
from collector.assemble.vocabulary import Compaction, Note, Request, SystemPrompt, Tools, Wait

SCOPE = "opencode-collector"
_MOST_EVENT_CHARS = 10_000
_LONGEST_TITLE = 50

Value = str | bool | int | float


@dataclass(frozen=True, slots=True)
class Place:
    """Where a turn's spans hang: its trace, and the span above its AGENT (none for a root)."""

    trace_id: bytes
    above: bytes


@dataclass(frozen=True, slots=True)
class Made:
    """A span, and the session and OpenCode version it is of."""

    span: Span
    session: str
    version: str


class Spans:
    """Makes spans; `service` is the agent's id, `metadata` is added to each turn's."""

    def __init__(self, service: str, metadata: Mapping[str, Any]) -> None:
        self._service = service
        self._metadata = dict(metadata)

    # ---- AGENT

    def agent(self, turn: Turn, place: Place, number: int, incomplete: bool, children: tuple[int, int]) -> Made:
        """The root of a turn; `children` are the first start and the last end among what is below it."""
        session, opener = turn.session, turn.opener
        kind, error, stop = _outcome(turn, incomplete)
        prompt = conversation.asked(opener)
        answer = next((t for s in reversed(turn.steps) if (t := conversation.answered(s).text)), "")
        provider, model = _last_model(turn)
        parent = session.parent
        metadata = {
            **self._metadata,
            "session_id": session.id,
            **({"parent_session_id": parent} if parent else {}),
            "turn_number": number,
        }
        made = self._span(
            session,
            place.trace_id,
            span_id(opener.id),
            place.above,
            "opencode",
            "AGENT",
            min(opener.created or children[0], children[0]),
            max(children[1], opener.created),
            agent=_agent_of(turn),
        )
        put(
            made.span,
            {
                "input.value": prompt,
                "input.mime_type": "text/plain" if prompt else "",
                "output.value": answer,
                "output.mime_type": "text/plain" if answer else "",
                "gen_ai.system": provider,
                "llm.model_name": model,
                "opencode.turn_number": number,
                "opencode.message_id": opener.id,
                "opencode.parent_session_id": parent or "",
                "opencode.session_title": session.info["title"] or "",
                "opencode.directory": session.info["directory"] or "",
                "opencode.project_id": session.info["project"] or "",
                "opencode.version": session.info["version"] or "",
                "metadata": orjson.dumps(metadata).decode("utf-8", "replace"),
                "agent.tool_call_count": sum(len(step.tools) for step in turn.steps),
                "agent.llm_call_count": sum(step.called for step in turn.steps),
                "agent.stop_reason": stop,
                "opencode.error_type": kind or "",
            },
        )
        if any(part.synthetic for part in opener.parts.values()):
            put(made.span, {"opencode.synthetic": all(p.synthetic for p in opener.parts.values() if p.type == "text")})
        if incomplete:
            put(made.span, {"opencode.incomplete": True})
        _finish(made.span, kind, error)
        self._turn_events(made.span, turn)
        return made

    def _turn_events(self, span: Span, turn: Turn) -> None:
        session, ids, last = turn.session, _ids(turn), span.end_time_unix_nano // 1_000_000
        for note in session.notes.values():
            if note.message in ids if note.message else turn.start <= note.at <= last:
                _note_event(span, note, last)
        for step in turn.steps:
            for part in step.parts.values():
                if part.type == "patch":
                    files = orjson.dumps(part.files).decode() if part.files else ""
                    event(span, "patch", part.start or part.at, {"hash": part.reason or "", "files": files})
        for ends in session.waits.values():
            wait = ends.get(False) or ends[True]
            if (wait.call is None or wait.call not in session.calls) and turn.holds(wait.at):
                _wait_events(span, ends)
        events = sorted(span.events, key=lambda e: e.time_unix_nano)
        del span.events[:]
        span.events.extend(events)

    # ---- LLM

    def llm(
        self,
        turn: Turn,
        step: Message,
        place: Place,
        above: bytes,
        times: Timing,
        system: SystemPrompt | None,
        tools: Tools | None,
        incomplete: bool,
    ) -> list[Made]:
        """The span of a step, after those of the attempts that failed before."""
        session = turn.session
        messages = conversation.sent(session, step, times.start)
        if system is not None and system.text:
            encoding, prompt = session.encodings.setdefault(
                system.text, (conversation.Encoding(), Said("system", system.text))
            )
            messages = [prompt, *messages]
        else:
            encoding = session.encodings.setdefault("", (conversation.Encoding(), None))[0]
        asked = _Asked(messages, times.request, tools, encoding)
        made = []
        for attempt in times.failed:
            failed = self._call(turn, step, place, span_id(step.id, "attempt", str(attempt.number)), above, asked,
                                attempt.start, attempt.end)  # fmt: skip
            put(failed.span, {"opencode.message_id": step.id, "opencode.attempt": attempt.number})
            _finish(failed.span, attempt.retry.error_type or "retry", attempt.retry.error)
            _retry_event(failed.span, attempt)
            made.append(failed)
        last = self._call(turn, step, place, span_id(step.id), above, asked, times.start, times.end)
        answer = conversation.answered(step)
        if answer.text or answer.calls or answer.reasoning:
            for key, text in answer.pairs():
                _text(last.span, f"llm.output_messages.0.message.{key}", text)
            put(
                last.span,
                {
                    "output.value": orjson.dumps([answer.document()]).decode("utf-8", "replace"),
                    "output.mime_type": "application/json",
                },
            )
        finish = step.part("finish")
        put(
            last.span,
            {
                "opencode.message_id": step.id,
                "llm.finish_reason": step["finish"] or (finish.reason if finish else "") or "",
                "opencode.attempt": len(times.failed) + 1 if times.failed else "",
            },
        )
        _usage(last.span, step["tokens"] or (finish.tokens if finish else None),
               step["cost"] if step["cost"] is not None else finish.cost if finish else None)  # fmt: skip
        if times.first_token is not None:
            put(last.span, {"opencode.time_to_first_token_ms": times.first_token - times.start})
            event(last.span, "first_token", times.first_token, {})
        for attempt in times.failed:
            _retry_event(last.span, attempt)
        if incomplete:
            put(last.span, {"opencode.incomplete": True})
        _finish(last.span, step["error_type"], step["error"])
        return [*made, last]

    def _call(
        self,
        turn: Turn,
        step: Message,
        place: Place,
        identifier: bytes,
        above: bytes,
        asked: _Asked,
        start: int,
        end: int,
    ) -> Made:
        request = asked.request
        provider = step["provider"] or (request.provider if request else None) or ""
        model = step["model"] or (request.model if request else None) or ""
        variant = step["variant"] or (request.variant if request else None) or turn.opener["variant"] or ""
        made = self._span(
            turn.session,
            place.trace_id,
            identifier,
            above,
            _call_name(provider, model, step["agent"]),
            "LLM",
            start,
            end,
            agent=step["agent"],
        )
        self._asked(made.span, provider, model, asked)
        if variant:
            put(made.span, {"opencode.variant": variant})
        return made

    def _asked(self, span: Span, provider: str, model: str, asked: _Asked) -> None:
        data, dropped = asked.encoding.of(asked.messages) if asked.messages else (b"", 0)
        kept = asked.messages
        put(
            span,
            {
                "llm.model_name": model,
                "gen_ai.system": provider,
                "llm.system": provider,
                "llm.provider": provider,
                "llm.streaming": True,
                "opencode.dropped_input_messages": dropped or "",
            },
        )
        if kept:
            fresh = len(kept) - next((i for i, m in enumerate(reversed(kept)) if m.role == "assistant"), len(kept))
            new = orjson.dumps([message.document() for message in kept[min(fresh, len(kept) - 1) :]])
            put(span, {"input.value": new.decode("utf-8", "replace"), "input.mime_type": "application/json"})
        span.MergeFromString(data)
        if asked.request and asked.request.params:
            put(span, {"llm.invocation_parameters": orjson.dumps(asked.request.params).decode()})
        for index, tool in enumerate(asked.tools.tools if asked.tools else ()):
            put(
                span,
                {
                    f"llm.tools.{index}.tool.name": str(tool.get("name") or ""),
                    f"llm.tools.{index}.tool.description": str(tool.get("description") or ""),
                    f"llm.tools.{index}.tool.json_schema": _schema(tool),
                },
            )

    def title(
        self,
        turn: Turn,
        place: Place,
        number: int,
        start: int,
        end: int,
        request: Request | None,
        system: SystemPrompt | None,
        usage: tuple[dict[str, float], float | None] | None,
    ) -> Made:
        """The call that gives a session its title."""
        session = turn.session
        step = turn.steps[0] if turn.steps else None
        provider = (request.provider if request else None) or ""
        model = (request.model if request else None) or ""
        if request is None and step is not None and usage is None:
            provider, model = step["provider"] or "", step["model"] or ""
        made = self._span(
            session,
            place.trace_id,
            span_id(turn.opener.id, "title", str(number)),
            span_id(turn.opener.id),
            _call_name(provider, model, "title"),
            "LLM",
            start,
            end,
            agent="title",
        )
        messages = [Said("system", system.text)] if system and system.text else []
        messages += conversation.said(turn.opener)
        self._asked(made.span, provider, model, _Asked(messages, request, None, conversation.Encoding()))
        title = session.info["title"]
        if title and session.titled is not None and session.titled >= start:
            for key, text in Said("assistant", title).pairs():
                _text(made.span, f"llm.output_messages.0.message.{key}", text)
            put(made.span, {"output.value": title, "output.mime_type": "text/plain"})
        if usage is not None:
            _usage(made.span, *usage)
        _finish(made.span, None, None)
        return made

    # ---- TOOL

    def tool(self, turn: Turn, step: Message, tool: Known, part: str, place: Place, incomplete: bool) -> Made:
        session, name = turn.session, tool["name"] or "tool"
        start = tool["start"] or step.created
        end = tool["end"] or (step["completed"] if not incomplete else None) or start
        title = tool["title"]
        made = self._span(
            session,
            place.trace_id,
            span_id(part),
            span_id(turn.opener.id),
            f"{name}: {title[:_LONGEST_TITLE]}" if title else name,
            "TOOL",
            start,
            max(start, end),
            agent=step["agent"],
        )
        given, output = tool["input"], tool["output"]
        metadata = {"tool_name": name, "call_id": tool["call"]}
        metadata |= {key: tool[key] for key in ("title", "metadata") if tool[key]}
        put(
            made.span,
            {
                "tool.name": name,
                "tool_call.id": tool["call"],
                "opencode.message_id": step.id,
                "input.value": "" if given is None else as_text(given),
                "input.mime_type": "" if given is None else "application/json",
                "output.value": output or "",
                "output.mime_type": "text/plain" if output else "",
                "metadata": orjson.dumps(metadata, option=orjson.OPT_NON_STR_KEYS).decode("utf-8", "replace"),
                "opencode.exit_code": tool["exit"] if tool["exit"] is not None else "",
                "opencode.child_session_id": tool["child"] or "",
                "opencode.attachments": "\n".join(tool["attachments"] or ()),
            },
        )
        if incomplete:
            put(made.span, {"opencode.incomplete": True})
        failed = tool["status"] == "error"
        _finish(made.span, (tool["error_type"] or "ToolError") if failed else None, tool["error"])
        for ends in session.waits.values():
            if any(wait.call == tool["call"] for wait in ends.values()):
                _wait_events(made.span, ends)
        return made

    # ---- CHAIN

    def compaction(self, turn: Turn, mark: Message, summary: Message | None, place: Place) -> Made:
        """A compaction of OpenCode 1: the mark in the conversation, and the summary it led to."""
        part = mark.part("compaction")
        end = max((summary["completed"] or summary.created) if summary else mark.created, mark.created)
        made = self._chain(turn, place, span_id(mark.id, "compaction"), mark.created, end)
        text = conversation.answered(summary).text if summary else ""
        put(
            made.span,
            {
                "opencode.compaction.auto": bool(part and part.auto),
                "opencode.message_id": mark.id,
                "output.value": text,
                "output.mime_type": "text/plain" if text else "",
            },
        )
        if part and part.overflow:
            put(made.span, {"opencode.compaction.overflow": True})
        _finish(made.span, summary["error_type"] if summary else None, summary["error"] if summary else None)
        return made

    def compaction_told(self, turn: Turn, begun: Compaction, ended: Compaction | None, place: Place) -> list[Made]:
        """A compaction of OpenCode 2, and the model call in it, of which only the sum is known."""
        start = begun.started or begun.at
        end = max(ended.at if ended else start, start)
        made = self._chain(turn, place, span_id(begun.session, "compaction", begun.id), start, end)
        told = ended or begun
        put(made.span, {"opencode.compaction.auto": bool(begun.auto), "output.value": told.text or ""})
        if told.text:
            put(made.span, {"output.mime_type": "text/plain"})
        if ended is None:
            put(made.span, {"opencode.incomplete": True})
        _finish(made.span, told.error_type, told.error)
        provider, model = told.provider or "", told.model or ""
        call = self._span(
            turn.session,
            place.trace_id,
            span_id(begun.session, "compaction", begun.id, "call"),
            made.span.span_id,
            _call_name(provider, model, "compaction"),
            "LLM",
            start,
            end,
            agent="compaction",
        )
        self._asked(call.span, provider, model, _Asked([], None, None, conversation.Encoding()))
        if told.text:
            for key, text in Said("assistant", told.text).pairs():
                _text(call.span, f"llm.output_messages.0.message.{key}", text)
            put(call.span, {"output.value": told.text, "output.mime_type": "text/plain"})
        _usage(call.span, told.tokens, told.cost)
        _finish(call.span, told.error_type, told.error)
        return [call, made]

    def _chain(self, turn: Turn, place: Place, identifier: bytes, start: int, end: int) -> Made:
        above = span_id(turn.opener.id)
        return self._span(
            turn.session, place.trace_id, identifier, above, "compaction", "CHAIN", start, end, agent="compaction"
        )

    # ---- all

    def _span(
        self,
        session: Session,
        trace: bytes,
        identifier: bytes,
        above: bytes,
        name: str,
        kind: str,
        start: int,
        end: int,
        *,
        agent: str | None,
    ) -> Made:
        span = Span(
            trace_id=trace,
            span_id=identifier,
            parent_span_id=above,
            name=name,
            kind=Span.SPAN_KIND_INTERNAL,
            start_time_unix_nano=start * 1_000_000,
            end_time_unix_nano=max(start, end) * 1_000_000,
        )
        put(
            span,
            {
                "openinference.span.kind": kind,
                "session.id": session.id,
                "agent.id": self._service,
                "agent.name": agent or self._service,
            },
        )
        return Made(span, session.id, session.info["version"] or "")


@dataclass(frozen=True, slots=True)
class _Asked:
    messages: list[Said]
    request: Request | None
    tools: Tools | None
    encoding: conversation.Encoding


def export_request(made: Iterable[Made], service: str) -> ExportTraceServiceRequest:
    """Spans as an export request: one resource for each version of OpenCode among them."""
    request = ExportTraceServiceRequest()
    scopes: dict[str, Any] = {}
    for item in made:
        scope = scopes.get(item.version)
        if scope is None:
            resource = request.resource_spans.add()
            _text(resource.resource, "service.name", service)
            if item.version:
                _text(resource.resource, "service.version", item.version)
            scope = scopes[item.version] = resource.scope_spans.add()
            scope.scope.name = SCOPE
        scope.spans.append(item.span)
    return request


def is_call(step: Message) -> bool:
    """Whether a model was asked: a command the user ran by hand is a message without a call."""
    return (
        step.first is not None
        or step["error_type"] is not None
        or (step["tokens"] is not None and any(step["tokens"].values()))
        or any(part.type in ("start", "text", "reasoning", "finish") for part in step.parts.values())
    )


def put(span: Any, attributes: Mapping[str, Value]) -> None:
    """Add attributes, but empty texts: what is not known is absent."""
    for key, value in attributes.items():
        if value == "" and isinstance(value, str):
            continue
        target = span.attributes.add(key=key).value
        if isinstance(value, str):
            target.string_value = sound(value)
        elif isinstance(value, bool):
            target.bool_value = value
        elif isinstance(value, int):
            target.int_value = value
        else:
            target.double_value = value


def _text(span: Any, key: str, text: str) -> None:
    span.attributes.add(key=key).value.string_value = sound(text)


def event(span: Span, name: str, at: int, attributes: Mapping[str, Value]) -> None:
    named = {key if key.startswith("exception.") else f"opencode.{key}": value for key, value in attributes.items()}
    put(span.events.add(name=name, time_unix_nano=at * 1_000_000), named)


def _finish(span: Span, error_type: str | None, error: str | None) -> None:
    if error_type is None:
        span.status.code = Status.STATUS_CODE_OK
        return
    message = error or error_type
    span.status.code, span.status.message = Status.STATUS_CODE_ERROR, sound(message)
    event(
        span,
        "exception",
        span.end_time_unix_nano // 1_000_000,
        {"exception.type": error_type, "exception.message": message},
    )


def _outcome(turn: Turn, incomplete: bool) -> tuple[str | None, str | None, str]:
    """Error type, error, and the reason the turn stopped."""
    for failure in reversed(turn.session.failures.between(turn.start, turn.until)):
        return failure.error_type or "unknown", failure.error, "error"
    last = turn.steps[-1] if turn.steps else None
    for status in reversed(turn.session.statuses.between(turn.start, turn.until)):
        if status.status == "failed":
            return status.error_type or "unknown", status.error, "error"
        if status.status == "interrupted":
            kind = (last["error_type"] if last else None) or "interrupted"
            return kind, f"interrupted ({status.reason or 'unknown'})", "interrupted"
        break
    if last is not None and last["error_type"] is not None:
        return last["error_type"], last["error"], "error"
    return None, None, "incomplete" if incomplete else "completed"


def _agent_of(turn: Turn) -> str | None:
    found: list[str | None] = [step["agent"] for step in turn.steps if step["agent"] and not step.is_compaction]
    return next((name for name in (*found, turn.opener["agent"], turn.session.info["agent"]) if name), None)


def _last_model(turn: Turn) -> tuple[str, str]:
    for message in (*reversed(turn.steps), turn.opener):
        if message["model"]:
            return message["provider"] or "", message["model"]
    return "", ""


def _call_name(provider: str, model: str, agent: str | None) -> str:
    return "/".join(part for part in (provider, model) if part) or agent or "llm"


def _schema(tool: Mapping[str, Any]) -> str:
    """OpenInference wants the definition as the model got it."""
    function = {"name": tool.get("name"), "description": tool.get("description"), "parameters": tool.get("parameters")}
    document = {"type": "function", "function": {key: value for key, value in function.items() if value}}
    return orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS).decode("utf-8", "replace")


def _usage(span: Span, tokens: Mapping[str, float] | None, cost: float | None) -> None:
    """Prompt includes the cache, completion the reasoning; a total that was given stays as it is."""
    if tokens and any(tokens.values()):
        read, written = int(tokens.get("cache_read", 0)), int(tokens.get("cache_write", 0))
        reasoning = int(tokens.get("reasoning", 0))
        prompt = int(tokens.get("input", 0)) + read + written
        completion = int(tokens.get("output", 0)) + reasoning
        put(
            span,
            {
                "llm.token_count.prompt": prompt,
                "llm.token_count.completion": completion,
                "llm.token_count.total": int(tokens.get("total", prompt + completion)),
                "llm.token_count.prompt_details.cache_read": read,
                "llm.token_count.prompt_details.cache_write": written,
                "llm.token_count.completion_details.reasoning": reasoning,
            },
        )
    if cost is not None and (cost or (tokens and any(tokens.values()))):
        put(span, {"llm.cost.total": float(cost), "opencode.cost_usd": float(cost)})


def _ids(turn: Turn) -> set[str]:
    return {message.id for message in (*turn.users, *turn.steps)}


def _note_event(span: Span, note: Note, last: int) -> None:
    event(
        span,
        note.name,
        min(note.at, last),
        {**note.counts, **{key: text[:_MOST_EVENT_CHARS] for key, text in note.texts.items()}},
    )


def _retry_event(span: Span, attempt: Attempt) -> None:
    retry = attempt.retry
    event(
        span,
        "retry",
        retry.at,
        {"attempt": attempt.number, "message": retry.error or "", "next_ms": retry.next or ""},
    )


def _wait_events(span: Span, ends: Mapping[bool, Wait]) -> None:
    asked, replied = ends.get(False), ends.get(True)
    if asked is not None:
        event(
            span,
            f"{asked.what}.asked",
            asked.at,
            {"request_id": asked.id, "permission": asked.permission or "", "detail": asked.detail or ""},
        )
    if replied is not None:
        what = asked.what if asked else replied.what
        waited = replied.at - asked.at if asked else ""
        event(
            span,
            f"{what}.replied",
            replied.at,
            {
                "request_id": replied.id,
                "reply": replied.reply or "",
                "waited_ms": waited,
                "detail": replied.detail or "",
            },
        )


__all__ = ["SCOPE", "SIDE_CALLS", "Made", "Place", "Spans", "export_request", "is_call"]
