"""A long session in a real browser: it comes part by part, in place, and every link finds its part."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from harness.browser import Browser, read_token
from harness.long_sessions import turn_of_tools
from harness.process import Process
from playwright.sync_api import Page, expect

from collector.viewer.shown.parts import MOST_SPANS

CALLS = 1000
SPAN = f"{(1 << 32) + 321:016x}"


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """One session of one turn of a thousand calls, and one of forty turns of fifty."""
    process = Process(tmp_path_factory.mktemp("long"))
    try:
        for request in (
            turn_of_tools(1, CALLS, "ses_one"),
            *(turn_of_tools(number, 50, "ses_many") for number in range(10, 50)),
        ):
            assert process.post("/v1/traces", request.SerializeToString())[0] == 200
        yield process
    finally:
        process.stop()


def rows(page: Page) -> int:
    return page.locator("#talk .row").count()


def test_earlier_parts_are_put_in_place_and_the_reader_stays_where_he_was(browser: Browser, long: Process) -> None:
    with browser.page(long.url, token=read_token(long)) as page:
        page.goto("/sessions/ses_many")
        first = page.locator("#talk .turn").first
        number, before = first.get_attribute("data-number"), rows(page)
        page.evaluate("scrollTo(0, 0)")
        stood = page.locator(f"#t{number}").bounding_box()
        page.get_by_role("link", name="Earlier").click()
        expect(page.locator("#talk .part[data-loaded]")).to_have_count(1)
        now = page.locator(f"#t{number}").bounding_box()
        assert stood is not None and now is not None and abs(stood["y"] - now["y"]) < 60
        assert rows(page) > before
        assert page.url.endswith("/sessions/ses_many")
        numbers = page.locator("#talk .turn").evaluate_all("all => all.map(e => Number(e.dataset.number))")
        assert numbers == sorted(set(numbers)), "each turn stands once, in order"


def test_a_loaded_part_stays_while_the_session_grows(browser: Browser, long: Process) -> None:
    with browser.page(long.url, token=read_token(long)) as page:
        page.goto("/sessions/ses_many")
        page.get_by_role("link", name="Earlier").click()
        loaded = page.locator("#talk .part[data-loaded] .turn").first
        expect(loaded).to_be_attached()
        identifier = loaded.get_attribute("id")
        group = loaded.locator("details.row").first
        group.locator("summary").first.click()
        request = turn_of_tools(60, 3, "ses_many")
        assert long.post("/v1/traces", request.SerializeToString())[0] == 200
        expect(page.locator("#talk .turn[data-number='41']")).to_have_count(1)
        expect(page.locator(f"#{identifier}")).to_have_count(1)
        assert page.locator(f"#{identifier} details.row").first.get_attribute("open") is not None
        expect(page.get_by_role("link", name="Earlier")).to_have_count(1)


def test_a_folded_row_of_a_long_turn_is_filled_when_it_is_opened(browser: Browser, long: Process) -> None:
    with browser.page(long.url, token=read_token(long)) as page:
        page.goto("/sessions/ses_one")
        expect(page.locator("#talk")).not_to_contain_text("output of 1000")
        group = page.locator("#talk details.row").last
        page.locator("#talk details.row", has_text="calls").first.locator("summary").first.click()
        group.locator("summary").click()
        expect(group.locator("pre.out")).to_contain_text("output of 1000")


def test_a_link_to_a_span_finds_its_part(browser: Browser, long: Process) -> None:
    with browser.page(long.url, token=read_token(long)) as page:
        for address in (f"/sessions/ses_one#s-{SPAN}", f"/sessions/ses_one?at={SPAN}#s-{SPAN}"):
            page.goto("about:blank")
            page.goto(address)
            expect(page.locator(f"#s-{SPAN}[aria-current]")).to_be_visible()
        page.goto("/sessions/ses_many#t3")
        expect(page.locator("#t3")).to_be_in_viewport()


def test_keys_go_from_part_to_part(browser: Browser, long: Process) -> None:
    with browser.page(long.url, token=read_token(long)) as page:
        page.goto("/sessions/ses_many?part=3")
        expect(page.locator("#talk .part")).to_have_count(1)
        page.keyboard.press("k")
        page.keyboard.press("k")
        expect(page.locator("#talk .part")).to_have_count(2)
        expect(page.locator("#talk .row[aria-current]")).to_be_in_viewport()
        assert page.locator("#part-2 .row[aria-current]").count() == 1
        rail = page.locator("#rail")
        page.keyboard.press("]")
        expect(rail).to_contain_text("Waterfall, turn")


def test_without_script_the_parts_are_pages(browser: Browser, long: Process) -> None:
    with browser.page(long.url, token=read_token(long), script=False) as page:
        page.goto("/sessions/ses_one")
        seen = {page.locator("#talk .turn").first.get_attribute("id")}
        for _ in range(CALLS // MOST_SPANS):
            page.get_by_role("link", name="Earlier").click()
            seen.add(page.locator("#talk .turn").first.get_attribute("id"))
        assert "t1" in seen
        expect(page.get_by_role("link", name="Earlier")).to_have_count(0)
