"""What a list of sessions, or a search, is filtered by: chips on the page, and the address that keeps them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode

from collector.viewer.live import Live

Time = Literal["", "last hour", "last 24 hours", "last 7 days", "last 30 days"]
_TIMES: dict[Time, int] = {
    "last hour": 3600, "last 24 hours": 86400, "last 7 days": 7 * 86400, "last 30 days": 30 * 86400,
}  # fmt: skip


@dataclass(slots=True)
class Chip:
    """A filter: what it is set to, the links of its choices, and the link without it."""

    value: str
    choices: list[tuple[str, str]]
    without: str


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is filtered by: all of it stands in its address, so that it can be kept and shared."""

    path: str
    chosen: Mapping[str, str]
    errors: bool
    text: str = ""

    def link(self, other: Mapping[str, str], errors: bool | None = None) -> str:
        """The address with some of the filters set to something else."""
        query = {"text": self.text, **self.chosen, **other}
        query["errors"] = "1" if (self.errors if errors is None else errors) else ""
        given = {name: value for name, value in query.items() if value}
        return f"{self.path}?{urlencode(given)}" if given else self.path

    @property
    def active(self) -> list[tuple[str, str]]:
        """Each filter that is set, and the address without it."""
        found = [(f"{name} {value}", self.link({name: ""})) for name, value in self.chosen.items() if value]
        return [*found, ("has an error", self.link({}, False))] if self.errors else found

    def shown(self, live: Live) -> dict[str, Any]:
        """What the chips of a page show."""
        choices: dict[str, list[str]] = {**live.reader.session_choices(), "time": [*_TIMES]}
        chips = {
            name: Chip(
                self.chosen[name],
                [(choice, self.link({name: choice})) for choice in choices.get(name, ())],
                self.link({name: ""}),
            )
            for name in ("time", "agent", "model", "tool", "directory")
        }
        return {"chips": chips, "filters": self, "errors_link": self.link({}, not self.errors)}


def since_ns(words: Time) -> int:
    """When a choice of time begins, since the epoch; 0 for any time."""
    return time.time_ns() - _TIMES[words] * 1_000_000_000 if words else 0
