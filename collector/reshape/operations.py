"""What kind a span of the GenAI conventions is: by its operation, by LoongSuite's label, else by what it holds.

The operation names beyond 1.41.1 (plan, agent_step, rerank) are in use already.
"""

from __future__ import annotations

from collector.openinference.kinds import AGENT, CHAIN, EMBEDDING, EVALUATOR, GUARDRAIL, LLM, RERANKER, RETRIEVER, TOOL
from collector.reshape.conversation import INPUT, OUTPUT
from collector.reshape.source import SourceSpan

OPERATIONS = {
    "chat": LLM,
    "text_completion": LLM,
    "completion": LLM,
    "generate_content": LLM,
    "embeddings": EMBEDDING,
    "embedding": EMBEDDING,
    "retrieval": RETRIEVER,
    "retrieve": RETRIEVER,
    "vector_db_retrieve": RETRIEVER,
    "search_memory": RETRIEVER,
    "rerank": RERANKER,
    "execute_tool": TOOL,
    "invoke_agent": AGENT,
    "create_agent": AGENT,
    "plan": AGENT,
    "invoke_workflow": CHAIN,
    "agent_step": CHAIN,
    "fetch_response": CHAIN,
    "execute_event_loop_cycle": CHAIN,
    "guardrail": GUARDRAIL,
    "apply_guardrail": GUARDRAIL,
    "evaluate": EVALUATOR,
}
SPAN_KINDS = {
    **{kind: kind for kind in (LLM, EMBEDDING, RETRIEVER, RERANKER, TOOL, AGENT, CHAIN, GUARDRAIL, EVALUATOR)},
    "GENERATION": LLM,
    "WORKFLOW": CHAIN,
    "TASK": CHAIN,
    "STEP": CHAIN,
    "ENTRY": CHAIN,
}
"""gen_ai.span.kind, of LoongSuite and what is built on it: AgentScope, Spring AI Alibaba, Eino."""

REQUEST_TYPES = {"chat": LLM, "completion": LLM, "embedding": EMBEDDING, "rerank": RERANKER}
"""llm.request.type, of OpenLLMetry before 0.55."""

NO_REQUEST = frozenset({TOOL, RETRIEVER, GUARDRAIL, EVALUATOR})
"""Kinds of spans that `llm.request.type` cannot be of, whoever wrote it there."""

TOOL_KEYS = ("gen_ai.tool.name", "gen_ai.tool.call.id", "gen_ai.tool.call_id")


def kind_of(span: SourceSpan) -> str:
    """The kind that the operation, else the keys, speak for; "" when nothing does: it is never LLM by default."""
    operation = span.text("gen_ai.operation.name").lower()
    kind = OPERATIONS.get(operation) or SPAN_KINDS.get(span.text("gen_ai.span.kind").upper())
    if kind:
        return kind
    attributes = span.attributes
    if any(key in attributes for key in TOOL_KEYS):
        return TOOL
    # Traceloop gives the agent's name to every descendant of an agent.
    if span.has("gen_ai.agent.") and not span.has("traceloop."):
        return CHAIN if "gen_ai.operation.name" in attributes else AGENT
    if span.has("gen_ai.usage.") or any(key in attributes for key in _OF_A_CALL):
        return LLM
    if "gen_ai.operation.name" in attributes:
        return CHAIN  # one that nobody knows; messages alone make it no request
    return LLM if INPUT in attributes or OUTPUT in attributes else ""


_OF_A_CALL = ("gen_ai.request.model", "gen_ai.response.model")
