"""Every convention, in the order they are asked; the first that matches has the span.

An agent's own form comes before a library's, and a library's before the GenAI conventions, which many of them
write in part as well.
"""

from __future__ import annotations

from collector.reshape.agent_framework import AgentFramework
from collector.reshape.ai_sdk import AiSdk
from collector.reshape.claude_code import ClaudeCode
from collector.reshape.codex import Codex
from collector.reshape.convention import Convention
from collector.reshape.gemini_cli import GeminiCli
from collector.reshape.gen_ai import GenAi, IndexedGenAi
from collector.reshape.genkit import Genkit
from collector.reshape.google_adk import GoogleAdk
from collector.reshape.langfuse import Langfuse
from collector.reshape.langsmith import LangSmith
from collector.reshape.livekit import LiveKit
from collector.reshape.mlflow import MlFlow
from collector.reshape.openinference import OpenInference
from collector.reshape.pydantic_ai import PydanticAi
from collector.reshape.smolagents import SmolAgents
from collector.reshape.traceloop import Traceloop

CONVENTIONS: tuple[Convention, ...] = (
    OpenInference(),
    ClaudeCode(),
    Codex(),
    GeminiCli(),
    Langfuse(),
    Traceloop(),
    LangSmith(),
    MlFlow(),
    AiSdk(),
    GoogleAdk(),
    Genkit(),
    LiveKit(),
    SmolAgents(),
    AgentFramework(),
    PydanticAi(),
    IndexedGenAi(),
    GenAi(),
)
