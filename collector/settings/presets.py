"""Destinations known by name: where each takes OTLP, how it is written to, and how its tokens look.

Checked on 25 November 2026 against the page named with each. A destination's own settings go before its preset's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from collector.enums import Encoding, Signal

_ALL = tuple(Signal)
_TRACES = (Signal.TRACES,)


@dataclass(frozen=True, slots=True)
class DestinationPreset:
    """What is known of a kind of destination.

    `base_path` stands between the address and the signal's own path. `token_scheme` is what stands before the token in
    `token_header`; Basic encodes `user:password`. `token_prefixes` are how its tokens begin, where that is published.
    """

    source: str
    endpoint: str = ""
    base_path: str = ""
    signals: tuple[Signal, ...] = _ALL
    encoding: Encoding = Encoding.AUTO
    headers: Mapping[str, str] = field(default_factory=dict)
    token_header: str = "authorization"
    token_scheme: str = "Bearer"
    token_prefixes: tuple[str, ...] = ()
    token_hint: str = ""
    needs_header: str = ""


PRESETS: Mapping[str, DestinationPreset] = {
    "catalyst": DestinationPreset(
        "https://docs.inference.net",
        endpoint="https://telemetry.inference.net",
        signals=_TRACES,
        encoding=Encoding.JSON,
        token_prefixes=("sk-observability-",),
        token_hint="an observability key; inference keys and those of the command line are not taken",
    ),
    "halo": DestinationPreset(
        "its open-source receiver (halo-engine on PyPI)", signals=_TRACES, encoding=Encoding.JSON
    ),
    "phoenix": DestinationPreset(
        "https://arize.com/docs/phoenix",
        endpoint="http://127.0.0.1:6006",
        signals=_TRACES,
        encoding=Encoding.PROTOBUF,
    ),
    "langfuse": DestinationPreset(
        "https://langfuse.com/integrations/native/opentelemetry",
        endpoint="https://cloud.langfuse.com",
        base_path="/api/public/otel",
        signals=_TRACES,
        encoding=Encoding.PROTOBUF,
        headers={"x-langfuse-ingestion-version": "4"},
        token_scheme="Basic",
        token_prefixes=("pk-lf-",),
        token_hint="public key, a colon, secret key: pk-lf-...:sk-lf-...",
    ),
    "langsmith": DestinationPreset(
        "https://docs.smith.langchain.com/observability/how_to_guides/trace_with_opentelemetry",
        endpoint="https://api.smith.langchain.com",
        base_path="/otel",
        signals=_TRACES,
        encoding=Encoding.PROTOBUF,
        token_header="x-api-key",
        token_scheme="",
        token_prefixes=("lsv2_",),
        token_hint="an API key of LangSmith",
    ),
    "braintrust": DestinationPreset(
        "https://www.braintrust.dev/docs/integrations/opentelemetry",
        endpoint="https://api.braintrust.dev",
        base_path="/otel",
        signals=_TRACES,
        encoding=Encoding.PROTOBUF,
        needs_header="x-bt-parent",
    ),
    "grafana": DestinationPreset(
        "https://grafana.com/docs/grafana-cloud/send-data/otlp/send-data-otlp/",
        base_path="/otlp",
        encoding=Encoding.PROTOBUF,
        token_scheme="Basic",
        token_hint="instance id, a colon, token: 123456:glc_...",
    ),
    "otlp": DestinationPreset("https://opentelemetry.io/docs/specs/otlp/"),
}
