"""What most conventions say alike: identity, model, tokens, parameters, tool calls."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite

from openinference.semconv.trace import RerankerAttributes, SpanAttributes, ToolCallAttributes

from collector.openinference.kinds import AGENT, EMBEDDING, LLM, RERANKER
from collector.otlp.values import Value, listed, number, read_json, to_json, to_text
from collector.reshape.convention import Table
from collector.reshape.counts import read_usage
from collector.reshape.source import SourceSpan
from collector.reshape.target import Target

TOOL_CALL_ID = ToolCallAttributes.TOOL_CALL_ID

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
    "gen_ai.request.choice.count": "n",
    "gen_ai.request.stream": "stream",
    "gen_ai.request.reasoning.level": "reasoning_effort",
    "gen_ai.openai.request.service_tier": "service_tier",
    "openai.request.service_tier": "service_tier",
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
    "spring_ai",
    "gcp.vertex.agent",
    "google_adk",
    "langfuse",
    "litellm",
    "mastra",
    "logfire",
}
"""What some instrumentations give as the provider, though it is none."""


_RESPONSE_ID = re.compile(
    r"resp_(?=[a-f]*[0-9])[0-9a-f]+"  # OpenAI's responses
    r"|msg_(?:[0-9]+|(?:bdrk_|vrtx_)?[0-9A-Za-z]{20,})"  # Anthropic's, by itself or a cloud
    r"|chatcmpl-[0-9A-Za-z-]+"  # chat completions
)
"""What some instrumentations give as the conversation's id: the id of a response, another for every answer."""


def put_identity(target: Target, span: SourceSpan, table: Table) -> None:
    """Session, user and agent, as `table` names their sources; those that the span has already are kept."""
    attributes = span.attributes
    answer = attributes.get("gen_ai.response.id")
    for key, names in table.items():
        for name in names:
            value = attributes.get(name)
            if value is None or value == "" or isinstance(value, (list, dict)):
                continue
            text = to_text(value)
            if key != SpanAttributes.SESSION_ID or not (text == answer or _RESPONSE_ID.fullmatch(text)):
                target.put(key, text)
                break


def put_counts(target: Target, span: SourceSpan, table: Table) -> None:
    """Token counts, as `table` names their sources, where the target has none of its own yet."""
    for name, keys in table.items():
        target.tokens.take(name, span.number(*keys))


def put_usage(target: Target, usage: Value) -> None:
    """Token counts of an object of usage."""
    if isinstance(usage, dict):
        target.tokens.fill(read_usage(usage))


def put_numbers(target: Target, values: Value, table: Table) -> None:
    """The first of each row of `table` that `values` holds as a number."""
    if isinstance(values, dict):
        for key, names in table.items():
            target.put(key, next((count for name in names if (count := number(values.get(name))) is not None), None))


def put_model(target: Target, span: SourceSpan, kind: str) -> None:
    """The model that answered, else the one that was asked, under the key of its kind; llm.* only where it belongs."""
    model = span.text(*MODEL)
    if kind == EMBEDDING:
        target.put(SpanAttributes.EMBEDDING_MODEL_NAME, model)
    elif kind == RERANKER:
        target.put(RerankerAttributes.RERANKER_MODEL_NAME, model)
    elif kind in (LLM, AGENT):
        target.put(SpanAttributes.LLM_MODEL_NAME, model)
        target.put(SpanAttributes.LLM_REQUEST_MODEL_NAME, span.text("gen_ai.request.model"))
        target.put(SpanAttributes.LLM_RESPONSE_MODEL_NAME, span.text("gen_ai.response.model"))
        put_provider(target, span.text(*PROVIDER))
        put_parameters(target, request_parameters(span))


def put_provider(target: Target, name: str) -> None:
    """Provider and system by OpenInference's names for them; another name as it is, and no framework's."""
    name = name.lower()
    if not name or name in FRAMEWORKS:
        return
    provider, system = _PROVIDERS.get(name) or _PROVIDERS.get(name.partition(".")[0]) or (name, name)
    target.put(SpanAttributes.LLM_PROVIDER, provider)
    target.put(SpanAttributes.LLM_SYSTEM, system)


