"""Runs of agents that share the collector which one of them started: the last one to end stops it.

Each run holds the lock of a file of its own in `runs` of the data directory, which is free again however the run ends.
Who looks for the collector, starts it, or stops it holds the lock of the folder meanwhile, so that none of these cross.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from collector.app.data_dir import announced_pid, is_in_use, open_own, try_lock
from collector.errors import ConfigError

_FOLDER = "runs"
_MUTEX = "lock"
_STARTED = "started"
_POLL_SECONDS = 0.05
_STOP_SECONDS = 12


class Runs:
    """The runs at a data directory, this one among them from `joined` until it is left."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._folder = directory / _FOLDER
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"{self._folder} cannot be made ({error.strerror}): use --data-dir") from None

    @contextmanager
    def joined(self) -> Iterator[None]:
        own = self._folder / str(os.getpid())
        with self._held(own) as file:
            try_lock(file)
            yield
        with contextlib.suppress(OSError):
            own.unlink(missing_ok=True)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other run does what is done in this context."""
        with self._held(self._folder / _MUTEX) as file:
            while not try_lock(file):
                time.sleep(_POLL_SECONDS)
            yield

    def started(self, pid: int) -> None:
        """Note that a run started the collector with this process."""
        with self._held(self._folder / _STARTED) as file:
            file.truncate()
            file.write(str(pid))

    @property
    def has_started(self) -> bool:
        """Whether the collector that uses the data directory now was started by a run."""
        return self._collector() is not None

    def are_others(self) -> bool:
        """Whether another run goes on; files of those that ended without a word are taken away."""
        found = False
        for path in self._folder.iterdir():
            if path.name in (_MUTEX, _STARTED, str(os.getpid())):
                continue
            with contextlib.suppress(OSError), self._opened(path) as file:
                if not try_lock(file):
                    found = True
                    continue
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        return found

    def stop_collector(self) -> None:
        """End the collector that a run started, and wait until it is gone."""
        pid = self._collector()
        if pid is None:
            return
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        while self._collector() is not None:
            if time.monotonic() > deadline:
                with contextlib.suppress(OSError):
                    os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
                break
            time.sleep(_POLL_SECONDS)
        (self._folder / _STARTED).unlink(missing_ok=True)

    def _collector(self) -> int | None:
        """The process of the collector that a run started: the one that announced itself and holds its lock."""
        try:
            with self._opened(self._folder / _STARTED) as file:
                pid = int(file.read() or 0)
            return pid if announced_pid(self._directory) == pid and is_in_use(self._directory) else None
        except (OSError, ValueError):
            return None

    def _held(self, path: Path) -> IO[Any]:
        try:
            return self._opened(path)
        except OSError as error:
            raise ConfigError(f"{path} cannot be used ({error.strerror or error}): use another --data-dir") from None

    def _opened(self, path: Path) -> IO[Any]:
        return os.fdopen(open_own(path, os.O_CREAT | os.O_RDWR), "r+")
