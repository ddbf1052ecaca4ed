"""Which word beside a finding said that it is a secret, for a person who asks why it was masked (pure)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from collector.redact.engine.extents import Extent
from collector.redact.rules import ALL_RULES

_BEFORE = re.compile(
    rb"(?P<label>[A-Za-z][A-Za-z0-9_.-]{1,60})[\"'`\\)\]}>*]{0,6}(?:[ \t]{0,4}(?::=|=>|[:=,])|[ \t]{1,4}(?:is|was)\b)?"
    rb"[ \t]{0,4}[\"'`\\(<*]{0,8}\Z"
)
_LONGEST = 90
_BY_FORMAT = frozenset(rule.id for rule in ALL_RULES if rule.token)


def label_of(data: bytes, extents: Sequence[Extent], index: int) -> str:
    """The word before finding number `index` of `extents` (in order), empty where there is none
    or the finding is known by its own format. A word that belongs to another finding is not told.
    """
    if extents[index].rule in _BY_FORMAT:
        return ""
    start = extents[index].start
    low = max(start - _LONGEST, extents[index - 1].end if index else 0)
    found = _BEFORE.search(data, low, start)
    if not found or (found.start() == low and low > 0 and data[low - 1 : low].isalnum()):
        return ""
    return found["label"].decode()
