"""Whether a person said no: OpenCode 2 then interrupts the tool, the step and the turn as if it shut down (pure)."""

from __future__ import annotations

from collector.assemble.facts import WaitFact
from collector.assemble.fold.message import SessionMessage
from collector.assemble.fold.session import SessionState

_NO = {"reject", "rejected", "deny", "denied", "cancelled"}
ABORTED = "aborted"


def declined(session: SessionState, step: SessionMessage, call: str | None = None) -> WaitFact | None:
    """The answer that cut `step` short by refusing a tool call of it (`call`, or any); None where none did."""
    if step.info.error_type != ABORTED:
        return None
    calls = {tool.call for tool in step.tools.values()} if call is None else {call}
    for ends in session.waits.values():
        answer = ends.get(True)
        if (
            answer is not None
            and answer.reply in _NO
            and any(wait.call in calls and wait.message in (None, step.id) for wait in ends.values())
        ):
            return answer
    return None
