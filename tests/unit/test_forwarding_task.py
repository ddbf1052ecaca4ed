"""Forwarding is paused, resumed and replaced as the policy or the destinations change, at the same time too."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from harness.store import HOST, LANE
from harness.telemetry import traces

from collector.app.forwarding_task import ForwardingTask
from collector.batch import Signal
from collector.forward.destination import Destination
from collector.forward.forwarder import Forwarder
from collector.forward.tokens import FixedToken
from collector.redact.seal import Sealer
from collector.store.entries import Caps, Refusal
from collector.store.sqlite.store import SqliteStore


def test_a_pause_that_meets_a_change_of_destinations_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing leaves from then on until `resume`: what waits is sealed under another policy meanwhile."""
    store = SqliteStore(tmp_path, Caps(10**9, 10**6, 10**9), {HOST: (Signal.TRACES,)})
    store.put(Sealer().seal(Signal.TRACES, traces(1)), Refusal(Signal.TRACES, {})).result(5)
    lease = store.lease
    leasing, go_on = threading.Event(), threading.Event()

    def slowly(*arguments: Any, **named: Any) -> Any:
        leasing.set()
        assert go_on.wait(90)
        return lease(*arguments, **named)

    monkeypatch.setattr(store, "lease", slowly)

    def forwarder() -> Forwarder:
        urls = {Signal.TRACES: "http://127.0.0.1:9/v1/traces"}
        return Forwarder(store, Destination(HOST, urls, FixedToken(None), [Signal.TRACES]), "this-one")

    async def main() -> None:
        forwarding = ForwardingTask([forwarder()], lambda: 0)
        forwarding.resume()
        assert await asyncio.to_thread(leasing.wait, 90)
        replacing = asyncio.create_task(forwarding.replace([forwarder()]))
        await asyncio.sleep(0)
        pausing = asyncio.create_task(forwarding.pause())
        for _ in range(5):
            await asyncio.sleep(0)
        assert not pausing.done()  # the forwarder that is replaced has not ended
        go_on.set()
        await asyncio.gather(replacing, pausing)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        forwarding.resume()
        assert len(asyncio.all_tasks()) > 1
        await forwarding.pause()

    asyncio.run(main())
    assert store.lease(LANE, 10**6)
    store.close()
