"""Who may come in: not web pages, not other machines, and nobody without the access token where one is set.

A page in the user's browser can reach 127.0.0.1. Its requests carry an Origin (refused unless listed), or
come under a name that was made to point here (DNS rebinding: refused by the Host header).
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Collection
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from collector.errors import Forbidden, Unauthorized
from collector.settings.loopback import is_loopback

Headers = dict[bytes, bytes]


class Access(StrEnum):
    """Which token a path asks for."""

    OPEN = "open"
    """None."""
    SEND = "send"
    """To send telemetry: the access token, where one is set."""
    READ = "read"
    """To read what was kept: the access token, where one is set."""


class Guard:
    """Decides by a request's headers; `addresses` also lets hosts given as an address in (a public bind)."""

    def __init__(
        self,
        access_token: str | None,
        hosts: Collection[str] = (),
        origins: Collection[str] = (),
        addresses: bool = False,
    ) -> None:
        self._token = access_token.encode() if access_token else None
        self._hosts = {host.lower() for host in hosts}
        self._origins = {origin.lower().rstrip("/") for origin in origins}
        self._addresses = addresses

    def check(self, headers: Headers, access: Access) -> None:
        """Raise `Forbidden` or `Unauthorized` unless the request may come in.

        A browser's preflight cannot carry a token: check it as `OPEN`.
        """
        self._check_host(headers.get(b"host", b"").decode("latin-1"))
        origin = headers.get(b"origin", b"").decode("latin-1")
        if origin and not self.allows_origin(origin, headers):
            raise Forbidden("requests from other web pages are refused; list the origin in COLLECTOR_ALLOWED_ORIGINS")
        if self._token is None or access is Access.OPEN:
            return
        if not self._knows_token(headers):
            raise Unauthorized(
                "the access token is missing or wrong: send it as 'Authorization: Bearer ...' or 'x-collector-token'"
            )

    def allows_origin(self, origin: str, headers: Headers) -> bool:
        """Whether a page of `origin` may ask: a listed one, or our own page."""
        origin = origin.lower()
        return origin in self._origins or urlsplit(origin).netloc == headers.get(b"host", b"").decode("latin-1").lower()

    def is_listed(self, origin: str) -> bool:
        return origin.lower() in self._origins

    def _check_host(self, host: str) -> None:
        name = _name_of(host)
        if is_loopback(name) or name in self._hosts or host.lower() in self._hosts:
            return
        if self._addresses and _is_address(name):
            return
        raise Forbidden("this Host is not known here; list it in COLLECTOR_ALLOWED_HOSTS")

    def _knows_token(self, headers: Headers) -> bool:
        assert self._token is not None
        offered = headers.get(b"x-collector-token")
        if offered is None:
            scheme, _, offered = headers.get(b"authorization", b"").partition(b" ")
            if scheme.lower() != b"bearer":
                return False
        return hmac.compare_digest(offered.strip(), self._token)


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
