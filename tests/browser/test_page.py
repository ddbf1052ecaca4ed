"""The page in a real browser: what is recorded is seen, by itself, by keyboard, in both themes and sizes."""

from __future__ import annotations

import json
import re
import time

import pytest
from harness.browser import Browser, read_token, recorded, serious, tell
from harness.credentials import GITHUB
from harness.process import Process
from harness.telemetry import JSON
from playwright.sync_api import Page, expect

PAGES = ("/", "/traces", "/logs", "/measurements", "/delivery", "/policy", "/search?text=echo")


def session_of(page: Page, title: str = "") -> str:
    """The address of the newest session's page."""
    page.goto("/")
    page.wait_for_selector("tr[data-span] a.title")
    address = page.locator("tr[data-span] a.title").first.get_attribute("href")
    assert address is not None
    return address


def test_the_first_turn_appears_by_itself(browser: Browser, collector: Process) -> None:
    with browser.page(collector.url, token=read_token(collector)) as page:
        page.goto("/")
        expect(page.get_by_role("heading", name="Nothing has arrived yet")).to_be_visible()
        tell(collector, "multi")
        expect(page.locator("tr[data-span] a.title")).to_have_count(1)


def test_an_open_page_of_a_session_grows_and_keeps_what_was_unfolded(browser: Browser, collector: Process) -> None:
    tell(collector, "multiturn", 0, 90)
    with browser.page(collector.url, token=read_token(collector)) as page:
        page.goto(session_of(page))
        before = page.locator("article.turn").count()
        page.locator("#help").evaluate("dialog => dialog.dataset.mark = 'same document'")
        tell(collector, "multiturn")
        expect(page.locator("article.turn")).to_have_count(3)
        assert before <= 3
        assert page.locator("#help").evaluate("dialog => dialog.dataset.mark") == "same document"


def test_a_conversation_reads_as_it_went(browser: Browser, collector: Process) -> None:
    tell(collector, "multi")
    with browser.page(collector.url, token=read_token(collector)) as page:
        page.goto(session_of(page))
        expect(page.locator(".say").first).to_have_text("Reading two files.")
        group = page.locator("details.row", has_text="3 calls").first
        assert group.get_attribute("open") is None
        group.locator("summary").first.click()
        expect(group.locator(".row .name").nth(1)).to_be_visible()
        page.locator("details.row", has_text="hello.txt").filter(has_text="edit").locator("summary").click()
        expect(page.locator(".diff ins").first).to_have_text("brave ")


def test_a_wait_for_permission_is_seen_while_it_lasts(browser: Browser, collector: Process) -> None:
    lines = recorded("permission")
    asked = next(number for number, line in enumerate(lines) if b"permission.asked" in line)
    replied = next(number for number, line in enumerate(lines) if b"permission.replied" in line)
    tell(collector, "permission", 0, asked)
    with browser.page(collector.url, token=read_token(collector)) as page:
        page.goto("/")
        tell(collector, "permission", asked, replied)
        expect(page.locator(".sub.wait")).to_contain_text("waiting for permission: bash")
        page.locator("a.title").first.click()
        expect(page.locator("#live")).to_contain_text("Waiting for permission: bash")
        tell(collector, "permission", replied)
        expect(page.locator("#live")).to_have_count(0)
        expect(page.locator(".note.wait").first).to_contain_text("waited 1.5 s for permission: bash")


def test_what_changed_waterfall_and_as_sent_are_views_of_the_session(browser: Browser, collector: Process) -> None:
    tell(collector, "multi")
    with browser.page(collector.url, token=read_token(collector)) as page:
        page.goto(session_of(page))
        page.get_by_role("link", name="What changed").click()
        expect(page.locator(".diff")).to_have_count(2)
        page.get_by_role("link", name="Waterfall").click()
        expect(page.locator(".wf a")).to_have_count(12)
        page.get_by_role("link", name="As sent").click()
        page.locator("table a").first.click()
        expect(page.get_by_role("heading", name="OTLP/JSON")).to_be_visible()


def test_selecting_in_the_waterfall_selects_in_the_conversation(browser: Browser, collector: Process) -> None:
    tell(collector, "permission")
    with browser.page(collector.url, token=read_token(collector)) as page:
        page.goto(session_of(page))
        page.locator(".wf a", has_text="rm -f zzz").click()
        expect(page.locator(".row.bad[aria-current]")).to_have_count(1)
        assert page.url.partition("#")[2].startswith("s-")


def test_a_masked_value_is_an_ink_bar_with_its_rule(browser: Browser, collector: Process) -> None:
    values = {"openinference.span.kind": "TOOL", "output.value": f"the token is {GITHUB}"}
    span = {
        "traceId": "a" * 32,
        "spanId": "b" * 16,
        "name": "tool",
        "startTimeUnixNano": "1",
        "endTimeUnixNano": "2",
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in values.items()],
    }
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
    assert collector.post("/v1/traces", body.encode(), JSON)[0] == 200
    with browser.page(collector.url, token=read_token(collector)) as page:
        page.goto(f"/spans/{'a' * 32}/{'b' * 16}")
        expect(page.locator(".masks .mask")).to_have_text("github-token")
        expect(page.locator(".masks li")).to_contain_text("in output.value, line 1")
        assert GITHUB not in page.content()


