"""Editing a JSON file with comments changes one entry and nothing else."""

from __future__ import annotations

import json
import re
from typing import Any

from harness.examples import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collector.opencode.jsonc import append, plain, read, remove

_ITEM = "file:///plugins/ours.js"
_SPACES = st.sampled_from(["", " ", "\n", "\n  ", "\r\n\t", ' // said, [here] "too"\n', "/* a { b */", "\n// }\n  "])
_SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=12)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_WITH_OPTIONS = st.tuples(st.text(max_size=5), st.dictionaries(st.text(max_size=3), _SCALARS)).map(list)
_LISTED = st.lists(st.text(max_size=8) | _WITH_OPTIONS, max_size=3)
_ROOTS = st.builds(
    lambda root, listed: {**root, **({} if listed is None else {"plugin": listed})},
    st.dictionaries(st.text(max_size=8).filter(lambda key: key != "plugin"), _VALUES, max_size=4),
    st.none() | _LISTED,
)


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A document with comments, odd spaces and trailing commas, and what it says."""
    root = draw(_ROOTS)

    def space() -> str:
        return draw(_SPACES)

    def inside(items: list[str]) -> str:
        trailing = "," if items and draw(st.booleans()) else ""
        return ",".join(space() + item + space() for item in items) + trailing + space()

    def written(value: Any) -> str:
        if isinstance(value, dict):
            members = [f"{json.dumps(key)}{space()}:{space()}{written(item)}" for key, item in value.items()]
            return "{" + inside(members) + "}"
        if isinstance(value, list):
            return "[" + inside([written(item) for item in value]) + "]"
        return json.dumps(value, ensure_ascii=draw(st.booleans()))

    return draw(_SPACES) + written(root) + draw(_SPACES), root


def _comments(text: str) -> list[str]:
    strings_or_comments = re.findall(r'"(?:[^"\\]|\\.)*"|//[^\n]*|/\*.*?\*/', text, re.DOTALL)
    return [found for found in strings_or_comments if not found.startswith('"')]


@given(documents())
@settings(max_examples=examples(300), deadline=None)
def test_an_entry_is_added_and_all_else_stays(document: tuple[str, dict[str, Any]]) -> None:
    text, root = document
    assert plain(read(text)) == root  # type: ignore[arg-type]
    after = append(text, "plugin", _ITEM)
    assert plain(read(after)) == {**root, "plugin": [*root.get("plugin", []), _ITEM]}  # type: ignore[arg-type]
    assert _comments(after) == _comments(text)


@given(documents())
@example(('{ // said\n"plugin":[]\r\n\t}', {"plugin": []}))
@settings(max_examples=examples(300), deadline=None)
def test_removing_what_was_added_gives_what_was_said(document: tuple[str, dict[str, Any]]) -> None:
    """Also without the backup: the same values, and no comment is lost."""
    text, root = document
    after = remove(append(text, "plugin", _ITEM), "plugin", len(root.get("plugin", [])))
    found = plain(read(after))  # type: ignore[arg-type]
    assert found == root or ("plugin" not in found and root == {**found, "plugin": []})
    assert _comments(after) == _comments(text)


@given(documents(), st.data())
@settings(max_examples=examples(200), deadline=None)
def test_any_entry_can_be_removed_alone(document: tuple[str, dict[str, Any]], data: st.DataObject) -> None:
    text, root = document
    if not root.get("plugin"):
        return
    position = data.draw(st.integers(0, len(root["plugin"]) - 1))
    left = [*root["plugin"][:position], *root["plugin"][position + 1 :]]
    found = plain(read(remove(text, "plugin", position)))  # type: ignore[arg-type]
    assert found.get("plugin", []) == left
    assert {**found, "plugin": left} == {**root, "plugin": left}
