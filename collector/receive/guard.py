"""Who may come in: not web pages, not other machines, and nobody without the token that a path asks for.

A page in the user's browser can reach 127.0.0.1. Its requests carry an Origin (refused unless listed), or
come under a name that was made to point here (DNS rebinding: refused by the Host header). Every user of this machine
can reach it too, so reading what was kept takes a token that only the owner of the data directory has.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from collector.errors import Forbidden, Unauthorized
from collector.settings.loopback import is_loopback

Headers = dict[bytes, bytes]

COOKIE = "collector-read"


class Access(StrEnum):
    """Which token a path asks for."""

    OPEN = "open"
    """None."""
    MEASURE = "measure"
    """To see numbers: none on loopback, elsewhere an access token."""
    SEND = "send"
    """To send telemetry: an access token, where one is set."""
    READ = "read"
    """To read what was kept: the read token or an access token."""


class Guard:
    """Decides by a request's headers.

    `access_tokens` are kept by name; without a `read_token` reading asks for what sending asks for. `teams` are tokens
    that send and do no more, by the team's name. `addresses` says that others than loopback are listened on: hosts
    given as an address may come in, and numbers ask for a token.
    """

    def __init__(
        self,
        access_tokens: Mapping[str, str] | None = None,
        hosts: Collection[str] = (),
        origins: Collection[str] = (),
        *,
        addresses: bool = False,
        read_token: str | None = None,
        teams: Mapping[str, str] | None = None,
    ) -> None:
        self._read = read_token.encode() if read_token else None
        self._hosts = {host.lower() for host in hosts}
        self._origins = {origin.lower().rstrip("/") for origin in origins}
        self._addresses = addresses
        self.accept(access_tokens or {}, teams or {})

    def accept(self, access_tokens: Mapping[str, str], teams: Mapping[str, str]) -> None:
        """From now on these access tokens count, and no other."""
        self._tokens = [token.encode() for token in access_tokens.values()]
        self._teams = {name: token.encode() for name, token in teams.items()}

    def check(self, headers: Headers, access: Access) -> str:
        """The team that the request comes from, none for one without a team's token.

        Raises `Forbidden` or `Unauthorized` unless it may come in.

        A browser's preflight cannot carry a token: check it as `OPEN`.
        """
        self._check_host(headers.get(b"host", b"").decode("latin-1"))
        origin = headers.get(b"origin", b"").decode("latin-1")
        if origin and not self.allows_origin(origin, headers):
            raise Forbidden("requests from other web pages are refused; list the origin in COLLECTOR_ALLOWED_ORIGINS")
        if access is Access.OPEN or (access is Access.MEASURE and not self._addresses):
            return ""
        if access is Access.SEND and (team := self._team_of(_offered(headers))):
            return team
        if access is Access.READ and self._read is not None:
            if not self._is_one(_offered(headers), [self._read, *self._tokens]) and not self.has_cookie(headers):
                raise Unauthorized(
                    "reading takes the read token: open the page with `collector open`, or send what stands in the data"
                    " directory's read-token as 'Authorization: Bearer ...' or 'x-collector-token'"
                )
        elif self._tokens and not self._is_one(_offered(headers), self._tokens):
            raise Unauthorized(
                "the access token is missing or wrong: send it as 'Authorization: Bearer ...' or 'x-collector-token'"
            )
        return ""

    def _team_of(self, offered: bytes | None) -> str:
        """Every team's token is compared, in the same time whatever is offered."""
        if offered is None:
            return ""
        return "".join([name for name, token in self._teams.items() if hmac.compare_digest(offered, token)])

    def is_read_token(self, text: str) -> bool:
        return self._read is not None and self._is_one(text.encode(), [self._read])

    def has_cookie(self, headers: Headers) -> bool:
        """Whether the request carries the cookie of a browser that was let in."""
        pairs = (pair.strip().partition(b"=") for pair in headers.get(b"cookie", b"").split(b";"))
        values = [value for name, _, value in pairs if name == COOKIE.encode()]
        return self._read is not None and any(self._is_one(value, [self._read]) for value in values)

    def allows_origin(self, origin: str, headers: Headers) -> bool:
        """Whether a page of `origin` may ask: a listed one, or our own page."""
        origin = origin.lower()
        if origin in self._origins:
            return True
        try:
            scheme, place, *_ = urlsplit(origin)
        except ValueError:
            return False
        return scheme in ("http", "https") and place == headers.get(b"host", b"").decode("latin-1").lower()

    def is_listed(self, origin: str) -> bool:
        return origin.lower() in self._origins

    def _check_host(self, host: str) -> None:
        name = _name_of(host)
        if is_loopback(name) or name in self._hosts or host.lower() in self._hosts:
            return
        if self._addresses and _is_address(name):
            return
        raise Forbidden("this Host is not known here; list it in COLLECTOR_ALLOWED_HOSTS")

    @staticmethod
    def _is_one(offered: bytes | None, tokens: Collection[bytes]) -> bool:
        """Every token is compared, in the same time whatever is offered."""
        found = [hmac.compare_digest(offered, token) for token in tokens] if offered is not None else []
        return any(found)


def _offered(headers: Headers) -> bytes | None:
    """The token that a request carries."""
    offered = headers.get(b"x-collector-token")
    if offered is None:
        scheme, _, offered = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer":
            return None
    return offered.strip()


def _name_of(host: str) -> str:
    """The host without its port; an address of version 6 stands in brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def headers_of(scope: Any) -> Headers:
    """The headers of an ASGI scope by lower-case name; of a repeated one the last."""
    return dict(scope["headers"])
