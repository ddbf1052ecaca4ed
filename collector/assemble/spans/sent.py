"""The conversation that went to the model for a step (pure).

What a hook showed last before the request holds, message by message and part by part. Without hooks it is put
together from the messages of the session that came before: from the last compaction on, without what was undone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from collector.assemble.attachments import MediaManner
from collector.assemble.facts import HistoryFact, PartFact, ToolFact
from collector.assemble.fold.forgetting import pack_old
from collector.assemble.fold.message import SessionMessage, Standing
from collector.assemble.fold.session import SessionState
from collector.assemble.spans.conversation import SentMessage
from collector.assemble.spans.said import Manner, as_text, said, said_by, transcript
from collector.openinference.messages import ToolCall

_SELECTED = (1, 15)
"""Since about this version of OpenCode, a compaction leaves out its own mark, earlier summaries, and what it keeps."""
_TRANSCRIBED = (1, 16)
"""Since about this version of OpenCode, a compaction sends the conversation as one text."""
_MEDIA_BEHIND = (1, 18)
"""The version whose words for the media behind a tool's result are known."""

_SHOWN_BEFORE_MS = 60_000
_MOST_LOOSE = 512
"""Messages that are not packed, while all of a conversation is put together anew."""


class _Manners(dict[tuple[bool, MediaManner], Manner]):
    """One object for each manner: there is one beside each message of a conversation."""

    def __missing__(self, key: tuple[bool, MediaManner]) -> Manner:
        self[key] = Manner(*key)
        return self[key]


_MANNERS = _Manners()

ALL_TAKEN = MediaManner()
_MESSAGE = itemgetter(2)
"""Of an entry of `SessionState.ordered`."""
_Shown = tuple[SessionMessage, list[PartFact], list[ToolFact]]


def sent(session: SessionState, step: SessionMessage, start: int, media: MediaManner = ALL_TAKEN) -> list[SentMessage]:
    """The conversation that went to the model for `step`, whose request left at `start`, without system prompt.

    `media` is how the request shows them.
    """
    if _version(session) < _MEDIA_BEHIND:
        media = MediaManner(None, media.kinds)
    spoken = _spoken(session, step)
    if spoken is not None:
        return spoken
    history = _history(session, step, start)
    if step.is_compaction and _version(session) >= _TRANSCRIBED:
        shown = _shown(session, history.messages, history.parts) if history else _summed_up(session, step, start)
        texts = (transcript(*item, start) for item in shown)
        return [SentMessage("user", "\n\n".join(text for text in texts if text))]
    if history is not None:
        return _said_in(session, history, step, start, media)
    if step.is_compaction:
        return [
            sent
            for message, parts, tools in _summed_up(session, step, start)
            for sent in said_by(message, parts, tools, start, _manner(session, message, step, media))
        ]
    messages = before(session, step, start)
    summary = max(
        (
            c
            for c in session.compactions.facts
            if c.text and c.error_type is None and c.at <= step.created and not session.is_reverted((c.at, ""), start)
        ),
        key=lambda c: c.at,
        default=None,
    )
    if summary is None:
        return _all_said(session, messages, step, start, media)
    since = [message for message in messages if message.created >= summary.at]
    return [SentMessage("user", summary.text), *_all_said(session, since, step, start, media)]


# ---- as a hook showed it


def _history(session: SessionState, step: SessionMessage, start: int) -> HistoryFact | None:
    """The last history before the request of `step`, which came after the step before was asked, or answered."""
    since = 0
    for message in session.earlier_than(step):
        if message.role == "assistant" and message.has_own_event:
            since = message.info.completed or message.first or message.created
            break
    begun = step.part("start")
    signs = [at for at in (step.first, begun.start if begun else None) if at is not None]
    found: HistoryFact | None = session.histories.last(max([start, *(signs and [min(signs)])]), since)
    return found


def _said_in(
    session: SessionState, history: HistoryFact, step: SessionMessage, start: int, media: MediaManner
) -> list[SentMessage]:
    if not history.parts:  # kept by an earlier version of this collector
        known = [session.messages[m] for m in history.messages if m in session.messages and m != step.id]
        return _all_said(session, known, step, start, media)
    messages, names = history.messages, history.parts
    found: list[SentMessage] = []
    model = (step.info.provider, step.info.model, media)
    previous, asked, held = session.said_history
    if previous is not None and asked == model and _goes_on(history, previous):
        found = held.copy()
        messages, names = messages[len(previous.messages) :], names[len(previous.parts) :]
    for message, parts, tools in _shown(session, messages, names):
        manner = _manner(session, message, step, media)
        key = (message.id, (*(part.sent for part in parts), *(tool.sent for tool in tools)), manner)
        said_once = session.said_sent.get(key)
        if said_once is None:
            said_once = session.said_sent[key] = said_by(message, parts, tools, start, manner)
        found += said_once
    session.said_history = (history, model, found)
    return found


