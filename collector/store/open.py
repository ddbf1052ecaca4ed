"""Opens the store that the settings name; its callers need not know which engine it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from collector.batch import Signal
from collector.store import Reading, Store
from collector.store.entries import Caps, NoStore

__all__ = ["NoStore", "open_reading", "open_store"]


def open_store(
    directory: Path, caps: Caps, destinations: Mapping[str, Collection[Signal]], *, formerly: str = ""
) -> Store:
    """Open or create the store of `directory` for writing; `destinations` says which signals each one takes.

    `formerly` names the destination that gets what waits for the one upstream of earlier versions.

    Raises `ConfigError` when the store cannot be used.
    """
    from collector.store.sqlite.store import SqliteStore

    return SqliteStore(directory, caps, destinations, formerly=formerly)


def open_reading(directory: Path) -> Reading:
    """Open the store of `directory` for reading alone; raises `NoStore` when there is none."""
    from collector.store.sqlite.reading import SqliteReading

    return SqliteReading(directory)
