"""Takes the pictures of every view at both sizes and in both themes, and those that the README shows.

.venv/bin/python tests/browser/pictures.py DIRECTORY

Into DIRECTORY go all of them, into docs/pictures the three of the README. What is seen are the recordings of the tests,
whose made-up prompts and titles are replaced by such as people write.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from browser.conftest import AXE, CHROMIUM
from harness.browser import Browser, Scheme, read_token, recorded
from harness.credentials import AWS_SECRET, GITHUB
from harness.process import Process
from harness.telemetry import JSON, logs, metrics

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
README = {"sessions": "sessions", "session-waits": "session", "changed": "changed"}
"""The views that the README shows, and the names of their pictures there."""

_THING = rb"\"Please do the thing [[%s]]\""
_TITLE = b"Fake session title"
SCENARIOS: dict[str, tuple[bytes, dict[bytes, bytes]]] = {
    "multi": (b"Greet a brave world", {_THING % b"multi": b"Make the greeting brave, and say so in new.txt"}),
    "permission": (b"Clean up after the test run", {b"Ask me [[perm]]": b"Say what you would delete, then delete zzz"}),
    "subagent": (
        b"How many files are there?",
        {_THING % b"subagent": b"Let a subagent count", b"Count files please [[subtask]]": b"Count the files"},
    ),
    "compaction": (
        b"Read the whole log and sum it up",
        {
            rb'\"Big turn [[comp]]\"': b"Read the whole log", rb'\"Again [[comp2]]\"': b"And the one before it",
            rb'\"After compaction [[text1]]\"': b"Now sum both up",
        },
    ),
    "retry500": (b"Why does the build wait?", {_THING % b"retry500": b"Why does the build wait?"}),
    "abort": (
        b"Profile the slow endpoint",
        {
            b"Slow one [[abort]]": b"Profile the slow endpoint", b"Slow text [[aborttext]]": b"Explain the profile",
            b"After abort [[after]]": b"Only its first part",
        },
    ),
    "bash": (b"Say hello from the shell", {_THING % b"bash": b"Say hello from the shell"}),
    "reasoning": (b"Which cache is stale?", {_THING % b"reasoning": b"Which cache is stale, and why?"}),
    "toolerror": (b"Find the missing fixture", {_THING % b"toolerror": b"Find the missing fixture"}),
    "command": (b"Review what is staged", {b" now [[cmdkey]]": b" now"}),
    "multiturn": (
        b"Name the three states of a turn",
        {
            rb'\"First turn [[text1]]\"': b"What is the first state?",
            rb'\"Second turn [[text2]]\"': b"And the second?",
            rb'\"Third turn [[text3]]\"': b"And the last one?",
        },
    ),
}  # fmt: skip
SIZES: tuple[tuple[int, int, Scheme], ...] = (
    (1280, 900, "light"), (1280, 900, "dark"), (390, 844, "light"), (390, 844, "dark"),
)  # fmt: skip


def main(directory: Path) -> None:
    assert CHROMIUM is not None, "Chromium is needed"
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, Browser.started(CHROMIUM, AXE) as browser:
        process = Process(Path(home))
        try:
            for width, height, scheme in SIZES:
                shoot(browser, process, directory, ["empty"], width, height, scheme)
            for scenario in SCENARIOS:
                tell_as_people_do(process, scenario)
            told_with_secrets(process)
            process.post("/v1/logs", logs(3, "a line that was logged").SerializeToString())
            process.post("/v1/metrics", metrics().SerializeToString())
            for width, height, scheme in SIZES:
                shoot(browser, process, directory, [], width, height, scheme)
        finally:
            process.stop()
    for view, name in README.items():
        shutil.copyfile(directory / f"{view}-light-1280.png", PICTURES / f"{name}.png")


def tell_as_people_do(process: Process, scenario: str) -> None:
    """Post a recording under a title of its own, with prompts that people would write."""
    title, prompts = SCENARIOS[scenario]
    body = b"\n".join(recorded(scenario)).replace(_TITLE, title)
    for old, new in prompts.items():
        body = body.replace(old, new)
    status, _, answer = process.post("/v1/opencode/events", body, "application/x-ndjson")
    assert status == 200, answer


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
            several = next(address for address in addresses if "dfc22163" in address)
            masked = session_of(process, "/secrets")
            pages = {
                "sessions": "/",
                "session": longest,
                "session-waits": waited,
                "changed": f"{longest}?view=changed",
                "waterfall": f"{longest}?view=waterfall",
                "sent": f"{longest}?view=sent",
                "session-several": several,
                "session-masked": masked,
                "session-masked-sent": f"{masked}?view=sent",
                "logs": "/logs",
                "metrics": "/measurements",
                "nothing-found": "/search?text=nosuchword&model=fake-model",
                "compare": compared(process, several),
                "traces": "/traces",
                "delivery": "/delivery",
                "policy": "/policy",
                "found": "/search?text=needle",
            }
            page.goto(masked)
            span = page.locator("a.name[href^='/spans/']").first.get_attribute("href")
            pages["span"] = span or "/"
        for name, address in pages.items():
            page.goto(address)
            page.wait_for_timeout(300)
            page.screenshot(path=directory / f"{name}-{scheme}-{width}.png")


def told_with_secrets(process: Process) -> None:
    """A turn whose tool read a file of credentials, and was asked with an attachment."""
    shared = {"session.id": "ses_masked", "opencode.directory": "/home/dev/projects/secrets", "agent.name": "build"}
    asked = "llm.input_messages.0.message"
    spans = [
        ("1" * 16, "", "turn", "AGENT", 0, 9, {"input.value": "Read my settings.", "output.value": f"Found {GITHUB}"}),
        (
            "2" * 16, "1" * 16, "call", "LLM", 1, 3,
            {
                "llm.model_name": "fake-model", f"{asked}.role": "user",
                f"{asked}.contents.0.message_content.type": "text",
                f"{asked}.contents.0.message_content.text": "Read my settings.",
                f"{asked}.contents.1.message_content.type": "image",
                f"{asked}.contents.1.message_content.image.image.url": "[attachment: settings.png, image/png, 12 kB]",
                "llm.output_messages.0.message.role": "assistant",
                "llm.output_messages.0.message.content": f"The token is {GITHUB}.",
            },
        ),
        (
            "3" * 16, "1" * 16, "bash", "TOOL", 4, 8,
            {
                "tool.name": "bash", "input.value": '{"command":"cat settings.env"}',
                "output.value": f"AWS_SECRET_ACCESS_KEY={AWS_SECRET}\nGITHUB_TOKEN={GITHUB}\nPORT=8080\n",
            },
        ),
    ]  # fmt: skip
    now = time.time_ns() - 20_000_000_000
    documents = [
        {
            "traceId": "ab" * 16,
            "spanId": span_id,
            **({"parentSpanId": parent} if parent else {}),
            "name": name,
            "startTimeUnixNano": str(now + begin * 1_000_000_000),
            "endTimeUnixNano": str(now + end * 1_000_000_000),
            "attributes": [
                {"key": key, "value": {"stringValue": value}}
                for key, value in {**shared, "openinference.span.kind": kind, **values}.items()
            ],
        }
        for span_id, parent, name, kind, begin, end, values in spans
    ]
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": documents}]}]})
    assert process.post("/v1/traces", body.encode(), JSON)[0] == 200


def session_of(process: Process, directory: str) -> str:
    rows = process.get("/api/sessions?limit=100")
    return f"/sessions/{next(row['session_id'] for row in rows if row['directory'].endswith(directory))}"


def compared(process: Process, session: str) -> str:
    traces = process.get(f"/api/traces?session={session.rpartition('/')[2]}")
    return f"/compare?a={traces[-1]['trace_id']}&b={traces[-2]['trace_id']}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
