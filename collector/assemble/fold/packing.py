"""What a message of long ago says, compressed: most of a long session is of long ago, and seldom asked for (pure)."""

from __future__ import annotations

import marshal
import zlib
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from collector.assemble.facts import FIELDS, PartFact, ToolFact

_FASTEST = 1

SaidFact = PartFact | ToolFact


class _PlainForm:
    """How facts of a class are written as plain values, and made of them again."""

    def __init__(self, kind: Callable[..., Any], names: tuple[str, ...]) -> None:
        self._kind = kind
        self._names = ("key", "at", "order", *names)
        self.values = attrgetter(*self._names)

    def fact(self, session: str, values: tuple[Any, ...]) -> Any:
        return self._kind(session, **dict(zip(self._names, values, strict=True)))


_FORMS: dict[type, _PlainForm] = {kind: _PlainForm(kind, FIELDS[kind]) for kind in (PartFact, ToolFact)}


def packed(
    parts: dict[str, PartFact], tools: dict[str, ToolFact], replaced: dict[str, list[PartFact]], orders: Any
) -> bytes | None:
    """These of a message as bytes, with `orders`, which are plain values; None where one of them is not plain."""
    part, tool = _FORMS[PartFact].values, _FORMS[ToolFact].values
    plain = (
        [part(each) for each in parts.values()],
        [tool(each) for each in tools.values()],
        [[part(each) for each in old] for old in replaced.values()],
        orders,
    )
    try:
        return zlib.compress(marshal.dumps(plain), _FASTEST)
    except ValueError:
        return None


def unpacked(
    session: str, data: bytes
) -> tuple[dict[str, PartFact], dict[str, ToolFact], dict[str, list[PartFact]], Any]:
    """What `packed` was given."""
    parts, tools, replaced, orders = marshal.loads(zlib.decompress(data))
    part, tool = _FORMS[PartFact].fact, _FORMS[ToolFact].fact
    old = [[part(session, each) for each in texts] for texts in replaced]
    return (
        {fact.part: fact for fact in (part(session, each) for each in parts)},
        {fact.part: fact for fact in (tool(session, each) for each in tools)},
        {texts[0].part: texts for texts in old},
        orders,
    )
