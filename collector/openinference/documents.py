"""Documents that were found, texts that were embedded and their vectors: the one writer of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from openinference.semconv.trace import EmbeddingAttributes, SpanAttributes

from collector.openinference.messages import MOST_KEYS, Put
from collector.otlp.values import Value, read_json, to_text

Document: TypeAlias = dict[str, Value]
"""A document by its keys, which begin with `document.`; None is left out."""


def write_documents(put: Put, prefix: str, documents: Sequence[Document]) -> None:
    """Write `documents` as `prefix`.N.document.*."""
    for index, document in enumerate(documents[:MOST_KEYS]):
        base = f"{prefix}.{index}."
        for key, value in document.items():
            if value is not None:
                put(base + key, value)


def write_embeddings(put: Put, texts: Sequence[Value], vectors: Sequence[Value]) -> None:
    """Embedded texts and their vectors; a vector that is no list of numbers is left out."""
    base = SpanAttributes.EMBEDDING_EMBEDDINGS
    for index, text in enumerate(texts[:MOST_KEYS]):
        put(f"{base}.{index}.{EmbeddingAttributes.EMBEDDING_TEXT}", to_text(_unquoted(text)))
    for index, item in enumerate(vectors[:MOST_KEYS]):
        vector = read_json(item)
        if isinstance(vector, list) and vector and all(type(value) in (int, float) for value in vector):
            numbers = [float(value) for value in vector]
            put(f"{base}.{index}.{EmbeddingAttributes.EMBEDDING_VECTOR}", numbers)


def _unquoted(text: Value) -> Value:
    found = read_json(text)
    return found if isinstance(found, str) else text
