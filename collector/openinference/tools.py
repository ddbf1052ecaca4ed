"""Tool definitions, and the one writer of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from openinference.semconv.trace import SpanAttributes, ToolAttributes

from collector.openinference.messages import MOST_KEYS, Put
from collector.otlp.values import Value, to_json


@dataclass(frozen=True, slots=True)
class ToolDefinition:
    """A tool as a model is told of it; `parameters` is a JSON schema, None where there is none.

    `more` is what else a function's definition holds (`strict`). A tool that is no function, such as a provider's own
    search, is `given`: its definition as it came.
    """

    name: str
    description: str = ""
    parameters: Value = None
    more: Mapping[str, Value] = field(default_factory=dict)
    given: Value = None

    def schema(self) -> Value:
        """The definition as OpenAI's chat requests hold it, or as it came."""
        if self.given is not None:
            return self.given
        function: dict[str, Value] = {"name": self.name}
        if self.description:
            function["description"] = self.description
        if self.parameters is not None:
            function["parameters"] = self.parameters
        return {"type": "function", "function": {**function, **self.more}}


def write_tools(put: Put, tools: Sequence[ToolDefinition]) -> None:
    """Write `tools` as llm.tools.N.tool.*.

    Name and description stand beside the schema too: at the metadata level the schema is content, the name is not.
    """
    for index, tool in enumerate(tools[:MOST_KEYS]):
        base = f"{SpanAttributes.LLM_TOOLS}.{index}."
        put(base + ToolAttributes.TOOL_NAME, tool.name)
        if tool.description:
            put(base + ToolAttributes.TOOL_DESCRIPTION, tool.description)
        put(base + ToolAttributes.TOOL_JSON_SCHEMA, to_json(tool.schema()))
