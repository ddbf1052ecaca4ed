"""Who may come in, from the settings and the secrets of the data directory."""

from __future__ import annotations

from pathlib import Path

from collector.app.data_dir import INSTANCE_KEY, READ_TOKEN, secret
from collector.opencode.client import EventClient
from collector.opencode.connection import Credentials
from collector.receive.guard import Guard
from collector.settings.loopback import is_loopback
from collector.settings.model import Settings
from collector.settings.tls import client_tls


def new_guard(settings: Settings, directory: Path) -> Guard:
    """The guard of a collector that serves `directory`."""
    return Guard(
        access_tokens(settings),
        settings.allowed_hosts,
        settings.allowed_origins,
        addresses=not is_loopback(settings.host),
        teams=team_tokens(settings),
        read_token=None if settings.read_without_token else secret(directory, READ_TOKEN),
    )


def access_tokens(settings: Settings) -> dict[str, str]:
    """The access tokens by name; the one that has no name of its own is called `access`."""
    named = {name: token.get_secret_value() for name, token in settings.access_tokens.items()}
    return {**({"access": settings.access_token.get_secret_value()} if settings.access_token else {}), **named}


def team_tokens(settings: Settings) -> dict[str, str]:
    """The teams' access tokens, by team."""
    return {team.name: team.token.get_secret_value() for team in settings.team}


def own_client(url: str, settings: Settings, directory: Path) -> EventClient:
    """Sends this process's own events the way all others come."""
    token = next(iter(access_tokens(settings).values()), None)
    return EventClient(url, Credentials(token, secret(directory, INSTANCE_KEY)), attempts=2, tls=client_tls(settings))
