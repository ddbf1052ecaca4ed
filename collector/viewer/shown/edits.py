"""What a tool call changed in files: read from its arguments and results, shown as a diff with words marked."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup, escape

from collector.viewer.shown.masks import draw
from collector.viewer.shown.spans import ShownSpan

_CONTEXT = 3
_MOST_LINES = 2000
_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
_PAIRS = (
    ("oldString", "newString"),
    ("old_string", "new_string"),
    ("oldText", "newText"),
    ("old_str", "new_str"),
)
_WORDS = re.compile(r"\w+|\s+|.", re.S)


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of a diff: `sign` is `+`, `-`, a space, or `gap` for unchanged lines that are left out."""

    sign: str
    old: int | None
    new: int | None
    html: Markup


@dataclass(frozen=True, slots=True)
class FileEdit:
    """A change of one file by one tool call; line numbers are known only where a patch says them."""

    path: str
    lines: tuple[DiffLine, ...]
    added: int
    removed: int
    span_id: str = ""
    cut: int = 0


@dataclass(slots=True)
class ChangedFile:
    """All edits of a session to one file, in their order."""

    path: str
    edits: list[FileEdit] = field(default_factory=list)

    @property
    def added(self) -> int:
        return sum(edit.added for edit in self.edits)

    @property
    def removed(self) -> int:
        return sum(edit.removed for edit in self.edits)


def edits_of(span: ShownSpan) -> list[FileEdit]:
    """The file edits of a tool call; empty where it failed, or changed no file that it names."""
    if span.failed:
        return []
    given = span.tool_input
    inner = span.metadata.get("metadata")
    result = inner if isinstance(inner, dict) else {}
    path = _text(given, "filePath", "file_path", "path", "absolute_path") or _text(result, "filepath")
    if patch := _text(result, "diff"):
        found = list(_from_patch(patch, path, span.span_id))
        if found:
            return found
    for key in ("patchText", "patch", "input"):
        text = _text(given, key)
        if "*** Begin Patch" in text:
            return list(_from_envelope(text, span.span_id))
    changes = given.get("edits")
    pairs: list[tuple[str, str]] = []
    if isinstance(changes, list):
        pairs = [pair for each in changes if isinstance(each, dict) and (pair := _replaced(each)) is not None]
    elif (pair := _replaced(given)) is not None:
        pairs = [pair]
    elif path and isinstance(given.get("content"), str) and _is_write(span):
        pairs = [("", given["content"])]
    if not path or not pairs:
        return []
    return [_from_texts(path, old, new, span.span_id) for old, new in pairs]


def changed_files(spans: Sequence[ShownSpan]) -> list[ChangedFile]:
    """Every file that the tool calls of `spans` changed, in the order of their first change."""
    files: dict[str, ChangedFile] = {}
    for span in spans:
        if span.kind == "TOOL":
            for edit in edits_of(span):
                files.setdefault(edit.path, ChangedFile(edit.path)).edits.append(edit)
    return list(files.values())


def _text(source: dict[str, Any], *keys: str) -> str:
    return next((value for key in keys if isinstance(value := source.get(key), str) and value), "")


def _replaced(given: dict[str, Any]) -> tuple[str, str] | None:
    for old, new in _PAIRS:
        if isinstance(given.get(old), str) and isinstance(given.get(new), str):
            return given[old], given[new]
    return None


def _is_write(span: ShownSpan) -> bool:
    return span.text("tool.name").lower() in ("write", "write_file", "create_file", "create")


def _from_texts(path: str, old: str, new: str, span_id: str) -> FileEdit:
    before, after = old.splitlines(), new.splitlines()
    cut = max(0, len(before) + len(after) - 2 * _MOST_LINES)
    matcher = difflib.SequenceMatcher(None, before[:_MOST_LINES], after[:_MOST_LINES], autojunk=False)
    raw: list[tuple[str, int | None, int | None, str]] = []
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        if raw:
            raw.append(("gap", None, None, "unchanged lines"))
        for tag, a, b, c, d in group:
            if tag == "equal":
                raw += [(" ", None, None, line) for line in before[a:b]]
            else:
                raw += [("-", None, None, line) for line in before[a:b]]
                raw += [("+", None, None, line) for line in after[c:d]]
    return _edit(path, raw, span_id, cut)


