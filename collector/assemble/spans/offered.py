"""The tools that a request offered (pure)."""

from __future__ import annotations

from collector.assemble.facts import NEVER, ToolListFact
from collector.assemble.fold.message import SessionMessage
from collector.assemble.fold.turns import Turn
from collector.assemble.spans.timing import Timing, timing


def offered(turn: Turn, step: SessionMessage, times: Timing) -> ToolListFact | None:
    """Those told for the request of `step`; a compaction is offered none.

    Where the process was killed before it told them, they are those of the step before: of one prompt, agent and model
    they are the same.
    """
    if times.request is None or step.is_compaction:
        return None
    session = turn.session
    told: ToolListFact | None = session.tools.last(times.request.at, times.request.at)
    if told is not None or step.done or session.gone_at is None:
        return told
    earlier = [other for other in turn.steps if other.position < step.position]
    if not earlier or _asked(earlier[-1]) != _asked(step):
        return None
    request = timing(session, earlier[-1]).request
    asked = request.at if request is not None else NEVER
    found: ToolListFact | None = session.tools.last(asked, asked)
    return found


def _asked(step: SessionMessage) -> tuple[str | None, ...]:
    info = step.info
    return info.parent, info.agent, info.provider, info.model
