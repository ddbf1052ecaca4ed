"""Which messages a fork took over from another session: they were told there (pure).

A copy keeps the time of its original, which is before the fork began, and gets an id of its own, made when the fork
was. The original tells too, where it is known: a message of an older session, made at the same moment. Of ids without
a time only the place tells: copies come before all that the fork itself says. A message of a clock that was set back
is older than its session as well, but so is its id, and no other session has it; where ids ascend all the same, an
earlier one is of a message that the session made itself. Where the clock was set back before a fork, the originals are
younger than it: there another time than the id's tells them, and the original, which says the same. Only of an answer
does OpenCode itself make id and time, so that of one alone the time tells, and that what has an id before it is a copy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import takewhile

from collector.assemble.fold.message import SessionMessage, Standing
from collector.assemble.fold.session import SessionState
from collector.assemble.ids import time_in

_MADE_WITHIN_MS = 1000
"""A message gets its id and its time at once."""
_COPIED_WITHIN_MS = 3_600_000
"""A long session takes a while to copy."""

_time_in = lru_cache(maxsize=128)(time_in)
"""The same; open messages are looked at again and again."""


def set_copies_aside(session: SessionState, sessions: Mapping[str, SessionState]) -> int:
    """Take the copies among the open messages of `session`, one of `sessions`, out of those; how many they were."""
    if session.born is None:
        return 0
    open_messages = (*session.opened.values(), *session.steps.values())
    plain = [message for message in open_messages if message.standing is Standing.PLAIN]
    older = [message for message in plain if 0 < message.created < session.born]
    younger = [message for message in plain if message.created >= session.born and _says_other(message, session.born)]
    if not older and not younger and not session.is_displaced:
        return 0
    copies = [
        message
        for message in older
        if (message.info.queued or 0) < session.born and _is_copy(session, session.born, message, sessions)
    ]
    last = max((message.id for message in younger if _is_copied_answer(message, session.born)), default="")
    copies += [message for message in younger if message.id <= last or _has_original(session, message, sessions)]
    for message in copies:
        session.put(message, Standing.COPIED)
        session.opened.pop(message.id, None)
        session.steps.pop(message.id, None)
    for message in older:
        if message.standing is Standing.PLAIN:
            session.put(message, Standing.DISPLACED)
            session.is_displaced = True
    if session.is_displaced:
        _follow_parents(session)
    return len(copies)


def _follow_parents(session: SessionState) -> None:
    """Put the answers to prompts that were made after the clock was set back behind these, whatever their time says."""
    for step in session.steps.values():
        prompt = session.messages.get(step.info.parent or "")
        if prompt is not None and prompt.standing is Standing.DISPLACED and step.standing is Standing.PLAIN:
            session.put(step, Standing.DISPLACED)


def _is_copy(session: SessionState, born: int, message: SessionMessage, sessions: Mapping[str, SessionState]) -> bool:
    made = _time_in(message.id, born)
    if made is None:
        earlier = session.ordered[: session.before(message)]
        return all(other.created < born for _, _, other in earlier)
    if born <= made <= born + _COPIED_WITHIN_MS and not _follows_own(session, born, message):
        return True
    return any(
        other is not session and other.born is not None and other.born < born and any(_alike(other, message))
        for other in sessions.values()
    )


def _follows_own(session: SessionState, born: int, message: SessionMessage) -> bool:
    """Whether the session made another message before it: copies come first."""
    return any(
        other.id < message.id and other.created >= born and _is_made_at_once(other, born)
        for other in session.messages.values()
    )


def _is_made_at_once(message: SessionMessage, born: int) -> bool:
    """Whether a message got its id at the time it says it was made."""
    made = _time_in(message.id, born)
    return made is not None and abs(made - message.created) <= _MADE_WITHIN_MS


def _says_other(message: SessionMessage, born: int) -> bool:
    """Whether a message says another time than its id."""
    made = _time_in(message.id, born)
    return made is not None and abs(made - message.created) > _MADE_WITHIN_MS


def _is_copied_answer(message: SessionMessage, born: int) -> bool:
    made = _time_in(message.id, born) or 0
    return message.role == "assistant" and message.info.parent is not None and born <= made < message.created


def _has_original(session: SessionState, message: SessionMessage, sessions: Mapping[str, SessionState]) -> bool:
    """Whether another session has a message that says the same, made at the same moment, and is no copy itself.

    The copies of an original say the same: they are heard of later, and got their ids at another time.
    """
    if not message.parts:
        return False
    before = set(takewhile(lambda other: other != session.id, sessions))
    return any(
        own.standing is not Standing.COPIED and (other.id in before or _is_made_at_once(own, own.created))
        for other in sessions.values()
        if other is not session
        for own in _alike(other, message)
    )


def _alike(session: SessionState, message: SessionMessage) -> Iterator[SessionMessage]:
    """Messages of `session` with the role, time and words of `message`, as far as its are known."""
    return (
        own
        for own in session.messages.values()
        if own.created == message.created
        and own.role == message.role
        and (not message.parts or own.words() == message.words())
    )
