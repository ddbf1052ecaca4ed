"""The names that users of the npm plugin already export, and what they mean here.

Where an older and a newer name are both set the older wins, as in the plugin.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
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


HONOURED: tuple[tuple[str, str, Callable[[str], Any]], ...] = (
    ("CATALYST_OTLP_TOKEN", "upstream_token", _text),
    ("INFERENCE_API_KEY", "upstream_token", _text),
    ("CATALYST_OTLP_ENDPOINT", "upstream_endpoint", _text),
    ("INFERENCE_OTLP_ENDPOINT", "upstream_endpoint", _text),
    ("TRACE_TO_CATALYST", "forward", boolean),
    ("TRACE_TO_INFERENCE", "forward", boolean),
    ("CATALYST_REDACT_CONTENT", "content", _metadata_if_true),
    ("INFERENCE_REDACT_CONTENT", "content", _metadata_if_true),
    ("CATALYST_SERVICE_NAME", "service_name", _text),
    ("INFERENCE_SERVICE_NAME", "service_name", _text),
    ("CATALYST_ADDITIONAL_METADATA", "additional_metadata", _object),
    ("INFERENCE_ADDITIONAL_METADATA", "additional_metadata", _object),
    ("CATALYST_DEBUG", "log_level", _debug_if_true),
    ("INFERENCE_DEBUG", "log_level", _debug_if_true),
)
"""Environment name, setting, and how its text is read; older names first."""


def read_honoured(environ: Mapping[str, str]) -> dict[str, tuple[Any, str]]:
    """The settings these names give: setting -> (value, the name it came from).

    Raises `ConfigError` for a value that cannot be read; the value itself is not repeated.
    """
    found: dict[str, tuple[Any, str]] = {}
    decided: set[str] = set()
    for name, setting, read in HONOURED:
        text = environ.get(name, "").strip()
        if not text or setting in decided:
            continue
        try:
            value = read(text)
        except ValueError as error:
            raise ConfigError(f"{name}: {error}") from None
        decided.add(setting)  # an older name that says no decides as well
        if value is not None:
            found[setting] = (value, name)
    return found
