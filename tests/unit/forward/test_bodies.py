"""Leased ranges to bodies: merged, cut out, split and cut to fit, with nothing lost on the way."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from harness.telemetry import logs, metrics, span_ids, traces
from hypothesis import given
from hypothesis import strategies as st

from collector.batch import count_items
from collector.enums import Signal
from collector.forward.body import BodyLimits, make_body
from collector.forward.settling import cannot_fit
from collector.otlp.write import to_json
from collector.store.entries import Leased, Then

ROOMY = BodyLimits(1 << 30, 1 << 30)


def _plain(signal: Signal, data: bytes) -> tuple[bytes, int]:
    body = to_json(signal.request.FromString(data))
    return body, len(body)


def _leased(request: Any, number: int = 1, first: int = 0, items: int = 0, shrinks: int = 0) -> Leased:
    held = count_items(request)
    return Leased(number, number, first, items or held, held, "", request.SerializeToString(), shrinks=shrinks)


def _all_bodies(signal: Signal, ranges: list[Leased], limits: BodyLimits) -> list[tuple[list[Leased], bytes | None]]:
    """What the forwarder sends when every body is taken: halves of what does not fit come back as two ranges."""
    waiting, found = list(ranges), []
    numbers = count(1000)
    while waiting:
        body = make_body(signal, waiting, _plain, limits)
        if body.too_large:
            [settlement] = cannot_fit(body.ranges[0])
            each = waiting.pop(0)
            if settlement.then is Then.DEAD:
                found.append(([each], None))
                continue
            half = each.items // 2
            for first, items in ((each.first, half), (each.first + half, each.items - half)):
                waiting.insert(0, Leased(next(numbers), each.batch_id, first, items, each.of_items, "", each.data))
            continue
        found.append((body.ranges, body.content))
        del waiting[: len(body.ranges)]
    return found


@given(st.lists(st.integers(1, 12), min_size=1, max_size=5), st.integers(0, 400), st.integers(900, 20_000))
def test_splitting_keeps_every_span_once_and_each_body_small_enough(counts: list[int], size: int, most: int) -> None:
    requests = [traces(spans, size=size) for spans in counts]
    ranges = [_leased(request, number) for number, request in enumerate(requests)]
    sent: list[str] = []
    for _, content in _all_bodies(Signal.TRACES, ranges, BodyLimits(most, 1 << 30)):
        assert content is not None and len(content) <= most
        sent += [part.split('"')[0] for part in content.decode().split('"spanId":"')[1:]]
    assert sorted(sent) == sorted(span_id for request in requests for span_id in span_ids(request))


@given(st.integers(2, 12), st.data())
def test_a_range_holds_its_items_alone(spans: int, data: Any) -> None:
    request = traces(spans)
    first = data.draw(st.integers(0, spans - 1))
    items = data.draw(st.integers(1, spans - first))
    body = make_body(Signal.TRACES, [_leased(request, first=first, items=items)], lambda _, raw: (raw, len(raw)), ROOMY)
    assert body.content is not None
    assert span_ids(Signal.TRACES.request.FromString(body.content)) == span_ids(request)[first : first + items]


def test_a_span_too_large_for_any_post_has_its_largest_value_cut_and_marked() -> None:
    request = traces(1, {"small": "stays"}, size=100_000)
    body = make_body(Signal.TRACES, [_leased(request)], _plain, BodyLimits(20_000, 1 << 30))
    assert body.content is not None and len(body.content) <= 20_000
    assert b"[CUT from 100000 B]" in body.content
    assert b"stays" in body.content


def test_a_span_refused_as_too_large_is_cut_shorter_each_time() -> None:
    """The destination's limit is not known: it may count what a body is before compression."""
    request = traces(1, size=100_000)
    sizes = []
    for shrinks in range(4):
        body = make_body(Signal.TRACES, [_leased(request, shrinks=shrinks)], _plain, ROOMY)
        assert body.content is not None
        sizes.append(len(body.content))
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[3] <= sizes[0] // 8


def test_a_span_that_cannot_be_made_small_enough_is_no_body() -> None:
    """Many small values: cutting each of them would leave nothing worth sending."""
    request = traces(1, {f"key{index}": "x" * 100 for index in range(1000)})
    body = make_body(Signal.TRACES, [_leased(request)], _plain, BodyLimits(10_000, 1 << 30))
    assert body.content is None and body.too_large
    assert cannot_fit(body.ranges[0])[0].then is Then.DEAD


@pytest.mark.parametrize(
    ("signal", "request_"),
    [(Signal.LOGS, logs(9, "x" * 300)), (Signal.METRICS, metrics(30))],
    ids=["logs", "metrics"],
)
def test_logs_and_metrics_are_split_too(signal: Signal, request_: Any) -> None:
    bodies = _all_bodies(signal, [_leased(request_)], BodyLimits(1200, 1 << 30))
    assert len(bodies) > 1
    for _, content in bodies:
        assert content is not None and len(content) <= 1200


def test_what_a_destination_does_not_get_is_counted_by_range_and_reason() -> None:
    kept, filtered = traces(2), traces(3)

    def refine(_: Signal, data: bytes) -> tuple[bytes, dict[str, int]]:
        request = Signal.TRACES.request.FromString(data)
        return (data, {}) if span_ids(request) == span_ids(kept) else (b"", {"filtered": 3})

    ranges = [_leased(kept, 1), _leased(filtered, 2)]
    body = make_body(Signal.TRACES, ranges, lambda _, raw: (raw, len(raw)), ROOMY, refine)
    assert body.content is not None
    assert span_ids(Signal.TRACES.request.FromString(body.content)) == span_ids(kept)
    assert body.dropped == {1: {}, 2: {"filtered": 3}}
    alone = make_body(Signal.TRACES, ranges[1:], _plain, ROOMY, refine)
    assert alone.content is None and not alone.too_large
