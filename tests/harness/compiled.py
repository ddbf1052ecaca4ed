"""Triggers compiled once on this machine, not once in each worker and again in each run.

Compiling all of them takes two thirds of a second of a processor, and tests make some thirty sets of rules.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from collector.redact.engine import scan

Sources = tuple[tuple[str, bool], ...]
_WORTH_KEEPING = 100
"""Fewer triggers are compiled in less time than they are read."""

_KEPT = Path(os.environ.get("TEST_CACHE") or Path(__file__).parents[2] / ".cache") / "triggers"


def keep_compiled_triggers() -> None:
    """Let every scanner of this process take from the cache what was compiled before from the same triggers."""
    if scan.hyperscan is not None:
        scan._compiled = lru_cache(maxsize=64)(_kept(scan._compiled.__wrapped__))


def _kept(compiled: Callable[[Sources], bytes]) -> Callable[[Sources], bytes]:
    _KEPT.mkdir(parents=True, exist_ok=True)

    def read_or_compile(sources: Sources) -> bytes:
        if len(sources) < _WORTH_KEEPING:
            return compiled(sources)
        key = hashlib.sha256(repr((version("hyperscan"), sources)).encode()).hexdigest()
        path = _KEPT / key
        if path.exists():
            return path.read_bytes()
        blob = compiled(sources)
        written = path.with_suffix(f".{os.getpid()}")
        written.write_bytes(blob)
        written.replace(path)
        return blob

    return read_or_compile
