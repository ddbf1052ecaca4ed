"""A session or trace at a glance and in full: its facts, turns, calls, files, times, and what was masked."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from collector.viewer.shown.edits import changed_files
from collector.viewer.shown.figures import clock, count, duration, money, percent, short_text
from collector.viewer.shown.items import SummedUsage
from collector.viewer.shown.masks import masks_of
from collector.viewer.shown.render import render
from collector.viewer.shown.spans import ShownSpan
from collector.viewer.shown.turns import ShownTurn, calls_of, turns_of
from collector.viewer.shown.under_way import under_way
from collector.viewer.shown.waterfall import Waterfall, waterfall

VIEWS = ("talk", "changed", "waterfall", "sent")
_JUMP = 0.5
_MOST_JUMPED = 2000


@dataclass(frozen=True, slots=True)
class Base:
    """Where the rows of a page link to, and the directory their paths are told from."""

    link: str
    directory: str


@dataclass(frozen=True, slots=True)
class CallRow:
    """A model call in the list of contexts; `jump` is by how many tokens the context grew, where that is much.

    `missed` says that little was read from the cache though the call before had filled it; `compacted` that the
    conversation was made shorter before this call.
    """

    span: ShownSpan
    usage: SummedUsage
    jump: int
    missed: bool
    compacted: bool


def overview(
    spans: list[ShownSpan],
    link: str,
    view: str,
    *,
    turn: int = 0,
    zoom: str = "",
    usual: float = 0.0,
    open_turn: Mapping[str, Any] | None = None,
    delivery: tuple[str, str, bool] | None = None,
) -> dict[str, Any]:
    """What `session.html` shows of the spans of a session or of a trace, in one of `VIEWS`.

    The rail shows a turn by its number, the last one by default; `zoom` names a span whose time the waterfall shows;
    `usual` is what a turn costs in this project, in the median; `open_turn` is what the status tells of the turn that
    is not over, if any; `delivery` says how far the session is on its way, what is left, and whether that was refused.
    """
    turns = turns_of(spans, usual)
    total = SummedUsage()
    for each in turns:
        total.add(each.usage)
    drawn = _drawn(turns, open_turn)
    number = turn if 0 < turn <= len(drawn) else len(drawn)
    in_rail = drawn[number - 1] if drawn else []
    directory = _last(spans, "opencode.directory")
    calls = _calls(turns)
    largest = max((call.usage.prompt + call.usage.output for call in calls), default=0)
    window = int(max((span.number("opencode.context_window") or 0 for span in spans), default=0))
    masked = Counter(mask.rule for span in spans for mask in masks_of(span))
    return {
        "title": title_of(spans, turns) or ("The first turn is under way" if open_turn else ""),
        "base": Base(link, directory),
        "export": f"{link}/export",
        "about": _about(spans),
        "view": view if view in VIEWS else "talk",
        "turns": turns,
        "total": total,
        "facts": [*_facts(turns, total, masked, spans), *([("Delivery", *delivery)] if delivery else [])],
        "files": changed_files([span for each in turns for span in each.spans]),
        "calls": calls,
        "scale": min(max(largest, 1), window) if window else max(largest, 1),
        "window": window,
        "usual": usual,
        "rail_turn": number,
        "newest_turn": len(drawn),
        "rail_fall": waterfall(in_rail),
        "rail_ns": _lasted(in_rail),
        "falls": _falls(drawn, zoom) if view == "waterfall" else [],
        "zoom": zoom,
        "sent": [(span, len(masks_of(span))) for span in _in_order(spans)] if view == "sent" else [],
        "rules": masked.most_common(),
        "masked_total": sum(masked.values()),
        "span_count": len(spans),
    }


def one_file(spans: list[ShownSpan], identifier: str) -> str:
    """A session as one HTML file that needs nothing else: sealed text, the stylesheet inside, no script."""
    style = (files("collector.viewer") / "static" / "app.css").read_text(encoding="utf-8")
    return render("shared.html", style=Markup(style), id=identifier, **overview(spans, "", "talk"))


def _drawn(turns: list[ShownTurn], open_turn: Mapping[str, Any] | None) -> list[list[ShownSpan]]:
    """The spans of each turn as a waterfall shows them: those of the open turn with what runs now."""
    drawn = [turn.spans for turn in turns]
    if now := under_way(open_turn, turns, time.time_ns()):
        opened = drawn.pop() if turns and turns[-1].root is None else []
        drawn.append([*opened, *now])
    return drawn


def _falls(drawn: list[list[ShownSpan]], zoom: str) -> list[tuple[int, int, Waterfall]]:
    """The number of a turn, when it began, and its waterfall; with `zoom`, of the turn of that span alone."""
    return [
        (number, min(span.start_ns for span in spans), waterfall(spans, zoom=zoom))
        for number, spans in enumerate(drawn, 1)
        if not zoom or any(span.span_id == zoom for span in spans)
    ]


def _in_order(spans: list[ShownSpan]) -> list[ShownSpan]:
    return sorted(spans, key=lambda span: (span.start_ns, -span.end_ns))


def _lasted(spans: list[ShownSpan]) -> int:
    return max(span.end_ns for span in spans) - min(span.start_ns for span in spans) if spans else 0


def _calls(turns: list[ShownTurn]) -> list[CallRow]:
    rows: list[CallRow] = []
    before: SummedUsage | None = None
    at = 0
    compactions = sorted(
        span.end_ns for turn in turns for span in turn.spans if span.kind == "CHAIN" and span.name == "compaction"
    )
    for _, span, usage in calls_of(turns):
        if not usage.prompt:
            continue
        last = before.prompt if before is not None else 0
        grew = usage.prompt - last
        jumped = bool(last) and grew > max(_JUMP * last, _MOST_JUMPED)
        compacted = bool(rows) and any(at < end <= span.start_ns for end in compactions)
        filled = before.cache_read + before.cache_write if before is not None else 0
        missed = filled > _MOST_JUMPED and usage.cache_read < filled / 10 and not compacted
        rows.append(CallRow(span, usage, grew if jumped else 0, missed, compacted))
        before, at = usage, span.start_ns
    return rows


def _last(spans: list[ShownSpan], key: str) -> str:
    return next((text for span in reversed(spans) if (text := span.text(key))), "")


def title_of(spans: list[ShownSpan], turns: list[ShownTurn]) -> str:
    top = {turn.root.span_id for turn in turns if turn.root is not None}
    titled = [span for span in spans if span.span_id in top and span.text("opencode.session_title")]
    if titled:
        return titled[-1].text("opencode.session_title")
    return short_text(
        next((turn.prompt for turn in turns if turn.prompt), "") or (turns[0].spans[0].name if turns else "")
    )


def _about(spans: list[ShownSpan]) -> list[str]:
    if not spans:  # the first turn of a session has begun, and no span of it is done
        return []
    agent = _last(spans, "agent.name")
    service = spans[-1].service
    name = " ".join(dict.fromkeys(filter(None, (service, agent))))
    return [*filter(None, (name, _last(spans, "llm.model_name"))), f"started {clock(min(s.start_ns for s in spans))}"]


def _facts(
    turns: list[ShownTurn], total: SummedUsage, masked: Counter[str], spans: list[ShownSpan]
) -> list[tuple[str, str, str, bool]]:
    if not spans:  # the first turn has begun, and nothing can be counted yet
        return []
    tools = sum(turn.tools for turn in turns)
    failed = sum(turn.failed_tools for turn in turns)
    waited = sum(turn.waited_ns for turn in turns)
    worked = sum(turn.end_ns - turn.start_ns for turn in turns)
    facts = [
        ("Turns", str(len(turns)), "", False),
        ("Calls", str(sum(turn.calls for turn in turns)), "", False),
        ("Tools", str(tools), f"{failed} failed" if failed else "", bool(failed)),
    ]
    if total.total:
        facts.append(("Tokens", count(total.total), f"{percent(total.cache_read, total.prompt)} cached", False))
    if total.cost:
        facts.append(("Cost", money(total.cost), "", False))
    facts.append(("Time", duration(worked), f"{duration(waited)} waiting for you" if waited else "", False))
    if masked:
        rules = len(masked)
        facts.append(("Masked", str(sum(masked.values())), f"{rules} rule{'s' if rules > 1 else ''}", False))
    return facts
