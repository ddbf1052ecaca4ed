"""Each span once: those built before, and those that the npm plugin told, are not built (pure)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Set
from dataclasses import dataclass, field

from collector.assemble.facts import ToolFact
from collector.assemble.fold.turns import Turn
from collector.assemble.marks import (
    EVENTS,
    NPM,
    call_mark,
    call_marks_near,
    message_mark,
    session_mark,
    turn_mark,
    turns_of_npm_from,
)

_MOST_BUILT = 5000


@dataclass(slots=True)
class _Built:
    """The mark of a session, its spans that were built last, and those before."""

    mark: bytes
    spans: set[bytes] = field(default_factory=set)
    before: Set[bytes] = frozenset()


class Once:
    """Remembers, by session, which spans were built.

    `seen` says whether a span of that id was built before this began, `told` whether any of some marks was left.
    """

    def __init__(self, seen: Callable[[bytes], bool], told: Callable[[Collection[bytes]], bool]) -> None:
        self._seen = seen
        self._told = told
        self._built: dict[str, _Built] = {}
        """By session; of spans built long ago `seen` knows."""
        self.left_out: list[bytes] = []
        """Spans that the npm plugin told before, since the caller last emptied this."""
        self.marks: list[bytes] = []
        """By which the npm plugin's spans of what was built are known, since the caller last emptied this."""

    def is_first(self, turn: Turn, identifier: bytes, marks: Iterable[bytes] = ()) -> bool:
        """Whether this span was not built yet, and neither its turn nor itself told under its marks."""
        session = turn.session.id
        known = self._built.get(session)
        if known is None:
            known = self._built[session] = _Built(session_mark(NPM, session))
        if identifier in known.spans or identifier in known.before:
            return False
        if len(known.spans) >= _MOST_BUILT:
            known.before, known.spans = known.spans, set()
        known.spans.add(identifier)
        if self._seen(identifier):
            return False
        if self._told((known.mark,)) and self._told((*_marks_of_turn(turn), *marks)):
            self.left_out.append(identifier)
            return False
        return True

    def is_first_call(self, turn: Turn, message: str, identifier: bytes) -> bool:
        """The same for a model call, by the message it wrote."""
        return self.is_first(turn, identifier, (message_mark(NPM, turn.session.id, each) for each in (message,)))

    def is_first_tool(self, turn: Turn, tool: ToolFact, identifier: bytes) -> bool:
        """The same for a tool call; one that is first leaves its mark."""
        session, at = turn.session.id, tool.start
        if not self.is_first(turn, identifier, call_marks_near(NPM, session, tool.call, at) if at is not None else ()):
            return False
        if at is not None:
            self.marks.append(call_mark(EVENTS, session, tool.call, at))
        return True

    def is_first_root(self, turn: Turn, identifier: bytes) -> bool:
        """The same for a turn itself; one that is first leaves the marks of its prompts."""
        if not self.is_first(turn, identifier):
            return False
        self.marks += [turn_mark(EVENTS, turn.session.id, each.created) for each in (*turn.queued, *turn.users)]
        return True

    def forget(self, session: str) -> None:
        self._built.pop(session, None)


def _marks_of_turn(turn: Turn) -> Iterator[bytes]:
    """What the npm plugin left where it told the whole turn."""
    for prompt in (*turn.queued, *turn.users):
        yield from turns_of_npm_from(turn.session.id, prompt.created)
