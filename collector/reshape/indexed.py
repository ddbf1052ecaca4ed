"""Messages spread over numbered keys, as OpenLLMetry wrote them before 0.55 and others still do.

`gen_ai.prompt.N.{role,content,tool_call_id,tool_calls.M.{id,name,arguments}}`, `gen_ai.completion.N.{...}`,
`llm.request.functions.N.{name,description,parameters}`; also under `llm.prompts` and `llm.completions`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from collector.openinference.messages import ChatMessage
from collector.otlp.values import Value
from collector.reshape.forms import parts_in
from collector.reshape.messages import DEFAULT, MessageReading, read_messages
from collector.reshape.source import SourceSpan

_KEY = re.compile(
    r"(gen_ai\.prompt|gen_ai\.completion|llm\.prompts|llm\.completions)\.([0-9]{1,6})\.([a-z_.0-9]{1,100})"
)
_READ = re.compile(
    r"role|content|name|finish_reason|tool_call_id|tool_calls\.[0-9]{1,6}\..+|function_call\..+|reasoning|refusal|reasoning_content"
)
_CALL = re.compile(r"tool_calls\.([0-9]{1,6})\.(.+)")
_FUNCTION = re.compile(r"(?:llm|gen_ai)\.request\.functions\.([0-9]{1,6})\.([a-z_]{1,40})")
_PREFIXES = ("gen_ai.prompt.", "gen_ai.completion.", "llm.prompts.", "llm.completions.")
_ASKED = ("gen_ai.prompt", "llm.prompts")


@dataclass(slots=True)
class Indexed:
    """The messages of one span and the keys they came from."""

    input: list[ChatMessage] = field(default_factory=list)
    output: list[ChatMessage] = field(default_factory=list)
    input_keys: set[str] = field(default_factory=set)
    output_keys: set[str] = field(default_factory=set)


def read_indexed(span: SourceSpan, reading: MessageReading = DEFAULT) -> Indexed:
    """Put the numbered keys of a span together again, in the order of their numbers."""
    asked: dict[int, dict[str, Value]] = {}
    answered: dict[int, dict[str, Value]] = {}
    found = Indexed()
    if not any(span.has(prefix) for prefix in _PREFIXES):
        return found
    for key, value in span.attributes.items():
        match = _KEY.fullmatch(key)
        if match is None or value is None:
            continue
        prefix, index, rest = match.groups()
        side, keys = (asked, found.input_keys) if prefix in _ASKED else (answered, found.output_keys)
        if rest == "user" or _READ.fullmatch(rest):
            side.setdefault(int(index), {})[rest] = value
        if _READ.fullmatch(rest):  # what has no place in a message stays where it is
            keys.add(key)
    found.input = _messages(asked, "user", reading)
    found.output = _messages(answered, "assistant", reading)
    return found


def _messages(side: dict[int, dict[str, Value]], role: str, reading: MessageReading) -> list[ChatMessage]:
    found: list[ChatMessage] = []
    for _, fields in sorted(side.items()):
        for message in _message(fields, role, reading):
            if found and message.role == "assistant" and _is_thought(found[-1]):
                message.contents = [*found.pop().contents, *message.contents]
            found.append(message)
    return found


def _is_thought(message: ChatMessage) -> bool:
    """Whether a message is nothing but reasoning, which belongs to the answer that follows."""
    return not message.calls and {content["type"] for content in message.contents} == {"reasoning"}


def _message(fields: dict[str, Value], role: str, reading: MessageReading) -> list[ChatMessage]:
    calls: dict[int, dict[str, Value]] = {}
    message: dict[str, Value] = {"role": role}
    for name, value in fields.items():
        match = _CALL.fullmatch(name)
        if match:
            calls.setdefault(int(match[1]), {})[match[2].removeprefix("function.")] = value
        elif name == "content":
            message["content"] = parts_in(value)
        elif name == "user":
            message["content"] = value
        elif name == "reasoning":
            message["reasoning_content"] = value
        elif name.startswith("function_call."):
            calls.setdefault(0, {})[name.removeprefix("function_call.")] = value
        else:
            message[name] = value
    if calls:
        message["tool_calls"] = [call for _, call in sorted(calls.items())]
    return read_messages(message, role, reading)


def read_functions(span: SourceSpan) -> tuple[list[dict[str, Value]], set[str]]:
    """The numbered tool definitions of a span, and the keys they came from."""
    functions: dict[int, dict[str, Value]] = {}
    keys: set[str] = set()
    if not span.has("llm.request.functions.") and not span.has("gen_ai.request.functions."):
        return [], keys
    for key, value in span.attributes.items():
        match = _FUNCTION.fullmatch(key)
        if match:
            keys.add(key)
            functions.setdefault(int(match[1]), {})[match[2]] = value
    return [function for _, function in sorted(functions.items())], keys
