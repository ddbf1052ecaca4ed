"""Mastra's own exporter: GenAI keys, with a type of span, and inputs and outputs by that type, in `mastra.*`.

Source: the exporter's mapping of spans (`@mastra/otel-exporter`).
"""

from __future__ import annotations

from openinference.semconv.trace import SpanAttributes

from collector.openinference.kinds import AGENT, CHAIN, EMBEDDING, LLM, RETRIEVER, TOOL
from collector.otlp.values import Attributes, Value, read_json
from collector.reshape.convention import Convention
from collector.reshape.conventions.gen_ai import reshape_gen_ai
from collector.reshape.messages import read_messages
from collector.reshape.source import SourceScope, SourceSpan
from collector.reshape.target import Target

KINDS = {
    "agent_run": AGENT,
    "model_generation": LLM,
    "llm_generation": LLM,
    "tool_call": TOOL,
    "mcp_tool_call": TOOL,
    "provider_tool_call": TOOL,
    "client_tool_call": TOOL,
    "rag_embedding": EMBEDDING,
    "rag_vector_operation": RETRIEVER,
}
_TYPE = "mastra.span.type"
_METADATA = "mastra.metadata."


class Mastra(Convention):
    """Spans that name a type of Mastra's; a step of a generation is a CHAIN, since it counts the same tokens."""

    name = "mastra"
    keys = ("mastra.",)
    own = ("mastra.", "gen_ai.")
    identity = {
        SpanAttributes.SESSION_ID: (_METADATA + "sessionId", _METADATA + "threadId"),
        SpanAttributes.USER_ID: (_METADATA + "userId", _METADATA + "resourceId"),
    }

    def matches(self, resource: Attributes, scope: SourceScope, span: SourceSpan) -> bool:
        return bool(span.text(_TYPE))

    def reshape(self, span: SourceSpan) -> Target | None:
        label = span.text(_TYPE).lower()
        kind = KINDS.get(label, CHAIN)
        target = Target()
        target.kind(kind)
        asked, answered = f"mastra.{label}.input", f"mastra.{label}.output"
        target.input(span.get(asked), asked)
        result = span.json(answered)
        target.output(result.get("text") if _is_text(result) else span.get(answered), answered)
        if kind == AGENT:
            target.input_messages(read_messages(span.get(asked), "user"))
            target.output_messages(read_messages(_answer(result), "assistant"))
        said = reshape_gen_ai(span, kind)
        if said is not None:
            target.add(said)
        known = {key: value for key, value in span.under(_METADATA).items() if isinstance(value, (str, int, float))}
        target.metadata(known)
        return target


def _is_text(result: Value) -> bool:
    """Whether a result is a text, with nothing of note beside it."""
    return isinstance(result, dict) and bool(result.get("text")) and not (result.get("object") or result.get("files"))


def _answer(result: Value) -> Value:
    return read_json(result["text"]) if _is_text(result) else result
