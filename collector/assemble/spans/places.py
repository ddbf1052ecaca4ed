"""Where a turn's spans stand: in which trace, and below which span (pure).

A turn of a root session has a trace of its own; one of a subagent stands below the tool call that started it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from collector.assemble.facts import NEVER, ToolFact
from collector.assemble.fold.message import SessionMessage
from collector.assemble.fold.session import Link, SessionState
from collector.assemble.fold.turns import Turn, turn_of
from collector.assemble.ids import span_id, trace_id

_LINK_SLACK_MS = 100
_BACKGROUND_SLACK_MS = 5000
_DEEPEST = 32


@dataclass(frozen=True, slots=True)
class SpanPlace:
    """Where a turn's spans hang: its trace, and the span above its AGENT (none for a root)."""

    trace_id: bytes
    above: bytes


def link_of(step: SessionMessage, tool: ToolFact, trace: str = "", cut: int = NEVER) -> Link:
    """A tool call of `step` that started a session, `cut` being when it was cut if it came to no end."""
    end = cut if tool.end is None else tool.end
    if tool.background and tool.end is not None:
        end += _BACKGROUND_SLACK_MS  # the call ends at once, the session it started goes on
    return Link(tool.start or step.created, tool.part, trace, end)


def _was_killed_before(turn: Turn) -> bool:
    """Whether a step that came to no end was made before `turn`: a session answers one prompt after the other."""
    earlier = turn.session.earlier_than(turn.opener)
    return any(message.role == "assistant" and not message.done for message in earlier)


class SpanPlaces:
    """Finds the places of turns among `sessions`; a subagent's caller may yet be heard of for `wait_ms`."""

    def __init__(self, sessions: Mapping[str, SessionState], wait_ms: int) -> None:
        self._sessions = sessions
        self._wait_ms = wait_ms

    def of(self, turn: Turn, now: int, closing: bool, depth: int = 0) -> SpanPlace | None:
        """The place of `turn`; None while that may still be heard of, which it cannot any more when `closing`."""
        session = turn.session
        if session.parent is None or depth > _DEEPEST:
            return SpanPlace(trace_id(session.id, turn.opener.id), b"")
        link = self._caller(turn, now, depth)
        if link is not None:
            session.origin = (bytes.fromhex(link.trace), span_id(link.part))
            return SpanPlace(*session.origin)
        if session.origin is not None and not self._calls(session):
            return SpanPlace(*session.origin)  # what is known of its caller was forgotten
        if session.origin is None and not closing and now - session.heard < self._wait_ms:
            return None
        return SpanPlace(trace_id(session.id, turn.opener.id), b"")

    def _caller(self, turn: Turn, now: int, depth: int) -> Link | None:
        """The tool call that opened this turn of a subagent's session: one that ran when the prompt was made.

        The first turn of a session is of the call that started it, whatever the clock says. Where an earlier turn came
        to no end, the process was killed, and the call that it belonged to with it, though nothing may say when.
        """
        session = turn.session
        links = self._calls(session)
        at = turn.start + _LINK_SLACK_MS
        running = [link for link in links if link.start <= at <= link.end + 2 * _LINK_SLACK_MS]
        if any(link.end >= NEVER for link in running) and _was_killed_before(turn):
            running = [link for link in running if link.end < NEVER]
        link = max(running, default=None)
        if link is None and not session.finished and session.before(turn.opener) == 0:
            link = min(links, default=None)
        parent = self._sessions.get(session.parent or "")
        if link is not None and not link.trace and parent is not None:
            trace = self._trace_of(parent, parent.children[session.id][link.part][0], now, depth)
            return link._replace(trace=trace.hex())
        return link

    def _calls(self, session: SessionState) -> list[Link]:
        """The tool calls that started `session`, or went on with it, as far as they are known."""
        parent = self._sessions.get(session.parent or "")
        if parent is None:
            return []
        links = {link.part: link for link in parent.links.get(session.id, ())}
        for part, (step, tool) in parent.children.get(session.id, {}).items():
            if part not in links:
                links[part] = link_of(step, tool)
        return list(links.values())

    def _trace_of(self, parent: SessionState, step: SessionMessage, now: int, depth: int) -> bytes:
        opener = turn_of(parent, step)
        if parent.parent is None:
            return trace_id(parent.id, opener)
        prompt = parent.messages.get(opener) or step
        place = self.of(Turn(parent, [prompt]), now, True, depth + 1)
        return place.trace_id if place else trace_id(parent.id, opener)

    def depth(self, session: SessionState) -> int:
        """How many sessions are above `session`."""
        depth = 0
        while session.parent is not None and session.parent in self._sessions and depth < _DEEPEST:
            session, depth = self._sessions[session.parent], depth + 1
        return depth
