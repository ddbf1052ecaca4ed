"""Gemini CLI's own spans: GenAI keys with operation names of its own, and messages in Gemini's form.

Measured with 0.61.0. `gen_ai.agent.name` is on every span, so it says nothing of the kind.
"""

from __future__ import annotations

from openinference.semconv.trace import SpanAttributes

from collector.openinference.kinds import AGENT, CHAIN, LLM, TOOL
from collector.otlp.values import Attributes
from collector.reshape.convention import Convention
from collector.reshape.conventions.gen_ai import reshape_gen_ai
from collector.reshape.source import SourceScope, SourceSpan
from collector.reshape.target import Target

_NAME = "gemini-cli"
OPERATIONS = {"llm_call": LLM, "tool_call": TOOL, "agent_call": AGENT, "user_prompt": AGENT}


class GeminiCli(Convention):
    """Spans of Gemini CLI's scope or service that name an operation."""

    name = "gemini cli"
    scopes = (_NAME,)
    own = ("gen_ai.",)

    def matches(self, resource: Attributes, scope: SourceScope, span: SourceSpan) -> bool:
        ours = scope.name.startswith(_NAME) or resource.get("service.name") == _NAME
        return ours and "gen_ai.operation.name" in span.attributes

    def reshape(self, span: SourceSpan) -> Target | None:
        kind = OPERATIONS.get(span.text("gen_ai.operation.name"), CHAIN)
        target = reshape_gen_ai(span, kind)
        if target is not None and kind == LLM:
            target.put(SpanAttributes.LLM_PROVIDER, "google")
        return target
