"""The machine: facts in, spans out; the caller says the time (pure).

Rules, in the order they are applied to each session that something was heard of:

    a step or tool call that is done, and of which nothing new was heard for a moment   its span leaves
    a turn whose agent is idle and has nothing open, or that another turn followed      the rest leaves, AGENT last
    a turn of which nothing more is heard                                               the same, marked incomplete
    a span that was made once (here, or as `seen` says before)                          never again
    a turn, model call or tool call that the npm plugin told before                     left out, and counted
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from collector.assemble.facts import NEVER, AnyFact, CompactionFact, RequestFact, ShutdownFact
from collector.assemble.fold.activity import OpenTurn, is_at_work, open_turn
from collector.assemble.fold.copies import set_copies_aside
from collector.assemble.fold.doings import is_broken, says_anything
from collector.assemble.fold.forgetting import forget, recall, remember
from collector.assemble.fold.learning import learn
from collector.assemble.fold.message import SessionMessage
from collector.assemble.fold.numbering import number_of
from collector.assemble.fold.prompts import system_for
from collector.assemble.fold.session import SessionState
from collector.assemble.fold.title_usage import CallUsage, title_usages
from collector.assemble.fold.turns import Ending, Patience, Turn, ending, finished_of, title_requests, turns
from collector.assemble.ids import span_id
from collector.assemble.once import Once
from collector.assemble.spans.calls import CallSpans, is_call
from collector.assemble.spans.offered import offered
from collector.assemble.spans.otlp import BuiltSpan
from collector.assemble.spans.outcome import cut_at
from collector.assemble.spans.places import SpanPlace, SpanPlaces, link_of
from collector.assemble.spans.timing import timing
from collector.assemble.spans.turn import TurnSpans

_LOOK_EVERY_MS = 250
_FORGET_EVERY_MS = 1000
_MOST_IDLE_MESSAGES = 500


@dataclass(frozen=True, slots=True)
class FinishedTurn:
    """A turn that is over: its messages, and until when its session's other facts are no longer needed."""

    session: str
    messages: tuple[str, ...]
    until: int


