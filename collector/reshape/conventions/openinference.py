"""OpenInference already: nothing to touch, and something to add only where the span says no more than what it is."""

from __future__ import annotations

from openinference.semconv.trace import SpanAttributes

from collector.otlp.values import Attributes
from collector.reshape.convention import Convention
from collector.reshape.source import SourceScope, SourceSpan
from collector.reshape.target import Target


class OpenInference(Convention):
    """A span with a kind has been reshaped, by its instrumentation or by another collector."""

    name = "openinference"
    keys = (SpanAttributes.OPENINFERENCE_SPAN_KIND,)

    def matches(self, resource: Attributes, scope: SourceScope, span: SourceSpan) -> bool:
        return SpanAttributes.OPENINFERENCE_SPAN_KIND in span.attributes

    def reshape(self, span: SourceSpan) -> Target | None:
        if any(key.startswith(_SAID) for key in span.attributes) or not any(
            key.startswith(_ELSEWHERE) for key in span.attributes
        ):
            return None
        target = Target()
        target.kind(span.text(SpanAttributes.OPENINFERENCE_SPAN_KIND))
        return target


_SAID = (
    SpanAttributes.INPUT_VALUE,
    SpanAttributes.OUTPUT_VALUE,
    SpanAttributes.LLM_INPUT_MESSAGES,
    SpanAttributes.LLM_OUTPUT_MESSAGES,
    SpanAttributes.RETRIEVAL_DOCUMENTS,
    SpanAttributes.EMBEDDING_EMBEDDINGS,
    "reranker.",
)
_ELSEWHERE = ("gen_ai.", "langfuse.", "traceloop.", "ai.", "mlflow.", "langsmith.", "pydantic_ai.", "mastra.")
"""Keys of conventions that instrumentations write beside a kind: LiteLLM's `langfuse_otel`, and decorators."""
