"""Traceloop's wrappers around workflows, tasks, agents and tools (OpenLLMetry's decorators and frameworks).

`gen_ai.agent.name` is given to every descendant of an agent, so it says nothing of the kind here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from openinference.semconv.trace import SpanAttributes

from collector.openinference.documents import write_documents
from collector.openinference.kinds import AGENT, CHAIN, RETRIEVER, TOOL
from collector.otlp.values import Attributes, Value, read_json
from collector.reshape.convention import Convention
from collector.reshape.conventions.gen_ai import ARGUMENTS, RESULTS, put_association
from collector.reshape.conversation import BARE_INPUT, BARE_OUTPUT, DETAIL_KEYS, put_conversation
from collector.reshape.documents import read_documents
from collector.reshape.keys import put_tool
from collector.reshape.operations import OPERATIONS
from collector.reshape.source import SourceScope, SourceSpan
from collector.reshape.target import Target

KINDS = {"workflow": CHAIN, "task": CHAIN, "agent": AGENT, "tool": TOOL}
_CREWAI = ("crewai.crew.result", "crewai.task.output")
_OF = "traceloop.association.properties."
_TOLD_OTHERWISE = ("gen_ai.operation.name", SpanAttributes.OPENINFERENCE_SPAN_KIND)
"""What says the kind of a span whose kind of Traceloop's is none that is known."""
_INPUT, _OUTPUT = "traceloop.entity.input", "traceloop.entity.output"


class Traceloop(Convention):
    """Spans with a `traceloop.span.kind` that is not a request to a model."""

    name = "traceloop"
    keys = own = ("traceloop.",)
    identity = {
        SpanAttributes.SESSION_ID: (_OF + "session_id", _OF + "session.id", _OF + "thread_id"),
        SpanAttributes.USER_ID: (_OF + "user_id", _OF + "user.id"),
    }

    def matches(self, resource: Attributes, scope: SourceScope, span: SourceSpan) -> bool:
        kind = span.text("traceloop.span.kind").lower()
        if not kind:
            return scope.name == "traceloop.tracer" and _INPUT in span.attributes
        if kind in KINDS:
            return True
        return kind != "llm" and not any(key in span.attributes for key in _TOLD_OTHERWISE)

    def reshape(self, span: SourceSpan) -> Target | None:
        kind = KINDS.get(span.text("traceloop.span.kind").lower(), CHAIN)
        if kind == CHAIN and OPERATIONS.get(span.text("gen_ai.operation.name")) == RETRIEVER:
            kind = RETRIEVER  # LangChain's retrievers are tasks
        target = Target()
        target.kind(kind)
        put_association(target, span)
        name = span.text("traceloop.entity.name", "gen_ai.tool.name")
        if kind == TOOL:
            put_tool(target, name, span.get("gen_ai.tool.call.id"), _arguments(span.get(_INPUT, *ARGUMENTS)))
        elif kind == AGENT:
            target.put(SpanAttributes.AGENT_NAME, name)
            if any(key in span.attributes for key in DETAIL_KEYS):  # else it would wait for log records
                put_conversation(target, span, kind)
        write_documents(target.put, SpanAttributes.RETRIEVAL_DOCUMENTS, read_documents(_retrieved(span.get(_OUTPUT))))
        _put_once(target.input, target, span, (_INPUT, *ARGUMENTS, *BARE_INPUT))
        _put_once(target.output, target, span, (_OUTPUT, *RESULTS, *BARE_OUTPUT, *_CREWAI))
        return target


def _put_once(put: Callable[[Value], None], target: Target, span: SourceSpan, keys: Sequence[str]) -> None:
    """Put the first value there is; that and those that say the same under a second name need not stay."""
    value = span.get(*keys)
    put(value)
    if value is not None:
        target.redundant.update(key for key in keys if span.attributes.get(key) == value)


def _arguments(value: Value) -> Value:
    """What the tool itself was given: a framework's input holds it as `inputs`, a decorator's as `kwargs`."""
    found = read_json(value)
    if isinstance(found, dict):
        if found.get("inputs"):
            return found["inputs"]
        if found.get("args") == [] and isinstance(found.get("kwargs"), dict):
            return found["kwargs"]
    return value


def _retrieved(output: Value) -> list[Value] | None:
    """The documents of a retrieval task: a list of what LangChain's documents hold."""
    found = read_json(output)
    if isinstance(found, dict):
        found = found.get("documents") or found.get("outputs") or found.get("output")
    if not isinstance(found, list) or not found:
        return None
    bodies = [item.get("kwargs", item) if isinstance(item, dict) else None for item in found]
    return found if all(isinstance(body, dict) and "page_content" in body for body in bodies) else None
