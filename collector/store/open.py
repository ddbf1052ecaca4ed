"""Opens the store that the settings name; its callers need not know which engine it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib.util import find_spec
from pathlib import Path

from collector.batch import Signal
from collector.errors import ConfigError
from collector.store import Reading, Store
from collector.store.entries import Caps, NoStore, OtherStore

__all__ = ["NoStore", "OtherStore", "is_there", "open_reading", "open_store"]


def open_store(
    directory: Path,
    caps: Caps,
    destinations: Mapping[str, Collection[Signal]],
    *,
    formerly: str = "",
    url: str = "",
    reserved: Collection[str] = (),
) -> Store:
    """Open or create the store for writing: in the database at `url`, or in `directory` where none is given.

    `destinations` says which signals each one takes; those that are `reserved` get only what is put for them by name.
    `formerly` names the destination that gets what waits for the one upstream of earlier versions. Raises `ConfigError`
    when the store cannot be used.
    """
    if url:
        _need_driver()
        from collector.store.postgres.store import PostgresStore

        return PostgresStore(url, caps, destinations, reserved=reserved)
    from collector.store.sqlite.store import SqliteStore

    return SqliteStore(directory, caps, destinations, formerly=formerly, reserved=reserved)


def open_reading(directory: Path, url: str = "") -> Reading:
    """Open the store at `url`, or in `directory`, for reading alone; raises `NoStore` when there is none."""
    if url:
        _need_driver()
        from collector.store.postgres.reading import PostgresReading

        return PostgresReading(url)
    from collector.store.sqlite.reading import SqliteReading

    return SqliteReading(directory)


def is_there(directory: Path, url: str = "") -> bool:
    """Whether there is a store to open, whatever can be read of it; one at a `url` is taken to be there."""
    from collector.store.sqlite.schema import FILE

    return bool(url) or (directory / FILE).exists()


def _need_driver() -> None:
    if find_spec("psycopg") is None:
        raise ConfigError("a store on PostgreSQL needs its driver: pip install 'opencode-collector[postgres]'")
