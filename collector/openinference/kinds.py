"""The span kinds of OpenInference."""

from __future__ import annotations

from openinference.semconv.trace import OpenInferenceSpanKindValues

LLM = OpenInferenceSpanKindValues.LLM.value
AGENT = OpenInferenceSpanKindValues.AGENT.value
TOOL = OpenInferenceSpanKindValues.TOOL.value
CHAIN = OpenInferenceSpanKindValues.CHAIN.value
EMBEDDING = OpenInferenceSpanKindValues.EMBEDDING.value
RETRIEVER = OpenInferenceSpanKindValues.RETRIEVER.value
RERANKER = OpenInferenceSpanKindValues.RERANKER.value
GUARDRAIL = OpenInferenceSpanKindValues.GUARDRAIL.value
EVALUATOR = OpenInferenceSpanKindValues.EVALUATOR.value
PROMPT = OpenInferenceSpanKindValues.PROMPT.value
