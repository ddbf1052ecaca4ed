"""What the viewer asks of the running process; knows no framework, so that a process need not have loaded one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from collector.store import QueueCommands, Reading
from collector.viewer.status import Status


class Changes:
    """Counts what was kept, and wakes who waits for it. `tell` is called on the event loop."""

    def __init__(self) -> None:
        self.number = 0
        self._waiting: set[asyncio.Event] = set()

    def tell(self) -> None:
        self.number += 1
        for event in self._waiting:
            event.set()

    async def wait(self, after: int, seconds: float) -> int:
        """The number of changes once it is above `after`, or as it is after `seconds`."""
        if self.number > after:
            return self.number
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            pass
        finally:
            self._waiting.discard(event)
        return self.number


class PolicyPart(Protocol):
    """A part of the policy in force: its value, and the layer that decided it."""

    @property
    def key(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def origin(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Live:
    """What the routes ask of the running process.

    `mask` gives a text as it would leave under the policy in force; `policy_rows` are its parts, `reason_of` says of a
    rule which layer of it has the rule on. `proof` answers a challenge that came to an address of ours, so that a
    client knows which data directory is served. `store_notices` say what a person should know of what was kept, such
    as damage.
    """

    reader: Reading
    status: Callable[[], Status]
    failure: Callable[[], Awaitable[str]]
    answer_for: Callable[[list[int]], str]
    mask: Callable[[str], str]
    policy_rows: Callable[[], Sequence[PolicyPart]]
    test_trace: Callable[[], dict[str, Any]]
    proof: Callable[[str, tuple[Any, ...]], str]
    reason_of: Callable[[str], str] = lambda _: ""
    changes: Changes = field(default_factory=Changes)
    store_notices: Callable[[], Sequence[str]] = tuple


@dataclass(frozen=True, slots=True)
class QueueControl:
    """What commands change: `wake` says that there is something to send; `destinations` are what is configured."""

    commands: QueueCommands
    destinations: Collection[str]
    wake: Callable[[], None]
