"""A model call as a command: what was sent, to be sent again to any address that speaks the same form."""

from __future__ import annotations

import shlex

import orjson

from collector.viewer.shown.spans import ShownMessage, ShownSpan


def curl(span: ShownSpan) -> str:
    """The request of a model call as a curl command for an OpenAI-compatible address; empty for other spans."""
    if span.kind != "LLM":
        return ""
    messages = [_message(message) for message in span.input_messages]
    body = orjson.dumps({"model": span.text("llm.model_name"), "messages": messages}).decode()
    headers = '-H "authorization: Bearer $API_KEY" -H "content-type: application/json"'
    return f'curl "$BASE_URL/chat/completions" {headers} -d {shlex.quote(body)}'


def _message(message: ShownMessage) -> dict[str, object]:
    document: dict[str, object] = {"role": message.role, "content": message.text}
    if message.call_id:
        document["tool_call_id"] = message.call_id
    if message.calls:
        document["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.calls
        ]
    return document
