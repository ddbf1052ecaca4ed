"""`collector policy replay`: what another policy would mask more, or less, of what is kept or of files."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from collector.batch import ExportRequest, Signal
from collector.cli.client import open_reader
from collector.cli.preview import Form, event_batch, new_otlp_preview
from collector.cli.show import print_json, print_table
from collector.enforce.in_force import InForce
from collector.opencode.importing import since as oldest_ms
from collector.redact.seal import Sealer
from collector.settings.sources import Loaded
from collector.store.entries import SessionQuery

_MOST_SESSIONS = 10_000
_NO_SESSION = "(none)"
_RULE = "redaction.rule."
_SESSION = "session.id"


class FailOn(StrEnum):
    """Which difference makes the exit code 1."""

    LESS = "less"
    MORE = "more"
    ANY = "any"
    NEVER = "never"


@dataclass(slots=True)
class Difference:
    """How many findings one policy has that the other has not, by rule and by session."""

    more_by_rule: Counter[str] = field(default_factory=Counter)
    less_by_rule: Counter[str] = field(default_factory=Counter)
    more_by_session: Counter[str] = field(default_factory=Counter)
    less_by_session: Counter[str] = field(default_factory=Counter)
    items: int = 0

    def add(self, now: Counter[tuple[str, str]], then: Counter[tuple[str, str]]) -> None:
        """Count findings by session and rule under the policy in force and under the other."""
        for (session, rule), times in (then - now).items():
            self.more_by_rule[rule] += times
            self.more_by_session[session] += times
        for (session, rule), times in (now - then).items():
            self.less_by_rule[rule] += times
            self.less_by_session[session] += times

    def fails(self, on: FailOn) -> bool:
        more, less = bool(self.more_by_rule), bool(self.less_by_rule)
        return {FailOn.LESS: less, FailOn.MORE: more, FailOn.ANY: more or less, FailOn.NEVER: False}[on]


def replay_kept(loaded: Loaded, other: InForce, since: str) -> Difference:
    """Seal again what the store keeps: it is sealed already, so another policy can only mask more of it."""
    sealer = other.sealer()
    found = Difference()
    reader = open_reader(loaded.settings)
    try:
        query = SessionQuery(since_ns=oldest_ms(since) * 1_000_000 if since else 0, limit=_MOST_SESSIONS)
        for session in reader.sessions(query):
            for request in reader.requests(session_id=session.session_id):
                _seal_again(found, sealer, Signal.TRACES, request, session.session_id)
        for signal in (Signal.LOGS, Signal.METRICS):
            for kept in reader.newest(signal, _MOST_SESSIONS):
                _seal_again(found, sealer, signal, kept, _NO_SESSION)
    finally:
        reader.close()
    return found


def _seal_again(found: Difference, sealer: Sealer, signal: Signal, request: ExportRequest, session: str) -> None:
    batch = sealer.reseal(signal, request.SerializeToString())
    found.items += batch.items
    found.add(Counter(), Counter({(session, rule): times for rule, times in batch.findings.items()}))


def replay_files(loaded: Loaded, now: InForce, other: InForce, files: Iterable[Path], form: Form) -> Difference:
    """Take files, which are raw, through the whole pipeline under both policies."""
    found = Difference()
    for file in files:
        before, items = _findings_in(loaded, now, file, form)
        after, _ = _findings_in(loaded, other, file, form)
        found.items += items
        found.add(before, after)
    return found


def _findings_in(loaded: Loaded, in_force: InForce, file: Path, form: Form) -> tuple[Counter[tuple[str, str]], int]:
    """Findings by session and rule; those that belong to no span are told under no session."""
    batches = []
    early: Counter[str] = Counter()
    if form is Form.OPENCODE:
        batch, early = event_batch(loaded.settings, in_force, file)
        batches.append(batch)
    else:
        preview = new_otlp_preview(loaded.settings, in_force, Signal.TRACES)
        preview.read(file)
        batches += preview.batches()
    found: Counter[tuple[str, str]] = Counter()
    for batch in batches:
        in_spans: Counter[str] = Counter()
        if batch.signal is Signal.TRACES:
            for session, rule, times in _reports(Signal.TRACES.request.FromString(batch.data)):
                found[session, rule] += times
                in_spans[rule] += times
        for rule, times in (Counter(batch.findings) - in_spans).items():
            found[_NO_SESSION, rule] += times
    for rule, times in early.items():
        found[_NO_SESSION, rule] += times
    return found, sum(batch.items for batch in batches)


def _reports(request: Any) -> Iterator[tuple[str, str, int]]:
    """What spans say of themselves: session, rule, how often."""
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                values = {pair.key: pair.value for pair in span.attributes}
                session = values[_SESSION].string_value if _SESSION in values else ""
                for key, value in values.items():
                    if key.startswith(_RULE):
                        yield session or _NO_SESSION, key.removeprefix(_RULE), value.int_value


def show(found: Difference, kept: bool, *, as_json: bool) -> None:
    """Print the difference."""
    if as_json:
        print_json(
            {
                "items": found.items,
                "kept": kept,
                "rules": _rows(found.more_by_rule, found.less_by_rule),
                "sessions": _rows(found.more_by_session, found.less_by_session),
            }
        )
        return
    if kept:
        print("what is kept is sealed already: another policy can only mask more of it", file=sys.stderr)
    for title, more, less in (
        ("rule", found.more_by_rule, found.less_by_rule),
        ("session", found.more_by_session, found.less_by_session),
    ):
        rows = _rows(more, less)
        if rows:
            print_table([title, "more", "less"], ([name, str(a), str(b)] for name, (a, b) in rows.items()), "")
    print(f"{found.items} items: {found.more_by_rule.total()} findings more, {found.less_by_rule.total()} less")


def _rows(more: Counter[str], less: Counter[str]) -> dict[str, list[int]]:
    names = sorted({*more, *less}, key=lambda name: (-more[name] - less[name], name))
    return {name: [more[name], less[name]] for name in names}
