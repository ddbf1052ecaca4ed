"""`collector doctor` on how agents are wired: each finding says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

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


@pytest.mark.parametrize(
    ("name", "value", "level", "words"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318", "ok", "leads to this collector"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4320", "notice", "4320"),
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
