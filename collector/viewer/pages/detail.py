"""One span, what a folded row holds, a turn as Markdown, and two turns beside each other."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Annotated

import orjson
from fastapi import FastAPI, Query
from fastapi.responses import HTMLResponse, PlainTextResponse, Response

from collector.viewer.asked import LARGEST
from collector.viewer.live import Live
from collector.viewer.pages.frame import missing, page
from collector.viewer.reading import outline_of, read_span, read_these
from collector.viewer.shown.addresses import session_address, trace_address
from collector.viewer.shown.compare import aligned, totals
from collector.viewer.shown.curl import curl
from collector.viewer.shown.figures import plural
from collector.viewer.shown.flow import flow
from collector.viewer.shown.markdown import turn_markdown
from collector.viewer.shown.masks import masks_of
from collector.viewer.shown.overview import Base
from collector.viewer.shown.parts import MOST_SPANS, Outline, OutlinedTurn, TurnSlice
from collector.viewer.shown.render import render
from collector.viewer.shown.turns import ShownTurn, turns_in

_MOST_COMPARED = 150
"""Of each of two turns so many spans are laid beside each other."""
_CHOICES = 10
"""So many turns before and after the one that is compared are offered in its place."""


def add_detail(api: FastAPI, live: Live) -> None:
    """Routes of single things."""

    @api.get("/traces/{trace_id}/markdown", response_class=PlainTextResponse, include_in_schema=False)
    def markdown(
        trace_id: str, first: Annotated[int, Query(ge=1, le=LARGEST)] = 1, number: Annotated[int, Query(ge=0)] = 0
    ) -> Response:
        """A trace from its span `first` on, as much as stands in one part; `number` is that of the turn."""
        outline = outline_of(live.reader, trace_id=trace_id)
        texts = []
        left = MOST_SPANS
        for turn in outline.turns:
            start = min(first - 1, len(turn.spans)) if turn is outline.turns[0] else 0
            piece = TurnSlice(turn, start, min(start + left, len(turn.spans)))
            left -= len(piece.spans)
            for each in _read(live, [piece], outline):
                each.number = number or each.number
                texts.append(turn_markdown(each))
        if not texts:
            return PlainTextResponse("no such trace is kept", 404)
        return PlainTextResponse("\n".join(texts), media_type="text/markdown")

    @api.get("/spans/{trace_id}/{span_id}/opened", response_class=HTMLResponse, include_in_schema=False)
    def opened(trace_id: str, span_id: str, directory: str = "") -> Response:
        """What stands in the row of a tool call, once it is opened."""
        found = read_span(live.reader, trace_id, span_id)
        if found is None:
            return HTMLResponse("", 404)
        base = Base(session_address(found.session_id) if found.session_id else trace_address(trace_id), directory)
        [item, *_] = flow([found], {}, 0, Counter())
        return HTMLResponse(render("opened.html", item=item, base=base))

    @api.get("/spans/{trace_id}/{span_id}", response_class=HTMLResponse, include_in_schema=False)
    def span(trace_id: str, span_id: str) -> Response:
        document = live.reader.document(trace_id, span_id)
        if document is None:
            return missing(live, "span", "Traces")
        found = read_span(live.reader, trace_id, span_id)
        if found is None:
            return missing(live, "span", "Traces")
        texts = [(key, value) for key, value in found.attributes.items() if isinstance(value, str) and _is_content(key)]
        _, waiting = live.reader.deliveries(trace_id)
        state, icon = _delivery(live, [row.state for row in waiting])
        text = orjson.dumps(document).decode()
        return page(
            live,
            "span.html",
            "Sessions" if found.session_id else "Traces",
            span=found,
            texts=texts,
            masks=masks_of(found),
            reasons={mask.rule: live.reason_of(mask.rule) for mask in masks_of(found)},
            document=text,
            curl=curl(found),
            delivery=state,
            delivery_icon=icon,
        )

    @api.get("/compare", response_class=HTMLResponse, include_in_schema=False)
    def compare(a: str = "", b: str = "") -> Response:
        outlines: dict[str, Outline] = {}
        found = [_turn_named(live, named, outlines) for named in (a, b)]
        first, second = _compared(live, [each for each in found if each is not None]) or (None, None)
        if first is None or second is None:
            return missing(live, "pair of turns")
        return page(
            live,
            "compare.html",
            "Sessions",
            left=first,
            right=second,
            totals=totals(first.turn, second.turn),
            pairs=aligned(first.turn, second.turn),
        )


@dataclass(frozen=True, slots=True)
class ComparedSide:
    """A turn that is compared, and others of its session that could stand in its place: number, trace and prompt.

    `left_out` says how much of a long turn is not laid beside the other one.
    """

    turn: ShownTurn
    of: int
    others: list[tuple[int, str, str]]
    left_out: str


Named = tuple[Outline, int]
"""A session or trace, and the place of a turn in it."""


def _turn_named(live: Live, named: str, outlines: dict[str, Outline]) -> Named | None:
    """A turn named by a trace, or as SESSION/2; ids may be short. `outlines` are those of sessions that were read."""

    def of_session(session_id: str) -> Outline:
        if session_id not in outlines:
            outlines[session_id] = outline_of(live.reader, session_id=session_id) if session_id else Outline([])
        return outlines[session_id]

    identifier, _, number = named.rpartition("/")
    if number.isdigit() and len(number) < 5 and identifier and (found := live.reader.find(identifier, 1)):
        outline = of_session(found[0].session_id)
        return (outline, int(number) - 1) if 0 < int(number) <= len(outline.turns) else None
    found = live.reader.find(named, 1)
    if not found:
        return None
    outline, trace = of_session(found[0].session_id), found[0].trace_id
    if not trace:
        return (outline, len(outline.turns) - 1) if outline.turns else None
    for at, turn in enumerate(outline.turns):
        if _trace_of(turn) == trace:
            return outline, at
    outline = outline_of(live.reader, trace_id=trace)
    return (outline, 0) if outline.turns else None


def _compared(live: Live, named: list[Named]) -> list[ComparedSide] | None:
    """Both sides, read at once; None where one of them is gone."""
    pieces = [_beginning(outline.turns[at]) for outline, at in named]
    near = [outline.turns[max(0, at - _CHOICES) : at + _CHOICES + 1] for outline, at in named]
    roots = [turn.root for turns in near for turn in turns if turn.root is not None]
    wanted = {span: None for piece in pieces for span in piece.spans} | dict.fromkeys(roots)
    spans = read_these(live.reader, list(wanted))
    prompts = {span.key: span.text("input.value") for span in spans}
    sides = []
    for (outline, _), piece, turns in zip(named, pieces, near, strict=True):
        for turn in turns_in([piece], spans, [each.cost for each in outline.turns]):
            others = [(each.number, _trace_of(each), prompts.get(_root_key(each), "")) for each in turns]
            rest = len(piece.turn.spans) - piece.until
            left_out = f"{plural(rest, 'span')} more of it not compared" if rest else ""
            sides.append(ComparedSide(turn, len(outline.turns), others, left_out))
    return sides if len(sides) == 2 else None


def _beginning(turn: OutlinedTurn) -> TurnSlice:
    return TurnSlice(turn, 0, min(len(turn.spans), _MOST_COMPARED))


def _root_key(turn: OutlinedTurn) -> str:
    return f"{turn.root.trace_id}/{turn.root.span_id}" if turn.root is not None else ""


def _trace_of(turn: OutlinedTurn) -> str:
    return turn.spans[0].trace_id


def _read(live: Live, pieces: list[TurnSlice], outline: Outline) -> list[ShownTurn]:
    """These pieces of turns with their content."""
    wanted = [span for piece in pieces for span in piece.spans]
    wanted += [piece.turn.root for piece in pieces if piece.turn.root is not None and piece.turn.root not in wanted]
    return turns_in(pieces, read_these(live.reader, wanted), [turn.cost for turn in outline.turns])


def _is_content(key: str) -> bool:
    return key in ("input.value", "output.value") or key.endswith((".content", ".text", ".arguments"))


def _delivery(live: Live, states: list[str]) -> tuple[str, str]:
    """How far a span is on its way, in words and as an icon."""
    if not live.status()["forwarding"]["endpoint"]:
        return "kept here", "home"
    if "dead" in states:
        return "refused", "fail"
    return ("queued", "queue") if states else ("delivered", "send")
