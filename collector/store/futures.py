"""Answers to those who asked the store something: whoever stopped waiting meanwhile is no fault."""

from __future__ import annotations

import contextlib
from concurrent.futures import Future, InvalidStateError
from typing import Any


def resolve(future: Future[Any], result: Any, refused: BaseException | None = None) -> None:
    """Give `future` its result, or what refused it; nothing where it was cancelled by who waits for it."""
    with contextlib.suppress(InvalidStateError):
        if refused is None:
            future.set_result(result)
        else:
            future.set_exception(refused)
