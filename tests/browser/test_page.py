"""The page in a real browser: what is recorded is seen, by itself, by keyboard, in both themes and sizes."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path

import pytest
from harness.browser import Browser, read_token, recorded, serious, tell
from harness.credentials import GITHUB
from harness.process import Process, run
from harness.telemetry import JSON, logs, metrics, traces
from playwright.sync_api import Page, expect

from collector.otlp.write import to_json

PAGES = ("/", "/traces", "/logs", "/measurements", "/delivery", "/policy", "/search?text=echo")


def session_of(page: Page, scenario: str) -> str:
    """The address of the page of a recorded session."""
    page.goto("/")
    link = page.locator("tr[data-span]", has_text=f"projects/{scenario} ·").locator("a.title").first
    expect(link).to_be_visible()
    return link.get_attribute("href") or ""


def test_the_page_that_the_command_leaves_leads_in(browser: Browser, collector: Process) -> None:
    """The cookie is a strict one, and the browser comes from a file."""
    opened = run(collector.directory, "open", BROWSER="true %s")
    assert opened.returncode == 0 and b"opened in the browser" in opened.stdout, opened
    with browser.page(collector.url) as page:
        page.goto((collector.directory / "data/open.html").as_uri())
        expect(page.get_by_role("heading", name="Nothing has arrived yet")).to_be_visible()
        expect(page).to_have_url(f"{collector.url}/")


def test_the_first_turn_appears_by_itself(browser: Browser, collector: Process) -> None:
    with browser.page(collector.url, token=read_token(collector)) as page:
        page.goto("/")
        expect(page.get_by_role("heading", name="Nothing has arrived yet")).to_be_visible()
        tell(collector, "multi")
        expect(page.locator("tr[data-span] a.title")).to_have_count(1)


def test_an_open_page_of_a_session_grows_and_keeps_what_was_unfolded(browser: Browser, collector: Process) -> None:
    tell(collector, "multiturn", 0, 90)
    with browser.page(collector.url, token=read_token(collector)) as page:
        page.goto(session_of(page, "multiturn"))
        before = page.locator("article.turn").count()
        page.locator("#help").evaluate("dialog => dialog.dataset.mark = 'same document'")
        tell(collector, "multiturn")
        expect(page.locator("article.turn")).to_have_count(3)
        assert before <= 3
        assert page.locator("#help").evaluate("dialog => dialog.dataset.mark") == "same document"


def test_a_conversation_reads_as_it_went(browser: Browser, told: Process) -> None:
    with browser.page(told.url, token=read_token(told)) as page:
        page.goto(session_of(page, "multi"))
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
        running = page.locator("#rail .wf a.now", has_text="bash")
        lasted = running.locator(".dur").inner_text()
        expect(running.locator(".dur")).not_to_have_text(lasted)  # it runs: its bar reaches now
        tell(collector, "permission", replied)
        expect(page.locator("#live")).to_have_count(0)
        expect(page.locator(".wf a.now")).to_have_count(0)
        expect(page.locator(".note.wait").first).to_contain_text("waited 1.5 s for permission: bash")


def test_a_session_says_how_much_of_it_was_delivered(browser: Browser, tmp_path: Path) -> None:
    nobody = socket.socket()
    nobody.bind(("127.0.0.1", 0))  # and does not listen
    process = Process(tmp_path, "--upstream", f"http://127.0.0.1:{nobody.getsockname()[1]}")
    try:
        tell(process, "bash")
        with browser.page(process.url, token=read_token(process)) as page:
            page.goto(session_of(page, "bash"))
            expect(page.locator(".facts div", has_text="Delivery")).to_have_text(
                re.compile(r"Delivery\s*0 of 5\s*5 queued")
            )
    finally:
        process.stop()
        nobody.close()


def test_on_a_telephone_filters_open_whole_and_the_view_in_force_is_seen(browser: Browser, told: Process) -> None:
    with browser.page(told.url, width=390, height=844, token=read_token(told)) as page:
        address = session_of(page, "multi")
        for name in ("agent", "directory"):
            page.locator("summary.chip", has_text=name).click()
            choice = page.locator("details.menu[open] .choices a").first
            choice.hover()
            box = choice.bounding_box()
            assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390 and box["height"] > 20
            page.locator("summary.chip", has_text=name).click()
        page.goto(f"{address}?view=sent")
        tab = page.locator(".tabs [aria-current]").bounding_box()
        assert tab is not None and tab["x"] + tab["width"] <= 390


def test_what_changed_waterfall_and_as_sent_are_views_of_the_session(browser: Browser, told: Process) -> None:
    with browser.page(told.url, token=read_token(told)) as page:
        page.goto(session_of(page, "multi"))
        page.get_by_role("link", name="What changed").click()
        expect(page.locator(".diff")).to_have_count(2)
        page.get_by_role("link", name="Waterfall").click()
        expect(page.locator(".wf a")).to_have_count(12)
        page.get_by_role("link", name="As sent").click()
        page.locator("table a").first.click()
        expect(page.get_by_role("heading", name="OTLP/JSON")).to_be_visible()


def test_selecting_in_the_waterfall_selects_in_the_conversation(browser: Browser, told: Process) -> None:
    with browser.page(told.url, token=read_token(told)) as page:
        page.goto(session_of(page, "permission"))
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


def test_search_finds_kept_text(browser: Browser, told: Process) -> None:
    with browser.page(told.url, token=read_token(told)) as page:
        session_of(page, "bash")
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


def test_two_turns_are_compared(browser: Browser, told: Process) -> None:
    with browser.page(told.url, token=read_token(told)) as page:
        page.goto(session_of(page, "multiturn"))
        page.get_by_role("link", name="Compare", exact=True).click()
        expect(page.get_by_role("heading", name="Two turns side by side")).to_be_visible()
        expect(page.locator("td", has_text="model calls")).to_be_visible()


def test_any_two_turns_are_compared_and_what_differs_opens(browser: Browser, told: Process) -> None:
    with browser.page(told.url, token=read_token(told)) as page:
        page.goto(session_of(page, "multiturn"))
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


def test_the_waterfall_folds_idle_time_and_zooms_by_key(browser: Browser, told: Process) -> None:
    with browser.page(told.url, token=read_token(told)) as page:
        page.goto(f"{session_of(page, 'multi')}?view=waterfall")
        expect(page.locator(".key", has_text="idle")).to_be_visible()
        page.locator(".wf a", has_text="sleep 1").click()
        page.keyboard.press("z")
        page.wait_for_url("**zoom=**")
        expect(page.get_by_role("heading", name="Zoomed in")).to_be_visible()
        assert page.locator(".wf a").count() < 12
        page.keyboard.press("z")
        expect(page.locator(".wf a")).to_have_count(12)


def test_the_rail_follows_the_turn_in_view(browser: Browser, told: Process) -> None:
    with browser.page(told.url, height=420, token=read_token(told)) as page:
        page.goto(session_of(page, "multiturn"))
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
        session_of(page, "bash")
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


def test_a_file_of_which_something_cannot_be_read_says_how_much(browser: Browser, collector: Process) -> None:
    document = json.loads(to_json(traces(2, session="ses_partly")))
    document["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["spanId"] = "none"
    partly = collector.directory / "partly.json"
    partly.write_text(json.dumps(document))
    with browser.page(collector.url, token=read_token(collector)) as page:
        page.goto("/")
        page.locator("#import").set_input_files(partly)
        told = page.locator("#drop, #said").filter(has_text="but for 1 of its items")
        expect(told.first).to_be_attached()


def test_otlp_of_every_signal_is_imported_as_a_document_and_as_mixed_lines(
    browser: Browser, collector: Process
) -> None:
    mixed = (logs(), traces(2, session="ses_lines"), metrics())
    files = {
        "document.json": json.dumps(json.loads(to_json(traces(3, session="ses_document"))), indent=1).encode(),
        "lines.jsonl": b"\n".join(to_json(each) for each in mixed),
    }
    with browser.page(collector.url, token=read_token(collector)) as page:
        page.goto("/")
        for name, data in files.items():
            (collector.directory / name).write_bytes(data)
            page.locator("#import").set_input_files(collector.directory / name)
            expect(page.locator("#drop, #said").filter(has_text=f"{name} is imported.").first).to_be_attached()
            page.goto("/traces")
            page.goto("/")
    ledger = collector.get("/api/status")["ledger"]["local"]
    assert {signal: account["received"] for signal, account in ledger.items()} == {"traces": 5, "logs": 1, "metrics": 1}


def test_what_is_kept_is_cleared_after_asking(browser: Browser, collector: Process) -> None:
    tell(collector, "bash")
    with browser.page(collector.url, token=read_token(collector)) as page:
        session_of(page, "bash")
        expect(page.get_by_role("img", name="finished")).to_be_visible()  # what is still to be kept is not forgotten
        page.goto("/delivery")
        page.locator("summary", has_text="Clear").click()
        page.get_by_role("button", name="Forget all of it").click()
        expect(page.locator("#said")).to_have_text("Done")
        page.goto("/")
        expect(page.get_by_role("heading", name="Nothing has arrived yet")).to_be_visible()


def test_the_keyboard_is_enough(browser: Browser, told: Process) -> None:
    with browser.page(told.url, token=read_token(told)) as page:
        session_of(page, "permission")
        rows = page.locator("tr[data-span]")
        for _ in range(rows.count()):
            page.keyboard.press("j")
            if "projects/permission ·" in page.locator("tr[data-span][aria-current]").inner_text():
                break
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


def test_a_session_is_exported_as_one_file_that_needs_nothing_else(
    browser: Browser, told: Process, tmp_path: Path
) -> None:
    with browser.page(told.url, token=read_token(told)) as page:
        address = session_of(page, "multi")
        page.goto(address)
        page.get_by_text("Export", exact=True).click()
        with page.expect_download() as download:
            page.get_by_role("link", name="HTML file to share").click()
        path = tmp_path / "shared.html"
        download.value.save_as(path)
    with browser.page("file://") as page:
        page.goto(f"file://{path}")
        expect(page.locator(".say").first).to_have_text("Reading two files.")
        assert page.locator("script").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_is_accessible_and_fits(browser: Browser, told: Process, scheme: str, width: int) -> None:
    traces = told.get("/api/traces")
    with browser.page(told.url, width=width, scheme=scheme, token=read_token(told)) as page:  # type: ignore[arg-type]
        address = session_of(page, "multi")
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