def test_a_text_is_tried_under_the_policy_and_kept_nowhere(browser: Browser, collector: Process) -> None:
    with browser.page(collector.url, token=read_token(collector)) as page:
        page.goto("/policy")
        page.locator("#try").fill(f"export GH={GITHUB}")
        expect(page.locator("#tried .mask")).to_have_text("github-token")
    collector.stop()
    data = b"".join(path.read_bytes() for path in (collector.directory / "data").rglob("*") if path.is_file())
    assert GITHUB.encode() not in data


def test_search_finds_kept_text(browser: Browser, collector: Process) -> None:
    tell(collector, "bash")
    with browser.page(collector.url, token=read_token(collector)) as page:
        session_of(page)
        page.keyboard.press("/")
        page.keyboard.type("hi-from-bash")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Found in kept text")).to_be_visible()
        for _ in range(240):  # text is indexed beside the posts, a moment later
            if page.locator(".masks li").count():
                break
            page.wait_for_timeout(250)
            page.reload()
        expect(page.locator(".masks li mark").first).to_be_visible()


def test_two_turns_are_compared(browser: Browser, collector: Process) -> None:
    tell(collector, "multiturn")
    with browser.page(collector.url, token=read_token(collector)) as page:
        page.goto(session_of(page))
        page.get_by_role("link", name="Compare", exact=True).click()
        expect(page.get_by_role("heading", name="Two turns side by side")).to_be_visible()
        expect(page.locator("td", has_text="model calls")).to_be_visible()


def test_any_two_turns_are_compared_and_what_differs_opens(browser: Browser, collector: Process) -> None:
    tell(collector, "multiturn")
    with browser.page(collector.url, token=read_token(collector)) as page:
        page.goto(session_of(page))
        expect(page.locator("article.turn")).to_have_count(3)
        page.get_by_role("link", name="Compare with 1").click()
        page.locator("section", has=page.get_by_role("heading", name="Right", exact=True)).locator("summary").click()
        page.get_by_role("link", name="3 ·").first.click()
        expect(page.locator("summary", has_text="Turn 3 of 3")).to_be_visible()
        opened = page.locator(".pairs details", has_text="messages sent").last
        opened.locator("summary").click()
        expect(opened.locator(".diff tr.p").first).to_be_visible()
        page.get_by_role("link", name="Swap").click()
        expect(page.locator("section", has_text="Left").locator("summary", has_text="Turn 3 of 3")).to_be_visible()


def test_a_search_is_narrowed_by_chips_that_stand_in_the_address(browser: Browser, collector: Process) -> None:
    for scenario in ("multi", "bash"):
        tell(collector, scenario)
    with browser.page(collector.url, token=read_token(collector)) as page:
        page.goto("/")
        expect(page.locator("tr[data-span] a.title")).to_have_count(2)
        indexed(page, "/search?text=echo", 2)
        page.locator("summary.chip", has_text="tool").click()
        page.get_by_role("link", name="grep", exact=True).click()
        expect(page.locator("section.box h2 a")).to_have_count(1)
        assert "tool=grep" in page.url and "text=echo" in page.url
        page.reload()
        expect(page.locator("summary.chip.on")).to_have_text("tool grep")
        page.goto("/search?text=nosuchword&tool=grep")
        page.get_by_role("link", name="nosuchword").click()
        expect(page.get_by_role("heading", name="Sessions")).to_be_visible()


def indexed(page: Page, address: str, sessions: int) -> None:
    """Text is indexed beside the posts, a moment later."""
    for _ in range(240):
        page.goto(address)
        if page.locator("section.box h2 a").count() >= sessions:
            return
        page.wait_for_timeout(250)
    raise AssertionError(page.content())


def test_the_waterfall_folds_idle_time_and_zooms_by_key(browser: Browser, collector: Process) -> None:
    tell(collector, "multi")
    with browser.page(collector.url, token=read_token(collector)) as page:
        page.goto(f"{session_of(page)}?view=waterfall")
        expect(page.locator(".key", has_text="idle")).to_be_visible()
        page.locator(".wf a", has_text="sleep 1").click()
        page.keyboard.press("z")
        page.wait_for_url("**zoom=**")
        expect(page.get_by_role("heading", name="Zoomed in")).to_be_visible()
        assert page.locator(".wf a").count() < 12
        page.keyboard.press("z")
        expect(page.locator(".wf a")).to_have_count(12)


def test_the_rail_follows_the_turn_in_view(browser: Browser, collector: Process) -> None:
    tell(collector, "multiturn")
    with browser.page(collector.url, height=420, token=read_token(collector)) as page:
        page.goto(session_of(page))
        expect(page.locator("article.turn")).to_have_count(3)
        expect(page.get_by_role("heading", name="Waterfall, turn 3")).to_be_visible()
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        page.evaluate("scrollTo(0, 0)")
        expect(page.get_by_role("heading", name="Waterfall, turn 1")).to_be_visible(timeout=60_000)
        expect(page.locator("#rail [data-turn='1']")).to_have_attribute("aria-current", "true")


