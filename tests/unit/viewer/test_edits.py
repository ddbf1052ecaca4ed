"""File edits are read from what tools were given and gave back, whoever's tools they are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from collector.viewer.shown.edits import changed_files, edits_of
from collector.viewer.shown.spans import ShownSpan


def tool(name: str, given: Any, metadata: dict[str, Any] | None = None, *, failed: bool = False) -> ShownSpan:
    attributes = {"openinference.span.kind": "TOOL", "tool.name": name, "input.value": json.dumps(given)}
    if metadata is not None:
        attributes["metadata"] = json.dumps({"metadata": metadata})
    return ShownSpan("a" * 32, "b" * 16, "", name, "TOOL", "agent", "", 0, 1, failed, "", attributes, {})


def shape(span: ShownSpan) -> list[tuple[str, int, int]]:
    return [(edit.path, edit.added, edit.removed) for edit in edits_of(span)]


PATCH = """Index: /home/dev/a.py
===================================================================
--- /home/dev/a.py
+++ /home/dev/a.py
@@ -1,3 +1,3 @@
 one
-two
+three
 four
@@ -40,2 +40,3 @@
 forty
+new
 fifty
"""


def test_a_patch_in_the_result_tells_the_line_numbers() -> None:
    [edit] = edits_of(tool("edit", {"filePath": "/home/dev/a.py", "oldString": "two"}, {"diff": PATCH}))
    assert (edit.path, edit.added, edit.removed) == ("/home/dev/a.py", 2, 1)
    assert [(line.sign, line.old, line.new) for line in edit.lines] == [
        (" ", 1, 1),
        ("-", 2, None),
        ("+", None, 2),
        (" ", 3, 3),
        ("gap", None, None),
        (" ", 40, 40),
        ("+", None, 41),
        (" ", 41, 42),
    ]
    assert edit.lines[4].html == "36 lines unchanged"


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("edit", {"filePath": "a", "oldString": "x\ny", "newString": "x\nz"}, [("a", 1, 1)]),
        ("Edit", {"file_path": "a", "old_string": "x", "new_string": "x\ny\n"}, [("a", 1, 0)]),
        ("MultiEdit", {"file_path": "a", "edits": [{"old_string": "x", "new_string": "y"}] * 2}, [("a", 1, 1)] * 2),
        ("write", {"filePath": "a", "content": "1\n2\n"}, [("a", 2, 0)]),
        ("str_replace_editor", {"path": "a", "old_str": "x", "new_str": "y"}, [("a", 1, 1)]),
        ("read", {"filePath": "a", "content": "x"}, []),
        ("bash", {"command": "sed -i s/a/b/ a"}, []),
        (
            "apply_patch",
            {"input": "*** Begin Patch\n*** Update File: a\n@@ def f\n x\n-y\n+z\n*** Add File: b\n+1\n*** End Patch"},
            [("a", 1, 1), ("b", 1, 0)],
        ),
        ("edit", "no object", []),
        ("edit", {"filePath": 5, "oldString": [], "newString": None}, []),
    ],
)
def test_edits_of_each_kind_of_tool(name: str, given: Any, expected: list[tuple[str, int, int]]) -> None:
    assert shape(tool(name, given)) == expected


def test_a_failed_edit_changed_nothing() -> None:
    assert edits_of(tool("write", {"filePath": "a", "content": "x"}, failed=True)) == []


def test_words_that_differ_are_marked_and_everything_is_escaped() -> None:
    [edit] = edits_of(tool("edit", {"filePath": "a", "oldString": "if a < b:", "newString": "if a < c:"}))
    assert [str(line.html) for line in edit.lines] == ["if a &lt; <del>b</del>:", "if a &lt; <ins>c</ins>:"]


def test_a_masked_value_in_a_diff_is_an_ink_bar() -> None:
    [edit] = edits_of(tool("write", {"filePath": "a", "content": "key = [REDACTED:github-token]"}))
    assert 'class="mask"' in edit.lines[0].html


def test_edits_of_one_file_stand_together() -> None:
    one = tool("edit", {"filePath": "a", "oldString": "x", "newString": "y"})
    two = tool("write", {"filePath": "b", "content": "1"})
    files = changed_files([one, two, one])
    assert [(file.path, len(file.edits), file.added, file.removed) for file in files] == [
        ("a", 2, 2, 2),
        ("b", 1, 1, 0),
    ]
