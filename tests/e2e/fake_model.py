"""A model server that plays a script: OpenAI's chat completions as a stream, told by keys in the prompt."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Step:
    """One answer of the model: text, and tools to call with their arguments."""

    text: str = ""
    tools: Sequence[tuple[str, dict[str, Any]]] = ()


@dataclass
class FakeModel:
    """`script` maps a key, written `[[key]]` in the prompt, to the steps of the answer."""

    script: Mapping[str, Sequence[Step]]
    url: str = ""
    requests: list[Any] = field(default_factory=list)

    def step(self, messages: list[dict[str, Any]]) -> Step:
        """The step is the number of answers since the last user message, so the server keeps no state."""
        users = [index for index, message in enumerate(messages) if message["role"] == "user"]
        for index in reversed(users):
            keys = re.findall(r"\[\[([\w-]+)\]\]", _text(messages[index]))
            if keys and keys[-1] in self.script:
                steps = self.script[keys[-1]]
                done = sum(message["role"] == "assistant" for message in messages[index + 1 :])
                return steps[min(done, len(steps) - 1)]
        return Step("A title")


def _text(message: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content or [])


@contextmanager
def fake_model(script: Mapping[str, Sequence[Step]]) -> Iterator[FakeModel]:
    """Run a model server on a free loopback port."""
    model = FakeModel(script)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            model.requests.append(request)
            title = (
                "title generator" in " ".join(_text(m) for m in request["messages"] if m["role"] == "system").lower()
            )
            step = Step("A title") if title else model.step(request["messages"])
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            for chunk in _chunks(step):
                self.wfile.write(b"data: " + chunk + b"\n\n")
            self.wfile.write(b"data: [DONE]\n\n")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    model.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield model
    finally:
        server.shutdown()
        server.server_close()


def _chunks(step: Step) -> Iterator[bytes]:
    def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return json.dumps({"id": "chat-1", "object": "chat.completion.chunk", "created": 1, "model": "fake-model",
                           "choices": [choice], **more}).encode()  # fmt: skip

    yield chunk({"role": "assistant", "content": ""})
    if step.text:
        yield chunk({"content": step.text})
    for index, (name, arguments) in enumerate(step.tools):
        call = {"name": name, "arguments": json.dumps(arguments)}
        yield chunk(
            {"tool_calls": [{"index": index, "id": f"call_{name}_{index}", "type": "function", "function": call}]}
        )
    usage = {"prompt_tokens": 1000, "completion_tokens": 20, "total_tokens": 1020}
    yield chunk({}, "tool_calls" if step.tools else "stop", usage=usage)
