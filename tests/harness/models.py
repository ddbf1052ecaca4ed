"""Answers of fake models, as the providers' APIs give them: a tool call for a question, an answer for its result."""

from __future__ import annotations

import json
from typing import Any

COMMAND = {"command": "echo hello-from-tool", "description": "Say hello"}
ARGUMENTS: dict[str, dict[str, Any]] = {"bash": COMMAND, "run_shell_command": COMMAND, "weather": {"city": "Rome"}}
"""What a fake model calls each tool it knows with."""


def known_tool(names: list[str]) -> str:
    """The tool a fake model calls of those it is offered."""
    return next(name for name in names if name in ARGUMENTS)


def chat_completion(request: dict[str, Any]) -> dict[str, Any]:
    """A tool call for a question, an answer for a tool's result."""
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
    asked = request["messages"][-1]["role"] == "user"
    message = {"role": "assistant", "tool_calls": [call]} if asked else {"role": "assistant", "content": "Sunny"}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-2026-01-01",
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if asked else "stop"}],
        "usage": {"prompt_tokens": 20, "completion_tokens": 4, "total_tokens": 24},
    }


def server_sent(*events: dict[str, Any]) -> tuple[str, bytes]:
    text = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    return "text/event-stream", text.encode()


def responses_api(path: str, body: bytes) -> tuple[str, bytes]:
    """OpenAI's responses, streamed: a shell command for a question, an answer for its output."""
    request = json.loads(body) if body else {}
    done = any(item.get("type") == "function_call_output" for item in request.get("input", ()))
    usage = {
        "input_tokens": 41, "input_tokens_details": {"cached_tokens": 8}, "output_tokens": 6,
        "output_tokens_details": {"reasoning_tokens": 2}, "total_tokens": 47,
    }  # fmt: skip
    if done:
        content = [{"type": "output_text", "text": "It holds nothing.", "annotations": []}]
        item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}
    else:
        arguments = json.dumps({"cmd": "echo hello-from-tool"})
        item = {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "call_1",
            "name": "exec_command",
            "arguments": arguments,
        }
    response = {"id": "resp_1", "object": "response", "status": "completed", "output": [item], "usage": usage}
    return server_sent(
        {"type": "response.created", "response": {"id": "resp_1"}},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": response},
    )


def messages_api(path: str, body: bytes) -> tuple[str, bytes]:
    """Anthropic's messages, streamed or not: a shell command for a question, an answer for its output."""
    request = json.loads(body) if body else {}
    if "count_tokens" in path:
        return "application/json", b'{"input_tokens": 31}'
    if "/messages" not in path:
        return "application/json", b"{}"
    last = request["messages"][-1]["content"]
    done = isinstance(last, list) and any(block.get("type") == "tool_result" for block in last)
    usage = {"input_tokens": 31, "cache_read_input_tokens": 10, "cache_creation_input_tokens": 4, "output_tokens": 17}
    blocks: list[dict[str, Any]] = [{"type": "text", "text": "It holds nothing." if done else "Let me look."}]
    if not done and request.get("tools"):
        command = {"command": "echo hello-from-tool", "description": "Say hello"}
        blocks.append({"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": command})
    reason = "tool_use" if len(blocks) == 2 else "end_turn"
    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": request.get("model"), "content": blocks,
        "stop_reason": reason, "stop_sequence": None, "usage": usage,
    }  # fmt: skip
    if not request.get("stream"):
        return "application/json", json.dumps(message).encode()
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {**message, "content": [], "stop_reason": None}}
    ]
    for index, block in enumerate(blocks):
        if block["type"] == "text":
            start, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": block["text"]}
        else:
            start = {**block, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        events += [
            {"type": "content_block_start", "index": index, "content_block": start},
            {"type": "content_block_delta", "index": index, "delta": delta},
            {"type": "content_block_stop", "index": index},
        ]
    stopped = {"stop_reason": reason, "stop_sequence": None}
    events += [{"type": "message_delta", "delta": stopped, "usage": usage}, {"type": "message_stop"}]
    return server_sent(*events)


def streamed_completion(request: dict[str, Any]) -> tuple[str, bytes]:
    """OpenAI's chat completions, streamed or not; a call says something as well."""
    tool = known_tool([offered["function"]["name"] for offered in request["tools"]])
    done = any(message["role"] == "tool" for message in request["messages"])
    call = {"id": "call_1", "type": "function", "function": {"name": tool, "arguments": json.dumps(ARGUMENTS[tool])}}
    message: dict[str, Any] = {"role": "assistant", "content": "It holds nothing." if done else "Let me look."}
    if not done:
        message["tool_calls"] = [call]
    reason = "stop" if done else "tool_calls"
    usage = {
        "prompt_tokens": 120, "completion_tokens": 14, "total_tokens": 134,
        "prompt_tokens_details": {"cached_tokens": 100}, "completion_tokens_details": {"reasoning_tokens": 4},
    }  # fmt: skip
    about = {"id": "chatcmpl-1", "created": 1, "model": request["model"]}
    if not request.get("stream"):
        choice = {"index": 0, "message": message, "finish_reason": reason}
        whole = {**about, "object": "chat.completion", "choices": [choice], "usage": usage}
        return "application/json", json.dumps(whole).encode()
    delta = {**message, **({} if done else {"tool_calls": [{"index": 0, **call}]})}
    chunks: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]},
        {"choices": [], "usage": usage},
    ]
    lines = [json.dumps({**about, "object": "chat.completion.chunk", **chunk}) for chunk in chunks]
    return "text/event-stream", "".join(f"data: {line}\n\n" for line in [*lines, "[DONE]"]).encode()


def gemini_api(path: str, body: bytes) -> tuple[str, bytes]:
    """Gemini's generateContent, streamed or not, and its count of tokens."""
    request = json.loads(body)
    if "countTokens" in path:
        return "application/json", b'{"totalTokens": 120}'
    parts = [part for content in request["contents"] for part in content["parts"]]
    if not request.get("tools") or any("functionResponse" in part for part in parts):
        answer: list[dict[str, Any]] = [{"text": "It holds nothing."}]
    else:
        declared = [one["name"] for tool in request["tools"] for one in tool["functionDeclarations"]]
        tool = known_tool(declared)
        answer = [{"text": "Let me look."}, {"functionCall": {"name": tool, "args": ARGUMENTS[tool]}}]
    candidate = {"content": {"role": "model", "parts": answer}, "finishReason": "STOP", "index": 0}
    usage = {"promptTokenCount": 120, "candidatesTokenCount": 14, "totalTokenCount": 134}
    whole = json.dumps({"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-2.5-pro"})
    if "stream" in path:
        return "text/event-stream", f"data: {whole}\r\n\r\n".encode()
    return "application/json", whole.encode()
