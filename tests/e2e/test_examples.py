"""The examples run as they stand."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from e2e.opencode.client import BINARIES, RIPGREP, cache
from e2e.opencode.stage import need
from harness.process import environment, run, running
from harness.telemetry import traces
from harness.upstream import requires, upstream

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_agent_becomes_a_trace_without_the_address_it_was_told(tmp_path: Path) -> None:
    with running(tmp_path) as collector:
        subprocess.run(
            [sys.executable, str(EXAMPLES / "agent.py")],
            env=environment(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url),
            check=True,
            timeout=60,
        )
        spans = collector.get("/api/spans")
        kept = json.dumps([collector.get(f"/api/spans/{s['trace_id']}/{s['span_id']}") for s in spans])
    assert sorted(span["kind"] for span in spans) == ["AGENT", "LLM", "TOOL"]
    assert {span["session_id"] for span in spans} == {"example-session"}
    assert "There are three files." in kept
    assert "ada@" not in kept


def test_an_agents_author_tests_it_with_the_fixture_of_the_package(tmp_path: Path) -> None:
    for name in ("agent.py", "test_agent.py"):
        (tmp_path / name).write_bytes((EXAMPLES / name).read_bytes())
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_agent.py"],
        env=environment(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        timeout=120,
    )
    assert b"2 passed" in result.stdout, result.stdout.decode()


@pytest.mark.real
def test_a_plugin_of_opencode_is_tested_as_its_readme_says(tmp_path: Path, wheel: Path) -> None:
    """The folder by itself, the wheel, the real client, and no way out: its registry of packages is closed."""
    need(BINARIES["1.18.33"])
    project, tools = tmp_path / "no-env", tmp_path / "bin"
    shutil.copytree(EXAMPLES / "opencode-plugin", project)
    tools.mkdir()
    (tools / "opencode").symlink_to((cache() / BINARIES["1.18.33"]).resolve())
    env = environment(tmp_path, PYTHONPATH=str(wheel), npm_config_registry="http://127.0.0.1:9")
    env |= {"npm_config_fetch_retries": "0", "NO_COLOR": "1"}
    env["PATH"] = os.pathsep.join([str(tools), *map(str, cache().glob(RIPGREP)), env["PATH"]])
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        env=env,
        cwd=project,
        capture_output=True,
        timeout=240,
    )
    assert b"1 passed" in result.stdout, result.stdout.decode()
    where = [sys.executable, "-c", "import collector; print(collector.__file__)"]
    assert subprocess.check_output(where, env=env, cwd=project, text=True).startswith(str(wheel))


def test_the_workflow_of_the_plugin_runs_what_its_readme_says() -> None:
    folder = EXAMPLES / "opencode-plugin"
    jobs = yaml.safe_load((folder / ".github/workflows/test.yml").read_text())["jobs"]
    steps = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    readme = (folder / "README.md").read_text()
    assert steps[-1] == "pytest"
    assert all(step.partition("@")[0] in readme for step in steps), steps


def test_the_policy_holds_its_examples_and_keeps_tool_content_here(tmp_path: Path) -> None:
    policy = str(EXAMPLES / "policy.toml")
    assert run(tmp_path, "policy", "check", policy).returncode == 0
    assert run(tmp_path, "policy", "test", policy).returncode == 0
    file = tmp_path / "request.json"
    file.write_bytes((EXAMPLES.parent / "proto_fixtures" / "opencode-plugin" / "bash.json").read_bytes())
    assert b"hi-from-bash" in run(tmp_path, "preview", "--policy", "secrets", str(file)).stdout
    badge = run(tmp_path, "redact", "--policy", policy, stdin=b"badge BADGE-12345678").stdout
    assert badge == b"badge [REDACTED:example-badge]"


def test_laptop_and_gateway_pass_a_trace_on_each_with_its_own_token(tmp_path: Path) -> None:
    ours, theirs = "gateway-" + "token", "hosted-" + "token"
    laptop, gateway = tmp_path / "laptop", tmp_path / "gateway"
    laptop.mkdir()
    gateway.mkdir()
    with upstream(requires(theirs)) as hosted:
        second = {"COLLECTOR_ACCESS_TOKEN": ours, "CATALYST_OTLP_TOKEN": theirs}
        file = str(EXAMPLES / "gateway" / "gateway.toml")
        with running(gateway, "--config", file, "--upstream", hosted.url, **second) as far:
            file = str(EXAMPLES / "gateway" / "laptop.toml")
            with running(laptop, "--config", file, "--upstream", far.url, COLLECTOR_UPSTREAM_TOKEN=ours) as near:
                near.post("/v1/traces", traces(2).SerializeToString())
                hosted.wait(lambda seen: len(seen.spans()) == 2)


@pytest.mark.parametrize("file", sorted(EXAMPLES.rglob("*.yaml")), ids=lambda path: path.name)
def test_every_compose_file_names_files_that_exist(file: Path) -> None:
    for service in yaml.safe_load(file.read_text())["services"].values():
        if "build" in service:
            assert (file.parent / service["build"] / "Dockerfile").is_file()
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert not source.startswith(".") or (file.parent / source).exists()
