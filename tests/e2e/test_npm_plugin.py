"""The real OpenCode with its real tracing plugin, through a real collector, to a destination like Catalyst."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from e2e.fake_model import Step, fake_model
from e2e.opencode_client import OPENCODE, PLUGIN, RIPGREP, Project, require
from harness.credentials import AWS_ID, AWS_SECRET, GITHUB, NEEDLES, PEM, URL, assert_no_secret
from harness.process import Process, assert_balanced, running
from harness.process import run as command
from harness.upstream import Upstream, requires, upstream, wait_for

from collector.app.assembling import TOLD_BY_NPM

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.xdist_group("opencode")]

TOKEN = "tok-" + "catalyst-1"
SECRETS = f"""# settings
AWS_ACCESS_KEY_ID={AWS_ID}
AWS_SECRET_ACCESS_KEY={AWS_SECRET}
GITHUB_TOKEN={GITHUB}
DATABASE_URL={URL}
{PEM}
"""
FILES = {"hello.txt": "hello world\n", "secrets.env": SECRETS}


def _script(project: Path) -> dict[str, list[Step]]:
    hello, absent, settings = (f"{project}/{name}" for name in ("hello.txt", "absent.txt", "secrets.env"))
    task = {"description": "Count files", "prompt": "Count them [[child]]", "subagent_type": "general"}
    return {
        "text": [Step("Hello! This is a plain answer.")],
        "tools": [
            Step("Reading.", [("read", {"filePath": hello}), _bash("echo hi", "Say hi")]),
            Step("Writing.", [("write", {"filePath": f"{project}/new.txt", "content": "one\n"})]),
            Step("All done."),
        ],
        "error": [Step("", [("read", {"filePath": absent}), _bash("exit 3", "Fail")]), Step("It failed.")],
        "secrets": [
            Step(
                f"Reading with {AWS_ID}.",
                [("read", {"filePath": settings}), _bash(f"echo {GITHUB}; cat secrets.env", f"Print {GITHUB}")],
            ),
            Step("", [("edit", {"filePath": settings, "oldString": GITHUB, "newString": "gone"})]),
            Step(f"Your key is {AWS_ID}."),
        ],
        "subagent": [Step("Delegating.", [("task", task)]), Step("There are some.")],
        "child": [Step("", [_bash("ls | wc -l", "Count")]), Step("Three.")],
    }


def _bash(command: str, description: str) -> tuple[str, dict[str, str]]:
    return "bash", {"command": command, "description": description}


class Run:
    """One collector, one destination, one project for all scenarios: OpenCode's cold start is the slow part."""

    def __init__(self, project: Project, proxy: Process, up: Upstream) -> None:
        self.project, self.proxy, self.up = project, proxy, up

    def turn(self, prompt: str) -> list[Any]:
        """Run one prompt to its end and give the spans that arrived for it."""
        before = len(self.up.received)
        self.project.run(prompt, TRACE_TO_CATALYST="true", CATALYST_OTLP_ENDPOINT=self.proxy.url)
        wait_for(lambda: self.proxy.account()["queued"] == 0)
        taken = Upstream(received=self.up.received[before:])
        return taken.spans()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    require(OPENCODE, PLUGIN, RIPGREP)
    directory = tmp_path_factory.mktemp("opencode")
    collector = directory / "collector"
    collector.mkdir()
    with (
        fake_model(_script(directory / "project")) as model,
        upstream(requires(TOKEN)) as up,
        running(collector, "--upstream", up.url, CATALYST_OTLP_TOKEN=TOKEN, CATALYST_DEBUG="true") as proxy,
    ):
        yield Run(Project(directory, model.url, FILES), proxy, up)


def _kinds(spans: list[Any]) -> Counter[str]:
    return Counter(_attribute(span, "openinference.span.kind") for span in spans)


def _attribute(span: Any, key: str) -> str:
    return next((pair.value.string_value for pair in span.attributes if pair.key == key), "")


def _assert_whole(spans: list[Any]) -> None:
    """Each span once, every parent among them, one root."""
    ids = [span.span_id for span in spans]
    assert len(ids) == len(set(ids))
    assert {span.parent_span_id for span in spans if span.parent_span_id} <= set(ids)
    assert sum(not span.parent_span_id for span in spans) == 1
    assert len({span.trace_id for span in spans}) == 1


