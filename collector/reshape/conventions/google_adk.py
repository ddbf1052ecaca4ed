"""Google's Agent Development Kit: the GenAI conventions, and before 2 its own `gcp.vertex.agent.*`.

Its older form (version 1, and 2 with schema 1) tells of a request twice: `call_llm` holds what was asked and
answered, and the `generate_content` within it the same counts once more.
"""

from __future__ import annotations

from openinference.semconv.trace import SpanAttributes

from collector.openinference.kinds import AGENT, CHAIN, LLM, TOOL
from collector.openinference.tools import write_tools
from collector.otlp.values import Attributes, read_json
from collector.reshape.convention import Convention
from collector.reshape.conventions.gen_ai import reshape_gen_ai
from collector.reshape.keys import (
    put_finish_reason,
    put_model,
    put_parameters,
    put_provider,
    put_tool,
    put_usage,
    request_parameters,
)
from collector.reshape.messages import read_messages
from collector.reshape.operations import OPERATIONS
from collector.reshape.source import SourceScope, SourceSpan
from collector.reshape.target import Target
from collector.reshape.tools import read_tools

_SCOPE = "gcp.vertex.agent"
_PREFIX = "gcp.vertex.agent."
_NOTHING = "N/A"
_REQUEST, _RESPONSE = _PREFIX + "llm_request", _PREFIX + "llm_response"
_ARGUMENTS, _RESULT = _PREFIX + "tool_call_args", _PREFIX + "tool_response"


_SAME_NAME = (
    *("temperature", "top_p", "top_k", "seed", "stop_sequences", "presence_penalty", "frequency_penalty"),
    *("response_mime_type", "response_schema", "thinking_config", "tool_config", "safety_settings"),
)
_PARAMETERS = {
    **{name: name for name in _SAME_NAME},
    "max_output_tokens": "max_tokens",
    "candidate_count": "n",
}


class GoogleAdk(Convention):
    """Spans with any of ADK's keys, and the root of a run, which has none."""

    name = "google adk"
    keys = own = (_PREFIX,)
    scopes = (_SCOPE,)

    def matches(self, resource: Attributes, scope: SourceScope, span: SourceSpan) -> bool:
        return span.has(_PREFIX) or (scope.name == _SCOPE and span.name == "invocation")

    def reshape(self, span: SourceSpan) -> Target | None:
        kind = _kind(span)
        target = Target()
        target.kind(kind)
        target.put(SpanAttributes.SESSION_ID, span.text(_PREFIX + "session_id"))
        if kind == LLM and (_REQUEST in span.attributes or _RESPONSE in span.attributes):
            _put_request(target, span)
            return target
        if kind == TOOL and span.get(_ARGUMENTS, _RESULT) is not None:
            name = span.text("gen_ai.tool.name") or span.name.removeprefix("execute_tool ")
            arguments = span.get(_ARGUMENTS) if span.get(_ARGUMENTS) != _NOTHING else None
            put_tool(target, name, span.get("gen_ai.tool.call.id"), arguments)
            target.input(arguments, _ARGUMENTS)
            target.output(span.get(_RESULT), _RESULT)
        elif span.get(_PREFIX + "data") is not None:
            target.input(span.get(_PREFIX + "data"), _PREFIX + "data")
        said = reshape_gen_ai(span, kind)
        if said is not None:
            target.add(said)
        return target


def _kind(span: SourceSpan) -> str:
    if _REQUEST in span.attributes or _RESPONSE in span.attributes:
        given = span.get(_REQUEST)
        if given not in (None, "{}") or span.name == "call_llm":
            return LLM
    if _ARGUMENTS in span.attributes or _RESULT in span.attributes:
        return TOOL
    operation = span.text("gen_ai.operation.name")
    if operation == "generate_content" and "gen_ai.system" in span.attributes:
        return CHAIN  # within `call_llm`, see above
    return OPERATIONS.get(operation, AGENT if span.name.startswith("agent_run") else CHAIN)


def _put_request(target: Target, span: SourceSpan) -> None:
    request, response = span.json(_REQUEST), span.json(_RESPONSE)
    config = request.get("config") if isinstance(request, dict) else None
    config = config if isinstance(config, dict) else {}
    asked = {name: config[key] for key, name in _PARAMETERS.items() if config.get(key) is not None}
    put_parameters(target, {**request_parameters(span), **asked})
    put_provider(target, "google")
    put_model(target, span, LLM)
    put_finish_reason(target, span)
    target.input(span.get(_REQUEST), _REQUEST)
    target.output(span.get(_RESPONSE), _RESPONSE)
    if isinstance(request, dict):
        target.put(SpanAttributes.LLM_MODEL_NAME, request.get("model"))
        system = read_json(config.get("system_instruction"))
        target.input_messages([*read_messages(system, "system"), *read_messages(request.get("contents"), "user")])
        write_tools(target.put, read_tools(config.get("tools")))
    if isinstance(response, dict):
        target.output_messages(read_messages(read_json(response.get("content")), "assistant"))
        put_usage(target, response.get("usage_metadata") or response.get("usageMetadata"))
