"""Which items of an export request are wanted, by service, session, kind and attributes (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from collector.batch import ExportRequest, count_items, data_points
from collector.otlp.envelope import prune, select
from collector.otlp.names import canonical, glob

Selected = TypeVar("Selected", bound=ExportRequest)

SESSION_KEYS = ("session.id", "gen_ai.conversation.id")
_KIND = "openinference.span.kind"
_SERVICE = "service.name"


@dataclass(frozen=True, slots=True)
class Selection:
    """Names with `*` for each of service, session, kind and attribute keys; an empty one holds for every item.

    An item must match all of those that are given. One that lacks what is asked for does not match: metrics and logs
    have no kind.
    """

    services: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not (self.services or self.sessions or self.kinds or self.attributes)

    def matches(self, value_of: Callable[[str], str | None]) -> bool:
        """Whether an item matches; `value_of` gives its own or its resource's attribute as text."""
        wanted = [((_SERVICE,), self.services), (SESSION_KEYS, self.sessions)]
        wanted += [((key,), patterns) for key, patterns in self.attributes.items()]
        if not all(not patterns or _any(map(value_of, keys), patterns) for keys, patterns in wanted):
            return False
        kind = canonical(value_of(_KIND) or "").upper()
        return not self.kinds or any(glob(pattern.upper(), kind) for pattern in self.kinds if kind)


def keep_selected(request: Selected, only: Selection, never: Sequence[Selection]) -> tuple[Selected, int]:
    """The items that match `only` and none of `never`, and how many others there were."""
    if only.is_empty and not never:
        return request, 0
    before = count_items(request)

    def is_wanted(resource: Any, item: Any) -> bool:
        def value_of(key: str) -> str | None:
            return _text(item.attributes, key) or _text(resource.attributes, key)

        return only.matches(value_of) and not any(each.matches(value_of) for each in never)

    def wanted(resource: Any, _: Any, item: Any) -> bool:
        if not isinstance(item, Metric):
            return is_wanted(resource, item)
        return any(is_wanted(resource, point) for point in data_points(item))

    found = select(request, wanted)
    _drop_points(found, is_wanted)
    prune(found)
    return found, before - count_items(found)


def drop_other_services(request: ExportRequest, allowed: Sequence[str]) -> int:
    """Take out what is of no allowed service, names with `*`, and say how many items that was.

    What counts is the resource's name alone, and each of them where it has several; without one it is of no service.
    """
    before = count_items(request)
    resources: Any = getattr(request, next(iter(request.DESCRIPTOR.fields_by_name)))
    for index in reversed(range(len(resources))):
        names = [pair.value.string_value for pair in resources[index].resource.attributes if pair.key == _SERVICE]
        if not names or not all(any(glob(pattern, canonical(name)) for pattern in allowed) for name in names):
            del resources[index]
    return before - count_items(request)


def _drop_points(request: Any, is_wanted: Callable[[Any, Any], bool]) -> None:
    """Metrics are chosen by their data points: of one that is taken, the others go."""
    for resource in getattr(request, "resource_metrics", ()):
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                points: Any = data_points(metric)
                for index in reversed(range(len(points))):
                    if not is_wanted(resource.resource, points[index]):
                        del points[index]


def _text(attributes: Any, key: str) -> str | None:
    for pair in attributes:
        if pair.key == key:
            kind = pair.value.WhichOneof("value")
            if kind == "string_value":
                return str(pair.value.string_value)
            if kind in ("int_value", "double_value", "bool_value"):
                value = getattr(pair.value, kind)
                return str(value).lower() if isinstance(value, bool) else str(value)
    return None


def _any(values: Iterable[str | None], patterns: Sequence[str]) -> bool:
    return any(value is not None and glob(pattern, canonical(value)) for value in values for pattern in patterns)
