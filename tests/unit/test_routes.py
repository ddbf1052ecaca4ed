"""Every path has one owner, and asks for a token unless it is listed as open."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from harness.receiving import ReceiverHarness

from collector.app.routes import Routes
from collector.receive.guard import Access, Guard
from collector.viewer.api import new_api
from collector.viewer.live import Live

TOKEN = "t0ken"


@pytest.fixture
def viewer(receiver: ReceiverHarness) -> FastAPI:
    async def failure() -> str:
        return ""

    def status() -> None:
        raise AssertionError("no test here asks for the status")

    def nothing(*_: object) -> None:
        raise AssertionError("no test here asks for it")

    live = Live(receiver.reader, status, failure, lambda _: "", nothing, nothing, nothing)  # type: ignore[arg-type]
    return new_api(live, "1")


def ask(routes: Routes, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    async def send() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=routes)) as client:
            return await client.request(method, f"http://127.0.0.1:4318{path}", headers=headers)

    return asyncio.run(send())


def test_a_route_added_to_the_viewer_is_answered_by_the_viewer(receiver: ReceiverHarness, viewer: FastAPI) -> None:
    @viewer.get("/added/{name}")
    def added(name: str) -> dict[str, str]:
        return {"name": name}

    routes = Routes((receiver.receiver,), viewer, Guard(None))
    assert ask(routes, "/added/here").json() == {"name": "here"}
    assert ("/added/{name}", "viewer", Access.READ) in [(r.path, r.answers, r.access) for r in routes.table()]


def test_only_health_is_open(tmp_path: Path, viewer: FastAPI) -> None:
    guard = Guard(TOKEN)
    (tmp_path / "guarded").mkdir()
    guarded = ReceiverHarness(tmp_path / "guarded", guard=guard)
    routes = Routes((guarded.receiver,), viewer, guard)
    table = routes.table()
    assert {route.path for route in table if route.access is Access.OPEN} == {"/healthz", "/readyz"}
    for route in table:
        path = route.path.replace("{trace_id}", "00").replace("{span_id}", "00")
        assert (ask(routes, path).status_code == 401) == (route.access is not Access.OPEN), route
    assert ask(routes, "/api/sessions", authorization=f"Bearer {TOKEN}").status_code == 200
    guarded.close()


def test_every_path_of_the_table_has_one_owner(receiver: ReceiverHarness, viewer: FastAPI) -> None:
    paths = [route.path for route in Routes((receiver.receiver,), viewer, Guard(None)).table()]
    assert len(paths) == len(set(paths))
    assert {"/v1/traces", "/v1/logs", "/v1/metrics", "/", "/api/status", "/metrics"} <= set(paths)


@pytest.mark.parametrize("path", ["/nothing", "/v1/nothing", "/api/nothing"])
def test_a_path_that_is_not_in_the_table_is_404_and_names_where_telemetry_goes(
    receiver: ReceiverHarness, viewer: FastAPI, path: str
) -> None:
    answer = ask(Routes((receiver.receiver,), viewer, Guard(None)), path)
    assert answer.status_code == 404
    assert "/v1/traces" in answer.text
