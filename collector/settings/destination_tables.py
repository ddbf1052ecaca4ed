"""`[[destination]]` of `collector.toml`, as it is written; `settings.destinations` makes of it where to send."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from collector.enums import Encoding, Signal, SpanFormat
from collector.settings.presets import PRESETS

Globs = list[Annotated[str, Field(min_length=1, max_length=256)]]
ByteCount = Annotated[int, Field(ge=1024)]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class _SettingsTable(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class KeyringTable(_SettingsTable):
    """`keyring`: a password of the operating system's keyring."""

    service: Annotated[str, Field(min_length=1)]
    user: Annotated[str, Field(min_length=1)]


class OAuth2Table(_SettingsTable):
    """`oauth2`: client credentials that are exchanged for a token (RFC 6749, 4.4)."""

    token_url: Annotated[str, Field(pattern=r"^https?://")]
    client_id: Annotated[str, Field(min_length=1)]
    client_secret_environment: Annotated[str, Field(min_length=1)]
    scope: str = ""
    audience: str = ""


class TokenTable(_SettingsTable):
    """`token`: from exactly one place."""

    value: SecretStr | None = None
    environment: Annotated[str, Field(min_length=1)] | None = None
    file: Path | None = None
    command: Annotated[str, Field(min_length=1)] | Annotated[list[str], Field(min_length=1)] | None = None
    timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 10
    ttl_seconds: Annotated[float, Field(gt=0, le=86400)] = 300
    keyring: KeyringTable | None = None
    oauth2: OAuth2Table | None = None

    @model_validator(mode="after")
    def _one_place(self) -> TokenTable:
        places = ("value", "environment", "file", "command", "keyring", "oauth2")
        if sum(getattr(self, place) is not None for place in places) != 1:
            raise ValueError(f"name one of {', '.join(places)}")
        return self


class FilterTable(_SettingsTable):
    """`filter` and `exclude`: names with `*`; an item must match each of the lists that are given."""

    service: Globs = []
    session: Globs = []
    kind: Globs = []
    attribute: dict[str, Globs] = {}


class BatchTable(_SettingsTable):
    """`batch`: how much is sent at once."""

    most_bytes: ByteCount | None = None
    merge_bytes: ByteCount | None = None


class TlsTable(_SettingsTable):
    """`tls`: whom the destination must be signed by, and our own certificate."""

    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    dangerously_skip_verification: bool = False

    @model_validator(mode="after")
    def _whole(self) -> TlsTable:
        if self.key_file is not None and self.certificate_file is None:
            raise ValueError("key_file needs certificate_file beside it")
        return self


class DestinationTable(_SettingsTable):
    """`[[destination]]`: one place to send to, with a queue of its own."""

    name: str = ""
    preset: str = "otlp"
    endpoint: str = ""
    signals: Annotated[list[Signal], Field(min_length=1)] | None = None
    paths: dict[Signal, Annotated[str, Field(pattern=r"^/[!-~]*$")]] = {}
    encoding: Encoding | None = None
    format: SpanFormat = SpanFormat.OPENINFERENCE
    compression: Literal["gzip", "none"] = "gzip"
    headers: Mapping[str, str] = {}
    token: TokenTable | None = None
    token_by_service: Mapping[str, TokenTable] = {}
    token_header: str | None = None
    token_scheme: str | None = None
    filter: FilterTable = FilterTable()
    exclude: FilterTable | None = None
    batch: BatchTable = BatchTable()
    tls: TlsTable = TlsTable()
    policy: str = ""

    @field_validator("name")
    @classmethod
    def _can_be_typed(cls, name: str) -> str:
        if name and not _NAME.fullmatch(name):
            raise ValueError("use letters, digits, dots, dashes and underscores")
        if name == "local":
            raise ValueError("local is how the ledger calls what is not forwarded; use another name")
        return name

    @field_validator("preset")
    @classmethod
    def _is_known(cls, preset: str) -> str:
        if preset not in PRESETS:
            raise ValueError(f"known are {', '.join(PRESETS)}")
        return preset
