"""What supervisors, probes, Prometheus and commands ask, answered without the framework of the viewer."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs

import orjson

from collector.errors import BadRequest, MethodNotAllowed
from collector.receive.receiver import AsgiReceive, AsgiScope, AsgiSend, respond
from collector.viewer.live import Live

_JSON = "application/json"
_MOST_CHALLENGE = 64


class HealthAnswers:
    """A plain ASGI application at `paths`; which token each one asks for is its caller's to check."""

    paths = ("/healthz", "/readyz", "/metrics", "/api/status")
    """The last stands in the viewer's table too, which describes it."""

    def __init__(self, live: Live, version: str) -> None:
        self._live = live
        self._version = version

    async def __call__(self, scope: AsgiScope, receive: AsgiReceive, send: AsgiSend) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            raise MethodNotAllowed("ask with GET")
        if scope["path"] == "/api/status":
            said = await asyncio.to_thread(lambda: orjson.dumps(self._live.status(), option=orjson.OPT_NON_STR_KEYS))
            await respond(send, 200, said, _JSON)
            return
        if scope["path"] == "/metrics":
            await respond(send, 200, *await asyncio.to_thread(self._metrics))
            return
        code, answer = self._alive(scope) if scope["path"] == "/healthz" else await self._ready()
        await respond(send, code, orjson.dumps(answer), _JSON)

    def _alive(self, scope: AsgiScope) -> tuple[int, dict[str, Any]]:
        """Alive: the process answers; with a challenge, which data directory it serves."""
        said = {"status": "ok", "service": "opencode-collector", "version": self._version}
        [challenge] = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("challenge", [""])[:1]
        if len(challenge) > _MOST_CHALLENGE:
            raise BadRequest(f"a challenge has at most {_MOST_CHALLENGE} characters")
        return 200, {**said, "proof": self._live.proof(challenge, scope["server"])} if challenge else said

    async def _ready(self) -> tuple[int, dict[str, Any]]:
        """Ready: telemetry can be kept; the reason where it cannot, and damage that was set aside."""
        failure = await self._live.failure()
        said: dict[str, Any] = {"notices": list(notices)} if (notices := self._live.store_notices()) else {}
        if failure:
            return 503, {"status": "not ready", "reason": failure, **said}
        return 200, {"status": "ready", **said}

    def _metrics(self) -> tuple[bytes, str]:
        from prometheus_client import CONTENT_TYPE_LATEST

        from collector.viewer.metrics import exposition

        return exposition(self._live.status()), CONTENT_TYPE_LATEST
