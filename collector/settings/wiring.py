"""What an agent needs to send to this collector: its environment, and lines to paste where that is not enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_OTLP = {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_ENDPOINT": "{url}"}


@dataclass(frozen=True, slots=True)
class Wiring:
    """How one agent is wired. In every text `{url}` stands for the collector's address.

    `commands` are the names its program goes by; `environment` is what one run of it needs; `arguments` go right behind
    the program's name; `lines` are pasted instead, where they differ from the environment.
    """

    name: str
    title: str
    about: str
    commands: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    lines: str = ""

    def pasted(self, url: str) -> str:
        """The lines a person pastes: shell exports, or the lines of the agent's own configuration."""
        text = self.lines or "\n".join(f"export {name}={value}" for name, value in self.environment.items())
        return text.replace("{url}", url)


AGENTS: tuple[Wiring, ...] = (
    Wiring(
        "opencode",
        "OpenCode",
        "plugin: prompts, waits and retries too",
        ("opencode",),
        lines="collector opencode install\n# then restart OpenCode",
    ),
    Wiring(
        "opencode-npm",
        "OpenCode",
        "with the npm plugin you already have",
        (),
        {"TRACE_TO_INFERENCE": "true", "INFERENCE_OTLP_ENDPOINT": "{url}"},
    ),
    Wiring(
        "claude-code",
        "Claude Code",
        "traces and logs",
        ("claude",),
        {
            "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
            "CLAUDE_CODE_ENHANCED_TELEMETRY_BETA": "1",
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_LOGS_EXPORTER": "otlp",
            "OTEL_LOG_USER_PROMPTS": "1",
            "OTEL_LOG_TOOL_DETAILS": "1",
            "OTEL_LOG_TOOL_CONTENT": "1",
            **_OTLP,
        },
    ),
    Wiring(
        "codex",
        "Codex",
        "in its config.toml",
        ("codex",),
        arguments=(
            "-c",
            "otel.log_user_prompt=true",
            "-c",
            'otel.exporter={ otlp-http = { endpoint = "{url}/v1/logs", protocol = "binary" } }',
            "-c",
            'otel.trace_exporter={ otlp-http = { endpoint = "{url}/v1/traces", protocol = "binary" } }',
        ),
        lines="[otel]\nlog_user_prompt = true\n"
        '[otel.exporter.otlp-http]\nendpoint = "{url}/v1/logs"\nprotocol = "binary"\n'
        '[otel.trace_exporter.otlp-http]\nendpoint = "{url}/v1/traces"\nprotocol = "binary"',
    ),
    Wiring(
        "gemini",
        "Gemini CLI",
        "",
        ("gemini", "qwen"),
        {
            "GEMINI_TELEMETRY_ENABLED": "true",
            "GEMINI_TELEMETRY_TARGET": "local",
            "GEMINI_TELEMETRY_OTLP_PROTOCOL": "http",
            "GEMINI_TELEMETRY_OTLP_ENDPOINT": "{url}",
        },
    ),
    Wiring("copilot", "Copilot CLI", "", ("copilot",), {"COPILOT_OTEL_ENABLED": "true", **_OTLP}),
    Wiring(
        "otlp",
        "Any OTLP SDK",
        "",
        (),
        {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_LOGS_EXPORTER": "otlp", "OTEL_METRICS_EXPORTER": "otlp", **_OTLP},
    ),
)
"""Source: each agent's own documentation of its OpenTelemetry settings; tried with the real ones where tests say so."""


def wiring_of(command: str) -> Wiring:
    """The wiring of a program by its name; that of any OTLP SDK for one that is not known."""
    return next((agent for agent in AGENTS if command in agent.commands), AGENTS[-1])
