"""How a turn, a step or a tool call ended (pure)."""

from __future__ import annotations

from collector.assemble.facts import NEVER, FailureFact, ToolFact
from collector.assemble.fold.declined import declined
from collector.assemble.fold.message import SessionMessage
from collector.assemble.fold.turns import Turn

Error = tuple[str | None, str | None]
"""Type and text; no type where nothing went wrong."""

_TOLD_WITHIN_MS = 1000
_OVERFLOW = "ContextOverflowError"


def outcome(turn: Turn, *, incomplete: bool) -> tuple[str | None, str | None, str]:
    """Error type, error, and the reason the turn stopped."""
    session = turn.session
    last = turn.steps[-1] if turn.steps else None
    if session.info.deleted is not None and incomplete:
        return None, None, "deleted"
    for failure in reversed(session.failures.between(turn.start, turn.until)):
        if last is None or not _went_on(turn, failure, last):
            return failure.error_type or "unknown", failure.error, "error"
    for status in reversed(session.statuses.between(turn.start, turn.until)):
        if status.status == "busy":  # for the prompt that comes next
            continue
        answer = declined(session, last) if last is not None and status.status == "interrupted" else None
        if answer is not None:
            return "declined", f"{answer.what} declined", "declined"
        if status.status == "failed":
            return status.error_type or "unknown", status.error, "error"
        if status.status == "interrupted":
            kind = (last.info.error_type if last else None) or "interrupted"
            return kind, f"interrupted ({status.reason or 'unknown'})", "interrupted"
        break
    if last is not None and last.info.error_type is not None:
        return last.info.error_type, last.info.error, "error"
    return None, None, "incomplete" if incomplete else "completed"


def _went_on(turn: Turn, failure: FailureFact, last: SessionMessage) -> bool:
    """Whether the turn succeeded after `failure`: a conversation that was too long is summed up, and asked again."""
    return last.created > failure.at and last.done and error_of(turn, last)[0] is None


def error_of(turn: Turn, step: SessionMessage) -> Error:
    """The error of a step's call. That it was too long stands in an event of the session, or in what followed only."""
    info = step.info
    if declined(turn.session, step) is not None:  # the model had answered when a person refused what it called for
        return None, None
    if info.error_type is not None or info.completed is None or info.finish is not None or info.structured is not None:
        return info.error_type, info.error
    following = min((other.created for other in turn.steps if other.created > step.created), default=NEVER)
    until = min(info.completed + _TOLD_WITHIN_MS, following)
    for failure in turn.session.failures.between(step.created, max(until, info.completed)):
        return failure.error_type or "unknown", failure.error
    if any(_overflows(user) and user.position > step.position for user in turn.users):
        return _OVERFLOW, None
    return None, None


def _overflows(user: SessionMessage) -> bool:
    mark = user.part("compaction")
    return mark is not None and mark.overflow is True


def cut_at(turn: Turn, step: SessionMessage, tool: ToolFact) -> int:
    """When a tool call of which no end was heard was cut, as far as that can be told."""
    session = turn.session
    start = tool.start or step.created
    ends = [
        step.info.completed,
        session.info.deleted,
        session.gone_at,
        *(status.at for status in session.statuses.between(start, turn.until) if status.status != "busy"),
        *(other.created for other in turn.steps if other.position > step.position),
    ]
    known = [end for end in ends if end is not None and end >= start]
    return min(known, default=max(start, min(session.last_at, turn.until)))
