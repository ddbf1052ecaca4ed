"""Connections to the database: opened as its address says, and opened again when one was lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict

from collector.errors import CollectorError, ConfigError, StoreFull, Unavailable

Row = tuple[Any, ...]
PgConnection = psycopg.Connection[Row]
Answered = TypeVar("Answered")

_DEFAULTS: dict[str, Any] = {
    "application_name": "opencode-collector",
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""Where the address says nothing else: a network that was cut is noticed within about ten seconds."""

_SERVER_SIDE = (
    "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 3; SET tcp_keepalives_count = 3;"
    " SET idle_in_transaction_session_timeout = 60000"
)
"""The server, too, is to notice soon that a collector is gone: the locks of its connection end then."""

_PAUSE_S = 0.5


def connect(url: str) -> PgConnection:
    """Open a connection that commits each statement; raises `psycopg.Error`, and `ConfigError` for what is no URL."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:  # its message may quote the password
        raise ConfigError(
            "the store's URL cannot be read: write postgresql://user:password@host:5432/database, with special"
            " characters of the password percent-encoded"
        ) from None
    connection = psycopg.connect(**{**_DEFAULTS, **given}, autocommit=True)
    execute(connection, _SERVER_SIDE)
    return connection


def place_of(url: str) -> str:
    """Host and database of an address, without its user and password."""
    given = conninfo_to_dict(url)
    return f"{given.get('host') or 'this machine'}/{given.get('dbname') or given.get('user') or ''}"


def execute(
    connection: PgConnection, query: str, values: Sequence[object] = (), *, binary: bool = False
) -> psycopg.Cursor[Row]:
    """Run one statement."""
    return connection.execute(query.encode(), values or None, binary=binary)


def is_lost(connection: PgConnection, error: BaseException) -> bool:
    """Whether the connection is of no use any more: it broke, or leads to a server that only reads since a failover."""
    return bool(connection.closed) or isinstance(error, errors.ReadOnlySqlTransaction | errors.AdminShutdown)


def as_ours(error: Exception) -> CollectorError:
    """PostgreSQL's own messages may quote values, so only their kind is passed on."""
    if isinstance(error, CollectorError):
        return error
    if isinstance(error, errors.DiskFull):
        return StoreFull("the disk of the database is full", retry_after=30)
    return Unavailable(f"the database of the store does not answer as it should ({type(error).__name__})", 5)


class OwnConnection:
    """One connection, for one thread at a time; `opened` prepares a new one, `times` counts them."""

    def __init__(self, url: str, opened: Callable[[PgConnection], None] = lambda _: None) -> None:
        self._url = url
        self._opened = opened
        self._connection: PgConnection | None = None
        self._not_before = 0.0
        self.times = 0

    def get(self) -> PgConnection:
        """The connection, opened again if it was lost; raises `Unavailable`, at once when that was just tried."""
        if self._connection is not None and not self._connection.closed:
            return self._connection
        if time.monotonic() < self._not_before:
            raise Unavailable("the database of the store cannot be reached", retry_after=2)
        try:
            connection = connect(self._url)
            try:
                self._opened(connection)
            except BaseException:
                connection.close()
                raise
        except psycopg.Error:
            self._not_before = time.monotonic() + _PAUSE_S
            raise Unavailable("the database of the store cannot be reached", retry_after=2) from None
        self._connection = connection
        self.times += 1
        return connection

    @property
    def current(self) -> PgConnection | None:
        """The connection that was opened last, if it was not dropped."""
        return self._connection

    def drop(self) -> None:
        """Close the connection; `get` opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class SharedConnection:
    """A connection that threads take turns with, for statements that may be made twice."""

    def __init__(self, url: str) -> None:
        self._link = OwnConnection(url)
        self._lock = threading.Lock()
        self._closed = False

    def rows(self, query: str, values: Sequence[object] = (), *, binary: bool = False) -> list[Row]:
        """Run a statement and fetch its rows; raises `Unavailable`."""
        return self.run(lambda connection: execute(connection, query, values, binary=binary).fetchall())

    def run(self, work: Callable[[PgConnection], Answered]) -> Answered:
        """Run `work`, once more on a new connection when the connection was lost; raises `Unavailable`."""
        with self._lock:
            for attempt in (0, 1):
                if self._closed:
                    break
                connection = self._link.get()
                try:
                    return work(connection)
                except psycopg.Error as error:
                    if is_lost(connection, error):
                        self._link.drop()
                        if attempt == 0:
                            continue
                    raise as_ours(error) from None
        raise Unavailable("the store is closed")

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._link.drop()
