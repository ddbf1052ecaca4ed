"""Real clients of the tests: where they are installed, how they are run, and servers that answer as models do."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


SCRIPTS = ROOT / "tests" / "e2e" / "reshape_clients"


CLIENTS = Path(os.environ.get("TEST_CACHE") or ROOT / ".cache").absolute() / "reshape-clients"


INSTALL = "sh tests/e2e/install_reshape_clients.sh"


SECONDS = 60


def client(name: str, *, optional: bool = False) -> Path:
    """Where `name` is installed; skips when it is not, and fails instead where everything should be (CI=true)."""
    if not (CLIENTS / f"{name}.done").exists():
        if os.environ.get("CI") == "true" and not optional:
            pytest.fail(f"{name} is not installed: run `{INSTALL}`")
        pytest.skip(f"{name} is not installed: run `{INSTALL}`")
    return CLIENTS / name


class Server:
    """An HTTP server on a free port that answers each POST with what `answer` makes of path and body."""

    def __init__(self, answer: Callable[[str, bytes], tuple[str, bytes]]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self._body()
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                kind, text = answer(self.path, body)
                self.send_response(200)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def _body(self) -> bytes:
                if self.headers.get("transfer-encoding") != "chunked":
                    return self.rfile.read(int(self.headers.get("content-length") or 0))
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

            def do_GET(self) -> None:
                self.send_response(404)
                self.send_header("content-length", "0")
                self.end_headers()

            do_HEAD = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def clean() -> dict[str, str]:
    """The environment without settings of this machine that would reach the clients."""
    prefixes = ("COLLECTOR_", "CATALYST_", "INFERENCE_", "OTEL_", "ANTHROPIC_", "OPENAI_", "CLAUDE", "CODEX")
    return {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(prefixes) and not key.lower().endswith("_proxy")
    }


def run(command: list[str], folder: Path, **environment: str) -> None:
    done = subprocess.run(
        command, env={**clean(), **environment}, cwd=folder, capture_output=True, timeout=120, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")[-2000:]


def run_script(name: str, installed: Path, collector: str) -> None:
    """Run a script from beside its packages: ES modules look for them from their own place upwards."""
    script = installed / name
    script.write_text((SCRIPTS / name).read_text(encoding="utf-8"), encoding="utf-8")
    run(["node", str(script)], installed, COLLECTOR_TRACES=f"{collector}/v1/traces")


def chat_completion(request: dict[str, Any]) -> dict[str, Any]:
    """A tool call for a question, an answer for a tool's result."""
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
    asked = request["messages"][-1]["role"] == "user"
    message = {"role": "assistant", "tool_calls": [call]} if asked else {"role": "assistant", "content": "Sunny"}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-2026-01-01",
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if asked else "stop"}],
        "usage": {"prompt_tokens": 20, "completion_tokens": 4, "total_tokens": 24},
    }


def server_sent(*events: dict[str, Any]) -> tuple[str, bytes]:
    text = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    return "text/event-stream", text.encode()


def responses_api(path: str, body: bytes) -> tuple[str, bytes]:
    """OpenAI's responses, streamed: a shell command for a question, an answer for its output."""
    request = json.loads(body) if body else {}
    done = any(item.get("type") == "function_call_output" for item in request.get("input", ()))
    usage = {
        "input_tokens": 41, "input_tokens_details": {"cached_tokens": 8}, "output_tokens": 6,
        "output_tokens_details": {"reasoning_tokens": 2}, "total_tokens": 47,
    }  # fmt: skip
    if done:
        content = [{"type": "output_text", "text": "It holds nothing.", "annotations": []}]
        item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}
    else:
        arguments = json.dumps({"cmd": "echo hello-from-tool"})
        item = {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "call_1",
            "name": "exec_command",
            "arguments": arguments,
        }
    response = {"id": "resp_1", "object": "response", "status": "completed", "output": [item], "usage": usage}
    return server_sent(
        {"type": "response.created", "response": {"id": "resp_1"}},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": response},
    )


def messages_api(path: str, body: bytes) -> tuple[str, bytes]:
    """Anthropic's messages, streamed or not: a shell command for a question, an answer for its output."""
    request = json.loads(body) if body else {}
    if "count_tokens" in path:
        return "application/json", b'{"input_tokens": 31}'
    if "/messages" not in path:
        return "application/json", b"{}"
    last = request["messages"][-1]["content"]
    done = isinstance(last, list) and any(block.get("type") == "tool_result" for block in last)
    usage = {"input_tokens": 31, "cache_read_input_tokens": 10, "cache_creation_input_tokens": 4, "output_tokens": 17}
    blocks: list[dict[str, Any]] = [{"type": "text", "text": "It holds nothing." if done else "Let me look."}]
    if not done and request.get("tools"):
        command = {"command": "echo hello-from-tool", "description": "Say hello"}
        blocks.append({"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": command})
    reason = "tool_use" if len(blocks) == 2 else "end_turn"
    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": request.get("model"), "content": blocks,
        "stop_reason": reason, "stop_sequence": None, "usage": usage,
    }  # fmt: skip
    if not request.get("stream"):
        return "application/json", json.dumps(message).encode()
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {**message, "content": [], "stop_reason": None}}
    ]
    for index, block in enumerate(blocks):
        if block["type"] == "text":
            start, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": block["text"]}
        else:
            start = {**block, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        events += [
            {"type": "content_block_start", "index": index, "content_block": start},
            {"type": "content_block_delta", "index": index, "delta": delta},
            {"type": "content_block_stop", "index": index},
        ]
    stopped = {"stop_reason": reason, "stop_sequence": None}
    events += [{"type": "message_delta", "delta": stopped, "usage": usage}, {"type": "message_stop"}]
    return server_sent(*events)
