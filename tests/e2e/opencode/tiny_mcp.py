"""An MCP server on stdio with two tools: `echo` answers, `fail` reports an error.

Where its arguments name them it has two more: `die` ends it, `picture` answers with an image.
"""

import json
import sys

_TOOLS = ("echo", "fail", *sys.argv[1:])
_PICTURE = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
_SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}}


def _answer(method: str, params: dict) -> dict | None:
    if method == "initialize":
        version = params.get("protocolVersion", "2024-11-05")
        return {
            "protocolVersion": version,
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "tiny", "version": "1"},
        }
    if method == "tools/list":
        return {"tools": [{"name": name, "description": name, "inputSchema": _SCHEMA} for name in _TOOLS]}
    if method == "tools/call":
        if params["name"] == "die":
            sys.exit(1)
        if params["name"] == "picture":
            picture = {"type": "image", "data": _PICTURE, "mimeType": "image/gif"}
            return {"content": [{"type": "text", "text": "a dot"}, picture]}
        failed = params["name"] == "fail"
        text = "it failed" if failed else "echo: " + params["arguments"].get("text", "")
        return {"content": [{"type": "text", "text": text}], "isError": failed}
    return {} if method == "ping" else None


for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message:
        continue
    result = _answer(message["method"], message.get("params", {}))
    answer = {"error": {"code": -32601, "message": "no such method"}} if result is None else {"result": result}
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": message["id"], **answer}) + "\n")
    sys.stdout.flush()
