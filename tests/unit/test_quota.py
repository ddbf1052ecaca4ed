"""Limits of one access token, with a clock that is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import Busy
from collector.receive.quota import Quota


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def admitted(quota: Quota) -> bool:
    try:
        quota.admit()
    except Busy:
        return False
    return True


def test_without_limits_everything_comes_in_and_is_counted() -> None:
    quota = Quota()
    for _ in range(1000):
        quota.admit()
        quota.charge(10**9)
    assert (quota.requests, quota.bytes, quota.refused) == (1000, 10**12, 0)


def test_after_the_time_that_it_names_a_request_is_let_in() -> None:
    clock = Clock()
    quota = Quota(6, None, clock)
    assert [admitted(quota) for _ in range(7)] == [True] * 6 + [False]
    with pytest.raises(Busy) as refused:
        quota.admit()
    assert refused.value.retry_after == 10
    clock.now_s += refused.value.retry_after
    assert [admitted(quota) for _ in range(2)] == [True, False]
    assert (quota.requests, quota.refused) == (7, 3)


def test_one_large_request_is_let_in_and_paid_off_by_those_after_it() -> None:
    """Its length is known once it has come; refusing it for ever would lose it."""
    clock = Clock()
    quota = Quota(None, 6000, clock)
    quota.admit()
    quota.charge(9000)
    clock.now_s += 29
    assert not admitted(quota)
    clock.now_s += 2
    assert admitted(quota)


@given(
    per_minute=st.integers(1, 500),
    pauses=st.lists(st.floats(0, 30, allow_nan=False), max_size=200),
)
def test_never_more_than_a_minutes_worth_at_once_and_its_rate_after_that(per_minute: int, pauses: list[float]) -> None:
    clock = Clock()
    quota = Quota(per_minute, None, clock)
    begun_s = clock.now_s
    for pause_s in pauses:
        clock.now_s += pause_s
        while admitted(quota):
            pass
        assert quota.requests <= per_minute * (1 + (clock.now_s - begun_s) / 60) + 1e-6


@given(pauses=st.lists(st.floats(0, 30, allow_nan=False), max_size=100), per_minute=st.integers(1, 100))
def test_the_time_it_names_is_always_enough(pauses: list[float], per_minute: int) -> None:
    clock = Clock()
    quota = Quota(per_minute, 5000, clock)
    for pause_s in pauses:
        clock.now_s += pause_s
        try:
            quota.admit()
            quota.charge(777)
        except Busy as refused:
            clock.now_s += refused.retry_after + 1e-6
            quota.admit()
