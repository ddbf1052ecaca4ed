"""Kept spans become turns as a person reads them: over recordings of real runs, and over any tree."""

from __future__ import annotations

from dataclasses import replace

import pytest
from harness.opencode import assemble, recording, scenarios
from hypothesis import given
from hypothesis import strategies as st

from collector.assemble.spans.otlp import export_request
from collector.viewer.shown.compare import aligned, totals
from collector.viewer.shown.curl import curl
from collector.viewer.shown.items import TurnItem
from collector.viewer.shown.markdown import session_markdown
from collector.viewer.shown.overview import VIEWS, one_file, overview
from collector.viewer.shown.spans import ShownEvent, ShownSpan, read_spans
from collector.viewer.shown.turns import ShownTurn, turns_of
from collector.viewer.shown.under_way import under_way
from collector.viewer.shown.waterfall import waterfall


def recorded(scenario: str) -> list[ShownSpan]:
    return list(read_spans([export_request(assemble(recording(scenario)))]))


def every(items: list[TurnItem]) -> list[TurnItem]:
    return [inner for item in items for inner in (item, *every(item.items))]


def kinds(turn: ShownTurn) -> list[str]:
    return [item.what for item in turn.items]


@pytest.mark.parametrize("scenario", scenarios())
def test_every_recorded_span_is_shown_once_or_summed_up(scenario: str) -> None:
    """What a page leaves out silently cannot be found: calls and tools of every recording stand somewhere."""
    spans = recorded(scenario)
    turns = turns_of(spans)
    shown = [
        item.span.span_id for turn in turns for item in every(turn.items) if item.span and item.what in ("call", "tool")
    ]
    compacting = {span.span_id for span in spans if span.kind == "CHAIN"}
    wanted = [s.span_id for s in spans if s.kind in ("LLM", "TOOL") and s.parent_id not in compacting]
    assert sorted(shown) == sorted(wanted)


@pytest.mark.parametrize("scenario", scenarios())
def test_every_view_of_every_recording_is_whole(scenario: str) -> None:
    spans = recorded(scenario)
    for view in VIEWS:
        shown = overview(spans, "/sessions/x", view)
        assert shown["title"]
        assert shown["span_count"] == len(spans)
    html = one_file(spans, "x")
    assert "<script" not in html
    assert "http" not in html.replace("http://www.w3.org", "") or "src=" not in html
    assert session_markdown("t", turns_of(spans)).startswith("# t\n")


def test_a_turn_reads_as_it_went() -> None:
    [turn] = turns_of(recorded("multi"))
    assert kinds(turn) == [
        "call", "say", "call", "group", "say", "call", "tool", "say", "call", "tool", "tool", "say", "call",
    ]  # fmt: skip
    group = turn.items[3]
    assert [item.span and item.span.text("tool.name") for item in group.items] == ["read", "grep", "bash"]
    assert (turn.calls, turn.tools, turn.failed_tools) == (5, 6, 0)
    assert turn.items[6].edits[0].added == 2


def test_a_failure_is_never_in_a_group_and_waits_are_marks() -> None:
    [turn] = turns_of(recorded("permission"))
    notes = [(item.text, item.detail) for item in turn.items if item.what == "note"]
    assert notes == [
        ("waited 1.5 s for permission: bash", "once"),
        ("waited 1.6 s for permission: bash", "reject"),
    ]
    [bad] = [item for item in turn.items if item.what == "tool" and item.failed]
    assert bad.span is not None
    assert turn.waited_ns == (1510 + 1568) * 1_000_000


def test_a_subagent_stands_under_the_call_that_started_it() -> None:
    [turn] = turns_of(recorded("subagent"))
    [task] = [item for item in turn.items if item.what == "tool"]
    [agent] = task.items
    assert agent.what == "nest"
    assert [item.what for item in agent.items] == ["say", "call", "tool", "say", "call"]
    assert (agent.number, agent.repeated) == (2, 1)


def test_a_compaction_is_a_mark_with_what_it_cost() -> None:
    turns = turns_of(recorded("compaction"))
    notes = [item.text for turn in turns for item in turn.items if item.icon == "cut"]
    assert notes == ["compacted by itself", "compacted by hand"]


def test_retries_are_marks_before_the_call_that_failed() -> None:
    [turn] = turns_of(recorded("retry500"))
    assert [item.text for item in turn.items if item.icon == "again"][:1] == ["tried again: fake 500 error"]


def test_spans_without_their_root_are_a_turn_that_is_under_way() -> None:
    spans = [span for span in recorded("multi") if span.kind != "AGENT"]
    [turn] = turns_of(spans)
    assert turn.root is None
    assert turn.prompt == '"Please do the thing [[multi]]"'
    assert turn.calls == 5


