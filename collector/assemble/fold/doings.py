"""Whether anything was done in a turn that is over, and whether all of it came to an end (pure)."""

from __future__ import annotations

from collector.assemble.fold.turns import Turn


def is_broken(turn: Turn) -> bool:
    """Whether something of the turn never came to an end."""
    if turn.session.info.deleted is not None:
        return True
    if not turn.steps:
        return not any(s.status != "busy" for s in turn.session.statuses.between(turn.start, turn.until))
    if any(not step.done or any(step.running_tools()) for step in turn.steps):
        return True
    last = turn.steps[-1]
    idle = any(s.status != "busy" for s in turn.session.statuses.between(last.created, turn.until))
    return last.info.finish in ("tool-calls", None) and last.info.error_type is None and not idle \
        and not turn.is_overtaken  # fmt: skip


def says_anything(turn: Turn) -> bool:
    """Whether an agent was at work: a prompt alone may be a note that wants no answer, or a compaction's mark."""
    if turn.steps:
        return True
    session = turn.session
    busy = any(status.status == "busy" for status in session.statuses.between(turn.start, turn.until))
    failed = bool(session.failures.between(turn.start, turn.until) or session.retries.between(turn.start, turn.until))
    compacted = bool(session.compactions.between(turn.start, turn.until))
    taken_up = turn.opener.info.delivered is True or turn.opener.part("compaction") is not None
    return bool(turn.opener.parts) and (busy or failed or compacted or taken_up)
