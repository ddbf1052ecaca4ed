"""Tool definitions of any provider's request as one shape."""

from __future__ import annotations

from collector.openinference.messages import MOST_KEYS
from collector.openinference.tools import ToolDefinition
from collector.otlp.values import Value, listed, read_json, to_text

_LONGEST_NAME = 100


def read_tools(value: Value) -> list[ToolDefinition]:
    """The definitions in `value`: a list or JSON text, in the form of OpenAI, Anthropic, Gemini, Bedrock or the AI SDK.

    What has no name is passed over.
    """
    found: list[ToolDefinition] = []
    for item in listed(value)[:MOST_KEYS]:
        item = read_json(item)
        if isinstance(item, str) and item.isprintable() and len(item) <= _LONGEST_NAME:
            found.append(ToolDefinition(item))  # Mastra's agents list names alone
        if not isinstance(item, dict):
            continue
        declared = item.get("functionDeclarations") or item.get("function_declarations") or item.get("toolSpec")
        inner = declared if declared is not None else item.get("function")
        inner = inner if inner is not None else item
        for function in inner if isinstance(inner, list) else [inner]:
            if isinstance(function, dict) and function.get("name"):
                found.append(_definition(function))
    return found


def _definition(function: dict[str, Value]) -> ToolDefinition:
    parameters = next((function[key] for key in _SCHEMAS if function.get(key) is not None), None)
    parameters = read_json(parameters)
    if isinstance(parameters, dict) and isinstance(parameters.get("json"), dict):  # Bedrock
        parameters = parameters["json"]
    return ToolDefinition(to_text(function["name"]), to_text(function.get("description")), parameters)


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
