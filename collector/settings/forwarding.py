"""Whether to forward, and where to: the one upstream, and the destinations that were named; refuses half a set-up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from collector.errors import ConfigError
from collector.settings.destinations import (
    DestinationSettings,
    TokenSettings,
    plain_http_notice,
    token_of_file,
    token_of_value,
)
from collector.settings.endpoints import check_endpoint, checked_headers, is_ourselves, place_of, urls_of
from collector.settings.model import Settings
from collector.settings.named_destinations import named_destinations
from collector.settings.npm_names import ASKED_FOR_ELSEWHERE
from collector.settings.presets import PRESETS

CATALYST = PRESETS["catalyst"].endpoint


@dataclass(frozen=True, slots=True)
class ForwardingSettings:
    """What the settings say of forwarding: to where, if anywhere, why, and what the person should know."""

    destinations: tuple[DestinationSettings, ...]
    reason: str
    notices: tuple[str, ...] = ()

    @property
    def destination(self) -> DestinationSettings | None:
        """The first destination."""
        return self.destinations[0] if self.destinations else None


def forwarding_settings(settings: Settings, origins: Mapping[str, str], port: int) -> ForwardingSettings:
    """Decide where telemetry goes; `port` is the one listened on.

    Raises `ConfigError` for a set-up that cannot be meant.
    """
    upstream, reason, notices = _upstream(settings, origins, port)
    named, more = named_destinations(settings, origins.get("destination", ""), port)
    notices += more
    if settings.forward is False:
        return ForwardingSettings((), f"local only: {origins['forward']} is false", tuple(notices))
    every = (*((upstream,) if upstream else ()), *named)
    seen: set[str] = set()
    for destination in every:
        if destination.name in seen:
            raise ConfigError(f"two destinations are called {destination.name}: give each a name of its own")
        seen.add(destination.name)
    if named:
        reason = "forwarding to " + ", ".join(destination.name for destination in every)
    return ForwardingSettings(every, reason, tuple(notices))


def _upstream(
    settings: Settings, origins: Mapping[str, str], port: int
) -> tuple[DestinationSettings | None, str, list[str]]:
    """The one upstream of `upstream_*` settings and honoured names, why or why not, and notices."""
    notices: list[str] = []
    token = _upstream_token(settings)
    endpoint = settings.upstream_endpoint.strip()
    endpoint_origin = origins.get("upstream_endpoint", "")
    if endpoint:
        check_endpoint(endpoint, endpoint_origin)
        if is_ourselves(endpoint, settings.host, port):
            if not endpoint_origin.startswith(("CATALYST_", "INFERENCE_")):
                raise ConfigError(f"{endpoint_origin}: that is this collector's own address; name another upstream")
            notices.append(f"{endpoint_origin} is this collector's own address: taken as the client's setting, ignored")
            endpoint = ""
    if not endpoint:
        if not token.given:
            if settings.forward and not settings.destination:
                notices.append(f"{origins['forward']} asks to forward, but there is no token: nothing is forwarded")
            return None, "local only: no token and no upstream", notices
        origin = origins.get("upstream_token", "")
        if origin in ASKED_FOR_ELSEWHERE and not settings.forward:
            notices.append(f"{origin} alone does not start forwarding: set TRACE_TO_INFERENCE=true for that")
            return None, "local only: forwarding was not asked for", notices
        endpoint = CATALYST
    hosted = urlsplit(endpoint).hostname == urlsplit(CATALYST).hostname
    if hosted and not token.given:
        notices.append("the upstream is the hosted Catalyst, which needs a token: nothing is forwarded")
        return None, "local only: no token for the hosted upstream", notices
    notices += plain_http_notice("the upstream", endpoint, token)
    preset = PRESETS["catalyst" if hosted else "otlp"]
    destination = DestinationSettings(
        name=place_of(endpoint),
        urls=urls_of(endpoint),
        token=token,
        signals=tuple(settings.upstream_signals or preset.signals),
        encoding=settings.upstream_encoding,
        gzip=settings.upstream_compression == "gzip",
        headers=checked_headers(settings.upstream_headers, "upstream_headers"),
        preset=preset,
    )
    return destination, f"forwarding to {endpoint}", notices


def _upstream_token(settings: Settings) -> TokenSettings:
    if settings.upstream_token_file is not None:
        if settings.upstream_token is not None:
            raise ConfigError("both an upstream token and an upstream token file are set: keep one of them")
        return token_of_file(settings.upstream_token_file, "upstream_token_file")
    token = settings.upstream_token
    if token is None or not token.get_secret_value().strip():
        return TokenSettings()
    return token_of_value(token, "the upstream token")
