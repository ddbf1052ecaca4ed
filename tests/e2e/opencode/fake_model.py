"""An OpenAI-compatible model that answers from a script.

A prompt holds `[[key]]`; `script[key]` is a list of steps, one a request of that turn. A step that is a list holds
one entry an attempt, for retries. `delay` waits before the answer, `hang` in it, `cut` breaks it off, `breaks` ends it
with an error; of calls that are `interleaved` the arguments come in pieces, a piece of each in turn. The assistant
messages after the prompt with the key tell which step it is, so any number of sessions may talk to one model at once.
Each request is kept beside its answer; the URL a scenario is given names it, so what was sent can be set beside what a
trace says was sent.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Step = dict[str, Any]
_TITLE: Step = {"text": "A session title", "usage": {"prompt_tokens": 50, "completion_tokens": 5}}
_CHUNK_SECONDS = 0.01


@dataclass
class Exchange:
    """A request and its answer: what the client sent, and what it was told; times are ms since the epoch."""

    scenario: str
    session: str
    """As the client's headers say; old clients say none."""
    key: str
    body: dict[str, Any]
    received: int
    ended: int = 0
    status: int = 200
    answer: Step = field(default_factory=dict)
    calls: list[tuple[str, str, Any]] = field(default_factory=list)
    usage: dict[str, Any] = field(default_factory=dict)
    """Empty where the answer was cut before the usage was told."""

    @property
    def is_title(self) -> bool:
        return self.key == "title"


class _Broken(Exception):
    """The stream ends with an error."""


class FakeModel:
    """Serves until `close`; scripts may be added while it runs."""

    def __init__(self) -> None:
        self.script: dict[str, list[Any]] = {}
        self.scripts: dict[str, dict[str, list[Any]]] = {}
        """Those of scenarios that have an address of their own."""
        self.exchanges: list[Exchange] = []
        self._attempts: Counter[tuple[str, str, int]] = Counter()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        model = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["content-length"])))
                try:
                    model._answer(self, request)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._root = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.url = f"{self._root}/v1"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def url_of(self, scenario: str) -> str:
        """The address under which the requests of a scenario are kept apart."""
        return f"{self._root}/{scenario}/v1"

    def of(self, scenario: str) -> list[Exchange]:
        """The requests of a scenario, in the order they came."""
        with self._lock:
            return [exchange for exchange in self.exchanges if exchange.scenario == scenario]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _pick(self, request: dict[str, Any], script: dict[str, list[Any]]) -> tuple[str, int, Any]:
        messages = request["messages"]
        system = " ".join(_text(item) for item in messages if item["role"] in ("system", "developer")).lower()
        users = [at for at, item in enumerate(messages) if item["role"] == "user"]
        last = users[-1] if users else 0
        said = _text(messages[last])
        if "title generator" in system or ("generate a title" in said.lower() and not request.get("tools")):
            return "title", 0, script.get("title", [_TITLE])[0]
        key, since = "default", last
        for at in reversed(users):
            if found := re.findall(r"\[\[([\w-]+)\]\]", _text(messages[at])):
                key, since = found[-1], at
                break
        if said.lstrip().startswith("<task id="):
            key, since = "wake", last
        elif "summar" in system[:400] or "compact" in system[:400] or "anchored summary" in said.lower():
            key, since = "compaction", last
        step = sum(item["role"] == "assistant" for item in messages[since + 1 :])
        steps = script.get(key) or [{"text": "Fine."}]
        return key, step, steps[min(step, len(steps) - 1)]

    def _answer(self, handler: BaseHTTPRequestHandler, request: dict[str, Any]) -> None:
        scenario = handler.path.split("/")[1]
        key, number, step = self._pick(request, self.scripts.get(scenario, self.script))
        session = handler.headers.get("x-session-affinity", "")
        exchange = Exchange(scenario, session, key, request, _now())
        with self._lock:
            self.exchanges.append(exchange)
        try:
            self._play(handler, exchange, key, number, step)
        finally:
            exchange.ended = _now()

    def _play(self, handler: BaseHTTPRequestHandler, exchange: Exchange, key: str, number: int, step: Any) -> None:
        if isinstance(step, list):
            with self._lock:
                attempt = self._attempts[exchange.scenario, key, number]
                self._attempts[exchange.scenario, key, number] += 1
            step = step[min(attempt, len(step) - 1)]
        exchange.answer = step
        time.sleep(step.get("delay", 0))
        if "status" in step:
            exchange.status = step["status"]
            message = {"message": step.get("message", f"error {step['status']}"), "type": "error", "code": "failed"}
            _send(handler, step["status"], {"error": message}, step.get("headers", {}))
            return
        usage = {"prompt_tokens": 1000 + 10 * number, "completion_tokens": 20, **step.get("usage", {})}
        usage["total_tokens"] = usage["prompt_tokens"] + usage["completion_tokens"]
        calls = [(f"call_{next(self._numbers):05d}", name, arguments) for name, arguments in step.get("tools", ())]
        exchange.calls = calls
        finish = step.get("finish") or ("tool_calls" if calls else "stop")
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.send_header("connection", "close")
        handler.end_headers()
        handler.close_connection = True
        try:
            for delta in _deltas(step, calls):
                _chunk(handler, {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        except _Broken as error:
            exchange.status = 500
            _chunk(handler, {"error": {"message": str(error), "type": "server_error", "code": "server_error"}})
            return
        _chunk(handler, {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
        _chunk(handler, {"choices": [], "usage": usage})
        exchange.usage = usage
        handler.wfile.write(b"data: [DONE]\n\n")


def _now() -> int:
    return time.time_ns() // 1_000_000


def _text(message: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "\n".join(item.get("text", "") for item in content or ())


def _thirds(text: str) -> list[str]:
    width = max(1, -(-len(text) // 3))
    return [text[at : at + width] for at in range(0, len(text), width)]


def _deltas(step: Step, calls: list[tuple[str, str, Any]]) -> Any:
    yield {"role": "assistant", "content": ""}
    yield from ({"reasoning_content": piece} for piece in _thirds(step.get("reasoning", "")))
    yield from ({"content": piece} for piece in _thirds(step.get("text", "")))
    time.sleep(step.get("hang", 0))
    if step.get("cut"):
        raise ConnectionResetError("the script cuts its answer here")
    if "breaks" in step:
        raise _Broken(step["breaks"])
    texts = [args if isinstance(args, str) else json.dumps(args, ensure_ascii=False) for _, _, args in calls]
    whole = not step.get("interleaved")
    for index, (call_id, name, _) in enumerate(calls):
        function = {"name": name, "arguments": texts[index] if whole else ""}
        yield {"tool_calls": [{"index": index, "id": call_id, "type": "function", "function": function}]}
    for pieces in [] if whole else zip(*map(_thirds, texts), strict=False):
        for index, piece in enumerate(pieces):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _chunk(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
    body = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "fake-model", **body}
    handler.wfile.write(b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n")
    handler.wfile.flush()
    time.sleep(_CHUNK_SECONDS)


def _send(handler: BaseHTTPRequestHandler, status: int, body: Any, headers: dict[str, str]) -> None:
    data = json.dumps(body).encode()
    handler.send_response(status)
    for name, value in {"content-type": "application/json", "content-length": str(len(data)), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(data)
