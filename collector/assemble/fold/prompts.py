"""Which system prompt went with which request: the hook that makes one names no call (pure).

A title call and a step may be prepared at the same time, so that "the last prompt before" can be the other's.
"""

from __future__ import annotations

from collector.assemble.facts import RequestFact, SystemPromptFact
from collector.assemble.fold.session import SessionState

_WITHIN_MS = 30_000


def system_for(session: SessionState, request: RequestFact | None) -> SystemPromptFact | None:
    """The system prompt of `request`.

    Each request takes the prompt that waits; of several, one that its agent had before, else the oldest.
    """
    if request is None:
        return None
    since, until = request.at - _WITHIN_MS, request.at + 1
    prompts: list[SystemPromptFact] = session.systems.between(since, until)
    named = [prompt for prompt in prompts if prompt.agent is not None and prompt.agent == request.agent]
    if named:
        return named[-1]
    waiting: list[SystemPromptFact] = []
    had: dict[str | None, set[str | None]] = {}
    pending = [prompt for prompt in prompts if prompt.agent is None]
    for asked in session.requests.between(since, until):
        while pending and pending[0].at <= asked.at:
            waiting.append(pending.pop(0))
        known = [prompt for prompt in waiting if prompt.text in had.get(asked.agent, ())]
        chosen = next(iter(known or waiting), None)
        if chosen is not None:
            waiting.remove(chosen)
            had.setdefault(asked.agent, set()).add(chosen.text)
        if asked is request:
            return chosen
    return None
