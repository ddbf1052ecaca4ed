"""JSON that strict readers refuse is read as far as it is whole."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collector.otlp.sloppy_json import CUT
from collector.otlp.values import read_json, to_json

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
).filter(lambda value: isinstance(value, (dict, list)))


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_is_none_costs_itself_alone(word: str) -> None:
    """Python's own writer leaves them in."""
    assert read_json(f'[{{"role":"user","x":{word}}}]')[0]["role"] == "user"


def test_half_a_character_costs_itself_alone() -> None:
    """JavaScript's own writer leaves it in where an emoji was cut."""
    assert read_json('{"content":"cut \\ud83d"}') == {"content": "cut \ufffd"}
    assert read_json('{"content":"\\ud83d\\ude00","x":NaN}')["content"] == "\U0001f600"


@given(st.integers() | st.integers(-(2**64), 2**64))
@example(10**400)
@example(2**63 - 1)
@example(-(2**63))
@example(2**64 - 1)
def test_a_number_of_any_size_can_be_written_again(given_number: int) -> None:
    """One beyond 64 bits is a decimal, as the strict reader has it: it cost the whole span where a NaN stood beside."""
    found = read_json(f'{{"n":{given_number},"x":NaN}}')
    assert to_json(found).endswith(',"x":null}')
    if -(2**63) <= given_number < 2**64:
        assert found["n"] == given_number
    elif abs(given_number) < 10**300:
        assert float(found["n"]) == float(given_number)


@given(DOCUMENTS, st.data())
def test_a_text_cut_anywhere_is_read_as_far_as_it_goes(document: Any, data: st.DataObject) -> None:
    text = json.dumps(document)
    cut = text[: data.draw(st.integers(3, max(3, len(text) - 1)))]
    found = read_json(cut)
    assert type(found) is type(document)
    if isinstance(document, list):
        assert found[: max(0, len(found) - 1)] == document[: max(0, len(found) - 1)]


def test_a_cut_text_says_so() -> None:
    found = read_json('[{"role":"user","content":"Weather in Os')
    assert found == [{"role": "user", "content": "Weather in Os" + CUT}]


@pytest.mark.parametrize("end", ['"content', '"content"', '"content":', '"content": ', '"content": "'])
def test_a_cut_before_a_value_leaves_its_name_whole(end: str) -> None:
    assert read_json('[{"role":"user",' + end) == [{"role": "user", "content": CUT}]


@pytest.mark.parametrize(
    "text", ["[USER] hello", "{not json", '"quoted" words', "[1, 2] and more", "{", '["a" b', "[USER", "[1 2"]
)
def test_a_text_that_is_no_json_stays_a_text(text: str) -> None:
    assert read_json(text) == text


@given(st.text(alphabet='[]{}",:\\ua1 N', max_size=40))
def test_any_text_is_read_without_an_error(text: str) -> None:
    read_json(text)
