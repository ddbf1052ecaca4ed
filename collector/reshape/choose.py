"""Which convention has a span, and what the others add: what a span holds decides, not its first label."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from openinference.semconv.trace import SpanAttributes

from collector.openinference.kinds import AGENT, CHAIN, EMBEDDING, LLM, RERANKER, RETRIEVER
from collector.openinference.tokens import write_tokens
from collector.otlp.values import Attributes
from collector.reshape.convention import Convention, Table
from collector.reshape.counts import settle
from collector.reshape.keys import drop_impossible_costs, put_counts, put_identity
from collector.reshape.source import SourceScope, SourceSpan
from collector.reshape.target import Target

COUNTED = frozenset({LLM, EMBEDDING, RERANKER, RETRIEVER})
"""Kinds whose tokens are counted; those of an AGENT are those of the requests below it."""

_KIND = SpanAttributes.OPENINFERENCE_SPAN_KIND
_WHOLE = (SpanAttributes.INPUT_VALUE, SpanAttributes.OUTPUT_VALUE)
_MOST_PLAIN_KEYS = 10_000
_LONGEST_PLAIN_KEY = 100


class Chooser:
    """Asks `conventions` in their order; `asked` is the name of the one that was asked last."""

    def __init__(self, conventions: Sequence[Convention]) -> None:
        self._conventions = conventions
        self._identity = _joined(convention.identity for convention in conventions)
        self._counts = _joined(convention.counts for convention in conventions)
        self._keys = tuple(key for convention in conventions for key in convention.keys)
        self._scopes = tuple(scope for convention in conventions for scope in convention.scopes)
        self._plain: set[str] = set()
        self.asked = ""

    def is_named(self, resource: Attributes, scope: str) -> bool:
        """Whether a convention is to be asked because of the scope or the service, whatever the keys."""
        service = resource.get("service.name")
        return scope.startswith(self._scopes) or (isinstance(service, str) and service.startswith(self._scopes))

    def may_match(self, keys: list[str]) -> bool:
        """Whether any key is of a convention; keys found to be none are not looked at again."""
        if self._plain.issuperset(keys):
            return False
        found = False
        for key in keys:
            if key in self._plain:
                continue
            if key.startswith(self._keys):
                found = True
            elif len(self._plain) < _MOST_PLAIN_KEYS and len(key) <= _LONGEST_PLAIN_KEY:
                self._plain.add(key)
        return found

    def choose(self, resource: Attributes, scope: SourceScope, span: SourceSpan) -> tuple[Convention, Target] | None:
        """The convention that has the span, and all that is known of it; None when no convention has it.

        The first that matches has the span. Those that follow are asked as well where it is unsure of the kind, or
        does not know what went in and came out.
        """
        conventions = iter(self._conventions)
        for first in conventions:
            self.asked = first.name
            if first.matches(resource, scope, span):
                target = first.reshape(span)
                if target is None:
                    return None
                if not target.internal:
                    guessed = target.kind_of
                    self._ask_others(resource, scope, span, target, conventions)
                    self.asked = first.name
                    if target.kind_of != guessed:
                        _add_as(target.kind_of, first, span, target)
                    self._finish(span, target, first)
                return first, target
        return None

    def _ask_others(
        self,
        resource: Attributes,
        scope: SourceScope,
        span: SourceSpan,
        target: Target,
        conventions: Iterable[Convention],
    ) -> None:
        for convention in conventions:
            if not (target.unsure or _lacks_content(target)):
                return
            self.asked = convention.name
            if convention.matches(resource, scope, span):
                other = convention.reshape(span if target.unsure else _known_as(target.kind_of, span))
                if other is None or other.internal:
                    continue
                if target.unsure and other.kind_of != CHAIN:
                    target.attributes[_KIND] = other.kind_of
                    target.unsure = other.unsure
                target.add(other)

    def _finish(self, span: SourceSpan, target: Target, convention: Convention) -> None:
        put_identity(target, span, self._identity)
        kind = span.text(_KIND) or target.kind_of
        if kind in COUNTED:
            put_counts(target, span, self._counts)
            settle(target.tokens, exclusive=convention.exclusive_counts)
            if kind == EMBEDDING and target.tokens.total is None:
                target.tokens.total = target.tokens.prompt  # nothing comes out that would be counted
            write_tokens(target.put, target.tokens)
        drop_impossible_costs(target)


def _add_as(kind: str, convention: Convention, span: SourceSpan, target: Target) -> None:
    """What `convention` says of a span of `kind`, which another one knew: the same as when the span comes again."""
    again = convention.reshape(_known_as(kind, span))
    if again is not None and not again.internal:
        target.add(again)


def _known_as(kind: str, span: SourceSpan) -> SourceSpan:
    """The span as it is when it comes again, its kind known."""
    return replace(span, attributes={**span.attributes, _KIND: kind})


def _lacks_content(target: Target) -> bool:
    """Whether input and output are unknown; of a request to a model, or an agent, one of them."""
    known = [key in target.attributes for key in _WHOLE]
    return not all(known) if target.kind_of in _OF_A_MODEL else not any(known)


_OF_A_MODEL = frozenset({LLM, AGENT, EMBEDDING})


def _joined(tables: Iterable[Table]) -> Table:
    """The tables of all conventions as one, the sources of the first convention first."""
    found: dict[str, list[str]] = {}
    for table in tables:
        for key, names in table.items():
            found.setdefault(key, []).extend(name for name in names if name not in found.get(key, ()))
    return {key: tuple(names) for key, names in found.items()}
