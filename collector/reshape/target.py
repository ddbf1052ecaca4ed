"""What a span gains and what it need not keep, collected before anything is changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from openinference.semconv.trace import (
    MessageAttributes,
    OpenInferenceMimeTypeValues,
    RerankerAttributes,
    SpanAttributes,
)

from collector.openinference.messages import ChatMessage, write_input_messages, write_output_messages
from collector.openinference.tokens import TokenCounts
from collector.otlp.values import Value, is_json, to_json, to_text

_JSON = OpenInferenceMimeTypeValues.JSON.value
_TEXT = OpenInferenceMimeTypeValues.TEXT.value


GROUPS = (
    SpanAttributes.LLM_INPUT_MESSAGES,
    SpanAttributes.LLM_OUTPUT_MESSAGES,
    SpanAttributes.LLM_TOOLS,
    SpanAttributes.RETRIEVAL_DOCUMENTS,
    SpanAttributes.EMBEDDING_EMBEDDINGS,
    RerankerAttributes.RERANKER_INPUT_DOCUMENTS,
    RerankerAttributes.RERANKER_OUTPUT_DOCUMENTS,
)
"""Lists whose items belong together: those of two sources cannot be mixed."""


@dataclass(slots=True)
class Target:
    """The OpenInference attributes of one span.

    `redundant` are source keys that go when all they say stands in `attributes`; `redundant_in_events` the same, by
    event name. `replaced` are source keys that go whatever they say: it was written in another form, or is not wanted.
    `internal` asks for the span to be dropped, and counted; `root` says that nothing above it is kept. `unsure` says
    that the kind is no more than a label, which what the span holds may prove wrong. `awaited` names log records that
    may still say more.
    """

    attributes: dict[str, Value] = field(default_factory=dict)
    redundant: set[str] = field(default_factory=set)
    redundant_in_events: dict[str, set[str]] = field(default_factory=dict)
    replaced: set[str] = field(default_factory=set)
    internal: bool = False
    unsure: bool = False
    root: bool = False
    tokens: TokenCounts = field(default_factory=TokenCounts)
    awaited: set[tuple[str, str]] = field(default_factory=set)

    def put(self, key: str, value: Value) -> None:
        """Set `key` unless it is set already, or there is nothing to say."""
        if value is not None and value != "" and value != []:
            self.attributes.setdefault(key, value)

    def add(self, other: Target) -> None:
        """Take what `other` says of keys that are not set yet; a list is taken whole or not at all."""
        taken = tuple(group for group in GROUPS if any(key.startswith(group) for key in self.attributes))
        for key, value in other.attributes.items():
            if not key.startswith(taken) and key not in self.attributes:
                self.put(key, value)
        self.tokens.fill(other.tokens)
        self.awaited |= other.awaited
        self.redundant |= other.redundant
        self.replaced |= other.replaced
        for name, keys in other.redundant_in_events.items():
            self.redundant_in_events.setdefault(name, set()).update(keys)

    def input_messages(self, messages: Sequence[ChatMessage]) -> None:
        """Set the messages that went in, unless there are some already: those of two sources cannot be mixed."""
        if messages and not self._has(SpanAttributes.LLM_INPUT_MESSAGES):
            write_input_messages(self.put, messages)

    def output_messages(self, messages: Sequence[ChatMessage]) -> None:
        """As `input_messages`, for those that came out."""
        if messages and not self._has(SpanAttributes.LLM_OUTPUT_MESSAGES):
            write_output_messages(self.put, messages)

    def _has(self, group: str) -> bool:
        return f"{group}.0.{MessageAttributes.MESSAGE_ROLE}" in self.attributes

    @property
    def kind_of(self) -> str:
        """The span kind, "" before one is set."""
        return str(self.attributes.get(SpanAttributes.OPENINFERENCE_SPAN_KIND, ""))

    def kind(self, kind: str) -> None:
        self.put(SpanAttributes.OPENINFERENCE_SPAN_KIND, kind)

    def input(self, value: Value, *redundant: str, known_json: bool = False) -> None:
        """Set input.value and its type; `redundant` are the keys that said the same. `known_json` saves a look whether
        a text is JSON."""
        self._io(SpanAttributes.INPUT_VALUE, SpanAttributes.INPUT_MIME_TYPE, value, redundant, known_json)

    def output(self, value: Value, *redundant: str, known_json: bool = False) -> None:
        """As `input`, for output.value."""
        self._io(SpanAttributes.OUTPUT_VALUE, SpanAttributes.OUTPUT_MIME_TYPE, value, redundant, known_json)

    def _io(self, key: str, mime_key: str, value: Value, redundant: Iterable[str], known_json: bool) -> None:
        if isinstance(value, bytes):
            return  # no text: it stays where it is
        text = to_text(value)
        self.redundant.update(redundant)
        if text and key not in self.attributes:
            self.attributes[key] = text
            as_json = known_json or not isinstance(value, str) or is_json(text)
            self.attributes[mime_key] = _JSON if as_json else _TEXT

    def metadata(self, values: Mapping[str, Value]) -> None:
        """Set metadata to a JSON object of `values`."""
        if values:
            self.put(SpanAttributes.METADATA, to_json(values))
