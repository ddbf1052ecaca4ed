"""What stands around every page: address, ledger, dead letters, notices; and how a page becomes an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi.responses import HTMLResponse

from collector.viewer.live import Live
from collector.viewer.shown.figures import whole
from collector.viewer.shown.render import render


@dataclass(frozen=True, slots=True)
class Sums:
    """The ledger of all destinations and signals together, in spans, log records and data points."""

    received: int
    delivered: int
    queued: int
    dead: int
    dropped: int

    @property
    def balances(self) -> bool:
        return self.received == self.delivered + self.queued + self.dead + self.dropped


@dataclass(frozen=True, slots=True)
class Frame:
    """What `base.html` needs; `last` is the change from which on the page is followed."""

    here: str
    version: str
    address: str
    last: int
    dead: int
    balances: bool
    ledger: str
    reason: str
    notices: tuple[str, ...]


def sums_of(ledger: Any) -> Sums:
    """Add up all accounts."""
    accounts = [account for signals in ledger.values() for account in signals.values()]
    return Sums(
        sum(a["received"] for a in accounts),
        sum(a["delivered"] for a in accounts),
        sum(a["queued"] for a in accounts),
        sum(a["dead_lettered"] for a in accounts),
        sum(sum(a["dropped"].values()) for a in accounts),
    )


def frame_of(live: Live, here: str) -> Frame:
    """The frame of a page under the heading `here`."""
    status = live.status()
    sums = sums_of(status["ledger"])
    kept = "delivered" if status["forwarding"]["endpoint"] else "kept"
    return Frame(
        here=here,
        version=status["version"],
        address=status["url"].partition("://")[2],
        last=live.changes.number,
        dead=sums.dead,
        balances=sums.balances,
        ledger=f"received {whole(sums.received)} = {kept} {whole(sums.delivered)} + queued {whole(sums.queued)}"
        f" + dead {whole(sums.dead)} + dropped {whole(sums.dropped)}",
        reason=status["forwarding"]["reason"],
        notices=tuple(status["notices"]),
    )


def page(live: Live, template: str, here: str, *, status_code: int = 200, **values: Any) -> HTMLResponse:
    """A whole page."""
    return HTMLResponse(render(template, frame=frame_of(live, here), **values), status_code)


def missing(live: Live, what: str, here: str = "Sessions") -> HTMLResponse:
    """The page for an id that is not kept."""
    advice = "It was never kept here, or made room for newer telemetry. Ids may be shortened to their beginning."
    return page(live, "error.html", here, status_code=404, what=f"No such {what} is kept", advice=advice)


def running_words(open_turn: Mapping[str, Any]) -> str:
    """What an open turn does, in words."""
    return f"running: {open_turn['running']}" if open_turn["running"] else "running"
