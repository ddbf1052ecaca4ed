"""What a span gains and what it need not keep, collected before anything is changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from openinference.semconv.trace import OpenInferenceMimeTypeValues, SpanAttributes

from collector.otlp.values import Value, is_json, to_json, to_text

_JSON = OpenInferenceMimeTypeValues.JSON.value
_TEXT = OpenInferenceMimeTypeValues.TEXT.value


@dataclass(slots=True)
class Target:
    """The OpenInference attributes of one span.

    `twins` are source keys whose content now stands in `attributes`; `event_twins` the same, by event name.
    `internal` asks for the span to be dropped, and counted.
    """

    attributes: dict[str, Value] = field(default_factory=dict)
    twins: set[str] = field(default_factory=set)
    event_twins: dict[str, set[str]] = field(default_factory=dict)
    internal: bool = False

    def put(self, key: str, value: Value) -> None:
        """Set `key` unless it is set already, or there is nothing to say."""
        if value is not None and value != "" and value != []:
            self.attributes.setdefault(key, value)

    def add(self, other: Target) -> None:
        """Take what `other` says of keys that are not set yet, and its twins."""
        for key, value in other.attributes.items():
            self.put(key, value)
        self.twins |= other.twins
        self.event_twins.update(other.event_twins)

    def kind(self, kind: str) -> None:
        self.put(SpanAttributes.OPENINFERENCE_SPAN_KIND, kind)

    def input(self, value: Value, *twins: str, known_json: bool = False) -> None:
        """Set input.value and its type; `twins` are the keys that said the same. `known_json` saves a look whether
        a text is JSON."""
        self._io(SpanAttributes.INPUT_VALUE, SpanAttributes.INPUT_MIME_TYPE, value, twins, known_json)

    def output(self, value: Value, *twins: str, known_json: bool = False) -> None:
        """As `input`, for output.value."""
        self._io(SpanAttributes.OUTPUT_VALUE, SpanAttributes.OUTPUT_MIME_TYPE, value, twins, known_json)

    def _io(self, key: str, mime_key: str, value: Value, twins: Iterable[str], known_json: bool) -> None:
        text = to_text(value)
        self.twins.update(twins)
        if text and key not in self.attributes:
            self.attributes[key] = text
            as_json = known_json or not isinstance(value, str) or is_json(text)
            self.attributes[mime_key] = _JSON if as_json else _TEXT

    def metadata(self, values: Mapping[str, Value]) -> None:
        """Set metadata to a JSON object of `values`."""
        if values:
            self.put(SpanAttributes.METADATA, to_json(values))
