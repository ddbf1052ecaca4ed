"""Tool definitions of any provider's request as one shape."""

from __future__ import annotations

from collector.openinference.messages import MOST_KEYS
from collector.openinference.tools import ToolDefinition
from collector.otlp.values import Value, listed, read_json, to_text

_LONGEST_NAME = 100


def read_tools(value: Value) -> list[ToolDefinition]:
    """The definitions in `value`: a list or JSON text, in the form of OpenAI, Anthropic, Gemini, Bedrock or the AI SDK.

    A tool that is no function, as providers have of their own, is kept as it came, named by its type where by nothing
    else. Texts are names where they can be; what is no definition is passed over.
    """
    found: list[ToolDefinition] = []
    for item in listed(value)[:MOST_KEYS]:
        item = read_json(item)
        if isinstance(item, str) and item.isprintable() and len(item) <= _LONGEST_NAME:
            found.append(ToolDefinition(item))  # Mastra's agents list names alone
        elif isinstance(item, dict) and item:
            found += _definitions(item)
    return found


def _definitions(item: dict[str, Value]) -> list[ToolDefinition]:
    """The definitions of one item of a list; Gemini has several functions in one, and other tools beside them."""
    declared = next((key for key in _DECLARATIONS if isinstance(item.get(key), list)), "")
    if declared:
        functions = [_definition(function) for function in item[declared] if _is_named(function)]
        return functions + [
            _given({key: value}) for key, value in item.items() if key != declared and value is not None
        ]
    wrapper = next((key for key in ("function", "toolSpec") if _is_named(item.get(key))), "")
    if wrapper:
        beside = {key: value for key, value in item.items() if key not in (wrapper, "type")}
        return [_definition({**beside, **item[wrapper]})]
    if item.get("type", "function") in _FUNCTIONS and _is_named(item):
        return [_definition(item)]
    return [_given(item)]


_DECLARATIONS = ("functionDeclarations", "function_declarations")
_FUNCTIONS = ("function", "object", None)


def _is_named(function: Value) -> bool:
    return isinstance(function, dict) and bool(function.get("name"))


def _given(item: dict[str, Value]) -> ToolDefinition:
    named = item.get("name") or item.get("type") or (next(iter(item)) if len(item) == 1 else "")
    return ToolDefinition(to_text(named), to_text(item.get("description")), given=item)


def _definition(function: dict[str, Value]) -> ToolDefinition:
    key = next((key for key in _SCHEMAS if function.get(key) is not None), "")
    parameters = read_json(function.get(key))
    if isinstance(parameters, dict) and isinstance(parameters.get("json"), dict):  # Bedrock
        parameters = parameters["json"]
    more = {name: value for name, value in function.items() if name not in (key, *_NO_MORE) and value is not None}
    if more.get("kind") == "function":
        del more["kind"]
    return ToolDefinition(to_text(function["name"]), to_text(function.get("description")), parameters, more)


_NO_MORE = ("name", "description", "type")
_SCHEMAS = (
    "parameters",
    "inputSchema",
    "input_schema",
    "parametersJsonSchema",
    "parameters_json_schema",
    "json_schema",
    "args_schema",
)


def split_tools(asked: Value) -> tuple[Value, list[ToolDefinition]]:
    """A list of messages without those that are tool definitions, as Langfuse's LangChain handler adds them, and the
    definitions; anything else as it is."""
    if not isinstance(asked, list):
        return asked, []
    messages: list[Value] = []
    definitions: list[Value] = []
    for message in asked:
        content = message.get("content") if isinstance(message, dict) and message.get("role") == "tool" else None
        is_definition = isinstance(content, dict) and isinstance(content.get("function"), dict)
        (definitions if is_definition else messages).append(content if is_definition else message)
    return messages, read_tools(definitions)
