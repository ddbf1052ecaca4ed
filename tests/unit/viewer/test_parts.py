"""A long session is shown in parts: what an answer reads and holds does not grow with the session."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape

import pytest
from harness.long_sessions import turn_of_tools
from harness.store import until
from harness.viewer import Viewed
from hypothesis import given
from hypothesis import strategies as st

from collector.store.entries import SessionEntry
from collector.store.outline import OutlinedSpan
from collector.viewer.mcp import answer
from collector.viewer.pages.conversation import delivery_of
from collector.viewer.shown.excerpt import Excerpt
from collector.viewer.shown.parts import MOST_AT_ONCE, MOST_CHANGES, MOST_SPANS, Outline

CALLS = 10_000
_MOST_BYTES = 1_000_000


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewed]:
    """A session of 10,000 calls in one turn, one of as many in many turns, and one that changed many files."""
    viewed = Viewed(tmp_path_factory.mktemp("long"))
    viewed.put(turn_of_tools(1, CALLS, "ses_one"))
    for number in range(2, 102):
        viewed.put(turn_of_tools(number, CALLS // 100, "ses_many"))
    viewed.put(turn_of_tools(200, 400, "ses_edits", "edit"))
    viewed.put(turn_of_tools(300, 300, "ses_middle"))
    yield viewed
    viewed.close()


@pytest.mark.parametrize("session", ["ses_one", "ses_many"])
@pytest.mark.parametrize("view", ["talk", "changed", "waterfall", "sent"])
def test_no_view_reads_or_holds_more_of_a_session_the_longer_it_is(long: Viewed, session: str, view: str) -> None:
    for asked in ("", "&part=2", "&whole=1", "&at=t1"):
        page, read = long.reading(f"/sessions/{session}?view={view}{asked}")
        assert page.status_code == 200
        assert read <= MOST_SPANS * 1.5 + 2, asked
        assert len(page.content) < _MOST_BYTES, asked


def test_no_other_answer_about_one_turn_or_span_reads_more_than_a_part(long: Viewed) -> None:
    one = f"{1:032x}"
    other = f"{2:032x}"
    span = f"{(1 << 32) + 5000:016x}"
    for path in (
        f"/traces/{one}", f"/traces/{one}/rail?turn=1", f"/traces/{one}/markdown", "/sessions/ses_many/rail?turn=60",
        f"/compare?a={one}&b={other}", "/compare?a=ses_many/3&b=ses_many/4", f"/spans/{one}/{span}",
        f"/spans/{one}/{span}/opened", "/api/show?session=ses_many", "/api/show?session=ses_one",
        f"/api/show?trace={one}", f"/api/show?trace={one}&span={span}", "/api/show?session=ses_many&turn=50",
    ):  # fmt: skip
        page, read = long.reading(path)
        assert page.status_code == 200, path
        assert 0 < read <= 2 * MOST_SPANS + 50, path
        assert len(page.content) < _MOST_BYTES, path


@pytest.mark.slow
def test_parts_lead_on_to_each_other_and_hold_everything_once(long: Viewed) -> None:
    for session in ("ses_one", "ses_many"):
        seen: list[str] = []
        address = f"/sessions/{session}?part=1"
        while address:
            page = long.get(address).text
            seen += re.findall(r'<details class="row"[^>]* id="s-([0-9a-f]{16})"', page)
            later = re.search(r'href="([^"]+)" data-load-part="later"', page)
            address = unescape(later[1]) if later else ""
        assert len(seen) == len(set(seen)) == CALLS


def test_a_link_to_a_turn_or_span_opens_the_part_in_which_it_stands(long: Viewed) -> None:
    span = f"{(1 << 32) + 4321:016x}"
    assert f'id="s-{span}"' in long.get(f"/sessions/ses_one?at={span}").text
    assert f'id="s-{span}"' not in long.get("/sessions/ses_one").text
    assert 'id="t50"' in long.get("/sessions/ses_many?at=t50").text
    assert f'data-span="{span}"' in long.get(f"/sessions/ses_one?view=waterfall&zoom={span}").text


def test_a_search_leads_to_the_part_in_which_a_hit_stands(long: Viewed) -> None:
    until(lambda: bool(long.reader.search("output of 4321")), 60)
    page = long.get("/search?text=output+4321").text
    link = unescape(re.findall(r'class="strong" href="([^"]+)"', page)[0])
    address, _, anchor = link.partition("#")
    assert f'id="{anchor}"' in long.get(address).text


def test_what_is_folded_in_a_long_part_is_loaded_when_it_is_opened(long: Viewed) -> None:
    page = long.get("/sessions/ses_one?part=3").text
    assert "zzzz" not in page
    load = re.findall(r'data-load="([^"]+)"', page)
    opened = long.get(load[0]).text
    assert opened.startswith('<div class="open">') and "zzzz" in opened


def test_a_session_of_some_parts_is_shown_at_once_where_that_is_asked_for(long: Viewed) -> None:
    page = long.get("/sessions/ses_middle").text
    assert "Show all" in page
    whole, read = long.reading("/sessions/ses_middle?whole=1")
    assert read == 301 <= MOST_AT_ONCE
    assert whole.text.count("zzzz") and "data-load=" not in whole.text
    assert "Show all" not in long.get("/sessions/ses_one").text


def test_what_changed_is_read_of_calls_alone_that_can_have_changed_a_file(long: Viewed) -> None:
    assert long.reading("/sessions/ses_one?view=changed")[1] == 0
    page, read = long.reading("/sessions/ses_edits?view=changed&part=2")
    assert read <= MOST_CHANGES + 1
    assert page.text.count('<figure class="diff">') == MOST_CHANGES


def test_sums_are_those_of_the_whole_session_whichever_part_is_shown(long: Viewed) -> None:
    for part in (1, 7):
        page = long.get(f"/sessions/ses_many?part={part}").text
        assert "<dt>Turns</dt><dd>100</dd>" in page
        assert "<dt>Tools</dt><dd>10,000</dd>" in page


def test_an_agent_pages_through_a_long_session(long: Viewed) -> None:
    def call(tool: str, **arguments: object) -> str:
        long.reader.read = 0
        params = {"name": tool, "arguments": arguments}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        found = answer(lambda: long.reader, "1", message)
        assert found is not None and not found["result"]["isError"], found
        assert long.reader.read <= 1200, tool
        return str(found["result"]["content"][0]["text"])

    for session in ("ses_one", "ses_many"):
        for tool in ("turn", "conversation"):
            said = call(tool, session=session)
            assert re.search(r"page on with part=\d+", said), said[-200:]
            assert "output" in call(tool, session=session, part=2)
    assert "page on with skip=" in call("spans", session="ses_one")
    assert "page on with skip=" in call("spans", session="ses_one", name="nothing like it")
    assert "page on with skip=" in call("masked", session="ses_one")


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(-1, 30), st.integers(1, 400)), max_size=30),
    st.integers(1, 7),
    st.integers(1, 1000),
)
def test_every_span_stands_in_one_part_of_bounded_size(
    spans: list[tuple[int, int, int]], most_spans: int, most_bytes: int
) -> None:
    outlined = [
        OutlinedSpan(str(trace), str(at), "" if parent < 0 else str(parent), "TOOL", "", at, at, 0, 0, 0.0, 1, size)
        for at, (trace, parent, size) in enumerate(spans)
    ]
    outline = Outline.of(outlined, most_spans, most_bytes)
    parts = [[span for piece in part for span in piece.spans] for part in outline.parts]
    assert sorted(span for part in parts for span in part) == sorted(outlined)
    for number, part in enumerate(parts, 1):
        assert 1 <= len(part) <= most_spans
        assert len(part) == 1 or sum(span.size for span in part) <= most_bytes
        assert all(outline.part_of(span.span_id) == number for span in part)
    for turn_of in outline.turns:
        assert outline.part_of(f"t{turn_of.number}")
    excerpt = Excerpt.chosen(outline, 10**9)
    assert excerpt.is_newest or not parts


def test_of_a_long_session_it_is_said_of_how_many_spans_delivery_is_told() -> None:
    """None of them had left, and all but the newest counted as delivered."""
    entry = SessionEntry("ses", "", 1, 2600, 0, 0, 0.0, 0, 0, queued=2000)
    assert delivery_of(entry) == ("0 of the newest 2,000", "2,000 queued", False)
    assert delivery_of(replace(entry, spans=3, queued=1, dead=1)) == ("1 of 3", "1 queued, 1 refused", True)
