"""An agent that Langfuse's SDK observes, and its OpenAI client."""

from export import MODEL_URL, ask, exporting
from langfuse import Langfuse, observe, propagate_attributes
from langfuse.openai import OpenAI

tracers = exporting()
Langfuse(public_key="pk", secret_key="none", base_url="http://127.0.0.1:9", tracer_provider=tracers)


@observe(as_type="agent")
def agent(question):
    with propagate_attributes(session_id="ses-1", user_id="u-1"):
        return ask(OpenAI(base_url=MODEL_URL, api_key="none").chat.completions.create, model="gpt-4o")


agent("Weather in Rome?")
tracers.shutdown()
