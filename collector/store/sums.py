"""What spans add to the sums of their traces and sessions, whichever engine keeps them (pure)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from collector.batch import SpanEntry

_OF_SESSION = ("title", "directory", "agent", "prompt", "failure")
COLUMNS = tuple(each.name for each in fields(SpanEntry) if each.name not in _OF_SESSION)
"""Columns of `spans` that an entry fills; what it says of its session stands in `sessions`."""


def rows_of(spans: Iterable[tuple[SpanEntry, int]]) -> list[tuple[Any, ...]]:
    """The rows of spans and their batches: `COLUMNS`, then the batch. Written out, they take a quarter of the time."""
    return [
        (
            span.trace_id, span.span_id, span.parent_id, span.session_id, span.service, span.name, span.kind,
            span.start_ns, span.end_ns, span.error, span.model, span.tokens, span.cost, span.tool, batch_id,
        )
        for span, batch_id in spans
    ]  # fmt: skip


SPENDS = frozenset({"LLM", "EMBEDDING", "RERANKER"})
"""Kinds whose tokens and cost are summed; AGENT and CHAIN spans repeat what these spent."""

ROOT_RANK = 2**63 - 1


@dataclass(slots=True)
class ListedSums:
    """What is added to a trace or a session."""

    traces: int = 0
    spans: int = 0
    errors: int = 0
    tools: int = 0
    tokens: int = 0
    cost: float = 0.0
    start_ns: int = 2**63 - 1
    end_ns: int = 0
    name: str = ""
    name_rank: int = 2**63 - 1
    session_id: str = ""
    service: str = ""
    title: str = ""
    directory: str = ""
    agent: str = ""
    prompt: str = ""
    model: str = ""
    failure: str = ""
    root: bool = False
    uses: set[tuple[str, str]] = field(default_factory=set)

    @classmethod
    def of(cls, spans: Sequence[SpanEntry]) -> ListedSums:
        """What `spans`, of one trace and session, add; in columns, since a loop over all costs as much as the rows."""
        sums = cls()
        sums.count(spans)
        parents, kinds, names, starts, ends, models, tools, services, agents, prompts, titles, directories = zip(
            *[
                (
                    span.parent_id, span.kind, span.name, span.start_ns, span.end_ns, span.model, span.tool,
                    span.service, span.agent, span.prompt, span.title, span.directory,
                )
                for span in spans
            ],
            strict=True,
        )  # fmt: skip
        ranks = [start if parent else start - ROOT_RANK for start, parent in zip(starts, parents, strict=True)]
        sums.name_rank = min(ranks)
        at = ranks.index(sums.name_rank)
        sums.name = names[at]
        if kinds[at] == "AGENT" and prompts[at]:  # agents name every turn alike: what was asked tells them apart
            sums.name = " ".join(prompts[at].split())
        sums.start_ns, sums.end_ns = min(starts), max(ends)
        sums.session_id = spans[0].session_id
        sums.service, sums.agent, sums.prompt = map(_first, (services, agents, prompts))
        sums.title, sums.directory, sums.model = (_first(column[::-1]) for column in (titles, directories, models))
        roots = [span for span in spans if not span.parent_id or span.kind == "AGENT"]
        if roots:
            sums.root, sums.failure = True, roots[-1].failure
        sums.uses = {
            (name, value) for name, column in (("model", models), ("tool", tools)) for value in set(column) if value
        }
        return sums

    def count(self, spans: Sequence[SpanEntry], sign: int = 1) -> None:
        """Add what is counted of `spans`, or take it away."""
        kinds = [span.kind for span in spans]
        self.spans += sign * len(spans)
        self.errors += sign * sum([span.error for span in spans])
        self.tools += sign * kinds.count("TOOL")
        if not SPENDS.isdisjoint(kinds):
            spending = [span for span in spans if span.kind in SPENDS]
            self.tokens += sign * sum(span.tokens for span in spending)
            self.cost += sign * sum(span.cost for span in spending)

    def merge(self, other: ListedSums) -> None:
        """Add what another one adds."""
        self.traces += other.traces
        self.spans += other.spans
        self.errors += other.errors
        self.tools += other.tools
        self.tokens += other.tokens
        self.cost += other.cost
        self.start_ns = min(self.start_ns, other.start_ns)
        self.end_ns = max(self.end_ns, other.end_ns)
        if other.name_rank < self.name_rank:
            self.name, self.name_rank = other.name, other.name_rank
        self.session_id = self.session_id or other.session_id
        self.service = self.service or other.service
        self.title = other.title or self.title
        self.directory = other.directory or self.directory
        self.agent = self.agent or other.agent
        self.prompt = self.prompt or other.prompt
        self.model = other.model or self.model
        if other.root:
            self.root, self.failure = True, other.failure
        self.uses = self.uses | other.uses


class ListedTotals:
    """What a change adds to the traces and sessions it touches."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str], ListedSums] = {}

    def add(self, span: SpanEntry, sign: int = 1) -> None:
        self.add_all((span,), sign)

    def add_all(self, spans: Iterable[SpanEntry], sign: int = 1) -> None:
        """Add what spans add, or for a `sign` of -1 take away what is counted of them."""
        spans = list(spans)
        places = [(span.trace_id, span.session_id) for span in spans]
        by_place: dict[tuple[str, str], list[SpanEntry]] = defaultdict(list)
        if len(set(places)) == 1:
            by_place[places[0]] = spans
        else:
            for place, span in zip(places, spans, strict=True):
                by_place[place].append(span)
        for place, alike in by_place.items():
            sums = self._sums.get(place)
            if sign < 0:
                self._sums.setdefault(place, ListedSums()).count(alike, sign)
            elif sums is None:
                self._sums[place] = ListedSums.of(alike)
            else:
                sums.merge(ListedSums.of(alike))

    def by_trace_and_session(self) -> tuple[dict[str, ListedSums], dict[str, ListedSums]]:
        """The same summed by trace, and by session where there is one."""
        traces: dict[str, ListedSums] = {}
        sessions: dict[str, ListedSums] = defaultdict(ListedSums)
        for (trace_id, session_id), sums in self._sums.items():
            if trace_id in traces:
                traces[trace_id].merge(sums)
            else:
                traces[trace_id] = replace(sums)
            if session_id:
                sessions[session_id].merge(sums)
        return traces, sessions


def _first(column: Sequence[str]) -> str:
    """The first value of a column that is not empty."""
    return next(filter(None, column), "")
