"""Facts put where they belong in what is known of a session (pure)."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from typing import Any

from collector.assemble.facts import (
    AnyFact,
    Fact,
    FirstTokenFact,
    HistoryFact,
    MessageFact,
    NoteFact,
    PartFact,
    RemovalFact,
    RetryFact,
    RevertFact,
    SessionFact,
    StatusFact,
    TitleFact,
    ToolFact,
    WaitFact,
)
from collector.assemble.fold.message import SessionMessage, merge
from collector.assemble.fold.session import SessionState


def learn(session: SessionState, fact: AnyFact) -> bool:
    """Take `fact` in; whether it said anything new."""
    if fact.at > session.last_at:
        session.last_at = fact.at
    known = _LEARNT.get(type(fact))
    return known(session, fact) if known is not None else session.timelines[type(fact)].add(fact)


def _first(session: SessionState, fact: FirstTokenFact) -> bool:
    message = session.message(fact.message)
    if message.first is not None and message.first <= fact.at:
        return False
    message.first = fact.at
    return True


def _session(session: SessionState, fact: SessionFact) -> bool:
    if fact.created is not None:
        session.born = fact.created if session.born is None else min(session.born, fact.created)
    return merge(session.info, session.info_orders, fact)


def _titled(session: SessionState, fact: TitleFact) -> bool:
    if session.titled is not None and session.titled <= fact.at:
        return False
    session.titled, session.titled_as = fact.at, fact.title
    return True


def _wait(session: SessionState, fact: WaitFact) -> bool:
    ends = session.waits.setdefault(fact.id, {})
    if fact.ends in ends and ends[fact.ends].at <= fact.at:
        return False
    ends[fact.ends] = fact
    return True


def _removal(session: SessionState, fact: RemovalFact) -> bool:
    message = session.message(fact.message)
    session.has_removals = True
    is_new = message.remove(fact.part, fact.at)
    session.touch(message)
    return is_new


def _revert(session: SessionState, fact: RevertFact) -> bool:
    if fact in session.reverts:
        return False
    session.reverts.append(fact)
    return True


def _retry(session: SessionState, fact: RetryFact) -> bool:
    return _again(session, fact) if fact.message is None else session.retries.add(fact)


def _status(session: SessionState, fact: StatusFact) -> bool:
    if session.info.deleted is not None and fact.status != "busy":
        is_new = _again(session, fact)
    else:
        is_new = session.statuses.add(fact)
    if is_new:
        session.is_idle = fact.status != "busy"
    return is_new


def _again(session: SessionState, fact: RetryFact | StatusFact) -> bool:
    """Another attempt of a step that the fact does not name, or the end of one."""
    for step in session.steps.values():
        session.touch(step)
    return session.timelines[type(fact)].add(fact)


def _message(session: SessionState, fact: MessageFact) -> bool:
    message = session.message(fact.message)
    info = message.info
    if fact.created == info.created and fact.streamed == info.streamed:
        changed = message.merge(fact)
    else:
        position, made = message.position, message.created
        changed = message.merge(fact)
        if message.created != made:
            del session.ordered[bisect_left(session.ordered, position)]
            insort(session.ordered, (*message.position, message))
    if (fact.summary or fact.agent == "compaction") and message.is_compaction:
        session.summaries[message.id] = message
    if fact.recalled:
        session.touched.add(message.id)
        return changed
    if not message.has_own_event:
        message.has_own_event = changed = True
        if message.id not in session.owners:
            (session.opened if message.role == "user" else session.steps)[message.id] = message
    if changed:
        session.touch(message)
    return changed


def _part(session: SessionState, fact: PartFact) -> bool:
    message = session.message(fact.message)
    held = message.parts.get(fact.part)
    if fact.sent is not None:
        _keep_sent(session, fact.sent, fact, held)
        if message.role == "user" and fact.synthetic and not fact.resumes:
            return True  # it may have been made for one request only
    if held is not None and (held.order > fact.order or held == fact):
        if held.order > fact.order:
            _keep_replaced(message, fact, held)
            session.touched.add(message.id)
        return fact.sent is not None
    if held is not None:
        _keep_replaced(message, held, fact)
    message.parts[fact.part] = fact
    session.touch(message)
    return True


def _keep_sent(session: SessionState, name: str, fact: PartFact | ToolFact, held: PartFact | ToolFact | None) -> None:
    """Keep a part as a history showed it; what it is still the same as is held once."""
    last = session.last_sent.get(fact.part)
    if last is not None and _says_the_same(last, fact):
        session.sent[name] = last
        return
    session.sent[name] = session.last_sent[fact.part] = fact
    if isinstance(fact, PartFact) and isinstance(held, PartFact) and fact.text == held.text:
        fact.text = held.text
    if isinstance(fact, ToolFact) and isinstance(held, ToolFact) and fact.output == held.output:
        fact.output = held.output


def _tool(session: SessionState, fact: ToolFact) -> bool:
    message = session.message(fact.message)
    if fact.sent is not None:
        _keep_sent(session, fact.sent, fact, message.tools.get(fact.part))
    elif fact.part not in message.tools and message.id in session.owners:  # its turn was given up too early
        session.steps[message.id] = message
    changed = message.merge_tool(fact)
    if changed:
        session.touch(message)
        session.calls[fact.call] = (message, message.tools[fact.part])
        if fact.child:
            session.children.setdefault(fact.child, {})[fact.part] = (message, message.tools[fact.part])
    return changed


def _history(session: SessionState, fact: HistoryFact) -> bool:
    """Of two that were shown within one millisecond the last that is told holds."""
    return session.timelines[HistoryFact].put(fact)


def _note(session: SessionState, fact: NoteFact) -> bool:
    """A note heard again replaces the earlier one: what a turn changed grows."""
    held = session.notes.get(fact.key)
    if held is not None and held.order >= fact.order:
        return False
    session.notes[fact.key] = fact
    return True


def _says_the_same(one: PartFact | ToolFact, other: PartFact | ToolFact) -> bool:
    if isinstance(one, ToolFact) and isinstance(other, ToolFact):
        return (
            one.output == other.output
            and one.input == other.input
            and one.status == other.status
            and one.error == other.error
            and one.pruned == other.pruned
            and one.name == other.name
            and one.message == other.message
        )
    if isinstance(one, PartFact) and isinstance(other, PartFact):
        return (
            one.text == other.text
            and one.type == other.type
            and one.ignored == other.ignored
            and one.message == other.message
        )
    return False


def _keep_replaced(message: SessionMessage, old: PartFact, new: PartFact) -> None:
    """Keep a text before it was changed: earlier requests held it."""
    if old.text and old.text != new.text and old.sent is None and new.sent is None:
        message.keep_replaced(old)


_LEARNT: dict[type[Fact], Callable[[SessionState, Any], bool]] = {
    FirstTokenFact: _first,
    HistoryFact: _history,
    PartFact: _part,
    ToolFact: _tool,
    MessageFact: _message,
    SessionFact: _session,
    TitleFact: _titled,
    WaitFact: _wait,
    NoteFact: _note,
    RemovalFact: _removal,
    RetryFact: _retry,
    RevertFact: _revert,
    StatusFact: _status,
}
"""All others are found by their time only."""
