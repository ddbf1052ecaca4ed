"""One thread that writes, and commits the work of all who wait together.

A commit costs one sync of the disk however much it holds; posts that arrive while one is under way share the
next one (measured: 64 concurrent 5 KB puts go 4-5 times faster than one by one). What need not survive a power cut
(that a range was delivered: it would be sent again) is committed without a sync of its own; it survives `kill -9`.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

from collector.errors import CollectorError, StoreFull, Unavailable
from collector.store.futures import resolve

logger = logging.getLogger(__name__)

Work = Callable[[sqlite3.Connection], Any]

_MOST_AT_ONCE = 256
_NO_SPACE = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_STEP_PAUSE_S = 0.02
_AFTER_COMMIT_S = 1.0


class FileOwner(Protocol):
    """What the writer asks of whoever owns the file."""

    def missing(self) -> str:
        """Why commits would not be kept, such as a file that was removed; empty while all is well."""
        ...

    def undone(self, connection: sqlite3.Connection) -> None:
        """A transaction was undone: what is remembered of the store is to be read afresh."""
        ...

    def keep_room(self, connection: sqlite3.Connection) -> None:
        """A transaction is about to begin: see that there is room for it before the disk is full."""
        ...

    def make_space(self, connection: sqlite3.Connection) -> None:
        """The disk is full: free what may be freed."""
        ...

    def mend(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        """The file is damaged: set the damage aside; the connection to go on with."""
        ...

    def step(self, connection: sqlite3.Connection, *, idle: bool) -> float:
        """Do a little of what runs beside the posts (a few ms); seconds until more of it should be done.

        It is called sooner once something was committed. Unless `idle`, posts wait meanwhile: then only what they need
        is done.
        """
        ...


class WriterThread:
    """Runs work in its own thread, in the order it came; a result is set only after its commit was synced.

    `failure` says what the last commit failed with, and is empty while all is well; `mended` how often the file was.
    """

    def __init__(self, connection: sqlite3.Connection, owner: FileOwner) -> None:
        self._connection = connection
        self._owner = owner
        self._durable = True
        self.failure = ""
        self.mended = 0
        self._damaged = threading.Event()
        self._queue: queue.SimpleQueue[tuple[Work, Future[Any], bool] | None] = queue.SimpleQueue()
        self._step_at = time.monotonic() + _STEP_PAUSE_S
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Work, *, durable: bool = True) -> Future[Any]:
        """Run `work` inside the next transaction; unless `durable`, a power cut may undo it after the future is done.

        Work must check before it writes: what it raises as `CollectorError` is given to its caller alone, any
        other error undoes the whole transaction for everyone in it.
        """
        future: Future[Any] = Future()
        if not self._thread.is_alive():
            future.set_exception(Unavailable("the store is closed"))
        else:
            self._queue.put((work, future, durable))
        return future

    def report_damage(self, mended: int) -> None:
        """Say that a reader of the file that was `mended` so often met a damaged page; the file is mended next."""
        if mended == self.mended:
            self._damaged.set()
        self._queue.put((lambda _: None, Future(), False))

    def stop(self) -> None:
        """Finish what was submitted, then stop; returns when all of it is on disk."""
        self._queue.put(None)
        self._thread.join()

    def disconnect(self) -> None:
        """Close the connection, as the last one to the file: this empties the log into it."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()

    def _run(self) -> None:
        while True:
            try:
                first = self._queue.get(timeout=max(self._step_at - time.monotonic(), 0.0))
            except queue.Empty:
                self._step(idle=True)
                continue
            if first is None:
                return
            group, closing = [first], False
            while len(group) < _MOST_AT_ONCE:
                try:
                    item = self._queue.get_nowait()
                except queue.Empty:
                    break
                if item is None:
                    closing = True
                    break
                group.append(item)
            if self._damaged.is_set():
                self._mend()
            self._commit(group)
            if closing:
                return
            now = time.monotonic()
            if now >= self._step_at:
                self._step(idle=self._queue.empty())
            else:
                self._step_at = min(self._step_at, now + _AFTER_COMMIT_S)

    def _step(self, *, idle: bool) -> None:
        """A step that fails is tried again later: nothing that was answered depends on it."""
        pause = 1.0
        try:
            self._sync(durable=False)
            pause = self._owner.step(self._connection, idle=idle)
        except Exception as error:  # an error nobody foresaw must not end the thread that all posts wait for
            if self._connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error) and is_damage(error):
                self._mend()
            else:
                level = logging.DEBUG if isinstance(error, sqlite3.Error) else logging.ERROR
                logger.log(level, "a step beside the posts failed: %s", type(error).__name__)
                with contextlib.suppress(sqlite3.Error):
                    self._owner.undone(self._connection)
        self._step_at = time.monotonic() + max(pause, _STEP_PAUSE_S)

    def _sync(self, *, durable: bool) -> None:
        if durable != self._durable:
            self._connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            self._durable = durable

    def _commit(self, group: list[tuple[Work, Future[Any], bool]]) -> None:
        failure: CollectorError | None = None
        for attempt in range(2):
            try:
                done = self._transact(group)
            except Exception as error:
                if self._connection.in_transaction:
                    with contextlib.suppress(sqlite3.Error):
                        self._connection.execute("ROLLBACK")
                with contextlib.suppress(sqlite3.Error):
                    self._owner.undone(self._connection)
                failure = _as_ours(error)
                if attempt == 0 and self._can_help(error):
                    continue
                break
            else:
                self._said("")
                for future, result, refused in done:
                    resolve(future, result, refused)
                return
        assert failure is not None
        self._said(str(failure))
        for _, future, _ in group:
            resolve(future, None, failure)

    def _transact(
        self, group: list[tuple[Work, Future[Any], bool]]
    ) -> list[tuple[Future[Any], Any, BaseException | None]]:
        if reason := self._owner.missing():
            raise Unavailable(reason, retry_after=10)
        done: list[tuple[Future[Any], Any, BaseException | None]] = []
        self._owner.keep_room(self._connection)
        self._sync(durable=any(durable for _, _, durable in group))
        self._connection.execute("BEGIN IMMEDIATE")
        for work, future, _ in group:
            try:
                done.append((future, work(self._connection), None))
            except CollectorError as error:
                done.append((future, None, error))
        self._connection.execute("COMMIT")
        if reason := self._owner.missing():
            raise Unavailable(reason, retry_after=10)
        return done

    def _can_help(self, error: Exception) -> bool:
        """Make space on a full disk, or mend a damaged file; whether to try the same work again."""
        if not isinstance(error, sqlite3.Error):
            return False
        if is_damage(error):
            return self._mend()
        if (_code(error) & 0xFF) in _NO_SPACE:
            try:
                self._owner.make_space(self._connection)
                return True
            except sqlite3.Error:
                if self._connection.in_transaction:
                    with contextlib.suppress(sqlite3.Error):
                        self._connection.execute("ROLLBACK")
        return False

    def _mend(self) -> bool:
        self.mended += 1
        try:
            self._connection = self._owner.mend(self._connection)
            self._durable = True
            self._damaged.clear()
            return True
        except (sqlite3.Error, OSError) as error:
            self._said(f"the store is damaged and could not be mended ({type(error).__name__})")
            return False

    def _said(self, failure: str) -> None:
        """Log a failure once, when it begins and when it ends."""
        if failure and not self.failure:
            logger.error("nothing can be kept: %s", failure)
        elif self.failure and not failure:
            logger.info("the store can be written again")
        self.failure = failure


def is_damage(error: sqlite3.Error) -> bool:
    """Whether SQLite met a page that cannot be what it should be."""
    return (_code(error) & 0xFF) in _DAMAGED


def _code(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", None) or 0)


def _as_ours(error: Exception) -> CollectorError:
    """SQLite's own messages name tables and files, never values; still only their kind is passed on."""
    if isinstance(error, CollectorError):
        return error
    if isinstance(error, sqlite3.Error) and (_code(error) & 0xFF) in _NO_SPACE:
        return StoreFull("the disk of the data directory is full", retry_after=30)
    return Unavailable(f"the store cannot be written ({type(error).__name__})", retry_after=10)
