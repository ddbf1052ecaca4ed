"""Texts as columns of PostgreSQL take them: without U+0000, and in an index no longer than it holds (pure)."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from collector.batch import SpanEntry

_MOST_BYTES = 600
"""A row of a B-tree holds about 2,700 bytes, in up to three texts here."""
_LARGEST = 2**63 - 1


def storable(text: str) -> str:
    """The text with U+FFFD in the place of U+0000, which no text column takes."""
    return text.replace("\0", "\ufffd") if "\0" in text else text


def indexable(text: str) -> str:
    """The text as it is looked up: a very long one by its beginning and a hash of the whole."""
    text = storable(text)
    if len(text) <= _MOST_BYTES // 4 or len(raw := text.encode("utf-8", "replace")) <= _MOST_BYTES:
        return text
    return f"{text[:120]}…{hashlib.sha256(raw).hexdigest()}"


def storable_entry(span: SpanEntry) -> SpanEntry:
    """The entry as the tables hold it."""
    return replace(
        span,
        session_id=indexable(span.session_id),
        service=storable(span.service),
        name=storable(span.name),
        kind=storable(span.kind),
        model=indexable(span.model),
        tokens=bounded_number(span.tokens),
        tool=indexable(span.tool),
        title=storable(span.title),
        directory=storable(span.directory),
        agent=storable(span.agent),
        prompt=storable(span.prompt),
        failure=storable(span.failure),
    )


def bounded_number(number: int) -> int:
    """The number as a column of 64 bits holds it."""
    return max(min(number, _LARGEST), -_LARGEST)
