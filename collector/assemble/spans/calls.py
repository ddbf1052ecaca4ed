"""Model calls as OpenInference LLM spans: of a step and its failed attempts, of a title, of a compaction (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.assemble.attachments import MediaManner
from collector.assemble.facts import NEVER, CompactionFact, RequestFact, RetryFact, SystemPromptFact, ToolListFact
from collector.assemble.fold.message import SessionMessage
from collector.assemble.fold.session import SessionState
from collector.assemble.fold.title_usage import CallUsage
from collector.assemble.fold.turns import Turn
from collector.assemble.ids import span_id
from collector.assemble.spans import conversation
from collector.assemble.spans.conversation import SentMessage, put_message
from collector.assemble.spans.otlp import BuiltSpan, SpanHead, begin, event, finish, put
from collector.assemble.spans.outcome import error_of
from collector.assemble.spans.places import SpanPlace
from collector.assemble.spans.said import ABORTED, TITLE_PROMPT, Manner, answered, as_text, said
from collector.assemble.spans.sent import ALL_TAKEN, prepared, sent
from collector.assemble.spans.timing import Timing
from collector.batch import Beginning
from collector.openinference.messages import chat_message
from collector.openinference.tokens import TokenCounts, write_tokens
from collector.otlp.values import to_json

_ASKED_FOR_TITLE = SentMessage("user", TITLE_PROMPT)


class CallSpans:
    """Makes the spans of model calls; `service` is the agent's id."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._tools = conversation.ToolsEncoding()

    def step(
        self,
        turn: Turn,
        step: SessionMessage,
        place: SpanPlace,
        above: bytes,
        times: Timing,
        system: SystemPromptFact | None,
        tools: ToolListFact | None,
        incomplete: bool,
    ) -> list[BuiltSpan]:
        """The span of the request that a step's answer came from, after those of its other attempts."""
        session = turn.session
        asked_at = min([times.start, *(attempt.start for attempt in times.others)])  # each attempt is sent the same
        messages = sent(session, step, asked_at, _media(times.request))
        prompts = _system_messages(system)
        encoding = session.encodings.get(prompts)
        if encoding is None:
            encoding = session.encodings[prompts] = conversation.ConversationEncoding()
        messages = [*prompts, *messages]
        offered = self._tools.of(tools.tools) if tools is not None else None
        asked = _RequestContent(messages, times.request, encoding, offered, session.forgotten)
        made = []
        for attempt in times.others:
            identifier = span_id(step.id, "attempt", str(attempt.number))
            other = self._call(turn, step, place, identifier, above, asked, attempt.start, attempt.end)
            put(other.span, {"opencode.message_id": step.id, "opencode.attempt": attempt.number})
            if attempt.retry is not None:
                finish(other.span, attempt.retry.error_type or "retry", attempt.retry.error)
                _retry_event(other.span, attempt.number, attempt.retry)
            else:
                finish(other.span, incomplete=True)
            made.append(other)
        if not times.begun:
            return made
        last = self._call(turn, step, place, span_id(step.id), above, asked, times.start, times.end)
        answer = answered(step)
        if answer.text or answer.calls or answer.reasoning:
            _put_answer(last.span, answer, to_json([chat_message(answer)]), "application/json")
        ended = step.part("finish")
        tokens = step.info.tokens or (ended.tokens if ended else None)
        cost = step.info.cost if step.info.cost is not None else ended.cost if ended else None
        put(
            last.span,
            {
                "opencode.message_id": step.id,
                "llm.finish_reason": step.info.finish or (ended.reason if ended else "") or "",
                "opencode.attempt": times.number if times.others else "",
            },
        )
        _put_usage(last.span, tokens, cost)
        if times.first_token is not None:
            put(last.span, {"opencode.time_to_first_token_ms": times.first_token - times.start})
            event(last.span, "first_token", times.first_token, {})
        for attempt in times.others:
            if attempt.retry is not None and attempt.number < times.number:
                _retry_event(last.span, attempt.number, attempt.retry)
        finish(last.span, *error_of(turn, step), incomplete=incomplete)
        return [*made, last]

    def _call(
        self,
        turn: Turn,
        step: SessionMessage,
        place: SpanPlace,
        identifier: bytes,
        above: bytes,
        asked: _RequestContent,
        start: int,
        end: int,
    ) -> BuiltSpan:
        request = asked.request
        provider = step.info.provider or (request.provider if request else None) or ""
        model = step.info.model or (request.model if request else None) or ""
        variant = step.info.variant or (request.variant if request else None) or turn.opener.info.variant or ""
        made = begin(
            self._service,
            turn.session,
            SpanHead(
                trace_id=place.trace_id,
                span_id=identifier,
                parent_id=above,
                name=_name(provider, model, step.info.agent),
                kind="LLM",
                start=start,
                end=end,
                agent=step.info.agent,
            ),
        )
        _put_asked(made, provider, model, asked)
        if variant:
            put(made.span, {"opencode.variant": variant})
        return made

    def title(
        self,
        turn: Turn,
        place: SpanPlace,
        number: int,
        start: int,
        end: int,
        request: RequestFact | None,
        system: SystemPromptFact | None,
        usage: CallUsage | None,
    ) -> BuiltSpan:
        """The call that gives a session its title."""
        session = turn.session
        step = turn.steps[0] if turn.steps else None
        provider = (request.provider if request else None) or ""
        model = (request.model if request else None) or ""
        if request is None and step is not None and usage is None:
            provider, model = step.info.provider or "", step.info.model or ""
        made = begin(
            self._service,
            session,
            SpanHead(
                trace_id=place.trace_id,
                span_id=span_id(turn.opener.id, "title", str(number)),
                parent_id=span_id(turn.opener.id),
                name=_name(provider, model, "title"),
                kind="LLM",
                start=start,
                end=end,
                agent="title",
            ),
        )
        messages = [*_system_messages(system)]
        if turn.opener.info.delivered is None:
            messages.append(_ASKED_FOR_TITLE)
        messages += _title_subject(turn, start, Manner(media=_media(request)))
        _put_asked(made, provider, model, _RequestContent(messages, request, conversation.ConversationEncoding()))
        title = session.titled_as or session.info.title
        if title and session.titled is not None and (session.titled >= start or session.is_displaced):
            _put_answer(made.span, SentMessage("assistant", title), title, "text/plain")
        if usage is not None:
            _put_usage(made.span, usage.tokens, usage.cost)
        finish(made.span)
        return made

    def compaction(
        self, turn: Turn, begun: CompactionFact, ended: CompactionFact | None, place: SpanPlace
    ) -> BuiltSpan:
        """The call in a compaction of OpenCode 2, of which only the sum is known."""
        start = begun.started or begun.at
        end = max(ended.at if ended else start, start)
        known = ended or begun
        provider, model = known.provider or "", known.model or ""
        made = begin(
            self._service,
            turn.session,
            SpanHead(
                trace_id=place.trace_id,
                span_id=span_id(begun.session, "compaction", begun.id, "call"),
                parent_id=span_id(begun.session, "compaction", begun.id),
                name=_name(provider, model, "compaction"),
                kind="LLM",
                start=start,
                end=end,
                agent="compaction",
            ),
        )
        _put_asked(made, provider, model, _RequestContent([], None, conversation.ConversationEncoding()))
        if known.text:
            _put_answer(made.span, SentMessage("assistant", known.text), known.text, "text/plain")
        _put_usage(made.span, known.tokens, known.cost)
        finish(made.span, known.error_type, known.error)
        return made


