"""Uninstalling leaves each of OpenCode's files as it was before installing, byte for byte."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from harness.configurations import NPM, ROOTS, documents
from harness.examples import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collector.opencode.install import (
    ConfigPlace,
    PluginSettings,
    apply,
    global_place,
    planned_install,
    planned_uninstall,
    project_place,
)
from collector.opencode.jsonc import append, plain, read
from collector.opencode.listing import is_npm, listed_plugins

Files = dict[str, str]
Step = tuple[tuple[int, ...] | None, bool]

_SETTINGS = PluginSettings("http://127.0.0.1:4318", None)
_GLOBAL = ("opencode.jsonc", "opencode.json", "config.json")
_PROJECT = (".opencode/opencode.jsonc", ".opencode/opencode.json", "opencode.jsonc", "opencode.json")
_TEXTS = documents().map(lambda document: document[0]) | st.sampled_from(["", "\ufeff", "// nothing yet\r\n"])
_STEPS: st.SearchStrategy[list[Step]] = st.lists(
    st.tuples(st.sampled_from([None, (1, 1, 65), (1, 18, 33), (2, 1, 2)]), st.booleans()), min_size=1, max_size=3
)
_ONE: Step = ((1, 18, 33), True)
_TWO: Step = ((2, 1, 2), True)


def _place(folder: Path, files: Files, *, project: bool) -> ConfigPlace:
    place = project_place(folder) if project else global_place({"XDG_CONFIG_HOME": str(folder)}, folder)
    base = folder if project else place.folder
    for name, text in files.items():
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_bytes(text.encode())
    return place


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _check(files: Files, steps: list[Step], *, project: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        place = _place(Path(name), files, project=project)
        before = _contents(Path(name))
        for version, replace in steps:
            apply(planned_install(place, _SETTINGS, version, replace_npm=replace))
            if replace:
                texts = [path.read_text("utf-8") for path in place.configs if path.is_file()]
                assert not any(is_npm(name) for text in texts for name in listed_plugins(read(text)))
        apply(planned_uninstall(place))
        assert _contents(Path(name)) == before


@given(st.dictionaries(st.sampled_from(_GLOBAL), _TEXTS), _STEPS)
@example({"opencode.json": f'{{"plugin": ["{NPM}@0.1.12"]}}'}, [_ONE])
@example({"opencode.json": f'{{\r\n  "plugin": ["{NPM}"], // ours\r\n}}\r\n'}, [_TWO, _ONE, _TWO])
@example({"opencode.jsonc": "{}", "config.json": f'{{"plugin": [["{NPM}", {{"debug": true}}], "b"]}}'}, [_ONE])
@example({}, [_ONE, _TWO])
@example({"opencode.jsonc": f'{{"plugin":["{NPM}"]}}'}, [(None, True), ((2, 1, 2), False), (None, False)])
@settings(max_examples=examples(250), deadline=None)
def test_every_file_of_a_user_is_as_it_was(files: Files, steps: list[Step]) -> None:
    _check(files, steps, project=False)


@given(st.dictionaries(st.sampled_from(_PROJECT), _TEXTS), _STEPS)
@example({".opencode/opencode.jsonc": f'{{"plugin":["","" ,["{NPM}",{{"":null}}]]}}'}, [_TWO, (None, False)])
@settings(max_examples=examples(150), deadline=None)
def test_every_file_of_a_project_is_as_it_was(files: Files, steps: list[Step]) -> None:
    _check(files, steps, project=True)


_WITH_MODEL = ROOTS.map(lambda root: {"model": "before/all", **root})


@given(documents(_WITH_MODEL), _STEPS.filter(lambda steps: all(version != (2, 1, 2) for version, _ in steps)))
@settings(max_examples=examples(250), deadline=None)
def test_what_a_person_wrote_meanwhile_is_all_that_differs(
    document: tuple[str, dict[str, Any]], steps: list[Step]
) -> None:
    text, root = document
    if text.count('"before/all"') != 1 or root["model"] != "before/all":
        return
    with tempfile.TemporaryDirectory() as name:
        place = _place(Path(name), {"opencode.jsonc": text}, project=False)
        for version, replace in steps:
            apply(planned_install(place, _SETTINGS, version, replace_npm=replace))
        config = place.config()
        config.write_bytes(config.read_bytes().replace(b'"before/all"', b'"since/then"'))
        apply(planned_uninstall(place))
        assert config.read_bytes() == text.replace('"before/all"', '"since/then"').encode()


@given(documents(_WITH_MODEL), st.sampled_from([None, (2, 1, 2)]))
@settings(max_examples=examples(150), deadline=None)
def test_a_plugin_added_meanwhile_stays_and_what_was_replaced_comes_back(
    document: tuple[str, dict[str, Any]], version: tuple[int, ...] | None
) -> None:
    text, root = document
    with tempfile.TemporaryDirectory() as name:
        place = _place(Path(name), {"opencode.jsonc": text}, project=False)
        apply(planned_install(place, _SETTINGS, version, replace_npm=True))
        config = place.config()
        config.write_bytes(append(config.read_bytes().decode(), "plugin", "new").encode())
        apply(planned_uninstall(place))
        found = plain(read(config.read_bytes().decode()))  # type: ignore[arg-type]
    listed = found.pop("plugin")
    assert "new" in listed
    listed.remove("new")
    assert sorted(map(str, listed)) == sorted(map(str, root.get("plugin", [])))
    assert found == {key: value for key, value in root.items() if key != "plugin"}
