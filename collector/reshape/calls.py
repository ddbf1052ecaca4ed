"""Tool calls and their results, as every dialect writes them."""

from __future__ import annotations

from collections.abc import Callable

from collector.openinference.messages import ChatMessage, Content, ToolCall
from collector.otlp.values import Value, to_text


def read_call(call: dict[str, Value]) -> ToolCall:
    """A call as OpenAI, Anthropic, Gemini, Bedrock, Genkit or the AI SDK write it."""
    if "code" in call and "language" in call:  # Gemini runs it itself
        return ToolCall("", _RUNS_CODE, to_text(call))
    inner = call.get("function") or call.get("custom")
    source = inner if isinstance(inner, dict) else call
    arguments: Value = None
    for key in ("arguments", "input", "args", "server_tool_call", "action", "tool_kwargs"):
        if source.get(key) is not None:
            arguments = source[key]
            break
    name = source.get("name") or source.get("toolName") or source.get("function_name") or source.get("tool_name")
    kind = call.get("type")
    if name is None and isinstance(kind, str) and kind.endswith("_call") and kind not in _ANY_TOOL:
        name = kind.removesuffix("_call")  # of a tool that OpenAI runs itself
        if arguments is None:
            arguments = {key: value for key, value in call.items() if key not in _BESIDE and value is not None}
    identity = call.get("id") or call.get("toolCallId") or call.get("toolUseId") or call.get("tool_call_id")
    identity = identity or call.get("ref")  # Genkit's
    if call.get("call_id"):  # OpenAI's responses have an id of the item beside it
        identity = call["call_id"]
    if name is None and isinstance(inner, str):
        name = inner
    return ToolCall(to_text(identity), to_text(name), to_text(arguments))


_RUNS_CODE = "code_execution"
_ANY_TOOL = {"tool_call", "function_call", "custom_tool_call", "server_tool_call"}
_BESIDE = {"type", "id", "call_id", "status"}


def read_result(part: dict[str, Value], dump: Callable[[Value], str]) -> ChatMessage:
    """A call's result as a message; `dump` writes what is no text."""
    content: Value = None
    for key in ("response", "result", "output", "content", "server_tool_call_response"):
        if part.get(key) is not None:
            content = part[key]
            break
    identity = ""
    for key in ("tool_call_id", "toolCallId", "tool_use_id", "toolUseId", "call_id", "id", "ref"):
        if part.get(key):
            identity = to_text(part[key])
            break
    kind = part.get("type")
    is_item = isinstance(kind, str) and kind.endswith("_call_output")  # of OpenAI's responses
    text = _texts(content) if is_item or "output" not in part else None
    if text is None:
        text = content if isinstance(content, str) else "" if content is None else dump(content)
    contents: list[Content] = [{"type": "text", "text": text}] if text else []
    name = part.get("name") or part.get("toolName") or (_RUNS_CODE if "outcome" in part else None)
    name = name if isinstance(name, str) and not identity else ""
    return ChatMessage("tool", contents, call_id=identity, name=name)


def _texts(content: Value) -> str | None:
    """The text of content blocks that are all text; None when there is anything else."""
    if not isinstance(content, list) or not content:
        return None
    texts = []
    for block in content:
        if not isinstance(block, dict) or not isinstance(block.get("text"), str):
            return None
        texts.append(block["text"])
    return "\n".join(texts)
