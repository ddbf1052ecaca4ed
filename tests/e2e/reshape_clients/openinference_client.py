"""The OpenAI client under OpenInference's own instrumentation."""

from export import MODEL_URL, ask, exporting
from openai import OpenAI
from openinference.instrumentation.openai import OpenAIInstrumentor

tracers = exporting()
OpenAIInstrumentor().instrument(tracer_provider=tracers)
ask(OpenAI(base_url=MODEL_URL, api_key="none").chat.completions.create, model="gpt-4o")
tracers.shutdown()
