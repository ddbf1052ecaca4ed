"""OpenTelemetry's GenAI conventions: the current form, the numbered one, and messages in events and log records.

Written by Pydantic AI 2, agent-framework, OpenLIT, OpenLLMetry, AI SDK 7, Strands, the OpenAI instrumentation
and others.
"""

from __future__ import annotations

from openinference.semconv.trace import EvaluationAttributes, SpanAttributes, ToolAttributes

from collector.openinference.kinds import AGENT, EMBEDDING, LLM, RERANKER, RETRIEVER, TOOL
from collector.openinference.tools import write_tools
from collector.otlp.values import Attributes, Value, read_json
from collector.reshape.convention import BY_SPAN, Convention, LogRecords
from collector.reshape.conversation import INPUT, OUTPUT, put_conversation, take_details
from collector.reshape.events import MESSAGE_EVENTS, read_events
from collector.reshape.indexed import read_functions, read_indexed
from collector.reshape.keys import put_finish_reason, put_model, put_tool, put_usage
from collector.reshape.messages import DEFAULT, MessageReading, read_messages
from collector.reshape.operations import NO_REQUEST, REQUEST_TYPES, kind_of
from collector.reshape.retrieval import put_embeddings, put_reranking, put_retrieval
from collector.reshape.source import SourceScope, SourceSpan
from collector.reshape.target import Target
from collector.reshape.tools import read_tools

ARGUMENTS = (
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.args",
    "gen_ai.tool.arguments",
    "gen_ai.tool.input",
    "tool_arguments",
)
RESULTS = ("gen_ai.tool.call.result", "gen_ai.tool.result", "gen_ai.tool.output", "tool_response")


class GenAi(Convention):
    """Any span with `gen_ai.` keys that say what it is."""

    name = "gen_ai"
    keys = own = ("gen_ai.",)
    identity = {
        SpanAttributes.SESSION_ID: ("gen_ai.conversation.id", "gen_ai.session.id"),
        SpanAttributes.USER_ID: ("enduser.id", "llm.user", "gen_ai.user.id", "gen_ai.user"),
        SpanAttributes.AGENT_NAME: ("gen_ai.agent.name",),
    }
    counts = {
        "prompt": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "gen_ai.response.prompt_tokens"),
        "completion": (
            "gen_ai.usage.output_tokens",
            "gen_ai.usage.completion_tokens",
            "gen_ai.response.completion_tokens",
        ),
        "total": ("gen_ai.usage.total_tokens",),
        "cache_read": (
            "gen_ai.usage.cache_read.input_tokens",
            "gen_ai.usage.cache_read_input_tokens",
            "gen_ai.usage.cached_input_tokens",
            "gen_ai.usage.input_tokens.cached",
            "gen_ai.usage.cached_tokens",
            "gen_ai.usage.cache_read_tokens",
            "gen_ai.usage.input_cached_tokens",
            "gen_ai.usage.input_cache_read",
        ),
        "cache_write": (
            "gen_ai.usage.cache_creation.input_tokens",
            "gen_ai.usage.cache_creation_input_tokens",
            "gen_ai.usage.cache_write.input_tokens",
            "gen_ai.usage.cache_write_input_tokens",
            "gen_ai.usage.input_tokens.cache_write",
            "gen_ai.usage.cache_write_tokens",
            "gen_ai.usage.cache_creation_tokens",
            "gen_ai.usage.input_cache_creation",
            "gen_ai.usage.input_cache_write",
        ),
        "reasoning": (
            "gen_ai.usage.reasoning.output_tokens",
            "gen_ai.usage.reasoning_tokens",
            "gen_ai.usage.reasoning_output_tokens",
            "gen_ai.usage.output_tokens.reasoning",
        ),
        "prompt_audio": (
            "gen_ai.usage.audio.input_tokens",
            "gen_ai.usage.input_audio_tokens",
            "gen_ai.usage.audio_input_tokens",
        ),
        "completion_audio": (
            "gen_ai.usage.audio.output_tokens",
            "gen_ai.usage.output_audio_tokens",
            "gen_ai.usage.audio_output_tokens",
        ),
    }
    records = LogRecords(dict.fromkeys(MESSAGE_EVENTS, BY_SPAN))

    def matches(self, resource: Attributes, scope: SourceScope, span: SourceSpan) -> bool:
        return bool(kind_of(span))

    def reshape(self, span: SourceSpan) -> Target | None:
        return reshape_gen_ai(span, kind_of(span))


