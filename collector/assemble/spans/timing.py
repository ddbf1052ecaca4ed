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
    """A request that failed, `number` as counted by OpenCode from 1."""

    number: int
    start: int
    end: int
    retry: RetryFact


@dataclass(frozen=True, slots=True)
class Timing:
    """The times of a step's last request; `first_token` only where the start is known exactly."""

    start: int
    end: int
    first_token: int | None
    request: RequestFact | None
    failed: tuple[Attempt, ...]


def timing(session: SessionState, step: SessionMessage) -> Timing:
    """The times of `step`."""
    since, until = step.created, session.next_step(step)
    end_known = step.info.completed or NEVER
    requests = [r for r in session.requests.facts if r.message == step.id] or [
        r
        for r in session.requests.between(since, min(until, end_known))
        if r.message is None and r.agent not in SIDE_CALLS
    ]
    starts = [r.at for r in requests] or [
        s.at for s in session.statuses.between(since, min(until, end_known)) if s.status == "busy"
    ]
    begun = step.part("start")
    sign = min((at for at in (begun.start if begun else None, step.first) if at is not None), default=None)
    failed, previous = _failed(session, step, min(until, end_known), starts)
    limit = NEVER if sign is None else sign
    known = [at for at in starts if previous <= at <= limit]
    start = known[-1] if known else previous if failed else since
    if starts and requests and not known and not failed:
        start = min(starts[0], limit)
    end = max(_end(step), start)
    first = sign if known and sign is not None and sign >= start else None
    request = next((r for r in reversed(requests) if r.at <= start), requests[-1] if requests else None)
    if request is not None and request.message is not None:
        request = _with_params(session, step, request)
    return Timing(start, end, first, request, failed)


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
    called = [tool.start for tool in step.tools.values() if tool.start is not None]
    spoken = [p.end for p in step.parts.values() if p.type in ("text", "reasoning") and p.end is not None]
    last = finish.end if finish and finish.end is not None else step.info.completed
    first_end = min((t.end for t in step.tools.values() if t.end is not None), default=NEVER)
    if step.info.streamed is not None and step.info.streamed < first_end:
        found = step.info.streamed
    elif called:
        found = max((start for start in called if start < first_end), default=min(called))
    elif spoken:
        found = max(spoken)
    else:
        found = last or step.first or step.created
    return int(min(found, last) if last else found)
