"""Which messages make a turn, and when a turn is over (pure).

A user message opens a turn; a step belongs to the turn of its parent, or of the prompt last delivered. The
mark of an automatic compaction, and the message with which the agent then resumes, stay in the turn they
interrupted; so does the message with which the agent goes on after a command run as a subtask. A compaction asked
for by hand, and the message that wakes the parent of a background subagent, are turns of their own. Prompts that were
queued, or given without asking for an answer, belong to the turn of the prompt that was answered.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise

from collector.assemble.facts import NEVER, SIDE_CALLS, RequestFact
from collector.assemble.fold.message import SessionMessage
from collector.assemble.fold.session import SessionState
from collector.assemble.fold.title_usage import title_usages

_RESUMED_WITHIN_MS = 1000
_LONGEST_PAUSE_MS = 86_400_000


@dataclass(slots=True)
class Turn:
    """The user messages of a turn (`users[0]` opened it) and its steps, in the order they were made."""

    session: SessionState
    users: list[SessionMessage]
    steps: list[SessionMessage] = field(default_factory=list)
    queued: list[SessionMessage] = field(default_factory=list)
    """Prompts before it that got no answer of their own."""
    is_first: bool = False
    """No other turn of the session was before it."""
    since: int = 0
    """Since when what happens in the session belongs to it: of the first turn whatever the clock said before."""
    until: int = NEVER
    """When the next turn of the session begins, by its clock."""
    following: int | None = None
    """The start of the turn that followed."""
    is_left: bool = False
    """The agent answers a turn that followed: a prompt alone may wait until this one is over."""
    late: bool = False
    """The turn is over and its spans are out; these steps of it were heard of afterwards."""

    @property
    def opener(self) -> SessionMessage:
        return self.users[0]

    @property
    def start(self) -> int:
        return self.opener.created

    @property
    def is_overtaken(self) -> bool:
        return self.following is not None or self.late

    def holds(self, at: int) -> bool:
        return self.since <= at < self.until


class Ending(Enum):
    """How far a turn is: it goes on, it is over, or its agent died."""

    OPEN = "open"
    OVER = "over"
    DIED = "died"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in ms of the caller's clock, since a session was last heard of."""

    settle: int = 1000
    """before the span of a step or tool call that is done leaves, or a turn whose agent is idle"""
    unsaid: int = 5000
    """before a turn is over where nothing says that the agent is idle (history, exports)"""
    late: int = 10_000
    """before an idle agent's unfinished step is given up"""
    died: int = 600_000
    """before a turn whose agent says nothing more is given up, beside what it said it would wait"""


def turns(session: SessionState) -> list[Turn]:
    """The turns of `session` that are not over yet, oldest first."""
    _open_for_parents(session)
    found: list[Turn] = []
    previous = _last_finished(session)
    for message in sorted(session.opened.values(), key=_by_time):
        if message.info.delivered is False:
            continue
        if found and _continues(session, message, found[-1].users[-1]):
            found[-1].users.append(message)
        elif not found and previous is not None and _continues(session, message, previous):
            found.append(Turn(session, [previous, message]))
        else:
            found.append(Turn(session, [message]))
    for turn, following in pairwise(found):
        turn.following = following.start
    _place_steps(session, found)
    is_answered = False
    for turn in reversed(found):
        turn.is_left = is_answered or turn.late
        is_answered = is_answered or (bool(turn.steps) and not turn.late)
    found = _with_queued(found)
    _bound(session, found)
    _open_for_titles(session, found)
    return found


def _bound(session: SessionState, found: list[Turn]) -> None:
    """What has no message belongs to the turn that began last before it, by the clock."""
    starts = {turn.start for turn in found}
    if starts and session.latest_start > min(starts):
        starts.update(session.finished.values())
    ordered = sorted(starts)
    for turn in found:
        turn.is_first = turn is found[0] and not session.finished
        turn.since = 0 if turn.is_first else turn.start
        turn.until = next(iter(ordered[bisect_right(ordered, turn.start) :]), NEVER)


def _with_queued(found: list[Turn]) -> list[Turn]:
    """The turns; a prompt that got no answer of its own stands in the turn of the next, which was answered with it."""
    if len(found) < 2:
        return found
    kept: list[Turn] = []
    queued: list[SessionMessage] = []
    for turn in found:
        if turn.following is not None and not turn.steps and _is_plain(turn):
            queued += turn.users
            continue
        if not turn.late:
            turn.queued, queued = queued, []
        kept.append(turn)
    return kept


