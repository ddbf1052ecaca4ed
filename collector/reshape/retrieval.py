"""What spans say that embed, retrieve and rerank: texts and vectors, queries, documents, rankings."""

from __future__ import annotations

import re

from openinference.semconv.trace import DocumentAttributes, RerankerAttributes, SpanAttributes

from collector.openinference.documents import Document, write_documents, write_embeddings
from collector.otlp.values import Value, listed
from collector.reshape.conversation import INPUT
from collector.reshape.documents import read_documents, read_ranked
from collector.reshape.indexed import read_indexed
from collector.reshape.messages import DEFAULT, MessageReading, read_messages
from collector.reshape.source import SourceSpan
from collector.reshape.target import Target

TEXTS = ("ai.value", "ai.values", "gen_ai.embeddings.input")
VECTORS = ("ai.embedding", "ai.embeddings", "gen_ai.embeddings.vectors")


def put_embeddings(target: Target, span: SourceSpan, reading: MessageReading = DEFAULT) -> None:
    """The texts that were embedded, and their vectors."""
    texts = [text for key in TEXTS for text in _texts(span.get(key))]
    if not texts:
        indexed = read_indexed(span, reading)
        texts = [message.text for message in indexed.input if message.text]
        target.redundant |= indexed.input_keys
    if not texts:
        texts = [message.text for message in read_messages(span.get(INPUT), "user", reading)]
        target.input(span.get(INPUT), INPUT)
    vectors = [vector for key in VECTORS for vector in _vectors(span.get(key))]
    target.redundant.update(TEXTS)
    target.replaced.update(VECTORS)
    write_embeddings(target.put, texts, vectors)


def _texts(value: Value) -> list[Value]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _vectors(value: Value) -> list[Value]:
    """One vector, or a list of them, each perhaps as JSON text."""
    items = listed(value)
    return [items] if items and all(type(item) in (int, float) for item in items) else items


_QUERIES = ("gen_ai.retrieval.query.text", "gen_ai.retrieval.query", "gen_ai.memory.query.text", "gen_ai.memory.query")


def put_retrieval(target: Target, span: SourceSpan) -> None:
    """The query and the documents it found."""
    documents = span.get("gen_ai.retrieval.documents")
    write_documents(target.put, SpanAttributes.RETRIEVAL_DOCUMENTS, read_documents(documents))
    query = span.get(*_QUERIES)
    if query is not None:
        target.input(query, *_QUERIES)
    if documents is not None:
        target.output(documents, "gen_ai.retrieval.documents")


def put_reranking(target: Target, span: SourceSpan) -> None:
    """The query, the documents given, and the documents kept."""
    if span.text("llm.request.type") == "rerank":
        _put_numbered_reranking(target, span)
    query = span.get("gen_ai.rerank.query", "gen_ai.rerank.query.text")
    target.put(RerankerAttributes.RERANKER_QUERY, query)
    target.put(RerankerAttributes.RERANKER_TOP_K, span.number("gen_ai.rerank.top_k", "gen_ai.request.top_k"))
    given, kept = (
        span.get("gen_ai.rerank.documents", "gen_ai.rerank.input_documents"),
        span.get("gen_ai.rerank.results"),
    )
    write_documents(target.put, RerankerAttributes.RERANKER_INPUT_DOCUMENTS, read_documents(given))
    write_documents(target.put, RerankerAttributes.RERANKER_OUTPUT_DOCUMENTS, read_ranked(kept, given))
    target.input(query)


def _put_numbered_reranking(target: Target, span: SourceSpan) -> None:
    """OpenLLMetry's form, of Cohere: the documents are system messages and the query is the user's; what was kept is
    told as "Doc 0, Score: 0.9", perhaps with the document in the lines that follow."""
    indexed = read_indexed(span)
    given = [message.text for message in indexed.input if message.role == "system"]
    query = "\n".join(message.text for message in indexed.input if message.role == "user")
    kept: list[Document] = []
    for message in indexed.output:
        rank = _RANK.match(message.text)
        if rank is None:
            return
        at = int(rank["index"])
        text = message.text[rank.end() :].lstrip("\n") or (given[at] if at < len(given) else "")
        kept.append(
            {DocumentAttributes.DOCUMENT_CONTENT: text, DocumentAttributes.DOCUMENT_SCORE: float(rank["score"])}
        )
    target.put(RerankerAttributes.RERANKER_QUERY, query)
    documents: list[Document] = [{DocumentAttributes.DOCUMENT_CONTENT: text} for text in given]
    write_documents(target.put, RerankerAttributes.RERANKER_INPUT_DOCUMENTS, documents)
    write_documents(target.put, RerankerAttributes.RERANKER_OUTPUT_DOCUMENTS, kept)
    target.input(query)


_RANK = re.compile(r"Doc (?P<index>[0-9]{1,6}), Score: (?P<score>[0-9]{1,3}(?:\.[0-9]{1,20})?(?:e-?[0-9]{1,3})?)")
