"""LiveKit Agents: `lk.*`. From its published keys; not tested against the real thing."""

from __future__ import annotations

from openinference.semconv.trace import SpanAttributes

from collector.reshape.facts import (
    AGENT,
    CHAIN,
    LLM,
    TOOL,
    put_finish_reason,
    put_identity,
    put_model,
    put_tokens,
    put_tool,
)
from collector.reshape.messages import Message, read_messages
from collector.reshape.source import Scope, Source
from collector.reshape.target import Target
from collector.reshape.values import Attributes, Value
from collector.reshape.write import write_input, write_output

KINDS = {
    "agent_session": AGENT,
    "agent_turn": AGENT,
    "agent_task": AGENT,
    "llm_node": CHAIN,
    "llm_request": LLM,
    "llm_request_run": CHAIN,
    "function_tool": TOOL,
}
_ASKED = ("lk.user_input", "lk.user_transcript", "lk.input_text")
_TOOL = "lk.function_tool."


class LiveKit:
    """Spans with any of LiveKit's keys."""

    name = "livekit"
    keys = own = ("lk.",)
    scopes: tuple[str, ...] = ()

    def matches(self, resource: Attributes, scope: Scope, span: Source) -> bool:
        return span.has("lk.")

    def reshape(self, span: Source) -> Target | None:
        kind = TOOL if _TOOL + "name" in span.attributes else KINDS.get(span.name, CHAIN)
        target = Target()
        target.kind(kind)
        put_identity(target, span)
        target.put(SpanAttributes.SESSION_ID, span.text("lk.session_id", "lk.room_id"))
        if kind == TOOL:
            arguments = span.get(_TOOL + "arguments")
            put_tool(target, span.text(_TOOL + "name"), span.get(_TOOL + "id"), arguments)
            target.input(arguments, _TOOL + "arguments")
            target.output(span.get(_TOOL + "output"), _TOOL + "output")
            return target
        history = span.json("lk.chat_ctx")
        asked, answered = span.get(*_ASKED), span.get("lk.response.text")
        if kind == LLM:
            put_model(target, span, LLM)
            put_tokens(target, span)
            put_finish_reason(target, span)
            write_input(target, _messages(history))
            if isinstance(answered, str):
                write_output(target, [Message("assistant", [{"type": "text", "text": answered}])])
        target.input(asked if asked is not None else span.get("lk.chat_ctx"))
        target.output(answered, "lk.response.text")
        target.twins.update(_ASKED if asked is not None else ("lk.chat_ctx",))
        return target


def _messages(history: Value) -> list[Message]:
    """A chat context is {"items": [...]}: messages, function calls, and their outputs."""
    items = history.get("items") if isinstance(history, dict) else history
    return read_messages(items, "user")
