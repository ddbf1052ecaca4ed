"""When a model was at work for a step: request, first token, end, and the attempts that failed (pure).

The start is the hook that fires before each request (`chat.params`, or the start OpenCode 2 gives), else the last
busy status before the first token. The end is where the model stopped talking: tools run after it, or while it
still streams, and their time is theirs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from collector.assemble.facts import NEVER, SIDE_CALLS, RequestFact, RetryFact
from collector.assemble.fold.message import SessionMessage
from collector.assemble.fold.session import SessionState


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request beside the one that its step is about, `number` as counted by OpenCode from 1.

    It failed, as `retry` says, or was given up.
    """

    number: int
    start: int
    end: int
    retry: RetryFact | None


@dataclass(slots=True)
class Timing:
    """The times of the request that a step's answer came from: the last, or the one under way when its session was
    deleted, after which OpenCode can keep no answer and at times asks again.

    `first_token` is given only where the start is known exactly. `begun` is false where the step was cut while it
    waited for its next attempt.
    """

    start: int
    end: int
    first_token: int | None
    request: RequestFact | None
    number: int
    begun: bool
    others: tuple[Attempt, ...]


def timing(session: SessionState, step: SessionMessage) -> Timing:
    """The times of `step`."""
    known = (session.changes, session.gone_at)
    if step.timed[0] != known:
        step.timed = (known, _timing(session, step))
    found: Timing = step.timed[1]
    return found


def _timing(session: SessionState, step: SessionMessage) -> Timing:
    since, until = step.created, session.next_step(step)
    completed = step.info.completed or NEVER
    known_end = min(until, completed if completed >= since else NEVER)  # the clock may have been set back meanwhile
    requests = [r for r in session.requests.facts if r.message == step.id] or [
        r for r in session.requests.between(since, known_end) if r.message is None and r.agent not in SIDE_CALLS
    ]
    starts = [r.at for r in requests] or [
        s.at for s in session.statuses.between(since, known_end) if s.status == "busy"
    ]
    begun = step.part("start")
    sign = step.first
    if begun is not None and begun.start is not None:
        sign = begun.start if sign is None else min(sign, begun.start)
    failed, previous = _failed(session, step, known_end, starts)
    if failed and sign is not None and sign < previous:  # of an attempt that failed while it streamed
        sign = None
    limit = NEVER if sign is None else sign
    known = [at for at in starts if previous <= at <= limit]
    start = known[-1] if known else previous if failed else since
    if starts and requests and not known and not failed:
        start = min(starts[0], limit)
    has_begun = bool(known) or not failed or _was_answered(step, previous)
    number, others = len(failed) + 1, failed
    deleted = session.info.deleted
    if deleted is not None and failed and failed[-1].end > deleted:
        own = next(attempt for attempt in failed if attempt.end > deleted)
        again = next((at for at in starts if at >= failed[-1].end), None)
        if again is not None and (cut := _cut(session, again, until)) > again:
            others = (*failed, Attempt(number, again, cut, None))
        others = tuple(attempt for attempt in others if attempt is not own)
        number, start, has_begun = own.number, own.start, True
    end = max(_end(step), start)
    if end == start and not step.done:
        end = _cut(session, start, until)
    first = sign if known and sign is not None and sign >= start else None
    request = next((r for r in reversed(requests) if r.at <= start), requests[-1] if requests else None)
    if request is not None and request.message is not None:
        request = _with_params(session, step, request)
    return Timing(start, end, first, request, number, has_begun, others)


def _cut(session: SessionState, start: int, until: int) -> int:
    """When a call that had come to nothing was cut off; its start, where nothing tells."""
    idle = [status.at for status in session.statuses.between(start, until) if status.status != "busy"]
    known = [at for at in (session.info.deleted, session.gone_at, *idle) if at is not None and start <= at < until]
    return min(known, default=start)


def _was_answered(step: SessionMessage, since: int) -> bool:
    """Whether anything says that a model answered after `since`."""
    moments = [step.first, *(at for part in step.parts.values() for at in (part.start, part.end))]
    return step.info.finish is not None or any(moment is not None and moment >= since for moment in moments)


def _with_params(session: SessionState, step: SessionMessage, request: RequestFact) -> RequestFact:
    """The start of a step in OpenCode 2, with the parameters the hook before it showed; retries call no hook again."""
    last = next((m for m in session.earlier_than(step) if m.role == "assistant"), None)
    shown = [
        fact
        for fact in session.requests.between(last.created if last else 0, step.created + 1)
        if fact.message is None and fact.agent not in SIDE_CALLS
    ]
    return replace(request, params=shown[-1].params) if shown else request


def _failed(
    session: SessionState, step: SessionMessage, until: int, starts: list[int]
) -> tuple[tuple[Attempt, ...], int]:
    """The attempts that failed, and when the last of them did (or the step was made)."""
    retries: dict[int, RetryFact] = {}
    if not session.retries.facts:
        return (), min([step.created, *starts])
    for retry in session.retries.facts:
        if retry.message == step.id or (retry.message is None and step.created <= retry.at < until):
            retries.setdefault(retry.attempt, retry)
    previous, failed = min([step.created, *starts]), []
    for number, retry in sorted(retries.items()):
        known = [at for at in starts if previous <= at <= retry.at]
        failed.append(Attempt(number, known[-1] if known else min(previous, retry.at), retry.at, retry))
        previous = retry.at
    return tuple(failed), previous


def _end(step: SessionMessage) -> int:
    """Where the model stopped talking.

    A tool may have run, and ended, while the model still wrote the call of the next: its time is its own.
    """
    finish = step.part("finish")
    called, first_end = [], NEVER
    for tool in step.tools.values():
        if tool.start is not None:
            called.append(tool.start)
        if tool.end is not None and tool.end < first_end:
            first_end = tool.end
    last = finish.end if finish and finish.end is not None else step.info.completed
    if step.info.streamed is not None and step.info.streamed < first_end:
        found = step.info.streamed
    elif called:
        found = max((start for start in called if start < first_end), default=min(called))
    else:
        spoken = [p.end for p in step.parts.values() if p.end is not None and p.type in ("text", "reasoning")]
        found = max(spoken, default=last or step.first or step.created)
    return int(min(found, last) if last else found)
