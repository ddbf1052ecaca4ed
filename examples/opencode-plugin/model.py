"""A model for tests: OpenAI's chat completions as a stream, answered from a script; no account, no network."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Step = str | tuple[str, dict[str, Any]]
"""What the model says next: a text, or a tool with its arguments."""


@contextmanager
def scripted_model(steps: Sequence[Step]) -> Iterator[str]:
    """The base URL of a model that goes one step further with each answer in the conversation it is sent."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            said = sum(message["role"] == "assistant" for message in request["messages"])
            step = steps[min(said, len(steps) - 1)] if request.get("tools") else "A title"  # OpenCode asks for one too
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            for choice in _choices(step, said):
                self._chunk({"choices": [{"index": 0, **choice}]})
            self._chunk({"choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}})
            self.wfile.write(b"data: [DONE]\n\n")

        def _chunk(self, body: dict[str, Any]) -> None:
            head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "scripted"}
            self.wfile.write(b"data: " + json.dumps({**head, **body}).encode() + b"\n\n")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()


def _choices(step: Step, number: int) -> Iterator[dict[str, Any]]:
    if isinstance(step, str):
        yield {"delta": {"role": "assistant", "content": step}, "finish_reason": None}
        yield {"delta": {}, "finish_reason": "stop"}
        return
    name, arguments = step
    function = {"name": name, "arguments": json.dumps(arguments)}
    call = {"index": 0, "id": f"call_{number}", "type": "function", "function": function}
    yield {"delta": {"role": "assistant", "tool_calls": [call]}, "finish_reason": None}
    yield {"delta": {}, "finish_reason": "tool_calls"}
