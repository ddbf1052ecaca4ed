"""Tool definitions of any provider's request as one shape."""

from __future__ import annotations

from collector.openinference.messages import MOST_KEYS
from collector.openinference.tools import ToolDefinition, write_tools
from collector.otlp.values import Value, listed, read_json, to_text
from collector.reshape.target import Target

_LONGEST_NAME = 100


def read_tools(value: Value) -> list[ToolDefinition]:
    """The definitions in `value`: a list or JSON text, in the form of OpenAI, Anthropic, Gemini, Bedrock or the AI SDK.

    A tool that is no function, as providers have of their own, is kept as it came, named by its type where by nothing
    else. Texts are names where they can be; what is no definition is passed over.
    """
    return _read(value)[0]


def put_tools(target: Target, key: str, value: Value) -> None:
    """Write the definitions under `key` of the source, where there are any; it stays if anything was passed over."""
    tools, passed_over = _read(value)
    if tools:
        (target.redundant if passed_over else target.replaced).add(key)
        write_tools(target.put, tools)


def _read(value: Value) -> tuple[list[ToolDefinition], bool]:
    """The definitions in `value`, each with all it says, and whether anything was passed over."""
    found: list[ToolDefinition] = []
    items = listed(value)
    passed_over = len(items) > MOST_KEYS
    for item in items[:MOST_KEYS]:
        item = read_json(item)
        if isinstance(item, str) and item.isprintable() and len(item) <= _LONGEST_NAME:
            found.append(ToolDefinition(item))  # Mastra's agents list names alone
        elif isinstance(item, dict) and item:
            found += _definitions(item)
        else:
            passed_over |= item is not None
    return found, passed_over


def _definitions(item: dict[str, Value]) -> list[ToolDefinition]:
    """The definitions of one item of a list; Gemini has several functions in one, and other tools beside them."""
    declared = next((key for key in _DECLARATIONS if isinstance(item.get(key), list)), "")
    if declared:
        functions = [_function(function) for function in item[declared]]
        return functions + [
            _given({key: value}) for key, value in item.items() if key != declared and value is not None
        ]
    wrapper = next((key for key in ("function", "toolSpec") if _is_named(item.get(key))), "")
    if wrapper:
        beside = {key: value for key, value in item.items() if key != wrapper}
        if beside.get("type") == item[wrapper].get("type", "function"):
            beside.pop("type", None)
        return [_definition({**beside, **item[wrapper]}) if beside.keys().isdisjoint(item[wrapper]) else _given(item)]
    return [_function(item)]


def _function(item: Value) -> ToolDefinition:
    """A function where it is one; another tool as it came."""
    if _is_named(item) and item.get("type") in _FUNCTIONS:
        return _definition(item)
    return _given(item if isinstance(item, dict) and item else {"definition": item})


_DECLARATIONS = ("functionDeclarations", "function_declarations")
_FUNCTIONS = ("function", "object", None)


def _is_named(function: Value) -> bool:
    return isinstance(function, dict) and bool(function.get("name"))


def _given(item: dict[str, Value]) -> ToolDefinition:
    named = item.get("name") or item.get("type") or (next(iter(item)) if len(item) == 1 else "")
    return ToolDefinition(to_text(named), to_text(item.get("description")), given=item)


def _definition(function: dict[str, Value]) -> ToolDefinition:
    key = next((key for key in _SCHEMAS if function.get(key) is not None), None)
    parameters = read_json(function.get(key)) if key is not None else None
    if isinstance(parameters, dict) and len(parameters) == 1 and isinstance(parameters.get("json"), dict):  # Bedrock
        parameters = parameters["json"]
    more = {name: value for name, value in function.items() if name not in (key, *_NO_MORE) and value is not None}
    for name in ("type", "kind"):
        if more.get(name) in _FUNCTIONS:
            more.pop(name, None)
    return ToolDefinition(to_text(function["name"]), to_text(function.get("description")), parameters, more)


_NO_MORE = ("name", "description")
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