def test_a_text_answer(run: Run) -> None:
    spans = run.turn("Please answer [[text]]")
    _assert_whole(spans)
    assert _kinds(spans) == {"AGENT": 1, "LLM": 1}
    agent = next(span for span in spans if _attribute(span, "openinference.span.kind") == "AGENT")
    assert _attribute(agent, "output.value") == "Hello! This is a plain answer."


def test_several_tools(run: Run) -> None:
    spans = run.turn("Please work [[tools]]")
    _assert_whole(spans)
    assert _kinds(spans) == {"AGENT": 1, "LLM": 3, "TOOL": 3}


def test_a_tool_error(run: Run) -> None:
    spans = run.turn("Please fail [[error]]")
    _assert_whole(spans)
    failed = [span for span in spans if span.status.code == 2]
    assert [_attribute(span, "tool.name") for span in failed] == ["read"]


def test_a_subagent(run: Run) -> None:
    spans = run.turn("Please delegate [[subagent]]")
    _assert_whole(spans)
    assert _kinds(spans) == {"AGENT": 2, "LLM": 4, "TOOL": 2}


def test_secrets_in_a_file_and_a_command_leave_nowhere(run: Run) -> None:
    """Neither in a byte that left, nor in a file, nor in the log."""
    spans = run.turn(f"My key is {AWS_ID}, use it [[secrets]]")
    _assert_whole(spans)
    assert _kinds(spans) == {"AGENT": 1, "LLM": 3, "TOOL": 3}
    for received in run.up.received:
        assert_no_secret(received.body, "what left")
        assert AWS_SECRET.encode() not in received.body, "what left holds the secret key"
    kept = run.proxy.files()
    assert_no_secret(kept, "the database")
    assert AWS_SECRET.encode() not in kept, "the database holds the secret key"
    assert_no_secret(run.proxy.log.read_bytes(), "the log")
    assert b"[REDACTED:" in b"".join(received.body for received in run.up.received)


def test_an_import_of_the_same_sessions_tells_no_turn_twice(run: Run) -> None:
    """What the plugin told was forwarded, and cannot be called back: what the database tells is left out."""
    before, account = run.up.spans(), run.proxy.account()
    database = run.project.home / ".local/share/opencode/opencode.db"
    imported = command(run.proxy.directory, "opencode", "import", "--all", str(database))
    assert imported.returncode == 0, imported.stderr
    wait_for(lambda: not run.proxy.get("/api/status")["opencode"]["open_turns"], 60)
    wait_for(lambda: run.proxy.account()["dropped"].get(TOLD_BY_NPM, 0) >= len(before), 60)
    assert [span.span_id for span in run.up.spans()] == [span.span_id for span in before]
    assert run.proxy.account()["received"] - account["received"] == run.proxy.account()["dropped"][TOLD_BY_NPM]
    assert any("npm plugin" in notice for notice in run.proxy.get("/api/status")["notices"])


def test_every_post_was_json_with_the_token_and_the_ledger_balances(run: Run) -> None:
    assert all(received.answered == 200 for received in run.up.received)
    account = run.proxy.account()
    assert account["delivered"] == len(run.up.spans()) > 0
    assert_balanced(account)


def test_metadata_only_leaves_no_content_of_a_run(tmp_path: Path) -> None:
    """The plugin's own redaction leaves commands, paths, file contents and titles (measured); ours does not."""
    require(OPENCODE, PLUGIN, RIPGREP)
    collector = tmp_path / "collector"
    collector.mkdir()
    with (
        fake_model(_script(tmp_path / "project")) as model,
        upstream(requires(TOKEN)) as up,
        running(collector, "--upstream", up.url, CATALYST_OTLP_TOKEN=TOKEN, CATALYST_REDACT_CONTENT="true") as proxy,
    ):
        project = Project(tmp_path, model.url, FILES)
        project.run(f"My key is {AWS_ID} [[secrets]]", TRACE_TO_CATALYST="true", CATALYST_OTLP_ENDPOINT=proxy.url)
        wait_for(lambda: proxy.account()["queued"] == 0)
        out = b"".join(received.body for received in up.received) + proxy.files()
        assert len(up.spans()) == 7
    for content in (*NEEDLES.values(), AWS_SECRET, "secrets.env", "echo ", str(project.path), "My key", "Reading with"):
        assert content.encode() not in out, "content left at the metadata level"
