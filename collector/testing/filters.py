"""What spans are asked for by keyword, checked: a misspelt name would match nothing, and no test would say so."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from typing import Any

from collector.policy.model import KINDS

OWN = ("kind", "name", "session", "trace", "failed")


def attribute_of(name: str) -> str:
    """The attribute that a keyword names."""
    return name.replace("__", ".")


def check(
    wanted: dict[str, Any], there: Collection[str], *, more_may_come: bool = False, also: Iterable[str] = ()
) -> None:
    """Raise `TypeError` for a keyword or value that cannot be meant; `there` are the attributes of the spans kept.

    A keyword without underscores in pairs that is no filter is an attribute only if a span has it, now or, where
    `more_may_come` says so, perhaps soon. `also` are other keywords that one may have meant.
    """
    for name, value in wanted.items():
        if name in OWN:
            _check_value(name, value)
        elif "__" not in name and name not in there:
            near = get_close_matches(name, [*OWN, *also, *(each.replace(".", "__") for each in there)], 1)
            if near or not more_may_come:
                said = f"{name!r} is no filter{f', {near[0]!r} is' if near else ''}: there are {', '.join(OWN)}, and"
                raise TypeError(f"{said} attributes, dots written as two underscores (tool__name){_listed(there)}")


def unknown(wanted: Iterable[str], there: Collection[str]) -> str:
    """What to say of filters that name attributes which no kept span has; empty where all have some."""
    lines = []
    for name in wanted:
        attribute = attribute_of(name)
        if name not in OWN and attribute not in there:
            near = get_close_matches(attribute, there, 1)
            lines.append(f"no kept span has the attribute {attribute}{f'; one has {near[0]}' if near else ''}\n")
    return "".join(lines)


def _check_value(name: str, value: Any) -> None:
    if name == "failed":
        if not isinstance(value, bool):
            raise TypeError(f"failed is True or False, not {value!r}")
    elif not isinstance(value, str):
        raise TypeError(f"{name} is a text, not {value!r}")
    elif name == "kind" and value and value not in KINDS:
        raise TypeError(f"no kind is {value!r}: there are {', '.join(sorted(KINDS))}")


def _listed(there: Collection[str]) -> str:
    plain = sorted(name for name in there if "." not in name)
    return f"; without dots the kept spans have {', '.join(plain)}" if plain else ""
