"""Where a destination's token comes from. A token is read when it is sent and kept nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from pydantic import SecretStr


class TokenSource(Protocol):
    """Gives the token to send now; None when there is none."""

    def token(self) -> SecretStr | None: ...


class FixedToken:
    """A token from a setting or the environment."""

    def __init__(self, token: SecretStr | None) -> None:
        self._token = token

    def token(self) -> SecretStr | None:
        return self._token


class FileToken:
    """The first line of a file, read again when the file changes: a token can be replaced while we run."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._token: SecretStr | None = None

    def token(self) -> SecretStr | None:
        try:
            stat = self._path.stat()
            if (stat.st_mtime_ns, stat.st_size) != self._seen:
                first = self._path.read_text(encoding="utf-8").strip().splitlines()[:1]
                self._token = SecretStr(first[0].strip()) if first else None
                self._seen = (stat.st_mtime_ns, stat.st_size)
        except (OSError, UnicodeDecodeError):
            return self._token  # a file being replaced is gone for a moment: the last token still holds
        return self._token
