"""The templates of the page, and what they may call. Every value is escaped once, here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from html import unescape
from typing import Any

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from collector.viewer.shown import figures, words
from collector.viewer.shown.addresses import session_link, trace_link
from collector.viewer.shown.masks import draw, inked
from collector.viewer.shown.prose import prose
from collector.viewer.shown.terminal import terminal

_MOST_SHOWN = 100_000
HIT_START, HIT_END = "\x02", "\x03"
"""What stands around the words of a search in a snippet; no kept text holds them (control characters)."""

_CODE = re.compile("`([^`]+)`")
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Embeddings, overrides and isolates (Unicode Standard Annex 9): with these, a command reads as another than it is."""


def render(template: str, **values: Any) -> str:
    """The HTML of a template under `templates/`; what would turn text around is shown as U+FFFD, as in a terminal."""
    return _TURNING.sub("\ufffd", _environment().get_template(template).render(**values))


def render_in_pieces(template: str, **values: Any) -> Iterator[str]:
    """The same, as it is made: an iterator among the values is asked for one item at a time."""
    for piece in _environment().get_template(template).generate(**values):
        yield _TURNING.sub("\ufffd", piece)


@lru_cache(1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("collector.viewer"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=False,
        auto_reload=False,
    )
    environment.filters.update(
        age=figures.age,
        breakable=breakable,
        clip=clip,
        clock=figures.clock,
        command=words.command,
        count=figures.count,
        duration=figures.duration,
        ink=inked,
        json_lines=json_lines,
        label=words.label,
        marked=marked,
        money=figures.money,
        outcome=words.outcome,
        output=words.output,
        path=figures.short_path,
        percent=figures.percent,
        plural=figures.plural,
        prose=prose,
        short=figures.short_text,
        size=figures.size,
        tally=words.tally,
        told=told,
        terminal=terminal,
        todos=words.todos,
        tool=words.tool,
        type_name=words.type_name,
        what=words.what,
        whole=figures.whole,
        within=words.within,
        session_link=session_link,
        trace_link=trace_link,
        written=words.written,
    )
    return environment


def clip(text: str, most: int = _MOST_SHOWN) -> str:
    """A long text without its end, which is said."""
    return (
        text if len(text) <= most else f"{text[:most]}\n… {len(text) - most:,} more characters; OTLP/JSON has them all"
    )


def breakable(name: str) -> Markup:
    """A long name that may be broken after a dot or an underscore, and nowhere else."""
    return Markup(re.sub(r"([._])", r"\1<wbr>", str(escape(name))))


def told(text: str) -> Markup:
    """A sentence of ours, in which commands and names stand between backticks."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))


def marked(snippet: str) -> Markup:
    """A search's snippet with the words that were found marked."""
    html = str(draw(str(escape(snippet))))
    return Markup(html.replace(HIT_START, "<mark>").replace(HIT_END, "</mark>"))


def json_lines(text: str) -> Markup:
    """A JSON text, indented, a line each, with keys, texts and numbers told apart."""
    from pygments.lexers.data import JsonLexer
    from pygments.token import Name, Number, String

    pretty = orjson.dumps(orjson.loads(text), option=orjson.OPT_INDENT_2).decode()
    if len(pretty) > _MOST_SHOWN:
        return Markup(escape(clip(pretty)))
    lines: list[str] = []
    line: list[str] = []
    for kind, value in JsonLexer(ensurenl=False, stripnl=False).get_tokens(pretty):
        css = "key_" if kind in Name.Tag else "s" if kind in String else "n" if kind in Number else ""
        for index, piece in enumerate(value.split("\n")):
            if index:
                lines.append("".join(line))
                line = []
            if piece:
                html = str(escape(piece))
                line.append(f'<span class="{css}">{html}</span>' if css else html)
    lines.append("".join(line))
    return draw("".join(f'<span class="l">{each}</span>' for each in lines))


def plain(html: Markup) -> str:
    """The text of rendered HTML."""
    return unescape(html.striptags())
