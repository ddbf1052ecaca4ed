"""An agent of Pydantic AI's with a tool."""

from export import MODEL_URL, exporting
from pydantic_ai import Agent, InstrumentationSettings
from pydantic_ai.capabilities import Instrumentation
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

tracers = exporting()
model = OpenAIChatModel("gpt-4o", provider=OpenAIProvider(base_url=MODEL_URL, api_key="none"))
instrumentation = Instrumentation(settings=InstrumentationSettings(tracer_provider=tracers))
agent = Agent(model, instructions="Be brief.", capabilities=[instrumentation])


@agent.tool_plain
def weather(city: str) -> dict[str, str]:
    """Get weather."""
    return {"city": city, "sky": "clear"}


agent.run_sync("Weather in Rome?", conversation_id="ses-1")
tracers.shutdown()