def _system_messages(system: SystemPromptFact | None) -> tuple[SentMessage, ...]:
    if system is None or not system.text:
        return ()
    return _system(system.text, *(system.more or ()))


@lru_cache(maxsize=16)
def _system(*prompts: str) -> tuple[SentMessage, ...]:
    """System prompts as messages: sessions of one agent share them, and their bytes."""
    return tuple(SentMessage("system", prompt) for prompt in prompts)


def _media(request: RequestFact | None) -> MediaManner:
    if request is None:
        return ALL_TAKEN
    return MediaManner(request.media, None if request.inputs is None else frozenset(request.inputs))


def _title_subject(turn: Turn, start: int, manner: Manner) -> list[SentMessage]:
    """What a title is made of: the messages up to the first prompt of the session, which may be asked for when the next
    is there already; of a command run as a subtask, its prompts.
    """
    subtasks = [part.text for part in turn.opener.sorted_parts() if part.type == "subtask" and part.text]
    if subtasks and len(subtasks) == len(turn.opener.parts):
        return [SentMessage("user", "\n".join(subtasks))]
    # What only a history shows another plugin may have put there, for the requests of steps.
    before = (m for m in turn.session.earlier_than(turn.opener) if m.has_own_event)
    earlier = [m for m in before if m.removed.get(None, NEVER) > start]
    last = next((at for at in range(len(earlier) - 1, -1, -1) if _is_said(earlier[at])), None)
    first, subject = (turn.opener, earlier) if last is None else (earlier[last], earlier[last + 1 :])
    shown = prepared(turn.session, first, turn.until, manner)
    opening = said(first, start, manner) if shown is None else shown
    return [*(sent for message in reversed(subject) for sent in said(message, start, manner)), *opening]