def _from_patch(patch: str, path: str, span_id: str) -> Iterator[FileEdit]:
    """A unified diff, of one file or several."""
    raw: list[tuple[str, int | None, int | None, str]] = []
    here, old, new, in_hunk, cut = path, 0, 0, False, 0
    for line in patch.splitlines():
        if line.startswith(("Index: ", "diff --git ")):
            if raw:
                yield _edit(here, raw, span_id, cut)
            raw, in_hunk, cut = [], False, 0
            here = path if not path.startswith("/") else here
            if line.startswith("Index: "):
                here = line[7:].strip() or path
        elif not in_hunk and line.startswith("+++ "):
            named = line[4:].split("\t")[0].strip().removeprefix("b/")
            here = named if named and named != "/dev/null" else here
        elif found := _HUNK.match(line):
            if raw:
                raw.append(("gap", None, None, f"{max(0, int(found[1]) - old)} lines unchanged"))
            old, new, in_hunk = int(found[1]), int(found[2]), True
        elif in_hunk and len(raw) >= _MOST_LINES:
            cut += 1
        elif in_hunk and line[:1] in ("+", "-", " ", ""):
            sign = line[:1] or " "
            raw.append((sign, None if sign == "+" else old, None if sign == "-" else new, line[1:]))
            old += sign != "+"
            new += sign != "-"
    if raw:
        yield _edit(here, raw, span_id, cut)


def _from_envelope(text: str, span_id: str) -> Iterator[FileEdit]:
    """The patch format of `apply_patch`: files named by `*** Update File:`, lines without numbers."""
    raw: list[tuple[str, int | None, int | None, str]] = []
    path = ""
    for line in text.splitlines():
        if line.startswith("*** "):
            if path and raw:
                yield _edit(path, raw, span_id, 0)
            raw = []
            path = line.partition(": ")[2].strip() if " File: " in line else ""
        elif line.startswith("@@"):
            if raw:
                raw.append(("gap", None, None, line[2:].strip() or "unchanged lines"))
        elif path and line[:1] in ("+", "-", " ") and len(raw) < _MOST_LINES:
            raw.append((line[0], None, None, line[1:]))
    if path and raw:
        yield _edit(path, raw, span_id, 0)


def _edit(path: str, raw: list[tuple[str, int | None, int | None, str]], span_id: str, cut: int) -> FileEdit:
    lines: list[DiffLine] = []
    at = 0
    while at < len(raw):
        sign = raw[at][0]
        if sign != "-":
            lines.append(DiffLine(sign, raw[at][1], raw[at][2], draw(str(escape(raw[at][3])))))
            at += 1
            continue
        end = at
        while end < len(raw) and raw[end][0] == "-":
            end += 1
        stop = end
        while stop < len(raw) and raw[stop][0] == "+":
            stop += 1
        lines += _paired(raw[at:end], raw[end:stop])
        at = stop
    added = sum(line[0] == "+" for line in raw)
    return FileEdit(path, tuple(lines), added, sum(line[0] == "-" for line in raw), span_id, cut)


def _paired(
    removed: list[tuple[str, int | None, int | None, str]], added: list[tuple[str, int | None, int | None, str]]
) -> list[DiffLine]:
    """Removed lines above added ones; of lines that pair up, the words that differ are marked."""
    marked = [_marked(old[3], new[3]) for old, new in zip(removed, added, strict=False)]
    lines = []
    for index, (sign, old, new, text) in enumerate(removed):
        html = marked[index][0] if index < len(marked) else draw(str(escape(text)))
        lines.append(DiffLine(sign, old, new, html))
    for index, (sign, old, new, text) in enumerate(added):
        html = marked[index][1] if index < len(marked) else draw(str(escape(text)))
        lines.append(DiffLine(sign, old, new, html))
    return lines


def _marked(old: str, new: str) -> tuple[Markup, Markup]:
    if max(len(old), len(new)) > 400:
        return draw(str(escape(old))), draw(str(escape(new)))
    before, after = _WORDS.findall(old), _WORDS.findall(new)
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    if matcher.ratio() < 0.4:
        return draw(str(escape(old))), draw(str(escape(new)))
    left: list[str] = []
    right: list[str] = []
    for tag, a, b, c, d in matcher.get_opcodes():
        gone, come = str(escape("".join(before[a:b]))), str(escape("".join(after[c:d])))
        left.append(gone if tag == "equal" or not gone else f"<del>{gone}</del>")
        right.append(come if tag == "equal" or not come else f"<ins>{come}</ins>")
    return draw("".join(left)), draw("".join(right))
