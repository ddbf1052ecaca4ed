"""The data directory: made for its owner alone, used by one collector at a time, and where it is found."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import IO, Any

from collector.errors import ConfigError

_LOCK = "lock"
_RUNNING = "running.json"


class DataDirectory:
    """Holds the directory's lock from `claim` until `release`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: IO[Any] | None = None

    def claim(self) -> None:
        """Make the directory (0700) and take its lock.

        Raises `ConfigError` when it cannot be written, or another collector uses it.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.fdopen(os.open(self.path / _LOCK, os.O_CREAT | os.O_RDWR, 0o600), "r+")
        except OSError as error:
            raise ConfigError(f"the data directory {self.path} cannot be written: {error.strerror}") from None
        if not _try_lock(self._lock):
            self._lock.close()
            self._lock = None
            raise ConfigError(f"another collector uses the data directory {self.path}: stop it, or use --data-dir")

    def announce(self, url: str) -> None:
        """Leave word where this collector listens, for the commands that read from it."""
        file = self.path / _RUNNING
        file.unlink(missing_ok=True)
        with os.fdopen(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w") as out:
            json.dump({"url": url, "pid": os.getpid()}, out)

    def release(self) -> None:
        (self.path / _RUNNING).unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def announced_url(path: Path) -> str | None:
    """Where the collector that uses this directory said it listens; it may be gone."""
    try:
        found = json.loads((path / _RUNNING).read_text())
        return str(found["url"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _try_lock(file: IO[Any]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
