"""A real OpenCode at work, watched on the page: no reload between its start and its last word."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.opencode.client import BINARIES, ROOT, cache, configuration, environment, project
from e2e.opencode.fake_model import FakeModel
from e2e.opencode.scenarios.play import bash
from e2e.opencode.stage import need
from harness.browser import Browser, read_token
from harness.process import Process, command
from playwright.sync_api import expect

_LONG = 120_000


@pytest.fixture
def model() -> Iterator[FakeModel]:
    found = FakeModel()
    yield found
    found.close()


def test_a_real_run_of_opencode_is_watched_live(
    browser: Browser, collector: Process, tmp_path: Path, model: FakeModel
) -> None:
    need(BINARIES["1.18.33"])
    go = tmp_path / "go"  # the tool runs until it was seen running, however slow the machine is
    waits = bash(f"until [ -e {go} ]; do sleep 0.2; done; echo seen")
    model.script["watched"] = [{"text": "Working.", "tools": [waits]}, {"text": "All is done."}]
    folder = project(tmp_path / "project", configuration(model.url), {"hello.txt": "hello\n"})
    home = tmp_path / "home"
    home.mkdir()
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "opencode").symlink_to((cache() / BINARIES["1.18.33"]).resolve())
    env = environment(home, {"COLLECTOR_DATA_DIR": str(collector.directory / "data"), "PYTHONPATH": str(ROOT)})
    env["PATH"] = f"{tools}{os.pathsep}{env['PATH']}"
    with browser.page(collector.url, token=read_token(collector)) as page:
        page.goto("/")
        page.locator("#help").evaluate("dialog => dialog.dataset.mark = 'same document'")
        agent = subprocess.Popen(
            command("run", "--", "opencode", "run", "Please do it [[watched]]"),
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            expect(page.locator(".sub.run", has_text="running: bash")).to_be_visible(timeout=_LONG)
            assert page.locator("#help").evaluate("dialog => dialog.dataset.mark") == "same document"
            page.locator("a.title").first.click()
            expect(page.locator("#live")).to_contain_text("Running: bash", timeout=_LONG)
            page.locator("#help").evaluate("dialog => dialog.dataset.mark = 'same document'")
            go.touch()
            expect(page.locator(".say", has_text="All is done.")).to_be_visible(timeout=_LONG)
            expect(page.locator("#live")).to_have_count(0, timeout=_LONG)
            expect(page.locator(".row", has_text="echo seen")).to_be_visible()
            assert page.locator("#help").evaluate("dialog => dialog.dataset.mark") == "same document"
            assert agent.wait(60) == 0
        finally:
            if agent.poll() is None:
                agent.kill()
                agent.wait()
