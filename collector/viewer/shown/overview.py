"""A session or trace at a glance and in full: its facts, turns, calls, files, times, and what was masked."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from collector.viewer.shown.addresses import Address
from collector.viewer.shown.edits import changed_files
from collector.viewer.shown.excerpt import Excerpt, facts_of, parts_shown
from collector.viewer.shown.figures import clock, short_text
from collector.viewer.shown.items import SummedUsage
from collector.viewer.shown.masks import masks_of
from collector.viewer.shown.parts import Outline
from collector.viewer.shown.render import render, render_in_pieces
from collector.viewer.shown.spans import ShownSpan
from collector.viewer.shown.turns import ShownTurn, calls_of
from collector.viewer.shown.under_way import under_way
from collector.viewer.shown.waterfall import Waterfall, waterfall

VIEWS = ("talk", "changed", "waterfall", "sent")
_JUMP = 0.5
_MOST_JUMPED = 2000
_MOST_SAID = 1_000_000
"""A page on which tools said more than so many characters holds what they said only once it is opened."""


@dataclass(frozen=True, slots=True)
class Base:
    """Where the rows of a page link to, and the directory their paths are told from.

    `lazy`: what is folded is not in the page; it is loaded when it is opened, and linked where no script runs.
    """

    address: Address
    directory: str
    lazy: bool = False


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
    address: Address,
    view: str,
    *,
    turn: int = 0,
    zoom: str = "",
    usual: float = 0.0,
    open_turn: Mapping[str, Any] | None = None,
    delivery: tuple[str, str, bool] | None = None,
    excerpt: Excerpt | None = None,
    title: str = "",
    directory: str = "",
) -> dict[str, Any]:
    """What `session.html` shows of the spans of a session or of a trace, in one of `VIEWS`.

    The rail shows a turn by its number, the last one by default; `zoom` names a span whose time the waterfall shows;
    `usual` is what a turn costs in this project, in the median; `open_turn` is what the status tells of the turn that
    is not over, if any; `delivery` says how far the session is on its way, what is left, and whether that was refused.
    Where `spans` are not all, `excerpt` says which part they are; `title` and `directory` are known of the session.
    """
    parts = parts_shown(spans, usual, excerpt)
    turns = [each for part in parts for each in part.turns]
    is_whole = excerpt is None or excerpt.tells_all
    total = SummedUsage()
    for each in turns:
        total.add(each.usage)
    drawn = _drawn(turns, open_turn if excerpt is None or excerpt.is_newest else None)
    numbers = [number for number, _ in drawn]
    number = turn if turn in numbers else numbers[-1] if numbers else 0
    in_rail = next((own for each, own in drawn if each == number), [])
    directory = _last(spans, "opencode.directory") or directory
    calls = _calls(turns)
    largest = max((call.usage.prompt + call.usage.output for call in calls), default=0)
    window = int(max((span.number("opencode.context_window") or 0 for span in spans), default=0))
    masked = Counter(mask.rule for span in spans for mask in masks_of(span))
    return {
        "title": title_of(spans, turns, title) or ("The first turn is under way" if open_turn else ""),
        "base": Base(address, directory, excerpt is not None and (excerpt.is_long or _say_much(spans))),
        "about": _about(spans, excerpt),
        "view": view if view in VIEWS else "talk",
        "parts_shown": parts,
        "pager": excerpt.pager(address, view) if excerpt is not None else None,
        "turns": turns,
        "newest": [turn.spans[0].trace_id for turn in (turns if excerpt is None else excerpt.session.turns)[-2:]],
        "total": total,
        "facts": [*facts_of(turns, total, masked, excerpt), *([("Delivery", *delivery)] if delivery else [])],
        "files": changed_files(spans) if is_whole or view == "changed" else [],
        "changes_whole": is_whole,
        "calls": calls,
        "scale": min(max(largest, 1), window) if window else max(largest, 1),
        "window": window,
        "usual": usual,
        "rail_turn": number,
        "newest_turn": numbers[-1] if numbers else 0,
        "rail_fall": waterfall(in_rail),
        "rail_ns": _lasted(in_rail),
        "falls": _falls(drawn, zoom) if view == "waterfall" else [],
        "zoom": zoom,
        "sent": [(span, len(masks_of(span))) for span in _in_order(spans)] if view == "sent" else [],
        "rules": masked.most_common(),
        "masked_total": sum(masked.values()),
        "span_count": len(spans) if excerpt is None else excerpt.session.spans,
    }


def one_file(spans: list[ShownSpan], identifier: str) -> str:
    """A session as one HTML file that needs nothing else: sealed text, the stylesheet inside, no script."""
    return render("shared.html", style=_style(), id=identifier, **overview(spans, Address(""), "talk"))


def long_file(turns: Iterator[ShownTurn], outline: Outline, title: str, identifier: str) -> Iterator[str]:
    """The same of a session in parts, in pieces: of its `turns` only one at a time need be known."""
    excerpt = Excerpt(outline, outline, 1, len(outline.parts))
    return render_in_pieces(
        "shared.html",
        style=_style(),
        id=identifier,
        title=title,
        about=[f"started {clock(outline.turns[0].start_ns)}"],
        facts=facts_of([], SummedUsage(), Counter(), excerpt),
        turns=turns,
        base=Base(Address(""), ""),
        scale=1,
    )


def _say_much(spans: list[ShownSpan]) -> bool:
    return sum(len(span.text("output.value")) for span in spans if span.kind == "TOOL") > _MOST_SAID


def _style() -> Markup:
    return Markup((files("collector.viewer") / "static" / "app.css").read_text(encoding="utf-8"))


def _drawn(turns: list[ShownTurn], open_turn: Mapping[str, Any] | None) -> list[tuple[int, list[ShownSpan]]]:
    """The spans of each turn by its number, as a waterfall shows them: those of the open turn with what runs now."""
    drawn = [(turn.number, turn.spans) for turn in turns]
    if now := under_way(open_turn, turns, time.time_ns()):
        number, opened = drawn.pop() if turns and turns[-1].root is None else (turns[-1].number + 1 if turns else 1, [])
        drawn.append((number, [*opened, *now]))
    return drawn


def _falls(drawn: list[tuple[int, list[ShownSpan]]], zoom: str) -> list[tuple[int, int, Waterfall]]:
    """The number of a turn, when it began, and its waterfall; with `zoom`, of the turn of that span alone."""
    return [
        (number, min(span.start_ns for span in spans), waterfall(spans, zoom=zoom))
        for number, spans in drawn
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


def title_of(spans: list[ShownSpan], turns: list[ShownTurn], known: str = "") -> str:
    """The title of a session; where no turn of these has one, `known`, or what was asked first."""
    top = {turn.root.span_id for turn in turns if turn.root is not None}
    titled = [span for span in spans if span.span_id in top and span.text("opencode.session_title")]
    if titled:
        return titled[-1].text("opencode.session_title")
    return short_text(
        known or next((turn.prompt for turn in turns if turn.prompt), "") or (turns[0].spans[0].name if turns else "")
    )


def _about(spans: list[ShownSpan], excerpt: Excerpt | None) -> list[str]:
    if not spans:  # the first turn of a session has begun, and no span of it is done
        return []
    agent = _last(spans, "agent.name")
    service = spans[-1].service
    name = " ".join(dict.fromkeys(filter(None, (service, agent))))
    began = excerpt.session.turns[0].start_ns if excerpt is not None else min(s.start_ns for s in spans)
    return [*filter(None, (name, _last(spans, "llm.model_name"))), f"started {clock(began)}"]
