"""What the title calls of OpenCode 2 used (pure).

The log says so; the public stream only adds it to the session's total. Titles are made beside the turn, so a total
with a title in it may come before, between or after those of the steps, also after the turn is over. A total that grew
by what no step or compaction used grew by a title.
"""

from __future__ import annotations

from typing import NamedTuple

from collector.assemble.facts import UsageFact
from collector.assemble.fold.message import Standing
from collector.assemble.fold.session import SessionState

_PRECISION = 9


class CallUsage(NamedTuple):
    """What a call used, and when that was heard of."""

    at: int
    tokens: dict[str, float]
    cost: float | None


def title_usages(session: SessionState) -> list[CallUsage]:
    """What the title calls of `session` used, in order; several where the first model that was asked failed."""
    facts: list[UsageFact] = session.usages.facts
    if not facts:
        return []
    exact = [CallUsage(fact.at, fact.tokens, fact.cost) for fact in facts if fact.exact]
    if exact:
        return exact
    # The first total of a session that was joined later, or of a fork, holds what was used before, and says nothing.
    is_fork = bool(session.ordered) and session.ordered[0][2].standing is Standing.COPIED
    joined_later = session.born is None or bool(session.finished) or is_fork
    known, left = _calls(session), []
    previous = CallUsage(0, {}, 0)
    for fact in sorted(facts, key=lambda fact: sum(fact.tokens.values())):  # totals grow, whatever the clock says
        total = CallUsage(fact.at, fact.tokens, fact.cost)
        grown, is_told = _grown(previous, total), not previous.tokens and joined_later
        previous = total
        call = next((call for call in known if call.at <= total.at and _same(call, grown)), None)
        if call is not None:
            known.remove(call)
        elif any(grown.tokens.values()) and min(grown.tokens.values()) >= 0 and not is_told:
            left.append(grown)
    return sorted((grown for grown in left if not _is_of_call(grown, known)), key=lambda call: call.at)


def _is_of_call(grown: CallUsage, known: list[CallUsage]) -> bool:
    """Whether a call of `known`, which is then taken out of them, used this: the clock was set back after it."""
    call = next((call for call in known if _same(call, grown)), None)
    if call is not None:
        known.remove(call)
    return call is not None


def _calls(session: SessionState) -> list[CallUsage]:
    """The steps and compactions that are over and said what they used, oldest first."""
    found = [
        CallUsage(message.info.completed or message.created, message.info.tokens, message.info.cost)
        for message in session.messages.values()
        if message.info.tokens
    ]
    found += [CallUsage(fact.at, fact.tokens, fact.cost) for fact in session.compactions.facts if fact.tokens]
    return sorted(found, key=lambda call: call.at)


def _grown(before: CallUsage, after: CallUsage) -> CallUsage:
    names = before.tokens.keys() | after.tokens.keys()
    tokens = {name: after.tokens.get(name, 0) - before.tokens.get(name, 0) for name in sorted(names)}
    return CallUsage(after.at, tokens, round((after.cost or 0) - (before.cost or 0), _PRECISION))


def _same(one: CallUsage, other: CallUsage) -> bool:
    names = one.tokens.keys() | other.tokens.keys()
    return all(one.tokens.get(name, 0) == other.tokens.get(name, 0) for name in names - {"total"})
