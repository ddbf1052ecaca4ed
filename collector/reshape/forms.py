"""What JSON is a chat message, or parts of one, in any dialect; all other JSON is a text that happens to be JSON."""

from __future__ import annotations

from collector.openinference.messages import UNKNOWN
from collector.otlp.values import Value, read_json
from collector.reshape.contents import read_content

ROLES = {"model": "assistant", "ai": "assistant", "human": "user", "function": "tool", "chat": "user"}
"""Roles of dialects, by OpenAI's names; another one stays as it is."""

_KNOWN_ROLES = {"system", "developer", "user", "assistant", "tool", "thinking", *ROLES}
_CALLS = {"tool_call", "tool_use", "server_tool_call", "server_tool_use"}
_RESULTS = {
    "tool_call_response",
    "tool_result",
    "function_response",
    "server_tool_call_response",
    "tool_return",
    "tool_error",
}
BARE = {  # Gemini, Bedrock and Genkit name a part by its one member
    "functionCall": "tool_call",
    "function_call": "tool_call",
    "toolUse": "tool_call",
    "functionResponse": "tool_result",
    "function_response": "tool_result",
    "toolResult": "tool_result",
    "toolRequest": "tool_call",
    "toolResponse": "tool_result",
    "executableCode": "tool_call",
    "executable_code": "tool_call",
    "codeExecutionResult": "tool_result",
    "code_execution_result": "tool_result",
}
MESSAGE_TYPES = {
    "SYSTEM": "system",
    "USER": "user",
    "AI": "assistant",
    "TOOL_EXECUTION_RESULT": "tool",
    "SystemMessage": "system",
    "UserMessage": "user",
    "AssistantMessage": "assistant",
    "FunctionExecutionResultMessage": "tool",
}
"""Messages of LangChain4j and AutoGen, which name their speaker by their type alone."""

LANGCHAIN_TYPES = {"human": "user", "ai": "assistant", "system": "system", "tool": "tool", "function": "tool"}

_BODY = {
    *("content", "parts", "tool_calls", "toolCalls", "function_call"),
    *("refusal", "reasoning", "reasoning_content", "thinking", "audio", "blocks"),
}
"""What holds what a message says."""

_BESIDE_BODY = {
    "role",
    "name",
    "id",
    "type",
    "additional_kwargs",
    "annotations",
    "finish_reason",
    "stop_reason",
    "index",
}

WRAPPERS = ("message", "messages", "contents", "choices", "candidates", "generations")
"""Members of a request or response that hold its messages."""

_OF_A_RESULT_OF_SDKS = {
    *("finishReason", "finish_reason", "totalUsage", "toolCalls", "tool_calls", "toolResults", "steps", "warnings"),
    *("reasoningText", "reasoningDetails", "responseMessages", "generation_info", "providerMetadata"),
}
"""Members beside a `text` that make it an SDK's result, where no object of the model's own making is."""

_OF_A_RUN = {"output", "input", "chat_history", "intermediate_steps"}
_USAGE = ("usage", "usage_metadata", "usageMetadata")


def kind_of_part(part: dict[str, Value]) -> str:
    """The type of a part, spelled with underscores; "" where it names none."""
    kind = part.get("type") or part.get("kind") or part.get("block_type")
    return kind.replace("-", "_").lower() if isinstance(kind, str) else ""


def is_call(kind: str) -> bool:
    """Whether a part of that type is a tool call: OpenAI's responses have one for each tool of its own."""
    return kind in _CALLS or kind.endswith("_tool_use") or (kind.endswith("_call") and kind != "image_generation_call")


def is_result(kind: str, part: dict[str, Value]) -> bool:
    """Whether a part of that type is what a tool gave."""
    return kind in _RESULTS or kind.endswith("_call_output") or (kind.endswith("_tool_result") and "content" in part)


def is_lone(value: dict[str, Value]) -> bool:
    """Whether `value` is a call or result that stands where a message belongs."""
    kind = kind_of_part(value)
    return is_call(kind) or is_result(kind, value)


