"""A turn as OpenInference spans: its AGENT, the TOOLs, and the CHAIN of a compaction (pure).

Attribute names are those of the npm plugin where it has one, so dashboards keep working.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.assemble.dialects.lenient import to_json
from collector.assemble.facts import CompactionFact, NoteFact, WaitFact
from collector.assemble.fold.message import Known, SessionMessage
from collector.assemble.fold.turns import Turn
from collector.assemble.spans import conversation
from collector.assemble.spans.conversation import as_text
from collector.assemble.spans.ids import span_id
from collector.assemble.spans.otlp import BuiltSpan, begin, event, finish, put
from collector.assemble.spans.places import SpanPlace

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
        made = begin(
            self._service,
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
        events = sorted(span.events, key=lambda e: e.time_unix_nano)
        del span.events[:]
        span.events.extend(events)

    # ---- TOOL

    def tool(
        self, turn: Turn, step: SessionMessage, tool: Known, part: str, place: SpanPlace, incomplete: bool
    ) -> BuiltSpan:
        """A call of a tool, `part` being the id of its part, with what a person was asked for it."""
        session, name = turn.session, tool["name"] or "tool"
        start = tool["start"] or step.created
        end = tool["end"] or (step["completed"] if not incomplete else None) or start
        title = tool["title"]
        made = begin(
            self._service,
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
        failed = tool["status"] == "error"
        finish(made.span, (tool["error_type"] or "ToolError") if failed else None, tool["error"], incomplete=incomplete)
        for ends in session.waits.values():
            if any(wait.call == tool["call"] for wait in ends.values()):
                _wait_events(made.span, ends)
        return made

    # ---- CHAIN

    def compaction(
        self, turn: Turn, mark: SessionMessage, summary: SessionMessage | None, place: SpanPlace
    ) -> BuiltSpan:
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
        finish(made.span, summary["error_type"] if summary else None, summary["error"] if summary else None)
        return made

    def compaction_told(
        self, turn: Turn, begun: CompactionFact, ended: CompactionFact | None, place: SpanPlace
    ) -> BuiltSpan:
        """A compaction of OpenCode 2."""
        start = begun.started or begun.at
        end = max(ended.at if ended else start, start)
        made = self._chain(turn, place, span_id(begun.session, "compaction", begun.id), start, end)
        told = ended or begun
        put(made.span, {"opencode.compaction.auto": bool(begun.auto), "output.value": told.text or ""})
        if told.text:
            put(made.span, {"output.mime_type": "text/plain"})
        finish(made.span, told.error_type, told.error, incomplete=ended is None)
        return made

    def _chain(self, turn: Turn, place: SpanPlace, identifier: bytes, start: int, end: int) -> BuiltSpan:
        above = span_id(turn.opener.id)
        return begin(
            self._service,
            turn.session,
            place.trace_id,
            identifier,
            above,
            "compaction",
            "CHAIN",
            start,
            end,
            agent="compaction",
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
