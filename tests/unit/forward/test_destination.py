"""Sending one body to one place, over a real connection."""

from __future__ import annotations

import asyncio
import gc
import sys

import pytest
from harness.upstream import OK, Answer, Received, upstream
from httpx_aiohttp import HttpxAiohttpClient

from collector.batch import Signal
from collector.forward.destination import Destination
from collector.forward.tokens import FixedToken


@pytest.mark.parametrize("answer", [OK, (503, {}, b"busy"), (400, {}, b"no")], ids=["taken", "retry", "refused"])
def test_a_sent_body_is_let_go_at_once(answer: Answer) -> None:
    """Bodies are megabytes: until the garbage collector comes round, hundreds of them would be held."""
    body = b"x" * 100_000

    def held(_: Received) -> Answer:
        return answer

    async def send(url: str) -> int:
        destination = Destination("d", {Signal.TRACES: f"{url}/v1/traces"}, FixedToken(None), [Signal.TRACES])
        async with HttpxAiohttpClient() as client:
            await destination.send(client, Signal.TRACES, body, "1")  # what is loaded once is loaded now
            before = sys.getrefcount(body)
            for _ in range(5):
                await destination.send(client, Signal.TRACES, body, "1")
            return sys.getrefcount(body) - before

    with upstream(held) as place:
        gc.collect()
        gc.disable()
        try:
            assert asyncio.run(send(place.url)) == 0
        finally:
            gc.enable()
        assert len(place.received) == 6
