"""What browsers are told of every answer, and how one is let in (pure).

A token in the address, once, becomes a cookie, so that no address that is seen or kept holds it.
"""

from __future__ import annotations

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


_REFUSED = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · collector</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/static/app.css">
</head>
<body>
<main id="main">
<div class="head"><div><h1>{title}</h1></div></div>
<section class="box paste">
{said}
</section>
</main>
</body>
</html>
"""
_HOW_IN = (
    "<p>What is kept here is shown to whoever has the read token. On the machine where the collector runs:</p>"
    "<pre>collector open</pre>"
    "<p>opens this page and lets this browser in. Where there is no browser, or it may not read files there, this"
    " prints an address that does the same, to be opened here:</p>"
    "<pre>collector open --print</pre>"
    "<p>In a container, put <code>docker exec</code> and its name before it. Programs send the token as a header:"
    " <code>x-collector-token</code>.</p>"
)


def _escaped(text: str) -> str:
    import html  # half a MiB of names of characters, which most collectors never need

    return html.escape(text)


def wants_page(path: str, headers: Headers) -> bool:
    """Whether a refusal is read by a person: a browser opens a page of ours."""
    return b"text/html" in headers.get(b"accept", b"") and not path.startswith(("/api/", "/mcp", "/static/"))


def refused_page(status: int, said: str) -> bytes:
    """The page for a request that is refused, in the look of the others; without the token it says how to get in."""
    title = "Let this browser in" if status == 401 else "This is not shown"
    why = _HOW_IN if status == 401 else f'<p>{_escaped(said)}</p><p><a href="/">To the sessions</a></p>'
    return _REFUSED.format(title=title, said=why).encode()


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
    place = _escaped(address)
    return (
        '<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer"><title>collector</title>'
        f'<meta http-equiv="refresh" content="0; url={place}"><a href="{place}">Open the page</a>'
    )
