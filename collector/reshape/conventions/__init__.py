"""Every convention, in the order they are asked; the first that matches has the span.

An agent's own form comes before a library's, and a library's before the GenAI conventions, which many of them
write in part as well.
"""

from __future__ import annotations

from collector.reshape.convention import Convention
from collector.reshape.conventions.agent_framework import AgentFramework
from collector.reshape.conventions.ai_sdk import AiSdk
from collector.reshape.conventions.claude_code import ClaudeCode
from collector.reshape.conventions.codex import Codex
from collector.reshape.conventions.gemini_cli import GeminiCli
from collector.reshape.conventions.gen_ai import GenAi, IndexedGenAi
from collector.reshape.conventions.genkit import Genkit
from collector.reshape.conventions.google_adk import GoogleAdk
from collector.reshape.conventions.langfuse import Langfuse
from collector.reshape.conventions.langsmith import LangSmith
from collector.reshape.conventions.litellm import LiteLlm
from collector.reshape.conventions.livekit import LiveKit
from collector.reshape.conventions.mastra import Mastra
from collector.reshape.conventions.mlflow import MlFlow
from collector.reshape.conventions.openinference import OpenInference
from collector.reshape.conventions.pydantic_ai import PydanticAi
from collector.reshape.conventions.qwen_code import QwenCode
from collector.reshape.conventions.smolagents import SmolAgents
from collector.reshape.conventions.spring_ai import SpringAi
from collector.reshape.conventions.traceloop import Traceloop

CONVENTIONS: tuple[Convention, ...] = (
    OpenInference(),
    ClaudeCode(),
    Codex(),
    GeminiCli(),
    QwenCode(),
    Langfuse(),
    Traceloop(),
    LangSmith(),
    MlFlow(),
    Mastra(),
    AiSdk(),
    GoogleAdk(),
    Genkit(),
    LiveKit(),
    LiteLlm(),
    SmolAgents(),
    AgentFramework(),
    PydanticAi(),
    SpringAi(),
    IndexedGenAi(),
    GenAi(),
)
