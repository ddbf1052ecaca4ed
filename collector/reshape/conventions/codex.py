"""Codex's own spans: of the 550 of a turn a handful say what the agent did, the others are Rust's insides.

Measured with codex-cli 0.169.0. Prompt, tool arguments and tool output are in its log records only, joined here
by trace and call id; the model of a request stands on one of its ancestors.
"""

from __future__ import annotations

import re

from openinference.semconv.trace import SpanAttributes

from collector.openinference.kinds import AGENT, CHAIN, LLM, TOOL
from collector.otlp.values import Attributes, Value
from collector.reshape.convention import BY_TRACE, Convention, LogRecords
from collector.reshape.keys import put_tool
from collector.reshape.source import SourceEvent, SourceScope, SourceSpan
from collector.reshape.target import Target

_CHAINS = {"codex.sampling", "run_turn"}
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MODEL_KEYS = ("gen_ai.response.model", "gen_ai.request.model", "model", "slug")
_SESSION_KEYS = ("conversation.id", "thread_id")
"""One trace is one turn of one conversation, so what another span of the trace says will do."""


class Codex(Convention):
    """Every span of a scope that is named as the service, where that begins with `codex`."""

    name = "codex"
    scopes = ("codex",)
    counts = {
        "total": ("codex.usage.total_tokens",),
        "cache_read": ("codex.usage.cached_input_tokens",),
        "reasoning": ("codex.usage.reasoning_output_tokens",),
    }
    drops = True
    asked_above = (*_MODEL_KEYS, *_SESSION_KEYS)
    records = LogRecords({"codex.user_prompt": BY_TRACE, "codex.tool_result": "call_id"})
    own = ("codex.", "gen_ai.", "busy_ns", "idle_ns", "target", "call_id", "tool_name", "turn_id", "turn.id")

    def matches(self, resource: Attributes, scope: SourceScope, span: SourceSpan) -> bool:
        service = resource.get("service.name")
        return (
            isinstance(service, str)
            and service.startswith("codex")
            and (scope.name == service or span.text("target").startswith("codex_"))
        )

    def reshape(self, span: SourceSpan) -> Target | None:
        target = Target()
        if span.name == "session_task.turn":
            _put_turn(target, span)
        elif span.name == "handle_responses" and span.has("gen_ai.usage."):
            _put_request(target, span)
        elif span.text("call_id") and span.text("tool_name") and span.name.endswith(span.text("tool_name")):
            _put_tool(target, span)
        elif span.name in _CHAINS:
            target.kind(CHAIN)
        else:
            return Target(internal=True)
        target.put(SpanAttributes.SESSION_ID, _session(span))
        return target


def _put_turn(target: Target, span: SourceSpan) -> None:
    target.kind(AGENT)
    target.root = True  # all that is above a turn is internal
    target.put(SpanAttributes.AGENT_NAME, "codex")
    target.put(SpanAttributes.LLM_MODEL_NAME, _model(span))
    target.input(next((event.attributes.get("prompt") for event in reversed(_prompts(span))), None))


def _put_request(target: Target, span: SourceSpan) -> None:
    target.kind(LLM)
    target.put(SpanAttributes.LLM_MODEL_NAME, _model(span))


def _put_tool(target: Target, span: SourceSpan) -> None:
    target.kind(TOOL)
    call_id = span.text("call_id")
    records = span.joined("codex.tool_result", call_id)
    told: Attributes = records[-1].attributes if records else {}
    put_tool(target, span.text("tool_name"), call_id, told.get("arguments"))
    target.input(told.get("arguments"))
    target.output(told.get("output"))


def _model(span: SourceSpan) -> Value:
    """The model on the span itself, on an ancestor, or in the record of the prompt."""
    return span.get(*_MODEL_KEYS) or _nearby(span, _MODEL_KEYS)


def _session(span: SourceSpan) -> Value:
    """The conversation: on the span, its events, its ancestors, in the record of the prompt, or as its thread."""
    found = span.get(*_SESSION_KEYS)
    found = found or next((e.attributes[k] for e in span.events for k in _SESSION_KEYS if k in e.attributes), None)
    found = found or _nearby(span, _SESSION_KEYS)
    thread = span.text("thread.id")
    return found or (thread if _UUID.fullmatch(thread) else None)


def _nearby(span: SourceSpan, keys: tuple[str, ...]) -> Value:
    found = span.above(keys)
    if found is not None:
        return found
    for event in _prompts(span):
        for key in keys:
            if event.attributes.get(key):
                return event.attributes[key]
    return next((value for key in keys if (value := span.in_trace(key))), None)


def _prompts(span: SourceSpan) -> list[SourceEvent]:
    return list(span.joined("codex.user_prompt", ""))
