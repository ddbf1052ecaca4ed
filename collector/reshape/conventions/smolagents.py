"""smolagents: `smolagents.*` on agent runs and steps. From its published keys; not tested against the real thing.

Its own instrumentation writes OpenInference already; this is for what comes without a kind.
"""

from __future__ import annotations

from openinference.semconv.trace import SpanAttributes

from collector.openinference.kinds import AGENT, CHAIN
from collector.otlp.values import Attributes
from collector.reshape.convention import Convention
from collector.reshape.source import SourceScope, SourceSpan
from collector.reshape.target import Target

_RUN = ("smolagents.max_steps", "smolagents.tools_names", "smolagents.managed_agents")


class SmolAgents(Convention):
    """Spans with any of smolagents' keys."""

    name = "smolagents"
    keys = own = ("smolagents.",)

    def matches(self, resource: Attributes, scope: SourceScope, span: SourceSpan) -> bool:
        return span.has("smolagents.")

    def reshape(self, span: SourceSpan) -> Target | None:
        run = span.name.endswith(".run") or any(key in span.attributes for key in _RUN)
        target = Target()
        target.kind(AGENT if run else CHAIN)
        if run:
            target.put(SpanAttributes.AGENT_NAME, span.text("smolagents.name") or span.name.removesuffix(".run"))
        target.input(span.get("smolagents.task"), "smolagents.task")
        target.output(span.get("smolagents.final_answer"), "smolagents.final_answer")
        return target
