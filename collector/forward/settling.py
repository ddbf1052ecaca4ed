"""What an answer means for the ranges that were sent (pure).

A range is kept until it is delivered, refused for good or given up with a reason. Ranges that were sent together and
not taken are sent again in smaller bodies, half as many each time, and at last by half the items, until the culprit
stands alone: nothing else is refused or held up because of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from collector.enums import Signal
from collector.forward.backoff import suspect_delay
from collector.forward.body import RequestBody
from collector.forward.outcome import Delivered, NotServed, Refused, TooBig, TryLater
from collector.store.entries import Leased, Settlement, Then

LEFT_OUT = "left out by the destination"
TOO_LARGE = "larger than the destination takes, even with its values cut"

_SUSPECT = 3
"""From this suspicion on a range stands alone, and is halved."""
_HOPELESS = 10
_MOST_ATTEMPTS = 150
"""About a day, since attempts are ten minutes apart in the end: a destination that fails all night loses nothing."""


def delivered(body: RequestBody, answer: Delivered) -> list[Settlement]:
    """All items are delivered, but for those left out here on purpose, or there."""
    left = answer.refused
    found = []
    for each in body.ranges:
        dropped = dict(body.dropped.get(each.id, {}))
        sent = each.items - sum(dropped.values())
        if left and sent:
            dropped[LEFT_OUT] = min(left, sent)
            left -= dropped[LEFT_OUT]
        found.append(Settlement(each.id, dropped=dropped))
    return found


def left_out(body: RequestBody) -> list[Settlement]:
    """Nothing of the ranges is for this destination."""
    return [Settlement(each.id, dropped=body.dropped[each.id]) for each in body.ranges]


def not_served(signal: Signal, ranges: Sequence[Leased], _: NotServed) -> list[Settlement]:
    return [Settlement(each.id, dropped={f"destination has no path for {signal}": each.items}) for each in ranges]


def refused(ranges: Sequence[Leased], answer: Refused) -> list[Settlement]:
    """Refused for good: together, they are told apart; alone, by half its items; a single item is a dead letter."""
    if len(ranges) > 1:
        return [_again(each, answer.answer, most_ranges=_half(ranges)) for each in ranges]
    [alone] = ranges
    then = Then.HALVE if alone.items > 1 else Then.DEAD
    return [_again(alone, answer.answer, then=then, most_ranges=1)]


def too_big(ranges: Sequence[Leased], answer: TooBig) -> list[Settlement]:
    """Too large: in smaller bodies; a single item with its values cut shorter each time."""
    if len(ranges) > 1:
        return [_again(each, answer.answer, most_ranges=_half(ranges)) for each in ranges]
    [alone] = ranges
    if alone.items > 1:
        return [_again(alone, answer.answer, then=Then.HALVE, most_ranges=alone.most_ranges)]
    return [_again(alone, answer.answer, most_ranges=1, shrinks=alone.shrinks + 1)]


def cannot_fit(alone: Leased) -> list[Settlement]:
    """One range is larger than may be sent: by half its items; a single item that no cut makes small is dead."""
    then = Then.HALVE if alone.items > 1 else Then.DEAD
    return [_again(alone, TOO_LARGE, then=then, most_ranges=alone.most_ranges, shrinks=alone.shrinks)]


def try_later(ranges: Sequence[Leased], answer: TryLater, *, others_taken: bool) -> list[Settlement]:
    """Not taken now. While others are taken, or after many attempts, the data itself is suspected."""
    most_ranges = _half(ranges) if len(ranges) > 1 else 1
    found = []
    for each in ranges:
        suspicion = each.suspicion + others_taken
        alone = len(ranges) == 1
        if not alone:
            found.append(_again(each, answer.answer, most_ranges=most_ranges, suspicion=suspicion))
            continue
        hopeless = suspicion >= _HOPELESS or (answer.gives_up and each.attempts + 1 >= _MOST_ATTEMPTS)
        then = Then.RETRY
        if each.items > 1 and (suspicion >= _SUSPECT or hopeless):
            then = Then.HALVE
        elif hopeless:
            then = Then.DEAD
        pause = 0.0 if then is Then.HALVE else suspect_delay(max(suspicion, each.attempts if answer.gives_up else 0))
        found.append(_again(each, answer.answer, then=then, most_ranges=1, suspicion=suspicion, retry_in_s=pause))
    return found


def is_suspected(ranges: Sequence[Leased]) -> bool:
    """Whether ranges failed before while others were taken: their failing again says nothing of the destination."""
    return all(each.suspicion > 0 for each in ranges)


def _half(ranges: Sequence[Leased]) -> int:
    return (len(ranges) + 1) // 2


def _again(
    each: Leased,
    cause: str,
    *,
    then: Then = Then.RETRY,
    most_ranges: int,
    suspicion: int | None = None,
    shrinks: int = 0,
    retry_in_s: float = 0.0,
) -> Settlement:
    return Settlement(
        id=each.id,
        then=then,
        cause=cause,
        retry_in_s=retry_in_s,
        suspicion=each.suspicion if suspicion is None else suspicion,
        most_ranges=most_ranges,
        shrinks=shrinks,
    )
