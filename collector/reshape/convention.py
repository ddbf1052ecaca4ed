"""The seam: what a source convention declares of itself, and what it must be able to do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple, TypeAlias

from collector.otlp.values import Attributes
from collector.reshape.source import SourceScope, SourceSpan
from collector.reshape.target import Target

Table: TypeAlias = Mapping[str, Sequence[str]]
"""What is wanted, and the source keys that say it, the best first."""

BY_SPAN = "span"
"""A log record is found by the id of the span it carries."""

BY_TRACE = ""
"""A log record is found by its trace alone."""


class LogRecords(NamedTuple):
    """The log records that hold what spans do not: by name, and what finds them: `BY_SPAN`, `BY_TRACE`, or the
    attribute whose value the span knows.

    A record of a scope that begins with `scope` may leave out `prefix` in its name.
    """

    names: Mapping[str, str]
    scope: str = ""
    prefix: str = ""


class Convention(ABC):
    """One way of describing agent spans, and how it becomes OpenInference's.

    `matches` is asked only of spans that hold a key or scope named in `keys` or `scopes`, so it may be wide. All that
    is known of a convention stands in its class: the stage reads identity and token counts of every convention by
    these tables, and the log records to keep.
    """

    name: ClassVar[str]
    keys: ClassVar[tuple[str, ...]] = ()
    """Attribute keys, or beginnings of them, without which the convention cannot match."""
    scopes: ClassVar[tuple[str, ...]] = ()
    """Scope or service names, or beginnings of them, that make it worth asking whatever the keys."""
    own: ClassVar[tuple[str, ...]] = ()
    """The keys that are this convention's, or with a dot or colon at the end their beginnings: what goes when no
    source key is to stay."""
    identity: ClassVar[Table] = {}
    """Session, user and agent, by OpenInference's key."""
    counts: ClassVar[Table] = {}
    """Token counts, by their name in `TokenCounts`."""
    exclusive_counts: ClassVar[bool] = False
    """Whether input is counted without the cache and output without the reasoning, where the counts do not tell."""
    drops: ClassVar[bool] = False
    """Whether some of its spans are internal and dropped, so that a parent may never be sent."""
    asked_above: ClassVar[tuple[str, ...]] = ()
    """What spans ask of those above them, which is remembered of dropped ones."""
    records: ClassVar[LogRecords] = LogRecords({})

    @abstractmethod
    def matches(self, resource: Attributes, scope: SourceScope, span: SourceSpan) -> bool:
        """Whether `span` is written in this convention."""

    @abstractmethod
    def reshape(self, span: SourceSpan) -> Target | None:
        """What OpenInference says of `span`; None leaves it to the conventions that follow."""