def _is_plain(turn: Turn) -> bool:
    """Whether a turn without steps is just a prompt of OpenCode 1: nothing went wrong with it.

    One that says nothing was told of before: what is heard is what its turn changed.
    """
    until = max(turn.following or NEVER, turn.start)
    return all(
        user.info.delivered is None and user.parts and user.part("compaction") is None for user in turn.users
    ) and not turn.session.failures.between(turn.start, until)


def turn_of(session: SessionState, step: SessionMessage) -> str:
    """The id of the user message that opened the turn of `step`, also of a turn that is over."""
    for turn in turns(session):
        if step in turn.steps:
            return turn.opener.id
    if step.id in session.owners:
        return session.owners[step.id]
    parent: str | None = step.info.parent
    if parent is not None:
        return session.owners.get(parent, parent)
    earlier = [m for m, created in session.finished.items() if created <= step.created]
    return max(earlier, key=lambda m: session.finished[m]) if earlier else step.id


def ending(turn: Turn, now: int, patience: Patience) -> Ending:
    """Whether `turn` is over at `now`."""
    session = turn.session
    overtaken = turn.is_overtaken
    heard = max(message.heard for message in (*turn.users, *turn.steps)) if overtaken else session.heard
    quiet = now - heard
    if quiet < patience.settle:
        return Ending.OPEN
    if quiet < patience.late and _awaits_title(turn):
        return Ending.OPEN
    open_steps = [step for step in turn.steps if not step.done or any(step.running_tools())]
    is_gone = session.info.deleted is not None or session.gone_at is not None
    if open_steps and quiet < min(patience.late, patience.died) and not is_gone:
        return Ending.OPEN
    said = _idle_after(turn)
    if not open_steps:
        if said or (turn.is_left and turn.steps):
            return Ending.OVER
        if turn.steps and quiet >= patience.unsaid and (_is_final(turn) or (session.is_idle and not overtaken)):
            return Ending.OVER
    elif (said or turn.is_left) and quiet >= patience.late:
        return Ending.OVER if said else Ending.DIED
    if session.info.deleted is not None:
        return Ending.DIED if open_steps or not turn.steps else Ending.OVER
    if session.gone_at is not None and session.gone_at >= turn.start and quiet >= patience.unsaid:
        return Ending.DIED
    return Ending.DIED if quiet >= patience.died + _pause(turn) else Ending.OPEN


def _pause(turn: Turn) -> int:
    """How long the agent said it will wait before it asks again: hours, where a limit of use is reached."""
    retries = turn.session.retries.between(turn.start, turn.until)
    return min(max(0, (retries[-1].next or 0) - retries[-1].at), _LONGEST_PAUSE_MS) if retries else 0


def _idle_after(turn: Turn) -> bool:
    """Whether the agent was said to be idle after the turn's last step began."""
    since = max([turn.users[-1].info.streamed or turn.users[-1].created, *(step.created for step in turn.steps)])
    until = turn.until if turn.is_left else NEVER
    return any(status.status != "busy" and status.at >= since for status in turn.session.statuses.between(since, until))


def _is_final(turn: Turn) -> bool:
    """Whether no step follows the last: the model stopped, or what it asked for was refused, or it gave the output.

    Where the agent said that it is busy, another may follow one that failed.
    """
    step = turn.steps[-1]
    if step.info.error_type is not None:
        last = turn.session.statuses.last(turn.until - 1)
        return last is None or last.status != "busy"
    return (
        step.info.finish not in (None, "tool-calls", "tool_use")
        or _is_by_hand(step)
        or step.info.structured is not None
        or any(tool.rejected for tool in step.tools.values())
    )


def _is_by_hand(step: SessionMessage) -> bool:
    """Whether a person ran a command: no model was asked, and no step follows."""
    return step.info.finish is None and step.info.parent is not None and bool(step.tools) and not step.parts


def _by_time(message: SessionMessage) -> tuple[int, str]:
    if message.role == "user" and message.info.streamed:
        return message.info.streamed, message.id
    return message.position


def _last_finished(session: SessionState) -> SessionMessage | None:
    return session.messages.get(session.latest[1]) if session.latest else None


