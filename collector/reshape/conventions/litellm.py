"""LiteLLM's `otel` callback: GenAI keys, and beside them the provider's usage as Python prints it.

Measured with 1.110. Its other callbacks write Langfuse's keys or OpenInference's, and are read as those.
"""

from __future__ import annotations

from collector.openinference.kinds import EMBEDDING, LLM
from collector.otlp.values import Attributes
from collector.reshape.convention import Convention
from collector.reshape.conventions.gen_ai import reshape_gen_ai
from collector.reshape.counts import read_printed
from collector.reshape.keys import put_usage
from collector.reshape.operations import kind_of
from collector.reshape.source import SourceScope, SourceSpan
from collector.reshape.target import Target

_SCOPE = "litellm"
_USAGE = "metadata.usage_object"


class LiteLlm(Convention):
    """Requests of LiteLLM's scope; its spans of what a provider was sent hold no kind, and say the same again."""

    name = "litellm"
    scopes = (_SCOPE,)
    own = ("gen_ai.", "llm.", "metadata.", "litellm.", "hidden_params")

    def matches(self, resource: Attributes, scope: SourceScope, span: SourceSpan) -> bool:
        return scope.name == _SCOPE and bool(kind_of(span))

    def reshape(self, span: SourceSpan) -> Target | None:
        kind = kind_of(span)
        target = reshape_gen_ai(span, kind)
        if target is not None and kind in (LLM, EMBEDDING):
            put_usage(target, read_printed(span.text(_USAGE)))
        return target
