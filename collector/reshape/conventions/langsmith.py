"""LangSmith's OpenTelemetry exporter: `langsmith.span.kind`, and GenAI keys that only half fit.

Retriever spans carry `gen_ai.operation.name=embeddings` (measured with 0.15.0), so LangSmith's own kind wins.
"""

from __future__ import annotations

from openinference.semconv.trace import SpanAttributes

from collector.openinference.documents import write_documents, write_embeddings
from collector.openinference.kinds import CHAIN, EMBEDDING, LLM, PROMPT, RETRIEVER, TOOL
from collector.openinference.tools import write_tools
from collector.otlp.values import Attributes, Value, read_json, to_text
from collector.reshape.convention import Convention
from collector.reshape.conversation import put_conversation
from collector.reshape.counts import read_printed
from collector.reshape.documents import read_documents
from collector.reshape.keys import (
    PARAMETERS,
    put_finish_reason,
    put_model,
    put_parameters,
    put_provider,
    put_tool,
    put_usage,
    request_parameters,
)
from collector.reshape.messages import read_messages
from collector.reshape.source import SourceScope, SourceSpan
from collector.reshape.target import Target
from collector.reshape.tools import read_tools

KINDS = {
    "llm": LLM,
    "chain": CHAIN,
    "tool": TOOL,
    "retriever": RETRIEVER,
    "embedding": EMBEDDING,
    "prompt": PROMPT,
    "parser": CHAIN,
}
_INPUT, _OUTPUT = ("gen_ai.prompt", "inputs"), ("gen_ai.completion", "outputs")
_METADATA = "langsmith.metadata."
_DETAILS = ("input_token_details", "output_token_details")
"""Of its usage: JSON from JavaScript, and what Python prints from Python."""
_NO_METADATA = ("LANGSMITH_", "ls_", "usage_metadata", "session_id", "thread_id", "conversation_id", "user_id")


class LangSmith(Convention):
    """Spans with LangSmith's kind, or of its scope with what it says of every run."""

    name = "langsmith"
    keys = ("langsmith.",)
    own = ("langsmith.", "gen_ai.")
    identity = {
        SpanAttributes.SESSION_ID: (_METADATA + "session_id", _METADATA + "thread_id", _METADATA + "conversation_id"),
        SpanAttributes.USER_ID: (_METADATA + "user_id",),
    }

    def matches(self, resource: Attributes, scope: SourceScope, span: SourceSpan) -> bool:
        if span.text("langsmith.span.kind"):
            return True
        return scope.name == "langsmith" and span.has("langsmith.")

    def reshape(self, span: SourceSpan) -> Target | None:
        kind = KINDS.get(span.text("langsmith.span.kind").lower(), CHAIN)
        target = Target()
        target.kind(kind)
        metadata = {key: value for key, value in span.under(_METADATA).items() if not key.startswith(_NO_METADATA)}
        target.metadata(metadata)
        target.redundant.update(_METADATA + key for key in metadata)
        tags = [tag.strip() for tag in to_text(span.get("langsmith.span.tags")).split(",") if tag.strip()]
        target.put(SpanAttributes.TAG_TAGS, tags)
        asked, answered = span.get(*_INPUT), span.get(*_OUTPUT)
        target.input(asked, *_INPUT)
        target.output(answered, *_OUTPUT)
        body = read_json(asked)
        if kind == LLM:
            _put_request(target, span, body if isinstance(body, dict) else {})
        if kind in (LLM, EMBEDDING):
            put_model(target, span, kind)
            put_usage(target, span.json(_METADATA + "usage_metadata"))
            put_usage(target, {name: read_printed(span.text("gen_ai.usage." + name)) for name in _DETAILS})
            put_usage(target, _usage_of(read_json(answered)))
        if kind == LLM:
            target.put(SpanAttributes.LLM_MODEL_NAME, span.text(_METADATA + "ls_model_name"))
            put_provider(target, span.text(_METADATA + "ls_provider"))
            put_finish_reason(target, span)
            target.input_messages(read_messages(asked, "user"))
            target.output_messages(read_messages(answered, "assistant"))
            write_tools(target.put, read_tools(span.get("tools", "langsmith.metadata.tools")))
            put_conversation(target, span, kind)
        elif kind == TOOL:
            put_tool(target, span.text("gen_ai.tool.name") or span.name, span.get("gen_ai.tool.call.id"), asked)
        elif kind == RETRIEVER:
            write_documents(target.put, SpanAttributes.RETRIEVAL_DOCUMENTS, read_documents(answered))
        elif kind == EMBEDDING:
            texts = (
                next((body[key] for key in ("input", "text", "texts") if key in body), None)
                if isinstance(body, dict)
                else body
            )
            write_embeddings(target.put, texts if isinstance(texts, list) else [texts] if texts else (), ())
        return target


def _usage_of(answer: Value) -> Value:
    """LangChain's usage in the message of the only generation there is: the exporter passes on its two totals alone."""
    for key in ("generations", 0, 0, "message", "kwargs", "usage_metadata"):
        if isinstance(answer, dict) and isinstance(key, str):
            answer = answer.get(key)
        elif isinstance(answer, list) and len(answer) == 1 and isinstance(key, int):
            answer = answer[key]
        else:
            return None
    return answer


def _put_request(target: Target, span: SourceSpan, body: dict[str, Value]) -> None:
    """What was asked for beside the messages: in the request's own body, or of the run's metadata."""
    asked = {key: body[key] for key in _PARAMETERS if body.get(key) is not None}
    named = {name: span.get(key) for key, name in _OF_METADATA.items() if span.get(key) is not None}
    put_parameters(target, {**request_parameters(span), **named, **asked})
    write_tools(target.put, read_tools(body.get("tools")))


_PARAMETERS = sorted({*PARAMETERS.values(), "max_completion_tokens", "stop", "tool_choice"} - {"model"})
_OF_METADATA = {
    _METADATA + "ls_temperature": "temperature",
    _METADATA + "ls_max_tokens": "max_tokens",
    _METADATA + "ls_stop": "stop",
}
