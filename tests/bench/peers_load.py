"""Posts prepared payloads as fast as they are taken, or at a rate: prints what came of it as one line of JSON.

`python peers_load.py` reads lines `URL SHAPE CONNECTIONS SECONDS REQUESTS_A_SECOND MOST_REQUESTS` (0: as fast as they
are taken, as many as the time allows). Every request has ids and texts of its own, put in by replacing marks: a pass of
C over the body, so that the generator does not dominate what is measured.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import json
import sys
import time
from urllib.parse import urlsplit

from payloads import marked, numbered

_BODIES = 8
_PATIENCE_S = 60


def main() -> None:
    for line in sys.stdin:
        url, shape, connections, seconds, rate, most = line.split()
        try:
            work = load(url, shape, int(connections), float(seconds), float(rate), int(most))
            found: dict[str, object] = dict(asyncio.run(work))
        except TimeoutError:
            found = {"failed": f"no answer within {_PATIENCE_S} s"}
        except (OSError, EOFError) as error:
            found = {"failed": type(error).__name__}
        print(json.dumps(found), flush=True)


async def load(url: str, shape: str, connections: int, seconds: float, rate: float, most: int) -> dict[str, float]:
    """Requests answered with 200 and otherwise, the seconds and CPU seconds they took, and the latencies in ms."""
    parts = urlsplit(url)
    bodies = _bodies(shape)
    used = time.process_time()
    numbers = itertools.count(time.time_ns() // 1000)
    latencies: list[float] = []
    refused = 0
    began = time.perf_counter()
    ticks = itertools.count()

    async def connection(index: int) -> None:
        nonlocal refused
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=1 << 20)
        head = f"POST {parts.path} HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-type: application/x-protobuf\r\n"
        while True:
            tick = next(ticks)
            due = began + tick / rate if rate else time.perf_counter()
            if due > began + seconds or tick >= most > 0:
                break
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            number = next(numbers)
            body = numbered(bodies[number % _BODIES], number)
            start = due if rate else time.perf_counter()
            while True:
                writer.write(head.encode() + b"content-length: %d\r\n\r\n" % len(body))
                writer.write(body)
                await writer.drain()
                status = await asyncio.wait_for(_answer(reader), _PATIENCE_S)
                if status not in (429, 503):
                    break
                await asyncio.sleep(0.05)
            if status == 200:
                latencies.append((time.perf_counter() - start) * 1000)
            else:
                refused += 1
        writer.close()

    await asyncio.gather(*map(connection, range(connections)))
    wall = time.perf_counter() - began
    latencies.sort()
    found = {"requests": float(len(latencies)), "refused": float(refused), "wall": wall}
    found["cpu"] = time.process_time() - used
    for name, part in (("p50", 0.5), ("p99", 0.99)):
        found[name] = latencies[int((len(latencies) - 1) * part)] if latencies else 0.0
    return found


async def _answer(reader: asyncio.StreamReader) -> int:
    """The status of the next answer, its body read and left."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    if "transfer-encoding: chunked" in head:
        while size := int(await reader.readline(), 16):
            await reader.readexactly(size + 2)
        await reader.readline()
    elif "content-length:" in head:
        await reader.readexactly(int(head.partition("content-length:")[2].split("\r\n")[0]))
    return int(head.split()[1])


@functools.cache
def _bodies(shape: str) -> list[bytes]:
    return [marked(shape, seed) for seed in range(_BODIES)]


if __name__ == "__main__":
    main()
