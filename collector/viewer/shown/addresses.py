"""The addresses of sessions and traces: whatever characters an id holds, a client that follows one arrives."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from urllib.parse import quote, urlencode

_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._~-]{0,199}")


@dataclass(frozen=True, slots=True)
class Address:
    """A path with what must stand in its query."""

    path: str
    given: tuple[tuple[str, str], ...] = ()

    def to(self, below: str = "", anchor: str = "", **query: object) -> str:
        """A link to it, or to what lies `below` it; what is empty of `query` is left out."""
        pairs = [*self.given, *((name, str(value)) for name, value in query.items() if value)]
        asked = f"?{urlencode(pairs)}" if pairs else ""
        return self.path + (f"/{below}" if below else "") + asked + (f"#{quote(anchor)}" if anchor else "")


def session_address(session_id: str) -> Address:
    """An id that a client would change in a path (`..`, `a/b`) stands in the query, where none does."""
    if _PLAIN.fullmatch(session_id):
        return Address(f"/sessions/{session_id}")
    return Address("/session", (("id", session_id),))


def trace_address(trace_id: str) -> Address:
    return Address(f"/traces/{trace_id}")


def show_command(identifier: str) -> str:
    """The command that prints what has this id, whatever a shell would make of its characters."""
    return f"collector show {'-- ' if identifier.startswith('-') else ''}{shlex.quote(identifier)}"


def session_link(session_id: str, span_id: str = "") -> str:
    """The page of a session; with a span, the part of it in which that stands."""
    return session_address(session_id).to(anchor=f"s-{span_id}" if span_id else "", at=span_id)


def trace_link(trace_id: str, span_id: str = "") -> str:
    """The page of a trace; with a span, the part of it in which that stands."""
    return trace_address(trace_id).to(anchor=f"s-{span_id}" if span_id else "", at=span_id)
