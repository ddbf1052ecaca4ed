"""The lists: sessions, traces, logs, metrics, and what a search found."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from collector.batch import Signal
from collector.settings.wiring import AGENTS
from collector.store.entries import SearchHit, SessionEntry, SessionQuery, SpanQuery
from collector.viewer.asked import Nanoseconds
from collector.viewer.live import Live
from collector.viewer.pages.filters import Filters, Time, since_ns
from collector.viewer.pages.frame import page, running_words
from collector.viewer.shown.figures import day, short_path
from collector.viewer.shown.records import records_of
from collector.viewer.shown.turns import OUTLIER

_MOST_ROWS = 100
_MOST_HITS = 100


@dataclass(slots=True)
class SessionRow:
    """A session as the list shows it."""

    id: str
    title: str
    about: str
    turns: int
    tools: int
    errors: int
    tokens: int
    cost: float
    time_ns: int
    end_ns: int
    live: str
    waiting: str
    failed: str
    outlier: float
    delivery: str
    delivery_icon: str


@dataclass(slots=True)
class FoundGroup:
    """What a search found in one session."""

    session_id: str
    title: str
    about: str
    hits: list[SearchHit]


@dataclass(slots=True)
class ListSums:
    """What the line above the list says."""

    tokens: int
    cost: float
    live: int
    failed: int
    outliers: int


def add_lists(api: FastAPI, live: Live) -> None:
    """Routes of the lists."""

    @api.get("/", response_class=HTMLResponse, include_in_schema=False)
    def sessions(
        text: str = "",
        agent: str = "",
        model: str = "",
        tool: str = "",
        directory: str = "",
        errors: bool = False,
        time: Time = "",
        before: Nanoseconds = 0,
    ) -> Response:
        chosen = {"time": time, "agent": agent, "model": model, "tool": tool, "directory": directory}
        if text:
            filters = Filters("/search", chosen, errors, text)
            return RedirectResponse(filters.link({}), 303)
        query = SessionQuery(
            agent=agent,
            model=model,
            tool=tool,
            directory=directory,
            errors=errors,
            since_ns=since_ns(time),
            before_ns=before,
            limit=_MOST_ROWS + 1,
        )
        entries = live.reader.sessions(query)
        opened = live.status()["opencode"]["open_turns"]
        if not entries and not opened and not any(chosen.values()) and not errors and not before:
            if live.reader.last_batch() and live.reader.traces(limit=1):
                return RedirectResponse("/traces", 303)
            url = live.status()["url"]
            lines = [(agent.title, agent.about, agent.pasted(url)) for agent in AGENTS]
            return page(live, "empty.html", "Sessions", wiring=lines)
        return _sessions(live, entries, chosen, errors)

    @api.get("/traces", response_class=HTMLResponse, include_in_schema=False)
    def traces(before: Nanoseconds = 0) -> HTMLResponse:
        rows = live.reader.traces(limit=_MOST_ROWS + 1, only=SpanQuery(before_ns=before))
        more = f"/traces?before={rows[-2].end_ns}" if len(rows) > _MOST_ROWS else ""
        return page(live, "traces.html", "Traces", traces=rows[:_MOST_ROWS], next_page=more)

    @api.get("/logs", response_class=HTMLResponse, include_in_schema=False)
    def logs() -> HTMLResponse:
        return page(live, "records.html", "Logs", records=_records(live, Signal.LOGS))

    @api.get("/measurements", response_class=HTMLResponse, include_in_schema=False)
    def measurements() -> HTMLResponse:
        return page(live, "records.html", "Metrics", records=_records(live, Signal.METRICS))

    @api.get("/search", response_class=HTMLResponse, include_in_schema=False)
    def search(
        text: str = "",
        agent: str = "",
        model: str = "",
        tool: str = "",
        directory: str = "",
        errors: bool = False,
        time: Time = "",
    ) -> HTMLResponse:
        chosen = {"time": time, "agent": agent, "model": model, "tool": tool, "directory": directory}
        only = SessionQuery(agent, model, tool, directory, errors, since_ns(time))
        hits = live.reader.search(text, _MOST_HITS + 1, only) if text.strip() else []
        filters = Filters("/search", chosen, errors, text)
        return page(
            live,
            "found.html",
            "Sessions",
            text=text,
            groups=_groups(hits[:_MOST_HITS]),
            total=len(hits[:_MOST_HITS]),
            more=len(hits) > _MOST_HITS,
            active=[(f"\u201c{text}\u201d", "/"), *filters.active],
            **filters.shown(live),
        )


def _groups(hits: list[SearchHit]) -> list[FoundGroup]:
    """Hits by session, the session of the newest one first."""
    by_session: dict[str, list[SearchHit]] = defaultdict(list)
    for hit in hits:
        by_session[hit.session_id].append(hit)
    groups = []
    for session_id, found in by_session.items():
        about = short_path(found[0].directory) if found[0].directory else ""
        groups.append(FoundGroup(session_id, found[0].title or session_id, about, found))
    return groups


def _records(live: Live, signal: Signal) -> list[Any]:
    return records_of(live.reader.newest(signal, limit=50))[:500]


def _sessions(live: Live, entries: list[SessionEntry], chosen: dict[str, str], errors: bool) -> HTMLResponse:
    now = time.time_ns()
    more, entries = len(entries) > _MOST_ROWS, entries[:_MOST_ROWS]
    open_turns = {turn["session_id"]: turn for turn in live.status()["opencode"]["open_turns"]}
    usual = _usual(entries)
    forwards = bool(live.status()["forwarding"]["endpoint"])
    if not any(chosen.values()) and not errors:
        entries = [*_without_spans(open_turns, entries), *entries]
    rows = [_row(entry, open_turns.get(entry.session_id), usual, forwards) for entry in entries]
    days: dict[str, list[SessionRow]] = defaultdict(list)
    for row in rows:
        days["Now" if row.live or row.waiting else day(row.end_ns, now)].append(row)
    filters = Filters("/", chosen, errors)
    last = entries[-1].end_ns if entries else 0
    return page(
        live,
        "sessions.html",
        "Sessions",
        sessions=rows,
        days=list(days.items()),
        more=more,
        next_page=filters.link({"before": str(last)}) if more else "",
        active=filters.active,
        **filters.shown(live),
        total=ListSums(
            sum(row.tokens for row in rows),
            sum(row.cost for row in rows),
            sum(bool(row.live) for row in rows),
            sum(bool(row.errors) for row in rows),
            sum(bool(row.outlier) for row in rows),
        ),
    )


def _without_spans(open_turns: Mapping[str, dict[str, Any]], entries: list[SessionEntry]) -> list[SessionEntry]:
    """Sessions of which a turn is open and no span is listed: the first turn is seen while it runs."""
    listed = {entry.session_id for entry in entries}
    return [
        SessionEntry(identifier, "opencode", 1, 0, 0, 0, 0.0, turn["since_ms"] * 1_000_000, time.time_ns())
        for identifier, turn in open_turns.items()
        if identifier not in listed
    ]


def _usual(entries: list[SessionEntry]) -> dict[str, float]:
    """The median cost of a session by directory, where at least three are known."""
    costs: dict[str, list[float]] = defaultdict(list)
    for entry in entries:
        if entry.cost:
            costs[entry.directory].append(entry.cost)
    return {directory: median(each) for directory, each in costs.items() if len(each) >= 3}


def _row(entry: SessionEntry, open_turn: dict[str, Any] | None, usual: dict[str, float], forwards: bool) -> SessionRow:
    typical = usual.get(entry.directory, 0.0)
    name = " ".join(dict.fromkeys(filter(None, (entry.service, entry.agent))))
    about = " · ".join(filter(None, (short_path(entry.directory) if entry.directory else "", name, entry.model)))
    waiting = str(open_turn["waiting"]) if open_turn else ""
    running = running_words(open_turn) if open_turn and not waiting else ""
    if entry.dead:
        delivery, icon = f"{entry.dead} dead letters", "fail"
    elif entry.queued:
        delivery, icon = f"{entry.queued} queued", "queue"
    else:
        delivery, icon = ("delivered", "send") if forwards else ("kept here", "home")
    return SessionRow(
        id=entry.session_id,
        title=entry.title or entry.prompt or entry.session_id,
        about=about,
        turns=entry.traces,
        tools=entry.tools,
        errors=entry.errors,
        tokens=entry.tokens,
        cost=entry.cost,
        time_ns=max(0, entry.end_ns - entry.start_ns),
        end_ns=entry.end_ns,
        live=running,
        waiting=waiting,
        failed=entry.failure,
        outlier=entry.cost / typical if typical and entry.cost >= OUTLIER * typical else 0.0,
        delivery=delivery,
        delivery_icon=icon,
    )
