"""Messages, tools, documents and vectors as OpenInference's flat keys."""

from __future__ import annotations

from collections.abc import Sequence

from openinference.semconv.trace import (
    DocumentAttributes,
    EmbeddingAttributes,
    MessageAttributes,
    SpanAttributes,
    ToolAttributes,
    ToolCallAttributes,
)

from collector.otlp.values import Value, listed, number, read_json, to_json, to_text
from collector.reshape.messages import Message
from collector.reshape.target import Target

MOST = 20_000
"""Keys written from one list. A message of ten bytes could else grow a hundredfold; the whole list still stands in
input.value or output.value."""

_ROLE = MessageAttributes.MESSAGE_ROLE
_CONTENT = MessageAttributes.MESSAGE_CONTENT
_CONTENTS = MessageAttributes.MESSAGE_CONTENTS
_CALLS = MessageAttributes.MESSAGE_TOOL_CALLS
_CALL_ID = ToolCallAttributes.TOOL_CALL_ID
_CALL_NAME = ToolCallAttributes.TOOL_CALL_FUNCTION_NAME
_CALL_ARGUMENTS = ToolCallAttributes.TOOL_CALL_FUNCTION_ARGUMENTS_JSON


def write_input(target: Target, messages: Sequence[Message]) -> None:
    _write_messages(target, SpanAttributes.LLM_INPUT_MESSAGES, messages)


def write_output(target: Target, messages: Sequence[Message]) -> None:
    """As `write_input`; what a model says is the assistant's, whatever role it was given."""
    for message in messages:
        if message.role in ("user", "system"):
            message.role = "assistant"
    _write_messages(target, SpanAttributes.LLM_OUTPUT_MESSAGES, messages)
    finish = next((message.finish_reason for message in messages if message.finish_reason), "")
    target.put(SpanAttributes.LLM_FINISH_REASON, finish)


def _write_messages(target: Target, prefix: str, messages: Sequence[Message]) -> None:
    put = target.put
    end = len(target.attributes) + MOST
    for index, message in enumerate(messages):
        if len(target.attributes) > end:
            return
        base = f"{prefix}.{index}."
        put(base + _ROLE, message.role)
        if message.name:
            put(base + MessageAttributes.MESSAGE_NAME, message.name)
        if message.call_id:
            put(base + MessageAttributes.MESSAGE_TOOL_CALL_ID, message.call_id)
        contents = message.contents
        if len(contents) == 1 and contents[0].get("type") == "text":
            put(base + _CONTENT, contents[0]["text"])
        else:
            for at, content in enumerate(contents):
                for key, value in content.items():
                    put(f"{base}{_CONTENTS}.{at}.message_content.{key}", value)
        for at, call in enumerate(message.calls):
            place = f"{base}{_CALLS}.{at}."
            put(place + _CALL_ID, call.id)
            put(place + _CALL_NAME, call.name)
            put(place + _CALL_ARGUMENTS, call.arguments)


def write_tools(target: Target, value: Value) -> None:
    """Tool definitions of any provider as llm.tools.N.tool.json_schema, in OpenAI's form."""
    for index, tool in enumerate(read_tools(value)[:MOST]):
        target.put(f"{SpanAttributes.LLM_TOOLS}.{index}.{ToolAttributes.TOOL_JSON_SCHEMA}", to_json(tool))


def read_tools(value: Value) -> list[dict[str, Value]]:
    """Each definition as {"type": "function", "function": {"name", "description", "parameters"}}."""
    found: list[dict[str, Value]] = []
    for item in listed(value):
        item = read_json(item)
        if not isinstance(item, dict):
            continue
        declared = item.get("functionDeclarations") or item.get("function_declarations") or item.get("toolSpec")
        inner = declared if declared is not None else item.get("function")
        inner = inner if inner is not None else item
        for function in inner if isinstance(inner, list) else [inner]:
            if isinstance(function, dict) and function.get("name"):
                found.append({"type": "function", "function": _function(function)})
    return found


def _function(source: dict[str, Value]) -> dict[str, Value]:
    function = {"name": source["name"]}
    if source.get("description"):
        function["description"] = source["description"]
    for key in _SCHEMAS:
        if source.get(key) is not None:
            schema = read_json(source[key])
            if isinstance(schema, dict) and isinstance(schema.get("json"), dict):  # Bedrock
                schema = schema["json"]
            function["parameters"] = schema
            break
    return function


_SCHEMAS = (
    "parameters",
    "inputSchema",
    "input_schema",
    "parametersJsonSchema",
    "parameters_json_schema",
    "json_schema",
    "args_schema",
)


def write_documents(target: Target, prefix: str, value: Value) -> None:
    """Documents of a retriever or reranker, as far as they can be told from other results."""
    for index, document in enumerate(_documents(value)[:MOST]):
        base = f"{prefix}.{index}."
        if isinstance(document, str):
            target.put(base + DocumentAttributes.DOCUMENT_CONTENT, document)
            continue
        for key, names in _DOCUMENT:
            found = next((document[name] for name in names if document.get(name) is not None), None)
            if key == DocumentAttributes.DOCUMENT_SCORE:
                target.put(base + key, number(found))
            elif found is not None:
                target.put(base + key, to_text(found))


_DOCUMENT = (
    (DocumentAttributes.DOCUMENT_ID, ("id", "document_id", "doc_id", "_id")),
    (
        DocumentAttributes.DOCUMENT_CONTENT,
        ("page_content", "pageContent", "content", "text", "document", "chunk", "body"),
    ),
    (DocumentAttributes.DOCUMENT_SCORE, ("score", "relevance_score", "relevanceScore", "similarity")),
    (DocumentAttributes.DOCUMENT_METADATA, ("metadata",)),
)


def _documents(value: Value, depth: int = 0) -> list[Value]:
    value = read_json(value)
    if isinstance(value, dict) and depth < 4:
        if isinstance(value.get("kwargs"), dict):
            return [_unwrapped(value)]
        for key in ("documents", "output", "results", "source_documents", "docs", "nodes", "matches"):
            if isinstance(value.get(key), list):
                return _documents(value[key], depth + 1)
        return [value] if any(name in value for name in _DOCUMENT[1][1]) else []
    if not isinstance(value, list):
        return []
    items = [_unwrapped(read_json(item)) for item in value]
    return [item for item in items if isinstance(item, (dict, str)) and item]


def _unwrapped(item: Value) -> Value:
    for key in ("kwargs", "node"):
        if isinstance(item, dict) and isinstance(item.get(key), dict):
            return {**item[key], **({"score": item["score"]} if "score" in item else {})}
    return item


def write_embeddings(target: Target, texts: Sequence[Value], vectors: Sequence[Value]) -> None:
    """Embedded texts and their vectors; a vector that is no list of numbers is left out."""
    base = SpanAttributes.EMBEDDING_EMBEDDINGS
    for index, text in enumerate(texts[:MOST]):
        target.put(f"{base}.{index}.{EmbeddingAttributes.EMBEDDING_TEXT}", to_text(_unquoted(text)))
    for index, item in enumerate(vectors[:MOST]):
        vector = read_json(item)
        if isinstance(vector, list) and vector and all(type(value) in (int, float) for value in vector):
            numbers = [float(value) for value in vector]
            target.put(f"{base}.{index}.{EmbeddingAttributes.EMBEDDING_VECTOR}", numbers)


def _unquoted(text: Value) -> Value:
    found = read_json(text)
    return found if isinstance(found, str) else text
