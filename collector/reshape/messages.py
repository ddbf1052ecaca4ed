"""Chat messages of every dialect as one shape.

Read are the parts of the GenAI conventions, and the messages of OpenAI (chat and responses), Anthropic,
Gemini, Bedrock, Genkit, the AI SDK, LangChain, LangChain4j, LlamaIndex and AutoGen, told apart by what they hold:
instrumentations mix them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from collector.openinference.messages import ChatMessage, Content
from collector.otlp.values import Value, read_json, to_text
from collector.reshape.calls import read_call, read_result
from collector.reshape.contents import read_content
from collector.reshape.forms import (
    BARE,
    LANGCHAIN_TYPES,
    MESSAGE_TYPES,
    ROLES,
    WRAPPERS,
    is_answer,
    is_call,
    is_lone,
    is_parts,
    is_result,
    kind_of_part,
)

_MOST_NESTED = 8
"""Lists in lists, and messages in messages; deeper than any dialect nests them."""

_LANGCHAIN = {
    "HumanMessage": "user",
    "AIMessage": "assistant",
    "AIMessageChunk": "assistant",
    "SystemMessage": "system",
    "ToolMessage": "tool",
    "FunctionMessage": "tool",
}

Dump = Callable[[Value], str]


@dataclass(frozen=True, slots=True)
class MessageReading:
    """How messages are read: `dump` writes tool results that are no text."""

    dump: Dump = to_text


DEFAULT = MessageReading()


def read_messages(
    value: Value, role: str = "user", reading: MessageReading = DEFAULT, read: Value = None
) -> list[ChatMessage]:
    """The messages in `value`: JSON text, a list, one message, a request or response body, or plain text.

    A message without a role gets `role`. What holds no message gives none, but for what a model answered: JSON that is
    no message is the answer, as it came. `read` is `value` read as JSON, where that is known.
    """
    read = read_json(value) if read is None else read
    if role == "assistant" and read and not is_answer(read):
        return [_text_message(role, to_text(value))]
    return _read(read, role, reading, 0)


def _text_message(role: str, text: str) -> ChatMessage:
    return ChatMessage(role, [{"type": "text", "text": text}])


def _read(value: Value, role: str, reading: MessageReading, depth: int) -> list[ChatMessage]:
    value = read_json(value)
    if depth > _MOST_NESTED or not value:
        return []
    if isinstance(value, str):
        return [_text_message(role, value)]
    if isinstance(value, list):
        if is_parts(value):
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
            read = _read(item, role, reading, depth + 1)
        if thoughts and read:
            if read[0].role == "assistant":
                read[0].contents = [*thoughts, *read[0].contents]
            else:
                found.append(ChatMessage("assistant", thoughts))
            thoughts = []
        found += read
    return [*found, ChatMessage("assistant", thoughts)] if thoughts else found


def _read_object(value: dict[str, Value], role: str, reading: MessageReading, depth: int) -> list[ChatMessage]:
    if "kwargs" in value and isinstance(value["kwargs"], dict):  # LangChain's serialized form
        names = value.get("id")
        named = _LANGCHAIN.get(str(names[-1])) if isinstance(names, list) and names else None
        return _read(value["kwargs"], named or role, reading, depth + 1)
    if "role" in value or "parts" in value or is_lone(value):
        return _read_message(value, role, reading)
    if (spoken_by := MESSAGE_TYPES.get(_text(value.get("type")))) is not None:
        return _read_message(_of_type(value, spoken_by), spoken_by, reading)
    for key in WRAPPERS:
        if value.get(key):
            system = next((found for key in _SYSTEM if (found := value.get(key) or _of_config(value, key))), None)
            said_by = "assistant" if key in ("choices", "candidates", "generations") else role
            found = _read(value[key], said_by, reading, depth + 1)
            if found:
                found[0].finish_reason = _finish_reason(value) or found[0].finish_reason
            return [*_read(system, "system", reading, depth + 1), *found]
    spoken_by = LANGCHAIN_TYPES.get(_text(value.get("type")))
    if spoken_by and "content" in value:
        return _read_message(value, spoken_by, reading)
    inner = value.get("content")
    if isinstance(inner, dict) and "parts" in inner:  # one of Gemini's candidates
        found = _read(inner, role, reading, depth + 1)
        if found:
            found[0].finish_reason = _finish_reason(value)
        return found
    if "content" in value or "tool_calls" in value or "toolCalls" in value:
        return _read_message(value, role, reading)
    for key in ("prompt", "prompts", "input", "output", "query", "text"):
        if isinstance(value.get(key), (str, list, dict)) and value[key]:
            # A response repeats the instructions it was given; they are no part of the answer.
            system = None if role == "assistant" else value.get("system") or value.get("instructions")
            return [
                *_read(system, "system", reading, depth + 1),
                *_read(value[key], role, reading, depth + 1),
            ]
    return []


def _of_type(value: dict[str, Value], role: str) -> dict[str, Value]:
    """A message of LangChain4j or AutoGen as OpenAI's chat has it; AutoGen's calls and results name no type."""
    content = next((value[key] for key in ("content", "contents", "text") if value.get(key) is not None), None)
    if isinstance(content, list) and role in _OF_AUTOGEN:
        content = [{"type": _OF_AUTOGEN[role], **item} if isinstance(item, dict) else item for item in content]
    calls = value.get("toolExecutionRequests")
    found = {"role": role, "content": content, "tool_calls": calls, "tool_call_id": value.get("id")}
    return {**found, "name": value.get("name")}


_OF_AUTOGEN = {"assistant": "tool_call", "tool": "tool_result"}
_SYSTEM = ("system", "system_instruction", "systemInstruction")


def _of_config(value: dict[str, Value], key: str) -> Value:
    """What a request of Gemini's says under `key` in its configuration."""
    config = value.get("config")
    return config.get(key) if isinstance(config, dict) else None


