"""One span as the conventions read it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from collector.otlp.values import Attributes, Value, number, read_json


class SourceEvent(NamedTuple):
    """A span event, or a log record joined to its span; `body` is None for the former."""

    name: str
    attributes: Attributes
    body: Value = None
    time_ns: int = 0


class SourceScope(NamedTuple):
    """The instrumentation scope a span came from."""

    name: str
    version: str


@dataclass(slots=True)
class SourceSpan:
    """What a convention may look at.

    The span and its events; the first value under any of some keys on the nearest ancestor that has one (`above`), or
    on any span of its trace (`in_trace`), as far as they are known; and log records that came with the same trace.
    """

    name: str
    attributes: dict[str, Value]
    events: Sequence[SourceEvent] = ()
    id: str = ""
    scope: str = ""
    start_ns: int = 0
    end_ns: int = 0
    above: Callable[[tuple[str, ...]], Value] = field(default=lambda keys: None)
    in_trace: Callable[[str], Value] = field(default=lambda key: None)
    joined: Callable[[str, str], Sequence[SourceEvent]] = field(default=lambda name, value: ())
    _sorted: list[str] = field(default_factory=list, init=False)

    def get(self, *keys: str) -> Value:
        """The first value that is neither missing nor empty."""
        attributes = self.attributes
        for key in keys:
            value = attributes.get(key)
            if value is not None and value != "":
                return value
        return None

    def text(self, *keys: str) -> str:
        """The first value that is a text with something in it."""
        for key in keys:
            value = self.attributes.get(key)
            if value and isinstance(value, str):
                return value
        return ""

    def number(self, *keys: str) -> int | float | None:
        """The first value that is a number, or a number as text."""
        attributes = self.attributes
        for key in keys:
            value = attributes.get(key)
            if value is not None and (found := number(value)) is not None:
                return found
        return None

    def json(self, *keys: str) -> Value:
        """The first value that is neither missing nor empty, read as JSON where it is JSON text."""
        return read_json(self.get(*keys))

    def has(self, prefix: str) -> bool:
        """Whether any key begins with `prefix`; the keys are sorted once, since every convention asks."""
        keys = self._sorted
        if len(keys) != len(self.attributes):  # attributes are added, never taken away
            keys = self._sorted = sorted(self.attributes)
        at = bisect_left(keys, prefix)
        return at < len(keys) and keys[at].startswith(prefix)

    def under(self, prefix: str) -> dict[str, Value]:
        """The attributes whose key begins with `prefix`, without it."""
        if not self.has(prefix):
            return {}
        cut = len(prefix)
        return {key[cut:]: value for key, value in self.attributes.items() if key.startswith(prefix)}


def with_texts(attributes: dict[str, Value]) -> dict[str, Value]:
    """Attributes that say something, those of bytes that are JSON as that text: messages come so.

    A name is never sent as bytes. A key without a value says nothing, and must not decide what the span is.
    """
    if None in attributes.values():
        attributes = {key: value for key, value in attributes.items() if value is not None}
    for key, value in attributes.items():
        if type(value) is bytes and value[:1] in (b"[", b"{"):
            with suppress(UnicodeDecodeError):
                attributes[key] = value.decode()
    return attributes
