"""What is encoded is read over an escape, an invisible character or two literals put together, wherever these stand."""

from __future__ import annotations

import base64

from hypothesis import given
from hypothesis import strategies as st

from collector.redact.engine.engine import Engine
from collector.redact.engine.rule import expand

ENGINE = Engine()
TOKEN = expand("ghp_{alnum36}")
_WORDS = "what was asked for is here "
_ENCODED = base64.b64encode(f"{_WORDS}{TOKEN} and no more{_WORDS}".encode()).decode()
_FROM = len(base64.b64encode(_WORDS.encode())) + 4
_TO = len(base64.b64encode(f"{_WORDS}{TOKEN}".encode())) - 4
_PARTED_BY = ("\u200b", "\u00ad", '" + "', "\\\n", "' \\\n    '", "\\u200b")
_OTHERS = ("", "see the notes\n", base64.b64encode(_WORDS.encode()).decode() + "\n", "a \\\n b \\x41 ", "%41%42 &amp; ")


@given(st.integers(_FROM, _TO), st.sampled_from(_PARTED_BY), st.sampled_from(_OTHERS), st.integers(0, 3000))
def test_encoded_text_is_read_over_what_parts_it(at: int, parted_by: str, before: str, apart: int) -> None:
    """Encoded text elsewhere, and other escapes, make no difference; nor does how far away they are."""
    head = before + "lorem " * (apart // 6) + '"' + _ENCODED[:at]
    text = head + parted_by + _ENCODED[at:] + '"'
    border = len(head.encode())
    last = ENGINE.find(text.encode())[-1]
    assert last.start < border < last.end and last.rule != "error"
    assert [number for number, _, _ in ENGINE.find_all(["nothing here", text, before])] == [1]
