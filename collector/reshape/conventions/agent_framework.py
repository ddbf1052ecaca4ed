"""Microsoft's Agent Framework: the spans of its workflows, which hold no GenAI keys; all its others follow GenAI."""

from __future__ import annotations

from collector.openinference.kinds import CHAIN
from collector.otlp.values import Attributes
from collector.reshape.source import Scope, Source
from collector.reshape.target import Target

_PARTS = ("workflow.", "workflow_builder.", "executor.", "edge_group.", "message.")


class AgentFramework:
    """Spans of the framework's scope that tell of a workflow, a step of it, or what goes between steps."""

    name = "agent framework"
    keys: tuple[str, ...] = ()
    scopes = ("agent_framework",)
    own = _PARTS

    def matches(self, resource: Attributes, scope: Scope, span: Source) -> bool:
        return scope.name == "agent_framework" and not span.has("gen_ai.") and span.name.startswith(_PARTS)

    def reshape(self, span: Source) -> Target | None:
        target = Target()
        target.kind(CHAIN)
        return target
