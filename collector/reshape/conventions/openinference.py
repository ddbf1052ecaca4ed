"""OpenInference already: nothing to do, and nothing to touch."""

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
        return None
