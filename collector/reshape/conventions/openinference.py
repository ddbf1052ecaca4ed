"""OpenInference already: nothing to do, and nothing to touch."""

from __future__ import annotations

from openinference.semconv.trace import SpanAttributes

from collector.otlp.values import Attributes
from collector.reshape.source import Scope, Source
from collector.reshape.target import Target


class OpenInference:
    """A span with a kind has been reshaped, by its instrumentation or by another collector."""

    name = "openinference"
    keys = (SpanAttributes.OPENINFERENCE_SPAN_KIND,)
    scopes: tuple[str, ...] = ()
    own: tuple[str, ...] = ()

    def matches(self, resource: Attributes, scope: Scope, span: Source) -> bool:
        return SpanAttributes.OPENINFERENCE_SPAN_KIND in span.attributes

    def reshape(self, span: Source) -> Target | None:
        return None
