"""What browsers are told of every answer, and how one is let in (pure).

A token in the address, once, becomes a cookie, so that no address that is seen or kept holds it.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode

from collector.receive.guard import COOKIE, Headers

SECURITY_HEADERS: Mapping[bytes, bytes] = {
    b"content-security-policy": b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    b" connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
}
"""No script or style but our own, no frame around the page, nothing of it in caches or in other sites' logs."""

TOKEN = "token"
"""The query parameter that carries the read token once."""


_LED_ON = b'<!doctype html><title>collector</title><link rel="icon" href="data:,">'


@dataclass(frozen=True, slots=True)
class Entry:
    """The answer to a browser that brings the token."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""


def secured(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """An answer's headers and the security headers it does not set itself."""
    given = {name.lower() for name, _ in headers}
    return [*headers, *((name, value) for name, value in SECURITY_HEADERS.items() if name not in given)]


def split_token(query: bytes) -> tuple[str | None, str]:
    """The token in a query string, and the query without it."""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    token = next((value for name, value in pairs if name == TOKEN), None)
    return token, urlencode([pair for pair in pairs if pair[0] != TOKEN])


def entry(path: str, query: str, token: str, headers: Headers, *, secure: bool) -> Entry:
    """An answer that leaves the cookie and leads to the same page, without the token in its address.

    Who comes from elsewhere, as from the file that `collector open` leaves, is led on by a page of ours: browsers send
    no strict cookie along a redirect that began elsewhere.
    """
    place = ("/" + quote(path.lstrip("/")) + (f"?{query}" if query else "")).encode()
    cookie = f"{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/" + ("; Secure" if secure else "")
    left = (b"set-cookie", cookie.encode())
    if headers.get(b"sec-fetch-site") == b"cross-site":
        return Entry(200, [left, (b"refresh", b"0; url=" + place), (b"content-type", b"text/html")], _LED_ON)
    return Entry(303, [left, (b"location", place)])


def entry_page(address: str) -> str:
    """A page on disk that leads to `address`: a browser's command line, unlike its files, is read by every user."""
    place = html.escape(address)
    return (
        '<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer"><title>collector</title>'
        f'<meta http-equiv="refresh" content="0; url={place}"><a href="{place}">Open the page</a>'
    )
