"""After `collector opencode install`: waiting until OpenCode's first event is there."""

from __future__ import annotations

import sys
import time

from collector.cli.client import Client, NotRunning
from collector.cli.show import say
from collector.errors import CollectorError
from collector.settings.model import Settings

_POLL_SECONDS = 0.5
_CHECK = (
    "was OpenCode restarted, and does COLLECTOR_PORT there not name another port?"
    " `collector doctor` looks at the plugin and the port"
)


def wait_for_first_event(settings: Settings, url: str, seconds: int) -> None:
    """Wait until OpenCode tells the collector at `url` something.

    Raises `CollectorError` where it does not within `seconds`, or no collector is there.
    """
    client = Client(settings, url)
    try:
        before = _accepted(client)
        say("waiting for OpenCode's first event: restart it, and ask it something", sys.stderr)
        say(f"({_words(seconds)} at most; Ctrl-C ends the waiting, and the plugin stays)", sys.stderr)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            now = _accepted(client)
            if now > before:
                say("OpenCode's events arrive: `collector open` shows them")
                return
            before = now  # less than before where the collector was restarted meanwhile
    except NotRunning:
        raise CollectorError(
            f"no collector runs at {url}: start `collector serve`; what OpenCode tells until then waits in its memory"
        ) from None
    raise CollectorError(f"no event came within {_words(seconds)}: {_CHECK}")


def _accepted(client: Client) -> int:
    return int(client.get("/api/status")["opencode"]["accepted"])


def _words(seconds: int) -> str:
    if seconds < 120 or seconds % 60:
        return f"{seconds} s"
    return f"{seconds // 60} minutes"
