"""What the status says of teams: what each may send, and what it sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from collector.receive.exports import Exports
from collector.settings.model import Settings
from collector.viewer.status import TeamStatus


def team_rows(settings: Settings, exports: Mapping[str, Exports]) -> Callable[[], list[TeamStatus]]:
    """Gives a row for each team, as it stands when it is called."""

    def rows() -> list[TeamStatus]:
        return [
            {
                "name": team.name,
                "services": list(team.services),
                "destinations": list(team.destinations),
                "policy": team.policy,
                "requests_per_minute": team.requests_per_minute,
                "bytes_per_minute": team.bytes_per_minute,
                "requests": exports[team.name].quota.requests,
                "bytes": exports[team.name].quota.bytes,
                "refused": exports[team.name].quota.refused,
            }
            for team in settings.team
        ]

    return rows
