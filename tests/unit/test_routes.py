"""Every path has one owner, and asks for a token unless it is listed as open."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI
from harness.receiving import ReceiverHarness

from collector.app.health import HealthAnswers
from collector.app.routes import Routes
from collector.receive.guard import COOKIE, Access, Guard
from collector.viewer.api import new_api
from collector.viewer.live import Live, QueueControl

TOKEN = "t0ken"
NewRoutes = Callable[[Guard], Routes]


@pytest.fixture
def live(receiver: ReceiverHarness) -> Live:
    async def failure() -> str:
        return ""

    def status() -> None:
        raise AssertionError("no test here asks for the status")

    def nothing(*_: object) -> None:
        raise AssertionError("no test here asks for it")

    return Live(receiver.reader, status, failure, lambda _: "", nothing, nothing, nothing, nothing)  # type: ignore[arg-type]


@pytest.fixture
def viewer(receiver: ReceiverHarness, live: Live) -> FastAPI:
    return new_api(live, "1", QueueControl(receiver.store, (), lambda: None))


@pytest.fixture
def routes(receiver: ReceiverHarness, live: Live, viewer: FastAPI) -> NewRoutes:
    return lambda guard: Routes((receiver.receiver,), HealthAnswers(live, "1"), lambda: viewer, guard)


def ask(routes: Routes, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    async def send() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=routes)) as client:
            return await client.request(method, f"http://127.0.0.1:4318{path}", headers=headers)

    return asyncio.run(send())


def test_a_route_added_to_the_viewer_is_answered_by_the_viewer(routes: NewRoutes, viewer: FastAPI) -> None:
    @viewer.get("/added/{name}")
    def added(name: str) -> dict[str, str]:
        return {"name": name}

    found = routes(Guard())
    assert ask(found, "/added/here").json() == {"name": "here"}
    assert ("/added/{name}", "viewer", Access.READ) in [(r.path, r.answers, r.access) for r in found.table()]


def test_only_what_holds_nothing_of_what_was_kept_takes_no_read_token(routes: NewRoutes) -> None:
    found = routes(Guard(read_token=TOKEN))
    table = found.table()
    assert {r.path for r in table if r.access is Access.OPEN} == {"/healthz", "/readyz", "/static/{name}"}
    assert {r.path for r in table if r.access is Access.MEASURE} == {"/metrics"}
    for route in table:
        path = re.sub(r"\{\w+\}", "00", route.path)
        assert (ask(found, path).status_code == 401) == (route.access is Access.READ), route
    cookie = f"{COOKIE}={TOKEN}"
    for carried in ({"authorization": f"Bearer {TOKEN}"}, {"x-collector-token": TOKEN}, {"cookie": f"a=b; {cookie}"}):
        assert ask(found, "/api/sessions", **carried).status_code == 200, carried
    for wrong in ({"authorization": f"Bearer {TOKEN}x"}, {"cookie": f"{COOKIE}="}, {"cookie": f"x{cookie}"}):
        assert ask(found, "/api/sessions", **wrong).status_code == 401, wrong


def test_a_browser_without_the_token_is_told_how_to_get_in(routes: NewRoutes) -> None:
    """And a program in JSON; neither learns anything else, and the page keeps to the policy of all pages."""
    found = routes(Guard(read_token=TOKEN))
    browser = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    for path in ("/", "/sessions/ses_1", "/delivery"):
        page = ask(found, path, **browser)
        assert (page.status_code, page.headers["content-type"]) == (401, "text/html; charset=utf-8")
        assert "collector open --print" in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "<script" not in page.text
        assert "style=" not in page.text
        assert ask(found, path).json() == ask(found, path, accept="*/*").json()
        assert ask(found, path).json()["code"] == 16
    assert ask(found, "/api/sessions", **browser).json()["code"] == 16
    elsewhere = ask(found, "/", **browser, host="evil.example")
    assert (elsewhere.status_code, "COLLECTOR_ALLOWED_HOSTS" in elsewhere.text) == (403, True)
    assert elsewhere.headers["content-type"] == "text/html; charset=utf-8"
    missing = ask(found, "/nothing", **browser)
    assert (missing.status_code, "There is no such page." in missing.text) == (404, True)
    assert ask(found, "/nothing").json()["code"] == 5


def test_a_token_in_the_address_becomes_a_cookie_and_leaves_the_address(routes: NewRoutes) -> None:
    found = routes(Guard(read_token=TOKEN))
    answer = ask(found, f"/api/sessions?limit=3&token={TOKEN}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/api/sessions?limit=3")
    assert answer.headers["set-cookie"] == f"{COOKIE}={TOKEN}; HttpOnly; SameSite=Strict; Path=/"
    assert ask(found, "/api/sessions?token=guessed").status_code == 401
    elsewhere = ask(found, f"//evil.example/..?token={TOKEN}")
    assert re.fullmatch(r"|/|/[^/].*", elsewhere.headers.get("location", ""))
    assert ask(found, f"/?token={TOKEN}", origin="http://evil.example").status_code == 403


def test_who_comes_from_a_file_is_led_on_by_a_page_of_ours(routes: NewRoutes) -> None:
    """Browsers send no strict cookie along a redirect that began on another site."""
    answer = ask(
        routes(Guard(read_token=TOKEN)), f"/api/spans?limit=3&token={TOKEN}", **{"sec-fetch-site": "cross-site"}
    )
    assert (answer.status_code, answer.headers["refresh"]) == (200, "0; url=/api/spans?limit=3")
    assert answer.headers["set-cookie"].startswith(f"{COOKIE}={TOKEN}; HttpOnly; SameSite=Strict")


def test_every_answer_of_the_viewer_tells_browsers_to_keep_to_our_own(routes: NewRoutes) -> None:
    found = routes(Guard(read_token=TOKEN))
    for path in ("/healthz", "/api/sessions", "/api/sessions?limit=x"):
        for carried in ({}, {"x-collector-token": TOKEN}):
            headers = ask(found, path, **carried).headers
            assert "default-src 'none'" in headers["content-security-policy"]
            assert (headers["x-frame-options"], headers["x-content-type-options"]) == ("DENY", "nosniff")
            assert (headers["cache-control"], headers["referrer-policy"]) == ("no-store", "no-referrer")


def test_what_the_viewer_cannot_show_is_503_and_never_500(
    routes: NewRoutes, viewer: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    @viewer.get("/broken")
    def broken() -> None:
        raise ValueError("CANARY7")

    answer = ask(routes(Guard()), "/broken")
    assert (answer.status_code, "CANARY7" in answer.text, "CANARY7" in caplog.text) == (503, False, False)


@pytest.mark.parametrize("path", ["/api/tail?after=100000000000000000000", "/api/tail?after=-2", "/api/spans?limit=0"])
def test_a_number_that_cannot_be_meant_is_422(routes: NewRoutes, path: str) -> None:
    assert ask(routes(Guard()), path).status_code == 422


@pytest.mark.parametrize("origin", ["http://[", "http://", "null", "http://[::1", "//127.0.0.1:4318", "a:b@c:d"])
def test_an_origin_that_is_none_is_403(routes: NewRoutes, origin: str) -> None:
    assert ask(routes(Guard()), "/api/status", origin=origin).status_code == 403


def test_the_status_is_told_without_the_viewer(receiver: ReceiverHarness, live: Live) -> None:
    """Commands ask for it, an import at its end: what the page takes is not held for them."""

    def viewer() -> FastAPI:
        raise AssertionError("nobody looks at a page")

    told = Routes((receiver.receiver,), HealthAnswers(replace(live, status=lambda: {"a": 1}), "1"), viewer, Guard())  # type: ignore[arg-type, return-value]
    assert ask(told, "/api/status").json() == {"a": 1}


def test_every_path_of_the_table_has_one_owner(routes: NewRoutes) -> None:
    paths = [route.path for route in routes(Guard()).table()]
    assert len(paths) == len(set(paths))
    assert {"/v1/traces", "/v1/logs", "/v1/metrics", "/", "/api/status", "/metrics"} <= set(paths)


@pytest.mark.parametrize("path", ["/nothing", "/v1/nothing", "/api/nothing"])
def test_a_path_that_is_not_in_the_table_is_404_and_names_where_telemetry_goes(routes: NewRoutes, path: str) -> None:
    answer = ask(routes(Guard()), path)
    assert answer.status_code == 404
    assert "/v1/traces" in answer.text


def test_the_viewer_is_made_when_first_it_is_asked_for_and_once(
    receiver: ReceiverHarness, live: Live, viewer: FastAPI
) -> None:
    """What clients and probes ask for ever costs no collector the memory of a page that nobody looks at."""
    made: list[FastAPI] = []

    def new() -> FastAPI:
        made.append(viewer)
        return viewer

    found = Routes((receiver.receiver,), HealthAnswers(live, "1"), new, Guard())
    assert ask(found, "/healthz").json() == {"status": "ok", "service": "opencode-collector", "version": "1"}
    assert ask(found, "/readyz").json() == {"status": "ready"}
    assert [ask(found, path).status_code for path in ("/v1/traces", "/v1/nothing")] == [405, 404]
    assert ask(found, "/healthz", "POST").status_code == 405
    assert ask(found, f"/healthz?challenge={'x' * 65}").status_code == 400
    assert made == []
    assert [ask(found, "/api/sessions").status_code for _ in range(2)] == [200, 200]
    assert made == [viewer]


def test_a_viewer_that_cannot_be_loaded_is_503_and_hurts_nothing_else(receiver: ReceiverHarness, live: Live) -> None:
    def broken() -> FastAPI:
        raise ImportError("CANARY7")

    found = Routes((receiver.receiver,), HealthAnswers(live, "1"), broken, Guard())
    answer = ask(found, "/")
    assert (answer.status_code, "CANARY7" in answer.text) == (503, False)
    assert ask(found, "/healthz").status_code == 200