def test_two_turns_align_by_kind_and_name() -> None:
    [left], [right] = turns_of(recorded("multi")), turns_of(recorded("bash"))
    pairs = aligned(left, right)
    assert sum(pair.left is not None for pair in pairs) == len([s for s in left.spans if s.kind])
    assert sum(pair.right is not None for pair in pairs) == len([s for s in right.spans if s.kind])
    same = aligned(left, left)
    assert all(pair.left is pair.right and not pair.differences for pair in same)
    assert {row[3] for row in totals(left, left)} == {"same"}


def test_a_call_as_a_command_holds_what_was_sent() -> None:
    call = next(s for s in recorded("multi") if s.kind == "LLM" and len(s.input_messages) > 3)
    line = curl(call)
    assert line.startswith('curl "$BASE_URL/chat/completions"')
    assert '"tool_call_id":"call_0001multi"' in line
    assert curl(next(s for s in recorded("multi") if s.kind == "TOOL")) == ""


def test_costs_far_above_the_median_are_outliers() -> None:
    def turn(trace: str, cost: float) -> ShownSpan:
        values = {"openinference.span.kind": "LLM", "llm.cost.total": cost}
        return ShownSpan(trace * 32, "1" * 16, "", "m", "LLM", "s", "", 1, 2, False, "", values, {})

    turns = turns_of([turn("a", 0.1), turn("b", 0.1), turn("c", 0.5)])
    assert [round(each.outlier, 1) for each in turns] == [0, 0, 5]
    assert [each.outlier for each in turns_of([turn("a", 0.1), turn("b", 0.5)])] == [0, 0]


def span_of(trace: str, span: str, parent: str, kind: str, start: int, length: int, failed: bool) -> ShownSpan:
    values = {"openinference.span.kind": kind, "input.value": "{", "output.value": "<b>"}
    events = (ShownEvent("first_token", start, {}), ShownEvent("permission.replied", start, {"opencode.waited_ms": 5}))
    error = "x" if failed else ""
    return ShownSpan(
        trace * 32,
        span * 16,
        parent * 16,
        kind,
        kind,
        "s",
        "",
        start,
        start + length,
        failed,
        error,
        values,
        {},
        events,
    )


any_span = st.builds(
    span_of,
    st.sampled_from("12"),
    st.sampled_from("abcdef"),
    st.sampled_from(["", *"abcdef"]),
    st.sampled_from(["AGENT", "LLM", "TOOL", "CHAIN", "RETRIEVER", ""]),
    st.integers(0, 100),
    st.integers(0, 100),
    st.booleans(),
)


@given(st.lists(any_span, max_size=14, unique_by=lambda span: span.key))
def test_any_tree_is_shown_without_an_error_and_every_span_has_one_turn(spans: list[ShownSpan]) -> None:
    """Parents that are missing, circles, and times that make no sense included."""
    turns = turns_of(spans)
    assert sorted(s.key for turn in turns for s in turn.spans) == sorted(s.key for s in spans)
    for view in VIEWS:
        overview(spans, "/x", view)
    for turn in turns:
        fall = waterfall(turn.spans)
        assert sorted(bar.span.key for bar in fall.bars) == sorted(span.key for span in turn.spans)
        assert all(0 <= bar.x <= 100 and bar.width > 0 for bar in fall.bars)
    one_file(spans, "x")


def at(span: str, start_s: float, length_s: float, kind: str = "TOOL", **values: object) -> ShownSpan:
    begin = int(start_s * 1e9)
    attributes = {"openinference.span.kind": kind, **values}
    parent = "" if kind == "AGENT" else "a" * 16
    return ShownSpan(
        "1" * 32, span * 16, parent, kind, kind, "s", "", begin, begin + int(length_s * 1e9), False, "", attributes, {}
    )


def test_long_idle_time_is_folded_and_the_axis_still_tells_the_time() -> None:
    turn = [at("a", 0, 100, "AGENT"), at("b", 0, 2), at("c", 95, 5)]
    fall = waterfall(turn)
    assert [round(fold.lasted_ns / 1e9) for fold in fall.folds] == [93]
    bars = {bar.span.span_id[0]: bar for bar in fall.bars}
    assert bars["b"].width > 15 and bars["c"].width > 40
    assert bars["c"].x >= fall.folds[0].x + fall.folds[0].width - 0.01
    assert fall.ticks[-1] >= "1:40"


