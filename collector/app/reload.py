"""Settings read again while the process runs: at SIGHUP, or when the file they stand in changes.

access tokens            count from the next request on, those of teams too
policy file, content     the policy is read again, and put in force as any change of it
upstream and its token   what waits goes there from now on
all others               need a restart, and a notice says so
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from collector.app.access import access_tokens, team_tokens
from collector.app.policy_switch import PolicySwitch
from collector.app.serving import check_bind
from collector.enforce.in_force import Enforcement
from collector.enforce.request import PolicyRequest
from collector.errors import CollectorError
from collector.receive.guard import Guard
from collector.settings.model import Settings
from collector.settings.sources import Loaded
from collector.settings.teams import check_teams

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 5.0
_TOKENS = {"access_token", "access_tokens"}
_POLICY = {"policy_file", "content"}


class Reload:
    """Watches the files that `loaded` came from; `reread` reads the settings anew, `send_to` takes other destinations.

    `send_to` answers what of the new destinations needs a restart, and nothing when all is done.
    """

    def __init__(
        self,
        loaded: Loaded,
        reread: Callable[[], Loaded],
        *,
        guard: Guard,
        enforcement: Enforcement,
        policy: PolicySwitch,
        send_to: Callable[[Loaded], Awaitable[str]],
    ) -> None:
        self._started = loaded
        self._loaded = loaded
        self._reread = reread
        self._guard = guard
        self._enforcement = enforcement
        self._policy = policy
        self._send_to = send_to
        self._asked = asyncio.Event()
        self.notices: list[str] = []
        self._seen = self._signature()

    def ask(self) -> None:
        """Read everything again soon; called on the event loop."""
        self._asked.set()

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._asked.wait()
            except TimeoutError:
                if self._signature() == self._seen:
                    continue
            self._asked.clear()
            self._seen = self._signature()
            await self._again()

    async def _again(self) -> None:
        try:
            loaded = await asyncio.to_thread(self._reread)
            check_bind(loaded.settings)
            check_teams(loaded.settings)
            await self._apply(loaded)
        except CollectorError as error:
            self.notices = [f"the settings were changed but cannot be used, what held before holds: {error}"]
            logger.error("%s", self.notices[0])
        self._policy.look_now()

    async def _apply(self, loaded: Loaded) -> None:
        changed = _differing(self._loaded.settings, loaded.settings)
        destinations = {name for name in changed if _is_destination(name)}
        restart = _differing(self._started.settings, loaded.settings) - _TOKENS - _POLICY
        unsent = await self._send_to(loaded) if destinations else ""
        if not unsent:
            restart = {name for name in restart if not _is_destination(name)}
        known = {team.name for team in self._started.settings.team}
        teams = {name: token for name, token in team_tokens(loaded.settings).items() if name in known}
        self._guard.accept(access_tokens(loaded.settings), teams)
        self._enforcement.use(PolicyRequest.from_settings(loaded, os.environ))
        self._loaded = loaded
        if changed:
            logger.info("settings were read again; changed: %s", ", ".join(sorted(changed)))
        self.notices = [f"restart to apply: {', '.join(sorted(restart))}{unsent}"] if restart else []

    def _signature(self) -> Mapping[str, tuple[int, int, int]]:
        """What tells a changed file: its identity, time and size."""
        found = {}
        policy = self._loaded.settings.policy_file
        for name in {*self._loaded.origins.values(), *([policy] if policy else [])}:
            try:
                about = Path(name).expanduser().stat()
            except (OSError, ValueError):
                continue  # a flag, a variable, a preset
            found[name] = (about.st_ino, about.st_mtime_ns, about.st_size)
        return found


def _is_destination(name: str) -> bool:
    return name.startswith("upstream_") or name in ("forward", "destination")


def _differing(before: Settings, after: Settings) -> set[str]:
    """The settings that are not the same; of teams their tokens may differ, which are those of the guard."""
    changed = {name for name in Settings.model_fields if getattr(before, name) != getattr(after, name)}
    return changed - {"team"} if _without_tokens(before) == _without_tokens(after) else changed


def _without_tokens(settings: Settings) -> list[dict[str, Any]]:
    return [team.model_dump(exclude={"token"}) for team in settings.team]
