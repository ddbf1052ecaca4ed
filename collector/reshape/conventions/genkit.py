"""Google's Genkit: `genkit:*`, with what went in and came out as JSON.

A generation with tools is a `generate` span which holds a span for each request to the model and each tool it called,
and one more `generate` for every further round. Only the model's own spans count tokens.
"""

from __future__ import annotations

import re

from openinference.semconv.trace import RerankerAttributes, SpanAttributes

from collector.openinference.documents import write_documents, write_embeddings
from collector.openinference.kinds import AGENT, CHAIN, EMBEDDING, EVALUATOR, LLM, PROMPT, RERANKER, RETRIEVER, TOOL
from collector.openinference.tools import write_tools
from collector.otlp.values import Attributes, Value, listed, number
from collector.reshape.convention import Convention
from collector.reshape.documents import read_documents
from collector.reshape.keys import put_parameters, put_provider, put_tool, put_usage
from collector.reshape.messages import read_messages
from collector.reshape.source import SourceScope, SourceSpan
from collector.reshape.target import Target
from collector.reshape.tools import read_tools

KINDS = {
    "agent": AGENT,
    "background-model": LLM,
    "embedder": EMBEDDING,
    "evaluator": EVALUATOR,
    "executable-prompt": PROMPT,
    "model": LLM,
    "prompt": PROMPT,
    "promptTemplate": PROMPT,
    "reranker": RERANKER,
    "retriever": RETRIEVER,
    "tool": TOOL,
    "tool.v2": TOOL,
}
"""By subtype, or type where there is none; flows, their steps and all others are chains."""

_INPUT, _OUTPUT, _NAME = "genkit:input", "genkit:output", "genkit:name"
_GENERATIONS = ("util", "dotprompt")
_SECRETS = ("apiKey", "api_key")
_FEATURE = re.compile(r"\{([^{},]+),t:(?:flow|dotprompt)[,}]")


class Genkit(Convention):
    """Spans with any of Genkit's keys."""

    name = "genkit"
    keys = own = ("genkit:",)

    def matches(self, resource: Attributes, scope: SourceScope, span: SourceSpan) -> bool:
        return span.has("genkit:")

    def reshape(self, span: SourceSpan) -> Target | None:
        asked, answered = span.json(_INPUT), span.json(_OUTPUT)
        kind = _kind(span, asked)
        target = Target()
        target.kind(kind)
        target.put(SpanAttributes.SESSION_ID, span.text("genkit:metadata:agent:sessionId", "genkit:sessionId"))
        target.input(asked if isinstance(asked, str) else span.get(_INPUT), _INPUT)
        if kind == EMBEDDING:
            _put_embedding(target, span, asked, answered)
            return target
        _put_output(target, span, answered)
        if kind == LLM:
            _put_request(target, span, asked, answered)
        elif kind == TOOL:
            put_tool(target, span.text(_NAME), None, span.get(_INPUT))
        elif kind == AGENT:
            _put_agent(target, span, asked, answered)
        elif kind == RETRIEVER:
            write_documents(target.put, SpanAttributes.RETRIEVAL_DOCUMENTS, read_documents(_documents(answered)))
        elif kind == RERANKER:
            _put_reranking(target, span, asked, answered)
        return target


def _put_output(target: Target, span: SourceSpan, answered: Value) -> None:
    """What came out, without what went in: a generation repeats its request, which is on the model's span, and an
    agent its history, which then stays in Genkit's own key. Hiding inputs would else leave them in the output."""
    if isinstance(answered, dict) and "request" in answered and span.get("genkit:type") in _GENERATIONS:
        target.output({key: value for key, value in answered.items() if key != "request"})
        target.replaced.add(_OUTPUT)
    elif isinstance(answered, dict) and (history := _history(answered)):
        state = {key: value for key, value in answered["state"].items() if key != "messages"}
        target.output({"message": history[-1], **answered, "state": state})
    else:
        target.output(answered if isinstance(answered, str) else span.get(_OUTPUT), _OUTPUT)


def _kind(span: SourceSpan, asked: Value) -> str:
    kind = span.text("genkit:metadata:subtype") or span.text("genkit:type")
    if kind == "util" and isinstance(asked, dict) and asked.get("tools") and not _is_within(span.text("genkit:path")):
        return AGENT
    return KINDS.get(kind, CHAIN)


def _is_within(path: str) -> bool:
    """Whether a step belongs to a generation or to an agent's turn: its path names those around it, then itself."""
    around = path.rpartition("/{")[0]
    return ",t:util" in around or "/{runTurn-" in around


