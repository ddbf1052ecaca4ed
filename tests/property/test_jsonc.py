"""Editing a JSON file with comments changes one entry and nothing else."""

from __future__ import annotations

import re
from typing import Any

from harness.configurations import documents
from harness.examples import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collector.opencode.jsonc import append, plain, read, remove

_ITEM = "file:///plugins/ours.js"


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
