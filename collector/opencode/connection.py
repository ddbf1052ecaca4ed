"""A connection to a collector that gets a token only after it has proved which data directory it serves.

Whoever takes the port of a collector that is away would otherwise be sent the owner's tokens. So a challenge goes
first, on the same connection; the answer is a code made with the data directory's key over the challenge and the
address that was connected to, so that one who passes the challenge on to the real collector proves nothing.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import secrets
import ssl
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from collector.errors import CollectorError

_PROOF_PATH = "/healthz?challenge="
_MOST_ANSWER_BYTES = 64 * 1024


class NotProved(CollectorError):
    """What answers is not the collector of this data directory; it was given no token."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A token, and the key of the data directory that a collector must prove to have first; none is asked where
    the directory has no key (a collector on another machine, or in a container)."""

    token: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers by lower-case name, and body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


NO_CREDENTIALS = Credentials()


def proof_of(key: str, challenge: str, address: tuple[Any, ...]) -> str:
    """The code that only who has `key` can make; `address` is the one that the collector is reached at."""
    return hmac.new(key.encode(), f"{challenge} {_plain(str(address[0]))} {address[1]}".encode(), "sha256").hexdigest()


def ask(
    url: str,
    method: str,
    path: str,
    body: bytes | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    credentials: Credentials = NO_CREDENTIALS,
    seconds: float,
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """Send one request to the collector at `url`, directly: proxies of the environment are for the way out.

    No redirect is followed. Raises `NotProved`, and `OSError` when nobody answers.
    """
    parts = urlsplit(url)
    place = (parts.hostname or "", parts.port or {"http": 80, "https": 443}[parts.scheme])
    connection = (
        HTTPSConnection(*place, timeout=seconds, context=tls)
        if parts.scheme == "https"
        else HTTPConnection(*place, timeout=seconds)
    )
    sent = dict(headers or {})
    try:
        with closing(connection):
            if credentials.token is not None:
                if credentials.key is not None:
                    _check(connection, url, credentials.key)
                sent["x-collector-token"] = credentials.token
            connection.request(method, parts.path.rstrip("/") + path, body, sent)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
    except HTTPException as error:
        raise ConnectionError(type(error).__name__) from None


def _check(connection: HTTPConnection, url: str, key: str) -> None:
    """Raise `NotProved` unless the other side has the key; its connection can be used for the request then."""
    challenge = secrets.token_hex(16)
    connection.connect()
    address = connection.sock.getpeername()
    connection.request("GET", urlsplit(url).path.rstrip("/") + _PROOF_PATH + challenge)
    response = connection.getresponse()
    said = response.read(_MOST_ANSWER_BYTES)
    try:
        proof = json.loads(said)["proof"]
    except (ValueError, KeyError, TypeError):
        proof = ""
    if response.read() or not hmac.compare_digest(str(proof).encode(), proof_of(key, challenge, address).encode()):
        raise NotProved(f"what answers at {url} is not the collector of this data directory: it was given no token")


def _plain(address: str) -> str:
    """An address as both sides write it: of an IPv4 address in IPv6 form the former, no zone."""
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None)
    return str(mapped or found)
