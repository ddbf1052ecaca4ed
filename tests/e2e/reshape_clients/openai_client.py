"""The OpenAI client under one of two instrumentations, named by the first argument; exports as a script would."""

import os
import sys

from openai import OpenAI
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

collector = os.environ["COLLECTOR_URL"]
tracers, loggers = TracerProvider(), LoggerProvider()
tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{collector}/v1/traces")))
loggers.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(f"{collector}/v1/logs")))

if sys.argv[1] == "v2":
    from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor

    OpenAIInstrumentor().instrument(tracer_provider=tracers, logger_provider=loggers)
else:
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument(tracer_provider=tracers, logger_provider=loggers)

client = OpenAI(base_url=os.environ["FAKE_MODEL_URL"] + "/v1", api_key="none")
tool = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Get weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Weather in Rome?"}]
first = client.chat.completions.create(model="gpt-4o", messages=messages, tools=[tool], temperature=0.2)
call = first.choices[0].message.tool_calls[0]
messages += [first.choices[0].message.model_dump(exclude_none=True)]
messages += [{"role": "tool", "tool_call_id": call.id, "content": '{"sky":"clear"}'}]
client.chat.completions.create(model="gpt-4o", messages=messages, tools=[tool])
loggers.shutdown()  # the records first: spans ask for them when they arrive
tracers.shutdown()
