"""What the running process says of itself, put together from those who know."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from collector import __version__
from collector.app.forwarding_task import ForwardingTask
from collector.app.http_protocol import ConnectionLimit
from collector.app.policy_switch import PolicySwitch, Sealers
from collector.app.reload import Reload
from collector.app.workers import Workers
from collector.batch import Signal
from collector.pipeline.events import IntakeResult
from collector.pipeline.otlp import Processed
from collector.pipeline.sift import TWICE
from collector.receive.opencode import OpenCodeReceiver
from collector.settings.forwarding import ForwardingSettings
from collector.store import Reading, Store
from collector.viewer.status import Status, TeamStatus


@dataclass(slots=True)
class Tallies:
    """What was counted since the start: values redacted by rule, action and signal; spans left as they came; spans of
    the npm plugin that were left out because events told the same before."""

    redactions: Counter[tuple[str, str, Signal]] = field(default_factory=Counter)
    not_reshaped: Counter[str] = field(default_factory=Counter)
    told_twice: int = 0

    def add_request(self, signal: Signal, processed: Processed) -> None:
        held = processed.held.batch if processed.held is not None else None
        for batch in (processed.batch, held):
            for (rule, action), times in batch.actions.items() if batch is not None else ():
                self.redactions[rule, action, signal] += times
        self.not_reshaped.update(processed.failed)
        self.told_twice += processed.dropped.get(TWICE, 0)

    def add_events(self, result: IntakeResult) -> None:
        for (rule, action), times in result.actions.items():
            self.redactions[rule, action, Signal.TRACES] += times


class Answering(Protocol):
    """A receiver counts its answers by path or method, and by HTTP status or name of gRPC's status code."""

    @property
    def answers(self) -> Mapping[tuple[str, Any], int]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusSources:
    """Those who know what the status holds."""

    url: str
    grpc: str = ""
    data_dir: str
    notices: Sequence[str]
    settings: ForwardingSettings
    sealers: Sealers
    policy: PolicySwitch
    store: Store
    reader: Reading
    forwarding: ForwardingTask
    receivers: Sequence[Answering]
    events: OpenCodeReceiver
    open_turns: Callable[[], list[dict[str, Any]]]
    copied: Callable[[], int]
    told_by_npm: Callable[[], int]
    tallies: Tallies
    connections: ConnectionLimit
    reload: Reload
    teams: Callable[[], list[TeamStatus]]
    workers: Workers


def status_of(sources: StatusSources) -> Status:
    """The status now; reads the ledger, so it is not for the event loop."""
    in_force = sources.sealers.in_force
    policy = in_force.policy
    destination = sources.settings.destination
    return Status(
        running=True,
        version=__version__,
        url=sources.url,
        grpc=sources.grpc,
        data_dir=sources.data_dir,
        content=policy.mode,
        forwarding={
            "reason": sources.settings.reason,
            "endpoint": destination.urls[Signal.TRACES] if destination else "",
            "signals": list(destination.signals) if destination else [],
            "last": {str(signal): last for signal, last in sources.forwarding.last.items()},
            "destinations": sources.forwarding.by_destination,
        },
        ledger=sources.reader.ledger(),
        store=sources.store.sizes,
        answers=_answers(sources.receivers),
        redactions=_by_rule(sources.tallies.redactions),
        redacted=[
            {"rule": rule, "action": action, "signal": str(signal), "count": times}
            for (rule, action, signal), times in sorted(sources.tallies.redactions.items())
        ],
        policy={
            "name": policy.name,
            "revision": policy.revision,
            "fingerprint": policy.fingerprint(),
            "mode": policy.mode,
            "engine": sources.sealers.engine_name,
            "blocked": in_force.blocked,
            "sources": list(in_force.sources),
        },
        notices=[
            *sources.notices,
            *sources.policy.notices,
            *sources.store.notices,
            *sources.forwarding.notices,
            *sources.reload.notices,
            *sources.workers.notices,
            *_refused(sources.connections),
            *_told_twice(sources.tallies.told_twice, sources.told_by_npm()),
        ],
        teams=sources.teams(),
        workers={"wanted": sources.workers.most, "running": sources.workers.running, "ended": sources.workers.ended},
        not_reshaped=dict(sources.tallies.not_reshaped),
        opencode={
            "accepted": sources.events.counts["accepted"],
            "rejected": sources.events.counts["rejected"],
            "unknown": sources.store.inbox.unknown(),
            "open_turns": sources.open_turns(),
            "copied": sources.copied(),
            "told_twice": {"npm": sources.tallies.told_twice, "events": sources.told_by_npm()},
            "inbox_bytes": sources.store.inbox.size,
        },
    )


def _refused(connections: ConnectionLimit) -> list[str]:
    if not connections.refused:
        return []
    return [
        f"{connections.refused} connections were refused: {connections.most} may be open (COLLECTOR_MAX_CONNECTIONS)"
    ]


def _told_twice(npm: int, events: int) -> list[str]:
    """Both counted and said: what came later of a turn is left out."""
    found = []
    if npm:
        found.append(
            f"{npm} spans of OpenCode's npm plugin were left out: events had told the same turns before."
            " Take it out with `collector opencode install --replace-npm`"
        )
    if events:
        found.append(
            f"{events} spans of OpenCode's events were left out: its npm plugin had told the same turns before"
        )
    return found


def _answers(receivers: Sequence[Answering]) -> dict[str, dict[str, int]]:
    answers: dict[str, dict[str, int]] = defaultdict(dict)
    for receiver in receivers:
        for (path, status), count in list(receiver.answers.items()):
            answers[path][str(status)] = count
    return dict(answers)


def _by_rule(redactions: Mapping[tuple[str, str, Signal], int]) -> dict[str, int]:
    by_rule: Counter[str] = Counter()
    for (rule, _, _), times in list(redactions.items()):
        by_rule[rule] += times
    return dict(by_rule)
