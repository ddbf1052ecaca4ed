"""The AI SDK of TypeScript, versions 4 to 6, and 7 with its legacy telemetry: `ai.*` (OpenCode and most TS agents).

An outer span a call (`ai.streamText`) with an inner one a request to the model (`ai.streamText.doStream`); the
inner one has `gen_ai.` keys as well. Source: the SDK's telemetry page.
"""

from __future__ import annotations

from openinference.semconv.trace import RerankerAttributes, SpanAttributes

from collector.openinference.documents import write_documents
from collector.openinference.kinds import AGENT, CHAIN, EMBEDDING, LLM, RERANKER, TOOL
from collector.openinference.messages import ChatMessage, ToolCall
from collector.otlp.values import Attributes, Value, listed, number, read_json, to_text
from collector.reshape.convention import Convention
from collector.reshape.conversation import take_messages
from collector.reshape.documents import read_documents
from collector.reshape.keys import (
    put_finish_reason,
    put_model,
    put_parameters,
    put_provider,
    put_tool,
)
from collector.reshape.messages import read_messages
from collector.reshape.retrieval import put_embeddings
from collector.reshape.source import SourceScope, SourceSpan
from collector.reshape.target import Target
from collector.reshape.tools import put_tools

_CALLS = ("generateText", "streamText", "generateObject", "streamObject")
KINDS = {
    **{f"ai.{call}": AGENT for call in _CALLS},
    **{f"ai.{call}.do{verb}": LLM for call in _CALLS for verb in ("Generate", "Stream")},
    "ai.toolCall": TOOL,
    "ai.embed": CHAIN,
    "ai.embedMany": CHAIN,
    "ai.embed.doEmbed": EMBEDDING,
    "ai.embedMany.doEmbed": EMBEDDING,
    "ai.rerank": RERANKER,
    "ai.rerank.doRerank": RERANKER,
}
_PROVIDERS = {"amazon-bedrock": "aws", "bedrock": "aws", "azure-openai": "azure", "google-vertex": "google"}
_METADATA = "ai.telemetry.metadata."
_SETTINGS = "ai.settings."


class AiSdk(Convention):
    """Spans named by `ai.operationId` or `operation.name`."""

    name = "ai sdk"
    keys = ("ai.", "operation.name")
    own = ("ai.", "gen_ai.", "operation.name", "resource.name")
    identity = {
        SpanAttributes.SESSION_ID: (_METADATA + "sessionId", _METADATA + "session.id", _METADATA + "session_id"),
        SpanAttributes.USER_ID: (_METADATA + "userId", _METADATA + "user.id", _METADATA + "user_id"),
    }
    counts = {
        "prompt": ("ai.usage.inputTokens", "ai.usage.promptTokens", "ai.usage.tokens"),
        "completion": ("ai.usage.outputTokens", "ai.usage.completionTokens"),
        "total": ("ai.usage.totalTokens",),
        "cache_read": ("ai.usage.cachedInputTokens", "ai.usage.inputTokenDetails.cacheReadTokens"),
        "cache_write": ("ai.usage.inputTokenDetails.cacheWriteTokens",),
        "reasoning": ("ai.usage.reasoningTokens", "ai.usage.outputTokenDetails.reasoningTokens"),
    }

    def matches(self, resource: Attributes, scope: SourceScope, span: SourceSpan) -> bool:
        return _operation(span).startswith("ai.")

    def reshape(self, span: SourceSpan) -> Target | None:
        kind = KINDS.get(_operation(span), CHAIN)
        target = Target()
        target.kind(kind)
        target.metadata(span.under(_METADATA))
        if kind in (LLM, AGENT):
            _put_call(target, span, kind)
        elif kind == TOOL:
            _put_tool(target, span)
        elif kind == EMBEDDING:
            put_model(target, span, kind)
            put_embeddings(target, span)
        elif kind == RERANKER:
            _put_reranking(target, span)
        else:
            _put_wrapper(target, span)
        _only_structures_are_json(target)
        return target


def _only_structures_are_json(target: Target) -> None:
    """The SDK writes every value as JSON; a model's "4" or a tool's quoted text is still plain text."""
    for value, mime in (("input.value", "input.mime_type"), ("output.value", "output.mime_type")):
        if target.attributes.get(value, "").lstrip()[:1] not in ("{", "[", ""):
            target.attributes[mime] = "text/plain"


def _operation(span: SourceSpan) -> str:
    """`ai.operationId`, else the first word of `operation.name`: the rest is the function's id."""
    found = span.text("ai.operationId") or span.text("operation.name")
    return found.partition(" ")[0]


def _put_call(target: Target, span: SourceSpan, kind: str) -> None:
    """The outer span of a call, or the request to the model within it; only the latter counts tokens."""
    if kind == LLM and "gen_ai.request.model" in span.attributes:
        put_model(target, span, kind)
    settings = span.under(_SETTINGS)
    target.put(SpanAttributes.LLM_MODEL_NAME, span.text("ai.response.model", "gen_ai.response.model", "ai.model.id"))
    put_parameters(target, {key: _setting(value) for key, value in settings.items()})
    _put_provider(target, span)
    put_finish_reason(target, span)
    _put_input(target, span)
    _put_output(target, span)
    put_tools(target, "ai.prompt.tools", span.get("ai.prompt.tools"))


