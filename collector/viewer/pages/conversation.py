"""The pages of a session and of a trace, what is beside them, and each as a file."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from collector.openinference.session_ids import listed_session
from collector.store.entries import MOST_COUNTED, SessionEntry, SessionQuery
from collector.viewer.asked import LARGEST
from collector.viewer.export import FORMATS, exported_of, in_blocks
from collector.viewer.live import Live
from collector.viewer.pages.frame import missing, page, running_words
from collector.viewer.reading import outline_of, read_excerpt
from collector.viewer.shown.addresses import (
    Address,
    session_address,
    session_link,
    show_command,
    trace_address,
)
from collector.viewer.shown.excerpt import Excerpt
from collector.viewer.shown.overview import overview
from collector.viewer.shown.render import render
from collector.viewer.shown.spans import ShownSpan

_MOST_COMPARED = 50

ShownView = Literal["talk", "changed", "waterfall", "sent"]
FileFormat = Literal["otlp-json", "halo-jsonl", "markdown", "html"]
Ordinal = Annotated[int, Query(ge=0, le=LARGEST)]
ShortName = Annotated[str, Query(max_length=100)]


@dataclass(frozen=True, slots=True)
class PageAsked:
    """What a page is asked to show: a view, and which part, by its number or by a turn or span that stands in it."""

    view: ShownView
    part: int
    at: str
    whole: bool
    zoom: str


def _asked(
    view: ShownView = "talk", part: Ordinal = 0, at: ShortName = "", whole: bool = False, zoom: ShortName = ""
) -> PageAsked:
    return PageAsked(view, part, at, whole, zoom)


AskedView = Annotated[PageAsked, Depends(_asked)]


@dataclass(frozen=True, slots=True)
class PageSubject:
    """What a page is about: a session or a trace."""

    id: str
    address: Address
    heading: str
    up: str
    session_id: str = ""
    trace_id: str = ""

    @classmethod
    def session(cls, identifier: str) -> PageSubject:
        return cls(identifier, session_address(identifier), "Sessions", "/", session_id=identifier)

    @classmethod
    def trace(cls, identifier: str) -> PageSubject:
        return cls(identifier, trace_address(identifier), "Traces", "/traces", trace_id=identifier)


def add_conversations(api: FastAPI, live: Live) -> None:
    """Routes of sessions, by a path where the id can stand in one, else by a query; and of traces."""

    @api.get("/session/export", include_in_schema=False)
    def export_session(id: str, format: FileFormat = "otlp-json") -> Response:
        return _export(live, PageSubject.session(id), format)

    @api.get("/session/rail", response_class=HTMLResponse, include_in_schema=False)
    def session_rail(id: str, turn: Ordinal = 0, part: Ordinal = 0) -> Response:
        return _rail(live, PageSubject.session(id), turn, part)

    @api.get("/session", response_class=HTMLResponse, include_in_schema=False)
    def session(id: str, asked: AskedView) -> Response:
        return _conversation(live, PageSubject.session(id), asked)

    @api.get("/sessions/{session_id}/export", include_in_schema=False)
    def export_plain_session(session_id: str, format: FileFormat = "otlp-json") -> Response:
        return _export(live, PageSubject.session(session_id), format)

    @api.get("/sessions/{session_id}/rail", response_class=HTMLResponse, include_in_schema=False)
    def plain_session_rail(session_id: str, turn: Ordinal = 0, part: Ordinal = 0) -> Response:
        return _rail(live, PageSubject.session(session_id), turn, part)

    @api.get("/sessions/{session_id:path}", response_class=HTMLResponse, include_in_schema=False)
    def plain_session(session_id: str, asked: AskedView) -> Response:
        return _conversation(live, PageSubject.session(session_id), asked)

    @api.get("/traces/{trace_id}/export", include_in_schema=False)
    def export_trace(trace_id: str, format: FileFormat = "otlp-json") -> Response:
        return _export(live, PageSubject.trace(trace_id), format)

    @api.get("/traces/{trace_id}/rail", response_class=HTMLResponse, include_in_schema=False)
    def trace_rail(trace_id: str, turn: Ordinal = 0, part: Ordinal = 0) -> Response:
        return _rail(live, PageSubject.trace(trace_id), turn, part)

    @api.get("/traces/{trace_id}", response_class=HTMLResponse, include_in_schema=False)
    def trace(trace_id: str, asked: AskedView) -> Response:
        return _conversation(live, PageSubject.trace(trace_id), asked)


def _conversation(live: Live, subject: PageSubject, asked: PageAsked) -> Response:
    outline = outline_of(live.reader, subject.session_id, subject.trace_id)
    open_turn = _open_turn(live, subject)
    if not outline.turns and open_turn is None:
        return _looked_for(live, subject)
    changes = asked.view == "changed"
    excerpt = Excerpt.chosen(outline, asked.part, asked.at or asked.zoom, whole=asked.whole, changes=changes)
    spans = read_excerpt(live.reader, excerpt)
    entry = _entry(live, subject)
    return page(
        live,
        "session.html",
        subject.heading,
        id=subject.id,
        crumb=(subject.heading, subject.up),
        command=show_command(subject.id),
        waiting=open_turn["waiting"] if open_turn else "",
        running=running_words(open_turn) if open_turn else "",
        since_ms=open_turn["waiting_since_ms"] or open_turn["since_ms"] if open_turn else "",
        **overview(
            spans,
            subject.address,
            asked.view,
            zoom=asked.zoom,
            usual=_usual_turn(live, spans, entry),
            open_turn=open_turn,
            delivery=_delivery_of_session(live, entry),
            excerpt=excerpt,
            title=(entry.title or entry.prompt) if entry is not None else "",
            directory=entry.directory if entry is not None else "",
        ),
    )


def _looked_for(live: Live, subject: PageSubject) -> Response:
    """A session whose id is given shortened, or as its agent writes it, is found; else there is none."""
    if subject.session_id:
        found = live.reader.find(subject.session_id, 2)
        if len(found) == 1 and not found[0].trace_id and found[0].session_id != subject.session_id:
            return RedirectResponse(session_link(found[0].session_id), 303)
        return missing(live, "session")
    return missing(live, "trace", "Traces")


def _rail(live: Live, subject: PageSubject, turn: int, part: int) -> Response:
    """The rail beside a conversation, for the turn that is in view."""
    outline = outline_of(live.reader, subject.session_id, subject.trace_id)
    open_turn = _open_turn(live, subject)
    if not outline.turns and open_turn is None:
        return HTMLResponse("", 404)
    excerpt = Excerpt.chosen(outline, part, f"t{turn}" if turn else "")
    spans = read_excerpt(live.reader, excerpt)
    seen = overview(
        spans,
        subject.address,
        "talk",
        turn=turn,
        usual=_usual_turn(live, spans, _entry(live, subject)),
        open_turn=open_turn,
        excerpt=excerpt,
    )
    return HTMLResponse(render("rail.html", **seen))


def _entry(live: Live, subject: PageSubject) -> SessionEntry | None:
    """What is listed of a session; nothing of a trace."""
    query = SessionQuery(session=subject.session_id, limit=1)
    return next(iter(live.reader.sessions(query)), None) if subject.session_id else None


def _usual_turn(live: Live, spans: list[ShownSpan], entry: SessionEntry | None) -> float:
    """The median cost of a turn in the sessions of the same directory; 0 where fewer than three are known."""
    directory = next((found for span in reversed(spans) if (found := span.text("opencode.directory"))), "")
    directory = directory or (entry.directory if entry is not None else "")
    if not directory:
        return 0.0
    entries = live.reader.sessions(SessionQuery(directory=directory, limit=_MOST_COMPARED))
    costs = [entry.cost / entry.traces for entry in entries if entry.cost and entry.traces]
    return median(costs) if len(costs) >= 3 else 0.0


def _delivery_of_session(live: Live, entry: SessionEntry | None) -> tuple[str, str, bool] | None:
    """How far a session is on its way, as a fact of it; nothing of a trace without one, and where all stays here."""
    if entry is None or not live.status()["forwarding"]["endpoint"]:
        return None
    return delivery_of(entry)


def delivery_of(entry: SessionEntry) -> tuple[str, str, bool]:
    """How many spans of a session were delivered, what became of the others, and whether any was refused."""
    counted = ((entry.queued, "queued"), (entry.dead, "refused"))
    words = ", ".join(f"{number:,} {what}" for number, what in counted if number)
    told_of = min(entry.spans, MOST_COUNTED)
    of = f"{told_of:,}" if told_of == entry.spans else f"the newest {told_of:,}"
    return f"{max(told_of - entry.queued - entry.dead, 0):,} of {of}", words, bool(entry.dead)


def _open_turn(live: Live, subject: PageSubject) -> dict[str, Any] | None:
    opened = live.status()["opencode"]["open_turns"]
    return next((turn for turn in opened if listed_session(turn["session_id"]) == subject.session_id), None)


def _export(live: Live, subject: PageSubject, form: str) -> Response:
    """A session or trace as a file, made as it is sent."""
    outline = outline_of(live.reader, subject.session_id, subject.trace_id)
    if not outline.turns:
        return HTMLResponse("nothing of this is kept", 404, media_type="text/plain")
    stem = "".join(each if (each.isascii() and each.isalnum()) or each in "-_" else "-" for each in subject.id)[:80]
    ending, kind = FORMATS[form]
    headers = {"content-disposition": f'attachment; filename="{stem}.{ending}"'}
    entry = _entry(live, subject)
    title = (entry.title or entry.prompt) if entry is not None else ""
    pieces = in_blocks(exported_of(live.reader, outline, subject.id, form, title))
    return StreamingResponse(pieces, media_type=kind, headers=headers)