def is_part(item: Value) -> bool:
    """Whether `item` is a part of a message of a known type, and holds what that type has."""
    if not isinstance(item, dict) or not item or not _NO_PART.isdisjoint(item):
        return False
    if item.get("type") == "text" and (isinstance(item.get("text"), str) or isinstance(item.get("content"), str)):
        return True  # as nearly every part there is
    if any(isinstance(item.get(key), dict) for key in BARE):
        return True
    kind = kind_of_part(item)
    if is_call(kind):
        return not _OF_A_CALL.isdisjoint(item)
    if is_result(kind, item):
        return not _OF_A_RESULT.isdisjoint(item)
    if not kind and isinstance(item.get("text"), str):
        return len(item) == 1 or item.get("thought") is True or "thoughtSignature" in item
    read = read_content(item, kind)
    return read.get("type") != UNKNOWN and len(read) > 1


_NO_PART = {"role", "message", "kwargs"}
_OF_A_CALL = {"id", "name", "toolName", "toolCallId", "call_id", "function", "action", "server_tool_call"}
_OF_A_RESULT = {
    *("response", "result", "output", "content", "server_tool_call_response", "id"),
    *("tool_call_id", "toolCallId", "tool_use_id", "toolUseId", "call_id"),
}


def is_parts(items: Value) -> bool:
    """Whether a list begins with a part, and has no message or item of a response in it."""
    return isinstance(items, list) and bool(items) and is_part(items[0]) and not any(_is_item(item) for item in items)


def _is_item(item: Value) -> bool:
    """Whether `item` is a message, or one of the items of OpenAI's responses that stand beside messages."""
    if not isinstance(item, dict):
        return False
    kind = kind_of_part(item)
    return (
        "role" in item
        or kind == "message"
        or kind.endswith("_call_output")
        or (kind.endswith("_call") and kind not in _CALLS)
        or (kind == "reasoning" and "summary" in item)
    )


def parts_in(content: Value) -> Value:
    """The parts that a text holds as JSON, where one of them at least is of a known type and all might be parts; any
    other text, and what is no text, as it is."""
    found = read_json(content) if isinstance(content, str) else None
    if isinstance(found, list) and all(_may_be_part(item) for item in found) and any(is_part(item) for item in found):
        return found
    return content


def _may_be_part(item: Value) -> bool:
    return isinstance(item, dict) and (isinstance(item.get("type"), str) or len(item) == 1 or is_part(item))


def is_message(value: dict[str, Value]) -> bool:
    """Whether an object that stands alone is a chat message: by a known role, or by having nothing that none has."""
    role = value.get("role")
    if _BODY.isdisjoint(value):
        return False
    if isinstance(role, str):
        return role.lower() in _KNOWN_ROLES
    return role is None and value.keys() <= _BODY | _BESIDE_BODY


def is_answer(value: Value) -> bool:
    """Whether JSON that a model answered holds messages, or is a response without any; else it is the answer itself."""
    if isinstance(value, list):
        return is_parts(value) or any(isinstance(item, (str, list)) or _holds_message(item) for item in value)
    if not isinstance(value, dict) or _holds_message(value):
        return True
    if any(isinstance(value.get(key), dict) for key in _USAGE):
        return True
    if any(value.get(key) in ([], {}) for key in (*WRAPPERS, "output")):
        return True
    if isinstance(value.get("output"), str):
        return value.keys() <= _OF_A_RUN
    return "text" in value and not _OF_A_RESULT_OF_SDKS.isdisjoint(value)


def _holds_message(value: Value, depth: int = 0) -> bool:
    """Whether `value` is a message, a part of one, or what providers wrap around them."""
    if isinstance(value, list):
        return depth < _MOST_WRAPPED and any(_holds_message(item, depth + 1) for item in value)
    if not isinstance(value, dict):
        return False
    role, kind = value.get("role"), value.get("type")
    if isinstance(role, str):
        return role.lower() in _KNOWN_ROLES or isinstance(value.get("parts"), list)
    if is_message(value) or is_lone(value) or is_part(value) or isinstance(value.get("kwargs"), dict):
        return True
    if isinstance(kind, str) and (kind in MESSAGE_TYPES or (kind in LANGCHAIN_TYPES and "content" in value)):
        return True
    content = value.get("content")
    if (isinstance(content, dict) and "parts" in content) or ("text" in value and not _OF_A_CHOICE.isdisjoint(value)):
        return True
    return any(isinstance(value.get(key), (dict, list)) and _holds_message(value[key], depth + 1) for key in _WRAPPING)


_MOST_WRAPPED = 8
_WRAPPING = (*WRAPPERS, "output")
_OF_A_CHOICE = {"finish_reason", "generation_info", "logprobs"}
