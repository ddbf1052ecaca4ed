"""One session, one trace, one span, two turns beside each other; and each as a file."""

from __future__ import annotations

from statistics import median
from typing import Annotated, Any, Literal

import orjson
from fastapi import FastAPI, Query
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.store.entries import SessionQuery
from collector.viewer.asked import LARGEST
from collector.viewer.export import FORMATS, exported
from collector.viewer.live import Live
from collector.viewer.pages.frame import missing, page, running_words
from collector.viewer.shown.compare import aligned, totals
from collector.viewer.shown.curl import curl
from collector.viewer.shown.markdown import turn_markdown
from collector.viewer.shown.masks import masks_of
from collector.viewer.shown.overview import overview
from collector.viewer.shown.render import render
from collector.viewer.shown.spans import ShownSpan, read_spans
from collector.viewer.shown.turns import ShownTurn, turns_of

_MOST_COMPARED = 50

ShownView = Literal["talk", "changed", "waterfall", "sent"]
FileFormat = Literal["otlp-json", "halo-jsonl", "markdown", "html"]
TurnNumber = Annotated[int, Query(ge=0, le=LARGEST)]


def add_detail(api: FastAPI, live: Live) -> None:
    """Routes of single things."""

    @api.get("/sessions/{session_id:path}/export", include_in_schema=False)
    def export_session(session_id: str, format: FileFormat = "otlp-json") -> Response:
        return _export(live.reader.requests(session_id=session_id), session_id, format)

    @api.get("/sessions/{session_id:path}/rail", response_class=HTMLResponse, include_in_schema=False)
    def session_rail(session_id: str, turn: TurnNumber = 0) -> Response:
        return _rail(
            live, list(read_spans(live.reader.requests(session_id=session_id))), "/sessions/", session_id, turn
        )

    @api.get("/sessions/{session_id:path}", response_class=HTMLResponse, include_in_schema=False)
    def session(session_id: str, view: ShownView = "talk", zoom: str = "") -> Response:
        spans = list(read_spans(live.reader.requests(session_id=session_id)))
        if not spans and _open_turn(live, session_id) is None:
            return missing(live, "session")
        return _conversation(live, spans, session_id, view, zoom, "Sessions", "/sessions/", "/")

    @api.get("/traces/{trace_id}/export", include_in_schema=False)
    def export_trace(trace_id: str, format: FileFormat = "otlp-json") -> Response:
        return _export(live.reader.requests(trace_id=trace_id), trace_id, format)

    @api.get("/traces/{trace_id}/markdown", response_class=PlainTextResponse, include_in_schema=False)
    def markdown(trace_id: str) -> Response:
        turns = turns_of(read_spans(live.reader.requests(trace_id=trace_id)))
        if not turns:
            return PlainTextResponse("no such trace is kept", 404)
        return PlainTextResponse("\n".join(turn_markdown(turn) for turn in turns), media_type="text/markdown")

    @api.get("/traces/{trace_id}/rail", response_class=HTMLResponse, include_in_schema=False)
    def trace_rail(trace_id: str, turn: TurnNumber = 0) -> Response:
        return _rail(live, list(read_spans(live.reader.requests(trace_id=trace_id))), "/traces/", trace_id, turn)

    @api.get("/traces/{trace_id}", response_class=HTMLResponse, include_in_schema=False)
    def trace(trace_id: str, view: ShownView = "talk", zoom: str = "") -> Response:
        spans = list(read_spans(live.reader.requests(trace_id=trace_id)))
        if not spans:
            return missing(live, "trace", "Traces")
        return _conversation(live, spans, trace_id, view, zoom, "Traces", "/traces/", "/traces")

    @api.get("/spans/{trace_id}/{span_id}", response_class=HTMLResponse, include_in_schema=False)
    def span(trace_id: str, span_id: str) -> Response:
        document = live.reader.document(trace_id, span_id)
        if document is None:
            return missing(live, "span", "Traces")
        requests = live.reader.requests(trace_id=trace_id)
        found = next((each for each in read_spans(requests) if each.span_id == span_id), None)
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
        first, second = _side(live, a), _side(live, b)
        if first is None or second is None:
            return missing(live, "pair of turns")
        (left, left_turns), (right, right_turns) = first, second
        return page(
            live,
            "compare.html",
            "Sessions",
            left=left,
            right=right,
            left_turns=left_turns,
            right_turns=right_turns,
            totals=totals(left, right),
            pairs=aligned(left, right),
        )


