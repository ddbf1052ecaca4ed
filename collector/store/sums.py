"""What spans add to the sums of their traces and sessions, whichever engine keeps them (pure)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, fields, replace
from operator import attrgetter

from collector.batch import SpanEntry

_OF_SESSION = ("title", "directory", "agent", "prompt", "failure")
COLUMNS = tuple(each.name for each in fields(SpanEntry) if each.name not in _OF_SESSION)
"""Columns of `spans` that an entry fills; what it says of its session stands in `sessions`."""
values_of = attrgetter(*COLUMNS)

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

    def add(self, span: SpanEntry, sign: int = 1) -> None:
        self.spans += sign
        self.errors += sign * span.error
        self.tools += sign * (span.kind == "TOOL")
        if span.kind in SPENDS:
            self.tokens += sign * span.tokens
            self.cost += sign * span.cost
        if sign < 0:
            return
        self.start_ns = min(self.start_ns, span.start_ns)
        self.end_ns = max(self.end_ns, span.end_ns)
        self.session_id = self.session_id or span.session_id
        self.service = self.service or span.service
        self.title = span.title or self.title
        self.directory = span.directory or self.directory
        self.agent = self.agent or span.agent
        self.prompt = self.prompt or span.prompt
        self.model = span.model or self.model
        if span.kind == "AGENT" or not span.parent_id:
            self.root, self.failure = True, span.failure
        rank = span.start_ns - (0 if span.parent_id else ROOT_RANK)
        if rank < self.name_rank:
            self.name, self.name_rank = span.name, rank
        if span.model:
            self.uses.add(("model", span.model))
        if span.tool:
            self.uses.add(("tool", span.tool))

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
        self._sums: dict[tuple[str, str], ListedSums] = defaultdict(ListedSums)

    def add(self, span: SpanEntry, sign: int = 1) -> None:
        self._sums[span.trace_id, span.session_id].add(span, sign)

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
