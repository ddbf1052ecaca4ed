"""The data directory: for its owner alone, used by one collector at a time, with the secrets that prove who is who.

lock            held by the collector that uses the directory
runs            of `collector run`: who runs, and the collector that one of them started (`collector/cli/runs.py`)
running.json    where that collector listens, for the commands
read-token      lets its holder read what was kept: the owner's commands and browser
open.html       leads the owner's browser to the page with the read token, as `collector open` leaves it
install-token   goes into the settings of OpenCode's plugin: claims about files count only with it
instance-key    the collector proves with it that it serves this directory, before a command gives it a token
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import stat
import sys
from pathlib import Path
from typing import IO, Any

from collector.errors import ConfigError

READ_TOKEN = "read-token"
INSTALL_TOKEN = "install-token"
INSTANCE_KEY = "instance-key"

LOCK = "lock"
_OPEN = "open.html"
_RUNNING = "running.json"
_SECRET_BYTES = 32
_MOST_SECRET_BYTES = 4096


class DataDirectory:
    """Holds the directory's lock from `claim` until `release`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: IO[Any] | None = None

    def claim(self) -> None:
        """Make the directory (0700), close it to others, and take its lock.

        Raises `ConfigError` when it cannot be written, belongs to someone else, or another collector uses it.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            _close_to_others(self.path)
            self._lock = os.fdopen(open_own(self.path / LOCK, os.O_CREAT | os.O_RDWR), "r+")
        except FileExistsError:
            raise ConfigError(f"the data directory {self.path} is a file: name a directory with --data-dir") from None
        except OSError as error:
            raise ConfigError(f"the data directory {self.path} cannot be written: {error.strerror}") from None
        if not try_lock(self._lock):
            self._lock.close()
            self._lock = None
            where = f" and listens at {url}" if (url := announced_url(self.path)) else ""
            raise ConfigError(
                f"another collector uses the data directory {self.path}{where}:"
                " send to that one, stop it, or use --data-dir"
            )

    def announce(self, url: str) -> None:
        """Leave word where this collector listens, for the commands that read from it."""
        try:
            _write_own(self.path / _RUNNING, json.dumps({"url": url, "pid": os.getpid()}))
        except OSError as error:
            raise ConfigError(f"{self.path / _RUNNING} cannot be written: {error.strerror}") from None

    def release(self) -> None:
        with contextlib.suppress(OSError):
            (self.path / _RUNNING).unlink()
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def announced_url(path: Path) -> str | None:
    """Where the collector that uses this directory said it listens; it may be gone."""
    found = _announced(path, "url")
    return None if found is None else str(found)


def announced_pid(path: Path) -> int | None:
    """The process of the collector that announced itself; it may be gone."""
    found = _announced(path, "pid")
    return found if isinstance(found, int) else None


def _announced(path: Path, key: str) -> Any:
    try:
        return json.loads(_read_own(path / _RUNNING))[key]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_in_use(path: Path) -> bool:
    """Whether a collector uses this directory now."""
    try:
        with os.fdopen(open_own(path / LOCK, os.O_RDWR), "r+") as file:
            return not try_lock(file)
    except OSError:
        return False


def secret(directory: Path, name: str) -> str:
    """The secret of that name, made at the first call; raises `ConfigError` when it can be neither read nor made."""
    try:
        found = found_secret(directory, name)
        if found is not None:
            return found
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = secrets.token_urlsafe(_SECRET_BYTES)
        _write_own(directory / name, made)
        return made
    except OSError as error:
        raise ConfigError(f"{directory / name} cannot be written: {error.strerror}") from None


def found_secret(directory: Path, name: str) -> str | None:
    """The secret of that name, None where there is none yet.

    Raises `ConfigError` for a file that others may read, that someone else made, or that is none.
    """
    try:
        return _read_own(directory / name).strip() or None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "not text"
        raise ConfigError(f"{directory / name} cannot be read ({said}): delete it, it is made again") from None


def page_address(url: str, read_token: str | None) -> str:
    """The page's address for this machine; with the token it leaves a cookie and forgets the token."""
    here = url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
    return f"{here}/?token={read_token}" if read_token else f"{here}/"


def leave_entry(directory: Path, page: str) -> str:
    """Put a page that leads a browser in; the address of its file. Raises `ConfigError`."""
    try:
        _write_own(directory / _OPEN, page)
    except OSError as error:
        raise ConfigError(f"{directory / _OPEN} cannot be written: {error.strerror}") from None
    return (directory / _OPEN).absolute().as_uri()


def _close_to_others(path: Path) -> None:
    """Take from others what they may do here; what they could have left here is refused."""
    if sys.platform == "win32":
        return  # a user's own folders are theirs by their access lists
    found = path.stat()
    if found.st_uid != os.geteuid():
        raise ConfigError(f"the data directory {path} belongs to another user: name another with --data-dir")
    if not found.st_mode & 0o077:
        return
    path.chmod(0o700)
    if found.st_mode & 0o022:
        for entry in path.iterdir():
            if entry.lstat().st_uid != os.geteuid():
                raise ConfigError(f"{entry} was put there by another user while that was possible: delete it")


def open_own(path: Path, flags: int) -> int:
    """Open a regular file of this user's that no other may read; a link or another kind of file is refused."""
    descriptor = os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0), 0o600)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise OSError(0, "not a file")
    if sys.platform != "win32" and (found.st_uid != os.geteuid() or found.st_mode & 0o077):
        os.close(descriptor)
        raise OSError(0, "others may use it")
    return descriptor


def _read_own(path: Path) -> str:
    with os.fdopen(open_own(path, os.O_RDONLY), "rb") as file:
        return file.read(_MOST_SECRET_BYTES).decode()


def _write_own(path: Path, text: str) -> None:
    """Put a new file in the place of whatever is there."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    with os.fdopen(open_own(beside, os.O_CREAT | os.O_WRONLY | os.O_EXCL), "wb") as out:
        out.write(text.encode())
    try:
        beside.replace(path)
    except OSError:
        beside.unlink()
        raise


def try_lock(file: IO[Any]) -> bool:
    """Take the lock of an open file until it is closed; False where another process has it."""
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
