"""What is made of `[[team]]` tables: whether they can hold together, and whose telemetry goes where."""

from __future__ import annotations

from collections.abc import Collection

from collector.errors import ConfigError
from collector.settings.model import Settings
from collector.settings.team_tables import TeamTable


def check_teams(settings: Settings) -> None:
    """Raise `ConfigError` for teams that cannot be told apart, or that stand alone."""
    if settings.team and settings.access_token is None:
        raise ConfigError(
            "team: set COLLECTOR_ACCESS_TOKEN beside the teams' tokens; this collector's own commands send with it"
        )
    own = [settings.access_token] if settings.access_token is not None else []
    seen = {token.get_secret_value() for token in (*own, *settings.access_tokens.values())}
    names: set[str] = set()
    for number, team in enumerate(settings.team, 1):
        if team.name in names:
            raise ConfigError(f"team[{number}].name: two teams are called {team.name}")
        if team.token.get_secret_value() in seen:
            raise ConfigError(f"team[{number}].token: another team, or an access token, is the same")
        names.add(team.name)
        seen.add(team.token.get_secret_value())


def destinations_of(team: TeamTable, configured: Collection[str]) -> list[str] | None:
    """The destinations that get what a team sends; None for those that no team names.

    A name stands for the destinations that were made of it by service, too. Raises `ConfigError` for one that there
    is not, unless there is none at all.
    """
    if not team.destinations:
        return None
    found: list[str] = []
    for wanted in team.destinations:
        named = [name for name in configured if name == wanted or name.startswith(f"{wanted}/")]
        if not named and configured:
            raise ConfigError(f"team {team.name}: no destination is called {wanted}; there are {', '.join(configured)}")
        found += named
    return found


def reserved(settings: Settings, configured: Collection[str]) -> set[str]:
    """The destinations that teams name, which get nothing of others."""
    return {name for team in settings.team for name in destinations_of(team, configured) or ()}
