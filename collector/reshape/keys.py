"""What most conventions say with keys of their own, as tables: session, user, model, tokens, parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from openinference.semconv.trace import (
    RerankerAttributes,
    SpanAttributes,
    ToolCallAttributes,
)

from collector.openinference.kinds import AGENT, EMBEDDING, LLM, RERANKER
from collector.openinference.tokens import KEYS, TokenCounts, write_tokens
from collector.otlp.values import Value, listed, number, to_json, to_text
from collector.reshape.source import Source
from collector.reshape.target import Target

TOOL_CALL_ID = ToolCallAttributes.TOOL_CALL_ID

Table: TypeAlias = Mapping[str, Sequence[str]]
"""OpenInference key: source keys, the best first."""

IDENTITY: Table = {
    SpanAttributes.SESSION_ID: (
        "gen_ai.conversation.id",
        "traceloop.association.properties.session_id",
        "traceloop.association.properties.session.id",
        "traceloop.association.properties.thread_id",
        "langfuse.session.id",
        "ai.telemetry.metadata.sessionId",
        "ai.telemetry.metadata.session.id",
        "ai.telemetry.metadata.session_id",
        "langsmith.metadata.session_id",
        "langsmith.metadata.thread_id",
        "langsmith.metadata.conversation_id",
        "mlflow.trace.session",
    ),
    SpanAttributes.USER_ID: (
        "enduser.id",
        "traceloop.association.properties.user_id",
        "traceloop.association.properties.user.id",
        "langfuse.user.id",
        "ai.telemetry.metadata.userId",
        "ai.telemetry.metadata.user.id",
        "ai.telemetry.metadata.user_id",
        "langsmith.metadata.user_id",
        "mlflow.trace.user",
    ),
    SpanAttributes.AGENT_NAME: ("gen_ai.agent.name",),
}

TOKENS: Table = {
    SpanAttributes.LLM_TOKEN_COUNT_PROMPT: (
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.prompt_tokens",
        "llm.usage.prompt_tokens",
        "ai.usage.inputTokens",
        "ai.usage.promptTokens",
        "ai.usage.tokens",
    ),
    SpanAttributes.LLM_TOKEN_COUNT_COMPLETION: (
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.completion_tokens",
        "llm.usage.completion_tokens",
        "ai.usage.outputTokens",
        "ai.usage.completionTokens",
    ),
    SpanAttributes.LLM_TOKEN_COUNT_TOTAL: (
        "gen_ai.usage.total_tokens",
        "llm.usage.total_tokens",
        "ai.usage.totalTokens",
    ),
    SpanAttributes.LLM_TOKEN_COUNT_PROMPT_DETAILS_CACHE_READ: (
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "llm.usage.cache_read_input_tokens",
        "gen_ai.usage.details.cache_read_tokens",
        "gen_ai.usage.details.cache_read_input_tokens",
        "gen_ai.usage.cached_input_tokens",
        "gen_ai.usage.input_tokens.cached",
        "gen_ai.usage.cached_tokens",
        "ai.usage.cachedInputTokens",
        "ai.usage.inputTokenDetails.cacheReadTokens",
    ),
    SpanAttributes.LLM_TOKEN_COUNT_PROMPT_DETAILS_CACHE_WRITE: (
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_write_input_tokens",
        "llm.usage.cache_creation_input_tokens",
        "gen_ai.usage.details.cache_write_tokens",
        "gen_ai.usage.details.cache_creation_input_tokens",
        "gen_ai.usage.input_tokens.cache_write",
        "ai.usage.inputTokenDetails.cacheWriteTokens",
    ),
    SpanAttributes.LLM_TOKEN_COUNT_COMPLETION_DETAILS_REASONING: (
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "gen_ai.usage.reasoning_output_tokens",
        "gen_ai.usage.output_tokens.reasoning",
        "gen_ai.usage.details.reasoning_tokens",
        "llm.usage.reasoning_tokens",
        "ai.usage.reasoningTokens",
        "ai.usage.outputTokenDetails.reasoningTokens",
    ),
    SpanAttributes.LLM_TOKEN_COUNT_PROMPT_DETAILS_AUDIO: (
        "gen_ai.usage.audio.input_tokens",
        "gen_ai.usage.details.input_audio_tokens",
    ),
    SpanAttributes.LLM_TOKEN_COUNT_COMPLETION_DETAILS_AUDIO: (
        "gen_ai.usage.audio.output_tokens",
        "gen_ai.usage.details.output_audio_tokens",
    ),
}

MODEL = ("gen_ai.response.model", "ai.response.model", "gen_ai.request.model", "ai.model.id")
PROVIDER = ("gen_ai.provider.name", "gen_ai.system")

PARAMETERS = {
    "gen_ai.request.model": "model",
    "gen_ai.request.temperature": "temperature",
    "gen_ai.request.top_p": "top_p",
    "gen_ai.request.top_k": "top_k",
    "gen_ai.request.presence_penalty": "presence_penalty",
    "gen_ai.request.frequency_penalty": "frequency_penalty",
    "gen_ai.request.seed": "seed",
    "gen_ai.request.max_tokens": "max_tokens",
    "gen_ai.request.max_output_tokens": "max_tokens",
    "gen_ai.request.max_completion_tokens": "max_tokens",
    "gen_ai.request.stop_sequences": "stop_sequences",
}
"""What was asked for, and under which name it is an invocation parameter."""

FRAMEWORKS = {
    "strands-agents",
    "strands agents",
    "microsoft.agent_framework",
    "langchain",
    "langgraph",
    "crewai",
    "autogen",
    "llamaindex",
    "llama_index",
    "haystack",
    "semantic_kernel",
    "openai_agents",
    "pydantic-ai",
    "smolagents",
}
"""What some instrumentations give as the provider, though it is none."""


def put_identity(target: Target, span: Source) -> None:
    """Session, user and agent; those that the span has already are kept."""
    for key, names in IDENTITY.items():
        value = span.get(*names)
        if value is not None and not isinstance(value, (list, dict)):
            target.put(key, to_text(value))


def put_tokens(target: Target, span: Source) -> None:
    """Token counts; a total or the missing half of one is worked out, a count nobody gave is left out. And a cost,
    where one was given."""
    for key, names in TOKENS.items():
        target.put(key, span.number(*names))
    complete_tokens(target)
    if "gen_ai.usage.raw" in span.attributes:  # Logfire: the provider's usage as it came
        put_details(target, span.json("gen_ai.usage.raw"))
    cost = span.number("gen_ai.usage.cost")
    if cost:  # OpenLIT's zero means that it knows no price
        target.put(SpanAttributes.LLM_COST_TOTAL, cost)


def put_details(target: Target, usage: Value) -> None:
    """What a provider's usage says of cache, reasoning and sound: in objects whose names speak of input or output."""
    for name, details in usage.items() if isinstance(usage, dict) else ():
        if isinstance(details, dict) and name.endswith("details"):
            asked = "input" in name or "prompt" in name
            for key, names in (_OF_INPUT if asked else _OF_OUTPUT).items():
                target.put(key, next((count for one in names if (count := number(details.get(one))) is not None), None))