def _setting(value: Value) -> Value:
    as_number = number(value)
    return value if as_number is None else as_number


def _put_provider(target: Target, span: SourceSpan) -> None:
    """`openai.chat`: the provider, then which of its APIs."""
    provider = span.text("ai.model.provider", "gen_ai.system").partition(".")[0]
    provider = _PROVIDERS.get(provider, provider)
    for key in (SpanAttributes.LLM_PROVIDER, SpanAttributes.LLM_SYSTEM):
        target.attributes.pop(key, None)
    put_provider(target, provider)


def _put_input(target: Target, span: SourceSpan) -> None:
    messages = take_messages(target.input, span, "ai.prompt.messages", "user")
    target.input_messages(messages)
    prompt = span.get("ai.prompt")
    if prompt is not None:
        body = read_json(prompt)
        target.input(prompt, "ai.prompt", known_json=body is not prompt)
        if not messages and isinstance(body, dict):
            target.input_messages(_prompted(body))


def _prompted(body: dict[str, Value]) -> list[ChatMessage]:
    """{system, prompt | messages}: system first; a prompt may be a text or messages."""
    found = read_messages(body.get("system"), "system")
    return found + read_messages(body.get("messages") or body.get("prompt"), "user")


def _put_output(target: Target, span: SourceSpan) -> None:
    """Text, else an object, else the tool calls; SDK 4 named them `ai.result.*`."""
    text = span.get("ai.response.text", "ai.result.text")
    made = span.get("ai.response.object", "ai.result.object")
    calls = span.get("ai.response.toolCalls", "ai.result.toolCalls")
    reasoning = span.get("ai.response.reasoning")
    if text is not None:
        target.output(to_text(text))
    elif made is not None or calls is not None:
        target.output(made if made is not None else calls)
    target.redundant.update(key for key in _OUTPUTS if key in span.attributes)
    message = ChatMessage("assistant", calls=_calls(calls))
    if reasoning is not None:
        message.contents.append({"type": "reasoning", "text": _reasoning(reasoning)})
    said = text if text is not None else made
    if said is not None:
        message.contents.append({"type": "text", "text": to_text(said)})
    if message.contents or message.calls:
        target.output_messages([message])


_OUTPUTS = (
    *(f"ai.{part}.{name}" for part in ("response", "result") for name in ("text", "object", "toolCalls")),
    "ai.response.reasoning",
)


def _calls(value: Value) -> list[ToolCall]:
    found = read_messages({"role": "assistant", "tool_calls": listed(value)}) if value is not None else []
    return found[0].calls if found else []


def _reasoning(value: Value) -> str:
    found = read_json(value)
    if isinstance(found, list):
        return "\n".join(to_text(item.get("text")) if isinstance(item, dict) else to_text(item) for item in found)
    return to_text(value)


def _put_tool(target: Target, span: SourceSpan) -> None:
    arguments, result = span.get("ai.toolCall.args", "ai.toolCall.input"), span.get(*_RESULTS)
    put_tool(target, span.text("ai.toolCall.name"), span.get("ai.toolCall.id"), arguments)
    target.input(arguments, "ai.toolCall.args", "ai.toolCall.input")
    target.output(result, *_RESULTS)


_RESULTS = ("ai.toolCall.result", "ai.toolCall.output")


def _put_wrapper(target: Target, span: SourceSpan) -> None:
    """The outer span of an embedding call: its texts are on the inner one too."""
    value = span.get("ai.value", "ai.values")
    if isinstance(value, list):
        target.input([read_json(item) for item in value], "ai.values")
    elif value is not None:
        found = read_json(value)
        target.input(found if isinstance(found, str) else value, "ai.value")
    target.replaced.update(("ai.embedding", "ai.embeddings"))


def _put_reranking(target: Target, span: SourceSpan) -> None:
    """Documents in, and their new order: a ranking holds indexes into the documents, and scores."""
    put_model(target, span, RERANKER)
    documents = [read_json(item) for item in listed(span.get("ai.documents"))]
    target.put(RerankerAttributes.RERANKER_QUERY, span.get("ai.query", "ai.rerank.query"))
    target.put(RerankerAttributes.RERANKER_TOP_K, span.number("ai.settings.topN", "ai.topN"))
    write_documents(target.put, RerankerAttributes.RERANKER_INPUT_DOCUMENTS, read_documents(documents))
    ranked = []
    for item in listed(span.get("ai.ranking")):
        rank = read_json(item)
        index = rank.get("index", rank.get("originalIndex")) if isinstance(rank, dict) else None
        if isinstance(index, int) and 0 <= index < len(documents):
            document = documents[index]
            fields = document if isinstance(document, dict) else {"content": document}
            ranked.append({**fields, "score": rank.get("relevanceScore", rank.get("score"))})
    write_documents(target.put, RerankerAttributes.RERANKER_OUTPUT_DOCUMENTS, read_documents(ranked))
    if documents:
        target.redundant.update(("ai.documents", "ai.ranking") if ranked else ("ai.documents",))
