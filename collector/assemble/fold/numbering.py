"""The number of a turn in its session (pure)."""

from __future__ import annotations

from collector.assemble.fold.message import SessionMessage
from collector.assemble.fold.session import SessionState
from collector.assemble.fold.turns import Turn


def number_of(session: SessionState, turn: Turn, others: list[Turn]) -> int:
    """Turns are counted by when they were opened; what was recalled of earlier ones counts too."""
    since, counted = session.counted
    mine = turn.opener.position
    if mine < since:
        since, counted = (0, ""), 0
    openers = {(at, opener) for opener, at in session.finished.items() if at > since[0]}
    if session.places:
        openers = {session.place_of(opener) for opener in session.finished}
    openers |= {other.opener.position for other in others if not other.late}
    recalled = []
    for at, identifier, message in session.ordered[session.before(turn.opener) - 1 :: -1]:
        if (at, identifier) <= since:
            break
        if _was_turn(message) and identifier not in session.owners:
            recalled.append((at, identifier))
    if recalled:  # what another plugin adds to a request has no answer of its own
        answered = {message.info.parent for message in session.messages.values()}
        openers.update(position for position in recalled if position[1] in answered)
    number = counted + sum(1 for position in openers if since < position < mine) + 1
    if mine >= session.counted[0]:
        session.counted = (mine, number)
    return number


def _was_turn(message: SessionMessage) -> bool:
    return message.role == "user" and not message.has_own_event and message.is_prompt
