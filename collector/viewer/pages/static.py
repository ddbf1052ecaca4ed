"""The stylesheet and the script of the page, from the package itself."""

from __future__ import annotations

from importlib.resources import files

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse, Response

_KINDS = {"app.css": "text/css; charset=utf-8", "app.js": "text/javascript; charset=utf-8"}


def add_static(api: FastAPI) -> None:
    """Routes of the files; they hold nothing that was kept."""

    @api.get("/static/{name}", include_in_schema=False)
    def static(name: str) -> Response:
        if name not in _KINDS:
            return PlainTextResponse("no such file", 404)
        text = (files("collector.viewer") / "static" / name).read_bytes()
        return Response(text, media_type=_KINDS[name], headers={"cache-control": "max-age=3600"})
