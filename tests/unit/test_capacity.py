"""What docs/capacity.md says follows from the simulation, and the simulation from what was measured."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
BENCH = ROOT / "tests" / "bench"


@pytest.fixture
def capacity(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCH))
    import capacity as found

    return found


def _rows(table: str) -> list[dict[str, str]]:
    columns, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    return [dict(zip(columns, row, strict=False)) for row in rows]


def test_the_tables_of_the_page_are_those_of_the_simulation(capacity: ModuleType) -> None:
    text = (ROOT / "docs" / "capacity.md").read_text("utf-8")
    assert capacity.page(text, capacity.measured(), capacity.Assumed()) == text, "run `make docs`"


def test_the_commands_of_the_page_are_there() -> None:
    text = (ROOT / "docs" / "capacity.md").read_text("utf-8")
    for name in ("capacity.py", "capacity_load.py", "store_engines.py"):
        assert f"python tests/bench/{name}" in text
        assert (BENCH / name).exists()


def test_a_busiest_second_is_no_quieter_than_the_mean_and_nearer_to_it_the_more_there_are(capacity: ModuleType) -> None:
    found = [capacity.traffic(number, capacity.Assumed()) for number in (100, 10_000, 1_000_000)]
    over = [each.busiest_events / each.events for each in found]
    assert over[0] > over[1] > over[2] >= 1
    mean = 1_000_000 * capacity.Assumed().running * capacity.Assumed().turns_an_hour / 3600
    assert found[2].turns == pytest.approx(mean, rel=0.01)


def test_what_was_not_measured_is_said_to_be_that_and_nothing_is_made_of_it(capacity: ModuleType) -> None:
    for row in _rows(capacity.need_table({}, capacity.Assumed())):
        assert {row[name] for name in ("cores busy", "collectors", "PostgreSQL servers", "cost a month")} == {
            "not measured"
        }
    assert "not measured" in capacity.limits_table({}, capacity.Assumed())


def test_twice_the_cost_of_a_span_is_twice_the_cores(capacity: ModuleType) -> None:
    def cores(cpu_us: float) -> list[float]:
        known: dict[str, Any] = {"spans": {"cpu_us": cpu_us, "disk_bytes": 1, "sent_bytes": 1, "measured": "here"}}
        rows = _rows(capacity.need_table(known, capacity.Assumed()))
        return [float(row["cores busy"].replace(",", "")) for row in rows if row["sent to the gateway"] == "spans"]

    once, twice = cores(1000), cores(2000)
    assert twice == pytest.approx([2 * each for each in once], abs=0.02)


def test_a_limit_is_reached_where_the_busiest_second_passes_seven_tenths_of_it(capacity: ModuleType) -> None:
    known = {"engines": {"postgresql": {"events_a_second": 5000}}}
    [row] = [
        each
        for each in _rows(capacity.limits_table(known, capacity.Assumed()))
        if each["limit"].startswith("postgresql: events")
    ]
    at = int(row["70% of it is reached at developers"].replace(",", ""))
    assert capacity.traffic(at // 2, capacity.Assumed()).busiest_events < 3500
    assert capacity.traffic(at * 2, capacity.Assumed()).busiest_events > 3500
