"""Claude Code's own spans: bare keys under `span.type`; content only where its user switched it on.

Measured with 2.1.197. Input tokens exclude what the cache gave, as Anthropic counts; OpenInference's prompt count
includes it. What the spans lack (prompt, tool input, cost) its log records may hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from openinference.semconv.trace import SpanAttributes

from collector.openinference.kinds import AGENT, CHAIN, LLM, TOOL
from collector.openinference.messages import ChatMessage, text_contents
from collector.openinference.tools import write_tools
from collector.otlp.values import Attributes, Value, number, read_json, to_text
from collector.reshape.convention import BY_TRACE, Convention, LogRecords
from collector.reshape.keys import put_provider, put_tool
from collector.reshape.source import SourceEvent, SourceScope, SourceSpan
from collector.reshape.target import Target
from collector.reshape.tools import read_tools

_SCOPE = "com.anthropic.claude_code"
KINDS = {"interaction": AGENT, "llm_request": LLM, "tool": TOOL}
_HIDDEN = "<REDACTED>"
_PRICE, _ANSWER = "claude_code.api_request", "claude_code.assistant_response"
_SECTION = re.compile(r"^\[(USER PROMPT|USER|ASSISTANT|SYSTEM|TOOL RESULT: ([^\]\n]{1,200}))\]\n", re.MULTILINE)
_HEADER = re.compile(r"\[(?:USER PROMPT|TOOL (?:INPUT|RESULT): [^\]\n]{1,200})\]\n")
_SLACK_NS = 50_000_000
_LAST_NS = 2_000_000_000
"""The answer that ends an interaction is given just before its end; an earlier one is not it."""


class ClaudeCode(Convention):
    """Spans of Claude Code's tracing scope."""

    name = "claude code"
    scopes = (_SCOPE,)
    counts = {
        "prompt": ("input_tokens",),
        "completion": ("output_tokens",),
        "cache_read": ("cache_read_tokens",),
        "cache_write": ("cache_creation_tokens",),
    }
    exclusive_counts = True
    records = LogRecords(
        {
            "claude_code.user_prompt": BY_TRACE,
            "claude_code.tool_result": "tool_use_id",
            "claude_code.api_request": BY_TRACE,
            "claude_code.assistant_response": BY_TRACE,
            "claude_code.system_prompt": BY_TRACE,
            "claude_code.tool": BY_TRACE,
        },
        scope=_SCOPE,
        prefix="claude_code.",
    )
    own = (
        "span.type", "user_prompt", "user_prompt_length", "new_context", "new_context_message_count", "tool_name",
        "tool_input", "tool_use_id", "full_command", "tools", "tools_count", "model", "input_tokens", "output_tokens",
        "cache_read_tokens", "cache_creation_tokens", "stop_reason", "system_prompt_preview", "system_prompt_hash",
        "system_prompt_length", "system_reminders", "system_reminders_count", "response.", "llm_request.", "gen_ai.",
        "interaction.",
    )  # fmt: skip

    def matches(self, resource: Attributes, scope: SourceScope, span: SourceSpan) -> bool:
        return scope.name.startswith(_SCOPE)

    def reshape(self, span: SourceSpan) -> Target | None:
        kind = KINDS.get(span.text("span.type") or span.name.removeprefix("claude_code."), CHAIN)
        target = Target()
        target.kind(kind)
        if kind == LLM:
            _put_request(target, span)
        elif kind == TOOL:
            _put_tool(target, span)
        elif kind == AGENT:
            _put_interaction(target, span)
        return target


def _put_interaction(target: Target, span: SourceSpan) -> None:
    target.put(SpanAttributes.AGENT_NAME, "claude-code")
    prompt = _shown(span.text("user_prompt"))
    if prompt:
        target.input(prompt, "user_prompt")
        _put_without_header(target, span, target.input, SpanAttributes.INPUT_VALUE)
    else:
        target.input(_prompt(span))
    answers = [event for event in span.joined(_ANSWER, "") if _within(event, span)]
    last = [event for event in answers if event.time_ns > span.end_ns - _LAST_NS]
    target.output(_said(last, "response"))
    target.awaited.add((_ANSWER, ""))  # those that are known may not be the last


def _put_request(target: Target, span: SourceSpan) -> None:
    priced = _of_request(span.joined(_PRICE, ""), span)
    model = span.text("gen_ai.response.model") or _said(priced, "model") or span.text("model", "gen_ai.request.model")
    target.put(SpanAttributes.LLM_MODEL_NAME, model)
    put_provider(target, span.text("gen_ai.system") or ("anthropic" if model.startswith("claude") else ""))
    target.put(SpanAttributes.LLM_FINISH_REASON, span.text("stop_reason"))
    if priced:
        target.put(SpanAttributes.LLM_COST_TOTAL, number(priced[-1].attributes.get("cost_usd")))
    else:
        target.awaited.add((_PRICE, ""))
    context = _shown(span.text("new_context")) or _prompt(span)
    system = _recorded(span, "claude_code.system_prompt", "system_prompt_hash", ("system_prompt", "prompt", "content"))
    asked = [ChatMessage("system", text_contents(system))] if system else []
    target.input_messages([*asked, *read_sections(context)])
    target.input(context, "new_context")
    write_tools(target.put, read_tools(_tools(span)))
    answer = _shown(span.text("response.model_output"))
    if not answer:
        answer = _said(_of_answer(span.joined(_ANSWER, ""), span, model), "response")
        if not answer:
            target.awaited.add((_ANSWER, ""))
    if answer:
        target.output_messages([ChatMessage("assistant", text_contents(answer))])
        target.output(answer, "response.model_output")


