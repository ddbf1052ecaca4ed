"""Installing the plugin into OpenCode, and undoing it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from harness.process import run

from collector.errors import ConfigError
from collector.opencode.install import (
    ConfigPlace,
    PluginSettings,
    apply,
    diff,
    global_place,
    planned_install,
    planned_uninstall,
    plugin_text,
    project_place,
)
from collector.opencode.jsonc import plain, read
from collector.opencode.npm_plugin import cached_copies, npm_entries

URL = "http://127.0.0.1:4318"
CONFIG = """{
  // which model
  "model": "a/b", /* kept */
  "plugin": [
    "one", // the first
    ["two", { "x": 1 }],
  ],
}
"""


def _place(tmp_path: Path, text: str | None = CONFIG, name: str = "opencode.jsonc") -> ConfigPlace:
    place = global_place({"XDG_CONFIG_HOME": str(tmp_path)}, tmp_path)
    place.folder.mkdir()
    if text is not None:
        (place.folder / name).write_bytes(text.encode())
    return place


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _install(place: ConfigPlace, token: str | None = None) -> None:
    apply(planned_install(place, PluginSettings(URL, token), (1, 18, 33)))


def test_install_lists_the_plugin_and_keeps_comments(tmp_path: Path) -> None:
    place = _place(tmp_path)
    _install(place)
    text = place.config().read_text()
    listed = plain(read(text))["plugin"]  # type: ignore[arg-type]
    assert listed == ["one", ["two", {"x": 1}], place.plugin.as_uri()]
    assert text.replace(f',\n    "{place.plugin.as_uri()}"', "") == CONFIG


def test_installing_twice_changes_nothing_more(tmp_path: Path) -> None:
    place = _place(tmp_path)
    _install(place)
    assert planned_install(place, PluginSettings(URL, None), (1, 18, 33)) == []


@pytest.mark.parametrize("text", [CONFIG, CONFIG.replace("\n", "\r\n"), "{}", '{"plugin": []}', '{"a":1}', None, ""])
def test_uninstall_restores_every_byte(tmp_path: Path, text: str | None) -> None:
    """What was there before comes back exactly; what was not there is gone."""
    place = _place(tmp_path, text)
    before = _contents(tmp_path)
    _install(place)
    assert _contents(tmp_path) != before
    apply(planned_uninstall(place))
    assert _contents(tmp_path) == before


def test_uninstall_keeps_what_was_written_since(tmp_path: Path) -> None:
    """The backup is older than the person's own edits, so it must not win over them."""
    place = _place(tmp_path)
    _install(place)
    config = place.config()
    config.write_text(config.read_text().replace('"a/b"', '"c/d"'))
    apply(planned_uninstall(place))
    assert config.read_text() == CONFIG.replace('"a/b"', '"c/d"')


def test_a_dry_run_shows_the_entry_and_not_the_token(tmp_path: Path) -> None:
    place = _place(tmp_path)
    shown = diff(planned_install(place, PluginSettings(URL, "an-access-token"), None))
    assert f'+    "{place.plugin.as_uri()}"' in shown
    assert "an-access-token" not in shown
    assert list(_contents(tmp_path)) == ["opencode/opencode.jsonc"]


def test_the_token_is_for_its_owner_alone(tmp_path: Path) -> None:
    place = _place(tmp_path)
    _install(place, "an-access-token")
    assert json.loads(place.settings.read_text()) == {"url": URL, "token": "an-access-token"}
    assert place.settings.stat().st_mode & 0o777 == 0o600


def test_a_project_gets_a_relative_entry_and_no_token(tmp_path: Path) -> None:
    """A project is committed: it may hold neither a path of this machine nor a secret."""
    (tmp_path / "opencode.json").write_text('{"model": "a/b"}')
    place = project_place(tmp_path)
    _install(place, "an-access-token")
    assert json.loads((tmp_path / "opencode.json").read_text())["plugin"] == [
        "./.opencode/plugins/collector-opencode.js"
    ]
    assert not any(
        b"an-access-token" in text or str(tmp_path).encode() in text for text in _contents(tmp_path).values()
    )


def test_a_linked_configuration_stays_a_link(tmp_path: Path) -> None:
    """People keep their configuration in a repository of dotfiles."""
    place = _place(tmp_path, None)
    real = tmp_path / "dotfiles.json"
    real.write_text("{}")
    link = place.folder / "opencode.json"
    link.symlink_to(real)
    _install(place)
    assert link.is_symlink()
    assert "collector-opencode.js" in real.read_text()


