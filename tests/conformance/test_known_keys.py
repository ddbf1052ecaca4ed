"""Every key of the semantic-convention packages is mapped, or listed as not with the reason."""

from __future__ import annotations

import re
from inspect import getsource
from pathlib import Path
from types import ModuleType

from openinference.semconv import trace as openinference
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes, mcp_attributes

RESHAPE = Path(__file__).parents[2] / "collector"

NOT_MAPPED = {
    # OpenTelemetry GenAI
    "gen_ai.agent.description": "stays; OpenInference has no key",
    "gen_ai.agent.id": "stays; often a new one each run, and dashboards group by agent.id",
    "gen_ai.agent.version": "stays; OpenInference has no key",
    "gen_ai.data_source.id": "stays; OpenInference has no key",
    "gen_ai.embeddings.dimension.count": "stays; OpenInference counts the vector itself",
    "gen_ai.openai.request.response_format": "deprecated for gen_ai.output.type",
    "gen_ai.openai.request.seed": "deprecated for gen_ai.request.seed",
    "gen_ai.openai.response.service_tier": "stays; OpenInference has no key",
    "gen_ai.openai.response.system_fingerprint": "stays; OpenInference has no key",
    "gen_ai.prompt.name": "stays; prompt.id of OpenInference is a registry's",
    "gen_ai.request.encoding_formats": "stays; of embeddings, whose vectors say it",
    "gen_ai.response.time_to_first_chunk": "stays; OpenInference has no key",
    "gen_ai.token.type": "of metrics",
    "gen_ai.tool.type": "stays; OpenInference has no key",
    "gen_ai.workflow.name": "stays; the span's name says it",
    # MCP: its spans are those of a protocol, below the tool call that an agent made
    **dict.fromkeys(
        (
            "mcp.method.name",
            "mcp.protocol.version",
            "mcp.request.argument",
            "mcp.request.id",
            "mcp.resource.uri",
            "mcp.session.id",
        ),
        "stays; a request of a protocol, no call of a model or tool",
    ),
}


def keys_of(module: ModuleType, pattern: str) -> set[str]:
    return set(re.findall(pattern, getsource(module)))


def test_every_genai_key_is_mapped_or_listed() -> None:
    keys = keys_of(gen_ai_attributes, r'= "(gen_ai\.[a-z_.0-9]+)"') | keys_of(mcp_attributes, r'= "(mcp\.[a-z_.0-9]+)"')
    source = "".join(path.read_text(encoding="utf-8") for path in (RESHAPE / "reshape").rglob("*.py"))
    named = {key for key in keys if f'"{key}"' in source}
    assert keys - named - NOT_MAPPED.keys() == set()
    assert (NOT_MAPPED.keys() & named) == set()


NOT_WRITTEN = {
    "annotations": "a person's, made after the span",
    "trace.annotations": "as annotations",
    "session.annotations": "as annotations",
    "trace.evaluations": "of a whole trace, which no span's source tells",
    "session.evaluations": "as trace.evaluations",
    "annotation.": "as annotations",
    "decision.": "of decision models, which none of the sources has",
    "graph.node.": "of agent graphs, which none of the sources tells by spans",
    "prompt.": "of a prompt registry, which none of the sources names",
    "llm.prompts": "of completion models; a prompt is the first input message",
    "llm.choices": "as llm.prompts",
    "completion.text": "as llm.prompts",
    "llm.prompt_template.": "of templates, which none of the sources has apart from the prompt",
    "llm.function_call": "deprecated for tool calls",
    "message.function_call": "deprecated for tool calls",
    "llm.cost.completion_details": "but for the reasoning, no source gives cost in such detail",
    "llm.cost.prompt_details": "but for the cache, no source gives cost in such detail",
    "llm.token_count.prompt_details.cache_input": "deprecated for cache_read",
    "embedding.invocation_parameters": "stays under the source's keys",
    "input.images": "contents of messages hold them",
    "output.images": "as input.images",
    "input.documents": "as input.images",
    "output.documents": "as input.images",
    "message_content.id": "no source names contents",
    "message_content.data": "no source has contents that are neither text nor media",
    "audio.transcript": "no source gives it beside the sound",
    "evaluation.annotator_kind": "no source says who evaluated",
    "evaluation.identifier": "as evaluation.annotator_kind",
    "evaluation.metadata": "as evaluation.annotator_kind",
    "document.url": "stays in the document's metadata",
}


BY_TYPE = {
    *("message_content.audio", "message_content.video", "message_content.document"),
    *("message_content.signature", "message_content.encrypted_content"),
}
"""Written by the type of a content, as `message_content.` and the type's name."""


def test_every_openinference_key_is_written_or_listed() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in RESHAPE.rglob("*.py"))
    words = set(re.findall(r"\w+", source))
    values = re.findall(r'^    ([A-Z_0-9]+) = "([a-z_.0-9]+)"', getsource(openinference), re.MULTILINE)
    listed = tuple(NOT_WRITTEN)
    unknown = {
        key
        for name, key in values
        if name not in words and not (key in source or key in BY_TYPE or key.startswith(listed))
    }
    known = {"agent", "chain", "unknown"}
    providers = {key for _, key in values if "." not in key and "_" not in key}
    assert unknown - known - providers - {"application/json", "text/plain"} == set()