_GOOGLE, _AWS, _XAI = ("google", "google"), ("aws", "aws"), ("xai", "xai")
_AZURE_OPENAI, _VERTEX, _MISTRAL = ("azure", "openai"), ("google", "vertexai"), ("mistralai", "mistralai")
_PROVIDERS = {
    "azure.ai.openai": _AZURE_OPENAI,
    "az.ai.openai": _AZURE_OPENAI,
    "azure-openai": _AZURE_OPENAI,
    "azure_openai": _AZURE_OPENAI,
    "azure.ai.inference": ("azure", "azure"),
    "az.ai.inference": ("azure", "azure"),
    "azure": ("azure", "azure"),
    "aws.bedrock": _AWS,
    "aws_bedrock": _AWS,
    "amazon-bedrock": _AWS,
    "amazon_bedrock": _AWS,
    "bedrock": _AWS,
    "gcp.vertex_ai": _VERTEX,
    "vertex_ai": _VERTEX,
    "google-vertex": _VERTEX,
    "google_vertexai": _VERTEX,
    "vertexai": _VERTEX,
    "gcp.gemini": _GOOGLE,
    "gcp.gen_ai": _GOOGLE,
    "gemini": _GOOGLE,
    "google_genai": _GOOGLE,
    "google-genai": _GOOGLE,
    "google-gla": _GOOGLE,
    "googleai": _GOOGLE,
    "google": _GOOGLE,
    "x_ai": _XAI,
    "xai": _XAI,
    "mistral_ai": _MISTRAL,
    "mistral": _MISTRAL,
    "mistralai": _MISTRAL,
    "moonshot_ai": ("moonshot", "moonshot"),
    "moonshotai": ("moonshot", "moonshot"),
    "together_ai": ("together", "together"),
    "togetherai": ("together", "together"),
    "fireworks_ai": ("fireworks", "fireworks"),
    "openai": ("openai", "openai"),
    "anthropic": ("anthropic", "anthropic"),
    "cohere": ("cohere", "cohere"),
}
"""OpenInference's provider and system, by the names of GenAI's conventions and of SDKs. An SDK's may go on after a dot
with which of the provider's APIs it is."""


COSTS = tuple(key for name, key in vars(SpanAttributes).items() if name.startswith("LLM_COST") and isinstance(key, str))


def drop_impossible_costs(target: Target) -> None:
    """Take out what some sender worked out of nothing: a cost below zero, or one that is no number."""
    for key in COSTS:
        cost = target.attributes.get(key)
        if cost is not None and not (isinstance(cost, (int, float)) and isfinite(cost) and cost >= 0):
            del target.attributes[key]


def put_parameters(target: Target, parameters: Mapping[str, Value]) -> None:
    if parameters:
        target.put(SpanAttributes.LLM_INVOCATION_PARAMETERS, to_json(parameters))


def request_parameters(span: SourceSpan) -> dict[str, Value]:
    """The parameters of a GenAI request, numbers as numbers and lists as lists."""
    found: dict[str, Value] = {}
    for source, name in PARAMETERS.items():
        value = span.get(source)
        if value is not None and value != []:
            as_number = number(value)
            read = read_json(value) if as_number is None or name == "model" else as_number
            found.setdefault(name, read if name != "model" else value)
    if found.get("stream") is False:
        del found["stream"]  # as it is where nobody says anything
    if span.text("gen_ai.output.type") == "json":
        found["response_format"] = {"type": "json_object"}
    return found


def put_finish_reason(target: Target, span: SourceSpan) -> None:
    """The first finish reason, from a list, a list as JSON text, or a single word."""
    reasons = listed(span.get("gen_ai.response.finish_reasons", "gen_ai.response.finish_reason"))
    reason = reasons[0] if reasons else span.get("ai.response.finishReason")
    if isinstance(reason, str):
        target.put(SpanAttributes.LLM_FINISH_REASON, finish_reason(reason))


def finish_reason(text: str) -> str:
    """A finish reason without what a language's own printing adds: `FinishReason.STOP` and `['stop']` are `stop`."""
    found = _PRINTED.fullmatch(text)
    if found is None:
        return text
    return found["member"].lower() if found["member"] else found["item"]


_PRINTED = re.compile(r"<?\w*Finish_?Reason\w*\.(?P<member>\w+)(?:: .*>)?|[\[(]'(?P<item>\w+)'.*[\])]", re.IGNORECASE)


def put_tool(target: Target, name: str, call_id: Value, arguments: Value, description: Value = None) -> None:
    """The name, call id and arguments of a tool call."""
    target.put(SpanAttributes.TOOL_NAME, name)
    target.put(TOOL_CALL_ID, to_text(call_id))
    target.put(SpanAttributes.TOOL_ID, to_text(call_id))
    target.put(SpanAttributes.TOOL_DESCRIPTION, to_text(description))
    target.put(SpanAttributes.TOOL_PARAMETERS, to_text(arguments))
