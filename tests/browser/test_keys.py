"""Each key of the list that `?` shows does what it says there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from browser.test_page import PAGES, session_of
from harness.browser import Browser, read_token
from harness.process import Process
from harness.telemetry import JSON, traces
from harness.upstream import OK, Answer, upstream, wait_for
from playwright.sync_api import Page, expect

CURRENT = "[data-span][aria-current]"


def _moves(page: Page) -> None:
    """`j` and `k`: down and up, and not beyond the ends."""
    page.goto("/")
    rows = page.locator("main tr[data-span]")
    expect(rows.nth(2)).to_be_visible()
    for key, at in (("j", 0), ("j", 1), ("j", 2), ("k", 1), ("k", 0), ("k", 0)):
        page.keyboard.press(key)
        expect(rows.nth(at)).to_have_attribute("aria-current", "true")
        expect(page.locator(f"main tr{CURRENT}")).to_have_count(1)


def _folds(page: Page) -> None:
    """`l` and `h`: a call of a conversation opens and folds; a row of a list opens the session."""
    page.goto(session_of(page, "bash"))
    row = page.locator("main details.row[data-span]").first
    expect(row).to_be_visible()
    for _ in range(page.locator("main .row[data-span]").count()):
        page.keyboard.press("j")
        if row.get_attribute("aria-current"):
            break
    for key, is_open in (("h", False), ("l", True), ("l", True), ("h", False)):
        page.keyboard.press(key)
        assert row.evaluate("row => row.open") is is_open
    page.goto("/")
    page.keyboard.press("j")
    page.keyboard.press("l")
    page.wait_for_url("**/sessions/**")


def _enters(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("j")
    address = page.locator(f"tr{CURRENT} a.title").get_attribute("href")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{address}")


def _turns(page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 420})
    page.goto(session_of(page, "multiturn"))
    turns = page.locator("article.turn")
    expect(turns).to_have_count(3)
    page.evaluate("scrollTo(0, 0)")
    for key, at in (("]", 0), ("]", 1), ("[", 0)):  # the head of the page is before the first
        page.keyboard.press(key)
        handle = turns.nth(at).element_handle()
        page.wait_for_function("turn => Math.abs(turn.getBoundingClientRect().top) < 80", arg=handle)


def _failures(page: Page) -> None:
    page.goto(session_of(page, "permission"))
    page.keyboard.press("e")
    expect(page.locator(f".row.bad{CURRENT}")).to_have_count(1)


def _to_sessions(page: Page) -> None:
    page.goto("/policy")
    page.keyboard.press("g")
    expect(page.get_by_role("heading", name="Sessions")).to_be_visible()


def _tabs(page: Page) -> None:
    page.goto(session_of(page, "bash"))
    for key, view in (("2", "changed"), ("3", "waterfall"), ("4", "sent"), ("1", "talk")):
        page.keyboard.press(key)
        page.wait_for_url(f"**view={view}")


def _zooms(page: Page) -> None:
    page.goto(f"{session_of(page, 'multi')}?view=waterfall")
    page.locator(".wf a", has_text="sleep 1").click()
    page.keyboard.press("z")
    page.wait_for_url("**zoom=**")
    page.keyboard.press("z")
    page.wait_for_url(lambda url: "zoom=" not in url)


def _copies(page: Page) -> None:
    page.goto(session_of(page, "bash"))
    page.keyboard.press("c")
    expect(page.locator("#said")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()").startswith("## Turn 1")


def _pauses(page: Page) -> None:
    page.goto("/")
    expect(page.locator("#follow")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("p")
    expect(page.locator("#follow")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("p")
    expect(page.locator("#follow")).to_have_attribute("aria-pressed", "true")


def _searches(page: Page) -> None:
    """`/` focuses the search of a page, and leads to one that has it; what is typed there is text."""
    page.goto("/")
    page.keyboard.press("/")
    expect(page.locator(".find input")).to_be_focused()
    page.keyboard.type("jkg?")
    expect(page.locator(".find input")).to_have_value("jkg?")
    page.goto("/policy")
    page.keyboard.press("/")
    page.wait_for_url(lambda url: url.endswith("/"))


def _lists(page: Page) -> None:
    """`?` shows the list, and `esc` closes it; while it is open other keys leave the page alone."""
    page.goto("/policy")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()
    assert page.url.endswith("/policy")


KEYS: dict[str, Callable[[Page], None]] = {
    "j k": _moves, "l h": _folds, "enter": _enters, "] [": _turns, "e": _failures, "g": _to_sessions,
    "1 2 3 4": _tabs, "z": _zooms, "c": _copies, "p": _pauses, "/": _searches, "? esc": _lists,
}  # fmt: skip


@pytest.mark.parametrize("keys", KEYS)
def test_a_key_does_what_the_list_says(browser: Browser, told: Process, keys: str) -> None:
    with browser.page(told.url, token=read_token(told)) as page:
        KEYS[keys](page)


def test_every_key_that_a_page_names_is_tried(browser: Browser, told: Process) -> None:
    with browser.page(told.url, token=read_token(told)) as page:
        named: set[str] = set()
        for address in (*PAGES, session_of(page, "bash")):
            page.goto(address)
            named |= {text.strip() for text in page.locator("kbd").all_text_contents()}
    assert named == {key for keys in KEYS for key in keys.split()} - {"2", "3"} | {"r"}


def test_r_retries_what_a_destination_refused(browser: Browser, tmp_path: Path) -> None:
    answers: list[Answer] = [(400, {"content-type": JSON}, b"{}")]
    with upstream(lambda _: answers[0]) as up:
        process = Process(tmp_path, "--upstream", up.url)
        try:
            process.post("/v1/traces", traces(1).SerializeToString())
            wait_for(lambda: process.account()["dead_lettered"] == 1)
            answers[0] = OK
            with browser.page(process.url, token=read_token(process)) as page:
                page.goto("/delivery")
                expect(page.locator("[data-retry]")).to_be_visible()
                page.keyboard.press("r")
                wait_for(lambda: process.account()["delivered"] == 1)
                expect(page.locator("[data-retry]")).to_have_count(0)
        finally:
            process.stop()
