"""What a request may ask: names and values that are not known are refused, and the answer says what is allowed.

A filter that is silently ignored shows what was not asked for. The answers name parameters and quote no values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError

LARGEST = 2**63 - 1
Nanoseconds = Annotated[int, Query(ge=0, le=LARGEST)]

_NAME = re.compile(r"[a-z_]{1,30}")
_ALWAYS = frozenset({"token"})
"""How a browser is let in; it is taken out of the address before."""


def known_names(request: Request) -> None:
    """Refuse a request that asks by a name its path does not know; paths that take no names ignore all."""
    names = set(_names(request.scope["route"].dependant))
    unknown = [name for name in request.query_params if name not in names and name not in _ALWAYS]
    if names and unknown:
        context = {"expected": ", ".join(sorted(names))}
        raise RequestValidationError([{"type": "unknown", "loc": ("query", name), "ctx": context} for name in unknown])


def said(errors: Iterable[Any]) -> str:
    """What is wrong with a request, and what is allowed, a clause each."""
    clauses = dict.fromkeys(
        _clause(str(each["loc"][-1]), each["type"], each.get("ctx") or {})
        for each in errors
        if each["loc"][0] in ("query", "path")
    )
    return "; ".join(clauses) or "the request cannot be used"


def _names(dependant: Dependant) -> Iterator[str]:
    yield from (param.alias for param in dependant.query_params)
    for inner in dependant.dependencies:
        yield from _names(inner)


def _clause(name: str, kind: str, context: Mapping[str, Any]) -> str:
    if kind == "unknown":
        shown = name if _NAME.fullmatch(name) else "a name in the address"
        return f"{shown}: not known here, where there are {context['expected']}"
    if kind == "missing":
        return f"{name}: needed"
    return f"{name}: {_allowed(kind, context)}"


def _allowed(kind: str, context: Mapping[str, Any]) -> str:
    match kind:
        case "literal_error" | "enum":
            return f"expected {str(context['expected']).removeprefix(repr('') + ', ')}"
        case "greater_than_equal":
            return f"expected {context['ge']} or more"
        case "less_than_equal":
            return f"expected {context['le']} or less"
        case "string_too_long":
            return f"expected at most {context['max_length']} characters"
        case _ if kind.startswith("bool"):
            return "expected true or false"
        case _ if kind.startswith("int"):
            return "expected a whole number"
        case _:
            return "expected another value"
