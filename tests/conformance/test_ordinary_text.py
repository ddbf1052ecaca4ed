"""Ordinary code, documentation, lock files and logs have few findings, and none of it is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness.ordinary_text import MB, findings, installed, is_example, kind_of

from collector.redact.report import ERROR, TOO_LARGE

_MOST_ANNOYING_A_MB = 0.2
_MOST_EXAMPLES_A_MB = 5
"""Tests of clients of clouds are full of made-up credentials, and packages differ in what they test."""


@pytest.mark.soak
def test_ordinary_text_has_few_findings_and_none_of_it_is_lost() -> None:
    counted = findings(installed(), 150 * MB)
    assert counted.mb["code"] > 10
    for kind, size in counted.mb.items():
        found = counted.annoying.get(kind, {})
        assert ERROR not in found, kind
        assert TOO_LARGE not in found, kind
        if size >= 1:
            annoying, examples = counted.a_mb(kind)
            assert annoying <= _MOST_ANNOYING_A_MB, (kind, dict(found))
            assert examples <= _MOST_EXAMPLES_A_MB, kind


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/v/lib/python3.11/site-packages/pkg/core.py", "code"),
        ("/v/lib/python3.11/site-packages/pkg/tests/test_core.py", "tests"),
        ("/v/lib/python3.11/test/test_long.py", "tests"),
        ("/home/dev/tests/node_modules/zod/src/index.ts", "code"),
        ("node_modules/zod/src/index.test.ts", "tests"),
        ("node_modules/zod/README.md", "docs"),
        ("/usr/share/doc/git/contrib/a.conf", "docs"),
        ("/v/lib/python3.11/site-packages/pkg-1.dist-info/RECORD", "lock files"),
        ("app/package-lock.json", "lock files"),
        ("/var/log/dpkg.log", "logs"),
        ("a/picture.png", ""),
    ],
)
def test_the_kind_of_a_text_is_told_by_its_path_below_where_it_is_installed(path: str, kind: str) -> None:
    assert kind_of(Path(path)) == kind


@pytest.mark.parametrize(
    ("kind", "text", "example"),
    [
        ("code", 'login("jo", password="{}")\n', False),
        ("code", '    # login("jo", password="{}")\n', True),
        ("code", 'def f():\n    """Use::\n\n    password={}\n    """\n', True),
        ("docs", "The password is {}.\n", False),
        ("docs", "Use `password={}` here.\n", True),
        ("docs", "Say:\n\n    password={}\n", True),
        ("docs", "Say:\n```\npassword={}\n```\n", True),
        ("logs", "# password={}\n", False),
        ("lock files", '  "password": "{}"\n', False),
        ("tests", "password={}\n", True),
    ],
)
def test_only_what_is_shown_on_purpose_counts_as_an_example(kind: str, text: str, example: bool) -> None:
    data = text.replace("{}", "Zq9").encode()
    assert is_example(kind, data, data.index(b"Zq9")) is example