def _side(live: Live, named: str) -> tuple[ShownTurn, list[ShownTurn]] | None:
    """One side of a comparison, and the turns of its session: named by a trace, or as SESSION/2; ids may be short."""
    identifier, _, number = named.rpartition("/")
    if number.isdigit() and len(number) < 5 and identifier:
        found = live.reader.find(identifier, 1)
        turns = turns_of(read_spans(live.reader.requests(session_id=found[0].session_id))) if found else []
        return (turns[int(number) - 1], turns) if 0 < int(number) <= len(turns) else None
    found = live.reader.find(named, 1)
    if not found:
        return None
    if not found[0].trace_id:
        turns = turns_of(read_spans(live.reader.requests(session_id=found[0].session_id)))
        return (turns[-1], turns) if turns else None
    turns = turns_of(read_spans(live.reader.requests(trace_id=found[0].trace_id)))
    if not turns:
        return None
    session = turns[0].root.session_id if turns[0].root is not None else ""
    every = turns_of(read_spans(live.reader.requests(session_id=session))) if session else []
    same = next((turn for turn in every if turn.trace_id == turns[0].trace_id), None)
    return (same, every) if same is not None else (turns[0], turns)


def _conversation(
    live: Live, spans: list[ShownSpan], identifier: str, view: str, zoom: str, here: str, prefix: str, up: str
) -> HTMLResponse:
    open_turn = _open_turn(live, identifier)
    return page(
        live,
        "session.html",
        here,
        id=identifier,
        crumb=(here, up),
        command=f"collector show {identifier}",
        waiting=open_turn["waiting"] if open_turn else "",
        running=running_words(open_turn) if open_turn else "",
        since_ms=open_turn["waiting_since_ms"] or open_turn["since_ms"] if open_turn else "",
        **overview(
            spans,
            prefix + identifier,
            view,
            zoom=zoom,
            usual=_usual_turn(live, spans),
            open_turn=open_turn,
            delivery=_delivery_of_session(live, identifier),
        ),
    )


def _rail(live: Live, spans: list[ShownSpan], prefix: str, identifier: str, turn: int) -> Response:
    """The rail beside a conversation, for the turn that is in view."""
    if not spans and _open_turn(live, identifier) is None:
        return HTMLResponse("", 404)
    open_turn = _open_turn(live, identifier)
    usual = _usual_turn(live, spans)
    seen = overview(spans, prefix + identifier, "talk", turn=turn, usual=usual, open_turn=open_turn)
    return HTMLResponse(render("rail.html", **seen))


def _usual_turn(live: Live, spans: list[ShownSpan]) -> float:
    """The median cost of a turn in the sessions of the same directory; 0 where fewer than three are known."""
    directory = next((found for span in reversed(spans) if (found := span.text("opencode.directory"))), "")
    if not directory:
        return 0.0
    entries = live.reader.sessions(SessionQuery(directory=directory, limit=_MOST_COMPARED))
    costs = [entry.cost / entry.traces for entry in entries if entry.cost and entry.traces]
    return median(costs) if len(costs) >= 3 else 0.0


def _delivery_of_session(live: Live, session_id: str) -> tuple[str, str, bool] | None:
    """How far a session is on its way, as a fact of it; nothing of a trace without one, and where all stays here."""
    entry = next(iter(live.reader.sessions(SessionQuery(session=session_id, limit=1))), None)
    if entry is None or not live.status()["forwarding"]["endpoint"]:
        return None
    counted = ((entry.queued, "queued"), (entry.dead, "refused"))
    words = ", ".join(f"{number} {what}" for number, what in counted if number)
    return f"{max(entry.spans - entry.queued - entry.dead, 0)} of {entry.spans}", words, bool(entry.dead)


def _open_turn(live: Live, session_id: str) -> dict[str, Any] | None:
    return next((turn for turn in live.status()["opencode"]["open_turns"] if turn["session_id"] == session_id), None)


def _export(requests: list[ExportTraceServiceRequest], name: str, form: str) -> Response:
    """A session or trace as a file."""
    if not requests:
        return PlainTextResponse("nothing of this is kept", 404)
    stem = "".join(character if character.isalnum() or character in "-_" else "-" for character in name)[:80]
    ending, kind = FORMATS[form]
    headers = {"content-disposition": f'attachment; filename="{stem}.{ending}"'}
    return Response(b"".join(exported(requests, name, form)), media_type=kind, headers=headers)


def _is_content(key: str) -> bool:
    return key in ("input.value", "output.value") or key.endswith((".content", ".text", ".arguments"))


def _delivery(live: Live, states: list[str]) -> tuple[str, str]:
    """How far a span is on its way, in words and as an icon."""
    if not live.status()["forwarding"]["endpoint"]:
        return "kept here", "home"
    if "dead" in states:
        return "refused", "fail"
    return ("queued", "queue") if states else ("delivered", "send")
