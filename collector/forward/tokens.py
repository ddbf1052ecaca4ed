"""Where a destination's token comes from. A token is held in memory, sent to its destination, and shown nowhere.

A token that is fetched (by a command, from the keyring, from an authorization server) is kept until it expires: a JSON
Web Token says when (`exp`), others hold for a set time. No error repeats what was fetched or what a command printed.
"""

from __future__ import annotations

import base64
import binascii
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import SecretStr

from collector.errors import CollectorError

EARLY_S = 30.0
"""How long before it expires a token is fetched again."""


class TokenFailed(CollectorError):
    """No token can be had now; the message says from where, and never what came."""


class TokenSource(Protocol):
    """Gives the token to send."""

    @property
    def at_hand(self) -> bool:
        """Whether `token` answers at once, so that it may be called on the event loop."""
        ...

    def token(self) -> SecretStr | None:
        """The token to send now; None when the destination gets none. Raises `TokenFailed`."""
        ...

    def renew(self) -> bool:
        """Fetch the token anew, since it was refused; whether it is another one. Raises nothing."""
        ...


class FixedToken:
    """A token from a setting or the environment."""

    at_hand = True

    def __init__(self, token: SecretStr | None) -> None:
        self._token = token

    def token(self) -> SecretStr | None:
        return self._token

    def renew(self) -> bool:
        return False


class FileToken:
    """The first line of a file, read again when the file changes: a token can be replaced while we run."""

    at_hand = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._token: SecretStr | None = None

    def token(self) -> SecretStr | None:
        try:
            stat = self._path.stat()
            if (stat.st_mtime_ns, stat.st_size) != self._seen:
                first = self._path.read_text(encoding="utf-8").strip().splitlines()[:1]
                if not first:
                    return self._token  # it is being written: the last token still holds
                self._token = SecretStr(first[0].strip())
                self._seen = (stat.st_mtime_ns, stat.st_size)
        except (OSError, UnicodeDecodeError):
            return self._token  # a file being replaced is gone for a moment: the last token still holds
        return self._token

    def renew(self) -> bool:
        before = self._token
        self._seen = None
        return self.token() != before


@dataclass(frozen=True, slots=True)
class Fetched:
    """A token, and for how many seconds it is good, where whoever issued it says so."""

    token: SecretStr
    good_for_s: float | None = None


class FetchedToken:
    """A token that takes a while to get, kept until shortly before it expires; one thread fetches, others wait.

    `fetch` raises `TokenFailed`. `ttl_s` holds for tokens that do not say when they expire.
    """

    def __init__(
        self,
        fetch: Callable[[], Fetched],
        ttl_s: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._fetch = fetch
        self._ttl_s = ttl_s
        self._clock = clock
        self._now = now
        self._lock = threading.Lock()
        self._token: SecretStr | None = None
        self._until = 0.0

    @property
    def at_hand(self) -> bool:
        return self._token is not None and self._clock() < self._until

    def token(self) -> SecretStr | None:
        if self.at_hand:
            return self._token  # without the lock: it is held as long as another one is fetched
        with self._lock:
            if self._token is None or self._clock() >= self._until:
                self._take()
            return self._token

    def renew(self) -> bool:
        before = self._token
        with self._lock:
            if self._token != before:
                return True  # another request that was refused has just fetched it
            try:
                self._take()
            except TokenFailed:
                self._until = 0.0
                return False
            return self._token != before

    def _take(self) -> None:
        fetched = self._fetch()
        good_for_s = fetched.good_for_s
        if good_for_s is None:
            expires = expiry_of(fetched.token.get_secret_value())
            good_for_s = self._ttl_s if expires is None else expires - self._now()
        self._token = fetched.token
        self._until = self._clock() + max(good_for_s - min(EARLY_S, good_for_s / 2), 0.0)


def expiry_of(token: str) -> float | None:
    """When a JSON Web Token expires, in seconds since the epoch; None for one that does not say, or is none."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return float(claims["exp"])
    except (ValueError, KeyError, TypeError, binascii.Error, OverflowError):
        return None


class BasicToken:
    """`user:password` of another source, encoded for the Basic scheme (RFC 7617)."""

    def __init__(self, source: TokenSource) -> None:
        self._source = source

    @property
    def at_hand(self) -> bool:
        return self._source.at_hand

    def token(self) -> SecretStr | None:
        found = self._source.token()
        return SecretStr(base64.b64encode(found.get_secret_value().encode()).decode()) if found is not None else None

    def renew(self) -> bool:
        return self._source.renew()
