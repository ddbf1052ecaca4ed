"""Pydantic AI: the GenAI conventions, with what its agents and its older versions say in keys of their own.

Version 1 of its instrumentation holds all messages in the JSON attribute `events`; an agent's run has
`pydantic_ai.all_messages` (before: `all_messages_events`) and `final_result`; tools had `tool_arguments` and
`tool_response`. Usage stands on the agent's span as well, and is not copied there: its requests have it.
"""

from __future__ import annotations

import json

from openinference.semconv.trace import SpanAttributes

from collector.openinference.documents import write_embeddings
from collector.openinference.kinds import AGENT, CHAIN, EMBEDDING, LLM
from collector.openinference.messages import ChatMessage, chat_form
from collector.openinference.tools import write_tools
from collector.otlp.values import Attributes, Value, listed, number, read_json, to_text
from collector.reshape.convention import Convention
from collector.reshape.conventions.gen_ai import reshape_gen_ai
from collector.reshape.conversation import SYSTEM, put_input, put_output, read_system
from collector.reshape.events import read_events
from collector.reshape.keys import put_usage
from collector.reshape.messages import MessageReading, read_messages
from collector.reshape.operations import kind_of
from collector.reshape.source import SourceEvent, SourceScope, SourceSpan
from collector.reshape.target import Target
from collector.reshape.tools import read_tools

_ALL_MESSAGES = ("pydantic_ai.all_messages", "all_messages", "all_messages_events")


_PRICED = (LLM, EMBEDDING)


def _dump(value: Value) -> str:
    """As Python writes JSON, which is how the results were shown to the model."""
    return json.dumps(value, ensure_ascii=False, default=str)


_READING = MessageReading(dump=_dump)


class PydanticAi(Convention):
    """Spans of Pydantic AI's scope, and agent runs by their keys."""

    name = "pydantic ai"
    keys = ("pydantic_ai.", "all_messages_events")
    scopes = ("pydantic-ai", "pydantic_ai", "logfire.")
    counts = {
        "cache_read": ("gen_ai.usage.details.cache_read_tokens", "gen_ai.usage.details.cache_read_input_tokens"),
        "cache_write": ("gen_ai.usage.details.cache_write_tokens", "gen_ai.usage.details.cache_creation_input_tokens"),
        "reasoning": ("gen_ai.usage.details.reasoning_tokens",),
        "prompt_audio": ("gen_ai.usage.details.input_audio_tokens",),
        "completion_audio": ("gen_ai.usage.details.output_audio_tokens",),
    }
    own = (
        "pydantic_ai.", "gen_ai.", "all_messages", "all_messages_events", "final_result", "events", "tool_arguments",
        "tool_response", "model_request_parameters", "request_data", "response_data", "logfire.json_schema", "inputs",
        "embeddings",
    )  # fmt: skip

    def matches(self, resource: Attributes, scope: SourceScope, span: SourceSpan) -> bool:
        ours = scope.name.startswith(self.scopes) or any(key in span.attributes for key in _ALL_MESSAGES[::2])
        return ours and bool(_kind(span))

    def reshape(self, span: SourceSpan) -> Target | None:
        kind = _kind(span)
        said = reshape_gen_ai(span, kind, _READING)
        if said is None:
            return None
        target = said
        if kind == AGENT:
            target = Target()
            target.kind(kind)
            _put_run(target, span)
            target.add(said)
        elif kind == LLM:
            _put_events(target, span)
            _put_exchange(target, span)
            _put_tools(target, span)
        elif kind == EMBEDDING:
            write_embeddings(target.put, listed(span.get("inputs")), listed(span.get("embeddings")))
            target.input(span.get("inputs"), "inputs")
            target.replaced.add("embeddings")
        target.put(SpanAttributes.LLM_COST_TOTAL, number(span.get("operation.cost")) if kind in _PRICED else None)
        return target


def _kind(span: SourceSpan) -> str:
    attributes = span.attributes
    if "gen_ai.operation.name" not in attributes and (
        any(key in attributes for key in (*_ALL_MESSAGES, "final_result")) or span.name == "agent run"
    ):
        return AGENT
    if "gen_ai.operation.name" not in attributes and isinstance(attributes.get("tools"), list):
        return CHAIN  # several tools run side by side under it
    return kind_of(span)


def _put_run(target: Target, span: SourceSpan) -> None:
    """An agent's run: what was asked last and what came of it, and its conversation."""
    target.put(SpanAttributes.AGENT_NAME, span.text("agent_name"))
    target.put(SpanAttributes.LLM_MODEL_NAME, span.text("model_name"))
    key = next((key for key in _ALL_MESSAGES if span.get(key) is not None), None)
    messages = _messages(span, key) if key is not None else []
    asked, answered = _split(messages)
    question = next((message for message in reversed(asked) if message.role == "user" and message.text), None)
    target.input(question.text if question else chat_form(asked))
    result = span.get("final_result")
    target.output(result if result is not None else chat_form(answered), "final_result")
    instructions = read_system(span.get(SYSTEM), _READING) if asked else []
    if asked and instructions and asked[0].text != instructions[0].text:
        asked = [*instructions, *asked]
    target.input_messages(asked)
    target.output_messages(answered)
    if key is not None and messages:
        target.redundant.add(key)


def _messages(span: SourceSpan, key: str) -> list[ChatMessage]:
    if key != "all_messages_events":
        return read_messages(span.get(key), "user", _READING)
    told = read_events(_as_events(span.get(key)), _READING)
    return told.input + told.output


def _split(messages: list[ChatMessage]) -> tuple[list[ChatMessage], list[ChatMessage]]:
    """What the agent was given, and what it said after that."""
    end = len(messages)
    while end and messages[end - 1].role == "assistant":
        end -= 1
    return messages[:end], messages[end:]


def _put_events(target: Target, span: SourceSpan) -> None:
    """Version 1: all messages of a request in one attribute."""
    told = read_events(_as_events(span.get("events")), _READING)
    if not told.input and not told.output:
        return
    target.input_messages(told.input)
    target.output_messages(told.output)
    put_input(target, told.input)
    put_output(target, told.output)
    target.redundant.add("events")


def _put_exchange(target: Target, span: SourceSpan) -> None:
    """What Logfire keeps of a request by the OpenAI or Anthropic client."""
    asked, answered = span.get("request_data"), span.get("response_data")
    target.input_messages(read_messages(asked, "user"))
    body = read_json(answered)
    streamed = body.get("combined_chunk_content") if isinstance(body, dict) else None
    target.output_messages(read_messages(answered if streamed is None else streamed, "assistant"))
    if isinstance(body, dict):
        put_usage(target, body.get("usage"))
    target.input(asked, "request_data")
    target.output(answered, "response_data")


def _as_events(value: Value) -> list[SourceEvent]:
    found = read_json(value)
    items = found if isinstance(found, list) else []
    return [SourceEvent(to_text(item.get("event.name")), item) for item in items if isinstance(item, dict)]


def _put_tools(target: Target, span: SourceSpan) -> None:
    """Version 1 has the tools among the request's parameters."""
    if not read_tools(span.get("gen_ai.tool.definitions")):
        parameters = span.json("model_request_parameters")
        if isinstance(parameters, dict):
            tools = read_tools([*_list(parameters, "function_tools"), *_list(parameters, "output_tools")])
            write_tools(target.put, tools)


def _list(values: dict[str, Value], key: str) -> list[Value]:
    found = values.get(key)
    return found if isinstance(found, list) else []
