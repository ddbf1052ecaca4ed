"""Which messages a fork took over from another session: they were told there (pure).

A copy keeps the time of its original, which is before the fork began, and gets an id of its own, made when the fork
was. The original tells too, where it is known: a message of an older session, made at the same moment. Of ids without
a time only the place tells: copies come before all that the fork itself says. A message of a clock that was set back
is older than its session as well, but so is its id, and no other session has it. Where the clock was set back before
a fork, the originals are younger than it: there another time than the id's tells them, and the original.
"""

from __future__ import annotations

import re

from collector.assemble.fold.message import SessionMessage, Standing
from collector.assemble.fold.session import SessionState
from collector.assemble.ids import time_in

_FORK = re.compile(r".*\(fork #\d+\)", re.DOTALL)
_MADE_WITHIN_MS = 1000
"""A message gets its id and its time at once."""
_COPIED_WITHIN_MS = 3_600_000
"""A long session takes a while to copy."""


def set_copies_aside(session: SessionState) -> int:
    """Take the copies among the open messages of `session` out of those; how many they were."""
    if session.born is None:
        return 0
    older = [
        message
        for open_messages in (session.opened, session.steps)
        for message in open_messages.values()
        if 0 < message.created < session.born and message.standing is Standing.PLAIN
    ]
    copies = [message for message in older if _is_copy(session, session.born, message)]
    if _FORK.fullmatch(session.info.title or ""):
        copies += [message for message in _younger(session, session.born) if _has_original(session, message)]
    for message in older:
        session.put(message, Standing.DISPLACED)
    for message in copies:
        session.put(message, Standing.COPIED)
        session.opened.pop(message.id, None)
        session.steps.pop(message.id, None)
    return len(copies)


def _is_copy(session: SessionState, born: int, message: SessionMessage) -> bool:
    made = time_in(message.id, born)
    if made is None:
        earlier = session.ordered[: session.before(message)]
        return all(other.created < born for _, _, other in earlier)
    if born <= made <= born + _COPIED_WITHIN_MS:
        return True
    return any(
        other is not session and other.born is not None and other.born < born and other.has_made(message)
        for other in session.siblings.values()
    )


def _younger(session: SessionState, born: int) -> list[SessionMessage]:
    """The open messages that say another time than their ids."""
    return [
        message
        for open_messages in (session.opened, session.steps)
        for message in open_messages.values()
        if message.created >= born
        and message.standing is Standing.PLAIN
        and (made := time_in(message.id, born)) is not None
        and abs(made - message.created) > _MADE_WITHIN_MS
    ]


def _has_original(session: SessionState, message: SessionMessage) -> bool:
    return any(other is not session and other.has_made(message) for other in session.siblings.values())