def test_a_page_that_lost_its_collector_says_so_and_recovers(browser: Browser, collector: Process) -> None:
    tell(collector, "bash")
    port = collector.url.rpartition(":")[2]
    context = browser.loose(collector.url, read_token(collector))
    with context as page:
        session_of(page)
        collector.stop()
        expect(page.locator("#here")).to_have_attribute("data-stale", re.compile("not up to date"))
        expect(page.locator("tr[data-span] a.title")).to_have_count(1)
        again = Process(collector.directory, "--port", port)
        try:
            expect(page.locator("#here[data-stale]")).to_have_count(0)
        finally:
            again.stop()


def test_a_file_is_imported_by_choosing_it_and_another_is_refused(browser: Browser, collector: Process) -> None:
    lines = collector.directory / "events.ndjson"
    lines.write_bytes(b"\n".join(recorded("bash")))
    other = collector.directory / "notes.txt"
    other.write_text("nothing of ours")
    with browser.page(collector.url, token=read_token(collector)) as page:
        page.goto("/")
        page.locator("#import").set_input_files(other)
        expect(page.locator("#drop")).to_contain_text("nothing was imported")
        page.reload()
        page.locator("#import").set_input_files(lines)
        expect(page.locator("tr[data-span] a.title")).to_have_count(1)


def test_what_is_kept_is_cleared_after_asking(browser: Browser, collector: Process) -> None:
    tell(collector, "bash")
    with browser.page(collector.url, token=read_token(collector)) as page:
        session_of(page)
        expect(page.get_by_role("img", name="finished")).to_be_visible()  # what is still to be kept is not forgotten
        page.goto("/delivery")
        page.locator("summary", has_text="Clear").click()
        page.get_by_role("button", name="Forget all of it").click()
        expect(page.locator("#said")).to_have_text("Done")
        page.goto("/")
        expect(page.get_by_role("heading", name="Nothing has arrived yet")).to_be_visible()


def test_the_keyboard_is_enough(browser: Browser, collector: Process) -> None:
    tell(collector, "permission")
    with browser.page(collector.url, token=read_token(collector)) as page:
        session_of(page)
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.wait_for_url("**/sessions/**")
        expect(page.locator(".row.bad")).to_have_count(1)
        page.keyboard.press("e")
        expect(page.locator(".row.bad[aria-current]")).to_have_count(1)
        page.keyboard.press("h")
        assert page.locator(".row.bad").get_attribute("open") is None
        page.keyboard.press("l")
        assert page.locator(".row.bad").get_attribute("open") is not None
        page.keyboard.press("?")
        expect(page.locator("#help")).to_be_visible()
        page.keyboard.press("Escape")
        page.keyboard.press("2")
        page.wait_for_url("**view=changed")
        page.keyboard.press("g")
        expect(page.get_by_role("heading", name="Sessions")).to_be_visible()


def test_a_test_trace_is_sent_from_the_empty_page(browser: Browser, collector: Process) -> None:
    with browser.page(collector.url, token=read_token(collector)) as page:
        page.goto("/")
        page.get_by_role("button", name="Send a test trace").click()
        expect(page.locator("tr[data-span] a.title")).to_have_count(1)


def test_a_session_is_exported_as_one_file_that_needs_nothing_else(browser: Browser, collector: Process) -> None:
    tell(collector, "multi")
    with browser.page(collector.url, token=read_token(collector)) as page:
        address = session_of(page)
        page.goto(address)
        page.get_by_text("Export", exact=True).click()
        with page.expect_download() as download:
            page.get_by_role("link", name="HTML file to share").click()
        path = collector.directory / "shared.html"
        download.value.save_as(path)
    with browser.page("file://") as page:
        page.goto(f"file://{path}")
        expect(page.locator(".say").first).to_have_text("Reading two files.")
        assert page.locator("script").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_is_accessible_and_fits(browser: Browser, collector: Process, scheme: str, width: int) -> None:
    for scenario in ("multi", "permission", "subagent", "compaction"):
        tell(collector, scenario)
    deadline = time.monotonic() + 90
    while len(traces := collector.get("/api/traces")) < 6:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    with browser.page(collector.url, width=width, scheme=scheme, token=read_token(collector)) as page:  # type: ignore[arg-type]
        address = session_of(page)
        page.goto(address)
        span = page.locator("a.name[href^='/spans/']").first.get_attribute("href")
        assert span is not None
        for path in (
            *PAGES,
            f"/compare?a={traces[0]['trace_id']}&b={traces[1]['trace_id']}",
            "/search?text=nosuchword&tool=bash",
            address,
            f"{address}?view=changed",
            f"{address}?view=waterfall",
            f"{address}?view=sent",
            span,
        ):
            page.goto(path)
            page.wait_for_load_state("load")
            assert serious(page, browser.axe) == [], path
            overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert overflow <= 0, path
