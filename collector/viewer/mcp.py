"""The kept traces for agents: an MCP server without a state, as JSON-RPC messages in and out.

Model Context Protocol 2025-03-26 to 2025-11-25: `initialize`, `ping`, `tools/list` and `tools/call`; the transport
("Streamable HTTP" at /mcp, or lines on stdin and stdout) is the caller's. Only sealed data is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from collector.errors import CollectorError
from collector.store import Reading
from collector.viewer.mcp_tools import TOOLS, NotUsable, Tool

REVISIONS = ("2025-11-25", "2025-06-18", "2025-03-26")
_MOST_TEXT = 30_000
_PARSE_ERROR, _INVALID_REQUEST, _NO_METHOD, _INVALID_PARAMS = -32700, -32600, -32601, -32602


def answer(reading: Callable[[], Reading], version: str, message: Any) -> dict[str, Any] | None:
    """The response to one JSON-RPC message; None for a notification, which has none.

    `reading` is called when a tool is; where it raises `CollectorError`, the tool's answer says why.
    """
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0" or not isinstance(message.get("method"), str):
        return _failed(None, _INVALID_REQUEST, "expected a JSON-RPC 2.0 request")
    identifier, method = message.get("id"), message["method"]
    if "id" not in message:
        return None
    params = message.get("params") or {}
    if not isinstance(params, dict):
        return _failed(identifier, _INVALID_PARAMS, "params: expected an object")
    if method == "initialize":
        asked = params.get("protocolVersion")
        return _result(
            identifier,
            {
                "protocolVersion": asked if asked in REVISIONS else REVISIONS[0],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "opencode-collector", "version": version},
                "instructions": "Traces of coding agents on this machine, redacted. Start with `sessions`.",
            },
        )
    if method == "ping":
        return _result(identifier, {})
    if method == "tools/list":
        return _result(identifier, {"tools": [tool.document() for tool in TOOLS]})
    if method == "tools/call":
        return _result(identifier, _call(reading, params))
    return _failed(identifier, _NO_METHOD, f"no such method here; there are {', '.join(_METHODS)}")


_METHODS = ("initialize", "ping", "tools/list", "tools/call")


def answer_text(reading: Callable[[], Reading], version: str, text: bytes) -> bytes:
    """The same for a message as bytes; empty for a notification."""
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        return orjson.dumps(_failed(None, _PARSE_ERROR, "not valid JSON"))
    found = answer(reading, version, message)
    return orjson.dumps(found) if found is not None else b""


def _call(reading: Callable[[], Reading], params: Mapping[str, Any]) -> dict[str, Any]:
    tool = next((tool for tool in TOOLS if tool.name == params.get("name")), None)
    if tool is None:
        return _text(f"no such tool; there are {', '.join(each.name for each in TOOLS)}", failed=True)
    given = params.get("arguments") or {}
    try:
        if not isinstance(given, dict):
            raise NotUsable("arguments: expected an object")
        for name in tool.required:
            if not given.get(name):
                raise NotUsable(f"{name}: missing")
        for name, value in given.items():
            _check(tool, name, value)
        return _text(tool.answer(reading(), given))
    except CollectorError as error:
        return _text(str(error), failed=True)


def _check(tool: Tool, name: str, value: Any) -> None:
    if name not in tool.arguments:
        raise NotUsable(f"no such argument; {tool.name} takes {', '.join(tool.arguments) or 'none'}")
    if expected := tool.arguments[name].expected(value):
        raise NotUsable(f"{name}: expected {expected}")


def _text(text: str, *, failed: bool = False) -> dict[str, Any]:
    if len(text) > _MOST_TEXT:
        text = f"{text[:_MOST_TEXT]}\n[{len(text) - _MOST_TEXT} more characters: ask for less, or page on with before]"
    return {"content": [{"type": "text", "text": text}], "isError": failed}


def _result(identifier: Any, result: Mapping[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identifier, "result": result}


def _failed(identifier: Any, code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identifier, "error": {"code": code, "message": message}}
