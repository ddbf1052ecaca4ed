"""The id of a session as it is listed: what a person can read, copy and pass on a command line (pure)."""

from __future__ import annotations

import hashlib

SESSION_KEYS = ("session.id", "gen_ai.conversation.id", "conversation.id")
"""Attributes that name a session, the first that is there counts."""

_LONGEST = 256
_BEGINNING = 120


def listed_session(identifier: str) -> str:
    """The id itself; of one that is longer than 256 characters, or holds what cannot be printed, its beginning and a
    hash of the whole."""
    if len(identifier) <= _LONGEST and identifier.isprintable():
        return identifier
    beginning = "".join(each if each.isprintable() else "\ufffd" for each in identifier[:_BEGINNING])
    return f"{beginning}…{hashlib.sha256(identifier.encode('utf-8', 'replace')).hexdigest()[:24]}"
