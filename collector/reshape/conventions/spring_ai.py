"""Spring AI: GenAI keys on its chat models, and `spring.ai.*` on tools, clients and advisors; `db.vector.*` on stores.

Source: its reference on observability; written from published keys, not from a recording.
"""

from __future__ import annotations

from openinference.semconv.trace import SpanAttributes

from collector.openinference.documents import write_documents
from collector.openinference.kinds import CHAIN, RETRIEVER, TOOL
from collector.otlp.values import Attributes
from collector.reshape.convention import Convention
from collector.reshape.documents import read_documents
from collector.reshape.keys import put_tool
from collector.reshape.source import SourceScope, SourceSpan
from collector.reshape.target import Target

KINDS = {"tool_call": TOOL, "chat_client": CHAIN, "advisor": CHAIN, "vector_store": RETRIEVER}
_KIND = "spring.ai.kind"
_ARGUMENTS, _RESULT = "spring.ai.tool.call.arguments", "spring.ai.tool.call.result"
_CLIENT = "spring.ai.chat.client."
_QUERY, _DOCUMENTS = "db.vector.query.content", "db.vector.query.response.documents"


class SpringAi(Convention):
    """Spans that name a kind of Spring AI's; those of chat and embedding models are GenAI's."""

    name = "spring ai"
    keys = own = ("spring.ai.", "db.vector.")
    identity = {SpanAttributes.SESSION_ID: (_CLIENT + "conversation.id", _CLIENT + "advisor.conversation.id")}

    def matches(self, resource: Attributes, scope: SourceScope, span: SourceSpan) -> bool:
        return span.text(_KIND) in KINDS

    def reshape(self, span: SourceSpan) -> Target | None:
        kind = KINDS[span.text(_KIND)]
        target = Target()
        if kind == RETRIEVER and span.text("db.operation.name") not in ("", "query"):
            kind = CHAIN  # documents are added or deleted
        target.kind(kind)
        if kind == TOOL:
            name, about = span.text("spring.ai.tool.definition.name"), span.get("spring.ai.tool.definition.description")
            put_tool(target, name, span.get("spring.ai.tool.call.id"), span.get(_ARGUMENTS), about)
            target.input(span.get(_ARGUMENTS), _ARGUMENTS)
            target.output(span.get(_RESULT), _RESULT)
        elif span.text(_KIND) == "vector_store":
            target.input(span.get(_QUERY), _QUERY)
            write_documents(target.put, SpanAttributes.RETRIEVAL_DOCUMENTS, read_documents(span.get(_DOCUMENTS)))
            target.output(span.get(_DOCUMENTS), _DOCUMENTS)
        else:
            target.input(span.get(*_ASKED), *_ASKED)
            target.output(span.get(*_ANSWERED), *_ANSWERED)
        return target


_ASKED = ("gen_ai.prompt", _CLIENT + "user.text")
_ANSWERED = ("gen_ai.completion",)
