"""Following a server that breaks off: nothing is missed, and the password is asked for as OpenCode does."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from collector.errors import CollectorError
from collector.opencode.attach import Follower, Server, password, service

Json = dict[str, Any]


class FakeOpenCode:
    """Streams what is put into `stream` and answers from `routes`; a `None` in the stream breaks the connection."""

    def __init__(self, routes: dict[str, Any], *, secret: str = "") -> None:
        self.routes = routes
        self.stream: list[Json | None] = []
        self.asked: list[tuple[str, Any]] = []
        self.connections = 0
        self._ended = threading.Event()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                self._answer(None)

            def do_POST(self) -> None:
                self._answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))

            def _answer(self, body: Any) -> None:
                wanted = "Basic " + base64.b64encode(f"opencode:{secret}".encode()).decode()
                fake.asked.append((self.path, body))
                if secret and self.headers.get("authorization") != wanted:
                    self._json(401, {})
                elif self.path in ("/global/event", "/api/event") and self.path in fake.routes:
                    self._events()
                else:
                    found = fake.routes.get(self.path)
                    found = found(body) if callable(found) else found
                    self._json(404 if found is None else 200, found)

            def _json(self, status: int, body: Any) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def _events(self) -> None:
                fake.connections += 1
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.end_headers()
                while not fake._ended.wait(0.01):
                    while fake.stream:
                        item = fake.stream.pop(0)
                        if item is None:
                            return
                        self.wfile.write(f"data: {json.dumps(item, ensure_ascii=False)}\n\n".encode())
                        self.wfile.flush()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()


class Following:
    """A follower in a thread of its own, and what it handed over."""

    def __init__(self, server: Server) -> None:
        self.items: list[Json] = []
        self.error: Exception | None = None
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None
        self._follower = Follower(server, self.items.extend, lambda _: None)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._task = self._loop.create_task(self._follower.run())
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        except CollectorError as error:
            self.error = error

    def ids(self) -> list[str]:
        return [item.get("payload", item).get("id", "") for item in self.items]

    def until(self, claim: Any, seconds: float = 10) -> None:
        deadline = time.monotonic() + seconds
        while not claim():
            assert time.monotonic() < deadline, self.items
            time.sleep(0.02)

    def stop(self) -> None:
        if self._task is not None:
            self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(5)


Start = Any


@pytest.fixture
def start() -> Iterator[Start]:
    open_: list[Any] = []

    def begin(routes: dict[str, Any], secret: str = "", given: str = "") -> tuple[FakeOpenCode, Following]:
        fake = FakeOpenCode(routes, secret=secret)
        following = Following(Server(fake.url, given or None))
        open_.extend((following.stop, fake.close))
        return fake, following

    yield begin
    for close in open_:
        close()


def told(number: int, kind: str = "session.idle", session: str = "ses_a") -> Json:
    event = {"id": f"evt_{number:04}", "type": kind, "properties": {"sessionID": session}}
    return {"directory": "/p", "payload": event}


def sync(number: int, seq: int, session: str = "ses_a") -> Json:
    event = {"id": f"evt_{number:04}", "type": "message.updated.1", "seq": seq, "aggregateID": session, "data": {}}
    return {"directory": "/p", "payload": {"type": "sync", "syncEvent": event}}


def row(number: int, seq: int, session: str = "ses_a") -> Json:
    return {"id": f"evt_{number:04}", "aggregate_id": session, "seq": seq, "type": "message.updated.1", "data": {}}


ONE: dict[str, Any] = {"/global/health": {"healthy": True}, "/global/event": True}
TWO: dict[str, Any] = {"/api/info": {"version": "2.1.2"}, "/api/event": True}


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0b", "\x1c"])
def test_a_text_with_a_separator_of_lines_is_one_event(start: Start, separator: str) -> None:
    """OpenCode writes them as they are; only CR and LF end a line of an event stream."""
    fake, following = start(ONE)
    fake.stream.append({"payload": {"id": "evt_0001", "type": "session.idle", "properties": {"sessionID": separator}}})
    following.until(lambda: [item["payload"]["properties"]["sessionID"] for item in following.items] == [separator])


def test_events_are_handed_on_and_housekeeping_is_not(start: Start) -> None:
    fake, following = start(ONE)
    fake.stream += [
        {"payload": {"type": "server.connected"}},
        told(1, "session.created"),
        sync(1, 0),
        told(2),
        told(3, "plugin.added"),
    ]
    following.until(lambda: following.ids() == ["evt_0001", "evt_0002"])
    assert following.items[0]["directory"] == "/p"


def test_a_gap_is_filled_by_number_and_with_what_began_meanwhile(start: Start) -> None:
    """The history has all of what we do not name: old sessions of it are not ours to tell."""
    history = [row(2, 1), row(3, 2), row(4, 0, "ses_new"), row(0, 0, "ses_old")]
    fake, following = start({**ONE, "/sync/history": lambda _: history})
    fake.stream += [told(1, "session.created"), sync(1, 0), None]
    following.until(lambda: fake.connections == 2)
    fake.stream += [told(5)]
    following.until(lambda: "evt_0005" in following.ids())
    assert following.ids() == ["evt_0001", "evt_0002", "evt_0003", "evt_0004", "evt_0005"]
    assert ("/sync/history", {"ses_a": 0}) in fake.asked


def test_a_session_begun_before_is_told_from_its_beginning(start: Start) -> None:
    messages = [{"info": {"id": "msg_1", "role": "user"}, "parts": [{"id": "prt_1", "type": "text"}]}]
    fake, following = start({**ONE, "/session/ses_a": {"id": "ses_a"}, "/session/ses_a/message": messages})
    fake.stream += [told(7), sync(7, 40)]
    following.until(lambda: "evt_0007" in following.ids())
    assert [item.get("type") for item in following.items[:3]] == [
        "session.updated",
        "message.updated",
        "message.part.updated",
    ]


def test_up_to_1_1_a_gap_is_filled_from_messages(start: Start) -> None:
    """There is no history and no number there."""
    messages = [{"info": {"id": "msg_1", "role": "user"}, "parts": []}]
    routes = {
        "/config": {},
        "/global/event": True,
        "/session/ses_a": {"id": "ses_a"},
        "/session/ses_a/message": messages,
    }
    fake, following = start(routes)
    fake.stream += [told(1, "session.created"), None]
    following.until(lambda: fake.connections == 2)
    following.until(lambda: any(item.get("type") == "message.updated" for item in following.items))


def test_a_gap_of_opencode_2_is_filled_from_all_pages_of_messages(start: Start) -> None:
    user = {"id": "msg_1", "type": "user", "text": "hi", "time": {"created": 1}}
    idle = {"id": "msg_2", "type": "idle", "outcome": "succeeded", "time": {"created": 2}}
    routes = {
        **TWO,
        "/api/session?order=desc": {
            "data": [
                {"id": "ses_b", "time": {"updated": time.time() * 1000}},
                {"id": "ses_old", "time": {"updated": 5}},
            ]
        },
        "/api/session/ses_a": {"data": {"id": "ses_a"}},
        "/api/session/ses_a/message": {"data": [user], "cursor": {"next": "c 2"}},
        "/api/session/ses_a/message?cursor=c%202": {"data": [idle], "cursor": {}},
        "/api/session/ses_b": {"id": "ses_b"},
        "/api/session/ses_b/message": {"data": [user], "cursor": {}},
    }
    fake, following = start(routes)
    fake.stream += [{"id": "evt_1", "created": 1, "type": "session.created", "data": {"sessionID": "ses_a"}}, None]
    following.until(lambda: any(item["data"].get("sessionID") == "ses_b" for item in following.items))
    kinds = [item["type"] for item in following.items if item["data"]["sessionID"] == "ses_a"]
    assert kinds[1:] == [
        "session.created",
        "session.inbox.enqueued",
        "session.inbox.delivered",
        "session.execution.succeeded",
    ]
    assert not any(item["data"]["sessionID"] == "ses_old" for item in following.items)


def test_what_a_fork_of_opencode_2_took_over_is_fetched(start: Start) -> None:
    """It is no event of the fork, and stands before all that is."""
    user = {"id": "msg_1", "type": "user", "text": "hi", "time": {"created": 1}}
    routes = {
        **TWO,
        "/api/session/ses_b": {"data": {"id": "ses_b"}},
        "/api/session/ses_b/message": {"data": [user], "cursor": {}},
    }
    fake, following = start(routes)
    forked = {"sessionID": "ses_b", "parentID": "ses_a"}
    durable = {"aggregateID": "ses_b", "seq": 0}
    fake.stream += [{"id": "evt_1", "created": 2, "type": "session.forked", "durable": durable, "data": forked}]
    following.until(lambda: "session.forked" in [item["type"] for item in following.items])
    kinds = [item["type"] for item in following.items]
    assert kinds == ["session.created", "session.inbox.enqueued", "session.inbox.delivered", "session.forked"]


def test_the_password_goes_as_basic_auth(start: Start) -> None:
    fake, following = start(ONE, secret="open-sesame", given="open-sesame")
    fake.stream += [told(1, "session.created")]
    following.until(lambda: following.ids() == ["evt_0001"])


def test_a_wrong_password_is_said_and_not_tried_again(start: Start) -> None:
    fake, following = start(ONE, secret="open-sesame", given="wrong")
    following.until(lambda: following.error is not None)
    assert "OPENCODE_SERVER_PASSWORD" in str(following.error)
    assert "wrong" not in str(following.error)
    assert len(fake.asked) == 1


def test_what_is_no_opencode_is_said(start: Start) -> None:
    _, following = start({})
    following.until(lambda: following.error is not None)
    assert "no OpenCode server" in str(following.error)


def test_a_server_that_is_not_there_yet_is_waited_for(start: Start) -> None:
    fake, _ = start(ONE)
    port = int(fake.url.rpartition(":")[2])
    fake.close()
    following = Following(Server(f"http://127.0.0.1:{port}"))
    time.sleep(0.6)
    assert following.error is None
    following.stop()


def test_the_service_of_opencode_2_is_found_by_its_file(tmp_path: Path) -> None:
    state = tmp_path / "opencode"
    state.mkdir()
    (state / "service.json").write_text(json.dumps({"url": "http://127.0.0.1:49374", "pid": 1, "password": "p"}))
    environ = {"XDG_STATE_HOME": str(tmp_path)}
    assert service(environ, tmp_path) == Server("http://127.0.0.1:49374", "p")
    with pytest.raises(CollectorError, match=r"service\.json"):
        service({}, tmp_path)


def test_the_newer_name_of_the_password_wins() -> None:
    assert password({"OPENCODE_SERVER_PASSWORD": "old", "OPENCODE_PASSWORD": "new"}) == "new"
    assert password({}) is None
