"""Chat messages of every dialect as one shape.

Read are the parts of the GenAI conventions, and the messages of OpenAI (chat and responses), Anthropic,
Gemini, Bedrock, Genkit, the AI SDK and LangChain, told apart by what they hold: instrumentations mix them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from collector.openinference.messages import ChatMessage, Content
from collector.otlp.values import Value, read_json, to_text
from collector.reshape.calls import read_call, read_result
from collector.reshape.contents import UNKNOWN, read_content

_MOST_NESTED = 8
"""Lists in lists, and messages in messages; deeper than any dialect nests them."""

_ROLES = {"model": "assistant", "ai": "assistant", "human": "user", "function": "tool", "chat": "user"}
_LANGCHAIN = {
    "HumanMessage": "user",
    "AIMessage": "assistant",
    "AIMessageChunk": "assistant",
    "SystemMessage": "system",
    "ToolMessage": "tool",
    "FunctionMessage": "tool",
}
_CALLS = {"tool_call", "tool_use", "function_call", "server_tool_call", "server_tool_use", "mcp_call", "computer_call"}
_RESULTS = {
    "tool_call_response",
    "tool_result",
    "function_call_output",
    "function_response",
    "server_tool_call_response",
    "tool_return",
    "tool_error",
}

_LONE = _CALLS | _RESULTS
"""Parts that some write where a message belongs."""

Dump = Callable[[Value], str]


@dataclass(frozen=True, slots=True)
class MessageReading:
    """How messages are read: `dump` writes tool results that are no text, `fold` keeps all results that came in
    one message in one message."""

    dump: Dump = to_text
    fold: bool = False


DEFAULT = MessageReading()


def read_messages(
    value: Value, role: str = "user", reading: MessageReading = DEFAULT, depth: int = 0
) -> list[ChatMessage]:
    """The messages in `value`: JSON text, a list, one message, a request or response body, or plain text.

    A message without a role gets `role`. What holds no message gives none.
    """
    value = read_json(value)
    if depth > _MOST_NESTED or not value:
        return []
    if isinstance(value, str):
        return [ChatMessage(role, [{"type": "text", "text": value}])]
    if isinstance(value, list):
        if _is_parts(value):
            return _read_message({"content": value}, role, reading)
        return _read_list(value, role, reading, depth)
    if isinstance(value, dict):
        return _read_object(value, role, reading, depth)
    return []


def _read_list(items: list[Value], role: str, reading: MessageReading, depth: int) -> list[ChatMessage]:
    """Messages in a list. Reasoning that stands there as an item of its own is of the answer that follows it."""
    found: list[ChatMessage] = []
    thoughts: list[Content] = []
    for item in items:
        if isinstance(item, dict) and "role" in item and "kwargs" not in item:
            read = _read_message(item, role, reading)
        elif isinstance(item, dict) and item.get("type") in ("reasoning", "thinking"):
            thought = read_content(item, str(item["type"]))
            thoughts += [thought] if len(thought) > 1 else []
            continue
        else:
            read = read_messages(item, role, reading, depth + 1)
        if thoughts and read and read[0].role == "assistant":
            read[0].contents = [*thoughts, *read[0].contents]
            thoughts = []
        found += read
    return [*found, ChatMessage("assistant", thoughts)] if thoughts else found


def _is_parts(items: Value) -> bool:
    """Parts have a type, or Gemini's, Bedrock's or Genkit's one member, and no role."""
    first = items[0] if isinstance(items, list) and items else None
    if not isinstance(first, dict) or "role" in first or "message" in first or "kwargs" in first:
        return False
    return (
        _text(first.get("type")) in _PART_TYPES
        or not _BARE.keys().isdisjoint(first)
        or (len(first) == 1 and isinstance(first.get("text"), str))
    )


_PART_TYPES = {
    "text",
    "input_text",
    "output_text",
    "image",
    "image_url",
    "input_image",
    "thinking",
    "tool_use",
    "tool-call",
    "tool_call",
    "tool_result",
    "tool-result",
    "tool_call_response",
    "blob",
    "uri",
    "file",
}


def _read_object(value: dict[str, Value], role: str, reading: MessageReading, depth: int) -> list[ChatMessage]:
    if "kwargs" in value and isinstance(value["kwargs"], dict):  # LangChain's serialized form
        names = value.get("id")
        named = _LANGCHAIN.get(str(names[-1])) if isinstance(names, list) and names else None
        return read_messages(value["kwargs"], named or role, reading, depth + 1)
    if "role" in value or "parts" in value or _text(value.get("type")) in _LONE:
        return _read_message(value, role, reading)
    for key in ("message", "messages", "contents", "choices", "candidates", "generations"):
        if value.get(key):
            system = next((found for key in _SYSTEM if (found := value.get(key) or _of_config(value, key))), None)
            said_by = "assistant" if key in ("choices", "candidates", "generations") else role
            found = read_messages(value[key], said_by, reading, depth + 1)
            if found:
                found[0].finish_reason = _finish_reason(value) or found[0].finish_reason
            return [*read_messages(system, "system", reading, depth + 1), *found]
    spoken_by = _LANGCHAIN_TYPES.get(_text(value.get("type")))
    if spoken_by and "content" in value:
        return _read_message(value, spoken_by, reading)
    inner = value.get("content")
    if isinstance(inner, dict) and "parts" in inner:  # one of Gemini's candidates
        found = read_messages(inner, role, reading, depth + 1)
        if found:
            found[0].finish_reason = _finish_reason(value)
        return found
    if "content" in value or "tool_calls" in value or "toolCalls" in value:
        return _read_message(value, role, reading)
    for key in ("prompt", "input", "output", "query", "text"):
        if isinstance(value.get(key), (str, list, dict)) and value[key]:
            # A response repeats the instructions it was given; they are no part of the answer.
            system = None if role == "assistant" else value.get("system") or value.get("instructions")
            return [
                *read_messages(system, "system", reading, depth + 1),
                *read_messages(value[key], role, reading, depth + 1),
            ]
    return []


