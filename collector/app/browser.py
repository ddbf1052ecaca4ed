"""What browsers are told of every answer, and how one is let in (pure).

A token in the address, once, becomes a cookie, so that no address that is seen or kept holds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlencode

from collector.receive.guard import COOKIE

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


def secured(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """An answer's headers and the security headers it does not set itself."""
    given = {name.lower() for name, _ in headers}
    return [*headers, *((name, value) for name, value in SECURITY_HEADERS.items() if name not in given)]


def split_token(query: bytes) -> tuple[str | None, str]:
    """The token in a query string, and the query without it."""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    token = next((value for name, value in pairs if name == TOKEN), None)
    return token, urlencode([pair for pair in pairs if pair[0] != TOKEN])


def entry(path: str, query: str, token: str, *, secure: bool) -> list[tuple[bytes, bytes]]:
    """The headers of an answer that leaves the cookie and leads to the same page, without the token in its address."""
    place = "/" + quote(path.lstrip("/")) + (f"?{query}" if query else "")
    cookie = f"{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/" + ("; Secure" if secure else "")
    return [(b"location", place.encode()), (b"set-cookie", cookie.encode())]