def prepared(session: SessionState, message: SessionMessage, until: int, manner: Manner) -> list[SentMessage] | None:
    """What `message` said in the first request that a hook showed it in, with what the agent had added to it."""
    for history in session.histories.between(message.created, until):
        if message.id in history.messages and history.parts:
            shown = _shown(session, [message.id], history.parts)
            return [sent for item in shown for sent in said_by(*item, history.at, manner)]
    return None


def _goes_on(history: HistoryFact, previous: HistoryFact) -> bool:
    """Whether `history` begins with all of the one before, as it mostly does."""
    messages, parts = len(previous.messages), len(previous.parts)
    return history.messages[:messages] == previous.messages and history.parts[:parts] == previous.parts


def _shown(session: SessionState, messages: list[str], names: list[str]) -> Iterator[_Shown]:
    """These messages, with the parts and tool calls of each as they were sent under these names."""
    parts: dict[str, list[PartFact]] = {}
    tools: dict[str, list[ToolFact]] = {}
    for name in names:
        part = session.sent.get(name)
        if isinstance(part, PartFact):
            parts.setdefault(part.message, []).append(part)
        elif part is not None:
            tools.setdefault(part.message, []).append(part)
    for identifier in messages:
        message = session.messages.get(identifier)
        if message is not None:
            yield message, parts.get(identifier, []), tools.get(identifier, [])


# ---- as the session's messages say


def _summed_up(session: SessionState, step: SessionMessage, start: int) -> Iterator[_Shown]:
    """What a compaction was made of: all but the messages kept beside its summary, or asked again after it."""
    messages = before(session, step, start)
    mark = session.messages.get(step.info.parent or "")
    part = mark.part("compaction") if mark is not None else None
    prompts = [at for at, m in enumerate(messages) if m.role == "user" and m.part("compaction") is None]
    selected = _version(session) >= _SELECTED
    until = next((at for at, m in enumerate(messages) if part is not None and m.id == part.tail), len(messages))
    if part is not None and part.overflow and len(prompts) > 1:
        until = min(until, prompts[-1])
    done = [m for m in session.summaries.values() if session.has_summed_up(m)]
    hidden = {i for m in done for i in (m.id, m.info.parent)} | (
        {mark.id} if mark is not None and part is not None else set()
    )
    for message in messages[:until]:
        if not selected or message.id not in hidden:
            yield message, message.parts_at(start), message.tools_at(start)


def before(session: SessionState, step: SessionMessage, start: int) -> list[SessionMessage]:
    """The messages that went to the model for `step`, whose request left at `start`, in order."""
    earlier = list(map(_MESSAGE, session.ordered[: session.before(step)]))
    if session.is_displaced and step.info.parent is not None:
        earlier = _by_time(session, step)
    if session.info.reverted_at or session.has_removals or session.reverts:
        earlier = [message for message in earlier if not session.is_undone(message, step, start)]
    summaries = session.summaries.values()
    marks = {m.info.parent: m for m in summaries if session.has_summed_up(m) and m.position < step.position}
    marks.pop(step.info.parent, None)
    if not marks:
        return earlier
    at = next((at for at in range(len(earlier) - 1, -1, -1) if earlier[at].id in marks), None)
    if at is None:
        return earlier
    mark = earlier[at].part("compaction")
    tail = mark.tail if mark is not None else None
    kept = next((index for index in range(at) if earlier[index].id == tail), at)
    summary = next((index for index in range(at, len(earlier)) if earlier[index] is marks[earlier[at].id]), None)
    if summary is None:
        return earlier
    return [*earlier[at : summary + 1], *earlier[kept:at], *earlier[summary + 1 :]]


def _by_time(session: SessionState, step: SessionMessage) -> list[SessionMessage]:
    """The messages before `step`, by their times: so OpenCode 1 sends them, whatever its clock did.

    Of those of which the clock said something else than of `step`, only when they were heard of tells which these are.
    """
    heard = {identifier: number for number, identifier in enumerate(session.messages)}
    earlier = [
        message
        for _, _, message in session.ordered
        if (message.position < step.position and message.standing in (step.standing, Standing.COPIED))
        or (message.standing not in (step.standing, Standing.COPIED) and heard[message.id] < heard[step.id])
    ]
    return sorted(earlier, key=lambda message: (message.created, message.id))