def test_a_part_of_the_time_is_shown_alone() -> None:
    turn = [at("a", 0, 100, "AGENT"), at("b", 0, 2), at("c", 95, 5), at("d", 96, 1)]
    fall = waterfall(turn, zoom="c" * 16)
    assert [bar.span.span_id[0] for bar in fall.bars] == ["a", "c", "d"]
    assert all(0 <= bar.x <= 100 and bar.x + bar.width <= 100.5 for bar in fall.bars)
    assert fall.bars[1].width > 80


def test_a_call_that_missed_a_filled_cache_and_one_after_a_compaction_are_marked() -> None:
    def call(span: str, start: float, prompt: int, read: int) -> ShownSpan:
        used = {"llm.token_count.prompt": prompt, "llm.token_count.prompt_details.cache_read": read}
        return at(span, start, 1, "LLM", **used)

    spans = [call("b", 1, 20_000, 18_000), call("c", 3, 21_000, 0), call("d", 7, 4_000, 0)]
    compaction = replace(at("e", 5, 1, "CHAIN"), name="compaction")
    shown = overview([at("a", 0, 10, "AGENT"), *spans, compaction], "/x", "talk")["calls"]
    assert [(row.missed, row.compacted) for row in shown] == [(False, False), (True, False), (False, True)]


def test_turns_far_above_what_is_usual_in_the_project_are_outliers() -> None:
    turn = at("b", 1, 1, "LLM", **{"llm.cost.total": 0.9})
    [found] = turns_of([at("a", 0, 3, "AGENT"), turn], usual=0.1)
    assert (round(found.outlier), found.outlier_of) == (9, "project's")


def test_a_step_that_holds_nothing_is_a_mark_and_no_subagent() -> None:
    """Claude Code tells of each permission and execution of a tool as a span of its own."""
    step = replace(at("c", 1, 1, "CHAIN"), name="tool.execution", parent_id="b" * 16)
    tool = at("b", 0, 2, "TOOL", **{"tool.name": "Bash", "output.value": "done"})
    [turn] = turns_of([at("a", 0, 3, "AGENT"), tool, step])
    [found] = [item for item in every(turn.items) if item.span is step]
    assert (found.what, found.text, found.detail) == ("note", "tool.execution", "1.0 s")
    assert "Subagent" not in session_markdown("t", [turn])


def test_what_runs_now_stands_in_the_waterfall_and_reaches_its_end() -> None:
    spans = recorded("permission")
    done = [span for span in spans if span.kind != "AGENT"][:2]
    turns = turns_of(done)
    assert turns[-1].root is None
    began = min(span.start_ns for span in done) // 1_000_000
    now = max(span.end_ns for span in done) + 3_000_000_000
    runs = [{"kind": "TOOL", "name": "bash", "since_ms": now // 1_000_000 - 1000}]
    open_turn = {"since_ms": began, "under_way": runs}
    fall = waterfall([*done, *under_way(open_turn, turns, now)])
    live = [bar for bar in fall.bars if bar.live]
    assert [(bar.span.kind, bar.depth) for bar in live] == [("AGENT", 1), ("TOOL", 2)]
    assert live[0].x == 0
    assert live[0].x + live[0].width == pytest.approx(live[1].x + live[1].width)
    later = under_way(open_turn, turns, now + 1_000_000_000)
    assert [span.duration_ns - before.span.duration_ns for span, before in zip(later, live, strict=True)] == [10**9] * 2


def test_a_turn_that_has_begun_and_has_no_span_yet_is_drawn() -> None:
    seen = overview([], "/sessions/x", "waterfall", open_turn={"since_ms": 1, "under_way": []})
    assert (seen["rail_turn"], seen["newest_turn"]) == (1, 1)
    assert [bar.live for bar in seen["rail_fall"].bars] == [True]
    assert (seen["title"], seen["facts"]) == ("The first turn is under way", [])


def test_a_call_that_waits_for_a_person_is_drawn_as_waiting() -> None:
    runs = [{"kind": "TOOL", "name": name, "since_ms": since} for name, since in (("bash", 2000), ("read", 1000))]
    for waiting, hatched in (("waiting for permission: bash", ["bash"]), ("", [])):
        open_turn = {"since_ms": 0, "waiting": waiting, "under_way": runs}
        fall = waterfall(under_way(open_turn, [], 5_000_000_000))
        assert [bar.span.name for bar in fall.bars if bar.waited] == hatched
        assert all(bar.live for bar in fall.bars)


def test_a_turn_that_is_over_is_drawn_as_it_was_beside_one_that_runs() -> None:
    spans = recorded("multiturn")
    seen = overview(spans, "/sessions/x", "talk", turn=2, open_turn={"since_ms": 1, "under_way": []})
    assert (seen["rail_turn"], seen["newest_turn"]) == (2, 4)
    assert not any(bar.live for bar in seen["rail_fall"].bars)
