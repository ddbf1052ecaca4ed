"""What was left out of a request, and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

UNREADABLE = "unreadable item"
INVALID_ID = "invalid trace or span id"
OTHER_SERVICE = "a service that this access token may not send"

_MOST_PLACES = 3


@dataclass(slots=True)
class LeftOut:
    """Counts by reason, and the first few places for the sender; places hold field names, never content."""

    by_reason: Counter[str] = field(default_factory=Counter)
    places: list[str] = field(default_factory=list)

    def add(self, reason: str, count: int = 1, place: str = "") -> None:
        if count:
            self.by_reason[reason] += count
            if place and len(self.places) < _MOST_PLACES:
                self.places.append(place)

    @property
    def total(self) -> int:
        return self.by_reason.total()

    def __str__(self) -> str:
        reasons = ", ".join(f"{count} with {reason}" for reason, count in sorted(self.by_reason.items()))
        return f"{reasons} ({'; '.join(self.places)})" if self.places else reasons