class IndexedGenAi(Convention):
    """OpenLLMetry before 0.55: numbered keys, and `llm.request.type` for the kind."""

    name = "gen_ai indexed"
    keys = ("llm.request.type", "gen_ai.prompt.", "gen_ai.completion.", "llm.prompts.", "llm.completions.")
    counts = {
        "prompt": ("llm.usage.prompt_tokens",),
        "completion": ("llm.usage.completion_tokens",),
        "total": ("llm.usage.total_tokens",),
        "cache_read": ("llm.usage.cache_read_input_tokens",),
        "cache_write": ("llm.usage.cache_creation_input_tokens",),
        "reasoning": ("llm.usage.reasoning_tokens",),
    }
    own = (
        "gen_ai.",
        "llm.request.",
        "llm.usage.",
        "llm.prompts.",
        "llm.completions.",
        "llm.is_streaming",
        "llm.headers",
    )

    def matches(self, resource: Attributes, scope: SourceScope, span: SourceSpan) -> bool:
        if (
            "gen_ai.operation.name" in span.attributes
            or span.text(SpanAttributes.OPENINFERENCE_SPAN_KIND) in NO_REQUEST
        ):
            return False
        return "llm.request.type" in span.attributes or bool(read_indexed(span).input_keys)

    def reshape(self, span: SourceSpan) -> Target | None:
        kind = REQUEST_TYPES.get(span.text("llm.request.type"), LLM)
        return reshape_gen_ai(span, kind)


def reshape_gen_ai(span: SourceSpan, kind: str, reading: MessageReading = DEFAULT) -> Target | None:
    """A span of `kind` whose facts stand in `gen_ai.` keys; None without a kind."""
    if not kind:
        return None
    target = Target()
    target.kind(kind)
    take_details(target, span)
    put_model(target, span, kind)
    put_association(target, span)
    if kind in (LLM, EMBEDDING, RERANKER, RETRIEVER):
        put_costs(target, span)
        put_usage(target, span.json("gen_ai.usage.raw"))  # Logfire: the provider's usage as it came
    if kind in (LLM, AGENT):
        put_finish_reason(target, span)
    if kind == TOOL:
        put_tool_call(target, span)
    elif kind == EMBEDDING:
        put_embeddings(target, span, reading)
    elif kind == RETRIEVER:
        put_retrieval(target, span)
    elif kind == RERANKER:
        put_reranking(target, span)
    if kind not in (TOOL, EMBEDDING):
        put_conversation(target, span, kind, reading)
    if kind in (LLM, AGENT):
        put_functions(target, span)
    put_evaluations(target, span)
    return target


def put_functions(target: Target, span: SourceSpan) -> None:
    """Numbered tool definitions, where no others were found."""
    if f"{SpanAttributes.LLM_TOOLS}.0.{ToolAttributes.TOOL_NAME}" not in target.attributes:
        functions, keys = read_functions(span)
        if functions:
            write_tools(target.put, read_tools(functions))
            target.redundant |= keys


def put_evaluations(target: Target, span: SourceSpan) -> None:
    """What the span was found to be worth, from its events."""
    results = [event.attributes for event in span.events if event.name == "gen_ai.evaluation.result"]
    if not results and span.text("gen_ai.evaluation.name"):
        results = [span.attributes]
    for index, result in enumerate(results):
        base = f"{SpanAttributes.EVALUATIONS}.{index}."
        for key, source in _EVALUATION.items():
            value = result.get(source)
            target.put(base + key, value if isinstance(value, (str, int, float)) else None)


