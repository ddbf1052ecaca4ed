"""What people and models wrote, from Markdown to HTML: no raw HTML, no pictures from elsewhere, code in classes.

The library is imported when a page is first asked for: a collector whose page nobody opens does without it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from collector.viewer.shown.masks import draw

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_MOST = 200_000


@lru_cache(1)
def _reader() -> MarkdownIt:
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark", {"html": False, "highlight": _code}).enable(["table", "strikethrough"])
    reader.add_render_rule("image", _image)
    reader.add_render_rule("link_open", _link)
    return reader


def prose(text: str) -> Markup:
    """Markdown as HTML; a text that is too long to be read as Markdown stays plain."""
    if len(text) > _MOST:
        return draw(f'<pre class="out">{escape(text)}</pre>')
    return draw(_reader().render(text))


def _image(renderer: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
    """A picture is named, never fetched."""
    return f"<em>picture: {escape(tokens[index].content or 'without a name')}</em>"


def _link(renderer: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
    tokens[index].attrSet("rel", "noreferrer noopener")
    tokens[index].attrSet("target", "_blank")
    return str(renderer.renderToken(tokens, index, options, env))


def _code(text: str, language: str, _: str) -> str:
    """Comments in grey: the diff has the colour (Pygments knows what a comment is)."""
    return str(code(text, language))


def code(text: str, language: str) -> Markup:
    """Code with its comments marked; without a known language, plain."""
    from pygments.lexers import get_lexer_by_name
    from pygments.token import Comment
    from pygments.util import ClassNotFound

    if language and len(text) < _MOST:
        try:
            lexer = get_lexer_by_name(language, ensurenl=False, stripnl=False)
        except ClassNotFound:
            return escape(text)
        parts = [
            f'<span class="rem">{escape(value)}</span>' if kind in Comment else str(escape(value))
            for kind, value in lexer.get_tokens(text)
        ]
        return Markup("".join(parts))
    return escape(text)
