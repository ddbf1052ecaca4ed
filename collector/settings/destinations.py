"""From settings to destinations, as plain data: whether to forward, where, with which token; refuses half a set-up."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from collector.enums import Encoding, Signal
from collector.errors import ConfigError
from collector.settings.loopback import is_loopback
from collector.settings.model import Settings
from collector.settings.npm_names import ASKED_FOR_ELSEWHERE

CATALYST = "https://telemetry.inference.net"
UPSTREAM = "upstream"

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OWN_HEADERS = {
    "content-type",
    "content-encoding",
    "content-length",
    "transfer-encoding",
    "host",
    "connection",
}


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """Where a destination's token comes from: a value, or a file that is read again when it changes."""

    value: SecretStr | None = None
    file: Path | None = None

    @property
    def given(self) -> bool:
        return self.value is not None or self.file is not None


@dataclass(frozen=True, slots=True)
class DestinationSettings:
    """Where telemetry goes and how it is written there."""

    name: str
    urls: Mapping[Signal, str]
    signals: tuple[Signal, ...]
    token: TokenSettings = TokenSettings()
    encoding: Encoding = Encoding.AUTO
    gzip: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ForwardingSettings:
    """What the settings say of forwarding: to where, if anywhere, why, and what the person should know."""

    destination: DestinationSettings | None
    reason: str
    notices: tuple[str, ...] = ()


def forwarding_settings(settings: Settings, origins: Mapping[str, str], port: int) -> ForwardingSettings:
    """Decide where telemetry goes; `port` is the one listened on.

    Raises `ConfigError` for a set-up that cannot be meant.
    """
    notices: list[str] = []
    token = _token(settings)
    endpoint = settings.upstream_endpoint.strip()
    endpoint_origin = origins.get("upstream_endpoint", "")
    if endpoint:
        _check_endpoint(endpoint, endpoint_origin)
        if _is_ourselves(endpoint, settings.host, port):
            if not endpoint_origin.startswith(("CATALYST_", "INFERENCE_")):
                raise ConfigError(f"{endpoint_origin}: that is this collector's own address; name another upstream")
            notices.append(f"{endpoint_origin} is this collector's own address: taken as the client's setting, ignored")
            endpoint = ""
    if settings.forward is False:
        return ForwardingSettings(None, f"local only: {origins['forward']} is false", tuple(notices))
    if not endpoint:
        if not token.given:
            if settings.forward:
                notices.append(f"{origins['forward']} asks to forward, but there is no token: nothing is forwarded")
            return ForwardingSettings(None, "local only: no token and no upstream", tuple(notices))
        origin = origins.get("upstream_token", "")
        if origin in ASKED_FOR_ELSEWHERE and not settings.forward:
            notices.append(f"{origin} alone does not start forwarding: set TRACE_TO_INFERENCE=true for that")
            return ForwardingSettings(None, "local only: forwarding was not asked for", tuple(notices))
        endpoint = CATALYST
    hosted = urlsplit(endpoint).hostname == urlsplit(CATALYST).hostname
    if hosted and not token.given:
        notices.append("the upstream is the hosted Catalyst, which needs a token: nothing is forwarded")
        return ForwardingSettings(None, "local only: no token for the hosted upstream", tuple(notices))
    if token.given and endpoint.startswith("http://") and not is_loopback(urlsplit(endpoint).hostname or ""):
        notices.append("the upstream is reached over plain http: its token can be read on the way")
    return ForwardingSettings(
        _destination(settings, endpoint, token, hosted), f"forwarding to {endpoint}", tuple(notices)
    )


def _destination(settings: Settings, endpoint: str, token: TokenSettings, hosted: bool) -> DestinationSettings:
    for name in settings.upstream_headers:
        if not _HEADER.fullmatch(name) or name.lower() in _OWN_HEADERS:
            raise ConfigError(f"upstream_headers: {name[:40]!r} cannot be set; it is no header name or set by us")
        if any(ord(char) < 32 or ord(char) > 126 for char in settings.upstream_headers[name]):
            raise ConfigError(f"upstream_headers: the value of {name} holds characters that no header may hold")
    signals = settings.upstream_signals or ([Signal.TRACES] if hosted else list(Signal))
    return DestinationSettings(
        name=UPSTREAM,
        urls={signal: _url(endpoint, signal) for signal in Signal},
        token=token,
        signals=tuple(signals),
        encoding=settings.upstream_encoding,
        gzip=settings.upstream_compression == "gzip",
        headers={name.lower(): value for name, value in settings.upstream_headers.items()},
    )


def _url(endpoint: str, signal: Signal) -> str:
    """The endpoint is a base address; one that already names a signal's path is understood too."""
    base = endpoint.rstrip("/")
    for other in Signal:
        base = base.removesuffix(other.path)
    return base + signal.path


def _check_endpoint(endpoint: str, origin: str) -> None:
    try:
        parts = urlsplit(endpoint)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
        parts = urlsplit("")
    if not usable:
        raise ConfigError(f"{origin}: expected an address such as https://host or http://127.0.0.1:6006")
    if parts.username or parts.password:
        raise ConfigError(f"{origin}: put the token in COLLECTOR_UPSTREAM_TOKEN, not in the address")
    if parts.query or parts.fragment:
        raise ConfigError(f"{origin}: the address must not have a query or fragment")


def _token(settings: Settings) -> TokenSettings:
    if settings.upstream_token_file is not None:
        if settings.upstream_token is not None:
            raise ConfigError("both an upstream token and an upstream token file are set: keep one of them")
        try:
            found = settings.upstream_token_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            found = ""
        if not found:
            raise ConfigError(f"upstream_token_file {settings.upstream_token_file}: cannot be read, or is empty")
        return TokenSettings(file=settings.upstream_token_file)
    token = settings.upstream_token
    if token is None or not token.get_secret_value().strip():
        return TokenSettings()
    if any(ord(char) <= 32 or ord(char) > 126 for char in token.get_secret_value()):
        raise ConfigError("the upstream token holds spaces or characters that no token has; copy it again")
    return TokenSettings(token)


def _is_ourselves(endpoint: str, host: str, port: int) -> bool:
    """Whether `endpoint` reaches the address we listen on; names are looked up only when the port is ours."""
    parts = urlsplit(endpoint)
    name = parts.hostname or ""
    if port == 0 or (parts.port or {"http": 80, "https": 443}[parts.scheme]) != port:
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
