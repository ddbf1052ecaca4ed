"""Ordinary code, documentation and data: what is installed here, to count what is found in it."""

from __future__ import annotations

import contextlib
import random
import sysconfig
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from collector.redact.engine.engine import Engine

_TEXTS = frozenset(
    {".py", ".pyi", ".md", ".rst", ".txt", ".js", ".mjs", ".ts", ".json", ".lock", ".toml", ".yml", ".yaml", ".log"}
    | {".cfg", ".ini", ".css", ".html", ".sh", ".c", ".h"}
)
_LARGEST = 2_000_000
_OF_OTHERS = "site-packages"
"""Below a directory: what is installed for another interpreter."""
MB = 10**6


def installed() -> list[str]:
    """The standard library and every package that is installed beside it."""
    return [sysconfig.get_paths()[name] for name in ("stdlib", "purelib")]


def texts(directories: Sequence[str], most_bytes: int) -> Iterator[bytes]:
    """Files of text in a random order that is always the same, up to so many bytes in all."""
    paths = sorted(
        path
        for directory in directories
        for path in Path(directory).rglob("*")
        if path.suffix in _TEXTS
        and _OF_OTHERS not in path.parts[len(Path(directory).parts) :]
        and not path.is_symlink()
        and path.is_file()
    )
    random.Random(1).shuffle(paths)
    size = 0
    seen: set[bytes] = set()
    for path in paths:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            data = path.read_bytes()
            data.decode()
            if len(data) <= _LARGEST and b"\0" not in data and data not in seen:
                seen.add(data)
                size += len(data)
                yield data
        if size >= most_bytes:
            return


def findings(directories: Sequence[str], most_bytes: int) -> tuple[float, Counter[str]]:
    """How many MB were read, and how often each rule found something there."""
    engine = Engine()
    found: Counter[str] = Counter()
    size = 0
    for data in texts(directories, most_bytes):
        size += len(data)
        found.update(extent.rule for extent in engine.find(data))
    return size / MB, found
