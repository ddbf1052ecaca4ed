"""A PostgreSQL server of the tests' own, in a temporary directory, and databases in it.

It is started at the first use in a process of the test run and ends with it. It runs as a user without rights: the
server refuses to run as root.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

_WANTED = "PostgreSQL's server is not installed; on Debian: apt-get install postgresql"
_USER = "tests"
_ATTEMPTS = 3
_SAID_BYTES = 2000


class PostgresFailed(Exception):
    """A program of the server failed; with the end of what it said."""


def programs() -> Path | None:
    """Where the server's programs are: on the path, or where Debian puts them."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return places[-1].parent if places else None


class PostgresServer:
    """One server on a free port of the loopback address; `start`, `stop` and `kill` as often as a test wants."""

    def __init__(self, directory: Path, *settings: str) -> None:
        found = programs()
        if found is None:
            if os.environ.get("CI"):
                raise AssertionError(_WANTED)
            pytest.skip(_WANTED)
        self._programs = found
        self._directory = directory
        self._data = directory / "data"
        self._settings = settings
        self.port = 0
        self._as = _unprivileged(directory)
        _several_times(self._make)
        _several_times(self._start_anywhere)

    @property
    def data(self) -> Path:
        return self._data

    def url(self, database: str = "postgres", *, user: str = _USER, options: str = "") -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}{options}"

    def _make(self) -> None:
        shutil.rmtree(self._data, ignore_errors=True)
        self._run("initdb", "-D", str(self._data), "-U", _USER, "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")

    def _start_anywhere(self) -> None:
        """Another process may take a free port before the server does."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.start()

    def start(self) -> None:
        options = [
            f"-p {self.port}", "-c listen_addresses=127.0.0.1", f"-c unix_socket_directories={self._directory}",
            "-c max_connections=60", "-c shared_buffers=64MB", *(f"-c {setting}" for setting in self._settings),
        ]  # fmt: skip
        log = str(self._directory / "server.log")
        self._run("pg_ctl", "-D", str(self._data), "-l", log, "-w", "-t", "60", "-o", " ".join(options), "start")

    def stop(self, mode: str = "fast") -> None:
        """`immediate` is a crash: what was not committed to disk is lost."""
        with contextlib.suppress(PostgresFailed):
            self._run("pg_ctl", "-D", str(self._data), "-w", "-t", "60", "-m", mode, "stop")

    def query(self, database: str, statement: str) -> list[tuple[object, ...]]:
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def new_database(self) -> str:
        """The address of an empty database."""
        name = f"t{uuid.uuid4().hex}"
        self.query("postgres", f"CREATE DATABASE {name}")
        return self.url(name)

    def new_schema(self, database: str = "postgres") -> str:
        """The address of an empty schema; making one is much cheaper than making a database."""
        name = f"t{uuid.uuid4().hex}"
        self.query(database, f"CREATE SCHEMA {name}")
        return self.url(database, options=f"?options=-csearch_path%3D{name}")

    def _run(self, program: str, *arguments: str) -> None:
        said = self._directory / f"{program}.log"
        with said.open("wb") as out:  # a pipe would stay open as long as the server that is started
            done = subprocess.run(
                [self._programs / program, *arguments],
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=self._directory,
                timeout=240,
                **self._as,
            )
        if done.returncode:
            words = said.read_bytes()[-_SAID_BYTES:].decode(errors="replace")
            raise PostgresFailed(f"{program} failed with {done.returncode}: {words}")


@contextmanager
def own_server(*settings: str) -> Iterator[PostgresServer]:
    """A server for one test, which may stop it or crash it."""
    directory = Path(tempfile.mkdtemp(prefix="collector-postgres-"))
    try:
        made = PostgresServer(directory, *settings)
        try:
            yield made
        finally:
            made.stop("immediate")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@cache
def server() -> PostgresServer:
    """The server that tests of one process share; it need not survive a power cut."""
    held = own_server("fsync=off", "full_page_writes=off")
    made = held.__enter__()
    atexit.register(held.__exit__, None, None, None)
    return made


def _several_times(work: Callable[[], None]) -> None:
    """On a machine that is short of memory or ports a program of the server may fail once."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            work()
            return
        except PostgresFailed as error:
            if attempt == _ATTEMPTS:
                raise
            sys.stderr.write(f"{error}\n")


def _unprivileged(directory: Path) -> dict[str, object]:
    """As whom the server runs: as we do, or where that is root as Debian's `postgres` or `nobody`."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return {}
    import pwd

    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            found = pwd.getpwnam(name)
            os.chown(directory, found.pw_uid, found.pw_gid)
            return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    raise AssertionError("no user without rights to run PostgreSQL as")
