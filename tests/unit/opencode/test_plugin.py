"""The plugin, run by Node as OpenCode would run it, against a door that records, hangs or refuses."""

from __future__ import annotations

import base64
import copy
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from unit.opencode.recording import Recording

HERE = Path(__file__).parent
SOURCE = HERE.parents[2] / "collector" / "opencode" / "plugin" / "collector-opencode.js"
SESSION = "ses_1"
Step = dict[str, Any]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("node") is None and os.environ.get("CI") != "true", reason="needs node: apt-get install nodejs"
    ),
]


@pytest.fixture
def door() -> Iterator[Recording]:
    recording = Recording()
    yield recording
    recording.close()


def drive(tmp_path: Path, url: str, *steps: Step, token: str = "") -> dict[str, Any]:
    """Run the steps in a home of their own; the plugin lies where `collector opencode install` puts it."""
    folder = tmp_path / "config" / "opencode"
    (folder / "plugins").mkdir(parents=True, exist_ok=True)
    plugin = folder / "plugins" / "collector-opencode.mjs"  # Node, unlike OpenCode, tells modules by their name
    plugin.write_bytes(SOURCE.read_bytes())
    (folder / "collector-opencode.json").write_text(json.dumps({"url": url, **({"token": token} if token else {})}))
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    done = subprocess.run(
        ["node", str(HERE / "drive.mjs")], input=json.dumps({"plugin": str(plugin), "steps": steps}),
        capture_output=True, text=True, timeout=60, env=env,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    result: dict[str, Any] = json.loads(done.stdout)
    assert result["thrown"] == []
    return result


def server(dir: str = "/p") -> Step:
    return {"do": "server", "dir": dir}


def event(number: int, kind: str = "session.idle", dir: str = "/p", **properties: Any) -> Step:
    return {"do": "event", "dir": dir, "event": v1(number, kind, **properties)}


def v1(number: int, kind: str = "session.idle", **properties: Any) -> dict[str, Any]:
    return {"id": f"evt_{number:04}", "type": kind, "properties": {"sessionID": SESSION, **properties}}


DISPOSE = {"do": "dispose", "dir": "/p"}


def took(result: dict[str, Any], what: str) -> float:
    return max(ms for name, ms in result["took"] if name == what) / 1000


def test_events_arrive_in_order_with_what_tells_where_from(tmp_path: Path, door: Recording) -> None:
    drive(tmp_path, door.url, server(), *(event(n) for n in range(30)), DISPOSE)
    assert [line["hook"] for line in door.lines] == ["__init__", *["event"] * 30, "collector.dropped"]
    assert [found["id"] for found in door.events()] == [f"evt_{n:04}" for n in range(30)]
    assert door.lines[-1]["input"]["complete"] is True
    assert door.lines[-1]["input"]["sessions"] == {}
    line = door.hooks("event")[0]
    assert line["dir"] == "/p"
    assert isinstance(line["pid"], int)
    assert abs(line["ts"] / 1000 - time.time()) < 60
    assert {path for path, _, _ in door.requests} == {"/v1/opencode/events"}


def test_the_access_token_goes_along(tmp_path: Path, door: Recording) -> None:
    drive(tmp_path, door.url, server(), event(1), DISPOSE, token="an-access-token")
    assert {headers["x-collector-token"] for _, headers, _ in door.requests} == {"an-access-token"}


def test_options_of_the_config_entry_win(tmp_path: Path, door: Recording) -> None:
    drive(tmp_path, "http://127.0.0.1:1", {**server(), "options": {"url": door.url}}, event(1), DISPOSE)
    assert len(door.events()) == 1


def test_two_instances_and_two_directories_send_each_event_once(tmp_path: Path, door: Recording) -> None:
    """In the terminal interface OpenCode initialises a plugin twice in one process (measured)."""
    events = [v1(n) for n in range(5)] + [{"type": "session.idle", "properties": {"sessionID": SESSION}}]
    steps = [server("/p"), server("/p"), server("/q")]
    drive(tmp_path, door.url, *steps, {"do": "events", "dirs": ["/p", "/q"], "events": events}, DISPOSE)
    assert len(door.events()) == 6


def test_keys_and_headers_stay_with_opencode(tmp_path: Path, door: Recording) -> None:
    """`chat.params` shows a plugin the provider's key in clear."""
    key = "sk-" + "planted-key"
    secret = {"apiKey": key, "headers": {"authorization": key}}
    hook = {
        "do": "hook",
        "dir": "/p",
        "hook": "chat.params",
        "input": {
            "sessionID": SESSION,
            "agent": {"name": "build", "options": secret, "prompt": key},
            "model": {
                "id": "m",
                "providerID": "p",
                "options": secret,
                "headers": {"x": key},
                "api": {"key": key, "npm": "library"},
            },
            "provider": {"id": "p", "options": secret, "key": key},
            "message": {"id": "msg_1", "sessionID": SESSION, "system": key},
        },
        "output": {"temperature": 0.5, "options": {**secret, "thinking": {"budgetTokens": 9, "apiKey": key}}},
    }
    failed = {"name": "APIError", "data": {"message": "no", "responseHeaders": {"set-cookie": key}, "statusCode": 400}}
    assistant = {"id": "msg_2", "sessionID": SESSION, "role": "assistant", "error": failed}
    steps = [hook, event(1, "session.error", error=failed), event(2, "message.updated", info=assistant)]
    drive(tmp_path, door.url, server(), *steps, DISPOSE)
    assert key not in json.dumps(door.lines)
    (params,) = door.hooks("chat.params")
    assert params["input"]["agent"] == {"name": "build"}
    assert params["input"]["model"] == {"id": "m", "providerID": "p", "api": {"npm": "library"}}
    assert params["output"] == {"temperature": 0.5, "options": {"thinking": {"budgetTokens": 9}}}
    assert door.events("session.error")[0]["properties"]["error"]["data"] == {"message": "no", "statusCode": 400}


_MESSAGE = {"info": {"id": "msg_1", "sessionID": SESSION, "role": "user"}, "parts": []}
_LATE = (
    ("experimental.chat.messages.transform", {}, {"messages": [_MESSAGE]}),
    ("experimental.chat.system.transform", {"sessionID": SESSION}, {"system": ["first"]}),
    ("chat.params", {"sessionID": SESSION, "agent": "build"}, {"temperature": 1, "options": {}}),
)


def made() -> list[Step]:
    """The hooks before a request."""
    return [
        {"do": "made", "dir": "/p", "hook": hook, "input": given, "output": copy.deepcopy(shown)}
        for hook, given, shown in _LATE
    ]


def leaves(agent: str = "build") -> Step:
    about = {"sessionID": SESSION, "agent": agent}
    return {"do": "hook", "dir": "/p", "hook": "chat.headers", "input": about, "output": {"headers": {"x": "planted"}}}


def outputs(door: Recording) -> list[Any]:
    """Messages, system prompt and parameters of each request."""
    return [[line["output"] for line in door.hooks(hook)] for hook, _, _ in _LATE]


def test_a_request_is_told_as_the_plugins_after_this_one_made_it(tmp_path: Path, door: Recording) -> None:
    other = {**_MESSAGE, "info": {**_MESSAGE["info"], "id": "msg_2"}}
    steps = [*made(), leaves()]
    steps[0]["push"] = {"messages": [other]}
    steps[1]["push"] = {"system": ["second"]}
    steps[2]["put"] = {"temperature": 0.4, "topP": 0.5}
    drive(tmp_path, door.url, server(), *steps, DISPOSE)
    ((history,), (system,), (params,)) = outputs(door)
    assert [message["info"]["id"] for message in history["messages"]] == ["msg_1", "msg_2"]
    assert system == {"system": ["first", "second"]}
    assert params == {"temperature": 0.4, "topP": 0.5, "options": {}}
    assert "planted" not in json.dumps(door.lines)


def test_what_a_plugin_puts_in_the_place_of_messages_is_not_sent(tmp_path: Path, door: Recording) -> None:
    """anomalyco/opencode#25754: OpenCode goes on with the array it showed."""
    steps = made()
    steps[0]["put"] = {"messages": []}
    steps[1]["put"] = {"system": ["in vain"]}
    drive(tmp_path, door.url, server(), *steps, leaves(), DISPOSE)
    ((history,), (system,), _) = outputs(door)
    assert len(history["messages"]) == 1
    assert system == {"system": ["first"]}


def test_a_title_that_leaves_first_takes_no_history_along(tmp_path: Path, door: Recording) -> None:
    history, system, params = made()
    title = {**params, "input": {"sessionID": SESSION, "agent": "title"}}
    steps = [history, system, title, leaves("title"), {"do": "sleep", "ms": 150}]
    drive(tmp_path, door.url, server(), *steps)
    assert [len(found) for found in outputs(door)] == [0, 1, 1]


@pytest.mark.parametrize("end", [{"do": "sleep", "ms": 1300}, DISPOSE], ids=["in a second", "when it ends"])
def test_a_request_that_never_leaves_is_told_all_the_same(tmp_path: Path, door: Recording, end: Step) -> None:
    drive(tmp_path, door.url, server(), *made(), end)
    assert [len(found) for found in outputs(door)] == [1, 1, 1]


def test_files_are_named_and_measured_not_sent(tmp_path: Path, door: Recording) -> None:
    part = {"id": "prt_1", "messageID": "msg_1", "sessionID": SESSION, "type": "file", "mime": "text/plain"}
    url = "data:text/plain;base64,aGVsbG8="
    drive(tmp_path, door.url, server(), event(1, "message.part.updated", part={**part, "url": url}), DISPOSE)
    sent = door.events()[0]["properties"]["part"]
    assert sent == {**part, "url": "data:text/plain;base64,", "size": 5}


def test_of_a_stream_only_the_first_delta_goes_and_no_text(tmp_path: Path, door: Recording) -> None:
    """Deltas are used for time only; a secret split over two of them would escape any scan."""
    ids = {"messageID": "msg_1", "partID": "prt_1", "field": "text"}
    deltas = [event(n, "message.part.delta", delta="word", **ids) for n in range(3)]
    drive(tmp_path, door.url, server(), *deltas, DISPOSE)
    assert [found["properties"] for found in door.events()] == [{"sessionID": SESSION, **ids}]


def test_a_part_that_grows_is_sent_as_last_seen(tmp_path: Path, door: Recording) -> None:
    """Up to 1.1 every delta repeats the whole part: only the newest of those that wait is worth sending."""
    part = {"id": "prt_1", "messageID": "msg_1", "sessionID": SESSION, "type": "text"}
    grown = [
        {"type": "message.part.updated", "properties": {"part": {**part, "text": "w" * n}, "delta": "w"}}
        for n in range(1, 50)
    ]
    drive(tmp_path, door.url, server(), {"do": "events", "dirs": ["/p"], "events": grown}, DISPOSE)
    sent = [found["properties"]["part"]["text"] for found in door.events()]
    assert sent[-1] == "w" * 49
    assert len(sent) < 10


def test_what_is_no_trace_is_not_sent(tmp_path: Path, door: Recording) -> None:
    kinds = ["plugin.added", "catalog.updated", "server.heartbeat", "lsp.updated", "tui.toast.show", "pty.created"]
    unknown = event(99, "session.brand.new", password="planted", messageID="msg_1")
    drive(tmp_path, door.url, server(), *(event(n, kind) for n, kind in enumerate(kinds)), unknown, DISPOSE)
    assert [(found["type"], found["properties"]) for found in door.events()] == [
        ("session.brand.new", {"sessionID": SESSION, "messageID": "msg_1"})
    ]


@pytest.mark.parametrize("what", ["cyclic", "throwing", "bigint", "null"])
def test_no_input_makes_a_hook_throw(tmp_path: Path, door: Recording, what: str) -> None:
    """A hook that throws ends the user's turn; in OpenCode 2 it hangs the session."""
    drive(tmp_path, door.url, server(), {"do": "odd", "dir": "/p", "what": what}, event(1), DISPOSE)
    assert door.events()[-1]["id"] == "evt_0001"


def test_a_hanging_collector_delays_nothing(tmp_path: Path, door: Recording) -> None:
    """Hooks return at once, and leaving waits no more than 0.2 s."""
    door.hang.set()
    result = drive(tmp_path, door.url, server(), event(1), {"do": "sleep", "ms": 600}, event(2), DISPOSE)
    assert took(result, "event") < 0.05
    assert took(result, "dispose") < 0.2


def test_a_collector_that_hangs_from_the_start_delays_leaving_no_more(tmp_path: Path, door: Recording) -> None:
    door.hang.set()
    result = drive(tmp_path, door.url, server(), event(1), DISPOSE)
    assert took(result, "dispose") < 0.2


def test_an_absent_collector_delays_nothing(tmp_path: Path) -> None:
    result = drive(tmp_path, "http://127.0.0.1:1", server(), event(1), {"do": "sleep", "ms": 300}, DISPOSE)
    assert took(result, "dispose") < 0.2


def test_leaving_sends_all_that_waits(tmp_path: Path, door: Recording) -> None:
    """2,000 events at once, then the end: `opencode run` ends like this."""
    many = {"do": "many", "dir": "/p", "count": 2000, "bytes": 200, "session": "ses"}
    result = drive(tmp_path, door.url, server(), {"do": "sleep", "ms": 150}, many, DISPOSE)
    assert len(door.events()) == 2000
    assert took(result, "dispose") < 1


def test_what_waited_arrives_in_order_when_the_collector_is_back(tmp_path: Path, door: Recording) -> None:
    """And the plugin says again where it is from: the collector may have forgotten."""
    door.status = 503
    threading.Timer(1.0, lambda: setattr(door, "status", 200)).start()
    wait = {"do": "sleep", "ms": 2500}
    drive(tmp_path, door.url, server(), *(event(n) for n in range(200)), wait, event(200), wait, DISPOSE)
    assert [found["id"] for found in door.events()] == [f"evt_{n:04}" for n in range(201)]
    assert len(door.hooks("__init__")) == 2


def test_a_full_queue_drops_the_oldest_and_names_its_sessions(tmp_path: Path, door: Recording) -> None:
    """40 MB while nobody answers: memory stays bounded, and the collector learns what to read itself."""
    door.status = 503
    threading.Timer(1.2, lambda: setattr(door, "status", 200)).start()
    many = {"do": "many", "dir": "/p", "count": 4000, "bytes": 10_000, "session": "ses"}
    result = drive(tmp_path, door.url, server(), many, {"do": "sleep", "ms": 4500}, event(1), DISPOSE)
    numbers = [int(found["id"].rpartition("_")[2]) for found in door.events("todo.updated")]
    assert numbers == list(range(4000 - len(numbers), 4000))
    assert 1000 < len(numbers) < 2000
    dropped = [line for line in door.hooks("collector.dropped") if line["input"]["sessions"]]
    assert {name for line in dropped for name in line["input"]["sessions"]} == {"ses_0", "ses_1", "ses_2"}
    assert sum(count for line in dropped for count in line["input"]["sessions"].values()) == 4000 - len(numbers)
    assert dropped[0]["input"]["database"] == str(tmp_path / ".local/share/opencode/opencode.db")
    assert result["heap"] < 100 * 1024 * 1024


def test_what_is_refused_for_good_is_not_sent_again(tmp_path: Path, door: Recording) -> None:
    door.status = 400
    threading.Timer(0.7, lambda: setattr(door, "status", 200)).start()
    wait = {"do": "sleep", "ms": 1000}
    drive(tmp_path, door.url, server(), event(1), wait, event(2), wait, DISPOSE)
    assert [found["id"] for found in door.events()] == ["evt_0002"]
    assert door.hooks("collector.dropped")[0]["input"]["sessions"] == {SESSION: 1}


# ---- the tools a model is offered

_RULES = [{"permission": "*", "pattern": "*", "action": "allow"}]
_DENIED = [*_RULES, {"permission": "edit", "pattern": "*", "action": "deny"}]
_SOME = [*_RULES, {"permission": "bash", "pattern": "*", "action": "deny"}, {"permission": "bash", "pattern": "ls", "action": "allow"}]  # fmt: skip  # noqa: E501
_OBJECT = {"type": "object", "properties": {}}


def offered(tmp_path: Path, door: Recording, rules: Any, *, servers: Any = None, **message: Any) -> Any:
    """What the plugin says a request of an agent with these permissions offers; None when it says nothing."""
    names = ("invalid", "bash", "edit", "write", "task", "read")
    answers = {
        "tool": [{"id": name, "description": f"{name} - general: helps", "parameters": _OBJECT} for name in names],
        "app": [
            {"name": "build", "mode": "primary", "permission": rules},
            {"name": "general", "mode": "subagent", "permission": _RULES},
        ],
        "mcp": servers or {},
    }
    asked = {
        "sessionID": SESSION, "agent": "build", "model": {"id": "m", "providerID": "p"},
        "message": {"id": "msg_1", "sessionID": SESSION, **message},
    }  # fmt: skip
    step = {"do": "hook", "dir": "/p", "hook": "chat.params", "input": asked, "output": {}}
    drive(tmp_path, door.url, {**server(), "answers": answers}, step, {"do": "sleep", "ms": 50}, DISPOSE)
    (params,) = door.hooks("chat.params")
    for line in door.hooks("chat.tools"):
        assert line["ts"] == params["ts"]
        return line["output"]["tools"]
    return None


@pytest.mark.parametrize(
    ("rules", "message", "names"),
    [
        (_RULES, {}, ["bash", "edit", "write", "task", "read"]),
        (_DENIED, {}, ["bash", "task", "read"]),
        (_SOME, {}, ["bash", "edit", "write", "task", "read"]),
        (_RULES, {"tools": {"bash": False, "read": True}}, ["edit", "write", "task", "read"]),
        (
            _RULES,
            {"format": {"type": "json_schema", "schema": _OBJECT}},
            ["bash", "edit", "write", "task", "read", "StructuredOutput"],
        ),
    ],
    ids=["all", "denied to the agent", "allowed for some", "off in the prompt", "structured output"],
)
def test_the_tools_of_a_request_are_those_it_offers(
    tmp_path: Path, door: Recording, rules: Any, message: Any, names: list[str]
) -> None:
    """OpenCode defines a tool `invalid` and offers it to nobody."""
    assert [tool["name"] for tool in offered(tmp_path, door, rules, **message)] == names


def test_where_a_server_adds_tools_of_its_own_nothing_is_said(tmp_path: Path, door: Recording) -> None:
    assert offered(tmp_path, door, _RULES, servers={"tiny": {"status": "connected"}}) is None


def test_a_tool_that_names_other_subagents_than_are_allowed_goes_without_description(
    tmp_path: Path, door: Recording
) -> None:
    rules = [*_RULES, {"permission": "task", "pattern": "general", "action": "deny"}]
    tools = {tool["name"]: tool for tool in offered(tmp_path, door, rules)}
    assert "description" not in tools["task"]
    assert "description" in tools["bash"]


# ---- OpenCode 2


def v2(number: int, kind: str, directory: str | None = "/p", **data: Any) -> dict[str, Any]:
    location = {"location": {"directory": directory}} if directory else {}
    return {
        "id": f"evt_{number:04}",
        "created": 1790265489391 + number,
        "type": kind,
        **location,
        "data": {"sessionID": SESSION, **data},
    }


SETUP = {"do": "setup", "dir": "/p"}
CLEANUP = {"do": "cleanup", "dir": "/p"}


def publish(*events: dict[str, Any]) -> Step:
    return {"do": "publish", "events": events}


def test_the_module_is_what_both_lines_of_opencode_load(tmp_path: Path, door: Recording) -> None:
    assert drive(tmp_path, door.url)["keys"] == ["id", "server", "setup"]


def test_setup_forwards_each_event_once_for_all_locations(tmp_path: Path, door: Recording) -> None:
    """Every instance gets the events of every location; those of an execution name none."""
    events = [
        v2(1, "session.created"),
        v2(2, "session.execution.started", None),
        v2(3, "session.execution.succeeded", None),
    ]
    drive(tmp_path, door.url, SETUP, {**SETUP, "dir": "/q"}, publish(*events), CLEANUP)
    assert [found["id"] for found in door.events()] == ["evt_0001", "evt_0002", "evt_0003"]
    assert door.events()[0] == events[0]
    assert {line["input"]["directory"] for line in door.hooks("__init__")} == {"/p", "/q"}


def test_of_opencode_2_no_delta_native_state_or_header_goes(tmp_path: Path, door: Recording) -> None:
    ids = {"assistantMessageID": "msg_1", "ordinal": 0}
    key = "planted-" + "value"
    failed = {"type": "provider.auth", "message": "no", "status": 401, "response": {"body": "b", "headers": {"a": key}}}
    events = [
        v2(1, "session.text.delta", delta="wo", **ids),
        v2(2, "session.text.delta", delta="rd", **ids),
        v2(3, "session.text.ended", text="word", native={"key": key}, **ids),
        v2(4, "session.step.failed", error=failed, **ids),
        v2(5, "session.permissions", permissions=[key]),
        v2(6, "model.updated"),
    ]  # fmt: skip
    drive(tmp_path, door.url, SETUP, publish(*events), CLEANUP)
    assert [found["id"] for found in door.events()] == ["evt_0001", "evt_0003", "evt_0004"]
    assert "delta" not in door.events()[0]["data"]
    assert door.events()[2]["data"]["error"]["response"] == {"body": "b"}
    assert key not in json.dumps(door.lines)


def test_the_context_hook_tells_prompt_history_and_tools(tmp_path: Path, door: Recording) -> None:
    key = "sk-" + "planted-key"
    image = {"type": "file", "mediaType": "image/png", "data": "A" * 400}
    request = {
        "sessionID": SESSION, "agent": "build", "model": {"id": "m", "providerID": "p"}, "kind": "primary",
        "system": [{"type": "text", "text": "be brief", "native": {"k": key}}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hi", "native": {"k": key}}, image]}],
        "options": {"maxTokens": 5, "reasoningEffort": "low", "apiKey": key},
        "tools": {"shell": {"description": "d", "input": {"type": "object"}, "execute": key}},
        "headers": {"authorization": key},
    }  # fmt: skip
    drive(tmp_path, door.url, SETUP, {"do": "call2", "name": "session.context", "event": request}, CLEANUP)
    (line,) = door.hooks("session.context")
    assert line["input"]["sessionID"] == SESSION
    assert line["output"]["system"] == [{"type": "text", "text": "be brief"}]
    assert line["output"]["tools"] == {"shell": {"description": "d", "input": {"type": "object"}}}
    file = line["output"]["messages"][0]["content"][1]
    assert file == {"type": "file", "mediaType": "image/png", "size": 300}
    assert key not in json.dumps(door.lines)


@pytest.mark.parametrize("form", ["data", "payload", "plain"])
def test_the_content_of_a_prompts_files_never_goes_whatever_the_version_calls_it(
    tmp_path: Path, door: Recording, form: str
) -> None:
    content = base64.b64encode(b"planted content").decode()
    files = [
        {"data": content, "mime": "text/plain", "source": {"type": "uri", "uri": "file:///p/a.txt"}},
        {"mime": "text/plain", "source": {"type": "inline", "data": content}, "name": "b.txt"},
        {"uri": f"data:text/plain;base64,{content}", "mime": "text/plain", "name": "c.txt"},
    ]
    prompt = {"text": "look", "files": files}
    data = prompt if form == "plain" else {"type": "user", form: prompt}
    admitted = v2(1, "session.input.admitted", inputID="msg_1", input=data)
    drive(tmp_path, door.url, SETUP, publish(admitted), CLEANUP)
    found = door.events()[0]["data"]["input"]
    sent = (found if form == "plain" else found[form])["files"]
    assert [file["size"] for file in sent] == [15, 15, 15]
    assert [file.get("uri") or file["name"] for file in sent] == ["file:///p/a.txt", "b.txt", "data:text/plain;base64,"]
    assert content not in json.dumps(door.lines)


def test_all_parameters_of_a_request_go_and_no_other_option(tmp_path: Path, door: Recording) -> None:
    typed = {
        "maxTokens": 5, "temperature": 0.5, "topP": 0.9, "topK": 4, "frequencyPenalty": 0.1, "presencePenalty": 0.2,
        "seed": 7, "stop": ["END"],
    }  # fmt: skip
    request = {"sessionID": SESSION, "agent": "build", "options": {**typed, "apiKey": "planted-" + "key"}}
    drive(tmp_path, door.url, SETUP, {"do": "call2", "name": "session.context", "event": request}, CLEANUP)
    assert door.hooks("session.context")[0]["output"]["options"] == typed


def test_a_version_that_does_not_say_where_it_runs_is_placed_by_its_events(tmp_path: Path, door: Recording) -> None:
    """The collector watches the process of each place: a killed server ends its turns."""
    events = [v2(1, "session.created"), v2(2, "session.created", "/q"), v2(3, "session.execution.started", None)]
    drive(tmp_path, door.url, {**SETUP, "placed": False}, publish(*events), CLEANUP)
    assert [line["input"]["directory"] for line in door.hooks("__init__")] == ["/p", "/q"]
    assert all(line["pid"] for line in door.hooks("__init__"))


def test_cleanup_ends_within_a_moment_also_while_the_collector_hangs(tmp_path: Path, door: Recording) -> None:
    """Nothing in OpenCode 2 limits a cleanup that waits."""
    door.hang.set()
    result = drive(tmp_path, door.url, SETUP, publish(v2(1, "session.created")), {"do": "sleep", "ms": 500}, CLEANUP)
    assert took(result, "setup") < 0.05
    assert took(result, "cleanup") < 0.3


def test_setup_without_an_event_stream_does_nothing(tmp_path: Path, door: Recording) -> None:
    """OpenCode 1.18 calls `setup` too, with a context that has no events (measured)."""
    drive(tmp_path, door.url, {"do": "bare"}, {"do": "sleep", "ms": 200})
    assert door.lines == []