def _open_for_parents(session: SessionState) -> None:
    """A step whose prompt was never heard of still has a turn: its parent's id is known."""
    for step in session.steps.values():
        parent = step.info.parent
        if parent is None or parent in session.opened or parent in session.owners:
            continue
        prompt = session.message(parent)
        session.guess_created(prompt, step.created)
        prompt.role = "user"
        session.opened[parent] = prompt


def _open_for_titles(session: SessionState, found: list[Turn]) -> None:
    """A title that was paid for after its turn was over, and before another began, is told with the turn that was."""
    if session.latest is None or not session.usages.facts:
        return
    for usage in title_usages(session):
        if usage.at >= session.latest[0] and usage.at not in session.title_usages_told:
            if not any(turn.holds(usage.at) for turn in found):
                until = min((turn.start for turn in found), default=NEVER)
                opener = session.message(session.latest[1])
                found.insert(0, Turn(session, [opener], since=opener.created, until=until, late=True))
            return


def title_requests(turn: Turn) -> list[RequestFact]:
    """The requests for titles in `turn`; of the first they are made beside its first step, whatever the clock says."""
    session, until = turn.session, turn.until
    if turn.is_first:
        done = turn.steps[0].info.completed if turn.steps else None
        until = NEVER if session.is_displaced else max(until, done or 0)
    found: list[RequestFact] = session.requests.between(turn.since, until)
    return [
        r for r in found if r.agent in SIDE_CALLS and session.titles_asked.get(r.key, turn.opener.id) == turn.opener.id
    ]


def _awaits_title(turn: Turn) -> bool:
    """A title was asked for, and OpenCode 2, which says what it used, has not said so yet."""
    session = turn.session
    if not session.usages.facts:
        return False
    asked = [request.at for request in title_requests(turn)]
    return bool(asked) and not any(usage.at >= asked[-1] for usage in title_usages(session))


def _continues(session: SessionState, message: SessionMessage, previous: SessionMessage) -> bool:
    """Whether `message` goes on with the turn of the user message before it."""
    mark = message.part("compaction")
    if mark is not None:
        return mark.auto is True
    if message.info.manual:
        return _was_busy(session, message)
    spoken = [part for part in message.parts.values() if part.type == "text"]
    if any(part.resumes for part in spoken):
        return True
    synthetic = bool(spoken) and all(part.synthetic for part in spoken)
    if synthetic and previous.part("subtask") is not None:
        return True
    if message.info.delivered is not None:
        return synthetic and _was_busy(session, message)
    before = previous.part("compaction")
    if before is None or before.auto is not True:
        return False
    if synthetic:
        return True
    summary = [s.info.completed for s in session.messages.values() if s.info.parent == previous.id and s.info.completed]
    return bool(before.overflow and summary and 0 <= message.created - max(summary) <= _RESUMED_WITHIN_MS)


def _was_busy(session: SessionState, message: SessionMessage) -> bool:
    last = session.statuses.last(message.info.queued or message.created)
    return last is not None and last.status == "busy"


def _place_steps(session: SessionState, found: list[Turn]) -> None:
    by_user = {user.id: turn for turn in found for user in turn.users}
    for step in sorted(session.steps.values(), key=_by_time):
        parent = step.info.parent
        turn = by_user.get(parent) if parent is not None else None
        if parent is None and step.id not in session.owners:
            turn = _delivered_before(found, step)
        owner = session.owners.get(step.id) or session.owners.get(parent or "")
        if turn is None and owner is not None:
            turn = by_user.get(owner)
            if turn is None:
                turn = by_user[owner] = Turn(session, [session.message(owner)], late=True)
                found.append(turn)
        if turn is None and parent is None and not session.finished and not found:
            turn = Turn(session, [step])
            found.append(turn)
            by_user[step.id] = turn
        if turn is not None:
            turn.steps.append(step)


def _delivered_before(found: list[Turn], step: SessionMessage) -> Turn | None:
    earlier = [turn for turn in found if _by_time(turn.users[0])[0] <= step.created]
    return earlier[-1] if earlier else (found[0] if found else None)


def finished_of(turn: Turn) -> Iterator[str]:
    """The ids of all messages of a turn."""
    yield from (user.id for user in (*turn.queued, *turn.users))
    yield from (step.id for step in turn.steps)