_EVALUATION = {
    EvaluationAttributes.EVALUATION_NAME: "gen_ai.evaluation.name",
    EvaluationAttributes.EVALUATION_SCORE: "gen_ai.evaluation.score.value",
    EvaluationAttributes.EVALUATION_LABEL: "gen_ai.evaluation.score.label",
    EvaluationAttributes.EVALUATION_EXPLANATION: "gen_ai.evaluation.explanation",
}


def put_costs(target: Target, span: SourceSpan) -> None:
    """What a request cost, where somebody worked it out; OpenLIT's zero means that it knows no price."""
    for key, names in _COSTS.items():
        target.put(key, span.number(*names) or None)


_COSTS = {
    SpanAttributes.LLM_COST_TOTAL: (
        *("gen_ai.usage.cost", "gen_ai.cost.total_cost"),
        *("gen_ai.usage.total_cost", "gen_ai.cost.total_tokens"),
    ),
    SpanAttributes.LLM_COST_PROMPT: ("gen_ai.cost.input_cost", "gen_ai.usage.input_cost", "gen_ai.cost.input_tokens"),
    SpanAttributes.LLM_COST_COMPLETION: (
        *("gen_ai.cost.output_cost", "gen_ai.usage.output_cost", "gen_ai.cost.output_tokens"),
    ),
    SpanAttributes.LLM_COST_PROMPT_DETAILS_CACHE_READ: ("gen_ai.cost.cache_read_cost",),
    SpanAttributes.LLM_COST_PROMPT_DETAILS_CACHE_WRITE: ("gen_ai.cost.cache_creation_cost",),
    SpanAttributes.LLM_COST_COMPLETION_DETAILS_REASONING: ("gen_ai.cost.reasoning_cost",),
}
"""LiteLLM and OpenLIT, then OpenRouter under `usage`, then Sentry, whose `cost.*_tokens` are dollars."""


def put_association(target: Target, span: SourceSpan) -> None:
    """Traceloop's association properties, which it gives to LLM spans too, as metadata."""
    properties = span.under("traceloop.association.properties.")
    known = {"session_id", "session.id", "user_id", "user.id"}
    target.metadata({key: value for key, value in properties.items() if key not in known})


def put_tool_call(target: Target, span: SourceSpan) -> None:
    """The call and its result, from attributes, from the events that Strands writes, or where messages stand else."""
    arguments, result = span.get(*ARGUMENTS), span.get(*RESULTS)
    target.redundant.update((*ARGUMENTS, *RESULTS))
    if arguments is None or result is None:
        told = read_events(span.events)
        if arguments is None and told.input:
            arguments = told.input[0].text
        if result is None and told.output:
            result = told.output[0].text
        target.redundant_in_events.update(told.redundant)
    if arguments is None:
        arguments = _call_in(span.get(INPUT))
    if result is None:
        result = _result_in(span.get(OUTPUT))
    name = span.text("gen_ai.tool.name")
    call_id = span.get("gen_ai.tool.call.id", "gen_ai.tool.call_id", "tool_call.id", "tool.id")
    put_tool(target, name, call_id, arguments, span.get("gen_ai.tool.description"))
    if "gen_ai.tool.description" in span.attributes:
        target.redundant.add("gen_ai.tool.description")
    target.input(arguments)
    target.output(result)
    for key, put in ((INPUT, target.input), (OUTPUT, target.output)):
        if span.get(key) is not None:
            put(span.get(key), key)


def _call_in(value: Value) -> Value:
    """The arguments of a call that stands where messages are expected: as a whole (Gemini CLI), or in a message."""
    found = read_json(value)
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
    if not isinstance(found, dict):
        return None
    calls = [call for message in read_messages(found) for call in message.calls] if "parts" in found else []
    if len(calls) == 1:
        return calls[0].arguments
    return next((found[key] for key in ("args", "arguments") if found.get(key) is not None), None)


def _result_in(value: Value) -> Value:
    """What a tool gave, as the one result in a message."""
    found = read_json(value)
    if not isinstance(found, list) or len(found) != 1 or not isinstance(found[0], dict) or "parts" not in found[0]:
        return None
    results = [message for message in read_messages(found) if message.role == "tool"]
    return results[0].text or None if len(results) == 1 and results[0].call_id else None