def _manner(session: SessionState, message: SessionMessage, step: SessionMessage, media: MediaManner) -> Manner:
    return _MANNERS[_is_foreign(session, message, step.info.provider, step.info.model), media]


def _is_foreign(session: SessionState, message: SessionMessage, provider: str | None, model: str | None) -> bool:
    """Whether another model made `message` than the one that is asked, where that makes a difference."""
    made, asked = (message.info.provider, message.info.model), (provider, model)
    return (
        message.role == "assistant" and None not in (*made, *asked) and made != asked and _version(session) >= _SELECTED
    )


class _Asked(NamedTuple):
    """All that what a message says to a model depends on, beside its state."""

    provider: str | None
    model: str | None
    media: MediaManner
    version: tuple[int, ...]


@dataclass(slots=True)
class _Conversation:
    """What was sent before: the next call mostly begins with the same messages, in the same states."""

    messages: list[SessionMessage]
    names: set[str]
    states: list[tuple[tuple[object, ...], Manner]]
    moved: list[int]
    """Those of the messages whose state may be another at another time."""
    said: list[SentMessage]
    at: int
    asked: _Asked


def _all_said(
    session: SessionState, messages: list[SessionMessage], step: SessionMessage, start: int, media: MediaManner
) -> list[SentMessage]:
    """What `messages` say to the model of `step`."""
    before: _Conversation | None = session.said
    asked = _Asked(step.info.provider, step.info.model, media, _version(session))
    count = _same(session, before, messages, asked, start) if before is not None else 0
    if before is None or not count:
        now = _Conversation(messages, set(), [], [], [], start, asked)
    else:
        now = _Conversation(messages, before.names, before.states, before.moved, before.said.copy(), start, asked)
    for index in range(count, len(messages)):
        message = messages[index]
        manner = _manner(session, message, step, media)
        now.names.add(message.id)
        if message.info.delivered is not False:
            now.said += said(message, start, manner)
            state = message.said[0]
        else:
            state = (message.state_at(start), manner)
        now.states.append(state)
        if len(state[0]) > 1:
            now.moved.append(index)
        if len(session.loose) > _MOST_LOOSE:
            pack_old(session)
    session.touched.difference_update(now.names)
    session.said = now
    return now.said


def _same(
    session: SessionState,
    before: _Conversation,
    messages: list[SessionMessage],
    asked: _Asked,
    start: int,
) -> int:
    """How many messages `messages` begins with that say the same as `before`: all of them, or none."""
    count = len(before.messages)
    if messages[:count] != before.messages:
        return 0
    if asked == before.asked and start >= before.at and before.names.isdisjoint(session.touched):
        looked_at: Iterable[int] = before.moved
    else:
        looked_at = range(count)
    for index in looked_at:
        state, manner = before.states[index]
        message = messages[index]
        foreign = _is_foreign(session, message, asked.provider, asked.model)
        if message.state_at(start) != state or manner != Manner(foreign, asked.media):
            return 0
    before.moved = [index for index in looked_at if len(before.states[index][0]) > 1]
    return count


def _version(session: SessionState) -> tuple[int, ...]:
    """The version of OpenCode, by its first two numbers; the newest where it is not known."""
    return _numbers(session.info.version or "")


@lru_cache(maxsize=64)
def _numbers(version: str) -> tuple[int, ...]:
    numbers = version.split(".")[:2]
    return tuple(int(number) for number in numbers) if all(n.isdecimal() for n in numbers) else _TRANSCRIBED


# ---- OpenCode 2


def _spoken(session: SessionState, step: SessionMessage) -> list[SentMessage] | None:
    """The conversation as the hook of OpenCode 2 showed it: after the step before, and before `step` was made."""
    if not session.spoken.facts:
        return None
    last = next((m for m in session.earlier_than(step) if m.role == "assistant"), None)
    shown = session.spoken.last(step.created, last.created if last else step.created - _SHOWN_BEFORE_MS)
    if shown is None:
        return None
    found: list[SentMessage] = []
    names: dict[str, str] = {}
    for item in shown.messages:
        calls = [
            ToolCall(str(call.get("id", "")), str(call.get("name", "")), as_text(call.get("input")))
            for call in item.get("calls") or ()
        ]
        names |= {call.id: call.name for call in calls}
        results = [(str(r.get("output") or ""), str(r.get("id") or "")) for r in item.get("results") or ()]
        words = str(item.get("text") or "")
        if words or calls or item.get("reasoning") or not results:
            role = str(item.get("role") or "user")
            found.append(SentMessage(role, words, str(item.get("reasoning") or ""), calls))
        found += [SentMessage("tool", output, call_id=call, name=names.get(call, "")) for output, call in results]
    return found
