"""Events come from any process; what they say of files counts for an installed plugin alone."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from collector.enums import CAN_WAIT_HEADER, EVENTS_PATH
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


def posted(
    directory: Path, headers: dict[str, str], waiting: int = 0, ahead: int = 0
) -> tuple[int, list[IntakeResult]]:
    """How a plugin's hello is answered while bytes wait to be assembled, and turns to leave, and what came of it."""
    store = SqliteStore(directory, Caps(10**9, 10**6, 10**9), {})
    results: list[IntakeResult] = []
    receiver = OpenCodeReceiver(
        Admission(store.instance, Guard(), Budget(10**6), 10**6),
        Intake(always(Sealer()), "opencode"),
        store.inbox,
        results.append,
        install_token=TOKEN,
        waiting_bytes=lambda: waiting,
        turns_ahead=lambda: ahead,
    )

    async def send() -> int:
        transport = httpx.ASGITransport(app=receiver)
        async with httpx.AsyncClient(transport=transport) as client:
            sent = {"content-type": "application/x-ndjson", **headers}
            address = f"http://127.0.0.1:4318{EVENTS_PATH}"
            return (await client.post(address, content=json.dumps(HELLO), headers=sent)).status_code

    status = asyncio.run(send())
    receiver.close()
    store.close()
    return status, results


def hooks(directory: Path, **headers: str) -> list[object]:
    status, results = posted(directory, headers)
    assert status == 200
    return list(results[0].hooks)


@pytest.mark.parametrize(
    ("waiting", "ahead", "agents", "imports"),
    [(0, 0, 200, 200), (1 << 20, 0, 200, 429), (9 << 20, 0, 429, 429), (0, 5000, 200, 429)],
)
def test_an_import_waits_before_an_agent_does(
    tmp_path: Path, waiting: int, ahead: int, agents: int, imports: int
) -> None:
    """What waits to be assembled, or to leave, takes memory, and an import would fill all there is."""
    assert posted(tmp_path, {}, waiting, ahead)[0] == agents
    status, results = posted(tmp_path, {CAN_WAIT_HEADER: "1"}, waiting, ahead)
    assert status == imports
    assert all(result.can_wait for result in results)


def test_files_are_read_for_an_installed_plugin_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Any user of the machine can post; the store of its owner would be imported for whoever names it."""
    assert hooks(tmp_path) == []
    assert "run `collector opencode install` again" in caplog.text
    assert hooks(tmp_path, **{INSTALL_HEADER.decode(): "guessed"}) == []
    assert hooks(tmp_path, **{INSTALL_HEADER.decode(): TOKEN}) == [HELLO]
