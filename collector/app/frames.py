"""How the process that keeps and those that seal for it talk: frames of values, each after its length.

A job is a tuple of its number, its kind and what it is about; an answer one of its job's number, what came of it, and
bytes or words. `marshal` packs both: it runs nothing when it reads, and fits processes of one interpreter.
"""

from __future__ import annotations

import marshal
import struct
from typing import Any, BinaryIO

_LENGTH = struct.Struct("<Q")
HEADER_BYTES = _LENGTH.size

POLICY, SEAL, READ, EVENTS = "policy", "seal", "read", "events"
"""Make a sealer, under a number; seal a request with one; read a body; read and seal events of OpenCode."""

LAST_WORDS = 0
"""The number of no job: under it a process says why it ends."""

DONE, REFUSED, FAILED = "done", "refused", "failed"
"""As asked; the sender's fault, with the words for it; ours, with the name of the exception and never its text."""


def frame(*values: Any) -> bytes:
    packed = marshal.dumps(values)
    return _LENGTH.pack(len(packed)) + packed


def length_in(header: bytes) -> int:
    (length,) = _LENGTH.unpack(header)
    return int(length)


def values_in(packed: bytes) -> tuple[Any, ...]:
    values: tuple[Any, ...] = marshal.loads(packed)
    return values


def read_frame(stream: BinaryIO) -> tuple[Any, ...] | None:
    """The next frame's values; None when the other end is gone."""
    header = stream.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES:
        return None
    length = length_in(header)
    packed = stream.read(length)
    return values_in(packed) if len(packed) == length else None
