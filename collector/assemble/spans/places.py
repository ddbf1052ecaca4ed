"""Where a turn's spans stand: in which trace, and below which span (pure).

A turn of a root session has a trace of its own; one of a subagent stands below the tool call that started it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from collector.assemble.fold.message import SessionMessage
from collector.assemble.fold.session import Link, SessionState
from collector.assemble.fold.turns import Turn, turn_of
from collector.assemble.ids import span_id, trace_id

_LINK_SLACK_MS = 100
_DEEPEST = 32


@dataclass(frozen=True, slots=True)
class SpanPlace:
    """Where a turn's spans hang: its trace, and the span above its AGENT (none for a root)."""

    trace_id: bytes
    above: bytes


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
        elif session.origin is None:
            if not closing and now - session.heard < self._wait_ms:
                return None
            return SpanPlace(trace_id(session.id, turn.opener.id), b"")
        assert session.origin is not None
        return SpanPlace(*session.origin)

    def _caller(self, turn: Turn, now: int, depth: int) -> Link | None:
        """The tool call that opened this turn of a subagent's session: the last that began before it."""
        session = turn.session
        parent = self._sessions.get(session.parent or "")
        if parent is None:
            return None
        links = {link.part: link for link in parent.links.get(session.id, ())}
        calls = parent.children.get(session.id, {})
        for part, (step, tool) in calls.items():
            if part not in links:
                links[part] = Link(tool.start or step.created, part, "")
        earlier = [link for link in links.values() if link.start <= turn.start + _LINK_SLACK_MS]
        link = max(earlier) if earlier else min(links.values(), default=None)
        if link is not None and not link.trace:
            trace = self._trace_of(parent, calls[link.part][0], now, depth)
            return link._replace(trace=trace.hex())
        return link

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
