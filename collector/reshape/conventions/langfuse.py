"""Langfuse's SDKs: `langfuse.observation.*` for the span, `langfuse.trace.*` for what all spans of a trace share."""

from __future__ import annotations

from math import isclose

from openinference.semconv.trace import RerankerAttributes, SpanAttributes

from collector.openinference.documents import write_documents, write_embeddings
from collector.openinference.kinds import AGENT, CHAIN, EMBEDDING, EVALUATOR, GUARDRAIL, LLM, RERANKER, RETRIEVER, TOOL
from collector.openinference.tools import write_tools
from collector.otlp.values import Attributes, Value, listed, number, read_json, to_text
from collector.reshape.convention import Convention
from collector.reshape.conversation import read_system
from collector.reshape.documents import read_documents
from collector.reshape.keys import put_numbers, put_parameters, put_tool, put_usage
from collector.reshape.messages import read_messages
from collector.reshape.source import SourceScope, SourceSpan
from collector.reshape.target import Target
from collector.reshape.tools import read_tools, split_tools

KINDS = {
    "generation": LLM,
    "span": CHAIN,
    "event": CHAIN,
    "chain": CHAIN,
    "agent": AGENT,
    "tool": TOOL,
    "retriever": RETRIEVER,
    "reranker": RERANKER,
    "embedding": EMBEDDING,
    "guardrail": GUARDRAIL,
    "evaluator": EVALUATOR,
}
_OBSERVATION = "langfuse.observation."
_INPUT, _OUTPUT = _OBSERVATION + "input", _OBSERVATION + "output"
_MODEL = _OBSERVATION + "model.name"

_COST = {
    SpanAttributes.LLM_COST_TOTAL: ("total", "total_cost"),
    SpanAttributes.LLM_COST_PROMPT: ("input", "input_cost"),
    SpanAttributes.LLM_COST_COMPLETION: ("output", "output_cost"),
    SpanAttributes.LLM_COST_PROMPT_DETAILS_CACHE_READ: ("input_cached_tokens", "cache_read_input_tokens"),
    SpanAttributes.LLM_COST_PROMPT_DETAILS_CACHE_WRITE: ("input_cache_creation", "cache_creation_input_tokens"),
    SpanAttributes.LLM_COST_COMPLETION_DETAILS_REASONING: ("output_reasoning_tokens",),
}


class Langfuse(Convention):
    """Observations of a Langfuse SDK."""

    name = "langfuse"
    keys = own = ("langfuse.",)
    identity = {
        SpanAttributes.SESSION_ID: ("langfuse.session.id", "langfuse.trace.session_id"),
        SpanAttributes.USER_ID: ("langfuse.user.id", "langfuse.trace.user_id", "langfuse.trace.userId"),
    }
    exclusive_counts = True

    def matches(self, resource: Attributes, scope: SourceScope, span: SourceSpan) -> bool:
        if span.text(_OBSERVATION + "type"):
            return True
        if _INPUT in span.attributes or _OUTPUT in span.attributes:
            return True  # LiteLLM's `langfuse_otel` names no type
        return scope.name.startswith("langfuse") and span.has(_OBSERVATION)

    def reshape(self, span: SourceSpan) -> Target | None:
        label = span.text(_OBSERVATION + "type").lower()
        kind = KINDS.get(label) or (LLM if span.text(_MODEL) else CHAIN)
        if not label:
            kind = span.text(SpanAttributes.OPENINFERENCE_SPAN_KIND) or kind
        target = Target(unsure=label in ("", "span", "event", "default"))
        target.kind(kind)
        _put_trace(target, span)
        target.input(span.get(_INPUT), _INPUT)
        target.output(span.get(_OUTPUT), _OUTPUT)
        if kind in (LLM, EMBEDDING):
            put_usage(target, span.json(_OBSERVATION + "usage_details"))
            _put_cost(target, span.json(_OBSERVATION + "cost_details"))
        if kind == LLM:
            _put_generation(target, span)
        elif kind == TOOL:
            put_tool(target, span.name, span.get("gen_ai.tool.call.id"), span.get(_INPUT))
        elif kind == RETRIEVER:
            write_documents(target.put, SpanAttributes.RETRIEVAL_DOCUMENTS, read_documents(span.get(_OUTPUT)))
        elif kind == RERANKER:
            write_documents(target.put, RerankerAttributes.RERANKER_OUTPUT_DOCUMENTS, read_documents(span.get(_OUTPUT)))
        elif kind == AGENT:
            target.put(SpanAttributes.AGENT_NAME, span.name)
        elif kind == EMBEDDING:
            target.put(SpanAttributes.EMBEDDING_MODEL_NAME, span.text(_MODEL))
            write_embeddings(target.put, _texts(span.json(_INPUT)), ())
        return target


def _put_cost(target: Target, details: Value) -> None:
    """What a request cost. Where only all buckets together make the total, those of a side belong to its sum."""
    if not isinstance(details, dict):
        return
    buckets = {key: cost for key, value in details.items() if (cost := number(value)) is not None and key != "total"}
    asked = sum(cost for key, cost in buckets.items() if "input" in key or "cache" in key)
    answered = sum(cost for key, cost in buckets.items() if "output" in key)
    total = number(details.get("total"))
    if total is not None and len(buckets) > 2 and isclose(asked + answered, total):
        target.put(SpanAttributes.LLM_COST_PROMPT, asked)
        target.put(SpanAttributes.LLM_COST_COMPLETION, answered)
    put_numbers(target, details, _COST)


def _texts(value: Value) -> list[Value]:
    """What was embedded: a text, texts, or a request that holds them."""
    if isinstance(value, dict):
        value = value.get("input") or value.get("text") or value.get("texts")
    return [item for item in listed(value) if isinstance(item, str)]


def _put_generation(target: Target, span: SourceSpan) -> None:
    target.put(SpanAttributes.LLM_MODEL_NAME, span.text(_MODEL, "gen_ai.response.model", "gen_ai.request.model"))
    parameters = span.json(_OBSERVATION + "model.parameters")
    if isinstance(parameters, dict):
        put_parameters(target, {key: _numeric(value) for key, value in parameters.items()})
    asked, tools = split_tools(span.json(_INPUT))
    target.input_messages([*_system(asked), *read_messages(asked, "user")])
    target.output_messages(read_messages(span.get(_OUTPUT), "assistant"))
    if isinstance(asked, dict) and asked.get("tools"):
        tools = read_tools(asked["tools"])
    write_tools(target.put, tools)


def _system(asked: Value) -> list[Value]:
    """A request's system prompt that is no message, unless `read_messages` takes it with the messages."""
    if not isinstance(asked, dict) or not _READ_WITH_SYSTEM.isdisjoint(asked):
        return []
    return read_system(asked.get("instructions"))


_READ_WITH_SYSTEM = {"messages", "input", "prompt", "query", "text"}


def _numeric(value: Value) -> Value:
    as_number = number(value)
    return value if as_number is None else as_number


def _put_trace(target: Target, span: SourceSpan) -> None:
    tags = [to_text(tag) for tag in listed(span.get("langfuse.trace.tags"))]
    target.put(SpanAttributes.TAG_TAGS, tags)
    metadata: dict[str, Value] = {}
    for prefix in ("langfuse.trace.metadata", _OBSERVATION + "metadata"):
        whole = span.json(prefix)
        if isinstance(whole, dict):
            metadata.update(whole)
            target.redundant.add(prefix)
        for key, value in span.under(prefix + ".").items():
            metadata[key] = read_json(value)
            target.redundant.add(f"{prefix}.{key}")
    target.metadata(metadata)
