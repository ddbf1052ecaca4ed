"""Whether a lane takes data now: how often it failed in a row, until when it is left alone (pure)."""

from __future__ import annotations

from dataclasses import dataclass, field

from collector.forward.backoff import delay

PARALLEL = 4
_LATELY_S = 30.0


@dataclass(slots=True)
class Health:
    """`until` and `taken_at` are seconds of a monotonic clock that its callers read."""

    failures: int = 0
    until: float = 0.0
    cause: str = ""
    taken_at: float | None = None

    @property
    def most_at_once(self) -> int:
        """How many requests may be under way: after a failure one, which shows whether the destination is back."""
        return 1 if self.failures else PARALLEL

    def took(self, now: float) -> bool:
        """The destination took something; whether it had failed before."""
        failed = self.failures > 0
        self.failures, self.until, self.cause, self.taken_at = 0, 0.0, "", now
        return failed

    def failed(self, now: float, cause: str, after_s: float | None, chance: float) -> float:
        """The destination took nothing; seconds it is left alone."""
        self.failures += 1
        pause = delay(self.failures, after_s, chance)
        self.until, self.cause = max(self.until, now + pause), cause
        return pause

    def took_lately(self, now: float) -> bool:
        """Whether other data was taken a moment ago: then what fails now is suspected itself."""
        return self.taken_at is not None and now - self.taken_at < _LATELY_S


@dataclass(slots=True)
class DestinationHealth:
    """The health of a destination (reached at all, allowed at all) and of each of its lanes."""

    whole: Health = field(default_factory=Health)
    lanes: dict[str, Health] = field(default_factory=dict)

    def lane(self, signal: str) -> Health:
        return self.lanes.setdefault(signal, Health())

    def wait(self, signal: str, now: float) -> float:
        """Seconds until a lane may be sent to again."""
        return max(self.whole.until, self.lane(signal).until) - now

    def most_at_once(self, signal: str) -> int:
        return min(self.whole.most_at_once, self.lane(signal).most_at_once)
