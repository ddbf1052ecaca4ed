"""Qwen Code's own spans: GenAI keys, and of a tool call two spans, the inner of which is its execution alone.

Source: its session tracing. Log records that it bridges to spans say again what its spans have said.
"""

from __future__ import annotations

from openinference.semconv.trace import SpanAttributes

from collector.openinference.kinds import AGENT, CHAIN
from collector.otlp.values import Attributes
from collector.reshape.convention import Convention
from collector.reshape.conventions.gen_ai import reshape_gen_ai
from collector.reshape.operations import kind_of
from collector.reshape.source import SourceScope, SourceSpan
from collector.reshape.target import Target

_NAME = "qwen-code"
_STEPS = ("tool.execution", "tool.blocked_on_user", "hook")


class QwenCode(Convention):
    """Spans of Qwen Code's scope that are no bridged log record."""

    name = "qwen code"
    scopes = (_NAME,)
    own = ("qwen-code.", "gen_ai.")
    identity = {SpanAttributes.USER_ID: ("gen_ai.user.id",)}
    counts = {"reasoning": ("thoughts_token_count",)}

    def matches(self, resource: Attributes, scope: SourceScope, span: SourceSpan) -> bool:
        return scope.name == _NAME and span.name.startswith(_NAME)

    def reshape(self, span: SourceSpan) -> Target | None:
        step = span.name.removeprefix(_NAME + ".")
        kind = CHAIN if step in _STEPS or "log.bridge" in span.attributes else kind_of(span)
        if step == "interaction":
            kind = AGENT
        target = reshape_gen_ai(span, kind or CHAIN)
        if target is not None and kind == AGENT:
            target.put(SpanAttributes.LLM_MODEL_NAME, span.text("qwen-code.model"))
        return target
