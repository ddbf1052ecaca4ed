"""One thread that writes, and commits the work of all who wait together.

A commit costs one sync of the server's disk however much it holds. While the database cannot be reached work is
refused at once, but for patient work: what a destination answered is written as soon as there is a connection again.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import errors

from collector.errors import CollectorError, Unavailable
from collector.store.futures import resolve
from collector.store.postgres.connecting import OwnConnection, PgConnection, as_ours, execute, is_lost
from collector.store.postgres.listing import Interrupted
from collector.store.postgres.locks import take_shard
from collector.store.postgres.notifying import notify
from collector.store.postgres.transaction import Transaction

logger = logging.getLogger(__name__)

PgWork = Callable[[Transaction], Any]

_MOST_AT_ONCE = 256
_ATTEMPTS = 5
_TELL_PAUSE_S = 0.1
_RETRY_S = 0.25
_AGAIN = (errors.DeadlockDetected, errors.SerializationFailure, Interrupted)


@dataclass(slots=True)
class _Submitted:
    work: PgWork
    batches: int
    durable: bool
    patient: bool
    future: Future[Any] = field(default_factory=Future)


class PgWriterThread:
    """Runs work in its own thread, in the order it came; a result is set only after its commit.

    `origin` names this collector among those that share the database. `failure` says what the last commit failed
    with, and is empty while all is well; `connections` counts the connections so far.
    """

    def __init__(self, url: str, origin: int) -> None:
        self._origin = origin
        self._shard = 0
        self._link = OwnConnection(url, self._opened)
        self._patient: list[_Submitted] = []
        self._tell_at = 0.0
        self._untold = False
        self._closing = threading.Event()
        self.failure = ""
        self._queue: queue.SimpleQueue[_Submitted | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    @property
    def connections(self) -> int:
        return self._link.times

    def submit(self, work: PgWork, *, batches: int = 0, durable: bool = True, patient: bool = False) -> Future[Any]:
        """Run `work` inside the next transaction; it may put as many as `batches`.

        Unless `durable`, a crash of the database may undo it after the future is done. `patient` work waits for a
        connection. Work must check before it writes: what it raises as `CollectorError` is given to its caller alone.
        """
        wanted = _Submitted(work, batches, durable, patient)
        if self._closing.is_set() or not self._thread.is_alive():
            wanted.future.set_exception(Unavailable("the store is closed"))
        else:
            self._queue.put(wanted)
        return wanted.future

    def on_connection(self, work: Callable[[PgConnection], Any]) -> Future[Any]:
        """Run `work` on the connection itself, outside any transaction."""
        return self.submit(lambda transaction: work(transaction.connection))

    def stop(self) -> None:
        """Finish what was submitted, as far as the database can be reached, then stop."""
        self._queue.put(None)
        self._thread.join()

    def _opened(self, connection: PgConnection) -> None:
        self._shard = take_shard(connection)

    def _run(self) -> None:
        closing = False
        while not closing:
            group, closing = self._next_group()
            if group:
                self._commit(group)
            self._tell()
        self._closing.set()
        while not self._queue.empty():
            if (late := self._queue.get_nowait()) is not None:
                resolve(late.future, None, Unavailable("the store is closed"))
        for waiting in self._patient:
            resolve(waiting.future, None, Unavailable("the store is closed"))
        self._link.drop()

    def _next_group(self) -> tuple[list[_Submitted], bool]:
        """Patient work first, then what was submitted meanwhile; whether this is the last of it."""
        timeout = None
        if self._patient:
            timeout = _RETRY_S
        if self._untold:
            timeout = max(self._tell_at - time.monotonic(), 0.0)
        group: list[_Submitted] = []
        with contextlib.suppress(queue.Empty):
            item = self._queue.get(timeout=timeout)
            while item is not None and len(group) < _MOST_AT_ONCE - 1:
                group.append(item)
                item = self._queue.get_nowait()
            if item is None:
                waiting, self._patient = self._patient, []
                return waiting + group, True
            group.append(item)
        waiting, self._patient = self._patient, []
        return waiting + group, False

    def _commit(self, group: list[_Submitted]) -> None:
        for attempt in range(_ATTEMPTS):
            try:
                transaction, done = self._transact(group)
            except Exception as error:
                if self._gone(error):
                    self._refuse(group, Unavailable("the database of the store cannot be reached", retry_after=2))
                    return
                if isinstance(error, _AGAIN) and attempt < _ATTEMPTS - 1:
                    continue
                if len(group) > 1:  # one work must not fail the others
                    for each in group:
                        self._commit([each])
                    return
                failure = as_ours(error)
                logger.error("the store could not write (%s)", type(error).__name__)
                resolve(group[0].future, None, failure)
                if isinstance(error, psycopg.OperationalError):
                    self._said(str(failure))
                return
            self._said("")
            transaction.committed()
            self._untold |= transaction.tells
            for future, result, refused in done:
                resolve(future, result, refused)
            return

    def _transact(
        self, group: list[_Submitted]
    ) -> tuple[Transaction, list[tuple[Future[Any], Any, CollectorError | None]]]:
        connection = self._begin()
        done: list[tuple[Future[Any], Any, CollectorError | None]] = []
        wanted = sum(each.batches for each in group)
        try:
            if not any(each.durable for each in group):
                execute(connection, "SET LOCAL synchronous_commit = off")
            numbers = (
                execute(connection, "SELECT nextval('batch_ids') FROM generate_series(1, %s)", (wanted,)).fetchall()
                if wanted
                else []
            )
            transaction = Transaction(connection, self._shard, self._origin, (row[0] for row in numbers))
            for each in group:
                try:
                    done.append((each.future, each.work(transaction), None))
                except CollectorError as error:
                    done.append((each.future, None, error))
            transaction.flush()
            execute(connection, "COMMIT")
        except BaseException:
            with contextlib.suppress(psycopg.Error):
                execute(connection, "ROLLBACK")
            raise
        return transaction, done

    def _begin(self) -> PgConnection:
        """Begin a transaction; a connection that broke while nothing was asked of it costs nobody anything."""
        connection = self._link.get()
        try:
            execute(connection, "BEGIN")
        except psycopg.OperationalError:
            self._link.drop()
            connection = self._link.get()
            execute(connection, "BEGIN")
        return connection

    def _gone(self, error: Exception) -> bool:
        """Whether the database is out of reach; then the connection is dropped, and its locks with it."""
        if isinstance(error, Unavailable):
            return True
        connection = self._link.current
        if connection is None or is_lost(connection, error):
            self._link.drop()
            return True
        return False

    def _refuse(self, group: list[_Submitted], failure: CollectorError) -> None:
        self._said(str(failure))
        for each in group:
            if each.patient and not self._closing.is_set():
                self._patient.append(each)
            else:
                resolve(each.future, None, failure)

    def _tell(self) -> None:
        """Tell other collectors, but not more often than they need to know."""
        now = time.monotonic()
        connection = self._link.current
        if not self._untold or now < self._tell_at or connection is None:
            return
        self._untold, self._tell_at = False, now + _TELL_PAUSE_S
        with contextlib.suppress(psycopg.Error):  # they look by themselves every few seconds
            notify(connection, self._origin)

    def _said(self, failure: str) -> None:
        """Log a failure once, when it begins and when it ends."""
        if failure and not self.failure:
            logger.error("nothing can be kept: %s", failure)
        elif self.failure and not failure:
            logger.info("the store can be written again")
        self.failure = failure