_SYSTEM = ("system", "system_instruction", "systemInstruction")


def _of_config(value: dict[str, Value], key: str) -> Value:
    """What a request of Gemini's says under `key` in its configuration."""
    config = value.get("config")
    return config.get(key) if isinstance(config, dict) else None


def _finish_reason(value: dict[str, Value]) -> str:
    return next((text for key in _FINISH if (text := _text(value.get(key)))), "")


_FINISH = ("finish_reason", "stop_reason", "finishReason", "stopReason")

_LANGCHAIN_TYPES = {"human": "user", "ai": "assistant", "system": "system", "tool": "tool", "function": "tool"}


def _read_message(value: dict[str, Value], role: str, reading: MessageReading) -> list[ChatMessage]:
    """The message in `value`, and one more for each tool result that came inside it."""
    given = value.get("role")
    if isinstance(given, str) and given:
        role = _ROLES.get(given.lower(), given.lower())
    message = ChatMessage(role)
    results: list[ChatMessage] = []
    parts = value.get("parts")
    content = value.get("content") if parts is None else parts
    more = len(value) > 2 or content is None or given is None  # than who said what
    if more:
        message.finish_reason = _finish_reason(value)
        if _text(value.get("type")) in _LONE:
            content = [value]
        else:
            message.name = _text(value.get("name"))
    if isinstance(content, str):
        if content:
            message.contents.append({"type": "text", "text": content})
    elif role == "tool" and isinstance(content, (dict, list)) and not _is_parts(content):
        message.contents.append({"type": "text", "text": reading.dump(content)})
    elif isinstance(content, dict):
        content = [content]
    if isinstance(content, list) and not message.contents:
        for part in content:
            _read_part(part, message, results, reading)
        if any(content["type"] == UNKNOWN for content in message.contents):
            _leave_out_unknown(message)
    if more:
        _read_beside(value, message)
    if role == "tool":
        message.call_id = _text(value.get("tool_call_id") or value.get("toolCallId") or value.get("id"))
    return _in_order(message, results, reading) if results else [message]


def _read_beside(value: dict[str, Value], message: ChatMessage) -> None:
    """What dialects write beside the content: reasoning, and tool calls."""
    if reasoning := value.get("reasoning_content") or _text(value.get("reasoning")) or _text(value.get("thinking")):
        message.contents.insert(0, {"type": "reasoning", "text": to_text(reasoning)})
    if refusal := value.get("refusal"):
        message.contents.append({"type": "text", "text": to_text(refusal)})
    calls = value.get("tool_calls") or value.get("toolCalls") or value.get("function_call")
    if calls:
        calls = read_json(calls)
        calls = calls if isinstance(calls, list) else [calls]
        message.calls += [read_call(call) for call in calls if _is_dict(call)]


def _leave_out_unknown(message: ChatMessage) -> None:
    """Parts of no known kind stand in input.value; here only where a message would else be empty."""
    known = [content for content in message.contents if content.get("type") != UNKNOWN]
    if known or message.calls:
        message.contents = known
    for content in message.contents:
        if content["type"] == UNKNOWN:
            content["type"] = "text"


def _in_order(message: ChatMessage, results: list[ChatMessage], reading: MessageReading) -> list[ChatMessage]:
    """Tool results are messages of their own: after what an assistant said, before what a user said."""
    if reading.fold:
        results[-1].contents = [content for result in results for content in result.contents]
        results = results[-1:]
    if not message.contents and not message.calls:
        return results
    return [message, *results] if message.role == "assistant" else [*results, message]


def _is_dict(value: Value) -> bool:
    return isinstance(value, dict) and bool(value)


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""


def _read_part(part: Value, message: ChatMessage, results: list[ChatMessage], reading: MessageReading) -> None:
    if not isinstance(part, dict):
        if part is not None:
            message.contents.append({"type": "text", "text": to_text(part)})
        return
    if len(part) == 2 and part.get("type") == "text":  # nearly every part there is
        text = part.get("content") or part.get("text")
        if isinstance(text, str):
            message.contents.append({"type": "text", "text": text})
            return
    kind = _text(part.get("type") or part.get("kind")).replace("-", "_").lower()
    signature = _text(part.get("thoughtSignature") or part.get("thought_signature"))
    for key, bare in _BARE.items():
        if key in part and isinstance(part[key], dict):
            part, kind = part[key], bare
            break
    if kind in _CALLS:
        message.calls.append(read_call(part))
        message.calls[-1].signature = signature
    elif kind in _RESULTS or (kind.endswith("_tool_result") and "content" in part):
        results.append(read_result(part, reading.dump))
    elif kind == "message":
        for inner in part.get("content") or ():
            _read_part(inner, message, results, reading)
    else:
        message.contents.append(read_content(part, kind))


_BARE = {  # Gemini, Bedrock and Genkit name a part by its one member
    "functionCall": "tool_call",
    "function_call": "tool_call",
    "toolUse": "tool_call",
    "functionResponse": "tool_result",
    "function_response": "tool_result",
    "toolResult": "tool_result",
    "toolRequest": "tool_call",
    "toolResponse": "tool_result",
}
