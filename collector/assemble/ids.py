"""Ids: derived from OpenCode's own, so that a replay or another door gives the same spans; and the time in them."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

_WITHIN = (1 << 36) - 1
_HALF = 1 << 35


@lru_cache(maxsize=128)
def trace_id(session: str, message: str) -> bytes:
    """The trace of the turn that user message `message` opens in root session `session`."""
    return _digest(16, "trace", session, message)


@lru_cache(maxsize=128)
def span_id(*names: str) -> bytes:
    """The span of a message, of a part, or of something counted within one; each is asked for a few times in a row."""
    return digest(*names)


def digest(*texts: str) -> bytes:
    """Eight bytes that stand for these texts."""
    return _digest(8, "span", *texts)


def _digest(size: int, *names: str) -> bytes:
    found = blake2b("\0".join(names).encode("utf-8", "surrogatepass"), digest_size=size).digest()
    return found if any(found) else b"\x01" * size  # an all-zero id is invalid (specification, "SpanContext")


def time_in(identifier: str, near: int) -> int | None:
    """The time an ascending OpenCode id was made at, in ms; None where the id holds none.

    The id keeps 36 bits of the milliseconds, which wrap every 2.18 years: `near` says in which round.
    """
    number = number_in(identifier)
    return None if number is None else near + _HALF - ((near - (number >> 12) + _HALF) & _WITHIN)


def number_in(identifier: str) -> int | None:
    """What an OpenCode id ascends by: milliseconds, and a count of the ids made in each; None where it does not."""
    kind, _, rest = identifier.partition("_")
    if len(rest) < 12 or kind == "ses":  # session ids are inverted
        return None
    try:
        return int(rest[:12], 16)
    except ValueError:
        return None


def sequence(identifier: str, at: int) -> int:
    """Where the maker of an id puts it among others of its kind; `at` is when its thing was made, by any clock.

    Ids ascend also where the clock of what they name was set back.
    """
    found = time_in(identifier, at) if at else None
    return at if found is None else found
