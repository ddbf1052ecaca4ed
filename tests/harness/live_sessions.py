"""Many OpenCode sessions at work at once: a recorded turn, told again with ids and times of its own.

What is told is deterministic: the same numbers give the same events, so that what came of them can be counted.
"""

from __future__ import annotations

import asyncio
import gzip
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from harness.opencode import CAPTURES

EVENTS_PATH = "/v1/opencode/events"
SPANS_A_TURN = 12
"""That the recorded turn becomes: one AGENT, five LLM, six TOOL."""

_ID = re.compile(rb"(ses|msg|prt|evt|per|que)_([0-9a-f]{12})")
_TIME = re.compile(rb"\b1795\d{9}\b")
_TURN_MS = 20_000
_PATIENCE_S = 120
_PAUSE_S = 0.2


def recorded(scenario: str = "multi", door: str = "plugin_hooks") -> list[bytes]:
    """The lines of a recording, as the plugin posted them."""
    return gzip.decompress((CAPTURES / scenario / f"{door}.ndjson.gz").read_bytes()).splitlines()


def shifted(lines: list[bytes], turn: int, *, session: int) -> Iterator[bytes]:
    """The recording again, `turn` turns later, in another session."""
    shift = turn * _TURN_MS

    def rename(match: re.Match[bytes]) -> bytes:
        number = int(match[2], 16)
        if match[1] == b"ses":
            return b"ses_%012x" % (number ^ (session << 4))
        return b"%s_%012x" % (match[1], (number + (shift << 12) + session) % (1 << 48))

    for line in lines:
        moved = _TIME.sub(lambda m: b"%d" % (int(m[0]) + shift), line)
        yield _ID.sub(rename, moved)


@dataclass(slots=True)
class LiveSessions:
    """`live` sessions that each tell turn after turn; after `turns_a_session` another one begins in its place."""

    live: int
    turns_a_session: int = 5
    first: int = 1
    _turns: list[int] = field(init=False)
    _waiting: list[list[bytes]] = field(init=False)
    _lines: list[bytes] = field(init=False)
    _born: int = field(init=False)

    def __post_init__(self) -> None:
        self._turns = [0] * self.live
        self._waiting = [[] for _ in range(self.live)]
        self._lines = recorded()
        created = next(line for line in self._lines if b'"session.created"' in line)
        self._born = int(created.partition(b'"created":')[2][:13])

    @property
    def events_a_turn(self) -> int:
        return len(self._lines)

    def body(self, place: int, events: int) -> bytes:
        """The next `events` events of the session in this place, as NDJSON."""
        waiting = self._waiting[place]
        while len(waiting) < events:
            generation, turn = divmod(self._turns[place], self.turns_a_session)
            session = self.first + place + generation * self.live
            # Each has a time of its own: messages of one moment in two sessions look like those of a fork.
            began = session * self.turns_a_session
            born, shown = (b'"created":%d' % (self._born + at * _TURN_MS) for at in (began, began + turn))
            waiting += (line.replace(shown, born) for line in shifted(self._lines, began + turn, session=session))
            self._turns[place] += 1
        self._waiting[place] = waiting[events:]
        return b"\n".join(waiting[:events]) + b"\n"


@dataclass(slots=True)
class Posted:
    """What came of posting: events taken, posts that had to come again (429, 503), seconds, latency in ms of each."""

    events: int = 0
    again: int = 0
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    def latency(self, part: float) -> float:
        """The latency that this part of the posts stayed below."""
        found = sorted(self.latencies)
        return found[int((len(found) - 1) * part)] if found else 0.0


def post_turns(
    url: str, sessions: LiveSessions, turns: int, *, a_second: float, events_a_post: int, connections: int
) -> Posted:
    """Post `turns` turns of each live session, `a_second` events at most, each session's in order.

    A collector that is slower is waited for: however long it takes, the same events are told. Raises `AssertionError`
    when one is refused.
    """
    return asyncio.run(_post(url, sessions, turns, a_second, events_a_post, connections))


async def _post(
    url: str, sessions: LiveSessions, turns: int, a_second: float, events_a_post: int, connections: int
) -> Posted:
    parts, done = urlsplit(url), Posted()
    began = time.perf_counter()
    events = turns * sessions.events_a_turn

    async def connection(number: int) -> None:
        places = range(number, sessions.live, connections)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=1 << 20)
        for told in range(0, events, events_a_post):
            count = min(events_a_post, events - told)
            for place in places:
                due = began + (told * sessions.live + place * count) / a_second
                await asyncio.sleep(max(due - time.perf_counter(), 0))
                body = sessions.body(place, count)
                start = time.perf_counter()
                while (status := await _send(reader, writer, parts.netloc, body)) in (429, 503):
                    done.again += 1
                    await asyncio.sleep(_PAUSE_S)
                assert status == 200, status
                done.latencies.append((time.perf_counter() - start) * 1000)
                done.events += count
        writer.close()

    await asyncio.gather(*map(connection, range(min(connections, sessions.live))))
    done.seconds = time.perf_counter() - began
    return done


async def _send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, body: bytes) -> int:
    head = f"POST {EVENTS_PATH} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/x-ndjson\r\n"
    writer.write(head.encode() + b"content-length: %d\r\n\r\n" % len(body))
    writer.write(body)
    await writer.drain()
    answer = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _PATIENCE_S)).lower()
    await reader.readexactly(int(answer.partition(b"content-length:")[2].split(b"\r\n")[0]))
    return int(answer.split()[1])
