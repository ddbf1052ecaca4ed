"""An OpenAI-compatible model that answers from a script.

A prompt holds `[[key]]`; `script[key]` is a list of steps, one a request of that turn. A step that is a list holds
one entry an attempt, for retries. The step is told by counting the assistant messages after the last user message,
so any number of sessions may talk to one model at once.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Step = dict[str, Any]
_TITLE: Step = {"text": "A session title", "usage": {"prompt_tokens": 50, "completion_tokens": 5}}
_CHUNK_SECONDS = 0.01


class FakeModel:
    """Serves until `close`; scripts may be added while it runs."""

    def __init__(self) -> None:
        self.script: dict[str, list[Any]] = {}
        self._attempts: Counter[tuple[str, int]] = Counter()
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
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _pick(self, request: dict[str, Any]) -> tuple[str, int, Any]:
        messages = request["messages"]
        system = " ".join(_text(item) for item in messages if item["role"] in ("system", "developer")).lower()
        users = [at for at, item in enumerate(messages) if item["role"] == "user"]
        last = users[-1] if users else 0
        said = _text(messages[last])
        if "title generator" in system or ("generate a title" in said.lower() and not request.get("tools")):
            return "title", 0, _TITLE
        key = "default"
        for at in reversed(users):
            if found := re.findall(r"\[\[([\w-]+)\]\]", _text(messages[at])):
                key = found[-1]
                break
        if said.lstrip().startswith("<task id="):
            key = "wake"
        elif "summar" in system[:400] or "compact" in system[:400] or "anchored summary" in said.lower():
            key = "compaction"
        step = sum(item["role"] == "assistant" for item in messages[last + 1 :])
        steps = self.script.get(key) or [{"text": "Fine."}]
        return key, step, steps[min(step, len(steps) - 1)]

    def _answer(self, handler: BaseHTTPRequestHandler, request: dict[str, Any]) -> None:
        key, number, step = self._pick(request)
        if isinstance(step, list):
            with self._lock:
                attempt = self._attempts[key, number]
                self._attempts[key, number] += 1
            step = step[min(attempt, len(step) - 1)]
        time.sleep(step.get("delay", 0))
        if "status" in step:
            message = {"message": step.get("message", f"error {step['status']}"), "type": "error", "code": "failed"}
            _send(handler, step["status"], {"error": message}, step.get("headers", {}))
            return
        usage = {"prompt_tokens": 1000 + 10 * number, "completion_tokens": 20, **step.get("usage", {})}
        usage["total_tokens"] = usage["prompt_tokens"] + usage["completion_tokens"]
        calls = [(f"call_{next(self._numbers):05d}", name, arguments) for name, arguments in step.get("tools", ())]
        finish = "tool_calls" if calls else "stop"
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.send_header("connection", "close")
        handler.end_headers()
        handler.close_connection = True
        for delta in _deltas(step, calls):
            _chunk(handler, {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        _chunk(handler, {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
        _chunk(handler, {"choices": [], "usage": usage})
        handler.wfile.write(b"data: [DONE]\n\n")


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
    for index, (call_id, name, arguments) in enumerate(calls):
        text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        function = {"name": name, "arguments": text}
        yield {"tool_calls": [{"index": index, "id": call_id, "type": "function", "function": function}]}


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
