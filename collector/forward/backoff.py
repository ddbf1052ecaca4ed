"""How long to wait before the next attempt (pure)."""

from __future__ import annotations

FIRST_S = 1.0
MOST_S = 30.0
SUSPECT_FIRST_S = 2.0
SUSPECT_MOST_S = 600.0


def delay(failures: int, after_s: float | None, chance: float) -> float:
    """Seconds a destination is left alone after `failures` failed attempts in a row.

    Doubles from 1 s to 30 s, of which a random half (`chance` in 0..1) spreads clients that failed together;
    never less than the destination asked for (`after_s`).
    """
    full = min(FIRST_S * 2.0 ** min(failures - 1, 10), MOST_S)
    waited = full / 2 + chance * full / 2
    return max(waited, after_s or 0.0)


def suspect_delay(suspicion: int) -> float:
    """Seconds until data is tried again that failed `suspicion` times while other data was taken: up to 10 min."""
    if suspicion < 2:
        return 0.0
    return min(SUSPECT_FIRST_S * 2.0 ** min(suspicion - 2, 20), SUSPECT_MOST_S)
