"""The project itself: its structure, its lock files, its container."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]


def test_imports_go_downward_and_the_core_is_pure() -> None:
    """The contracts stand in pyproject.toml."""
    lint = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_lock_files_hold_hashes_and_no_addresses(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    for block in re.split(r"\n(?=\S)", text.strip()):
        assert "--hash=sha256:" in block, block.splitlines()[0]


def test_the_lock_takes_on_an_intel_mac_what_has_a_wheel_there() -> None:
    """From 49 on `cryptography` has none, and would need a compiler of Rust."""
    intel_mac = {"sys_platform": "darwin", "platform_machine": "x86_64"}
    lines = [line.rstrip(" \\") for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line]
    pins = [each for each in map(Requirement, lines) if each.name == "cryptography"]
    [pin] = [each for each in pins if each.marker is None or each.marker.evaluate(dict(intel_mac))]
    assert [Version(one.version) < Version("49") for one in pin.specifier] == [True]


def test_the_lock_holds_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    locked = {re.split(r"[=<>; \[]", line)[0] for line in (ROOT / "requirements.lock").read_text().splitlines()}
    for dependency in (*project["project"]["dependencies"], *project["dependency-groups"]["build"]):
        assert re.split(r"[=<>; \[]", dependency)[0] in locked


def test_the_container_runs_without_rights() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"]
        assert service["healthcheck"]["test"][0] == "CMD"
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
        if service["image"] == "opencode-collector":
            assert any(volume.endswith(":/data") for volume in service["volumes"])
            assert int(service["healthcheck"]["interval"].removesuffix("s")) >= 30, "each check starts Python"
    assert "profiles" not in compose["services"]["collector"]
    assert compose["services"]["upstream"]["profiles"] == ["upstream", "gateway"]
    assert re.search(r"^USER [1-9]\d*$", (ROOT / "Dockerfile").read_text(), re.M), "a name may be root's"


def test_an_edit_of_the_code_installs_no_dependency_again_in_the_container() -> None:
    steps = (ROOT / "Dockerfile").read_text().splitlines()
    installs = next(at for at, step in enumerate(steps) if "-r requirements.lock" in step)
    copied = [step.split()[1:-1] for step in steps[:installs] if step.startswith("COPY")]
    assert copied == [["requirements.lock"]]


def test_the_gateway_in_containers_is_two_collectors_on_one_database_behind_one_address() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    services = {name: each for name, each in compose["services"].items() if each.get("profiles") == ["gateway"]}
    published = {name for name, each in services.items() if each.get("ports")}
    first, second = (services[name] for name in ("gateway-a", "gateway-b"))
    assert published == {"balancer"}
    assert first["environment"] == second["environment"]
    assert first["volumes"] != second["volumes"]  # a data directory is one collector's
    url = urlsplit(re.sub(r"\$\{\w+:-(\w+)\}", r"\1", first["environment"]["COLLECTOR_STORE_URL"]))
    database = services[str(url.hostname)]["environment"]
    assert url.scheme == "postgresql"
    assert url.username == database["POSTGRES_USER"]
    assert url.path == "/" + database["POSTGRES_DB"]
    targets = re.findall(r"^ *server \w+ ([\w-]+):4318 check$", compose["configs"]["balancer"]["content"], re.M)
    assert targets == ["gateway-a", "gateway-b"]
    assert urlsplit(first["environment"]["COLLECTOR_UPSTREAM_ENDPOINT"]).hostname in compose["services"]
    for service in compose["services"].values():
        assert {volume.split(":")[0] for volume in service.get("volumes", ())} <= set(compose["volumes"])


def test_every_type_has_a_name_of_its_own() -> None:
    """A reader who meets a name knows which type is meant."""
    homes: dict[str, list[str]] = {}
    for path in (ROOT / "collector").rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [node.name] if isinstance(node, ast.ClassDef) else []
            if isinstance(node, ast.Assign | ast.AnnAssign):
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                names = [target.id] if isinstance(target, ast.Name) and re.match("[A-Z].*[a-z]", target.id) else []
            for name in names:
                homes.setdefault(name, []).append(str(path.relative_to(ROOT)))
    assert {name: paths for name, paths in homes.items() if len(paths) > 1} == {}


def test_no_class_and_no_function_is_longer_than_can_be_read_at_once() -> None:
    most = {ast.ClassDef: 300, ast.FunctionDef: 90, ast.AsyncFunctionDef: 90}
    long = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in (ROOT / "collector").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > most[type(node)]
    ]
    assert long == []


def test_every_module_says_what_it_is_for() -> None:
    for path in (ROOT / "collector").rglob("*.py"):
        assert path.read_text().lstrip().startswith('"""'), path


@pytest.mark.xdist_group("held")
def test_tests_of_a_group_run_in_one_worker(request: pytest.FixtureRequest) -> None:
    """They share what is dear or build on each other: a runner that scatters them must not pass in silence."""
    if "PYTEST_XDIST_WORKER" in os.environ and request.config.option.loadgroup:
        assert request.node.nodeid.endswith("@held")
