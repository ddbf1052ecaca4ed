"""What `collector doctor` found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `level` is ok, notice (works, but) or problem (does not work)."""

    check: str
    level: str
    said: str
