"""Posts prepared payloads as fast as they are taken, or at a rate: prints what came of it as one line of JSON.

`python peers_load.py URL SHAPE CONNECTIONS SECONDS [REQUESTS_A_SECOND]`. Every request has ids and texts of its own,
put in by replacing marks: a pass of C over the body, so that the generator does not dominate what is measured.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from urllib.parse import urlsplit

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from payloads import fresh, payload

_TRACE, _SPAN = b"\xf0trace-of-mark\xf1\xf2", b"\xf0sp\xf1"
_BODIES = 8
_PATIENCE_S = 60


def main() -> None:
    url, shape, connections, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    rate = float(sys.argv[5]) if len(sys.argv) > 5 else 0.0
    print(json.dumps(asyncio.run(load(url, shape, connections, seconds, rate))))


async def load(url: str, shape: str, connections: int, seconds: float, rate: float) -> dict[str, float]:
    """Requests answered with 200, of how many sent, the seconds they took, and the latencies in ms."""
    parts = urlsplit(url)
    bodies = [_marked(shape, seed) for seed in range(_BODIES)]
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
            due = began + next(ticks) / rate if rate else time.perf_counter()
            if due > began + seconds:
                break
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            number = next(numbers)
            body = bodies[number % _BODIES].replace(_TRACE, number.to_bytes(16, "big"))
            body = fresh(body.replace(_SPAN, (number & 0xFFFFFFFF).to_bytes(4, "big")), number)
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


def _marked(shape: str, seed: int) -> bytes:
    request = ExportTraceServiceRequest.FromString(payload(shape, seed))
    for number, span in enumerate(request.resource_spans[0].scope_spans[0].spans):
        span.trace_id, span.span_id = _TRACE, _SPAN + number.to_bytes(4, "big")
    return request.SerializeToString()


if __name__ == "__main__":
    main()
