"""An agent that traces itself: one turn with a model call and a tool call, sent to the collector on this machine.

    pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http
    python examples/agent.py

It uses OpenTelemetry's GenAI conventions, which the collector turns into OpenInference. The address is the
default of every OTLP client; OTEL_EXPORTER_OTLP_ENDPOINT names another.
"""

from __future__ import annotations

import json

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def messages(role: str, text: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])


def main() -> None:
    provider = TracerProvider(resource=Resource.create({"service.name": "example-agent"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    tracer = provider.get_tracer("example-agent")
    question, answer = "How many files are there? Write to ada@analytical-engines.org", "There are three files."

    with tracer.start_as_current_span("invoke_agent example") as agent:
        agent.set_attribute("gen_ai.operation.name", "invoke_agent")
        agent.set_attribute("gen_ai.conversation.id", "example-session")
        agent.set_attribute("gen_ai.input.messages", messages("user", question))
        with tracer.start_as_current_span("chat example-model") as model:
            model.set_attribute("gen_ai.operation.name", "chat")
            model.set_attribute("gen_ai.conversation.id", "example-session")
            model.set_attribute("gen_ai.provider.name", "example")
            model.set_attribute("gen_ai.request.model", "example-model")
            model.set_attribute("gen_ai.usage.input_tokens", 12)
            model.set_attribute("gen_ai.usage.output_tokens", 5)
            model.set_attribute("gen_ai.input.messages", messages("user", question))
            model.set_attribute("gen_ai.output.messages", messages("assistant", answer))
        with tracer.start_as_current_span("execute_tool list_files") as tool:
            tool.set_attribute("gen_ai.operation.name", "execute_tool")
            tool.set_attribute("gen_ai.conversation.id", "example-session")
            tool.set_attribute("gen_ai.tool.name", "list_files")
            tool.set_attribute("gen_ai.tool.call.arguments", json.dumps({"folder": "."}))
            tool.set_attribute("gen_ai.tool.call.result", json.dumps(["a", "b", "c"]))
        agent.set_attribute("gen_ai.output.messages", messages("assistant", answer))
    provider.shutdown()  # sends what is still waiting


if __name__ == "__main__":
    main()
