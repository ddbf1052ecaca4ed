"""Every link of every page leads somewhere: followed from the list of sessions until none is new."""

from __future__ import annotations

import re
from urllib.parse import urldefrag, urljoin, urlsplit

import httpx
from harness.browser import Browser, read_token
from harness.process import Process

_SEEN_OF_A_KIND = 2
"""Of pages that differ in ids alone so many are opened in the browser; each is asked for."""


def kind(address: str) -> str:
    """An address without its ids and values."""
    parts = urlsplit(address)
    path = re.sub(r"(?<=/)(ses_[^/]+|[0-9a-f]{16,32})", "ID", parts.path)
    return f"{path}?{sorted(re.findall(r'(?:^|&)([a-z]+)=', parts.query))}"


def links_of(text: str, address: str) -> set[str]:
    hrefs = re.findall(r'\b(?:href|data-load|data-rail|data-copy-from|src)="([^"]*)"', text)
    found = {
        urldefrag(urljoin(address, each.replace("&amp;", "&")))[0] for each in hrefs if not each.startswith("data:")
    }
    return {each for each in found if each.startswith("http")}


def test_every_link_of_every_page_leads_somewhere(browser: Browser, told: Process) -> None:
    client = httpx.Client(headers={"x-collector-token": read_token(told)}, follow_redirects=True, timeout=120)
    waiting, known, opened = [told.url + "/"], {told.url + "/"}, dict[str, list[str]]()
    while waiting:
        address = waiting.pop()
        assert address.startswith(told.url), f"{address}: leads elsewhere"
        answer = client.get(address)
        assert answer.status_code == 200, address
        if answer.headers["content-type"].startswith("text/html") and "/export" not in address:
            opened.setdefault(kind(address), []).append(address)
            new = links_of(answer.text, address) - known
            known |= new
            waiting += new
    assert {"/sessions/ID?['view']", "/spans/ID/ID?[]", "/compare?['a', 'b']", "/traces/ID?['at']"} <= set(opened)
    with browser.page(told.url, token=read_token(told)) as page:
        for alike in opened.values():
            for address in alike[:_SEEN_OF_A_KIND]:
                if not re.search(r"/(rail|opened)\b", address):
                    page.goto(address)
