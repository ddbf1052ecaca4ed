"""The lines that wire an agent to this collector; `{address}` is where it listens."""

from __future__ import annotations

WIRING: tuple[tuple[str, str, str], ...] = (
    ("OpenCode", "plugin: prompts, waits and retries too", "collector opencode install\n# then restart OpenCode"),
    (
        "OpenCode",
        "with the npm plugin you already have",
        "export TRACE_TO_INFERENCE=true\nexport INFERENCE_OTLP_ENDPOINT=http://{address}",
    ),
    (
        "Claude Code",
        "traces and logs",
        "export CLAUDE_CODE_ENABLE_TELEMETRY=1\n"
        "export CLAUDE_CODE_ENHANCED_TELEMETRY_BETA=1\n"
        "export OTEL_TRACES_EXPORTER=otlp OTEL_LOGS_EXPORTER=otlp\n"
        "export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\n"
        "export OTEL_EXPORTER_OTLP_ENDPOINT=http://{address}",
    ),
    (
        "Codex",
        "in its config.toml",
        "[otel]\nlog_user_prompt = true\n"
        'exporter = { otlp-http = {\n  endpoint = "http://{address}/v1/logs", protocol = "binary" } }\n'
        'trace_exporter = { otlp-http = {\n  endpoint = "http://{address}/v1/traces", protocol = "binary" } }',
    ),
    (
        "Gemini CLI",
        "",
        "export GEMINI_TELEMETRY_ENABLED=true\n"
        "export GEMINI_TELEMETRY_TARGET=local\n"
        "export GEMINI_TELEMETRY_OTLP_PROTOCOL=http\n"
        "export GEMINI_TELEMETRY_OTLP_ENDPOINT=http://{address}",
    ),
    (
        "Copilot CLI, any OTLP SDK",
        "",
        "export COPILOT_OTEL_ENABLED=true  # Copilot only\n"
        "export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\n"
        "export OTEL_EXPORTER_OTLP_ENDPOINT=http://{address}",
    ),
)
"""Name, remark, and lines. Source: each agent's own documentation of its OpenTelemetry settings."""
