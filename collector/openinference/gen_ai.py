"""OpenInference's facts the other way: by the keys of OpenTelemetry's GenAI conventions, for who reads those alone.

Works on spans that are sealed: nothing is read but their attributes, and nothing is added that they do not hold. A
GenAI key that a span came with is kept. What GenAI has no key for (cost, span kinds of chains, embedded texts) stays
under OpenInference's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from openinference.semconv.trace import DocumentAttributes, SpanAttributes, ToolAttributes, ToolCallAttributes
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.enums import SpanFormat
from collector.openinference.kinds import AGENT, EMBEDDING, LLM, RERANKER, RETRIEVER, TOOL
from collector.openinference.messages import MOST_KEYS, ChatMessage, Content, read_messages
from collector.openinference.tokens import KEYS
from collector.otlp.values import Attributes, Value, read_attributes, read_json, to_json, write_value

Found: TypeAlias = dict[str, Value]

_KIND = SpanAttributes.OPENINFERENCE_SPAN_KIND
_OPERATIONS = {
    LLM: "chat",
    EMBEDDING: "embeddings",
    RETRIEVER: "retrieval",
    RERANKER: "rerank",
    TOOL: "execute_tool",
    AGENT: "invoke_agent",
}
_COUNTS = {
    "prompt": "gen_ai.usage.input_tokens",
    "completion": "gen_ai.usage.output_tokens",
    "cache_read": "gen_ai.usage.cache_read.input_tokens",
    "cache_write": "gen_ai.usage.cache_creation.input_tokens",
    "reasoning": "gen_ai.usage.reasoning.output_tokens",
}
_PARAMETERS = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "max_tokens": "gen_ai.request.max_tokens",
    "max_completion_tokens": "gen_ai.request.max_tokens",
    "max_output_tokens": "gen_ai.request.max_tokens",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "seed": "gen_ai.request.seed",
    "stop_sequences": "gen_ai.request.stop_sequences",
    "stop": "gen_ai.request.stop_sequences",
    "n": "gen_ai.request.choice.count",
    "stream": "gen_ai.request.stream",
    "reasoning_effort": "gen_ai.request.reasoning.level",
}
_PROVIDERS = {
    ("azure", "openai"): "azure.ai.openai",
    ("azure", "azure"): "azure.ai.inference",
    ("aws", "aws"): "aws.bedrock",
    ("google", "vertexai"): "gcp.vertex_ai",
    ("google", "google"): "gcp.gemini",
    ("xai", "xai"): "x_ai",
    ("mistralai", "mistralai"): "mistral_ai",
    ("moonshot", "moonshot"): "moonshot_ai",
}

_SAID_OTHERWISE = (
    _KIND,
    *KEYS.values(),
    "llm.input_messages.",
    "llm.output_messages.",
    "llm.tools.",
    "llm.model_name",
    "llm.request.model_name",
    "llm.response.model_name",
    "llm.provider",
    "llm.system",
    "llm.invocation_parameters",
    "llm.finish_reason",
    "embedding.model_name",
    "tool.name",
    "tool.description",
    "tool.parameters",
    "tool.id",
    "tool_call.id",
    "agent.name",
    "input.",
    "output.",
    "retrieval.documents.",
)
"""What goes when OpenInference is not wanted, where GenAI's keys say it."""


def write_format(request: ExportTraceServiceRequest, wanted: SpanFormat) -> None:
    """Have the spans of a sealed request say what they say in the `wanted` convention, or in both."""
    if wanted is SpanFormat.OPENINFERENCE:
        return
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                attributes = read_attributes(span.attributes)
                kind = attributes.get(_KIND)
                if isinstance(kind, str):
                    _write(span, attributes, gen_ai(attributes), keep=wanted is SpanFormat.BOTH)


def _write(span: Span, attributes: Attributes, found: Mapping[str, Value], *, keep: bool) -> None:
    if not keep and attributes.get(_KIND) in _OPERATIONS:
        said = _said(found)
        for index in range(len(span.attributes) - 1, -1, -1):
            if span.attributes[index].key.startswith(said):
                del span.attributes[index]
    for key, value in found.items():
        if key not in attributes and value is not None and value != "" and value != []:
            write_value(span.attributes.add(key=key).value, value)


