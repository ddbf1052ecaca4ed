"""What the npm plugin for OpenCode and OpenCode's own events both tell, known again by marks (pure).

Each names its spans by ids of its own. A mark is a hash of what both say of the same thing: the id of the message that
a model call wrote, the id of a tool call and when it began, when the prompt of a turn was given. Such times lie a few
milliseconds apart: a mark stands for a slot of time, and is looked for in all slots that it may have fallen into.
The store keeps marks among the ids of spans that were built. They carry who told, so that each is asked of the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from collector.assemble.facts import AnyFact, MessageFact, ToolFact
from collector.assemble.ids import digest, span_id

EVENTS, NPM = "events", "npm"
_PROMPT, _ANSWER = "prompt", "answer"

_TURN_SLOT_MS = 125
_TURN_WITHIN_MS = 1000
"""The npm plugin hears of a prompt so much later, at most, than OpenCode says it was made; measured: up to 35."""
_CALL_SLOT_MS = 4000
_ANSWER_SLOT_MS = 1000
_ANSWERED_WITHIN_MS = 60_000
"""Where events tell of a turn at all, they tell so soon that its agent began to answer."""


def session_mark(teller: str, session: str) -> bytes:
    """That anything was told of a session."""
    return digest(teller, session)


def message_mark(teller: str, session: str, message: str) -> bytes:
    """The model call that wrote a message."""
    return digest(teller, session, "message", message)


def call_mark(teller: str, session: str, call: str, at_ms: int) -> bytes:
    """The tool call that began at a time: some models number their calls anew in each answer."""
    return _slot(teller, session, call, at_ms // _CALL_SLOT_MS)


def turn_mark(teller: str, session: str, at_ms: int) -> bytes:
    """The turn whose prompt was given at a time."""
    return _slot(teller, session, "turn", at_ms // _TURN_SLOT_MS)


def call_marks_near(teller: str, session: str, call: str, at_ms: int) -> Iterator[bytes]:
    """The marks of a call that another says began at `at_ms`."""
    slot = at_ms // _CALL_SLOT_MS
    return (_slot(teller, session, call, near) for near in (slot - 1, slot, slot + 1))


def turns_of_npm_from(session: str, created_ms: int) -> Iterator[bytes]:
    """The marks that the npm plugin's turn may have left, of a prompt made at `created_ms`."""
    slots = range(created_ms // _TURN_SLOT_MS, (created_ms + _TURN_WITHIN_MS) // _TURN_SLOT_MS + 1)
    return (_slot(NPM, session, "turn", slot) for slot in slots)


def marks_of_npm(span: Any) -> list[bytes]:
    """What a span of the npm plugin tells."""
    session, kind, at_ms = _head(span)
    if not session:
        return []
    found = [session_mark(NPM, session)]
    if kind == "AGENT":
        found.append(turn_mark(NPM, session, at_ms))
    elif message := _text(span, "opencode.message_id"):
        found.append(message_mark(NPM, session, message))
    elif call := _text(span, "tool_call.id"):
        found.append(call_mark(NPM, session, call, at_ms))
    return found


def events_like_npm(span: Any) -> list[bytes]:
    """The marks of events that told what a span of the npm plugin tells."""
    session, kind, at_ms = _head(span)
    if kind == "AGENT":
        return [_slot(EVENTS, session, "turn", slot) for slot in _prompt_slots(at_ms)]
    if message := _text(span, "opencode.message_id"):
        return [message_mark(EVENTS, session, message), span_id(message)]
    if call := _text(span, "tool_call.id"):
        return list(call_marks_near(EVENTS, session, call, at_ms))
    return []


def events_begun_like_npm(span: Any) -> tuple[list[bytes], list[bytes]]:
    """The marks of a prompt, and of an answer to it, by which events are known to be telling of the same turn.

    A prompt alone does not say that more will come: the turn that events would tell of it is empty.
    """
    session, kind, at_ms = _head(span)
    if kind != "AGENT":
        return [], []
    answers = range((at_ms - _TURN_WITHIN_MS) // _ANSWER_SLOT_MS, (at_ms + _ANSWERED_WITHIN_MS) // _ANSWER_SLOT_MS + 1)
    prompts = [_slot(EVENTS, session, _PROMPT, slot) for slot in _prompt_slots(at_ms)]
    return prompts, [_slot(EVENTS, session, _ANSWER, slot) for slot in answers]


def _prompt_slots(at_ms: int) -> range:
    return range((at_ms - _TURN_WITHIN_MS) // _TURN_SLOT_MS, at_ms // _TURN_SLOT_MS + 1)


def _answer_mark(session: str, at_ms: int) -> bytes:
    return _slot(EVENTS, session, _ANSWER, at_ms // _ANSWER_SLOT_MS)


def marks_of_fact(fact: AnyFact) -> Iterator[bytes]:
    """What a fact says will be told: it is heard as it happens."""
    if isinstance(fact, MessageFact) and not fact.recalled:
        if fact.role == "assistant":
            yield message_mark(EVENTS, fact.session, fact.message)
            if fact.created is not None:
                yield _answer_mark(fact.session, fact.created)
        elif fact.created is not None:
            yield _slot(EVENTS, fact.session, _PROMPT, fact.created // _TURN_SLOT_MS)
    elif isinstance(fact, ToolFact) and fact.start is not None:
        yield call_mark(EVENTS, fact.session, fact.call, fact.start)
        yield _answer_mark(fact.session, fact.start)


def _head(span: Any) -> tuple[str, str, int]:
    return _text(span, "session.id"), _text(span, "openinference.span.kind"), span.start_time_unix_nano // 1_000_000


def _slot(teller: str, session: str, name: str, slot: int) -> bytes:
    return digest(teller, session, name, str(slot))


def _text(span: Any, key: str) -> str:
    return next((pair.value.string_value for pair in span.attributes if pair.key == key), "")
