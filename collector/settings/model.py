"""The settings: how the process runs. What may leave the machine is the policy's to say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from collector.enums import ContentLevel, Encoding, Signal, SourceKeys
from collector.settings.destination_tables import DestinationTable
from collector.settings.folders import data_folder
from collector.settings.npm_names import boolean
from collector.settings.team_tables import AccessToken, TeamTable

PREFIX = "COLLECTOR_"
_MIB = 1024 * 1024
_MOST_DAYS = 3650


def _words(value: Any) -> Any:
    """A list may be written as words with commas between them."""
    if isinstance(value, str):
        return [word.strip() for word in value.split(",") if word.strip()]
    return value


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


_HOST = re.compile(r"(?:\[[0-9a-f:.]+\]|[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?)(?::[0-9]{1,5})?", re.I)
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#]+", re.I)


def _hosts(names: list[str]) -> list[str]:
    if not all(map(_HOST.fullmatch, names)):
        raise ValueError("a host is a name or an address, with or without a port: collector.example or 10.0.0.5:4318")
    return names


def _origins(names: list[str]) -> list[str]:
    if not all(map(_ORIGIN.fullmatch, names)):
        raise ValueError("an origin is a scheme and a host, with no path: https://app.example or http://localhost:3000")
    return names


def _database(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(("postgresql://", "postgres://")):
        raise ValueError("is no database of a known kind: write postgresql://user:password@host:5432/database")
    return url


Flag = Annotated[bool, BeforeValidator(boolean)]
StoreUrl = Annotated[SecretStr, AfterValidator(_database)]
CommaList = Annotated[list[str], NoDecode, BeforeValidator(_words)]


class Settings(BaseSettings):
    """Every setting, its type and its default; unknown names are an error."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="forbid",
        hide_input_in_errors=True,
        frozen=True,
    )

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(4318, ge=0, le=65535, description="port to listen on; 0 picks a free one")
    grpc_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="port to take OTLP/gRPC on too (clients look on 4317); unset: none, 0 picks a free one",
    )
    data_dir: Path = Field(
        default_factory=data_folder,
        description="where telemetry is kept",
    )
    store_url: StoreUrl | None = Field(
        None,
        description="`postgresql://user@host/database`: keep telemetry in a database that collectors share"
        " ([PostgreSQL](postgres.md)), not in the data directory",
    )
    access_token: AccessToken | None = Field(
        None,
        description="what clients must send, as `Authorization: Bearer` or `x-collector-token`; needed to listen beyond"
        " loopback",
    )
    access_tokens: dict[str, AccessToken] = Field(
        {}, description="more access tokens, each under a name, as a JSON object (a table in the file)"
    )
    team: list[TeamTable] = Field(
        [],
        description="`[[team]]` tables in the file: access tokens with services, destinations, a policy and limits of"
        " their own ([gateways](gateway.md))",
    )
    read_without_token: Flag = Field(
        False, description="let whoever reaches the port read what is kept: every user of this machine, too"
    )
    tls_certificate: Path | None = Field(
        None, description="a PEM file with the certificate to listen with (https), and those between it and its root"
    )
    tls_key: Path | None = Field(None, description="the certificate's key, a PEM file; it may stand in the same file")
    tls_client_ca: Path | None = Field(
        None, description="a PEM file of authorities: only clients with a certificate of theirs may connect"
    )
    bind_without_token: Flag = Field(
        False,
        description="listen beyond loopback without an access token: only in a container published on loopback",
    )
    allowed_hosts: Annotated[CommaList, AfterValidator(_hosts)] = Field(
        [], description="host names that clients may use beside the loopback ones, with commas"
    )
    allowed_origins: Annotated[CommaList, AfterValidator(_origins)] = Field(
        [], description="web origins that may send telemetry from a page, with commas"
    )

    policy_file: str = Field(
        "", description="what may leave: a policy file, or the name of a preset ([policies](policy-administrator.md))"
    )
    content: ContentLevel = Field(
        ContentLevel.MASK, description="`mask` what the policy finds, or keep `metadata` only"
    )

    forward: Annotated[bool | None, BeforeValidator(boolean)] = Field(None, description="false keeps everything local")
    upstream_endpoint: str = Field(
        "",
        description="where to forward, a base address or one that ends in `/v1/traces`; a token alone means Catalyst",
    )
    upstream_encoding: Encoding = Field(
        Encoding.AUTO, description="`json`, `protobuf`, or `auto`: JSON, changed once if the destination answers 415"
    )
    upstream_compression: Literal["gzip", "none"] = Field("gzip", description="`gzip` or `none`")
    upstream_headers: dict[str, str] = Field({}, description="more headers, as a JSON object (a table in the file)")
    upstream_token: SecretStr | None = Field(None, description="put into each request on the way out")
    upstream_token_file: Path | None = Field(
        None, description="a file with the token in its first line, read again when it changes"
    )
    upstream_signals: Annotated[list[Signal], NoDecode, BeforeValidator(_words)] | None = Field(
        None, description="`traces,logs,metrics` that the upstream takes; traces for Catalyst, else all"
    )

    workers: int = Field(
        0,
        ge=0,
        le=64,
        description="processes that seal beside the one that keeps, each on a core of its own and some 70 MiB; 0 seals"
        " in that one ([more cores](running.md#more-cores))",
    )
    max_connections: int = Field(512, ge=1, description="open at once; more are answered 503")
    destination: list[DestinationTable] = Field(
        [],
        description="more places to send to: `[[destination]]` tables in the file ([destinations](destinations.md))",
    )

    max_body_bytes: int = Field(64 * _MIB, ge=1024, description="of one request, before and after decompression")
    max_inflight_bytes: int = Field(256 * _MIB, ge=1024, description="of all requests under way; more is answered 429")
    max_queue_bytes: int = Field(1024 * _MIB, ge=1024, description="undelivered; more is answered 503")
    max_queue_days: float = Field(
        7, gt=0, le=_MOST_DAYS, description="undelivered telemetry is dropped after this, and counted"
    )
    max_store_bytes: int = Field(
        512 * _MIB, ge=1024, description="kept in all; the delivered sessions that ended first go first"
    )

    reshape_source_keys: SourceKeys = Field(
        SourceKeys.DISTINCT,
        description="source keys of reshaped spans: `all` stay, `distinct` (those whose content would be sent twice"
        " go), or `none` ([conventions](conventions.md))",
    )
    reshape_vectors: Flag = Field(False, description="keep embedding vectors")

    service_name: str = Field("opencode", description="service.name and agent id of spans made by the collector")
    additional_metadata: dict[str, Any] = Field(
        {}, description="JSON object merged into the metadata of turns made by the collector"
    )
    turn_quiet_seconds: float = Field(
        600, gt=0, le=_MOST_DAYS * 86400, description="seconds of silence before an open turn is closed"
    )
    opencode_catch_up: Flag = Field(
        True, description="backfill missed events from OpenCode's database ([OpenCode](opencode.md))"
    )
    keep_internal_spans: Flag = Field(False, description="keep the internal spans of OpenCode's own OTLP export")
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = Field(
        "info", description="`debug`, `info`, `warning` or `error`; the log is on stderr"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)  # `load` merges the sources itself, to know where each value came from


def store_url_of(settings: Settings) -> str:
    """The address of the database that telemetry is kept in; empty where it is kept in the data directory."""
    return settings.store_url.get_secret_value() if settings.store_url is not None else ""
