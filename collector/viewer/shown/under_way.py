"""What an open turn does now, as spans that end now: so that they stand in the waterfall among those that are over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from collector.viewer.shown.spans import ShownEvent, ShownSpan
from collector.viewer.shown.turns import ShownTurn

RUNNING = "opencode.running"
"""An attribute of our own that such a span has, and no kept one."""
WAITS = "running.replied"
"""An event of our own, named as those that say how long a person was waited for."""


def under_way(open_turn: Mapping[str, Any] | None, turns: Sequence[ShownTurn], now_ns: int) -> list[ShownSpan]:
    """The agent of an open turn, and the model and tool calls that run below it; nothing where no turn is open.

    While a person is asked, the call that began last is drawn as waiting.
    """
    if open_turn is None:
        return []
    last = turns[-1] if turns and turns[-1].root is None else None
    known = last.spans if last is not None else []
    top = next((span.parent_id for span in known if span.parent_id), "")
    trace = known[0].trace_id if known else ""

    def running(kind: str, name: str, since_ms: int, number: int = 0, waits_ms: int = 0) -> ShownSpan:
        waits = ShownEvent(WAITS, now_ns, {"opencode.waited_ms": waits_ms})
        return ShownSpan(
            trace_id=trace,
            span_id=f"now{number}" if number else top or "now",
            parent_id=(top or "now") if number else "",
            name=name,
            kind=kind,
            service="",
            scope="",
            start_ns=min(since_ms * 1_000_000, now_ns),
            end_ns=now_ns,
            failed=False,
            error="",
            attributes={RUNNING: True, **({"tool.name": name} if kind == "TOOL" else {"llm.model_name": name})},
            resource={},
            events=(waits,) if waits_ms else (),
        )

    agent = running("AGENT", "agent", int(open_turn["since_ms"]))
    found = [agent]
    doing = sorted(open_turn.get("under_way", ()), key=lambda it: int(it["since_ms"]))
    for number, it in enumerate(doing, 1):
        since = int(it["since_ms"])
        waits = now_ns // 1_000_000 - since if open_turn.get("waiting") and number == len(doing) else 0
        found.append(running(str(it["kind"]), str(it["name"]), since, number, max(waits, 0)))
    return found


def is_running(span: ShownSpan) -> bool:
    return span.attributes.get(RUNNING) is True
