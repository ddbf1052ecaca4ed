"""Mastra's own exporter: GenAI keys, with a type of span, and inputs and outputs by that type, in `mastra.*`.

Source: the exporter's mapping of spans (`@mastra/otel-exporter`); measured with 1.4. Where it tells of each request to
a model apart (`model_inference`), that one is `chat`, and a generation is what requests are within; the messages of a
request stand on the step around it.
"""

from __future__ import annotations

from openinference.semconv.trace import SpanAttributes

from collector.openinference.kinds import AGENT, CHAIN, EMBEDDING, LLM, RETRIEVER, TOOL
from collector.otlp.values import Attributes, Value, read_json, to_text
from collector.reshape.convention import Convention
from collector.reshape.conventions.gen_ai import reshape_gen_ai
from collector.reshape.conversation import SYSTEM, read_system
from collector.reshape.messages import read_messages
from collector.reshape.source import SourceScope, SourceSpan
from collector.reshape.target import Target

KINDS = {
    "agent_run": AGENT,
    "model_generation": LLM,
    "llm_generation": LLM,
    "model_inference": LLM,
    "tool_call": TOOL,
    "mcp_tool_call": TOOL,
    "provider_tool_call": TOOL,
    "client_tool_call": TOOL,
    "rag_embedding": EMBEDDING,
    "rag_vector_operation": RETRIEVER,
}
_TYPE = "mastra.span.type"
_GENERATIONS, _REQUEST = ("model_generation", "llm_generation"), "model_inference"
_STEP, _ASKED, _ANSWERED = "model_step", "mastra.model_step.input", "mastra.model_step.output"
_METADATA = "mastra.metadata."


class Mastra(Convention):
    """Spans that name a type of Mastra's; a step of a generation is a CHAIN."""

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
        if kind == RETRIEVER and _vector_operation(span) not in ("", "query"):
            kind = CHAIN  # vectors are written, or an index is made
        if label in _GENERATIONS and span.text("gen_ai.operation.name") == label and not span.has("gen_ai.usage."):
            kind = CHAIN
        target = Target()
        target.kind(kind)
        asked, answered = f"mastra.{label}.input", f"mastra.{label}.output"
        target.input(span.get(asked), asked)
        result = span.json(answered)
        target.output(result.get("text") if _is_text(result) else span.get(answered), answered)
        if kind == AGENT:
            target.input_messages(read_messages(span.get(asked), "user"))
            target.output_messages(read_messages(_answer(result), "assistant"))
        elif label == _REQUEST:
            _put_exchange(target, span)
        said = reshape_gen_ai(span, kind)
        if said is not None:
            target.add(said)
        known = {key: value for key, value in span.under(_METADATA).items() if isinstance(value, (str, int, float))}
        target.metadata(known)
        return target


def _vector_operation(span: SourceSpan) -> str:
    """What was done to a vector store: `query`, `upsert`, `delete`, ..."""
    said = span.text("operation", "mastra.operation", "mastra.rag_vector_operation.operation")
    asked = span.json("mastra.rag_vector_operation.input")
    if not said and isinstance(asked, dict):
        said = to_text(asked.get("operation"))
    return said.lower()


def _put_exchange(target: Target, span: SourceSpan) -> None:
    """What a request was asked and answered, as the step around it says: the request's own keys leave out the calls."""
    if span.above((_TYPE,)) != _STEP:
        return
    asked = span.above((_ASKED, SpanAttributes.INPUT_VALUE))
    target.input(asked)
    messages = read_messages(asked, "user")
    system = [] if any(message.role == "system" for message in messages) else read_system(span.get(SYSTEM))
    target.input_messages([*system, *messages] if messages else ())
    target.redundant.add(SYSTEM)
    answered = read_json(span.above((_ANSWERED, SpanAttributes.OUTPUT_VALUE)))
    if isinstance(answered, dict) and answered.get("toolCalls"):
        message = {"role": "assistant", "content": answered.get("text"), "toolCalls": answered["toolCalls"]}
        target.output_messages(read_messages(message, "assistant"))


def _is_text(result: Value) -> bool:
    """Whether a result is a text, with nothing of note beside it."""
    return isinstance(result, dict) and bool(result.get("text")) and not any(result.get(key) for key in _BESIDE_TEXT)


_BESIDE_TEXT = ("object", "files", "toolCalls", "reasoning", "sources", "warnings")


def _answer(result: Value) -> Value:
    return result["text"] if _is_text(result) else result