def _finish_reason(value: dict[str, Value]) -> str:
    return next((text for key in _FINISH if (text := _text(value.get(key)))), "")


_FINISH = ("finish_reason", "stop_reason", "finishReason", "stopReason")


_CONTENT = ("content", "blocks", "text")


def _read_message(value: dict[str, Value], role: str, reading: MessageReading) -> list[ChatMessage]:
    """The message in `value`, and one more for each tool result that came inside it."""
    given = value.get("role")
    if isinstance(given, str) and given:
        role = ROLES.get(given.lower(), given.lower())
    is_thought = role == "thinking"  # OpenLLMetry's, of Anthropic's answers
    message = ChatMessage("assistant" if is_thought else role)
    results: list[ChatMessage] = []
    parts = value.get("parts")
    content = parts if parts is not None else next((value[key] for key in _CONTENT if value.get(key) is not None), None)
    more = len(value) > 2 or content is None or given is None  # than who said what
    if more:
        message.finish_reason = _finish_reason(value)
        if given is None and is_lone(value):
            content = [value]
            message.role = "assistant"
        else:
            message.name = _text(value.get("name"))
    if isinstance(content, str):
        if content:
            message.contents.append({"type": "reasoning" if is_thought else "text", "text": content})
    elif role == "tool" and isinstance(content, (dict, list)) and not is_parts(content):
        message.contents.append({"type": "text", "text": reading.dump(content)})
    elif isinstance(content, dict):
        content = [content]
    elif content is not None and not isinstance(content, list):
        message.contents.append({"type": "text", "text": to_text(content)})
    if isinstance(content, list) and not message.contents:
        for part in content:
            _read_part(part, message, results, reading)
    if more:
        _read_beside(value, message)
    if role == "tool":
        message.call_id = _text(value.get("tool_call_id") or value.get("toolCallId") or value.get("id"))
    return _in_order(message, results) if results else [message]


def _read_beside(value: dict[str, Value], message: ChatMessage) -> None:
    """What dialects write beside the content: reasoning, and tool calls, which may stand among the parts as well."""
    if reasoning := value.get("reasoning_content") or _text(value.get("reasoning")) or _text(value.get("thinking")):
        message.contents.insert(0, {"type": "reasoning", "text": to_text(reasoning)})
    if refusal := value.get("refusal"):
        message.contents.append({"type": "text", "text": to_text(refusal)})
    beside = value.get("additional_kwargs")  # LangChain's
    beside = beside if isinstance(beside, dict) else {}
    calls = value.get("tool_calls") or value.get("toolCalls") or value.get("function_call") or beside.get("tool_calls")
    if calls:
        calls = read_json(calls)
        calls = calls if isinstance(calls, list) else [calls]
        known = {call.id for call in message.calls if call.id}
        message.calls += [
            read for call in calls if isinstance(call, dict) and call and (read := read_call(call)).id not in known
        ]


def _in_order(message: ChatMessage, results: list[ChatMessage]) -> list[ChatMessage]:
    """Tool results are messages of their own: after what an assistant said, before what a user said."""
    if not message.contents and not message.calls:
        return results
    return [message, *results] if message.role == "assistant" else [*results, message]


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
    kind = kind_of_part(part)
    signature = _text(part.get("thoughtSignature") or part.get("thought_signature"))
    for key, bare in BARE.items():
        if key in part and isinstance(part[key], dict):
            part, kind = part[key], bare
            break
    if is_call(kind):
        message.calls.append(read_call(part))
        message.calls[-1].signature = signature
    elif is_result(kind, part):
        results.append(read_result(part, reading.dump))
    elif kind == "message" and isinstance(part.get("content"), list):
        for inner in part["content"]:
            _read_part(inner, message, results, reading)
    else:
        message.contents.append(read_content(part, kind))
