"""What is asked wrongly is said: the parameter's name and what is allowed, on the page, in the API and to agents."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI
from harness.receiving import ReceiverHarness
from harness.store import seal
from harness.telemetry import traces

from collector.batch import Signal
from collector.store.entries import Refusal
from collector.viewer.api import new_api
from collector.viewer.live import Changes, Live, QueueControl
from collector.viewer.mcp import answer
from collector.viewer.mcp_tools import TOOLS

SECRET = "pass" + "word-1"
STATUS = {
    "version": "1", "url": "http://127.0.0.1:1", "ledger": {}, "notices": [], "opencode": {"open_turns": []},
    "forwarding": {"endpoint": "", "reason": "forwards nothing"},
}  # fmt: skip


@pytest.fixture
def viewer(receiver: ReceiverHarness) -> FastAPI:
    def nothing(*_: object) -> Any:
        raise AssertionError("no test here asks for it")

    live = Live(
        receiver.reader, lambda: STATUS, nothing, nothing, nothing, nothing, nothing, nothing, nothing, Changes()  # type: ignore[arg-type,return-value]
    )  # fmt: skip
    return new_api(live, "1", QueueControl(receiver.store, (), lambda: None))


def ask(viewer: FastAPI, path: str) -> httpx.Response:
    async def send() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=viewer)) as client:
            return await client.get(f"http://127.0.0.1:1{path}")

    return asyncio.run(send())


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (f"time={SECRET}", "time: expected 'last hour', 'last 24 hours', 'last 7 days' or 'last 30 days'"),
        (f"errors={SECRET}", "errors: expected true or false"),
        ("before=-1", "before: expected 0 or more"),
        (f"before={2**63}", f"before: expected {2**63 - 1} or less"),
        ("before=soon", "before: expected a whole number"),
        (
            "agnet=build",
            "agnet: not known here, where there are agent, before, directory, errors, model, text, time, tool",
        ),
        (f"{SECRET}=1&errors=2", "a name in the address: not known here"),
    ],
)
def test_the_page_says_what_a_filter_may_be(viewer: FastAPI, asked: str, said: str) -> None:
    answer = ask(viewer, f"/?{asked}")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "text/html; charset=utf-8")
    assert said.replace("'", "&#39;") in answer.text
    assert SECRET not in answer.text


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/api/sessions?limit=0", "limit: expected 1 or more"),
        ("/api/sessions?limit=99999", "limit: expected 10000 or less"),
        ("/api/traces?errors=perhaps", "errors: expected true or false"),
        ("/api/spans?since_ns=banana&limit=x", "limit: expected a whole number; since_ns: expected a whole number"),
        ("/api/spans?sesion=ses_1", "sesion: not known here, where there are before_ns, errors, limit, model, "),
        ("/api/find?limit=1", "id: needed"),
        ("/api/dead-letters/one", "letter: expected a whole number"),
    ],
)
def test_the_api_says_what_a_parameter_may_be(viewer: FastAPI, path: str, said: str) -> None:
    answer = ask(viewer, path)
    assert answer.status_code == 422
    clauses = sorted(answer.json()["detail"].split("; "))
    assert "; ".join(clauses).startswith(said)


@pytest.mark.parametrize(
    "path", ["/sessions/x?view=pictures", "/sessions/x/export?format=pdf", "/search?time=banana", "/traces?before=-1"]
)
def test_every_page_with_a_choice_says_which_there_are(viewer: FastAPI, path: str) -> None:
    answer = ask(viewer, path)
    assert answer.status_code == 422
    assert "expected " in answer.text


def test_what_is_allowed_is_answered(viewer: FastAPI) -> None:
    for path in (
        "/search?time=last+7+days&errors=true&text=",
        "/api/sessions?errors=false&limit=1&before_ns=0",
        "/traces?token=x",
    ):
        assert ask(viewer, path).status_code == 200, path


# ---- agents


def call(receiver: ReceiverHarness, tool: str, **arguments: Any) -> tuple[bool, str]:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
    found = answer(lambda: receiver.reader, "1", message)
    assert found is not None
    return found["result"]["isError"], found["result"]["content"][0]["text"]


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("sessions", {"limit": 0}, "limit: expected integer at least 1, at most 50"),
        ("sessions", {"limit": 51}, "limit: expected integer at least 1, at most 50"),
        ("errors", {"minutes": -5}, "minutes: expected integer at least 0"),
        ("cost", {"by": "colour"}, "by: expected model, agent, directory, session"),
        ("spans", {"session": "ses_1", "kind": "tool"}, "kind: expected AGENT, CHAIN, "),
        ("wait_for_turn", {"seconds": 3600}, "seconds: expected integer at least 0, at most 60"),
        ("sessions", {"agnet": "build"}, "no such argument; sessions takes agent, model, "),
        ("sessions", {"errors": 1}, "errors: expected boolean"),
    ],
)
def test_a_tool_says_what_an_argument_may_be(
    receiver: ReceiverHarness, tool: str, arguments: dict[str, Any], said: str
) -> None:
    failed, text = call(receiver, tool, **arguments)
    assert (failed, text[: len(said)]) == (True, said)


def test_the_schema_of_each_tool_says_the_same_bounds() -> None:
    schemas = {tool.name: tool.document()["inputSchema"]["properties"] for tool in TOOLS}
    assert (schemas["sessions"]["limit"]["minimum"], schemas["sessions"]["limit"]["maximum"]) == (1, 50)
    assert schemas["cost"]["by"]["enum"] == ["model", "agent", "directory", "session"]
    assert orjson.dumps(schemas)


def test_a_tool_takes_a_part_of_a_sessions_id_and_says_which_there_are(receiver: ReceiverHarness) -> None:
    """As the commands and the page do."""
    for session in ("ses_1a2b3f2a", "ses_9z8y3f2a", "ses_lonely77"):
        receiver.store.put(seal(traces(1, session=session)), Refusal(Signal.TRACES, {})).result(5)
    for tool in ("turn", "conversation", "spans", "masked"):
        assert call(receiver, tool, session="lonely") == call(receiver, tool, session="ses_lonely77")
        assert not call(receiver, tool, session="lonely")[0]
        failed, text = call(receiver, tool, session="3f2a")
        assert failed and "short for more than one" in text and "ses_1a2b3f2a" in text and "ses_9z8y3f2a" in text
        failed, text = call(receiver, tool, session="nothing")
        assert (failed, text) == (True, "session: none of this id is kept; `sessions` lists them")
    trace = receiver.reader.traces(session_id="ses_lonely77")[0].trace_id
    failed, text = call(receiver, "turn", session=trace)
    assert failed
    assert "no session, but of ses_lonely77" in text
