"""How many examples a property is tried on: fewer while one works, more in the ten minutes of `make fuzz`."""

from __future__ import annotations

import os

_TIMES = {"quick": 0.2, "fuzz": 15.0}
"""What `HYPOTHESIS_PROFILE` makes of a property's own number; the suite takes it as it is."""


def examples(number: int) -> int:
    """The number of examples under the profile in force, of a property that is tried on `number` in the suite."""
    return max(int(number * _TIMES.get(os.environ.get("HYPOTHESIS_PROFILE", ""), 1)), 5)
