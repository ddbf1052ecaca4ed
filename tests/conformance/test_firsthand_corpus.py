"""How much is found of what an outsider wrote down first: by kind, against the aims of `firsthand.py`."""

from __future__ import annotations

import pytest
from conformance import firsthand
from harness.corpus import is_covered

from collector.redact.engine.engine import Engine

ENGINE = Engine()


@pytest.mark.parametrize("seed", [7, 8])
@pytest.mark.parametrize("kind", firsthand.AIMS)
def test_each_kind_is_found_as_often_as_aimed(kind: str, seed: int) -> None:
    wanted = [sample for sample in firsthand.samples(seed) if sample.kind == kind]
    missed = [sample.made for sample in wanted if not is_covered(ENGINE, sample.text, sample.secret)]
    assert len(wanted) > 300
    assert len(missed) <= (1 - firsthand.AIMS[kind]) * len(wanted), missed[:20]