class Assembler:
    """Folds facts into spans, for any number of sessions.

    `seen` says whether a span of that id was built before this assembler began, `told` whether the npm plugin left any
    of some marks: what it told is left out. `patience` says how long to wait for more.
    A session with no open turn is forgotten after `keep_idle_ms`, or sooner when more than `most_idle` are idle.
    """

    def __init__(
        self,
        service: str = "opencode",
        metadata: Mapping[str, Any] | None = None,
        *,
        patience: Patience | None = None,
        seen: Callable[[bytes], bool] = lambda _: False,
        told: Callable[[Collection[bytes]], bool] = lambda _: False,
        keep_idle_ms: int = 600_000,
        most_idle: int = 64,
    ) -> None:
        self._spans = TurnSpans(service, metadata or {})
        self._calls = CallSpans(service)
        self._patience = patience or Patience()
        self._keep_idle_ms = keep_idle_ms
        self._most_idle = most_idle
        self._next_look = self._next_forgetting = 0
        self._silent_since: int | None = None
        """When the session that is idle for longest was heard of; None where more may be idle since that was seen."""
        self._active: dict[str, None] = {}
        self._listed: dict[str, tuple[int, list[OpenTurn]]] = {}
        """The open turns of a session, and how much was known of it when they were listed."""
        self.sessions: dict[str, SessionState] = {}
        self._places = SpanPlaces(self.sessions, self._patience.unsaid)
        self.finished: list[FinishedTurn] = []
        """Turns that ended since the caller last emptied this."""
        self.once = Once(seen, told)
        self.copied = 0
        """Messages that forks took over from other sessions, which have spans there."""

    # ---- in

    def feed(self, fact: AnyFact, now: int) -> list[BuiltSpan]:
        """Take one fact in, heard at `now` (ms of any clock that does not go back); the spans that were due."""
        made = self.look(now) if now >= self._next_look else []
        self.learn(fact, now)
        return made

    def learn(self, fact: AnyFact, now: int) -> None:
        """Take one fact in without looking for what is due."""
        if isinstance(fact, ShutdownFact):
            _shut_down(self.sessions.values(), fact)
            return
        session = self.sessions.get(fact.session)
        if session is None:
            session = self.sessions[fact.session] = SessionState(fact.session)
            self._silent_since = None
        if learn(session, fact):
            session.heard = now
            session.changes += 1
            message = session.messages.get(getattr(fact, "message", None) or "")
            if message is not None:
                message.heard = now
            self._active[session.id] = None
        if not session.opened and (of := getattr(fact, "message", None)) in session.owners:
            session.told_again[of] = None
            self._active[session.id] = None

    def recall(self, session: str, memory: Mapping[str, Any]) -> None:
        """Take over what was remembered of a session, before anything of it is fed."""
        recall(self.sessions.setdefault(session, SessionState(session)), memory)
        self._silent_since = None

    def remember(self, session: str) -> dict[str, Any]:
        """What `recall` needs when the facts of its ended turns are gone."""
        found = self.sessions.get(session)
        return remember(found) if found else {}

    def open_messages(self, session: str) -> tuple[str, ...]:
        """The messages of turns of a session that are not over."""
        found = self.sessions.get(session)
        return (*found.opened, *found.steps) if found else ()

    def turns_ahead(self, session: str) -> int:
        """How many prompts of a session are known of which the turns may yet leave."""
        found = self.sessions.get(session)
        return len(found.opened) - len(found.given_up) if found else 0

    # ---- out

    def look(self, now: int) -> list[BuiltSpan]:
        """The spans that are due at `now`."""
        return list(self.due(now))

    def due(self, now: int) -> Iterator[BuiltSpan]:
        """The same one after the other: each holds its conversation, so that all together may be large.

        Nothing may be taken in before the last. `finished` holds no turn of which a span is still to come.
        """
        self._next_look = now + _LOOK_EVERY_MS
        quiet, silent = now - self._patience.settle, now - min(self._patience.unsaid, self._patience.late)
        for identifier in list(self._active):
            session = self.sessions[identifier]
            if is_at_work(session, quiet, silent):
                continue
            yield from self._session(session, now, closing=False)
            self._listed.pop(identifier, None)
            if not session.is_open:
                del self._active[identifier]
                session.encodings.clear()
                self.finished += _finished_again(session)
                self._silent_since = None
        if now >= self._next_forgetting:
            self._next_forgetting = now + _FORGET_EVERY_MS
            if self._silent_since is None or now - self._silent_since > self._keep_idle_ms:
                self._forget(now)

    def close(self) -> list[BuiltSpan]:
        """End every open turn: nothing more will come."""
        made: list[BuiltSpan] = []
        for identifier in sorted(self.sessions, key=lambda s: self._places.depth(self.sessions[s]), reverse=True):
            made += self._session(self.sessions[identifier], NEVER, closing=True)
        self._active.clear()
        self._listed.clear()
        return made

    @property
    def is_idle(self) -> bool:
        """Whether nothing becomes due while no fact comes."""
        return not self._active

    def open_turns(self) -> list[OpenTurn]:
        """Each turn that is not over; of a session that nothing new was heard of, as it was listed last."""
        found: list[OpenTurn] = []
        for identifier in self._active:
            session = self.sessions[identifier]
            changes, listed = self._listed.get(identifier, (-1, []))
            if changes != session.changes:
                listed = [
                    open_turn(turn)
                    for turn in turns(session)
                    if not turn.late and turn.opener.id not in session.given_up
                ]
                self._listed[identifier] = session.changes, listed
            found += listed
        return found

    # ---- one session

    def _session(self, session: SessionState, now: int, *, closing: bool) -> Iterator[BuiltSpan]:
        self.copied += set_copies_aside(session, self.sessions)
        found = turns(session)
        session.is_open = False
        for turn in found:
            if session.given_up.get(turn.opener.id) == session.changes:
                continue
            place = self._places.of(turn, now, closing)
            if place is None:
                session.is_open = True
                continue
            state = ending(turn, now, self._patience)
            if closing and state is Ending.DIED and not is_broken(turn):
                state = Ending.OVER
            over = state is not Ending.OPEN
            yield from self._children(turn, place, now, over=over)
            if over:
                is_known = says_anything(turn)
                if is_known:
                    yield from self._root(turn, found, place, incomplete=state is Ending.DIED)
                self._finish(turn, place, died=state is Ending.DIED or not is_known)
            else:
                session.is_open = True

    def _children(self, turn: Turn, place: SpanPlace, now: int, *, over: bool) -> Iterator[BuiltSpan]:
        quiet = now - self._patience.settle
        for index, step in enumerate(turn.steps):
            if step.written_version == step.version:
                continue
            for part in sorted(step.tools):
                tool = step.tools[part]
                settled = tool.status in ("completed", "error")
                if (over or (settled and step.heard <= quiet)) and self.once.is_first_tool(turn, tool, span_id(part)):
                    yield self._spans.tool(turn, step, tool, part, place, incomplete=not settled)
            if over or (step.done and step.heard <= quiet and not any(step.running_tools())):
                yield from self._step(turn, index, step, place)
                step.written_version = step.version
        if over:
            yield from self._titles(turn, place)
            yield from self._compactions(turn, place)

    def _step(self, turn: Turn, index: int, step: SessionMessage, place: SpanPlace) -> Iterator[BuiltSpan]:
        session = turn.session
        mark = next((user for user in turn.users if user.id == step.info.parent), None)
        compacts = mark is not None and step.is_compaction and (not mark.parts or mark.part("compaction") is not None)
        above = span_id(turn.opener.id)
        if compacts and mark is not None:
            above = span_id(mark.id, "compaction")
        times = timing(session, step)
        step.called = is_call(turn, step, times, self.sessions)
        if step.called:
            system = system_for(session, times.request)
            tools = offered(turn, step, times)
            for made in self._calls.step(turn, step, place, above, times, system, tools, incomplete=not step.done):
                if self.once.is_first_call(turn, step.id, made.span.span_id):
                    yield made
        if compacts and mark is not None and self.once.is_first(turn, above):
            yield self._spans.compaction(turn, mark, step, place)

    def _titles(self, turn: Turn, place: SpanPlace) -> Iterator[BuiltSpan]:
        session = turn.session
        requests = title_requests(turn)
        session.titles_asked |= dict.fromkeys((request.key for request in requests), turn.opener.id)
        used = [usage for usage in title_usages(session) if turn.holds(usage.at)]
        missing = max(0, len(used) - len(requests))
        calls: list[RequestFact | None] = [*requests, *[None] * missing]
        usages: list[CallUsage | None] = [*[None] * (len(calls) - len(used)), *used]
        for number, (request, usage) in enumerate(zip(calls, usages, strict=True), 1):
            if usage is not None:
                session.title_usages_told.add(usage.at)
            if not self.once.is_first(turn, span_id(turn.opener.id, "title", str(number))):
                continue
            start = request.at if request else turn.start
            titled = session.titled
            end = titled if titled is not None and start <= titled < turn.until else start
            yield self._calls.title(turn, place, number, start, end, request, system_for(session, request), usage)

    def _compactions(self, turn: Turn, place: SpanPlace) -> Iterator[BuiltSpan]:
        session = turn.session
        for user in turn.users:
            if user.part("compaction") and self.once.is_first(turn, span_id(user.id, "compaction")):
                yield self._spans.compaction(turn, user, None, place)
        begun: CompactionFact | None = None
        for fact in [*session.compactions.between(turn.start, turn.until), None]:
            if fact is not None and fact.started is None:
                if begun is not None:
                    yield from self._compacted(turn, begun, fact, place)
                    begun = None
                else:
                    yield from self._compacted(turn, fact, fact, place)
            else:
                if begun is not None:
                    yield from self._compacted(turn, begun, None, place)
                begun = fact

    def _compacted(
        self, turn: Turn, begun: CompactionFact, ended: CompactionFact | None, place: SpanPlace
    ) -> Iterator[BuiltSpan]:
        call = self._calls.compaction(turn, begun, ended, place)
        for made in (call, self._spans.compaction_fact(turn, begun, ended, place)):
            if self.once.is_first(turn, made.span.span_id):
                yield made

    def _root(self, turn: Turn, others: list[Turn], place: SpanPlace, *, incomplete: bool) -> Iterator[BuiltSpan]:
        session = turn.session
        identifier = span_id(turn.opener.id)
        if turn.late or not self.once.is_first_root(turn, identifier):
            return
        moments = [turn.start or NEVER]
        for step in turn.steps:
            times = timing(session, step)
            moments += [times.start, times.end, *([step.info.completed] if step.info.completed else [])]
            moments += [at for tool in step.tools.values() for at in (tool.start, tool.end) if at is not None]
        for fact in session.compactions.between(turn.start, turn.until):
            moments.append(fact.at)
        known = [moment for moment in moments if moment < NEVER] or [0]
        number = number_of(session, turn, others)
        yield self._spans.agent(turn, place, number, incomplete, (min(known), max(known)))

    def _finish(self, turn: Turn, place: SpanPlace, *, died: bool) -> None:
        session = turn.session
        until = max([turn.start, *(s.info.completed or 0 for s in turn.steps)])
        if turn.following is not None and turn.following > turn.start:
            until = turn.following
        self.finished.append(FinishedTurn(session.id, tuple(finished_of(turn)), until))
        _keep_links(session, turn, place, died=died)
        if died:  # another door may know the rest of it
            session.given_up[turn.opener.id] = session.changes
            return
        _close(session, turn, until)

    # ---- memory

    def _forget(self, now: int) -> None:
        """Let go of sessions that have nothing open, the longest silent first.

        One with a turn in `finished` stays: the caller is still to ask what is to be remembered of it.
        """
        active = self._active
        idle = [session for identifier, session in self.sessions.items() if identifier not in active]
        held = sum([len(session.messages) for session in idle])
        heard = min([session.heard for session in idle], default=now)
        if len(idle) <= self._most_idle and held <= _MOST_IDLE_MESSAGES and now - heard <= self._keep_idle_ms:
            self._silent_since = heard
            return
        needed = {self.sessions[a].parent for a in active} | {turn.session for turn in self.finished}
        for session in _excess(idle, held, needed, self._most_idle, now - self._keep_idle_ms):
            del self.sessions[session.id]
            session.loose.clear()  # its messages refer to it: without that, they go when garbage is looked for
            self.once.forget(session.id)