def _said(found: Mapping[str, Value]) -> tuple[str, ...]:
    """The keys that GenAI's say again; an input or output that stands nowhere else stays."""
    kept = set()
    if not any(found.get(key) for key in ("gen_ai.input.messages", "gen_ai.tool.call.arguments", _QUERY)):
        kept.add("input.")
    if not any(found.get(key) for key in ("gen_ai.output.messages", "gen_ai.tool.call.result", _DOCUMENTS)):
        kept.add("output.")
    return tuple(key for key in _SAID_OTHERWISE if key not in kept)


_QUERY, _DOCUMENTS = "gen_ai.retrieval.query.text", "gen_ai.retrieval.documents"


def gen_ai(attributes: Attributes) -> Found:
    """What the attributes of an OpenInference span are by GenAI's keys."""
    kind = str(attributes.get(_KIND, ""))
    found: Found = {"gen_ai.operation.name": _OPERATIONS.get(kind)}
    if kind in _OPERATIONS:
        found["gen_ai.conversation.id"] = attributes.get(SpanAttributes.SESSION_ID)
        found["gen_ai.agent.name"] = attributes.get(SpanAttributes.AGENT_NAME)
        _put_request(found, attributes)
        for name, key in _COUNTS.items():
            found[key] = attributes.get(KEYS[name])
    if kind in (LLM, AGENT):
        _put_messages(found, attributes)
    elif kind == TOOL:
        _put_tool(found, attributes)
    elif kind == RETRIEVER:
        found[_QUERY] = attributes.get(SpanAttributes.INPUT_VALUE)
        found[_DOCUMENTS] = _documents(attributes)
    elif kind == EMBEDDING:
        found["gen_ai.request.model"] = attributes.get(SpanAttributes.EMBEDDING_MODEL_NAME)
        found["gen_ai.input.messages"] = _as_json(_given(attributes, SpanAttributes.INPUT_VALUE))
    return found


def _put_request(found: Found, attributes: Attributes) -> None:
    parameters = read_json(attributes.get(SpanAttributes.LLM_INVOCATION_PARAMETERS))
    parameters = parameters if isinstance(parameters, dict) else {}
    for name, key in _PARAMETERS.items():
        value = parameters.get(name)
        if value is not None and found.get(key) is None and not isinstance(value, dict):
            found[key] = [value] if name == "stop" and isinstance(value, str) else value
    form = parameters.get("response_format")
    if isinstance(form, dict) and str(form.get("type", "")).startswith("json"):
        found["gen_ai.output.type"] = "json"
    model = attributes.get(SpanAttributes.LLM_MODEL_NAME)
    asked = attributes.get(SpanAttributes.LLM_REQUEST_MODEL_NAME) or parameters.get("model")
    asked = attributes.get("gen_ai.request.model") or asked or model
    found["gen_ai.request.model"] = asked
    answered = attributes.get(SpanAttributes.LLM_RESPONSE_MODEL_NAME)
    found["gen_ai.response.model"] = answered or (model if model != asked else None)
    provider = str(attributes.get(SpanAttributes.LLM_PROVIDER, ""))
    system = str(attributes.get(SpanAttributes.LLM_SYSTEM, ""))
    if "gen_ai.system" not in attributes:
        found["gen_ai.provider.name"] = _PROVIDERS.get((provider, system), provider or system)
    reason = attributes.get(SpanAttributes.LLM_FINISH_REASON)
    if "gen_ai.response.finish_reason" not in attributes:
        found["gen_ai.response.finish_reasons"] = [reason] if isinstance(reason, str) else None


def _put_messages(found: Found, attributes: Attributes) -> None:
    asked = read_messages(attributes, SpanAttributes.LLM_INPUT_MESSAGES)
    answered = read_messages(attributes, SpanAttributes.LLM_OUTPUT_MESSAGES)
    given = _given(attributes, SpanAttributes.INPUT_VALUE)
    if given and len(asked) > len(given) and asked[0].role == "system" and given[0].get("role") != "system":
        found["gen_ai.system_instructions"] = to_json([_part(content) for content in asked[0].contents])
    found["gen_ai.input.messages"] = _as_json(given or [_message(message) for message in asked])
    made = _given(attributes, SpanAttributes.OUTPUT_VALUE)
    if not made:
        made = [_message(message) for message in answered]
        if made:
            reason = attributes.get(SpanAttributes.LLM_FINISH_REASON)
            made[0].setdefault("finish_reason", reason if isinstance(reason, str) else "")
    found["gen_ai.output.messages"] = _as_json(made)
    for key, value, role in (
        ("gen_ai.input.messages", SpanAttributes.INPUT_VALUE, "user"),
        ("gen_ai.output.messages", SpanAttributes.OUTPUT_VALUE, "assistant"),
    ):
        text = attributes.get(value)
        if found[key] is None and isinstance(text, str) and text:
            found[key] = to_json([{"role": role, "parts": [{"type": "text", "content": text}]}])
    found["gen_ai.tool.definitions"] = _tools(attributes)


