"""Addresses of destinations: whether one can be meant, what is sent where, and whether it is our own."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

from collector.enums import Signal
from collector.errors import ConfigError
from collector.settings.loopback import is_loopback

_PORTS = {"http": 80, "https": 443}
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OWN_HEADERS = {
    "content-type",
    "content-encoding",
    "content-length",
    "transfer-encoding",
    "host",
    "connection",
}


def urls_of(endpoint: str, base_path: str = "", paths: Mapping[Signal, str] | None = None) -> dict[Signal, str]:
    """Where each signal is posted; an endpoint that ends in `base_path` or a signal's path is understood too.

    `paths` are whole paths, and hold instead.
    """
    base = endpoint.rstrip("/")
    for signal in Signal:
        base = base.removesuffix(signal.path)
    base = base.removesuffix(base_path) + base_path
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(endpoint))
    return {signal: origin + paths[signal] if paths and signal in paths else base + signal.path for signal in Signal}


def place_of(endpoint: str) -> str:
    """Host and port: the name of a destination that was given none."""
    parts = urlsplit(endpoint)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port or _PORTS[parts.scheme]}"


def check_endpoint(endpoint: str, origin: str) -> None:
    try:
        parts = urlsplit(endpoint)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
        parts = urlsplit("")
    if not usable:
        raise ConfigError(f"{origin}: expected an address such as https://host or http://127.0.0.1:6006")
    if parts.username or parts.password:
        raise ConfigError(
            f"{origin}: put the token in a setting of its own, such as COLLECTOR_UPSTREAM_TOKEN, not in the address"
        )
    if parts.query or parts.fragment:
        raise ConfigError(f"{origin}: the address must not have a query or fragment")


def checked_headers(headers: Mapping[str, str], origin: str) -> dict[str, str]:
    """Headers to add, by lower-case name; raises `ConfigError` for what cannot be one, or is set by us."""
    for name, value in headers.items():
        if not _HEADER.fullmatch(name) or name.lower() in _OWN_HEADERS:
            raise ConfigError(f"{origin}: {name[:40]!r} cannot be set; it is no header name or set by us")
        if any(ord(char) < 32 or ord(char) > 126 for char in value):
            raise ConfigError(f"{origin}: the value of {name} holds characters that no header may hold")
    return {name.lower(): value for name, value in headers.items()}


def is_ourselves(endpoint: str, host: str, port: int) -> bool:
    """Whether `endpoint` reaches the address we listen on; names are looked up only when the port is ours."""
    parts = urlsplit(endpoint)
    name = parts.hostname or ""
    if port == 0 or (parts.port or _PORTS[parts.scheme]) != port:
        return False
    if is_loopback(name) or name in ("0.0.0.0", "::", host.lower()):
        return is_loopback(host) or host in ("0.0.0.0", "::", name)
    try:
        addresses = {info[4][0] for info in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)}
    except OSError:
        return False
    return any(_is_local(str(address)) for address in addresses)


def _is_local(address: str) -> bool:
    """Only an address of this machine can be bound."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True
