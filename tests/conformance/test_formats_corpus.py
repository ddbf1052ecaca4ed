"""How much is found of the formats of vendors and tools, by set and kind, and that what looks like it is left alone."""

from __future__ import annotations

import pytest
from conformance import formats

from collector.redact.engine.engine import Engine, replace

ENGINE = Engine()
_SEEDS = (1, 2, 3)


def _masked(text: str) -> str:
    data = text.encode()
    return replace(data, ENGINE.find(data)).decode()


@pytest.mark.parametrize(("set_", "kind"), [(set_, kind) for set_, kinds in formats.FLOORS.items() for kind in kinds])
def test_each_kind_is_found_as_often_as_it_was(set_: str, kind: str) -> None:
    """A secret is found where it stands nowhere in what is left."""
    wanted = [sample for seed in _SEEDS for sample in formats.samples(set_, kind, seed)]
    missed = [sample.made for sample in wanted if sample.secret in _masked(sample.text)]
    assert len(wanted) > 100
    assert len(missed) <= (1 - formats.FLOORS[set_][kind]) * len(wanted), (1 - len(missed) / len(wanted), missed[:20])


@pytest.mark.parametrize("seed", _SEEDS)
def test_what_holds_no_secret_is_left_alone(seed: int) -> None:
    texts = list(formats.look_alikes(seed))
    assert len(texts) > 800
    assert [text for text in texts if _masked(text) != text] == []