def _shut_down(sessions: Iterable[SessionState], fact: ShutdownFact) -> None:
    for session in sessions:
        if session.opened and (fact.directory is None or session.info.directory in (None, fact.directory)):
            session.gone_at = max(session.gone_at or 0, fact.at)


def _finished_again(session: SessionState) -> Iterator[FinishedTurn]:
    """What was told again of turns that are over is not needed either; the end of an open turn says so as well."""
    if session.told_again and not (session.opened or session.steps):
        yield FinishedTurn(session.id, tuple(session.told_again), session.over_until)
        session.told_again = {}


def _excess(
    idle: list[SessionState], held: int, needed: set[str | None], most: int, silent: int
) -> Iterator[SessionState]:
    """Those of idle sessions, which hold so many messages, to be let go of; none that is needed."""
    excess = len(idle) - most
    for index, session in enumerate(sorted(idle, key=lambda s: s.heard)):
        if session.id in needed:
            continue
        if index < excess or held > _MOST_IDLE_MESSAGES or session.heard < silent:
            held -= len(session.messages)
            yield session


def _keep_links(session: SessionState, turn: Turn, place: SpanPlace, *, died: bool) -> None:
    """Of the calls of `turn` that started sessions, keep where they stand in place of the calls."""
    for child, calls in list(session.children.items()):
        for part, (step, tool) in list(calls.items()):
            if step in turn.steps:
                link = link_of(step, tool, place.trace_id.hex(), cut_at(turn, step, tool))
                session.links.setdefault(child, []).append(link)
                if not died:
                    del calls[part]
        if not calls:
            del session.children[child]


def _close(session: SessionState, turn: Turn, until: int) -> None:
    """The turn is told whole: its messages are known as its own, and what only it needed is let go."""
    session.given_up.pop(turn.opener.id, None)
    for user in (*turn.queued, *turn.users):
        session.opened.pop(user.id, None)
        session.owners[user.id] = turn.opener.id
    session.opened.pop(turn.opener.id, None)
    session.finished.setdefault(turn.opener.id, turn.start)
    session.latest_start = max(session.latest_start, turn.start)
    session.over_until = max(session.over_until, until)
    if turn.opener.position[0] != turn.start:
        session.places[turn.opener.id] = turn.opener.position
    session.latest = max(session.latest or (0, ""), turn.opener.position)
    for step in turn.steps:
        session.steps.pop(step.id, None)
        step.timed = (None, None)
        session.owners[step.id] = turn.opener.id
    forget(session, [message.id for message in (*turn.queued, *turn.users, *turn.steps)], until)
