"""The thread that writes the store goes on whatever happens beside the work it is given."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

from collector.store.sqlite.writer import WriterThread


class Stumbling:
    """Owns a file; each step beside the posts begins a transaction and meets what nobody foresaw."""

    def __init__(self) -> None:
        self.stumbled = threading.Event()

    def missing(self) -> str:
        return ""

    def undone(self, connection: sqlite3.Connection) -> None:
        pass

    def keep_room(self, connection: sqlite3.Connection) -> None:
        pass

    def make_space(self, connection: sqlite3.Connection) -> None:
        pass

    def mend(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        return connection

    def step(self, connection: sqlite3.Connection, *, idle: bool) -> float:
        connection.execute("BEGIN IMMEDIATE")
        self.stumbled.set()
        raise OverflowError("no such number")


def test_an_unforeseen_error_beside_the_posts_does_not_end_the_writer(tmp_path: Path) -> None:
    owner = Stumbling()
    connection = sqlite3.connect(tmp_path / "a.db", isolation_level=None, check_same_thread=False)
    writer = WriterThread(connection, owner)
    assert owner.stumbled.wait(60)
    writer.submit(lambda inner: inner.execute("CREATE TABLE kept (n)")).result(60)
    writer.submit(lambda inner: inner.execute("INSERT INTO kept VALUES (1)")).result(60)
    assert writer.submit(lambda inner: inner.execute("SELECT n FROM kept").fetchall()).result(60) == [(1,)]
    writer.stop()
    writer.disconnect()
