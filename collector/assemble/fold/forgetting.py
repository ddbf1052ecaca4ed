"""What is let go of a session when a turn is over, and what is remembered of it in place of its facts (pure)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from heapq import nsmallest
from itertools import islice
from operator import itemgetter
from typing import Any

from collector.assemble.facts import FIELDS, SessionFact
from collector.assemble.fold.message import SessionMessage
from collector.assemble.fold.session import Link, SessionState

_REMEMBERED_TURNS = 100
_MOST_TURNS = 1000
"""Of those that are over; what is told of an older one is known by its spans, which were built."""
_MOST_LOOSE = 128
"""Messages that are not packed: a turn of many steps is read as it came."""
_HEAD_WITHIN_MS = 60_000
_MOST_MESSAGES = 5000
_MEASURED_AFTER = 64
"""Messages; measuring what they hold takes time."""
_MOST_TEXT = 4 * 1024 * 1024
"""Twice what a span holds of a conversation."""


def remember(session: SessionState) -> dict[str, Any]:
    """What a session has to know when it goes on after its facts are forgotten (JSON)."""
    kept = dict(sorted(session.finished.items(), key=itemgetter(1))[-_REMEMBERED_TURNS:])  # they are mostly in order
    return {
        "info": {
            "values": {name: getattr(session.info, name) for name in session.info_orders},
            "orders": session.info_orders,
        },
        "counted": [*session.counted[0], session.counted[1]],
        "titled": session.titled,
        "origin": [part.hex() for part in session.origin] if session.origin else None,
        "finished": kept,
        "until": session.over_until,
        "places": {opener: list(place) for opener, place in session.places.items() if opener in kept},
        "links": {c: [list(k) for k in found] for c, found in list(session.links.items())[-_REMEMBERED_TURNS:]},
        "owners": {message: opener for message, opener in session.owners.items() if opener in kept},
    }


def recall(session: SessionState, memory: Mapping[str, Any]) -> None:
    """Take over what `remember` gave, on a session of which nothing was heard yet."""
    info = memory.get("info") or {}
    for name, value in (info.get("values") or {}).items():
        if name in FIELDS[SessionFact]:
            setattr(session.info, name, value)
    session.info_orders.update(info.get("orders") or {})
    session.born = session.info.created
    made, *opener, number = memory.get("counted") or (0, 0)
    session.counted = ((made, opener[0] if opener else ""), number)
    session.titled = memory.get("titled")
    origin = memory.get("origin")
    session.origin = (bytes.fromhex(origin[0]), bytes.fromhex(origin[1])) if origin else None
    session.finished.update(memory.get("finished") or {})
    session.owners.update(memory.get("owners") or {})
    for child, links in (memory.get("links") or {}).items():
        session.links[child] = [Link(*link) for link in links]
    session.places.update({opener: (at, name) for opener, (at, name) in (memory.get("places") or {}).items()})
    session.latest_start = max(session.finished.values(), default=0)
    session.over_until = memory.get("until") or session.latest_start
    session.latest = max((session.place_of(opener) for opener in session.finished), default=None)


def forget(session: SessionState, messages: Iterable[str], until: int) -> None:
    """Let go of what only a turn that is over needed; its messages stay, as history of the next."""
    for identifier in messages:
        message = session.messages.get(identifier)
        for tool in message.tools.values() if message else ():
            session.calls.pop(tool.call, None)
    gone = set(messages)
    if session.notes:
        session.notes = {k: n for k, n in session.notes.items() if n.message not in gone if n.message or n.at > until}
    if session.waits:
        session.waits = {k: w for k, w in session.waits.items() if max(end.at for end in w.values()) > until}
    before = min([until, *(message.created for message in (*session.opened.values(), *session.steps.values()))])
    for timeline in session.timelines.values():
        if len(timeline.facts) > 1:
            timeline.forget(before)
    if session.sent:
        _forget_sent(session)
    _forget_summarised(session)
    if len(session.finished) > _MOST_TURNS + _MOST_TURNS // 10:
        _forget_turns(session)
    if len(session.loose) > _MOST_LOOSE:
        pack_old(session)


def pack_old(session: SessionState) -> None:
    """Pack the messages that were not asked for lately."""
    excess = len(session.loose) - _MOST_LOOSE // 2
    for message in list(islice(session.loose.values(), max(0, excess))):
        if message.id not in session.opened and message.id not in session.steps:
            message.pack()


def _forget_turns(session: SessionState) -> None:
    """Let go of which messages made the oldest turns."""
    finished = session.finished
    gone = set(nsmallest(len(finished) - _MOST_TURNS, finished, key=finished.__getitem__))
    for opener in gone:
        del finished[opener]
        session.places.pop(opener, None)
    session.owners = {message: opener for message, opener in session.owners.items() if opener not in gone}
    for child in list(session.links)[:-_MOST_TURNS]:
        del session.links[child]


def _forget_sent(session: SessionState) -> None:
    named = {name for history in session.histories.facts for name in history.parts}
    session.sent = {name: part for name, part in session.sent.items() if name in named}
    shown = {part.sent for part in session.sent.values()}
    session.last_sent = {key: part for key, part in session.last_sent.items() if part.sent in shown}
    session.said_sent = {key: said for key, said in session.said_sent.items() if shown.issuperset(key[1])}


def _forget_summarised(session: SessionState) -> None:
    """What came before the last compaction but one, and what no model could still be sent, is no history any more.

    The last compaction can be undone: then what it summed up is sent again.
    """
    is_due = len(session.messages) >= session.measured + _MEASURED_AFTER
    if not is_due and not session.summaries and len(session.messages) <= _MOST_MESSAGES:
        return
    open_messages = session.opened.keys() | session.steps.keys()
    # A message of which only a part is known stands before all others, and may yet open a turn.
    since = session.heard - _HEAD_WITHIN_MS
    done = [m for _, _, m in session.ordered if m.id not in open_messages and (m.created or m.heard < since)]
    excess = len(session.messages) - _MOST_MESSAGES
    if excess > 0:  # several at once: each time the conversation begins anew
        excess += _MOST_MESSAGES // 10
    if is_due:
        excess, session.measured = max(excess, _too_long(done)), len(session.messages)
    compactions = [index for index, message in enumerate(done) if session.has_summed_up(message)]
    if len(compactions) > 1:
        last = compactions[-2]
        mark = session.messages.get(done[last].info.parent or "")
        part = mark.part("compaction") if mark is not None else None
        kept = {mark.id if mark is not None else "", part.tail if part is not None else ""}
        excess = max(excess, next((i for i, m in enumerate(done) if m.id in kept), last))
    for message in done[: max(0, excess)]:
        session.forgotten += 1
        session.measured -= 1
        del session.messages[message.id]
        session.loose.pop(message.id, None)
        session.summaries.pop(message.id, None)
        session.touched.discard(message.id)
        del session.ordered[bisect_left(session.ordered, message.position)]


def _too_long(messages: list[SessionMessage]) -> int:
    """How many of the oldest messages come before more text than is kept of a conversation."""
    size = 0
    for index in range(len(messages) - 1, -1, -1):
        size += messages[index].size
        if size > _MOST_TEXT:
            return index
    return 0
