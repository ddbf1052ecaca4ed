"""LiveKit Agents: `lk.*` around and, since 1.8, beside the GenAI conventions."""

from __future__ import annotations

from openinference.semconv.trace import SpanAttributes

from collector.openinference.kinds import AGENT, CHAIN, LLM, TOOL
from collector.openinference.messages import ChatMessage
from collector.otlp.values import Attributes, Value
from collector.reshape.convention import Convention
from collector.reshape.conventions.gen_ai import reshape_gen_ai
from collector.reshape.keys import put_tool
from collector.reshape.messages import read_messages
from collector.reshape.operations import OPERATIONS
from collector.reshape.source import SourceScope, SourceSpan
from collector.reshape.target import Target

KINDS = {
    "agent_session": AGENT,
    "agent_turn": AGENT,
    "agent_task": AGENT,
    "llm_node": CHAIN,
    "llm_request": LLM,
    "llm_request_run": CHAIN,
    "function_tool": TOOL,
}
_TOOL = "lk.function_tool."


def _both(*keys: str) -> tuple[str, ...]:
    """`keys`, and as they are called since 1.8, which marks what people said."""
    return (*keys, *(key.replace("lk.", "lk.pii.", 1) for key in keys))


_ASKED = _both("lk.user_input", "lk.user_transcript", "lk.input_text")
_ANSWERED = _both("lk.response.text")
_HISTORY = _both("lk.chat_ctx")
_ARGUMENTS, _OUTPUT = _both(_TOOL + "arguments"), _both(_TOOL + "output")


class LiveKit(Convention):
    """Spans with any of LiveKit's keys."""

    name = "livekit"
    keys = own = ("lk.",)

    def matches(self, resource: Attributes, scope: SourceScope, span: SourceSpan) -> bool:
        return span.has("lk.")

    def reshape(self, span: SourceSpan) -> Target | None:
        kind = TOOL if _TOOL + "name" in span.attributes else KINDS.get(span.name, "")
        kind = kind or OPERATIONS.get(span.text("gen_ai.operation.name"), CHAIN)
        target = Target()
        target.kind(kind)
        target.put(SpanAttributes.SESSION_ID, span.text("lk.session_id", "lk.room_id"))
        if kind == TOOL:
            arguments = span.get(*_ARGUMENTS)
            put_tool(target, span.text(_TOOL + "name"), span.get(_TOOL + "id"), arguments)
            target.input(arguments, *_ARGUMENTS)
            target.output(span.get(*_OUTPUT), *_OUTPUT)
        else:
            _put_turn(target, span, kind)
        if kind == LLM or "gen_ai.operation.name" in span.attributes:
            said = reshape_gen_ai(span, kind)
            if said is not None:
                target.add(said)
        return target


def _put_turn(target: Target, span: SourceSpan, kind: str) -> None:
    """What was asked and answered, where LiveKit's own keys say so."""
    asked, answered = span.get(*_ASKED), span.get(*_ANSWERED)
    target.input(asked if asked is not None else span.get(*_HISTORY))
    target.redundant.update(_ASKED if asked is not None else _HISTORY)
    target.output(answered, *_ANSWERED)
    if kind == LLM:
        target.input_messages(_messages(span.json(*_HISTORY)))
        if isinstance(answered, str):
            target.output_messages([ChatMessage("assistant", [{"type": "text", "text": answered}])])


def _messages(history: Value) -> list[ChatMessage]:
    """A chat context is {"items": [...]}: messages, function calls, and their outputs."""
    items = history.get("items") if isinstance(history, dict) else history
    return read_messages(items, "user")
