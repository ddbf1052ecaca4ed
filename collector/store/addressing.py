"""Which destinations concern what is put: those it names, or all that are not reserved (pure)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from collector.batch import Signal
from collector.store.entries import LOCAL

Takers = Mapping[str, Collection[Signal]]
"""Destinations, and the signals that each one takes."""

_LOCAL: Takers = {LOCAL: tuple(Signal)}


class Addressing:
    """Knows the destinations; `reserved` ones get only what names them."""

    def __init__(self, destinations: Takers, reserved: Collection[str]) -> None:
        self._destinations = destinations
        self._shared = {name: signals for name, signals in destinations.items() if name not in reserved}

    def taken_by(self, destination: str) -> Collection[Signal]:
        """The signals that a destination takes; any, of one that is not known."""
        return self._destinations.get(destination, tuple(Signal))

    def concerned(self, named: Collection[str] | None) -> Takers:
        """The destinations that get it; this collector alone, where there is none."""
        found = self._shared if named is None else {name: self._destinations[name] for name in named}
        return found or _LOCAL


def not_taken(signals: Collection[Signal]) -> str:
    """Why what a destination that takes `signals` does not take is dropped."""
    return f"destination takes {' and '.join(sorted(signals)) or 'nothing'} only"
