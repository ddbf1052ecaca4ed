"""Kept events to sealed spans, in one thread: fed with what the door kept, replayed after a restart.

Facts stay in the inbox until their turn is over. Spans, the memory of which were made, and the end of what is no
longer needed are one transaction: whatever stops the process, a turn is told whole, and once.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import orjson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pydantic import ValidationError

from collector.assemble.assembler import Assembler, FinishedTurn
from collector.assemble.facts import AnyFact, SessionFact, from_bytes
from collector.assemble.fold.turns import Patience
from collector.assemble.spans.otlp import BuiltSpan, shared_request
from collector.batch import Passages, SealedBatch, Signal
from collector.errors import CollectorError
from collector.store import Inbox
from collector.store.entries import EndedTurn, Refusal, Superseded

logger = logging.getLogger(__name__)

TOLD_BY_NPM = "told by OpenCode's npm plugin before its events"
_LOOK_SECONDS = 0.2
_LOOK_PAUSE, _MOST_LOOK_PAUSE_S = 4, 1.0
"""Times what a look took, and at most: looking at all sessions at work is to leave the thread to what comes in."""
_ACTIVE_SECONDS = 1.0
_RETRY_SECONDS = 2.0
_CLAIM_SECONDS = 1.0
_FACT_BYTES = 500
"""What a fact that waits to be learnt takes beside its text."""
_MOST_AHEAD, _LET_LEAVE_SECONDS = 200, 1.5
"""Turns of a session, and how long they are waited for: a little longer than a turn that is over is."""
_MOST_BATCH_BYTES = 256 * 1024
"""Of the spans sealed and written at once: on the way there are several copies of them; a larger span goes alone."""


class ReadableFact(Protocol):
    """A fact that is on disk; what came sealed from another process is read when it is asked for."""

    @property
    def data(self) -> bytes: ...
    @property
    def fact(self) -> AnyFact: ...


class Assembling:
    """Assembles turns until stopped.

    In its thread `kept` is told of each batch once it is on disk, and `changed` when other turns are open than before.
    """

    def __init__(
        self,
        inbox: Inbox,
        seal: Callable[[ExportTraceServiceRequest, Passages], SealedBatch],
        again: Callable[[SealedBatch], SealedBatch],
        kept: Callable[[SealedBatch], None],
        *,
        service: str,
        metadata: Mapping[str, Any],
        quiet_seconds: float,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._inbox = inbox
        self._seal = seal
        self._again = again
        self._kept = kept
        self._service = service
        self._patience = Patience(died=int(quiet_seconds * 1000))
        self._metadata = metadata
        self._assembler = self._new()
        self._copied = 0
        self._told_by_npm = 0
        self._queue: queue.SimpleQueue[tuple[Sequence[ReadableFact], bool] | None] = queue.SimpleQueue()
        """Facts, and whether who tells them can wait."""
        self._can_wait: set[str] = set()
        """Sessions of such facts, of which turns have not left."""
        self._turns_ahead = 0
        self._taken_bytes = self._learnt_bytes = 0
        """Each is counted in one thread: what was put into the queue, and what was taken out."""
        self._stopping = threading.Event()
        self._term = 0
        self._look_at = 0.0
        self._is_looked = True
        self._changed = changed
        self._open: list[dict[str, Any]] = []
        self._thread = threading.Thread(target=self._run, name="assembling", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Write what is due and stop; the rest is assembled after the next start."""
        if self._thread.is_alive():
            self._stopping.set()
            self._queue.put(None)
            self._thread.join(timeout=5)

    def take(self, facts: Sequence[ReadableFact], *, can_wait: bool = False) -> None:
        """Facts that are on disk now; where another collector assembles, it finds them there.

        Who `can_wait` is to ask `turns_ahead` before more is told.
        """
        if facts and self._term:
            self._taken_bytes += _size(facts)
            self._queue.put((facts, can_wait))

    def waiting_bytes(self) -> int:
        """Of facts that were taken and are not learnt yet."""
        return self._taken_bytes - self._learnt_bytes

    def turns_ahead(self) -> int:
        """Turns that were learnt from those who can wait, and have not left."""
        return self._turns_ahead

    def open_turns(self) -> list[dict[str, Any]]:
        """Turns that are not over: session, opening message, when it was made (ms), what is asked, which tools run."""
        return self._open

    def copied(self) -> int:
        """Messages that forks took over from other sessions, which have spans there; since the start."""
        return self._copied + self._assembler.copied

    def told_by_npm(self) -> int:
        """Spans left out because the npm plugin told the same before; since the start."""
        return self._told_by_npm

    def _new(self) -> Assembler:
        inbox = self._inbox
        return Assembler(
            self._service, self._metadata, patience=self._patience, seen=inbox.was_built, told=inbox.any_built
        )

    # ---- the thread

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._term = self._inbox.claim()
                if not self._term:
                    self._stopping.wait(_CLAIM_SECONDS)
                    continue
                self._replay()
                self._loop()
            except Superseded:
                logger.info("assembling left to whichever collector is first")
                self._begin_anew()
            except CollectorError as error:
                logger.warning("assembling waits: %s", error)
                self._begin_anew()
                self._stopping.wait(_RETRY_SECONDS)
            except Exception as error:
                # What was heard is on disk: start again from there.
                logger.error("assembling stopped (%s); starting it again", type(error).__name__)
                self._begin_anew()
                self._stopping.wait(_RETRY_SECONDS)

    def _begin_anew(self) -> None:
        """Forget what is in memory, and what was to be read next: all of it is on disk."""
        self._term = 0
        self._copied += self._assembler.copied
        self._assembler = self._new()
        self._can_wait.clear()
        self._turns_ahead = 0
        with contextlib.suppress(queue.Empty):
            while True:
                self._learnt_bytes += _size((self._queue.get_nowait() or ((), False))[0])

    def _replay(self) -> None:
        """What was kept of turns that were not over when the process ended."""
        for session in self._inbox.sessions():
            for data in self._inbox.facts(session):
                self._learn_kept(data)

    def _learn_kept(self, data: bytes) -> None:
        with contextlib.suppress(ValidationError):  # of another version
            self._learn(from_bytes(data))

    def _loop(self) -> None:
        while True:
            if self._inbox.claim() != self._term:
                raise Superseded("the claim was lost")
            for data in self._inbox.arrived():
                self._learn_kept(data)
            try:
                taken = self._queue.get(timeout=self._pause())
            except queue.Empty:
                taken = [], False
            if taken is None:
                self._look(ahead=self._patience.settle)  # what is done need not wait for the next start
                return
            facts, can_wait = taken
            if can_wait:
                self._can_wait.update([kept.fact.session for kept in facts])
            for kept in facts:
                self._learn(kept.fact)
            if facts:
                self._let_leave(facts[-1].fact.session)
            self._count_ahead()
            self._learnt_bytes += _size(facts)
            began = time.monotonic()
            self._is_looked = began >= self._look_at
            if self._is_looked:
                self._look()
                now = time.monotonic()
                self._look_at = now + min(_LOOK_PAUSE * (now - began), _MOST_LOOK_PAUSE_S)

    def _count_ahead(self) -> None:
        ahead = {session: self._assembler.turns_ahead(session) for session in self._can_wait}
        self._can_wait = {session for session, turns in ahead.items() if turns}
        self._turns_ahead = sum(ahead.values())

    def _let_leave(self, session: str) -> None:
        """An import tells turns faster than they are written: let some leave before more of them are learned."""
        until = time.monotonic() + _LET_LEAVE_SECONDS
        while (
            self._assembler.turns_ahead(session) > _MOST_AHEAD
            and time.monotonic() < until
            and not self._stopping.wait(_LOOK_SECONDS)
        ):
            self._look()

    def _pause(self) -> float:
        """Seconds until it is worth looking again though no fact comes."""
        if not self._is_looked:
            return max(self._look_at - time.monotonic(), 0.0)
        if self._open:
            return _LOOK_SECONDS
        return self._inbox.idle_seconds if self._assembler.is_idle else _ACTIVE_SECONDS

    def _learn(self, fact: AnyFact) -> None:
        if fact.session:
            self._recall(fact.session)
        self._assembler.learn(fact, _now())
        if isinstance(fact, SessionFact) and fact.parent:
            self._recall(fact.parent)

    def _recall(self, session: str) -> None:
        """What was remembered of a session that is not at hand."""
        if session not in self._assembler.sessions:
            memory = self._inbox.memory(session)
            if memory is not None:
                self._assembler.recall(session, orjson.loads(memory))

    def _look(self, ahead: int = 0) -> None:
        part: list[BuiltSpan] = []
        size = 0
        for made in self._assembler.due(_now() + ahead):
            length = made.size()
            if part and size + length > _MOST_BATCH_BYTES:
                if not self._write(part):
                    return
                part, size = [], 0
            part.append(made)
            size += length
            if size > _MOST_BATCH_BYTES:  # gone before the next is built: two of them are never held
                if not self._write(part):
                    return
                part, size = [], 0
        self._write(part)
        self._count_ahead()
        opened = [
            {
                "session_id": turn.session,
                "message_id": turn.message,
                "since_ms": turn.since,
                "waiting": turn.waiting,
                "waiting_since_ms": turn.waiting_since,
                "running": turn.running,
                "under_way": [{"kind": it.kind, "name": it.name, "since_ms": it.since} for it in turn.under_way],
            }
            for turn in self._assembler.open_turns()
        ]
        if opened != self._open:
            self._open = opened
            self._changed()

    def _write(self, part: list[BuiltSpan]) -> bool:
        """Write spans, and the end of the turns of which none is still to come; False when told to stop meanwhile."""
        finished, self._assembler.finished = self._assembler.finished, []
        once = self._assembler.once
        left_out, once.left_out = once.left_out, []
        marks, once.marks = once.marks, []
        if not (part or finished or left_out):
            return True
        ids = [*(made.span.span_id for made in part), *left_out, *marks]
        return self._keep(part, ids, [self._ended(turn) for turn in finished], len(left_out))

    def _keep(self, part: list[BuiltSpan], ids: list[bytes], ended: list[EndedTurn], left_out: int) -> bool:
        """Seal and write, again while the store cannot, or the policy changed; False when told to stop meanwhile."""
        refusal = Refusal(Signal.TRACES, {TOLD_BY_NPM: left_out} if left_out else {})
        batch = self._seal(*shared_request(part)) if part else None
        while True:
            try:
                self._inbox.keep_spans(batch, ids, ended, refusal).result()
            except Superseded:
                raise
            except CollectorError as error:
                logger.warning("assembled spans wait: %s", error)
                if self._stopping.wait(_RETRY_SECONDS):
                    return False
                batch = self._again(batch) if batch is not None else None
                continue
            self._told_by_npm += left_out
            if batch is not None:
                self._kept(batch)
            return True

    def _ended(self, turn: FinishedTurn) -> EndedTurn:
        return EndedTurn(
            turn.session,
            turn.messages,
            turn.until,
            self._assembler.open_messages(turn.session),
            orjson.dumps(self._assembler.remember(turn.session)),
        )


def _size(facts: Sequence[ReadableFact]) -> int:
    return sum(len(fact.data) for fact in facts) + len(facts) * _FACT_BYTES


def _now() -> int:
    return time.monotonic_ns() // 1_000_000