def _model(name: str) -> tuple[str, str]:
    """The plugin and the model: a model's name is both, with a slash between."""
    plugin, slash, model = name.partition("/")
    return (plugin, model) if slash and model else ("", plugin)


def _put_request(target: Target, span: SourceSpan, asked: Value, answered: Value) -> None:
    _put_model(target, span.text(_NAME))
    if isinstance(asked, dict):
        config = asked.get("config")
        if isinstance(config, dict):
            put_parameters(target, {key: value for key, value in config.items() if key not in _SECRETS})
        write_tools(target.put, read_tools(asked.get("tools")))
    _put_messages(target, asked, answered)
    if isinstance(answered, dict):
        put_usage(target, answered.get("usage"))


def _put_model(target: Target, name: str) -> None:
    plugin, model = _model(name)
    target.put(SpanAttributes.LLM_MODEL_NAME, model)
    put_provider(target, plugin)


def _put_messages(target: Target, asked: Value, answered: Value) -> None:
    if isinstance(asked, dict):
        target.input_messages(read_messages(asked.get("messages"), "user"))
    if isinstance(answered, dict):
        said = answered.get("message") or answered.get("candidates")
        target.output_messages(read_messages(said, "assistant"))
        if isinstance(answered.get("finishReason"), str):
            target.put(SpanAttributes.LLM_FINISH_REASON, answered["finishReason"])


def _put_agent(target: Target, span: SourceSpan, asked: Value, answered: Value) -> None:
    name = span.text(_NAME)
    if name == "generate":  # nobody named it: who asked for it, if a flow or prompt did
        features = _FEATURE.findall(span.text("genkit:path"))
        name = features[-1] if features else name
    target.put(SpanAttributes.AGENT_NAME, name)
    if asked is None:
        asked = {"messages": _of_turn(span.json("genkit:init"), answered)}
        said = (message.text for message in read_messages(asked["messages"][-1:]))
        target.input("\n".join(said))
    elif isinstance(asked, dict) and isinstance(asked.get("model"), str):
        _put_model(target, asked["model"])
    _put_messages(target, asked, answered)


def _of_turn(given: Value, answered: Value) -> list[Value]:
    """What an agent was told, whose input comes as a stream: it came with (`init`) the history that its state goes
    on from, up to what its model said."""
    before, after = (_history(value) for value in (given, answered))
    for at in range(len(before), len(after)):
        if isinstance(after[at], dict) and after[at].get("role") == "model":
            return after[:at]
    return []


def _history(value: Value) -> list[Value]:
    state = value.get("state") if isinstance(value, dict) else None
    messages = state.get("messages") if isinstance(state, dict) else None
    return messages if isinstance(messages, list) else []


def _put_embedding(target: Target, span: SourceSpan, asked: Value, answered: Value) -> None:
    target.put(SpanAttributes.EMBEDDING_MODEL_NAME, _model(span.text(_NAME))[1])
    given = asked.get("input") if isinstance(asked, dict) else None
    found = answered.get("embeddings") if isinstance(answered, dict) else None
    vectors = [item.get("embedding") if isinstance(item, dict) else None for item in listed(found)]
    write_embeddings(target.put, [_text(document) for document in listed(given)], vectors)
    if vectors:
        target.replaced.add(_OUTPUT)
    else:
        _put_output(target, span, answered)


def _put_reranking(target: Target, span: SourceSpan, asked: Value, answered: Value) -> None:
    target.put(RerankerAttributes.RERANKER_MODEL_NAME, _model(span.text(_NAME))[1])
    if isinstance(asked, dict):
        target.put(RerankerAttributes.RERANKER_QUERY, _text(asked.get("query")))
        options = asked.get("options")
        target.put(RerankerAttributes.RERANKER_TOP_K, number(options.get("k")) if isinstance(options, dict) else None)
    write_documents(target.put, RerankerAttributes.RERANKER_INPUT_DOCUMENTS, read_documents(_documents(asked)))
    write_documents(target.put, RerankerAttributes.RERANKER_OUTPUT_DOCUMENTS, read_documents(_documents(answered)))


def _documents(value: Value) -> list[Value]:
    """Documents are parts, as messages are; their id and score are in the metadata."""
    documents = value.get("documents") if isinstance(value, dict) else None
    found: list[Value] = []
    for document in documents if isinstance(documents, list) else ():
        metadata = document.get("metadata") if isinstance(document, dict) else None
        about = metadata if isinstance(metadata, dict) else {}
        known = {key: about.get(key) for key in ("id", "score")}
        found.append({**known, "content": _text(document), "metadata": metadata})
    return found


def _text(document: Value) -> str:
    """The text of a document's parts, which Genkit joins without a space."""
    content = document.get("content") if isinstance(document, dict) else document
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))
