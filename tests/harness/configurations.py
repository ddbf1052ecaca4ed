"""Configurations of OpenCode as people write them: comments, odd spaces, trailing commas, plugins with options."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

NPM = "@inference/trace-opencode"

_SPACES = st.sampled_from(["", " ", "\n", "\n  ", "\r\n\t", ' // said, [here] "too"\n', "/* a { b */", "\n// }\n  "])
_SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=12)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_NAMES = st.text(max_size=8) | st.sampled_from([NPM, f"{NPM}@latest", f"{NPM}@0.1.12"])
_WITH_OPTIONS = st.tuples(_NAMES, st.dictionaries(st.text(max_size=3), _SCALARS)).map(list)
_LISTED = st.lists(_NAMES | _WITH_OPTIONS, max_size=3)
ROOTS = st.builds(
    lambda root, listed: {**root, **({} if listed is None else {"plugin": listed})},
    st.dictionaries(st.text(max_size=8).filter(lambda key: key != "plugin"), _VALUES, max_size=4),
    st.none() | _LISTED,
)


@st.composite
def documents(draw: st.DrawFn, roots: st.SearchStrategy[dict[str, Any]] = ROOTS) -> tuple[str, dict[str, Any]]:
    """A document, and what it says."""
    root = draw(roots)

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
