"""What can happen in a turn, as items; and what one model call used."""

from __future__ import annotations

from dataclasses import dataclass, field

from collector.viewer.shown.edits import FileEdit
from collector.viewer.shown.spans import ShownSpan


@dataclass(slots=True)
class SummedUsage:
    """Tokens and cost, added up over model calls; `prompt` holds cache reads and writes too."""

    prompt: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    total: int = 0
    cost: float = 0.0

    def add(self, other: SummedUsage) -> None:
        self.prompt += other.prompt
        self.cache_read += other.cache_read
        self.cache_write += other.cache_write
        self.output += other.output
        self.total += other.total
        self.cost += other.cost

    @property
    def fresh(self) -> int:
        return max(0, self.prompt - self.cache_read - self.cache_write)


@dataclass(slots=True)
class TurnItem:
    """One thing that happened: `what` is say, reasoning, call, tool, group, nest or note."""

    what: str
    span: ShownSpan | None = None
    text: str = ""
    detail: str = ""
    usage: SummedUsage | None = None
    number: int = 0
    edits: list[FileEdit] = field(default_factory=list)
    items: list[TurnItem] = field(default_factory=list)
    repeated: int = 0
    masked: int = 0
    icon: str = ""

    @property
    def failed(self) -> bool:
        return self.span is not None and self.span.failed


def usage_of(span: ShownSpan) -> SummedUsage:
    """What one model call used; nothing that its span does not say."""
    read = span.number("llm.token_count.prompt_details.cache_read") or 0
    write = span.number("llm.token_count.prompt_details.cache_write") or 0
    prompt = span.number("llm.token_count.prompt") or 0
    output = span.number("llm.token_count.completion") or 0
    total = span.number("llm.token_count.total") or prompt + output
    cost = span.number("llm.cost.total") or 0.0
    return SummedUsage(int(prompt), int(read), int(write), int(output), int(total), float(cost))


def is_side_call(span: ShownSpan) -> bool:
    """Whether a model was called for the agent's own ends (a title, a summary), not to answer."""
    return span.kind == "LLM" and span.text("agent.name") in ("title", "summary")