@pytest.mark.parametrize("text", ["[1]", '{"plugin": "one"}', '{"a": ', "{'a': 1}", '{"plugin": {"a": 1}}'])
def test_a_configuration_that_cannot_be_read_is_left_alone(tmp_path: Path, text: str) -> None:
    place = _place(tmp_path, text)
    with pytest.raises(ConfigError):
        planned_install(place, PluginSettings(URL, None), None)
    assert place.config().read_text() == text


def test_old_versions_get_a_function() -> None:
    """Before 1.18.29 OpenCode calls every export: an object there breaks the client (measured with 1.1.65)."""
    assert "export default" not in plugin_text((1, 1, 65))
    assert plugin_text((1, 1, 65)).rstrip().endswith("export const CollectorOpencode = server")
    for version in (None, (1, 18, 29), (2, 0, 4)):
        assert plugin_text(version).rstrip().endswith("export default { id: ID, server, setup }")


@pytest.mark.parametrize("text", [None, CONFIG])
def test_opencode_2_finds_the_plugin_by_itself_and_is_told_of_it_no_second_time(
    tmp_path: Path, text: str | None
) -> None:
    """It would load the module twice; the entry an earlier version needed goes."""
    place = _place(tmp_path, text)
    before = _contents(place.folder)
    apply(planned_install(place, PluginSettings(URL, None), (2, 1, 2)))
    assert place.plugin.is_file()
    files = {name: data for name, data in _contents(place.folder).items() if not name.startswith(("plugins", "coll"))}
    assert files == before
    _install(place)
    apply(planned_install(place, PluginSettings(URL, None), (2, 1, 2)))
    found = place.config()
    assert not found.is_file() or place.plugin.as_uri() not in found.read_text()
    apply(planned_uninstall(place))
    assert _contents(place.folder) == before


NPM = """{
  // both
  "plugin": ["@inference/trace-opencode@latest", "other", ["@inference/trace-opencode", {"debug": true}]],
}
"""


def test_the_npm_plugin_is_found_in_whatever_form_it_is_listed(tmp_path: Path) -> None:
    place = _place(tmp_path, NPM)
    assert [name for _, name in npm_entries([place])] == [
        "@inference/trace-opencode@latest",
        "@inference/trace-opencode",
    ]
    assert npm_entries([project_place(tmp_path)]) == []


@pytest.mark.parametrize(
    "place",
    ["file:///opt/node_modules/@inference/trace-opencode/dist/index.js", "./node_modules/@inference/trace-opencode",
     "C:\\\\x\\\\node_modules\\\\@inference\\\\trace-opencode\\\\dist"],
)  # fmt: skip
def test_an_installed_copy_of_the_npm_plugin_is_found_by_its_path(tmp_path: Path, place: str) -> None:
    assert len(npm_entries([_place(tmp_path, f'{{"plugin": ["{place}"]}}')])) == 1


def test_a_package_of_a_name_like_the_npm_plugins_is_another(tmp_path: Path) -> None:
    names = '"file:///opt/node_modules/@inference/trace-opencode-more/x.js", "@inference/trace-opencode-more"'
    assert npm_entries([_place(tmp_path, f'{{"plugin": [{names}]}}')]) == []


def _replace(place: ConfigPlace) -> None:
    apply(planned_install(place, PluginSettings(URL), (1, 18, 33), replace_npm=True))


def test_the_npm_plugin_is_replaced_and_comes_back_with_uninstalling(tmp_path: Path) -> None:
    place = _place(tmp_path, NPM)
    _replace(place)
    config = place.config()
    root = read(config.read_text())
    assert root is not None
    assert plain(root)["plugin"] == ["other", place.entry(config)]
    assert "// both" in config.read_text()
    apply(planned_uninstall(place))
    assert config.read_text() == NPM


def test_what_was_replaced_comes_back_to_where_it_stood_also_without_the_backup(tmp_path: Path) -> None:
    """A project's settings are committed, the backup need not be."""
    place = _place(tmp_path, NPM)
    _replace(place)
    config = place.config()
    config.with_name(config.name + ".before-collector").unlink()
    config.write_text(config.read_text().replace('"other"', '"another"'))
    apply(planned_uninstall(place))
    root = read(config.read_text())
    assert root is not None
    assert plain(root)["plugin"] == [
        "@inference/trace-opencode@latest",
        "another",
        ["@inference/trace-opencode", {"debug": True}],
    ]