def _is_said(message: SessionMessage) -> bool:
    return message.role == "user" and message.is_prompt


@dataclass(slots=True)
class _RequestContent:
    """What went to the model; `encoding` is that of the conversation it goes on with."""

    messages: list[SentMessage]
    request: RequestFact | None
    encoding: conversation.ConversationEncoding
    tools: Beginning | None = None
    forgotten: int = 0
    """Messages before these that were let go of."""


def is_call(turn: Turn, step: SessionMessage, times: Timing, sessions: Mapping[str, SessionState]) -> bool:
    """Whether a model was asked: a command the user ran by hand is a message without a call.

    So is a step that was aborted while its request was prepared, where requests are heard of.
    """
    if times.request is not None or times.others or _has_answer(step):
        return True
    error_type, _ = error_of(turn, step)
    if error_type == ABORTED and _hears_requests(turn.session, sessions):
        return False
    return error_type is not None or not (step.tools or step.done)


def _hears_requests(session: SessionState, sessions: Mapping[str, SessionState]) -> bool:
    """Whether a plugin tells of the requests of `session`: of none yet, but of others of its directory."""
    directory = session.info.directory
    return bool(session.requests.facts) or any(
        other.requests.facts for other in sessions.values() if other.info.directory == directory
    )


def _has_answer(step: SessionMessage) -> bool:
    return (
        step.first is not None
        or (step.info.tokens is not None and any(step.info.tokens.values()))
        or any(part.type in ("start", "text", "reasoning", "finish") for part in step.parts.values())
    )


def _name(provider: str, model: str, agent: str | None) -> str:
    return "/".join(part for part in (provider, model) if part) or agent or "llm"


def _put_asked(made: BuiltSpan, provider: str, model: str, asked: _RequestContent) -> None:
    span, kept = made.span, asked.messages
    made.passages, dropped = asked.encoding.of(kept) if kept else ([], 0)
    span.MergeFromString(_of_model(provider, model))
    if dropped:
        put(span, {"opencode.dropped_input_messages": dropped + asked.forgotten})
    if kept:
        fresh = len(kept) - next((i for i, m in enumerate(reversed(kept)) if m.role == "assistant"), len(kept))
        new = to_json([chat_message(message) for message in kept[min(fresh, len(kept) - 1) :]])
        put(span, {"input.value": new, "input.mime_type": "application/json"})
    if asked.request and asked.request.window:
        put(span, {"opencode.context_window": asked.request.window})
    if asked.request and asked.request.params:
        put(span, {"llm.invocation_parameters": as_text(asked.request.params)})
    if asked.tools is not None:
        made.passages.append(asked.tools)


@lru_cache(maxsize=64)
def _of_model(provider: str, model: str) -> bytes:
    """What all calls of a model say, as the bytes of a span that has only that."""
    span = Span()
    named = {"llm.model_name": model, "gen_ai.system": provider, "llm.system": provider, "llm.provider": provider}
    put(span, {**named, "llm.streaming": True})
    return span.SerializeToString()


def _put_answer(span: Span, answer: SentMessage, value: str, mime: str) -> None:
    put_message(span, "llm.output_messages.0.", answer)
    put(span, {"output.value": value, "output.mime_type": mime})


def _put_usage(span: Span, tokens: Mapping[str, float] | None, cost: float | None) -> None:
    """Prompt includes the cache, completion the reasoning; a total that was given stays as it is."""
    if tokens and any(tokens.values()):
        read, written = int(tokens.get("cache_read", 0)), int(tokens.get("cache_write", 0))
        reasoning = int(tokens.get("reasoning", 0))
        prompt = int(tokens.get("input", 0)) + read + written
        completion = int(tokens.get("output", 0)) + reasoning
        if reasoning and tokens.get("total") == completion + prompt - reasoning:  # as up to 1.2: the output includes it
            completion -= reasoning
        counts = TokenCounts(
            prompt=prompt,
            completion=completion,
            total=int(tokens.get("total", prompt + completion)),
            cache_read=read,
            cache_write=written,
            reasoning=reasoning,
        )
        counted: dict[str, float] = {}
        write_tokens(counted.__setitem__, counts)
        put(span, {**counted, "opencode.context_fresh": int(tokens.get("input", 0))})
    if cost is not None and (cost or (tokens and any(tokens.values()))):
        put(span, {"llm.cost.total": float(cost), "opencode.cost_usd": float(cost)})


def _retry_event(span: Span, number: int, retry: RetryFact) -> None:
    event(
        span,
        "retry",
        retry.at,
        {"attempt": number, "message": retry.error or "", "next_ms": retry.next or ""},
    )