def _as_json(messages: Sequence[Mapping[str, Value]]) -> str | None:
    return to_json(messages) if messages else None


def _given(attributes: Attributes, key: str) -> list[dict[str, Value]]:
    """The messages as they came, where the span's input or output still is a list of GenAI's."""
    found = read_json(attributes.get(key))
    if not isinstance(found, list) or not found:
        return []
    return found if all(isinstance(item, dict) and "role" in item and "parts" in item for item in found) else []


def _message(message: ChatMessage) -> dict[str, Value]:
    if message.call_id and message.role == "tool":
        parts: list[Value] = [{"type": "tool_call_response", "id": message.call_id, "response": message.text}]
    else:
        parts = [_part(content) for content in message.contents]
    parts += [
        {"type": "tool_call", "id": call.id, "name": call.name, "arguments": _arguments(call.arguments)}
        for call in message.calls
    ]
    found: dict[str, Value] = {"role": message.role, "parts": parts}
    if message.name:
        found["name"] = message.name
    return found


def _arguments(text: str) -> Value:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _part(content: Content) -> dict[str, Value]:
    kind = str(content.get("type", "text"))
    if kind in ("text", "reasoning"):
        return {"type": kind, "content": content.get("text", "")}
    url = str(content.get(f"{kind}.{kind}.url", ""))
    mime = str(content.get(f"{kind}.{kind}.mime_type", ""))
    if url.startswith("data:"):
        head, _, data = url[5:].partition(",")
        return {"type": "blob", "modality": kind, "mime_type": head.partition(";")[0] or mime, "content": data}
    return {"type": "uri", "modality": kind, **({"mime_type": mime} if mime else {}), "uri": url}


def _put_tool(found: Found, attributes: Attributes) -> None:
    found["gen_ai.tool.name"] = attributes.get(SpanAttributes.TOOL_NAME)
    found["gen_ai.tool.description"] = attributes.get(SpanAttributes.TOOL_DESCRIPTION)
    found["gen_ai.tool.call.id"] = attributes.get(ToolCallAttributes.TOOL_CALL_ID) or attributes.get("tool.id")
    arguments = attributes.get(SpanAttributes.TOOL_PARAMETERS) or attributes.get(SpanAttributes.INPUT_VALUE)
    found["gen_ai.tool.call.arguments"] = arguments
    found["gen_ai.tool.call.result"] = attributes.get(SpanAttributes.OUTPUT_VALUE)


def _tools(attributes: Attributes) -> str | None:
    """The tool definitions, flat as GenAI has them."""
    found = []
    for index in range(MOST_KEYS):
        schema = attributes.get(f"{SpanAttributes.LLM_TOOLS}.{index}.{ToolAttributes.TOOL_JSON_SCHEMA}")
        if schema is None:
            break
        tool = read_json(schema)
        function = tool.get("function") if isinstance(tool, dict) else None
        if isinstance(function, dict):
            found.append({"type": "function", **function})
        elif isinstance(tool, dict):  # no function: as it came
            found.append(tool)
    return to_json(found) if found else None


def _documents(attributes: Attributes) -> str | None:
    found: dict[int, dict[str, Value]] = {}
    for key, value in attributes.items():
        if key.startswith(SpanAttributes.RETRIEVAL_DOCUMENTS + "."):
            number, _, rest = key[len(SpanAttributes.RETRIEVAL_DOCUMENTS) + 1 :].partition(".")
            if number.isdigit() and rest in _OF_DOCUMENT:
                found.setdefault(int(number), {})[_OF_DOCUMENT[rest]] = value
    return to_json([document for _, document in sorted(found.items())]) if found else None


_OF_DOCUMENT = {
    DocumentAttributes.DOCUMENT_ID: "id",
    DocumentAttributes.DOCUMENT_CONTENT: "content",
    DocumentAttributes.DOCUMENT_SCORE: "score",
}
