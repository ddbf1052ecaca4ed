"""Texts as HTML: escaped once, with colours and ink bars, and never a way to run or load anything."""

from __future__ import annotations

import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.viewer.shown.figures import count, duration, money, short_path, short_text
from collector.viewer.shown.markdown import session_markdown, span_markdown
from collector.viewer.shown.masks import inked
from collector.viewer.shown.overview import overview
from collector.viewer.shown.prose import prose
from collector.viewer.shown.render import json_lines, marked, render
from collector.viewer.shown.spans import ShownEvent, ShownSpan
from collector.viewer.shown.terminal import terminal
from collector.viewer.shown.turns import turns_of

_TAG = re.compile(r"<(/?)([a-z0-9]+)((?: [a-z-]+=\"[^\"<>]*\")*) ?/?>")
_PLAIN = {"span", "mark"}
_PROSE = {
    "p", "em", "strong", "a", "code", "pre", "ul", "ol", "li", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6",
    "hr", "br", "table", "thead", "tbody", "tr", "th", "td", "s", "span",
}  # fmt: skip


def tags(html: str, allowed: set[str]) -> None:
    """Every `<` begins a tag of ours, and no attribute could run or load anything."""
    for found in re.finditer("<", html):
        tag = _TAG.match(html, found.start())
        assert tag, html[found.start() : found.start() + 40]
        assert tag[2] in allowed
        for name, value in re.findall(r' ([a-z-]+)="([^"]*)"', tag[3]):
            assert name in {"class", "title", "href", "rel", "target", "start", "style"} - {"style"} or (
                name == "style" and re.fullmatch(r"text-align:(left|right|center)", value)
            )
            assert not value.lower().lstrip().startswith(("javascript:", "data:", "vbscript:"))


@given(st.text())
def test_terminal_output_is_escaped_whatever_it_holds(text: str) -> None:
    tags(str(terminal(text)), _PLAIN)


@given(st.text())
def test_plain_text_is_escaped_whatever_it_holds(text: str) -> None:
    tags(str(inked(text)), _PLAIN)
    tags(str(marked(text.replace("\x02", "").replace("\x03", ""))), _PLAIN)


pieces = st.sampled_from([*"ab<>&\"'`*_[]()!#|-\n \\:/~", "javascript:", "<script>", "![x](http://x)", "[y](data:,z)"])


@given(st.lists(pieces))
def test_markdown_becomes_known_tags_only(parts: list[str]) -> None:
    tags(str(prose("".join(parts))), _PROSE)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("a \x1b[31mred\x1b[0m b", 'a <span class="red">red</span> b'),
        ("\x1b[1;32mok\x1b[22m on\x1b[39m", '<span class="bold green">ok</span><span class="green"> on</span>'),
        ("\x1b[38;5;196mx\x1b[0m", "x"),
        ("\x1b[38;2;1;2;3mx", "x"),
        ("\x1b]8;;http://x\x07link\x1b]8;;\x07", "link"),
        ("10%\r50%\r100%\ndone", "100%\ndone"),
        ("\x1b[2J\x1b[H<b>", "&lt;b&gt;"),
        ("bell\x07", "bell"),
    ],
)
def test_terminal_sequences(text: str, html: str) -> None:
    assert terminal(text) == html


def test_a_picture_is_named_and_never_loaded() -> None:
    html = prose("![a plan](https://example.com/x.png)")
    assert "a plan" in html
    assert "<img" not in html


def test_raw_html_in_an_answer_is_text() -> None:
    assert "&lt;script&gt;" in prose("<script>alert(1)</script>")


def test_code_in_an_answer_has_grey_comments_and_no_style() -> None:
    html = prose("```python\nx = 1  # why\n```")
    assert '<span class="rem"># why</span>' in html
    assert "style=" not in html


def test_placeholders_are_ink_bars_in_prose_code_and_output() -> None:
    for html in (
        prose("the `[REDACTED:github-token]`"),
        terminal("[REDACTED:github-token 40 B]"),
        inked("[REDACTED:x]"),
    ):
        assert 'class="mask"' in html
        assert "[REDACTED" not in html
    assert "pseudonym 9f3c0a1b" in inked("[HMAC:email:2026A:9f3c0a1b00000000]")


def test_json_is_shown_a_line_each() -> None:
    html = json_lines('{"a": [1, "<"], "b": "[REDACTED:x]"}')
    assert html.count('class="l"') == 7
    assert "&lt;" in html
    assert 'class="mask"' in html


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (999, "999"), (13_300, "13.3k"), (423_000, "423k"), (1_240_000, "1.24M")]
)
def test_counts_are_short(number: int, text: str) -> None:
    assert count(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (4.2, "4.2 s"), (59.94, "59.9 s"), (59.98, "1:00"), (199, "3:19"), (3723, "1:02:03")],
)
def test_durations_have_one_form_each(seconds: float, text: str) -> None:
    assert duration(seconds * 1e9) == text


def test_money_paths_and_texts() -> None:
    assert money(0.8134) == "$0.81"
    assert money(0.0514, fine=True) == "$0.051"
    assert short_path("/home/dev/code/tollgate") == "~/code/tollgate"
    assert short_path("/" + "x/" * 60 + "end.py", 20).endswith("x/end.py")
    assert short_text("a\n b  c") == "a b c"
    assert len(short_text("x" * 500)) == 120


def test_a_page_holds_nothing_that_turns_text_around() -> None:
    """A command must not read as another than it is; a terminal is told the same."""
    turning = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    page = render("shared.html", style="", id="ses_1", **overview([a_tool(turning)], "", "talk"))
    assert not set(page) & set(turning)
    assert "\ufffd" in page


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_cost_that_is_no_number_is_none(number: float) -> None:
    span = a_tool("ls")
    span.attributes["llm.cost.total"] = number
    assert span.number("llm.cost.total") is None


HOSTILE = st.text(st.sampled_from("`\n\r*#>- a\u2028"), max_size=12)


@given(HOSTILE, HOSTILE, HOSTILE)
def test_a_call_cannot_break_out_of_its_place_in_a_markdown_copy(name: str, command: str, output: str) -> None:
    """What one pastes has the headings, blocks and lists that it should, whatever a tool was called or said."""
    from markdown_it import MarkdownIt

    span = a_tool(command, name, output)
    for text, headings in ((session_markdown(name, turns_of([span])), 2), (span_markdown(span), 1)):
        kinds = [token.type for token in MarkdownIt().parse(text)]
        assert kinds.count("heading_open") == headings
        assert "hr" not in kinds


def a_tool(command: str, name: str = "bash", output: str = "") -> ShownSpan:
    values = {
        "openinference.span.kind": "TOOL", "tool.name": name, "input.value": json.dumps({"command": command}),
        "output.value": output,
    }  # fmt: skip
    events = (ShownEvent(name, 0, {command: output}),)
    return ShownSpan("1" * 32, "2" * 16, "", name, "TOOL", "s", "", 0, 1, False, "", values, {}, events)
