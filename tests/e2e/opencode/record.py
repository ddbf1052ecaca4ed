"""Plays scenarios with the real client and keeps what each door told of them beside what the model was sent.

    python -m e2e.opencode.record VERSION FOLDER [SCENARIO…]      (from `tests`, with the clients installed)

One file a scenario: the requests and answers of the model, the plugin's lines, the global event stream, and each
session as an export. The texts of OpenCode itself (system prompts, tool descriptions, reminders) are cut out alike
on all sides, and places are named as if a developer had them; recordings kept in proto_fixtures are made this way.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from e2e.opencode.client import BINARIES, OpenCode
from e2e.opencode.fake_model import Exchange, FakeModel
from e2e.opencode.scenarios import SCENARIOS
from e2e.opencode.stage import Playing

_TAG = "system-reminder"
REMINDER = re.compile(f"<{_TAG}>.*?</{_TAG}>", re.DOTALL)
_AFTER_CONVERSATION = re.compile(r"(?<=</conversation>).*", re.DOTALL)
_SETTLED_SECONDS = 4


class Door:
    """Stands where the collector would, and keeps every line the plugin sends."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        door = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                door.lines += [line for line in body.split("\n") if line]
                self.send_response(200)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _follow(url: str, into: list[str]) -> None:
    """The data lines of an event stream, until its server ends."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url) as stream:
            into.extend(line[5:].decode().strip() for line in stream if line.startswith(b"data:"))
    except OSError:
        return


class Cut:
    """Takes out of recordings what is not ours to keep, the same text always in the same way."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._cut: dict[str, str] = {}

    def learn(self, exchanges: list[Exchange]) -> None:
        """The texts that a request holds and that are OpenCode's own."""
        for exchange in exchanges:
            own = [m["content"] for m in exchange.body["messages"] if m["role"] == "system"]
            own += [tool["function"].get("description", "") for tool in exchange.body.get("tools", ())]
            for text in own:
                if len(text) > 200:
                    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
                    self._cut[text] = f"[{len(text)} characters of OpenCode's own, {digest}]"

    def of(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, list):
            return [self.of(item) for item in value]
        if isinstance(value, dict):
            if isinstance(value.get("parameters"), dict):  # the schema of a tool
                digest = hashlib.sha256(json.dumps(value["parameters"], sort_keys=True).encode()).hexdigest()[:8]
                value = {**value, "parameters": {"type": "object", "title": digest}}
            return {key: self.of(item) for key, item in value.items()}
        return value

    def _text(self, text: str) -> str:
        text = self._cut.get(text, text).replace(self._folder, "/home/dev")
        text = REMINDER.sub(lambda found: f"<{_TAG}>{len(found[0])} characters</{_TAG}>", text)
        return _AFTER_CONVERSATION.sub("", text) if text.startswith("Here is the conversation") else text


def record(version: str, names: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each scenario's recording."""
    with tempfile.TemporaryDirectory() as held:
        folder = Path(held)
        model, door = FakeModel(), Door()
        client = OpenCode(version, folder / "home")
        client.install_at(door.url, folder / "data")
        client.serve(folder)
        stream: list[str] = []
        threading.Thread(target=_follow, args=(f"{client.url}/global/event", stream), daemon=True).start()
        stage = Playing(folder, model, client)
        cut = Cut(folder)
        try:
            stage.play(*names)
            time.sleep(_SETTLED_SECONDS)
            cut.learn(model.exchanges)
            for name in names:
                yield name, cut.of(json.loads(json.dumps(_recording(stage, name, door.lines, stream))))
        finally:
            stage.close()
            model.close()
            door.close()


def _recording(stage: Playing, name: str, lines: list[str], stream: list[str]) -> dict[str, Any]:
    played = stage.played[name]
    assert not played.error, played.error
    found = stage.client.api("GET", "/session?limit=1000", played.folder)
    sessions = [session for session in found if session["id"] in played.sessions]

    def mine(line: str) -> bool:
        return any(session in line for session in played.sessions)

    return {
        "scenario": name,
        "version": stage.client.version,
        "exchanges": [asdict(exchange) for exchange in stage.exchanges(name)],
        "plugin": [json.loads(line) for line in lines if mine(line)],
        "stream": [json.loads(line) for line in stream if mine(line)],
        "exports": [
            {"info": s, "messages": stage.client.api("GET", f"/session/{s['id']}/message", played.folder)}
            for s in sessions
        ],
    }


if __name__ == "__main__":
    version, out, *chosen = sys.argv[1:]
    assert version in BINARIES, f"one of {', '.join(BINARIES)}"
    Path(out).mkdir(parents=True, exist_ok=True)
    for name, recording in record(version, chosen or list(SCENARIOS)):
        data = json.dumps(recording, ensure_ascii=False).encode()
        (Path(out) / f"{name}.json.gz").write_bytes(gzip.compress(data, mtime=0))
