"""Which spans stand below which, and the turns that they make; told from ids and times alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Protocol, TypeVar


class Placed(Protocol):
    """What is known of a span without its content."""

    @property
    def trace_id(self) -> str: ...
    @property
    def span_id(self) -> str: ...
    @property
    def parent_id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def start_ns(self) -> int: ...
    @property
    def end_ns(self) -> int: ...


AnySpan = TypeVar("AnySpan", bound=Placed)


def grouped_by_turn(spans: Iterable[AnySpan]) -> list[tuple[AnySpan | None, list[AnySpan]]]:
    """The spans by turn, both oldest first, with the root of each; None while it is not here yet."""
    by_trace: dict[str, list[AnySpan]] = defaultdict(list)
    for span in sorted(spans, key=lambda span: (span.start_ns, span.end_ns, span.span_id)):
        by_trace[span.trace_id].append(span)
    groups: list[tuple[AnySpan | None, list[AnySpan]]] = []
    for trace in by_trace.values():
        groups += _by_root(trace)
    return sorted(groups, key=lambda group: group[1][0].start_ns)


def _by_root(trace: list[AnySpan]) -> list[tuple[AnySpan | None, list[AnySpan]]]:
    """The spans of one trace by the root they stand under; those whose parent is not here yet belong together."""
    given = {span.span_id: span.parent_id for span in trace}
    top: dict[str, str] = {}
    below: dict[str, list[AnySpan]] = defaultdict(list)
    for span in trace:
        span_id = span.span_id
        if span_id not in top:
            known = top.get(span.parent_id)  # as nearly always: a parent begins before its children
            top[span_id] = known or _top_of(span_id, given, top)
        below[top[span_id]].append(span)
    tops = [span for span in trace if top[span.span_id] == span.span_id]
    whole = [span for span in tops if not span.parent_id or span.kind == "AGENT"]
    groups: list[tuple[AnySpan | None, list[AnySpan]]] = [(span, below[span.span_id]) for span in whole]
    if len(whole) == len(tops):
        return groups
    roots = {span.span_id for span in whole}
    return [*groups, (None, [span for span in trace if top[span.span_id] not in roots])]


def _top_of(start: str, given: dict[str, str], top: dict[str, str]) -> str:
    """What a span stands under in the end, noted in `top` for all on the way; each span of a circle is its own."""
    path, at, circle = _way_up(start, given, top)
    if circle < len(path):
        found = at
    else:
        found = top.get(at, next(reversed(path)))
    for span_id, place in path.items():
        top[span_id] = span_id if place >= circle else found
    return top[start]


def _way_up(start: str, given: dict[str, str], known: dict[str, str]) -> tuple[dict[str, int], str, int]:
    """The spans from one upwards, by their places; what ends the way (not given, known, or on it already); and the
    place from which the way is a circle."""
    path: dict[str, int] = {}
    at = start
    while at in given and at not in known and at not in path:
        path[at] = len(path)
        at = given[at]
    return path, at, path.get(at, len(path))


def parents_of(spans: Iterable[Placed]) -> dict[str, str]:
    """The parent of each span among `spans`, by id; empty where it is not among them, or would be its own ancestor."""
    given = {span.span_id: span.parent_id for span in spans}
    found: dict[str, str] = {}
    for start in given:
        path, _, circle = _way_up(start, given, found)
        for span_id, place in path.items():
            parent = given[span_id]
            found[span_id] = parent if parent in given and place < circle else ""
    return found
