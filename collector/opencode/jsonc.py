"""Adding to and removing from an array of a JSON file with comments, changing nothing else in its text.

The text is read into nodes that know where they stand; an edit cuts or inserts at those places. Comments,
order, indentation, line ends and trailing commas of everything else stay as they are.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

_SPACE = re.compile(r"(?:[\s\ufeff]+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_SCALAR = re.compile(r"[^\s,\]\}/:]+")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_MAX_DEPTH = 200


class NotJson(ValueError):
    """The text cannot be read; the message says where, never what."""

    def __init__(self, text: str, at: int) -> None:
        super().__init__(f"not valid JSON in line {text.count(chr(10), 0, at) + 1}")


@dataclass(slots=True)
class Node:
    """A value and the place of its text; members of an object are pairs of key node and value node."""

    start: int
    end: int
    value: Any = None
    elements: list[Node] | None = None
    members: list[tuple[Node, Node]] | None = field(default=None)

    def member(self, key: str) -> Node | None:
        """The value that counts: of doubled keys the last one."""
        return next((value for name, value in reversed(self.members or []) if name.value == key), None)


def read(text: str) -> Node | None:
    """The root of a document, or None where it holds nothing but space and comments. Raises `NotJson`."""
    start = _skip(text, 0)
    if start == len(text):
        return None
    root = _value(text, start, 0)
    if _skip(text, root.end) != len(text):
        raise NotJson(text, root.end)
    return root


def plain(node: Node) -> Any:
    """The value itself."""
    if node.members is not None:
        return {key.value: plain(value) for key, value in node.members}
    if node.elements is not None:
        return [plain(element) for element in node.elements]
    return node.value


def append(text: str, key: str, item: Any) -> str:
    """`text` with `item` at the end of the array `key` of its root; raises `NotJson` where there can be none."""
    return insert(text, key, json.dumps(item, ensure_ascii=False))


def insert(text: str, key: str, entry: str, position: int | None = None) -> str:
    """`text` with `entry`, the text of a value, in the array `key` of its root.

    It comes before what stands at `position`, else at the end. Raises `NotJson` where there can be no such array.
    """
    root = read(text)
    line = "\r\n" if "\r\n" in text else "\n"
    if root is None:
        comments = text + (line if text.strip("\ufeff \t\r\n") and not text.endswith("\n") else "")
        return comments + f'{{{line}  "{key}": [{entry}]{line}}}{line}'
    if root.members is None:
        raise NotJson(text, root.start)
    array = root.member(key)
    if array is None:
        return _add_member(text, root, f'"{key}": [{entry}]', line)
    if array.elements is None:
        raise NotJson(text, array.start)
    if not array.elements:
        return _insert(text, array.start + 1, entry)
    if position is not None and position < len(array.elements):
        at = array.elements[position].start
        return _insert(text, at, f"{entry},{_break_before(text, at) or ' '}")
    last = array.elements[-1]
    return _insert(text, last.end, f",{_break_before(text, last.start) or ' '}{entry}")


def remove(text: str, key: str, position: int) -> str:
    """`text` without one element of the array `key`; an array left empty goes with its key."""
    root = read(text)
    array = root.member(key) if root is not None else None
    if root is None or root.members is None or array is None or array.elements is None:
        return text
    at = next(index for index, (_, value) in enumerate(root.members) if value is array)
    name, only = root.members[at][0], array.elements[0]
    around = (text[name.end : array.start], text[array.start : only.start], text[only.end : array.end])
    if len(array.elements) == 1 and not any("/" in gap for gap in around):
        return _cut(text, [(name.start, value.end) for name, value in root.members], at)
    return _cut(text, [(element.start, element.end) for element in array.elements], position)


def _add_member(text: str, root: Node, member: str, line: str) -> str:
    assert root.members is not None
    if not root.members:
        inside = text[root.start + 1 : root.end - 1]
        return _insert(text, root.start + 1, f"{line}  {member}" + ("" if "\n" in inside else line))
    name, last = root.members[-1]
    return _insert(text, last.end, f",{_break_before(text, name.start) or ' '}{member}")


def _cut(text: str, extents: list[tuple[int, int]], at: int) -> str:
    """Without one of several things in a row, and the comma that stood between it and its neighbour."""
    start, end = extents[at]
    if at > 0:
        comma = _skip(text, extents[at - 1][1])
        if not text[comma + 1 : start].strip():
            return text[:comma] + text[end:]
        return text[:comma] + text[comma + 1 : start] + text[end:]
    comma = _skip(text, end)
    if text[comma] == ",":
        after = comma + 1
        if len(extents) > 1 and not text[after : extents[1][0]].strip():
            after = extents[1][0]
        return text[:start] + text[end:comma] + text[after:]
    while start > 0 and text[start - 1] in " \t":
        start -= 1
    if text[start - 1] == "\n":  # its line goes with its own end: the line before keeps the one it has
        end += 2 if text.startswith("\r\n", end) else text.startswith("\n", end)
    return text[:start] + text[end:]


def _break_before(text: str, at: int) -> str:
    """The line end and indentation something stands after, or nothing when it does not begin its line."""
    found = re.search(r"\r?\n[ \t]*$", text[:at])
    return found.group() if found else ""


def _insert(text: str, at: int, what: str) -> str:
    return text[:at] + what + text[at:]


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _value(text: str, at: int, depth: int) -> Node:
    if at >= len(text) or depth > _MAX_DEPTH:
        raise NotJson(text, at)
    if text[at] == "{":
        return _object(text, at, depth)
    if text[at] == "[":
        return _array(text, at, depth)
    return _scalar(text, at)


def _scalar(text: str, at: int) -> Node:
    found = (_STRING if text[at] == '"' else _SCALAR).match(text, at)
    if found is None:
        raise NotJson(text, at)
    try:
        return Node(at, found.end(), json.loads(found.group(), strict=False))
    except ValueError:
        raise NotJson(text, at) from None


def _object(text: str, start: int, depth: int) -> Node:
    members: list[tuple[Node, Node]] = []
    at = _skip(text, start + 1)
    while text[at : at + 1] != "}":
        if text[at : at + 1] != '"':
            raise NotJson(text, at)
        key = _scalar(text, at)
        at = _skip(text, key.end)
        if text[at : at + 1] != ":":
            raise NotJson(text, at)
        value = _value(text, _skip(text, at + 1), depth + 1)
        members.append((key, value))
        at = _next(text, value.end, "}")
    return Node(start, at + 1, members=members)


def _array(text: str, start: int, depth: int) -> Node:
    elements: list[Node] = []
    at = _skip(text, start + 1)
    while text[at : at + 1] != "]":
        elements.append(_value(text, at, depth + 1))
        at = _next(text, elements[-1].end, "]")
    return Node(start, at + 1, elements=elements)


def _next(text: str, end: int, closing: str) -> int:
    """Behind a value and its comma; a comma before the closing bracket is forgiven, as OpenCode does."""
    at = _skip(text, end)
    if text[at : at + 1] == ",":
        return _skip(text, at + 1)
    if text[at : at + 1] != closing:
        raise NotJson(text, at)
    return at
