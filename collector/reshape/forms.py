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
LANGCHAIN_TYPES = {"human": "user", "ai": "assistant", "system": "system", "tool": "tool", "function": "tool"}

_BODY = {
    *("content", "parts", "tool_calls", "toolCalls", "function_call"),
    *("refusal", "reasoning", "reasoning_content", "thinking", "audio"),
}
"""What holds what a message says."""

_BESIDE_BODY = {"role", "name", "id", "type", "annotations", "finish_reason", "stop_reason", "index"}

WRAPPERS = ("message", "messages", "contents", "choices", "candidates", "generations")
"""Members of a request or response that hold its messages."""

_OF_A_RESPONSE = {
    *("text", "output", "object", "files", "sources", "reasoning", "reasoningText", "reasoningDetails", "toolCalls"),
    *("tool_calls", "toolResults", "finishReason", "finish_reason", "usage", "totalUsage", "warnings", "request"),
    *("response", "responseMessages", "steps", "id", "model", "created", "type", "message", "generation_info"),
    *("providerMetadata", "input", "chat_history", "intermediate_steps"),
}
"""Members beside a `text` or `output` that make it an SDK's result, where no object of the model's own making is."""

_USAGE = {"usage", "usage_metadata", "usageMetadata", "error"}


def kind_of_part(part: dict[str, Value]) -> str:
    """The type of a part, spelled with underscores; "" where it names none."""
    kind = part.get("type") or part.get("kind")
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


def is_answer(value: Value, *, in_list: bool = False) -> bool:
    """Whether JSON that a model answered holds messages; else it is the answer itself."""
    if isinstance(value, list):
        return is_parts(value) or any(
            not isinstance(item, dict)
            or is_answer(item, in_list=True)
            or "role" in item
            or is_lone(item)
            or is_part(item)
            for item in value
        )
    if not isinstance(value, dict):
        return True
    if is_message(value) or is_lone(value) or is_part(value) or isinstance(value.get("kwargs"), dict):
        return True
    if value.get("type") in LANGCHAIN_TYPES and "content" in value:
        return True
    if any(_is_structure(value.get(key)) for key in (*WRAPPERS, "content", "output")):
        return True
    if not _USAGE.isdisjoint(value) or any(value.get(key) in ([], {}) for key in (*WRAPPERS, "output")):
        return True  # a response without an answer
    return not in_list and ("text" in value or "output" in value) and value.keys() <= _OF_A_RESPONSE


def _is_structure(value: Value) -> bool:
    """Whether a member holds objects; `content` of Gemini's candidates is one."""
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and isinstance(value[0], (dict, list)))
