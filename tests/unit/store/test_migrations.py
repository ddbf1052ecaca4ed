"""A store of every earlier version opens, keeps all it had, and what waited is sent."""

from __future__ import annotations

import gzip
import sqlite3
from pathlib import Path

import pytest
from harness.process import assert_balanced

from collector.enums import Signal
from collector.errors import ConfigError
from collector.store.entries import Caps, Lane, OtherStore
from collector.store.sqlite.reading import SqliteReading
from collector.store.sqlite.schema import FILE, TABLES
from collector.store.sqlite.store import SqliteStore

CAPS = Caps(1 << 26, 7 * 86400, 1 << 28)
HOST = "collector.example:443"


def _old(directory: Path, version: int) -> None:
    packed = (Path(__file__).parent / f"v{version}.db.gz").read_bytes()
    (directory / FILE).write_bytes(gzip.decompress(packed))


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_an_upgrade_strands_nothing(tmp_path: Path, version: int) -> None:
    """Two batches of traces wait, one was refused, one was delivered; logs wait too."""
    _old(tmp_path, version)
    store = SqliteStore(tmp_path, CAPS, {HOST: list(Signal)}, formerly=HOST)
    leased = store.lease(Lane(HOST, Signal.TRACES), 1 << 20)
    assert [each.items for each in leased] == [3, 3]
    assert [each.items for each in store.lease(Lane(HOST, Signal.LOGS), 1 << 20)] == [2]
    reading = SqliteReading(tmp_path)
    ledger = reading.ledger()
    assert set(ledger) == {HOST}
    for account in ledger[HOST].values():
        assert_balanced(account)
    assert ledger[HOST]["traces"]["dead_lettered"] == 3
    [letter] = reading.dead_letters()
    assert (letter.destination, letter.items, letter.cause) == (HOST, 3, "HTTP 400")
    assert {session.session_id: session.spans for session in reading.sessions()} == {
        "ses_old": 6,
        "ses_dead": 3,
        "ses_new": 3,
    }
    assert {session.session_id: session.traces for session in reading.sessions()}["ses_old"] == 2
    assert [trace.name for trace in reading.traces()] == ["span 0"] * 4
    if version == 2:
        assert store.inbox.facts("ses_oc") == [b"{}"] or store.inbox.facts("ses_oc") == ["{}"]
        assert store.inbox.was_built((42).to_bytes(8, "big"))
    reading.close()
    store.close()


def test_without_an_upstream_what_waited_is_held_until_there_is_one(tmp_path: Path) -> None:
    _old(tmp_path, 2)
    SqliteStore(tmp_path, CAPS, {}).close()
    reading = SqliteReading(tmp_path)
    assert [(entry.destination, entry.items, entry.configured) for entry in reading.queues()] == [
        ("upstream", 2, False),
        ("upstream", 6, False),
    ]
    reading.close()
    store = SqliteStore(tmp_path, CAPS, {HOST: list(Signal)}, formerly=HOST)
    assert store.lease(Lane(HOST, Signal.TRACES), 1 << 20)
    store.close()


def test_an_upgraded_store_has_the_tables_of_a_new_one(tmp_path: Path) -> None:
    """Whatever a step forgets would fail only in use."""

    def shape(directory: Path) -> set[tuple[str, str]]:
        connection = sqlite3.connect(directory / FILE)
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
        columns = {
            name: tuple(row[1:4] for row in connection.execute(f"PRAGMA table_info({name})"))
            for name, sql in rows
            if sql.startswith("CREATE TABLE")
        }
        connection.close()
        return {(name, str(columns.get(name, ""))) for name, _ in rows if not name.startswith("sqlite_")}

    old, new = tmp_path / "old", tmp_path / "new"
    for directory in (old, new):
        directory.mkdir()
    _old(old, 1)
    for directory in (old, new):
        SqliteStore(directory, CAPS, {}).close()
    assert shape(old) == shape(new)
    assert "CREATE TABLE batches" in TABLES


def test_a_store_of_a_later_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    SqliteStore(tmp_path, CAPS, {}).close()
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute("PRAGMA user_version=99")
    connection.close()
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(ConfigError, match="another version"):
        SqliteStore(tmp_path, CAPS, {})
    with pytest.raises(OtherStore, match="format 99"):  # what it keeps elsewhere would be missing, and nobody told
        SqliteReading(tmp_path)
    assert (tmp_path / FILE).read_bytes() == before


@pytest.mark.parametrize("version", [0, 3])
def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path, version: int) -> None:
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute("CREATE TABLE theirs (x)")
    connection.execute(f"PRAGMA user_version={version}")
    connection.commit()
    connection.close()
    with pytest.raises(ConfigError, match="another program"):
        SqliteStore(tmp_path, CAPS, {})
    connection = sqlite3.connect(tmp_path / FILE)
    assert [row[0] for row in connection.execute("SELECT name FROM sqlite_master")] == ["theirs"]
    connection.close()


def test_something_odd_in_its_place_gets_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(ConfigError, match="is no file"):
        SqliteStore(tmp_path, CAPS, {})
