"""Whatever a destination refuses, by whatever rule, the rest arrives: the forwarder's decisions played to their end."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.forward import settling
from collector.forward.body import RequestBody
from collector.forward.health import Health
from collector.forward.outcome import Delivered, Refused, TooBig, TryLater
from collector.store.entries import Leased, Settlement, Then


@dataclass
class _Outbox:
    """The ranges of a lane, as the store would keep them; items are numbered over all batches."""

    ranges: dict[int, Leased]
    delivered: set[tuple[int, int]]
    dead: set[tuple[int, int]]
    last: int

    @classmethod
    def of(cls, batches: list[int]) -> _Outbox:
        ranges = {n: Leased(n, n, 0, items, items, "", b"") for n, items in enumerate(batches)}
        return cls(ranges, set(), set(), len(batches))

    def take(self) -> list[Leased]:
        first = next(iter(self.ranges.values()))
        chosen: list[Leased] = []
        for each in self.ranges.values():
            if len(chosen) >= min(one.most_ranges or 99 for one in [*chosen, each, first]):
                break
            chosen.append(each)
        return chosen

    def settle(self, settlements: list[Settlement]) -> None:
        for each in settlements:
            was = self.ranges.pop(each.id)
            items = {(was.batch_id, was.first + n) for n in range(was.items)}
            if each.then is Then.DONE:
                self.delivered |= items
            elif each.then is Then.DEAD:
                self.dead |= items
            else:
                again = replace(
                    was, attempts=was.attempts + 1, suspicion=each.suspicion, most_ranges=each.most_ranges,
                    shrinks=each.shrinks,
                )  # fmt: skip
                if each.then is Then.HALVE and was.items > 1:
                    half = was.items // 2
                    self.last += 1
                    self.ranges[self.last] = replace(again, id=self.last, items=half)
                    again = replace(again, first=was.first + half, items=was.items - half)
                self.last += 1
                self.ranges[self.last] = replace(again, id=self.last)


def _items(ranges: list[Leased]) -> set[tuple[int, int]]:
    return {(each.batch_id, each.first + n) for each in ranges for n in range(each.items)}


def _culprits(batches: list[int], picked: list[int]) -> set[tuple[int, int]]:
    every = [(batch, n) for batch, items in enumerate(batches) for n in range(items)]
    return {every[index % len(every)] for index in picked}


BATCHES = st.lists(st.integers(1, 9), min_size=1, max_size=12)
PICKED = st.lists(st.integers(0, 200), max_size=4)


@given(BATCHES, PICKED)
def test_only_refused_items_become_dead_letters(batches: list[int], picked: list[int]) -> None:
    outbox, culprits = _Outbox.of(batches), _culprits(batches, picked)
    for _ in range(2000):
        if not outbox.ranges:
            break
        ranges = outbox.take()
        if _items(ranges) & culprits:
            outbox.settle(settling.refused(ranges, Refused("HTTP 400")))
        else:
            outbox.settle(settling.delivered(RequestBody(ranges), Delivered("HTTP 200")))
    assert outbox.dead == culprits
    assert len(outbox.delivered) + len(culprits) == sum(batches)


@given(BATCHES, PICKED, st.booleans())
def test_what_fails_only_with_certain_data_holds_up_nothing_else(
    batches: list[int], picked: list[int], gives_up: bool
) -> None:
    """A firewall answers 403, a gateway 502, whenever it does not like a body; no answer says which part of it."""
    outbox, culprits = _Outbox.of([*batches, 1]), _culprits(batches, picked)
    good = {(batch, n) for batch, items in enumerate([*batches, 1]) for n in range(items)} - culprits
    health, now = Health(), 0.0
    for _ in range(4000):
        if not outbox.ranges:
            break
        ranges = outbox.take()
        now += 0.1
        if _items(ranges) & culprits:
            lately = health.took_lately(now)
            if not (lately and settling.is_suspected(ranges)):
                health.failed(now, "HTTP 403", None, 0.5)
            outbox.settle(settling.try_later(ranges, TryLater("HTTP 403", gives_up=gives_up), others_taken=lately))
        else:
            health.took(now)
            outbox.settle(settling.delivered(RequestBody(ranges), Delivered("HTTP 200")))
    assert outbox.delivered == good
    assert outbox.dead <= culprits


def test_what_fails_for_everyone_is_kept_for_a_day_and_tried_less_and_less() -> None:
    """A destination that answers 500 to all it gets says nothing of one span; a night of it must lose none."""
    alone, waited, pauses = Leased(1, 1, 0, 1, 1, "", b""), 0.0, []
    answer = TryLater("HTTP 500", gives_up=True)
    while (found := settling.try_later([alone], answer, others_taken=False)[0]).then is Then.RETRY:
        pauses.append(found.retry_in_s)
        waited += found.retry_in_s
        alone = replace(alone, attempts=alone.attempts + 1)
    assert found.then is Then.DEAD
    assert pauses == sorted(pauses)
    assert pauses[-1] == 600
    assert 20 * 3600 < waited < 30 * 3600


@given(BATCHES, st.integers(1, 5))
def test_too_large_bodies_get_smaller_until_they_are_taken(batches: list[int], most: int) -> None:
    outbox = _Outbox.of(batches)
    for _ in range(2000):
        if not outbox.ranges:
            break
        ranges = outbox.take()
        if sum(each.items for each in ranges) > most:
            outbox.settle(settling.too_big(ranges, TooBig("HTTP 413")))
        else:
            outbox.settle(settling.delivered(RequestBody(ranges), Delivered("HTTP 200")))
    assert len(outbox.delivered) == sum(batches)


def test_what_a_destination_left_out_is_counted_once_over_all_ranges() -> None:
    ranges = [Leased(1, 1, 0, 2, 2, "", b""), Leased(2, 2, 0, 5, 5, "", b"")]
    found = settling.delivered(RequestBody(ranges, dropped={1: {"filtered": 1}}), Delivered("HTTP 200", refused=3))
    assert [dict(each.dropped) for each in found] == [
        {"filtered": 1, settling.LEFT_OUT: 1},
        {settling.LEFT_OUT: 2},
    ]


@pytest.mark.parametrize("failures", [1, 2, 5])
def test_after_a_failure_one_request_shows_whether_the_destination_is_back(failures: int) -> None:
    health = Health()
    for _ in range(failures):
        health.failed(0.0, "HTTP 503", None, 0.5)
    assert health.most_at_once == 1
    assert health.took(1.0)
    assert health.most_at_once > 1
