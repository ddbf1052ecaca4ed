"""Triggers compiled once on this machine, not once in each process and again in each run.

Compiling all of them takes two thirds of a second of a processor; tests make some thirty sets of rules, and start
hundreds of collectors.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

Sources = tuple[tuple[int, str, bool], ...]
_WORTH_KEEPING_SECONDS = 0.02
"""What is compiled in less is not worth a file."""

_KEPT = Path(os.environ.get("TEST_CACHE") or Path(__file__).parents[2] / ".cache") / "triggers"


def keep_compiled_triggers(scan: ModuleType) -> None:
    """Let every scanner of this process take from the cache what was compiled before from the same triggers.

    `scan` is `collector.redact.engine.scan`.
    """
    if scan.hyperscan is not None:
        scan._compiled = lru_cache(maxsize=64)(_kept(scan._compiled.__wrapped__))


def _kept(compiled: Callable[[Sources], bytes]) -> Callable[[Sources], bytes]:
    def read_or_compile(sources: Sources) -> bytes:
        path = _KEPT / hashlib.sha256(repr((version("hyperscan"), sources)).encode()).hexdigest()
        try:
            return path.read_bytes()
        except OSError:
            began = time.thread_time()
            blob = compiled(sources)
            if time.thread_time() - began >= _WORTH_KEEPING_SECONDS:
                _keep(blob, path)
            return blob

    return read_or_compile


def _keep(blob: bytes, path: Path) -> None:
    written = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        written.write_bytes(blob)
        written.replace(path)
    except OSError:
        pass  # a process of another user, or one whose disk is full
