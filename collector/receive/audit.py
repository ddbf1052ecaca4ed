"""One line in the log for each refused request: who was refused what, and why; never a payload or a token."""

from __future__ import annotations

import logging

from collector.errors import CollectorError, OverQuota, SenderError

logger = logging.getLogger("collector.audit")


def note_refusal(path: str, peer: str, team: str, error: CollectorError) -> None:
    """Tell of a request that was refused for what it is or who sent it, not of one that we could not take.

    `path` is one of ours, or a word of ours for every other; `team` is whose token it carried, where it had one.
    """
    if isinstance(error, (SenderError, OverQuota)):
        sender = f"{peer or 'unknown'}, team {team}" if team else peer or "unknown"
        logger.warning("refused %s from %s: %d, %s", path, sender, error.status, error)
