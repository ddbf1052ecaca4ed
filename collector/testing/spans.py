"""Kept spans as tests ask of them: attributes by name, and the tree."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collector.batch import Signal
from collector.testing.filters import attribute_of

if TYPE_CHECKING:
    from collector.store import Reading
    from collector.viewer.shown.spans import ShownSpan

MOST_REQUESTS = 10_000


@dataclass(frozen=True, slots=True)
class KeptSpan:
    """A kept span: `span["llm.model_name"]` is an attribute, None where it has none; times in nanoseconds."""

    kept: ShownSpan

    def __getitem__(self, key: str) -> Any:
        found = self.kept.attributes.get(key)
        if found is None and "__" in key and key not in self.kept.attributes:
            raise KeyError(f"an attribute is asked for by its own name, span[{attribute_of(key)!r}]")
        return found

    def __contains__(self, key: str) -> bool:
        return key in self.kept.attributes

    @property
    def attributes(self) -> dict[str, Any]:
        return self.kept.attributes

    @property
    def resource(self) -> dict[str, Any]:
        return self.kept.resource

    @property
    def name(self) -> str:
        return self.kept.name

    @property
    def kind(self) -> str:
        """OpenInference's kind: AGENT, LLM, TOOL, CHAIN, ..."""
        return self.kept.kind

    @property
    def session(self) -> str:
        return self.kept.session_id

    @property
    def trace(self) -> str:
        return self.kept.trace_id

    @property
    def id(self) -> str:
        return self.kept.span_id

    @property
    def parent(self) -> str:
        return self.kept.parent_id

    @property
    def failed(self) -> bool:
        return self.kept.failed

    @property
    def error(self) -> str:
        return self.kept.error

    @property
    def events(self) -> list[str]:
        """The names of its events, in order."""
        return [event.name for event in self.kept.events]

    def has(self, **wanted: Any) -> bool:
        """Whether it has all of this; see `RunningCollector.spans`."""
        own = {
            "kind": self.kind,
            "name": self.name,
            "session": self.session,
            "trace": self.trace,
            "failed": self.failed,
        }
        return all(
            own[key] == value if key in own else self.attributes.get(attribute_of(key)) == value
            for key, value in wanted.items()
        )

    def place_of(self, texts: Collection[str]) -> str | None:
        """Where any of `texts` stands in it; None where none does."""
        places: list[tuple[str, Any]] = [("name", self.name), ("status message", self.error)]
        places += self.attributes.items()
        places += [(f"resource, {key}", value) for key, value in self.resource.items()]
        for event in self.kept.events:
            places += [(f"event {event.name}", event.name)]
            places += [(f"event {event.name}, {key}", value) for key, value in event.attributes.items()]
        return next((place for place, value in places if any(t in place or t in str(value) for t in texts)), None)

    def __repr__(self) -> str:
        return f"<{self.kind or 'span'} {self.name!r}{' failed' if self.failed else ''}>"


def kept_spans(reader: Reading) -> list[KeptSpan]:
    """Every span that is kept, in order of its start; of a span that came twice the later."""
    from collector.viewer.shown.spans import read_spans

    requests: Any = reversed(reader.newest(Signal.TRACES, MOST_REQUESTS))
    found = {span.key: span for span in read_spans(requests)}
    return [KeptSpan(span) for span in sorted(found.values(), key=lambda span: (span.start_ns, span.end_ns))]


def attributes_of(spans: Iterable[KeptSpan]) -> set[str]:
    """The names of all attributes that any of them has."""
    return {name for span in spans for name in span.attributes}


def tree(spans: Iterable[KeptSpan]) -> str:
    """Traces as trees, oldest first."""
    from collector.viewer.shown.figures import duration
    from collector.viewer.shown.roots import parents_of

    every = list(spans)
    lines: list[str] = []
    for trace in dict.fromkeys(span.trace for span in every):
        own = [span for span in every if span.trace == trace]
        parent = parents_of(span.kept for span in own)
        lines.append(f"trace {trace}")
        waiting = [(span, 1) for span in reversed(own) if not parent[span.id]]
        while waiting:
            span, depth = waiting.pop()
            failed = f" FAILED: {span.error}" if span.failed else ""
            took = duration(span.kept.duration_ns)
            lines.append(f"{'  ' * depth}{span.kind or 'span'} {span.name} ({took}){failed}")
            waiting += [(child, depth + 1) for child in reversed(own) if parent[child.id] == span.id]
    return "\n".join(lines) or "no spans"
