"""Chromium, driven by Playwright: each page is watched for errors, and for requests to anywhere else."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect, sync_playwright

from harness.process import Process

CAPTURES = Path(__file__).parents[2] / "proto_fixtures/opencode/captures"
_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip

Scheme = Literal["light", "dark"]
_PATIENCE_MS = 90_000
"""How long a page is given: a busy machine is slow, and what is right is seen at once."""


class Browser:
    """A running Chromium."""

    def __init__(self, chromium: Chromium, axe: Path) -> None:
        self._chromium = chromium
        self.axe = axe

    @classmethod
    @contextmanager
    def started(cls, path: str, axe: Path) -> Iterator[Browser]:
        expect.set_options(timeout=_PATIENCE_MS)
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=path, args=_FLAGS)
            yield cls(chromium, axe)
            chromium.close()

    @contextmanager
    def page(
        self,
        origin: str,
        *,
        width: int = 1280,
        height: int = 900,
        scheme: Scheme = "light",
        token: str = "",
        script: bool = True,
    ) -> Iterator[Page]:
        """A page that may speak to `origin` alone; what went wrong in it fails the test when it is closed."""
        context = self._chromium.new_context(
            base_url=origin,
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            accept_downloads=True,
            java_script_enabled=script,
        )
        context.set_default_timeout(_PATIENCE_MS)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        if token:  # a download is asked for without what is set on the page: it takes the cookie a user has
            context.request.get(f"/?token={token}")
        page = context.new_page()
        wrong: list[str] = []
        page.on(
            "console", lambda message: wrong.append(f"console: {message.text}") if message.type == "error" else None
        )
        page.on("pageerror", lambda error: wrong.append(f"script: {error}"))
        page.on(
            "request", lambda request: None if _is_own(request.url, origin) else wrong.append(f"asked {request.url}")
        )
        try:
            yield page
        finally:
            context.close()
        assert wrong == []

    @contextmanager
    def loose(self, origin: str, token: str) -> Iterator[Page]:
        """A page that may meet errors: its collector goes away."""
        context = self._chromium.new_context(base_url=origin)
        context.set_default_timeout(_PATIENCE_MS)
        context.request.get(f"/?token={token}")
        try:
            yield context.new_page()
        finally:
            context.close()


def _is_own(url: str, origin: str) -> bool:
    return url.startswith((origin + "/", "data:", "blob:", "about:", "file:"))


def read_token(process: Process) -> str:
    """The token that reading asks for; empty where it asks for none."""
    path = process.directory / "data/read-token"
    return path.read_text().strip() if path.is_file() else ""


def recorded(scenario: str) -> list[bytes]:
    """The recorded plugin lines of a scenario."""
    return gzip.decompress((CAPTURES / scenario / "plugin_hooks.ndjson.gz").read_bytes()).splitlines()


def tell(process: Process, scenario: str, first: int = 0, last: int | None = None) -> None:
    """Post the recorded plugin lines of a scenario, or some of them."""
    body = b"\n".join(recorded(scenario)[first:last])
    status, _, answer = process.post("/v1/opencode/events", body, "application/x-ndjson")
    assert status == 200, answer


def serious(page: Page, axe: Path) -> list[dict[str, Any]]:
    """What axe finds of serious or critical impact: rule, and the elements."""
    source = axe.read_text(encoding="utf-8")
    page.evaluate(source)
    found = page.evaluate("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
    return [
        {"rule": each["id"], "nodes": [node["html"][:160] for node in each["nodes"]][:3]}
        for each in json.loads(json.dumps(found))
        if each["impact"] in ("serious", "critical")
    ]
