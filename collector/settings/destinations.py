"""A destination as plain data: where to send what, how, and with which token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from collector.enums import Encoding, Signal, SpanFormat
from collector.errors import ConfigError
from collector.settings.destination_tables import BatchTable, FilterTable, KeyringTable, TlsTable
from collector.settings.loopback import is_loopback
from collector.settings.presets import PRESETS, DestinationPreset

_EVERYTHING = FilterTable()
_NO_BATCH = BatchTable()
_NO_TLS = TlsTable()


@dataclass(frozen=True, slots=True)
class OAuth2Settings:
    """Client credentials; the secret is read from the environment."""

    token_url: str
    client_id: str
    client_secret: SecretStr
    scope: str = ""
    audience: str = ""


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """Where a destination's token comes from: one of these, or nowhere. A file is read again when it changes."""

    value: SecretStr | None = None
    file: Path | None = None
    command: str | tuple[str, ...] | None = None
    keyring: KeyringTable | None = None
    oauth2: OAuth2Settings | None = None
    timeout_s: float = 10
    ttl_s: float = 300

    @property
    def given(self) -> bool:
        places = (self.value, self.file, self.command, self.keyring, self.oauth2)
        return any(place is not None for place in places)


@dataclass(frozen=True, slots=True)
class DestinationSettings:
    """Where telemetry goes, what of it, and how it is written there.

    `policy` is a policy file or the name of a preset that holds beside the policy in force, and can only tighten it.
    """

    name: str
    urls: Mapping[Signal, str]
    signals: tuple[Signal, ...]
    token: TokenSettings = TokenSettings()
    encoding: Encoding = Encoding.AUTO
    format: SpanFormat = SpanFormat.OPENINFERENCE
    gzip: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)
    token_header: str = "authorization"
    token_scheme: str = "Bearer"
    only: FilterTable = _EVERYTHING
    never: tuple[FilterTable, ...] = ()
    batch: BatchTable = _NO_BATCH
    tls: TlsTable = _NO_TLS
    policy: str = ""
    preset: DestinationPreset = PRESETS["otlp"]


def plain_http_notice(name: str, endpoint: str, token: TokenSettings) -> list[str]:
    """Whether a token can be read on its way, in words."""
    if token.given and endpoint.startswith("http://") and not is_loopback(urlsplit(endpoint).hostname or ""):
        return [f"{name} is reached over plain http: its token can be read on the way"]
    return []


def token_of_file(file: Path, origin: str) -> TokenSettings:
    """A token in a file that can be read now; raises `ConfigError`."""
    try:
        found = file.expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        found = ""
    if not found:
        raise ConfigError(f"{origin} {file}: cannot be read, or is empty")
    return TokenSettings(file=file.expanduser())


def token_of_value(value: SecretStr, origin: str) -> TokenSettings:
    """A token as it is sent; raises `ConfigError` for one that cannot be meant."""
    if any(ord(char) <= 32 or ord(char) > 126 for char in value.get_secret_value()):
        raise ConfigError(f"{origin} holds spaces or characters that no token has; copy it again")
    return TokenSettings(value)
