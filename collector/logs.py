"""Our own log: JSON lines on stderr, or plain lines on a terminal; never a payload.

The text of an exception may quote what was being read, so a traceback is logged as places and kinds only.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from types import TracebackType


def configure(level: str) -> None:
    """Send all logging to stderr at `level`."""
    stream = logging.StreamHandler(sys.stderr)
    stream.setFormatter(_Plain() if sys.stderr.isatty() else _Json())
    root = logging.getLogger()
    root.handlers[:] = [stream]
    root.setLevel(level.upper())
    for noisy in ("uvicorn", "uvicorn.error", "httpx", "httpcore", "aiohttp", "asyncio"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[1]:
            line["error"] = _where(record.exc_info[1], record.exc_info[2])
        return json.dumps(line, ensure_ascii=False)


class _Plain(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = f"{self.formatTime(record, '%H:%M:%S')} {record.levelname.lower():7} {record.getMessage()}"
        if record.exc_info and record.exc_info[1]:
            line += f" ({_where(record.exc_info[1], record.exc_info[2])})"
        return line


def _where(error: BaseException, trace: TracebackType | None) -> str:
    frames = traceback.extract_tb(trace)[-3:]
    places = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames))
    return f"{type(error).__name__} at {places}"