_OF_INPUT: Table = {
    SpanAttributes.LLM_TOKEN_COUNT_PROMPT_DETAILS_CACHE_READ: ("cached_tokens", "cache_read"),
    SpanAttributes.LLM_TOKEN_COUNT_PROMPT_DETAILS_CACHE_WRITE: ("cache_write_tokens", "cache_creation"),
    SpanAttributes.LLM_TOKEN_COUNT_PROMPT_DETAILS_AUDIO: ("audio_tokens", "audio"),
}
_OF_OUTPUT: Table = {
    SpanAttributes.LLM_TOKEN_COUNT_COMPLETION_DETAILS_REASONING: ("reasoning_tokens", "reasoning"),
    SpanAttributes.LLM_TOKEN_COUNT_COMPLETION_DETAILS_AUDIO: ("audio_tokens", "audio"),
}


def complete_tokens(target: Target) -> None:
    """Work out the total of two counts, or one count of the total and the other; leave out what is no count."""
    counts = TokenCounts(**{name: number(target.attributes.pop(key, None)) for name, key in KEYS.items()})
    write_tokens(target.put, counts)


def put_model(target: Target, span: Source, kind: str) -> None:
    """The model that answered, else the one that was asked, under the key of its kind; llm.* only where it belongs."""
    model = span.text(*MODEL)
    if kind == EMBEDDING:
        target.put(SpanAttributes.EMBEDDING_MODEL_NAME, model)
    elif kind == RERANKER:
        target.put(RerankerAttributes.RERANKER_MODEL_NAME, model)
    elif kind in (LLM, AGENT):
        target.put(SpanAttributes.LLM_MODEL_NAME, model)
        put_provider(target, span.text(*PROVIDER))
        put_parameters(target, request_parameters(span))


def put_provider(target: Target, name: str) -> None:
    """Provider and system, unless it is a framework's name."""
    name = name.lower()
    if name not in FRAMEWORKS:
        target.put(SpanAttributes.LLM_PROVIDER, name)
        target.put(SpanAttributes.LLM_SYSTEM, name)


def put_parameters(target: Target, parameters: Mapping[str, Value]) -> None:
    if parameters:
        target.put(SpanAttributes.LLM_INVOCATION_PARAMETERS, to_json(parameters))


def request_parameters(span: Source) -> dict[str, Value]:
    """The parameters of a GenAI request, numbers as numbers."""
    found: dict[str, Value] = {}
    for source, name in PARAMETERS.items():
        value = span.get(source)
        if value is not None and value != []:
            as_number = number(value)
            found.setdefault(name, value if as_number is None or name == "model" else as_number)
    return found


def put_finish_reason(target: Target, span: Source) -> None:
    """The first finish reason, from a list, a list as JSON text, or a single word."""
    reasons = listed(span.get("gen_ai.response.finish_reasons", "gen_ai.response.finish_reason"))
    reason = reasons[0] if reasons else span.get("ai.response.finishReason")
    if isinstance(reason, str):
        target.put(SpanAttributes.LLM_FINISH_REASON, reason)


def put_tool(target: Target, name: str, call_id: Value, arguments: Value, description: Value = None) -> None:
    """The name, call id and arguments of a tool call."""
    target.put(SpanAttributes.TOOL_NAME, name)
    target.put(TOOL_CALL_ID, to_text(call_id))
    target.put(SpanAttributes.TOOL_DESCRIPTION, to_text(description))
    target.put(SpanAttributes.TOOL_PARAMETERS, to_text(arguments))
