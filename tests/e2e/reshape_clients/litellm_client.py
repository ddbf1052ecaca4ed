"""LiteLLM with its own OpenTelemetry callback."""

import os
import time

os.environ["OTEL_EXPORTER"] = "otlp_http"
os.environ["OTEL_ENDPOINT"] = os.environ["COLLECTOR_URL"] + "/v1/traces"
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm
from export import MODEL_URL, ask
from opentelemetry import trace

litellm.callbacks = ["otel"]
ask(litellm.completion, model="openai/gpt-4o", api_base=MODEL_URL, api_key="none", user="u-1")
time.sleep(2)  # its callbacks run in a thread of their own
trace.get_tracer_provider().shutdown()
