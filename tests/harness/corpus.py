"""What the corpora of made-up texts with a secret in them are made of, and whether a secret in one is found."""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from typing import NamedTuple

from collector.redact.engine.engine import Engine

AN = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
Make = Callable[[random.Random], str]


class Sample(NamedTuple):
    """A text, the secret in it, and what it is an example of."""

    kind: str
    made: str
    text: str
    secret: str


def drawn(rng: random.Random, alphabet: str, size: int) -> str:
    return "".join(rng.choice(alphabet) for _ in range(size))


def mixed(rng: random.Random, alphabet: str, size: int) -> str:
    """With a digit and letters of both cases."""
    while True:
        text = drawn(rng, alphabet, size)
        if any(c.isdigit() for c in text) and any(c.islower() for c in text) and any(c.isupper() for c in text):
            return text


def is_covered(engine: Engine, text: str, secret: str) -> bool:
    """Whether at least 95 % of the last place where the secret stands is found."""
    data, value = text.encode(), secret.encode()
    start = data.rindex(value)
    end = start + len(value)
    inside = sum(max(0, min(end, found.end) - max(start, found.start)) for found in engine.find(data))
    return inside >= 0.95 * (end - start)
