"""The HTTP client of one destination: no cookies kept, no proxy for this machine, certificates as configured."""

from __future__ import annotations

import asyncio
import contextlib
import http.cookiejar
import ipaddress
import os
import ssl
import sys
import threading
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from collector.errors import ConfigError
from collector.forward.destination import Destination, Tls
from collector.settings.loopback import is_loopback

if TYPE_CHECKING:
    import httpx

_ANSWER_SECONDS = 30
_CONNECT_SECONDS = 10
_loading = threading.Lock()
_PORTS = {"http": 80, "https": 443}


class LateClient:
    """The client of `destination`, made when it is first sent to: until then its 10 MiB are not needed."""

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._opened = contextlib.AsyncExitStack()
        self._making = asyncio.Lock()
        self._client: httpx.AsyncClient | None = None

    async def __aenter__(self) -> LateClient:
        if self._destination.tls.ca_file is not None or self._destination.tls.certificate is not None:
            tls_context(self._destination.tls)  # a file that cannot be used is said at the start
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._opened.aclose()

    async def get(self) -> httpx.AsyncClient:
        """The client; others are served while it is made."""
        async with self._making:
            if self._client is None:
                await asyncio.to_thread(_load)
                self._client = await self._opened.enter_async_context(open_client(self._destination))
            return self._client


@contextlib.asynccontextmanager
async def open_client(destination: Destination) -> AsyncIterator[httpx.AsyncClient]:
    """A client for the addresses of `destination`."""
    _load()
    import aiohttp
    import httpx
    from httpx_aiohttp.transport import AiohttpTransport

    url = next(iter(destination.urls.values()))
    proxy = proxy_for(url, os.environ)
    context = tls_context(destination.tls)

    def session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context, limit=32), cookie_jar=aiohttp.DummyCookieJar()
        )

    transport = AiohttpTransport(
        verify=context, client=session, proxy=httpx.Proxy(proxy) if proxy else None, trust_env=False
    )
    timeout = httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS, pool=None)
    async with httpx.AsyncClient(
        transport=transport, timeout=timeout, follow_redirects=False, trust_env=False
    ) as client:
        client.cookies.jar.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        yield client


def _load() -> None:
    """Import what the client is made of, without the command line of httpx.

    Where rich is installed httpx imports it, and nobody here runs it: 70 modules, 3 MiB, 35 ms.
    """
    modules: dict[str, Any] = sys.modules
    with _loading:
        if "httpx" not in modules:
            modules["httpx._main"] = None  # this makes its import fail, which httpx provides for
            try:
                import httpx  # noqa: F401
            finally:
                del modules["httpx._main"]
    import httpx_aiohttp.transport  # noqa: F401


def tls_context(tls: Tls) -> ssl.SSLContext:
    """What a destination's certificate is checked against; raises `ConfigError` naming a file that cannot be used."""
    context = ssl.create_default_context()
    try:
        if tls.ca_file is not None:
            context.load_verify_locations(tls.ca_file)
        if tls.certificate is not None:
            context.load_cert_chain(tls.certificate, tls.key)
    except (OSError, ssl.SSLError):
        which = tls.ca_file if tls.certificate is None else tls.certificate
        raise ConfigError(f"the certificate file {which} cannot be used: it must be PEM, and readable") from None
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def proxy_for(url: str, environment: Mapping[str, str]) -> str | None:
    """The proxy that the environment names for `url`: HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, unless NO_PROXY has it.

    Never one for this machine itself. Entries of NO_PROXY are names (with all below them), `*`, addresses and
    networks (CIDR), each with a port or without.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if is_loopback(host) or _is_excluded(
        host, parts.port or _PORTS.get(parts.scheme, 0), _any(environment, "no_proxy")
    ):
        return None
    proxy = _any(environment, f"{parts.scheme}_proxy") or _any(environment, "all_proxy")
    if not proxy:
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _any(environment: Mapping[str, str], name: str) -> str:
    return (environment.get(name) or environment.get(name.upper()) or "").strip()


def _is_excluded(host: str, port: int, excluded: str) -> bool:
    for entry in (each.strip().lower() for each in excluded.split(",")):
        if not entry:
            continue
        if entry == "*":
            return True
        name, colon, wanted = entry.rpartition(":")
        if colon and wanted.isdigit() and name.count(":") in (0, 7) and "/" not in entry:
            if int(wanted) != port:
                continue
            entry = name
        try:
            if ipaddress.ip_address(host) in ipaddress.ip_network(entry.strip("[]"), strict=False):
                return True
        except ValueError:
            name = entry.removeprefix("*").lstrip(".")
            if host == name or host.endswith(f".{name}"):
                return True
    return False