def test_the_npm_plugin_that_its_owner_took_out_stays_out(tmp_path: Path) -> None:
    """Only what installing took is put back."""
    place = _place(tmp_path, '{"plugin": ["@inference/trace-opencode", "other"]}')
    _install(place)
    config = place.config()
    config.write_text(config.read_text().replace('"@inference/trace-opencode", ', ""))
    apply(planned_uninstall(place))
    assert config.read_text() == '{"plugin": ["other"]}'


def test_a_configuration_that_opencode_completed_keeps_what_it_added(tmp_path: Path) -> None:
    """OpenCode writes its schema into a file that names none."""
    place = _place(tmp_path, '{"model": "a/b", "plugin": ["@inference/trace-opencode@0.1.12"]}')
    _replace(place)
    config = place.config()
    schema = '{\n  "$schema": "https://opencode.ai/config.json",'
    config.write_text(config.read_text().replace("{", schema, 1))
    apply(planned_uninstall(place))
    assert config.read_text() == schema + '"model": "a/b", "plugin": ["@inference/trace-opencode@0.1.12"]}'


@pytest.mark.slow
def test_uninstalling_says_what_is_listed_again_and_what_is_left(tmp_path: Path) -> None:
    config = tmp_path / "opencode.json"
    config.write_text('{"plugin": ["@inference/trace-opencode"]}')
    run(tmp_path, "opencode", "install", "--project", "--opencode-version", "1.18.33", "--replace-npm")
    shown = run(tmp_path, "opencode", "uninstall", "--project", "--dry-run")
    assert b'+{"plugin": ["@inference/trace-opencode"]}' in shown.stdout
    found = run(tmp_path, "opencode", "uninstall", "--project")
    assert config.read_text() == '{"plugin": ["@inference/trace-opencode"]}'
    assert f"{config} lists @inference/trace-opencode again".encode() in found.stdout
    assert b"collector-opencode.json is left for other projects" in found.stdout
    assert run(tmp_path, "opencode", "uninstall").returncode == 0
    assert not list(tmp_path.rglob("collector-opencode*"))


def test_an_address_that_is_none_is_refused(tmp_path: Path) -> None:
    found = run(tmp_path, "opencode", "install", "--url", "banana")
    assert (found.returncode, b"--url: expected an address" in found.stderr) == (2, True)
    assert not (tmp_path / ".config/opencode").exists()


def test_installing_beside_the_npm_plugin_says_so(tmp_path: Path) -> None:
    config = tmp_path / ".config/opencode/opencode.json"
    config.parent.mkdir(parents=True)
    config.write_text('{"plugin": ["@inference/trace-opencode"]}')
    kept = run(tmp_path, "opencode", "install", "--opencode-version", "1.18.33")
    assert b"lists @inference/trace-opencode too" in kept.stderr
    replaced = run(tmp_path, "opencode", "install", "--opencode-version", "1.18.33", "--replace-npm")
    assert (replaced.returncode, replaced.stderr) == (0, b"")
    assert "@inference" not in config.read_text()


def test_attaching_to_what_is_no_address_is_refused(tmp_path: Path) -> None:
    found = run(tmp_path, "opencode", "attach", "banana")
    assert found.returncode == 2
    assert b"http://127.0.0.1:4096" in found.stderr


def test_a_version_that_is_none_is_refused(tmp_path: Path) -> None:
    """The form of the plugin depends on it: a wrong form breaks OpenCode."""
    found = run(tmp_path, "opencode", "install", "--opencode-version", "x")
    assert (found.returncode, b"--opencode-version x" in found.stderr) == (2, True)
    assert not (tmp_path / ".config/opencode").exists()


def test_copies_of_the_npm_plugin_in_caches_are_found(tmp_path: Path) -> None:
    latest = "packages/@inference/trace-opencode@latest/node_modules"
    for folder, version in (("node_modules", "0.1.12"), (latest, "0.1.13")):
        manifest = tmp_path / ".cache/opencode" / folder / "@inference/trace-opencode/package.json"
        manifest.parent.mkdir(parents=True)
        manifest.write_text(json.dumps({"version": version}))
    assert [version for _, version in cached_copies({}, tmp_path)] == [(0, 1, 12), (0, 1, 13)]
