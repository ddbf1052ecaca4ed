"""The deployment environment under both of its names.

OpenTelemetry renamed `deployment.environment` to `deployment.environment.name` (1.27); destinations read one or
the other.
"""

from __future__ import annotations

from typing import Any

OLD = "deployment.environment"
NEW = "deployment.environment.name"


def copy_environment(attributes: Any) -> None:
    """Give whichever name is missing the value of the other."""
    old = new = None
    for pair in attributes:
        if pair.key == OLD:
            old = pair.value
        elif pair.key == NEW:
            new = pair.value
    if (old is None) == (new is None):
        return
    value, missing = (new, OLD) if old is None else (old, NEW)
    attributes.add(key=missing, value=value)
