"""The names that users of the npm plugin already export, and what they mean here.

Where an older and a newer name are both set the older wins, as in the plugin.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from collector.errors import ConfigError

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


def boolean(value: Any) -> Any:
    """Read the words for yes and no; anything else that is text refuses to start."""
    if not isinstance(value, str):
        return value
    word = value.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("expected one of 1, true, yes, on, 0, false, no, off")


def _metadata_if_true(value: str) -> str | None:
    return "metadata" if boolean(value) else None


def _debug_if_true(value: str) -> str | None:
    return "debug" if boolean(value) else None


def _object(value: str) -> dict[str, Any]:
    try:
        found = json.loads(value)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ValueError("expected a JSON object")
    return found


def _text(value: str) -> str:
    return value.strip()


@dataclass(frozen=True, slots=True)
class NpmName:
    """An environment name, the setting it gives, how its text is read, and what it means in a sentence."""

    name: str
    setting: str
    read: Callable[[str], Any]
    meaning: str


_KEY = (
    "the same token, but forwarding starts only with TRACE_TO_INFERENCE=true or an explicit upstream, since other"
    " programs use this name too"
)
_TRACE = "false: everything stays local"
_ENDPOINT = (
    "the upstream, unless it is this collector's own address: then it is the agent's setting and ignored, with a notice"
)
_REDACT = "true: metadata only, whatever COLLECTOR_CONTENT says"
_DEBUG = "true: log level debug"

NPM_NAMES: tuple[NpmName, ...] = (
    NpmName("CATALYST_OTLP_TOKEN", "upstream_token", _text, "the token; setting it turns forwarding to Catalyst on"),
    NpmName("INFERENCE_API_KEY", "upstream_token", _text, _KEY),
    NpmName("OTLP_INGEST_TOKEN", "upstream_token", _text, _KEY),
    NpmName("TRACE_TO_CATALYST", "forward", boolean, _TRACE),
    NpmName("TRACE_TO_INFERENCE", "forward", boolean, _TRACE),
    NpmName("CATALYST_OTLP_ENDPOINT", "upstream_endpoint", _text, _ENDPOINT),
    NpmName("INFERENCE_OTLP_ENDPOINT", "upstream_endpoint", _text, _ENDPOINT),
    NpmName("CATALYST_REDACT_CONTENT", "content", _metadata_if_true, _REDACT),
    NpmName("INFERENCE_REDACT_CONTENT", "content", _metadata_if_true, _REDACT),
    NpmName("CATALYST_SERVICE_NAME", "service_name", _text, "COLLECTOR_SERVICE_NAME"),
    NpmName("INFERENCE_SERVICE_NAME", "service_name", _text, "COLLECTOR_SERVICE_NAME"),
    NpmName("CATALYST_ADDITIONAL_METADATA", "additional_metadata", _object, "COLLECTOR_ADDITIONAL_METADATA"),
    NpmName("INFERENCE_ADDITIONAL_METADATA", "additional_metadata", _object, "COLLECTOR_ADDITIONAL_METADATA"),
    NpmName("CATALYST_DEBUG", "log_level", _debug_if_true, _DEBUG),
    NpmName("INFERENCE_DEBUG", "log_level", _debug_if_true, _DEBUG),
)
"""Older names stand first, and win."""

ASKED_FOR_ELSEWHERE = frozenset({"INFERENCE_API_KEY", "OTLP_INGEST_TOKEN"})
"""Names of tokens that are exported for other programs too: alone they do not start forwarding."""


def read_honoured(environ: Mapping[str, str]) -> dict[str, tuple[Any, str]]:
    """The settings these names give: setting -> (value, the name it came from).

    Raises `ConfigError` for a value that cannot be read; the value itself is not repeated.
    """
    found: dict[str, tuple[Any, str]] = {}
    decided: set[str] = set()
    for known in NPM_NAMES:
        text = environ.get(known.name, "").strip()
        if not text or known.setting in decided:
            continue
        try:
            value = known.read(text)
        except ValueError as error:
            raise ConfigError(f"{known.name}: {error}") from None
        decided.add(known.setting)  # an older name that says no decides as well
        if value is not None:
            found[known.setting] = (value, known.name)
    return found
