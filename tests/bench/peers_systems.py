"""The systems that are measured side by side, each in the fairest configuration that its documentation has."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from collector.redact.rules import DEFAULT_RULES

CACHE = Path(os.environ.get("TEST_CACHE", Path(__file__).parents[2] / ".cache")).absolute() / "bench-peers"

_USUAL = [
    r"AKIA[0-9A-Z]{16}", r"gh[pousr]_[A-Za-z0-9]{36}", r"github_pat_[A-Za-z0-9_]{82}", r"glpat-[A-Za-z0-9_-]{20}",
    r"sk-[A-Za-z0-9_-]{20,100}", r"sk_live_[A-Za-z0-9]{24}", r"xox[abprs]-[A-Za-z0-9-]{10,72}",
    r"AIza[A-Za-z0-9_-]{35}", r"ya29\.[A-Za-z0-9_-]{20,200}", r"npm_[A-Za-z0-9]{36}", r"pypi-[A-Za-z0-9_-]{50,200}",
    r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}", r"eyJ[A-Za-z0-9_-]{10,500}\.eyJ[A-Za-z0-9_-]{10,500}",
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----", r"(?i)bearer [a-z0-9._~+/-]{20,200}",
    r"[a-z]{3,10}://[^:@/\s]{1,60}:[^@/\s]{1,60}@",
    r"(?i)(password|passwd|secret|token)[\"']?\s{0,3}[:=]\s{0,3}[\"']?[^\s\"']{8,100}", r"\b\d{3}-\d{2}-\d{4}\b",
    r"\b4\d{3}([ -]?\d{4}){3}\b", r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,100}\.[A-Za-z]{2,10}",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class System:
    """`command` is given a directory, two free ports and where to send; `lacks` stands beside the figures."""

    name: str
    configuration: str
    lacks: str
    command: Callable[[Path, int, int, str], list[str]]
    variables: Callable[[Path, int, int], dict[str, str]]
    program: Path
    forwards: bool = True
    requests: Mapping[str, int] = field(default_factory=dict)
    """At most so many of a payload at a time, for what answers before it keeps: it would take minutes to catch up."""

    @property
    def is_installed(self) -> bool:
        return self.program.exists()


def systems() -> list[System]:
    rotel = next(CACHE.glob("rotel/lib/python3*/site-packages/rotel/rotel-agent"), CACHE / "rotel/rotel-agent")
    return [
        _ours("ours, JSON+gzip out", {}),
        _ours("ours, local only", None),
        System(
            "Rotel",
            "OTLP over HTTP, gzip out, batching off (its default batches are counted in spans, and large ones stay)",
            "redacts nothing, keeps nothing on disk; its gzip level is higher and cannot be set",
            lambda at, port, other, up: [
                str(rotel), "start", "--otlp-http-endpoint", f"127.0.0.1:{port}",
                "--otlp-grpc-endpoint", f"127.0.0.1:{other}", "--exporter", "otlp", "--otlp-exporter-endpoint", up,
                "--otlp-exporter-protocol", "http", "--otlp-exporter-compression", "gzip", "--disable-batching",
            ],
            lambda at, port, other: {},
            rotel,
        ),
        _otelcol("otelcol, no redaction", None, "redacts nothing"),
        _otelcol("otelcol, 20 patterns", _USUAL, "looks at attribute values only, and at no decoded text"),
        _otelcol("otelcol, our patterns", _ours_as_patterns(), "has no looks, no checks and no decoded text"),
        System(
            "Phoenix",
            "SQLite, telemetry off",
            "redacts nothing, forwards nothing, and answers before it keeps: its spans/s are of answers",
            lambda at, port, other, up: [str(CACHE / "phoenix/bin/phoenix"), "serve"],
            lambda at, port, other: {
                "PHOENIX_PORT": str(port), "PHOENIX_HOST": "127.0.0.1", "PHOENIX_GRPC_PORT": str(other),
                "PHOENIX_WORKING_DIR": str(at), "PHOENIX_TELEMETRY_ENABLED": "false",
            },
            CACHE / "phoenix/bin/phoenix",
            forwards=False,
            requests={"S": 6, "M": 24, "L": 12},
        ),
    ]  # fmt: skip


def _ours(name: str, extra: dict[str, str] | None) -> System:
    return System(
        name,
        "defaults: all rules of `secrets-and-pii`, SQLite synced before each answer"
        + (", gzip level 1 out" if extra is not None else ", nothing forwarded"),
        "",
        lambda at, port, other, up: [
            sys.executable, "-m", "collector", "serve", "--port", str(port), "--data-dir", str(at / "data"),
            *(["--upstream", up] if extra is not None else []),
        ],
        lambda at, port, other: extra or {},
        Path(sys.executable),
        forwards=extra is not None,
    )  # fmt: skip


def _otelcol(name: str, patterns: list[str] | None, lacks: str) -> System:
    def command(at: Path, port: int, other: int, upstream: str) -> list[str]:
        (at / "queue").mkdir()
        processors = {"redaction": {"allow_all_keys": True, "blocked_values": patterns}} if patterns else {}
        exporter = {
            "endpoint": upstream, "encoding": "json", "compression": "gzip", "compression_params": {"level": 1},
            "sending_queue": {"storage": "file_storage", "queue_size": 100_000, "num_consumers": 4},
        }  # fmt: skip
        http = {"endpoint": f"127.0.0.1:{port}", "max_request_body_size": 1 << 26}
        pipeline = {"receivers": ["otlp"], "processors": list(processors), "exporters": ["otlphttp"]}
        configuration = {
            "receivers": {"otlp": {"protocols": {"http": http}}},
            "processors": processors,
            "exporters": {"otlphttp": exporter},
            "extensions": {"file_storage": {"directory": str(at / "queue"), "fsync": True}},
            "service": {
                "extensions": ["file_storage"],
                "telemetry": {"metrics": {"level": "none"}, "logs": {"level": "warn"}},
                "pipelines": {"traces": pipeline},
            },
        }
        (at / "otelcol.json").write_text(json.dumps(configuration))
        return [str(CACHE / "otelcol/otelcol"), "--config", str(at / "otelcol.json")]

    shown = "otlp receiver, otlphttp exporter with a queue on file_storage (fsync), no batch processor, gzip level 1"
    return System(name, shown, lacks, command, lambda at, port, other: {}, CACHE / "otelcol/otelcol")


def _ours_as_patterns() -> list[str]:
    """What our rules look for first, as patterns that RE2 reads, each with a tail of bounded length."""
    return sorted({trigger.source + ".{0,64}" for rule in DEFAULT_RULES for trigger in rule.triggers})
