"""Microsoft's Agent Framework: the spans of its workflows, which hold no GenAI keys; all its others follow GenAI."""

from __future__ import annotations

from collector.openinference.kinds import CHAIN
from collector.otlp.values import Attributes
from collector.reshape.convention import Convention
from collector.reshape.source import SourceScope, SourceSpan
from collector.reshape.target import Target

_PARTS = ("workflow.", "workflow_builder.", "executor.", "edge_group.", "message.")


class AgentFramework(Convention):
    """Spans of the framework's scope that tell of a workflow, a step of it, or what goes between steps."""

    name = "agent framework"
    scopes = ("agent_framework",)
    own = _PARTS

    def matches(self, resource: Attributes, scope: SourceScope, span: SourceSpan) -> bool:
        return scope.name == "agent_framework" and not span.has("gen_ai.") and span.name.startswith(_PARTS)

    def reshape(self, span: SourceSpan) -> Target | None:
        target = Target()
        target.kind(CHAIN)
        return target
