"""Spans to the collector, batched at the default interval, as a program of a user's would send them."""

import os

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

MODEL_URL = os.environ["FAKE_MODEL_URL"] + "/v1"
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Get weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def exporting() -> TracerProvider:
    """A provider of tracers whose spans go to the collector; it is the process's own as well."""
    tracers = TracerProvider()
    tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(os.environ["COLLECTOR_URL"] + "/v1/traces")))
    trace.set_tracer_provider(tracers)
    return tracers


def ask(create, **more):
    """A question, the call it leads to, and the answer: `create` is a chat completion of the OpenAI client's form."""
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Weather in Rome?"}]
    first = create(messages=messages, tools=[TOOL], **more).choices[0].message
    messages += [first.model_dump(exclude_none=True)]
    messages += [{"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": '{"sky": "clear"}'}]
    streamed = create(messages=messages, tools=[TOOL], stream=True, stream_options={"include_usage": True}, **more)
    return "".join(chunk.choices[0].delta.content or "" for chunk in streamed if chunk.choices)
