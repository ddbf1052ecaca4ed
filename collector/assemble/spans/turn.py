"""A turn as OpenInference spans: its AGENT, the TOOLs, and the CHAIN of a compaction (pure).

Attribute names are those of the npm plugin where it has one, so dashboards keep working.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.assemble.facts import CompactionFact, NoteFact, ToolFact, WaitFact
from collector.assemble.fold.declined import declined
from collector.assemble.fold.message import SessionMessage
from collector.assemble.fold.turns import Turn
from collector.assemble.ids import span_id
from collector.assemble.spans.otlp import BuiltSpan, SpanHead, begin, event, finish, put
from collector.assemble.spans.outcome import cut_at, outcome
from collector.assemble.spans.places import SpanPlace
from collector.assemble.spans.said import answered_text, as_text, asked
from collector.otlp.values import to_json

_MOST_EVENT_CHARS = 10_000
_LONGEST_TITLE = 50


class TurnSpans:
    """Makes spans; `service` is the agent's id, `metadata` is added to each turn's."""

    def __init__(self, service: str, metadata: Mapping[str, Any]) -> None:
        self._service = service
        self._metadata = dict(metadata)

    # ---- AGENT

    def agent(
        self, turn: Turn, place: SpanPlace, number: int, incomplete: bool, children: tuple[int, int]
    ) -> BuiltSpan:
        """The root of a turn; `children` are the first start and the last end among what is below it."""
        session, opener = turn.session, turn.opener
        kind, error, stop = outcome(turn, incomplete=incomplete)
        prompt = asked([*(m for m in turn.queued if turn.session.was_working(m)), opener])
        answer, answer_type = _output(turn)
        provider, model = _last_model(turn)
        parent = session.parent
        metadata = {
            **self._metadata,
            "session_id": session.id,
            **({"parent_session_id": parent} if parent else {}),
            "turn_number": number,
        }
        made = begin(
            self._service,
            session,
            SpanHead(
                trace_id=place.trace_id,
                span_id=span_id(opener.id),
                parent_id=place.above,
                name="opencode",
                kind="AGENT",
                start=min(opener.created or children[0], children[0]),
                end=max(children[1], opener.created),
                agent=_agent_of(turn),
            ),
        )
        put(
            made.span,
            {
                "input.value": prompt,
                "input.mime_type": "text/plain" if prompt else "",
                "output.value": answer,
                "output.mime_type": answer_type,
                "gen_ai.system": provider,
                "llm.model_name": model,
                "opencode.turn_number": number,
                "opencode.message_id": opener.id,
                "opencode.parent_session_id": parent or "",
                "opencode.session_title": session.info.title or "",
                "opencode.directory": session.info.directory or "",
                "opencode.project_id": session.info.project or "",
                "opencode.version": session.info.version or "",
                "metadata": to_json(metadata),
                "agent.tool_call_count": sum(len(step.tools) for step in turn.steps),
                "agent.llm_call_count": sum(step.called for step in turn.steps),
                "agent.stop_reason": stop,
                "opencode.error_type": kind or "",
            },
        )
        if any(part.synthetic for part in opener.parts.values()):
            put(made.span, {"opencode.synthetic": all(p.synthetic for p in opener.parts.values() if p.type == "text")})
        finish(made.span, kind, error, incomplete=incomplete)
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
                    files = to_json(part.files) if part.files else ""
                    event(span, "patch", part.start or part.at, {"hash": part.reason or "", "files": files})
        for ends in session.waits.values():
            wait = ends.get(False) or ends[True]
            if (wait.call is None or wait.call not in session.calls) and turn.holds(wait.at):
                _wait_events(span, ends)
        if len(span.events) > 1:
            events = sorted(span.events, key=lambda e: e.time_unix_nano)
            del span.events[:]
            span.events.extend(events)

    # ---- TOOL

    def tool(
        self, turn: Turn, step: SessionMessage, tool: ToolFact, part: str, place: SpanPlace, incomplete: bool
    ) -> BuiltSpan:
        """A call of a tool, `part` being the id of its part, with what a person was asked for it."""
        session, name = turn.session, tool.name or "tool"
        start = tool.start or step.created
        end = tool.end or cut_at(turn, step, tool)
        title = tool.title or _task_of(tool)
        made = begin(
            self._service,
            session,
            SpanHead(
                trace_id=place.trace_id,
                span_id=span_id(part),
                parent_id=span_id(turn.opener.id),
                name=f"{name}: {title[:_LONGEST_TITLE]}" if title else name,
                kind="TOOL",
                start=start,
                end=max(start, end),
                agent=step.info.agent,
            ),
        )
        given, output = tool.input, step.tool_at(tool, 0).output  # what it gave, whatever was made of that later
        metadata: dict[str, Any] = {"tool_name": name, "call_id": tool.call}
        metadata |= {key: value for key, value in (("title", title), ("metadata", tool.metadata)) if value}
        put(
            made.span,
            {
                "tool.name": name,
                "tool_call.id": tool.call,
                "opencode.message_id": step.id,
                "input.value": "" if given is None else as_text(given),
                "input.mime_type": "" if given is None else "application/json",
                "output.value": output or "",
                "output.mime_type": "text/plain" if output else "",
                "metadata": to_json(metadata),
                "opencode.exit_code": tool.exit if tool.exit is not None else "",
                "opencode.child_session_id": tool.child or "",
                "opencode.attachments": "\n".join(tool.attachments or ()),
            },
        )
        failed, error_type, error = tool.status == "error", tool.error_type or "ToolError", tool.error
        if declined(session, step, tool.call) is not None:
            error_type, error = "declined", "declined by the user"
        finish(made.span, error_type if failed else None, error, incomplete=incomplete)
        for ends in session.waits.values():
            if any(wait.call == tool.call and wait.message in (None, step.id) for wait in ends.values()):
                _wait_events(made.span, ends)
        return made

    # ---- CHAIN

    def compaction(
        self, turn: Turn, mark: SessionMessage, summary: SessionMessage | None, place: SpanPlace
    ) -> BuiltSpan:
        """A compaction of OpenCode 1: the mark in the conversation, and the summary it led to."""
        part = mark.part("compaction")
        end = max((summary.info.completed or summary.created) if summary else mark.created, mark.created)
        made = self._chain(turn, place, span_id(mark.id, "compaction"), mark.created, end)
        text = answered_text(summary) if summary else ""
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
        finish(made.span, summary.info.error_type if summary else None, summary.info.error if summary else None)
        return made

    def compaction_fact(
        self, turn: Turn, begun: CompactionFact, ended: CompactionFact | None, place: SpanPlace
    ) -> BuiltSpan:
        """A compaction of OpenCode 2."""
        start = begun.started or begun.at
        end = max(ended.at if ended else start, start)
        made = self._chain(turn, place, span_id(begun.session, "compaction", begun.id), start, end)
        known = ended or begun
        put(made.span, {"opencode.compaction.auto": bool(begun.auto), "output.value": known.text or ""})
        if known.text:
            put(made.span, {"output.mime_type": "text/plain"})
        finish(made.span, known.error_type, known.error, incomplete=ended is None)
        return made

    def _chain(self, turn: Turn, place: SpanPlace, identifier: bytes, start: int, end: int) -> BuiltSpan:
        above = span_id(turn.opener.id)
        return begin(
            self._service,
            turn.session,
            SpanHead(
                trace_id=place.trace_id,
                span_id=identifier,
                parent_id=above,
                name="compaction",
                kind="CHAIN",
                start=start,
                end=end,
                agent="compaction",
            ),
        )


def _task_of(tool: ToolFact) -> str:
    """What a subagent of OpenCode 1 is asked to do: of one that failed no title is kept."""
    given = tool.input if tool.name == "task" and isinstance(tool.input, dict) else {}
    description = given.get("description")
    return description if isinstance(description, str) else ""


def _output(turn: Turn) -> tuple[str, str]:
    """What the turn came to, and its type: a structured output, or the last text."""
    for step in reversed(turn.steps):
        if step.info.structured is not None:
            return as_text(step.info.structured), "application/json"
        if text := answered_text(step):
            return text, "text/plain"
    return "", ""


def _agent_of(turn: Turn) -> str | None:
    subtasks = {user.id for user in turn.users if user.part("subtask")}
    found = [step.info.agent for step in turn.steps if not step.is_compaction and step.info.parent not in subtasks]
    return next((name for name in (*found, turn.opener.info.agent, turn.session.info.agent) if name), None)


def _last_model(turn: Turn) -> tuple[str, str]:
    for message in (*reversed(turn.steps), turn.opener):
        if message.info.model:
            return message.info.provider or "", message.info.model
    return "", ""


def _ids(turn: Turn) -> set[str]:
    return {message.id for message in (*turn.users, *turn.steps)}


def _note_event(span: Span, note: NoteFact, last: int) -> None:
    event(
        span,
        note.name,
        min(note.at, last),
        {**note.counts, **{key: text[:_MOST_EVENT_CHARS] for key, text in note.texts.items()}},
    )


def _wait_events(span: Span, ends: Mapping[bool, WaitFact]) -> None:
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
