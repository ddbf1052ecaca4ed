"""An engine, a store of it and its reading side, for each engine there is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.store import ENGINES, HOST, Engine

from collector.batch import Signal
from collector.store import Reading, Store


@pytest.fixture(params=[pytest.param(name, marks=[] if name == "sqlite" else pytest.mark.slow) for name in ENGINES])
def engine(request: pytest.FixtureRequest) -> Engine:
    return ENGINES[request.param]


@pytest.fixture
def store(engine: Engine, tmp_path: Path) -> Iterator[Store]:
    made = engine.open(tmp_path, {HOST: [Signal.TRACES]})
    yield made
    made.close()


@pytest.fixture
def reading(engine: Engine, store: Store, tmp_path: Path) -> Iterator[Reading]:
    made = engine.read(tmp_path)
    yield made
    made.close()
