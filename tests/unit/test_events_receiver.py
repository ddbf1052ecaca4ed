"""Events come from any process; what they say of files counts for an installed plugin alone."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from collector.enums import EVENTS_PATH
from collector.pipeline.events import Intake, IntakeResult
from collector.receive.guard import Guard
from collector.receive.limits import Budget
from collector.receive.opencode import INSTALL_HEADER, OpenCodeReceiver
from collector.receive.receiver import Admission
from collector.redact.seal import Sealer, always
from collector.store.entries import Caps
from collector.store.sqlite.store import SqliteStore

TOKEN = "written-by-install"
HELLO = {"ts": 1, "pid": 1, "dir": "/p", "hook": "__init__", "input": {"database": "/home/someone/opencode.db"}}


def hooks(directory: Path, **headers: str) -> list[object]:
    """What came of a plugin's hello."""
    store = SqliteStore(directory, Caps(10**9, 10**6, 10**9), {})
    results: list[IntakeResult] = []
    receiver = OpenCodeReceiver(
        Admission(store.instance, Guard(), Budget(10**6), 10**6),
        Intake(always(Sealer()), "opencode"),
        store.inbox,
        results.append,
        install_token=TOKEN,
    )

    async def send() -> int:
        transport = httpx.ASGITransport(app=receiver)
        async with httpx.AsyncClient(transport=transport) as client:
            sent = {"content-type": "application/x-ndjson", **headers}
            address = f"http://127.0.0.1:4318{EVENTS_PATH}"
            return (await client.post(address, content=json.dumps(HELLO), headers=sent)).status_code

    assert asyncio.run(send()) == 200
    receiver.close()
    store.close()
    return list(results[0].hooks)


def test_files_are_read_for_an_installed_plugin_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Any user of the machine can post; the store of its owner would be imported for whoever names it."""
    assert hooks(tmp_path) == []
    assert "run `collector opencode install` again" in caplog.text
    assert hooks(tmp_path, **{INSTALL_HEADER.decode(): "guessed"}) == []
    assert hooks(tmp_path, **{INSTALL_HEADER.decode(): TOKEN}) == [HELLO]
