"""JSON as careless writers leave it: with NaN, half a character, or cut off by a limit on the length of values.

Strict readers refuse such a text as a whole. Here what is whole is read, and what was cut says so.
"""

from __future__ import annotations

import json
import re
from typing import Any

CUT = "[cut off by the sender]"
"""What ends a text of which the rest is missing, and stands for a value of which all is."""

_MISSING = f'"{CUT}"'

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NEXT = re.compile(r'["{}\[\]]')
_HALF_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*(\\(?:u[0-9a-fA-F]{0,3})?)\Z")
_HALF_WORD = re.compile(r"(?<=[\[,:\s])(?:-?[0-9][-+.0-9eE]*|-|t(?:ru?)?|f(?:al?s?)?|n(?:ul?)?|-?I[nfity]*|Na?)\Z")
_MOST_DEPTH = 500
_MOST_DIGITS = 20
"""Those of the largest number of 64 bits, or of the smallest with its sign."""
_LEAST = 3
"""Characters that a text must have to be taken for the beginning of JSON."""


def read_sloppy_json(text: str) -> Any:
    """What `text` holds, if it is JSON but for those faults; else `text` itself.

    Half a surrogate pair becomes a replacement character.
    """
    found = _loads(text)
    if found is _NOTHING:
        found = _completed(text)
    return text if found is _NOTHING or not isinstance(found, (dict, list, str)) else _sound(found)


_NOTHING: Any = object()


def _loads(text: str) -> Any:
    try:
        return json.loads(text, strict=False, parse_int=_integer)
    except (ValueError, RecursionError):
        return _NOTHING


def _integer(digits: str) -> int | float:
    """A number as the strict reader has it: one beyond 64 bits could not be written again."""
    whole = int(digits) if len(digits) <= _MOST_DIGITS else 2**64
    return whole if -(2**63) <= whole < 2**64 else float(digits)


def _completed(text: str) -> Any:
    """What a text holds that ends before its JSON does."""
    text = text.strip()
    open_, in_string = _open_at_end(text)
    if not open_ or len(open_) > _MOST_DEPTH or len(text) < _LEAST:
        return _NOTHING
    closing = "".join(reversed(open_))
    if in_string:
        half = _HALF_ESCAPE.search(text)
        text = text[: half.start(1)] if half else text
        ends = [text + CUT + '"' + closing, text + '":' + _MISSING + closing]
    else:
        bare = text.rstrip().rstrip(",")
        word = _HALF_WORD.sub("", bare)
        ends = [bare + closing, bare + _MISSING + closing, bare + ":" + _MISSING + closing, word + "null" + closing]
    return next((found for end in ends if (found := _loads(end)) is not _NOTHING), _NOTHING)


def _open_at_end(text: str) -> tuple[list[str], bool]:
    """What closes the brackets that are open at the end of `text`, and whether a string is."""
    closing: list[str] = []
    at = 0
    while (found := _NEXT.search(text, at)) is not None:
        sign, at = found.group(), found.end()
        if sign == '"':
            string = _STRING.match(text, found.start())
            if string is None:
                return closing, True
            at = string.end()
        elif sign in "{[":
            closing.append("}" if sign == "{" else "]")
        elif not closing or closing.pop() != sign:
            return [], False
    return closing, False


def _sound(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_sound(item) for item in value]
    if isinstance(value, dict):
        return {_sound(key): _sound(item) for key, item in value.items()}
    return value
