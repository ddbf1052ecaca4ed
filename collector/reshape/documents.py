"""Documents of any retriever or reranker as one shape."""

from __future__ import annotations

from openinference.semconv.trace import DocumentAttributes

from collector.openinference.documents import Document
from collector.openinference.messages import MOST_KEYS
from collector.otlp.values import Value, listed, number, read_json, to_text


def read_documents(value: Value) -> list[Document]:
    """The documents in `value`, as far as they can be told from other results."""
    return [_document(found) for found in _documents(value)[:MOST_KEYS]]


def read_ranked(ranking: Value, given: Value) -> list[Document]:
    """The documents of a ranking, which may be no more than indexes into those that were given, and scores."""
    documents = read_documents(given)
    found: list[Document] = []
    for item in listed(ranking)[:MOST_KEYS]:
        rank = read_json(item)
        index = rank.get("index") if isinstance(rank, dict) else None
        of_given = documents[index] if isinstance(index, int) and 0 <= index < len(documents) else {}
        own = _document(rank) if isinstance(rank, (dict, str)) else {}
        found.append({**of_given, **{key: value for key, value in own.items() if value is not None}})
    return found


def _document(found: Value) -> Document:
    if isinstance(found, str):
        return {DocumentAttributes.DOCUMENT_CONTENT: found}
    document: Document = {}
    for key, names in _DOCUMENT:
        value = next((found[name] for name in names if found.get(name) is not None), None)
        if key == DocumentAttributes.DOCUMENT_SCORE:
            document[key] = number(value)
        elif value is not None:
            document[key] = to_text(value)
    return document


_DOCUMENT = (
    (DocumentAttributes.DOCUMENT_ID, ("id", "document_id", "doc_id", "_id")),
    (
        DocumentAttributes.DOCUMENT_CONTENT,
        ("page_content", "pageContent", "content", "text", "document", "chunk", "body"),
    ),
    (DocumentAttributes.DOCUMENT_SCORE, ("score", "relevance_score", "relevanceScore", "similarity")),
    (DocumentAttributes.DOCUMENT_METADATA, ("metadata",)),
)


def _documents(value: Value, depth: int = 0) -> list[Value]:
    value = read_json(value)
    if isinstance(value, dict) and depth < 4:
        if isinstance(value.get("kwargs"), dict):
            return [_unwrapped(value)]
        for key in ("documents", "output", "results", "source_documents", "docs", "nodes", "matches"):
            if isinstance(value.get(key), list):
                return _documents(value[key], depth + 1)
        return [value] if any(name in value for name in _DOCUMENT[1][1]) else []
    if not isinstance(value, list):
        return []
    items = [_unwrapped(read_json(item)) for item in value]
    return [item for item in items if isinstance(item, (dict, str)) and item]


def _unwrapped(item: Value) -> Value:
    for key in ("kwargs", "node"):
        if isinstance(item, dict) and isinstance(item.get(key), dict):
            return {**item[key], **({"score": item["score"]} if "score" in item else {})}
    return item
