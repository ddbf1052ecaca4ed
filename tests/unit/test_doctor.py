"""`collector doctor` on how agents are wired: each finding says what to do."""

from __future__ import annotations

import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from harness.process import run, running
from harness.upstream import upstream
from pydantic import SecretStr

from collector.app.data_dir import INSTALL_TOKEN, secret
from collector.cli.doctor_environment import Here, environment_findings
from collector.cli.doctor_wiring import wiring_findings
from collector.opencode.install import PluginSettings, apply, global_place, planned_install
from collector.settings.model import Settings

NPM = '{"plugin": ["@inference/trace-opencode@latest"]}'


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A home of its own, with an `opencode` that says its version."""
    binary = tmp_path / "bin/opencode"
    binary.parent.mkdir()
    binary.write_text("#!/bin/sh\necho 1.18.33\n")
    binary.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    return {"HOME": str(tmp_path), "PATH": str(binary.parent)}


def _found(tmp_path: Path, environ: dict[str, str], port: int = 4318) -> list[tuple[str, str, str]]:
    settings = Settings(data_dir=tmp_path / "data", port=port)
    return [(each.check, each.level, each.said) for each in wiring_findings(settings, environ)]


def _install(tmp_path: Path, environ: dict[str, str], port: int = 4318) -> None:
    place = global_place(environ, tmp_path)
    apply(planned_install(place, PluginSettings(f"http://127.0.0.1:{port}"), (1, 18, 33)))


def test_a_machine_without_opencode_has_nothing_to_mend(tmp_path: Path, environ: dict[str, str]) -> None:
    assert {level for _, level, _ in _found(tmp_path, {**environ, "PATH": ""})} == {"ok"}


def test_opencode_without_a_plugin_is_told_how_to_get_one(tmp_path: Path, environ: dict[str, str]) -> None:
    found = _found(tmp_path, environ)
    assert found[0][:2] == ("OpenCode", "ok")
    assert "1.18.33" in found[0][2]
    assert any(level == "notice" and "collector opencode install" in said for _, level, said in found)


def test_an_installed_plugin_that_sends_here_is_fine(tmp_path: Path, environ: dict[str, str]) -> None:
    _install(tmp_path, environ)
    assert [(check, level) for check, level, _ in _found(tmp_path, environ)] == [("OpenCode", "ok"), ("plugin", "ok")]


def test_a_plugin_that_sends_to_another_port_is_a_problem(tmp_path: Path, environ: dict[str, str]) -> None:
    _install(tmp_path, environ, 4999)
    [said] = [said for _, level, said in _found(tmp_path, environ) if level == "problem"]
    assert "4999" in said and "4318" in said


def test_a_plugin_that_is_not_listed_or_of_another_version_is_named(tmp_path: Path, environ: dict[str, str]) -> None:
    _install(tmp_path, environ)
    place = global_place(environ, tmp_path)
    place.plugin.write_text("// older")
    assert any(level == "notice" and "another version" in said for _, level, said in _found(tmp_path, environ))
    place.config().write_text("{}")
    assert any(level == "problem" and "does not list it" in said for _, level, said in _found(tmp_path, environ))


def test_both_plugins_together_and_an_old_copy_are_named(tmp_path: Path, environ: dict[str, str]) -> None:
    place = global_place(environ, tmp_path)
    place.folder.mkdir(parents=True)
    place.config().write_text(NPM)
    old = tmp_path / ".cache/opencode/node_modules/@inference/trace-opencode/package.json"
    old.parent.mkdir(parents=True)
    old.write_text('{"version": "0.1.12"}')
    alone = _found(tmp_path, environ)
    assert ("npm plugin", "ok") in [each[:2] for each in alone]
    assert any("0.1.12" in said and "delete" in said for _, _, said in alone)
    _install(tmp_path, environ)
    assert any(level == "notice" and "--replace-npm" in said for _, level, said in _found(tmp_path, environ))


def test_a_configuration_that_opencode_cannot_read_is_a_problem(tmp_path: Path, environ: dict[str, str]) -> None:
    place = global_place(environ, tmp_path)
    place.folder.mkdir(parents=True)
    (place.folder / "config.json").write_text('{"plugin": [')
    [said] = [said for _, level, said in _found(tmp_path, environ) if level == "problem"]
    assert "config.json: not valid JSON in line 1: mend the file" in said


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://10.9.8.7:4318", "names 10.9.8.7, another machine"),
        ("https://127.0.0.1:4318", "begins with https://"),
        ("http://[::1]:4318", "names ::1, the collector listens at 127.0.0.1"),
        ("127.0.0.1:4318", "is no address: write http://127.0.0.1:4318"),
        ("http://127.0.0.1:port", "is no address"),
    ],
)
def test_a_plugin_that_sends_elsewhere_is_a_problem(
    tmp_path: Path, environ: dict[str, str], url: str, words: str
) -> None:
    place = global_place(environ, tmp_path)
    apply(planned_install(place, PluginSettings(url), (1, 18, 33)))
    [said] = [said for _, level, said in _found(tmp_path, environ) if level == "problem"]
    assert words in said
    assert "run `collector opencode install`" in said


def test_a_plugin_that_shows_another_token_than_is_asked_for_is_told(tmp_path: Path, environ: dict[str, str]) -> None:
    place = global_place(environ, tmp_path)
    before, now = "access-" + "b" * 16, "access-" + "n" * 16
    settings = Settings(data_dir=tmp_path / "data", access_token=SecretStr(now))
    for token, level in ((before, "problem"), (now, "ok")):
        apply(planned_install(place, PluginSettings("http://127.0.0.1:4318", token), (1, 18, 33)))
        [found] = [each for each in wiring_findings(settings, environ) if each.check == "plugin"]
        assert found.level == level
        assert before not in found.said and now not in found.said
    secret(tmp_path / "data", INSTALL_TOKEN)
    [said] = [each.said for each in wiring_findings(settings, environ) if each.level == "notice"]
    assert "shows no install token of this data directory" in said


def test_a_port_that_is_picked_at_the_start_is_no_port_to_compare_with(tmp_path: Path, environ: dict[str, str]) -> None:
    _install(tmp_path, environ, 4999)
    assert {level for _, level, _ in _found(tmp_path, environ, port=0)} == {"ok"}


@pytest.mark.parametrize(
    ("name", "value", "level", "words"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318", "ok", "leads to this collector"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4320", "notice", "4320"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318/", "ok", "leads to this collector"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://127.0.0.1:4318", "notice", "begins with https://"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://[::1]:4318", "notice", "the collector listens at 127.0.0.1"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318", "notice", "is no address: write http://127.0.0.1:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318/v1/traces", "notice", "behind which clients put"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:4318", "notice", "http://127.0.0.1:4318/v1/traces"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://127.0.0.1:4318/v1/logs", "ok", "leads to this collector"),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://otel.example/v1/metrics", "notice", "past the collector"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "notice", "set it to http/protobuf"),
        ("OTEL_SDK_DISABLED", "true", "notice", "unset it"),
        ("OTEL_TRACES_EXPORTER", "none", "notice", "set it to otlp"),
        ("OPENCODE_PURE", "1", "notice", "unset it"),
        ("INFERENCE_OTLP_ENDPOINT", "https://telemetry.example", "notice", "past the collector"),
        ("TRACE_TO_INFERENCE", "true", "notice", "INFERENCE_OTLP_ENDPOINT=http://127.0.0.1:4318"),
        ("HTTP_PROXY", "http://proxy.example:3128", "notice", "NO_PROXY"),
    ],
)
def test_names_that_lead_past_the_collector_are_told(
    tmp_path: Path, environ: dict[str, str], name: str, value: str, level: str, words: str
) -> None:
    found = [each for each in _found(tmp_path, {**environ, "PATH": "", name: value}) if each[0] == "environment"]
    assert [(each[1], words in each[2]) for each in found] == [(level, True)]


def test_grpc_where_the_collector_takes_it_is_fine() -> None:
    here = Here("http://127.0.0.1:4318", grpc_port=4317)
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    assert [found.level for found in environment_findings(here, environ)] == ["ok"]


def test_a_switch_that_is_off_leads_nothing_past_the_collector(tmp_path: Path) -> None:
    assert not list(environment_findings(Here("http://127.0.0.1:4318"), {"TRACE_TO_INFERENCE": "false"}))


@pytest.mark.slow
def test_another_program_on_the_port_is_told_from_no_collector(tmp_path: Path) -> None:
    with upstream() as other:
        found = run(tmp_path, "doctor", COLLECTOR_PORT=str(other.port))
    assert f"problem  collector: another program listens at {other.url}: stop it".encode() in found.stdout
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = str(silent.getsockname()[1])
        found = run(tmp_path, "doctor", COLLECTOR_PORT=port)
    assert b"problem  collector: another program listens" in found.stdout
    found = run(tmp_path, "doctor", COLLECTOR_PORT=port)
    assert b"notice   collector: no collector answers" in found.stdout


@pytest.mark.slow
def test_a_store_is_looked_at_where_no_collector_runs(tmp_path: Path) -> None:
    with running(tmp_path) as collector:
        collector.stop()
    port = collector.url.rsplit(":", 1)[1]
    assert b"ok       store: it opens" in run(tmp_path, "doctor", COLLECTOR_PORT=port).stdout
    for file in (tmp_path / "data").glob("collector.db*"):
        file.write_bytes(b"none")
    assert b"holds no store that this version reads" in run(tmp_path, "doctor", COLLECTOR_PORT=port).stdout


def test_configurations_that_the_environment_names_are_looked_at(tmp_path: Path, environ: dict[str, str]) -> None:
    """OpenCode reads a file, a directory and a text that are named there, beside its own places."""
    file, folder = tmp_path / "named.json", tmp_path / "folder"
    folder.mkdir()
    for named in (
        {"OPENCODE_CONFIG": str(file)},
        {"OPENCODE_CONFIG_DIR": str(folder)},
        {"OPENCODE_CONFIG_CONTENT": NPM},
    ):
        file.write_text(NPM)
        (folder / "opencode.json").write_text(NPM)
        said = _found(tmp_path, environ | named)
        assert [level for check, level, _ in said if check == "npm plugin"] == ["ok"], named
        file.write_text("{")
        (folder / "opencode.json").write_text("{")
        broken = named if "OPENCODE_CONFIG_CONTENT" not in named else {"OPENCODE_CONFIG_CONTENT": "{"}
        assert any("mend" in each for _, level, each in _found(tmp_path, environ | broken) if level == "problem"), named
    gone = {"OPENCODE_CONFIG": str(tmp_path / "gone.json")}
    assert any("no file" in each for _, level, each in _found(tmp_path, environ | gone) if level == "problem")


@pytest.mark.slow
def test_a_store_of_a_later_version_is_a_problem_and_no_command_shows_a_part_of_it(tmp_path: Path) -> None:
    with running(tmp_path) as collector:
        collector.stop()
    port = collector.url.rsplit(":", 1)[1]
    with closing(sqlite3.connect(tmp_path / "data" / "collector.db")) as connection:
        connection.execute("PRAGMA user_version=99")
    found = run(tmp_path, "doctor", COLLECTOR_PORT=port)
    assert found.returncode != 0
    assert b"problem  store: " in found.stdout
    assert b"another version of the collector (format 99)" in found.stdout
    found = run(tmp_path, "sessions", COLLECTOR_PORT=port)
    assert found.returncode != 0
    assert b"another version of the collector (format 99)" in found.stderr
