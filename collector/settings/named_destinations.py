"""From `[[destination]]` tables to destinations: presets filled in, tokens by service taken apart."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from pydantic import SecretStr

from collector.errors import ConfigError
from collector.settings.destination_tables import DestinationTable, FilterTable, TokenTable
from collector.settings.destinations import (
    DestinationSettings,
    OAuth2Settings,
    TokenSettings,
    plain_http_notice,
    token_of_file,
    token_of_value,
)
from collector.settings.endpoints import check_endpoint, checked_headers, is_ourselves, place_of, urls_of
from collector.settings.loopback import is_loopback
from collector.settings.model import Settings
from collector.settings.presets import PRESETS


def named_destinations(settings: Settings, origin: str, port: int) -> tuple[list[DestinationSettings], list[str]]:
    """The destinations that `[[destination]]` tables stand for, and notices; `port` is the one listened on.

    A table with `token_by_service` becomes one destination for each service, named after both, and one for the rest.
    Raises `ConfigError`.
    """
    found: list[DestinationSettings] = []
    notices: list[str] = []
    for number, table in enumerate(settings.destination, 1):
        where = f"{origin}: destination[{number}]"
        one = _destination(table, where)
        endpoint = one.urls[one.signals[0]]
        if is_ourselves(endpoint, settings.host, port):
            raise ConfigError(f"{where}.endpoint: that is this collector's own address; name another")
        notices += _notices(one, table, endpoint)
        found += _by_service(one, table, where)
    return found, notices


def _destination(table: DestinationTable, where: str) -> DestinationSettings:
    preset = PRESETS[table.preset]
    endpoint = table.endpoint.strip() or preset.endpoint
    if not endpoint:
        raise ConfigError(f"{where}.endpoint: missing; {table.preset} is not at the same address for everyone")
    check_endpoint(endpoint, f"{where}.endpoint")
    headers = checked_headers({**preset.headers, **table.headers}, f"{where}.headers")
    token_header = checked_headers({table.token_header or preset.token_header: ""}, f"{where}.token_header")
    return DestinationSettings(
        name=table.name or (table.preset if table.preset != "otlp" else place_of(endpoint)),
        urls=urls_of(endpoint, preset.base_path, table.paths),
        signals=tuple(table.signals or preset.signals),
        token=_token(table.token, f"{where}.token") if table.token is not None else TokenSettings(),
        encoding=table.encoding or preset.encoding,
        format=table.format,
        gzip=table.compression == "gzip",
        headers=headers,
        token_header=next(iter(token_header)),
        token_scheme=preset.token_scheme if table.token_scheme is None else table.token_scheme,
        only=table.filter,
        never=(table.exclude,) if table.exclude is not None else (),
        batch=table.batch,
        tls=table.tls,
        policy=table.policy,
        preset=preset,
    )


def _notices(one: DestinationSettings, table: DestinationTable, endpoint: str) -> list[str]:
    notices = plain_http_notice(one.name, endpoint, one.token)
    if one.tls.dangerously_skip_verification:
        notices.append(f"{one.name}: ITS CERTIFICATE IS NOT VERIFIED: anyone on the way can read what is sent")
    needed = one.preset.needs_header
    if needed and needed not in one.headers:
        notices.append(f"{one.name}: {table.preset} needs the header {needed}: add it under headers")
    hosted = not is_loopback(urlsplit(endpoint).hostname or "")
    if one.preset.token_prefixes and hosted and not one.token.given and not table.token_by_service:
        notices.append(f"{one.name}: no token is set; {table.preset} takes {one.preset.token_hint}")
    return notices


def _by_service(one: DestinationSettings, table: DestinationTable, where: str) -> Iterator[DestinationSettings]:
    """One destination for each service that has a token of its own, so that each has a queue too."""
    for service, token in table.token_by_service.items():
        yield replace(
            one,
            name=f"{one.name}/{service}",
            token=_token(token, f"{where}.token_by_service.{service}"),
            only=one.only.model_copy(update={"service": [service]}),
        )
    if one.token.given or not table.token_by_service:
        others = tuple(FilterTable(service=[service]) for service in table.token_by_service)
        yield replace(one, never=(*one.never, *others))


def _token(table: TokenTable, where: str, environ: Mapping[str, str] = os.environ) -> TokenSettings:
    if table.value is not None:
        return token_of_value(table.value, f"{where}.value")
    if table.environment is not None:
        return token_of_value(_from_environment(table.environment, f"{where}.environment", environ), table.environment)
    if table.file is not None:
        return token_of_file(table.file, f"{where}.file")
    command = tuple(table.command) if isinstance(table.command, list) else table.command
    oauth2 = None
    if table.oauth2 is not None:
        secret = _from_environment(
            table.oauth2.client_secret_environment, f"{where}.oauth2.client_secret_environment", environ
        )
        oauth2 = OAuth2Settings(
            table.oauth2.token_url, table.oauth2.client_id, secret, table.oauth2.scope, table.oauth2.audience
        )
    return TokenSettings(
        command=command,
        keyring=table.keyring,
        oauth2=oauth2,
        timeout_s=table.timeout_seconds,
        ttl_s=table.ttl_seconds,
    )


def _from_environment(name: str, where: str, environ: Mapping[str, str]) -> SecretStr:
    value = environ.get(name, "").strip()
    if not value:
        raise ConfigError(f"{where}: {name} is not set")
    return SecretStr(value)
