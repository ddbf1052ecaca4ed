"""What was asked and answered, from wherever a span keeps it, written as messages and as input and output."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from openinference.semconv.trace import SpanAttributes

from collector.openinference.kinds import AGENT, LLM
from collector.openinference.messages import ChatMessage, chat_form
from collector.otlp.values import Value, read_json, to_text
from collector.reshape.convention import BY_SPAN
from collector.reshape.events import DETAILS, MESSAGE_EVENTS, read_events
from collector.reshape.indexed import read_indexed
from collector.reshape.messages import DEFAULT, MessageReading, read_messages
from collector.reshape.source import SourceEvent, SourceSpan
from collector.reshape.target import Target
from collector.reshape.tools import put_tools

INPUT = "gen_ai.input.messages"
OUTPUT = "gen_ai.output.messages"
SYSTEM = "gen_ai.system_instructions"
TOOLS = "gen_ai.tool.definitions"
BARE_INPUT = ("gen_ai.prompt", "gen_ai.request.messages", "gen_ai.workflow.input", "gen_ai.task.input")
BARE_OUTPUT = ("gen_ai.completion", "gen_ai.response.text", "gen_ai.workflow.output", "gen_ai.task.output")
"""Of the oldest conventions, of Sentry's, and of frameworks."""

_CALLS = "gen_ai.response.tool_calls"
_DEFINITIONS = (TOOLS, "gen_ai.request.available_tools")
DETAIL_KEYS = (INPUT, OUTPUT, SYSTEM, TOOLS)


def put_conversation(target: Target, span: SourceSpan, kind: str, reading: MessageReading = DEFAULT) -> None:
    """Write the messages, tools, input and output of an LLM or AGENT span; input and output alone of any other.

    Looked for, in this order: attributes of the current conventions, the indexed ones, span events, log records,
    and the attributes of the oldest conventions, a prompt and a completion.
    """
    take_details(target, span)
    asked = take_messages(target.input, span, INPUT, "user", reading)
    answered = take_messages(target.output, span, OUTPUT, "assistant", reading)
    indexed = read_indexed(span, reading)
    if not _says_something(asked) or not _says_something(answered):
        told = read_events(_events(span), reading)
        if not _says_something(asked):
            asked = indexed.input or told.input or asked
            target.redundant |= indexed.input_keys
            put_input(target, asked)
        if not _says_something(answered):
            answered = _one_answer(indexed.output, answered) or told.output or answered
            target.redundant |= indexed.output_keys
            put_output(target, answered)
        for name, keys in told.redundant.items():
            target.redundant_in_events.setdefault(name, set()).update(keys)
        asked = asked or read_messages(span.get(*BARE_INPUT), "user", reading)
        answered = answered or read_messages(span.get(*BARE_OUTPUT), "assistant", reading)
        if span.get(*BARE_INPUT) is not None:
            target.input(span.get(*BARE_INPUT), *BARE_INPUT)
        if span.get(*BARE_OUTPUT) is not None:
            target.output(span.get(*BARE_OUTPUT), *BARE_OUTPUT)
    if _are_calls_alone(indexed.output) and len(answered) == 1 and not answered[0].calls:
        answered[0].calls = [call for message in indexed.output for call in message.calls]
        target.redundant |= indexed.output_keys
    if kind not in (LLM, AGENT):
        return
    answered = _with_calls(target, span, answered, reading)
    system = read_system(span.get(SYSTEM), reading)
    if system:
        target.redundant.add(SYSTEM)
    if system and any(message.role in _SYSTEM_ROLES and message.text == system[0].text for message in asked):
        system = []  # OpenLIT writes it in both places
    target.input_messages([*system, *asked])
    target.output_messages(answered)
    key = next((key for key in _DEFINITIONS if span.get(key) is not None), None)
    if key is not None:
        put_tools(target, key, span.get(key))


def _with_calls(
    target: Target, span: SourceSpan, answered: list[ChatMessage], reading: MessageReading
) -> list[ChatMessage]:
    """An answer with the calls that stand in a key of their own, as Sentry's SDKs write them."""
    given = span.get(_CALLS)
    if given is None or any(message.calls for message in answered):
        return answered
    found = read_messages({"role": "assistant", "tool_calls": given}, "assistant", reading)
    target.redundant.add(_CALLS)
    if not answered:
        put_output(target, found)
        return found
    answered[0].calls = [call for message in found for call in message.calls]
    return answered


_SYSTEM_ROLES = ("system", "developer")


def _says_something(messages: Sequence[ChatMessage]) -> bool:
    return any(message.contents or message.calls for message in messages)


def _one_answer(answers: list[ChatMessage], outline: Sequence[ChatMessage]) -> list[ChatMessage]:
    """Numbered answers; where another key shows a single one without content, those that are calls alone are its."""
    if len(outline) == 1 and len(answers) > 1 and _are_calls_alone(answers):
        calls = [call for answer in answers for call in answer.calls]
        return [ChatMessage("assistant", calls=calls, finish_reason=outline[0].finish_reason)]
    return answers


def _are_calls_alone(messages: Sequence[ChatMessage]) -> bool:
    """Whether `messages` are nothing but calls, as LiteLLM numbers those of an answer whose text stands elsewhere."""
    return bool(messages) and all(message.calls and not message.contents for message in messages)


def take_messages(
    put: Callable[..., None], span: SourceSpan, key: str, role: str, reading: MessageReading = DEFAULT
) -> list[ChatMessage]:
    """The messages under `key`, which `put` takes as they are; JSON is read once for both."""
    value = span.get(key)
    if value is None:
        return []
    found = read_json(value)
    put(value, key, known_json=found is not value)
    return read_messages(value, role, reading, None if isinstance(found, str) else found)


def take_details(target: Target, span: SourceSpan) -> None:
    """Treat what the one event of the current conventions holds as the span's own attributes."""
    for event in _events(span):
        if event.name == DETAILS:
            body = event.body if isinstance(event.body, dict) else {}
            for key, value in {**body, **event.attributes}.items():
                if value is not None and value != "" and span.get(key) is None and key.startswith("gen_ai."):
                    span.attributes[key] = value
            for key in (SpanAttributes.SESSION_ID, SpanAttributes.USER_ID):
                target.put(key, to_text(event.attributes.get(key)))
            found = {key for key in DETAIL_KEYS if key in event.attributes}
            target.redundant_in_events.setdefault(DETAILS, set()).update(found)


def _events(span: SourceSpan) -> Sequence[SourceEvent]:
    """The span's own events; log records that were joined to it where it has none with messages."""
    own = span.events
    if any(event.name in MESSAGE_EVENTS for event in own) or (
        span.get(INPUT) is not None and span.get(OUTPUT) is not None
    ):
        return own
    return span.joined(BY_SPAN, span.id) or own


def read_system(value: Value, reading: MessageReading = DEFAULT) -> list[ChatMessage]:
    """System instructions: parts, a text, or either as JSON text."""
    found = read_json(value)
    if isinstance(found, dict):
        found = found["parts"] if isinstance(found.get("parts"), list) else [found]
    if isinstance(found, str):
        return [ChatMessage("system", [{"type": "text", "text": found}])] if found else []
    if isinstance(found, list) and found:
        if isinstance(found[0], dict) and "role" in found[0]:
            return read_messages(found, "system", reading)
        return read_messages({"role": "system", "content": found}, "system", reading)
    return []


def put_input(target: Target, messages: Sequence[ChatMessage]) -> None:
    target.input(chat_form(messages))


def put_output(target: Target, messages: Sequence[ChatMessage]) -> None:
    target.output(chat_form(messages))
