"""MLflow's exported traces: `mlflow.*`, with values that are JSON, often twice over (`"\\"TOOL\\""`)."""

from __future__ import annotations

from openinference.semconv.trace import RerankerAttributes, SpanAttributes

from collector.openinference.documents import write_documents, write_embeddings
from collector.openinference.kinds import AGENT, CHAIN, EMBEDDING, EVALUATOR, GUARDRAIL, LLM, RERANKER, RETRIEVER, TOOL
from collector.openinference.tools import write_tools
from collector.otlp.values import Attributes, Value, read_json_deeply, to_text
from collector.reshape.convention import Convention
from collector.reshape.documents import read_documents
from collector.reshape.keys import (
    put_finish_reason,
    put_model,
    put_numbers,
    put_parameters,
    put_provider,
    put_tool,
    put_usage,
)
from collector.reshape.messages import read_messages
from collector.reshape.source import SourceScope, SourceSpan
from collector.reshape.target import Target
from collector.reshape.tools import read_tools

KINDS = {
    "LLM": LLM,
    "CHAT_MODEL": LLM,
    "AGENT": AGENT,
    "TOOL": TOOL,
    "CHAIN": CHAIN,
    "RETRIEVER": RETRIEVER,
    "EMBEDDING": EMBEDDING,
    "RERANKER": RERANKER,
    "GUARDRAIL": GUARDRAIL,
    "EVALUATOR": EVALUATOR,
}
_TYPE, _INPUT, _OUTPUT = "mlflow.spanType", "mlflow.spanInputs", "mlflow.spanOutputs"
_COST = {
    SpanAttributes.LLM_COST_TOTAL: ("total_cost",),
    SpanAttributes.LLM_COST_PROMPT: ("input_cost",),
    SpanAttributes.LLM_COST_COMPLETION: ("output_cost",),
}
_PARAMETERS = ("temperature", "top_p", "top_k", "max_tokens", "max_completion_tokens", "seed", "stop", "stream")

_OF_BEDROCK = {"maxTokens": "max_tokens", "topP": "top_p", "stopSequences": "stop"}


class MlFlow(Convention):
    """Spans with MLflow's type, or with its inputs or outputs, which some write beside GenAI's keys."""

    name = "mlflow"
    keys = own = ("mlflow.",)

    def matches(self, resource: Attributes, scope: SourceScope, span: SourceSpan) -> bool:
        if _INPUT in span.attributes or _OUTPUT in span.attributes:
            return True
        return to_text(_read(span, _TYPE)).upper() in KINDS  # "null" is put on spans of other libraries

    def reshape(self, span: SourceSpan) -> Target | None:
        label = to_text(_read(span, _TYPE)).upper()
        kind = KINDS.get(label) or span.text(SpanAttributes.OPENINFERENCE_SPAN_KIND) or CHAIN
        asked, answered = _read(span, _INPUT), _read(span, _OUTPUT)
        target = Target(unsure=label not in KINDS)
        target.kind(kind)
        target.put(SpanAttributes.SESSION_ID, to_text(_read(span, "mlflow.trace.session")))
        target.put(SpanAttributes.USER_ID, to_text(_read(span, "mlflow.trace.user")))
        target.input(asked, _INPUT)
        target.output(answered, _OUTPUT)
        if kind in (LLM, EMBEDDING):
            _put_usage(target, span, answered)
        if kind == LLM:
            _put_call(target, span, asked, answered)
        elif kind == TOOL:
            put_tool(target, span.name or to_text(_read(span, "mlflow.spanFunctionName")), None, asked)
        elif kind == AGENT:
            target.put(SpanAttributes.AGENT_NAME, span.name)
        elif kind == RETRIEVER:
            write_documents(target.put, SpanAttributes.RETRIEVAL_DOCUMENTS, read_documents(answered))
        elif kind == RERANKER:
            write_documents(target.put, RerankerAttributes.RERANKER_OUTPUT_DOCUMENTS, read_documents(answered))
        elif kind == EMBEDDING:
            target.put(SpanAttributes.EMBEDDING_MODEL_NAME, _model(span, asked, answered))
            texts = asked.get("input", asked.get("texts")) if isinstance(asked, dict) else asked
            write_embeddings(target.put, texts if isinstance(texts, list) else [texts] if texts else (), ())
        return target


def _read(span: SourceSpan, key: str) -> Value:
    return read_json_deeply(span.get(key))


def _put_call(target: Target, span: SourceSpan, asked: Value, answered: Value) -> None:
    put_model(target, span, LLM)
    put_finish_reason(target, span)
    target.put(SpanAttributes.LLM_MODEL_NAME, _model(span, asked, answered))
    put_provider(target, to_text(_read(span, "mlflow.llm.provider")))
    chat = _read(span, "mlflow.chat.messages")
    target.input_messages(read_messages(asked, "user") or read_messages(chat, "user"))
    target.output_messages(read_messages(answered, "assistant"))
    if chat is not None:
        target.redundant.add("mlflow.chat.messages")
    tools = _read(span, "mlflow.chat.tools")
    if isinstance(asked, dict):
        tools = tools or asked.get("tools")
        config = asked.get("inferenceConfig")
        settings = (
            {**asked, **{_OF_BEDROCK.get(key, key): value for key, value in config.items()}}
            if isinstance(config, dict)
            else asked
        )
        put_parameters(target, {key: settings[key] for key in _PARAMETERS if settings.get(key) is not None})
    if tools:
        write_tools(target.put, read_tools(tools))
        target.redundant.add("mlflow.chat.tools")


def _put_usage(target: Target, span: SourceSpan, answered: Value) -> None:
    usage = _read(span, "mlflow.chat.tokenUsage")
    if usage is None and isinstance(answered, dict):
        usage = answered.get("usage") or answered.get("usage_metadata")
    put_usage(target, usage)
    put_numbers(target, _read(span, "mlflow.llm.cost"), _COST)


def _model(span: SourceSpan, asked: Value, answered: Value) -> str:
    for body in (answered, asked):
        for key in ("model", "modelId"):  # the latter is Bedrock's
            if isinstance(body, dict) and isinstance(body.get(key), str):
                return str(body[key])
    return to_text(_read(span, "mlflow.llm.model"))
