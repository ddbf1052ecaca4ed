"""The seam: what a source convention must be able to do."""

from __future__ import annotations

from typing import Protocol

from collector.otlp.values import Attributes
from collector.reshape.source import Scope, Source
from collector.reshape.target import Target


class Convention(Protocol):
    """One way of describing agent spans, and how it becomes OpenInference's.

    `matches` is asked only of spans that hold a key or scope named in `keys` or `scopes`, so it may be wide.
    """

    @property
    def name(self) -> str: ...

    @property
    def keys(self) -> tuple[str, ...]:
        """Attribute keys, or beginnings of them, without which the convention cannot match."""
        ...

    @property
    def scopes(self) -> tuple[str, ...]:
        """Scope or service names, or beginnings of them, that make it worth asking whatever the keys."""
        ...

    @property
    def own(self) -> tuple[str, ...]:
        """The keys that are this convention's, or with a dot or colon at the end their beginnings: what goes
        when no source key is to stay."""
        ...

    def matches(self, resource: Attributes, scope: Scope, span: Source) -> bool:
        """Whether `span` is written in this convention."""
        ...

    def reshape(self, span: Source) -> Target | None:
        """What OpenInference says of `span`; None leaves it as it is."""
        ...
