"""The word that gave a finding away."""

from __future__ import annotations

import pytest

from collector.redact.engine.engine import Engine
from collector.redact.label import label_of
from tests.harness.credentials import GITHUB, URL

ENGINE = Engine()
VALUE = "Kx9frog7" + "Lamp3Zq"


@pytest.mark.parametrize(
    ("text", "label"),
    [
        (f"DB_PASSWORD={VALUE}", "DB_PASSWORD"),
        (f'{{"db_password": "{VALUE}"}}', "db_password"),
        (f"x = 1\npassword: {VALUE}", "password"),
        (GITHUB, ""),
        (f"1. {GITHUB}", ""),
        (f"{GITHUB}={GITHUB}", ""),
    ],
)
def test_the_word_before_a_finding_is_its_label(text: str, label: str) -> None:
    data = text.encode()
    extents = ENGINE.find(data)
    assert label_of(data, extents, len(extents) - 1) == label


def test_no_label_holds_part_of_another_finding() -> None:
    data = f"{URL} {GITHUB} token {GITHUB} DB_PASSWORD={VALUE} {GITHUB}: {VALUE}".encode()
    extents = ENGINE.find(data)
    for index in range(len(extents)):
        label = label_of(data, extents, index)
        assert not label or not any(label.encode() in data[extent.start : extent.end] for extent in extents)