def _prompt(span: SourceSpan) -> str:
    """What the user asked last before the span ended: of a request, that is part of what the model was sent."""
    asked = span.joined("claude_code.user_prompt", "")
    return _said([event for event in asked if event.time_ns <= span.end_ns + _SLACK_NS], "prompt")


def _recorded(span: SourceSpan, name: str, hash_key: str, keys: tuple[str, ...]) -> str:
    """A text too long for the span, which names its hash; of a trace with one such record, that one."""
    wanted = span.text(hash_key)
    if not wanted:
        return ""
    records = span.joined(name, "")
    matching = [record for record in records if record.attributes.get(hash_key) == wanted]
    if not matching and any(hash_key in record.attributes for record in records):
        return ""
    return next((text for key in keys if (text := _said(matching or records[-1:], key))), "")


def _tools(span: SourceSpan) -> Value:
    """The tools of a request; the span has names and hashes, the trace's log records the schemas."""
    named = read_json(span.get("tools"))
    if not isinstance(named, list) or not any(isinstance(tool, dict) and "hash" in tool for tool in named):
        return named
    schemas = {
        to_text(record.attributes.get("tool_hash", record.attributes.get("hash"))): read_json(
            record.attributes.get("tool", record.attributes.get("tool_schema"))
        )
        for record in span.joined("claude_code.tool", "")
    }
    return [{**tool, **_dict(schemas.get(to_text(tool.get("hash"))))} for tool in named if isinstance(tool, dict)]


def _dict(value: Value) -> dict[str, Value]:
    return value if isinstance(value, dict) else {}


def read_sections(context: str) -> list[ChatMessage]:
    """`[USER]`, `[ASSISTANT]`, `[TOOL RESULT: id]`, each on a line, then their text."""
    found: list[ChatMessage] = []
    places = list(_SECTION.finditer(context))
    if context and (not places or places[0].start() > 0):
        head = context[: places[0].start()] if places else context
        found.append(ChatMessage("user", [{"type": "text", "text": head.rstrip("\n")}]))
    ends = [place.start() for place in places[1:]] + [len(context)]
    for place, after in zip(places, ends, strict=False):
        text = context[place.end() : after].rstrip("\n")
        role = "tool" if place[2] else place[1].partition(" ")[0].lower()
        found.append(ChatMessage(role, [{"type": "text", "text": text}], call_id=place[2] or ""))
    return found


def _put_tool(target: Target, span: SourceSpan) -> None:
    call_id = span.text("tool_use_id", "gen_ai.tool.call.id")
    arguments = _without_header(_shown(span.text("tool_input")))
    target.replaced.add("tool_input")
    if not arguments:
        records = span.joined("claude_code.tool_result", call_id)
        arguments = _said(records, "tool_input") or _said(records, "tool_parameters")
    command = span.text("full_command")
    put_tool(target, span.text("tool_name"), call_id, arguments or ({"command": command} if command else None))
    asked = read_json(arguments)
    if command and (not arguments or (isinstance(asked, dict) and asked.get("command") == command)):
        target.redundant.add("full_command")
    target.input(arguments or command)
    for event in span.events:
        if event.name == "tool.output":
            key = next((key for key in ("output", "content", "result") if event.attributes.get(key)), None)
            if key is not None:
                target.output(event.attributes.get(key))
            target.redundant_in_events[event.name] = {*filter(None, (key, command and "bash_command"))}
    _put_without_header(target, span, target.output, SpanAttributes.OUTPUT_VALUE)


def _put_without_header(target: Target, span: SourceSpan, put: Callable[[str], None], key: str) -> None:
    """Put what came as context, without the line that says what it is; the context itself goes when it was put."""
    said = _without_header(_shown(span.text("new_context")))
    put(said)
    if said and target.attributes.get(key) == said:
        target.replaced.add("new_context")


def _without_header(text: str) -> str:
    match = _HEADER.match(text)
    return text[match.end() :] if match else text


def _shown(text: str) -> str:
    return "" if text == _HIDDEN else text


def _said(events: Sequence[SourceEvent], key: str) -> str:
    """What the last record that says it says under `key`."""
    for event in reversed(events):
        value = event.attributes.get(key)
        if isinstance(value, str) and value and value != _HIDDEN:
            return value
    return ""


def _within(event: SourceEvent, span: SourceSpan) -> bool:
    """Whether a record was made while the span ran; its time is in whole milliseconds."""
    return span.start_ns - _SLACK_NS <= event.time_ns <= span.end_ns + _SLACK_NS


_REQUEST_IDS = ("request_id", "client_request_id", "gen_ai.response.id")
_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens")


def _by_id(records: Sequence[SourceEvent], span: SourceSpan) -> list[SourceEvent]:
    """The records that carry an id of this very request."""
    ids = {span.attributes[key] for key in _REQUEST_IDS if span.attributes.get(key)}
    return [record for record in records if any(record.attributes.get(key) in ids for key in _REQUEST_IDS)]


def _of_request(records: Sequence[SourceEvent], span: SourceSpan) -> list[SourceEvent]:
    """The records of a request: by its id, else by time and counts, since requests may run side by side.

    The model is no sign: a span has the name that was asked for, a record the name of the one that answered.
    """
    return _by_id(records, span) or [
        record
        for record in records
        if _within(record, span)
        and all(str(record.attributes.get(key, "")) == str(span.attributes.get(key, "")) for key in _TOKENS)
    ]


def _of_answer(records: Sequence[SourceEvent], span: SourceSpan, model: str) -> list[SourceEvent]:
    """The records of an answer: by the request's id, else by time; of several, those of the model that answered."""
    found = _by_id(records, span) or [record for record in records if _within(record, span)]
    return [record for record in found if record.attributes.get("model") == model] or found
