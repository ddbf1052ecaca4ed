"""docs/performance.md says what was measured, and of what was not, that it was not."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def peers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "bench"))
    import peers_report as found

    return found


def _page(peers: ModuleType, ours_us: float, **stages: float) -> str:
    from peers_systems import systems

    def figures(cpu_us: float):  # type: ignore[no-untyped-def]
        return peers.Figures(cpu_us=cpu_us, four=1.0, disk=2.0, sent=3.0, beside_us=4.0, idle_mib=80.0)

    run = peers.Run(
        figures={(peers.OURS, "S"): figures(ours_us), ("Rotel", "S"): figures(20.0)},
        failed={("Phoenix", "S"): "it ended at the start"},
        stages={"S": stages} if stages else {},
        machine="2 CPUs",
        day="2026-11-26",
    )
    return str(peers.report(systems(), run))


def _line(page: str, start: str) -> str:
    return next(line for line in page.splitlines() if line.startswith(start))


@pytest.mark.parametrize(("ours_us", "said"), [(39.0, "| 2 | 1.95 | met |"), (41.0, "| 2 | 2.05 | **not met** |")])
def test_an_aim_stands_beside_what_was_measured(peers: ModuleType, ours_us: float, said: str) -> None:
    assert _line(_page(peers, ours_us), f"| CPU of {peers.OURS}, times that of Rotel | S").endswith(said)


def test_what_failed_or_was_left_out_has_no_figures_but_the_reason(peers: ModuleType) -> None:
    page = _page(peers, 40.0)
    assert _line(page, "| S | Phoenix").startswith("| S | Phoenix | not measured: it ended at the start |")
    assert _line(page, "| M | Rotel").startswith("| M | Rotel | not measured: left out |")
    assert _line(page, f"| CPU of {peers.OURS}, times that of Rotel | L").endswith("| not measured | |")


def test_where_the_cost_goes_is_said_only_of_stages_that_were_measured_and_adds_up(peers: ModuleType) -> None:
    assert "Where ours goes" not in _page(peers, 40.0)
    page = _page(peers, 40.0, decode=1.5, seal=20.0)
    assert _line(page, "| decode") == "| decode | 1.5 |"
    assert _line(page, "| the rest") == "| the rest | 18.5 |"
    assert _line(page, "| **the whole") == "| **the whole collector** | 40.0 |"


def test_what_a_system_does_not_do_stands_beside_its_figures(peers: ModuleType) -> None:
    assert "redacts nothing, keeps nothing on disk" in _line(_page(peers, 40.0), "| S | Rotel")
