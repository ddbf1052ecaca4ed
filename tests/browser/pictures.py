"""Takes the pictures of the page that the README shows, and of every view at both sizes and in both themes.

.venv/bin/python tests/browser/pictures.py DIRECTORY
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from browser.conftest import AXE, CHROMIUM
from harness.browser import Browser, Scheme, read_token, tell
from harness.process import Process

SCENARIOS = ("multi", "permission", "subagent", "compaction", "retry500", "abort", "bash", "reasoning")
SIZES: tuple[tuple[int, int, Scheme], ...] = ((1280, 900, "light"), (1280, 900, "dark"), (390, 844, "light"))


def main(directory: Path) -> None:
    assert CHROMIUM is not None, "Chromium is needed"
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, Browser.started(CHROMIUM, AXE) as browser:
        process = Process(Path(home))
        try:
            for width, height, scheme in SIZES:
                shoot(browser, process, directory, ["empty"], width, height, scheme)
            for scenario in SCENARIOS:
                tell(process, scenario)
            for width, height, scheme in SIZES:
                shoot(browser, process, directory, [], width, height, scheme)
        finally:
            process.stop()


def shoot(
    browser: Browser, process: Process, directory: Path, only: list[str], width: int, height: int, scheme: Scheme
) -> None:
    with browser.page(process.url, width=width, height=height, scheme=scheme, token=read_token(process)) as page:
        page.goto("/")
        pages = {"empty": "/"}
        if not only:
            page.wait_for_selector("tr[data-span] a.title")
            page.wait_for_timeout(2500)
            page.reload()
            links = page.locator("tr[data-span] a.title")
            addresses = [links.nth(number).get_attribute("href") or "" for number in range(links.count())]
            longest = next(address for address in addresses if "dfc20c4e4" in address)
            waited = next(address for address in addresses if "dfc232f86" in address)
            pages = {
                "sessions": "/",
                "session": longest,
                "session-waits": waited,
                "changed": f"{longest}?view=changed",
                "waterfall": f"{longest}?view=waterfall",
                "sent": f"{longest}?view=sent",
                "traces": "/traces",
                "delivery": "/delivery",
                "policy": "/policy",
                "found": "/search?text=needle",
            }
            page.goto(longest)
            span = page.locator("a.name[href^='/spans/']").first.get_attribute("href")
            pages["span"] = span or "/"
        for name, address in pages.items():
            page.goto(address)
            page.wait_for_timeout(300)
            page.screenshot(path=directory / f"{name}-{scheme}-{width}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
