"""The file of the store: opened, watched, given room on a full disk, and mended when a page is damaged."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import shutil
import sqlite3
import time
from pathlib import Path

from collector.errors import ConfigError
from collector.store.sqlite.migrations import NotAStore, adopt_former, prepare, refuse_foreign
from collector.store.sqlite.salvage import salvage
from collector.store.sqlite.schema import FILE, connect, connect_reading, create_file

logger = logging.getLogger(__name__)

_RESERVE = "reserve"
_RESERVE_BYTES = 6 << 20  # as much as the log may hold: it can always be written into the file
_RESERVE_SHARE = 6  # of a disk of a few MB a sixth
_SLACK_BYTES = 1 << 20
_PLENTY_BYTES = 64 << 20
_COMPACT_AT_ONCE = 64 << 20
_MOST_SHRINKS = 64
_PAGES_AT_ONCE = 16
_SMALL_TABLES = ("meta", "dead_letters", "holds", "opencode_sessions", "unknown_events")
_SIDES = ("-wal", "-shm")
_HEADER = b"SQLite format 3\0"


class StoreFile:
    """One file in `directory`, with its log beside it, and a reserve that is given up when the disk is full."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / FILE
        self._log = directory / f"{FILE}-wal"
        self.instance = ""
        self.notices: list[str] = []
        self._mended = directory / f"{FILE}.mended"
        self._reserve = directory / _RESERVE
        self._reserved = False
        self._promised = 0
        self._room = 0
        """Bytes that may be put in this transaction, measured at its beginning."""
        self._identity: tuple[int, int] | None = None
        self._log_identity: tuple[int, int] | None = None

    def open(self, formerly: str) -> sqlite3.Connection:
        """Open or create the store; a damaged file is set aside under another name, never written over.

        Raises `ConfigError` when the file is another program's, or cannot be opened.
        """
        for path in (self.path, self._reserve):
            if path.exists() and not path.is_file():
                raise ConfigError(f"{path} is no file: move it away, or use another --data-dir")
        try:
            self._finish_mending()
            create_file(self.path)
            connection = self._open_or_mend()
            adopt_former(connection, formerly)
        except NotAStore as error:
            raise ConfigError(
                f"{self.path} {error.reason}: use that version or program, or another --data-dir"
            ) from None
        except sqlite3.OperationalError as error:
            raise ConfigError(f"cannot open {self.path}: {error}") from None
        except OSError as error:
            raise ConfigError(f"cannot open {self.path}: {os.strerror(error.errno or 0)}") from None
        self.take_reserve()
        return connection

    @property
    def full(self) -> str:
        """Why no batch may be put: the reserve is given up, and what room there is serves deliveries and forgetting."""
        return "" if self._reserved else "the disk of the data directory is full"

    def keep_room(self, connection: sqlite3.Connection) -> bool:
        """Before a transaction: empty the log while the disk still holds what stands in it; whether there is room."""
        self.measure_room()
        if self._reserved and self._room < _SLACK_BYTES:
            empty_log(connection)
            self.measure_room()
            return self._room >= _SLACK_BYTES
        return True

    def refuses(self, size: int) -> str:
        """Why `size` bytes may not be put in this transaction; empty where they may.

        They stand in the log first and then in the file: a log that does not fit into the file stops every write.
        """
        if not self.full and self._promised + size <= self._room:
            self._promised += size
            return ""
        self.give_reserve()
        return self.full

    def measure_room(self) -> None:
        """Before a transaction, and again where space was made for it: how many bytes may be put in it."""
        try:
            log = self._log.stat().st_size
        except OSError:
            log = 0
        self._promised, self._room = 0, (_free(self.path.parent)[0] - log - _SLACK_BYTES) // 2

    def room_beside(self, connection: sqlite3.Connection) -> int:
        """How many bytes a transaction beside the posts may write; where that is little, the log is emptied first.

        Nothing but posts asks `refuses`: what else writes much would fill the disk with a log that fits nowhere.
        """
        self.measure_room()
        if self._room < _PLENTY_BYTES:
            empty_log(connection)
            self.measure_room()
        return max(self._room, 0)

    def is_current(self, inode: int) -> bool:
        """Whether the file of that inode is the one in use, and not one that was replaced meanwhile."""
        return self._identity is not None and self._identity[1] == inode

    def missing(self) -> str:
        """Whether the file was removed or replaced: commits would go to a file that nobody finds again."""
        if self._identity is None:
            return ""
        log_identity = _identity(self._log)
        if self._log_identity is None:
            self._log_identity = log_identity
        if _identity(self.path) != self._identity or log_identity != self._log_identity:
            return f"{self.path.name} was removed or replaced while the collector ran: restart the collector"
        return ""

    def note(self, notice: str) -> None:
        """Say once what a person should know, in the log and in the status."""
        if notice not in self.notices:
            self.notices.append(notice)
            logger.error("%s", notice)

    def take_reserve(self) -> None:
        """Keep a little of the disk back, to be able to forget when it is full."""
        if self._reserve.exists():
            self._reserved = True
            return
        free, total = _free(self._reserve.parent)
        size = min(_RESERVE_BYTES, total // _RESERVE_SHARE)
        if free < 2 * size:
            self._reserved = False  # with the reserve alone nothing could be kept
            return
        try:
            handle = os.open(self._reserve, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
            try:
                if os.write(handle, bytes(size)) < size:
                    raise OSError(errno.ENOSPC, "no room for the reserve")
            finally:
                os.close(handle)
            self._reserved = True
        except OSError:
            self._drop_reserve()

    def give_reserve(self) -> None:
        """The disk is full: give the reserve up."""
        self._drop_reserve()

    def shrink(self, connection: sqlite3.Connection) -> None:
        """Give what was forgotten back to the disk at once, as far as the log can be emptied into the file."""
        for _ in range(_MOST_SHRINKS):
            empty_log(connection)
            if connection.execute("PRAGMA freelist_count").fetchone()[0] == 0:
                return
            try:
                connection.execute(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})").fetchall()
            except sqlite3.OperationalError:
                return  # moving pages needs room in the log, too

    def mend(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        """Copy what can be read into a new file, in place of the damaged one, which is set aside."""
        with contextlib.suppress(sqlite3.Error):
            connection.close()
        self._identity = self._log_identity = None
        return self._remember(self._salvage())

    def _open_or_mend(self) -> sqlite3.Connection:
        try:
            return self._remember(self._try_open())
        except sqlite3.OperationalError as error:
            if (error.sqlite_errorcode & 0xFF) not in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
                raise
            self._drop_reserve()  # the disk is full: the reserve is enough to open the file and deliver from it
            return self._remember(self._try_open())
        except sqlite3.DatabaseError:
            return self._remember(self._salvage())

    def _remember(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        self._identity = _identity(self.path)
        return connection

    def _try_open(self) -> sqlite3.Connection:
        if self.path.stat().st_size:
            with contextlib.closing(connect_reading(self.path)) as looking:
                refuse_foreign(looking)
        connection = connect(self.path)
        try:
            self.instance = prepare(connection)
            connection.execute("SELECT count(*) FROM ledger").fetchone()
            connection.execute("SELECT count(*), sum(items) FROM outbox NOT INDEXED").fetchone()
            connection.execute("SELECT sum(length(data)) FROM inbox NOT INDEXED").fetchone()
            for table in _SMALL_TABLES:
                connection.execute(f"SELECT count(*) FROM {table} NOT INDEXED").fetchone()
            _compact_old(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _salvage(self) -> sqlite3.Connection:
        """A new file with what can be read of the damaged one, which is set aside once the new one is whole.

        Whoever reads meanwhile, or starts after a crash in the middle, finds the damaged file or the whole new one.
        """
        lost = self._copy_readable()
        aside = self.path.with_name(f"{self.path.name}.damaged-{time.strftime('%Y%m%dT%H%M%S')}")
        for suffix in ("", *_SIDES):
            side = self.path.with_name(self.path.name + suffix)
            if side.exists():
                side.rename(aside.with_name(aside.name + suffix))
        self._mended.rename(self.path)
        connection = connect(self.path)
        self.instance = prepare(connection)
        notice = f"the store was damaged and is set aside as {aside.name}: {lost} could not be read, the rest goes on"
        self.note(notice)
        return connection

    def _copy_readable(self) -> str:
        """Fill the new file; what is lost, in words."""
        self._drop_mended()
        create_file(self._mended)
        with contextlib.closing(connect(self._mended)) as fresh:
            prepare(fresh)
            with self.path.open("rb") as file:
                readable = file.read(len(_HEADER)) == _HEADER
            items = salvage(self.path, fresh) if readable else None
        return "all of it" if items is None else f"{items} items" if items else "nothing that is counted"

    def _finish_mending(self) -> None:
        """After a crash while a damaged file was mended: go on with the new one where it is whole, else begin again."""
        if self._mended.exists() and not self.path.exists():
            for suffix in _SIDES:  # of the damaged file: SQLite would take them for the new one's
                self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
            self._mended.rename(self.path)
        self._drop_mended()

    def _drop_mended(self) -> None:
        for suffix in ("", *_SIDES):
            self._mended.with_name(self._mended.name + suffix).unlink(missing_ok=True)

    def _drop_reserve(self) -> None:
        self._reserved = False
        with contextlib.suppress(OSError):
            self._reserve.unlink()


def _free(directory: Path) -> tuple[int, int]:
    """Bytes of the disk that are free, and all of them."""
    usage = shutil.disk_usage(directory)
    return usage.free, usage.total


def empty_log(connection: sqlite3.Connection) -> None:
    """Write the log into the file and cut it to nothing, as far as there is room and nobody reads."""
    with contextlib.suppress(sqlite3.OperationalError):
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _compact_old(connection: sqlite3.Connection) -> None:
    """Files made before incremental vacuum give nothing back; a small one is rewritten so that it does."""
    if connection.execute("PRAGMA auto_vacuum").fetchone()[0] == 2:
        return
    pages, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    if pages * size <= _COMPACT_AT_ONCE:
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute("VACUUM")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
