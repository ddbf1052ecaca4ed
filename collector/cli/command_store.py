"""Changing what waits: by the running collector, or in its store where none runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import typer

from collector.cli.client import Client, NotRunning
from collector.errors import ConfigError
from collector.settings.forwarding import forwarding_settings
from collector.settings.sources import Loaded

if TYPE_CHECKING:
    from collector.store import QueueCommands

_CLEAR_SECONDS = 600.0
"""Millions of spans take minutes to forget."""


class Commands:
    """Moves, drops and retries; each tells how many items it concerned."""

    def __init__(self, loaded: Loaded) -> None:
        self.settings = loaded.settings
        self.client = Client(loaded.settings)
        self._forwarding = forwarding_settings(loaded.settings, loaded.origins, loaded.settings.port)

    @property
    def destinations(self) -> list[str]:
        """The names of what is configured."""
        return [destination.name for destination in self._forwarding.destinations]

    def move(self, source: str, target: str) -> int:
        def here(store: QueueCommands) -> Future[int]:
            if target not in self.destinations:
                known = ", ".join(self.destinations) or "none is configured"
                raise ConfigError(f"{target}: there is no destination of this name; known: {known}")
            return store.move_queue(source, target)

        return self._do("/api/queue/move", {"source": source, "target": target}, here)

    def drop(self, destination: str) -> int:
        return self._do("/api/queue/drop", {"destination": destination}, lambda store: store.drop_queue(destination))

    def retry(self, letters: Sequence[int] | None) -> int:
        return self._do(
            "/api/dead-letters/retry", {"letter": letters or []}, lambda store: store.retry_dead_letters(letters)
        )

    def give_up(self, letters: Sequence[int] | None) -> int:
        return self._do(
            "/api/dead-letters/drop", {"letter": letters or []}, lambda store: store.drop_dead_letters(letters)
        )

    def clear(self) -> int:
        def here(store: QueueCommands) -> Future[int]:
            done: Future[int] = Future()
            forgotten = 0
            while items := store.forget_some().result():
                forgotten += items
            done.set_result(forgotten)
            return done

        return self._do("/api/clear", {}, here, _CLEAR_SECONDS)

    def _do(
        self, path: str, query: dict[str, object], here: Callable[[QueueCommands], Future[int]], seconds: float = 10
    ) -> int:
        try:
            answer = self.client.post(f"{path}?{urlencode(query, doseq=True)}", b"", "application/json", seconds)
            return int(json.loads(answer)["items"])
        except NotRunning:
            return self._offline(here)

    def _offline(self, here: Callable[[QueueCommands], Future[int]]) -> int:
        from collector.app.data_dir import DataDirectory
        from collector.app.parts import open_store_of

        data_dir = DataDirectory(self.settings.data_dir.expanduser())
        data_dir.claim()
        try:
            store = open_store_of(self.settings, data_dir, self._forwarding)
            try:
                return here(store).result()
            finally:
                store.close()
        finally:
            data_dir.release()


def confirmed(what: str, yes: bool) -> None:
    """Go on only when the person says so; a script says --yes."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigError(f"this would {what}: say --yes")
    if not typer.confirm(f"{what[0].upper()}{what[1:]}?"):
        raise typer.Exit(1)
