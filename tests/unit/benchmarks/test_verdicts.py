"""What the table says: who is best, whose result differs, who is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.record import Cell, Record, begin, read_record
from benchmarks.tables import json_report, markdown_report, text_report
from benchmarks.verdicts import compare, verdicts
from benchmarks.workloads import WORKLOADS

ABOUT: dict[str, Any] = {
    "plan": "W1b",
    "date": "2026-11-21",
    "machine": "a machine",
    "python": "3.11",
    "packages": {"numpy": "2"},
    "code": "abc",
    "sources": "123",
    "load_at_start": 0.5,
}


def cell(participant: str, *seconds: float, fills: int = 100, equity: float = 1e6) -> Cell:
    """Return a cell of W1b over a million bars."""
    samples = [{"seconds": each, "fills": fills, "equity": equity} for each in seconds]
    return Cell("W1b", participant, 1_000_000, {"version": "1", "python": "3.11.7"}, samples)


def record_of(*cells: Cell) -> Record:
    """Return a record of these cells, not kept on disk."""
    return Record(None, ABOUT, {f"{c.workload}|{c.participant}|{c.size}": c for c in cells})


def test_the_ratio_is_of_medians_and_to_the_best_peer() -> None:
    record = record_of(
        cell("trader", 0.05, 0.1, 0.9), cell("raptorbt", 0.4), cell("vectorbt", 0.2, 0.3, 9.0)
    )
    (found,) = verdicts(record)
    assert found.best_peer == "vectorbt"
    assert found.ratio == pytest.approx(0.3 / 0.1)
    assert found.ours.rate == pytest.approx(10e6)
    assert not found.meets_goal


def test_a_peer_with_another_result_is_shown_and_is_not_the_best() -> None:
    record = record_of(cell("trader", 0.1), cell("vectorbt", 0.01, fills=98), cell("raptorbt", 0.2))
    (found,) = verdicts(record)
    assert found.best_peer == "raptorbt"
    assert "fills 98 for 100" in text_report(record)


def test_a_peer_that_is_not_installed_is_shown_with_its_reason() -> None:
    missing = Cell("W1b", "vectorbt", 1_000_000, failed="not installed: no such version")
    record = record_of(cell("trader", 0.1), missing)
    for report in (text_report(record), markdown_report(record)):
        assert "not installed: no such version" in report


@pytest.mark.parametrize(
    ("fills", "equity", "answer"),
    [
        (100, 1e6, "same"),
        (100, 1e6 + 0.009, "same"),
        (100, 1e6 + 0.02, "equity 1,000,000.02 for 1,000,000.00"),
        (101, 1e6, "fills 101 for 100"),
        (100, float("nan"), "equity nan for 1,000,000.00"),
    ],
)
def test_results_are_compared_within_a_stated_tolerance(
    fills: int, equity: float, answer: str
) -> None:
    peer = cell("vectorbt", 0.1, fills=fills, equity=equity)
    assert compare(peer, cell("trader", 0.1), WORKLOADS["W1b"]) == answer


def test_a_result_that_changes_between_rounds_is_told() -> None:
    peer = cell("vectorbt", 0.1, 0.1)
    peer.samples[1]["fills"] = 99
    assert compare(peer, cell("trader", 0.1), WORKLOADS["W1b"]) == "differs from round to round"


def test_the_text_fits_eighty_columns() -> None:
    long = Cell("W1b", "vectorbt", 1_000_000, failed="failed: " + "word " * 60)
    record = record_of(cell("trader", 0.1), cell("raptorbt-2-cores", 0.2, 0.25), long)
    assert max(map(len, text_report(record).splitlines())) <= 80


def test_json_has_the_figures_of_the_table() -> None:
    (workload,) = json_report(record_of(cell("trader", 0.1), cell("raptorbt", 0.2)))["workloads"]
    assert (workload["name"], workload["best_peer"], workload["ratio"]) == ("W1b", "raptorbt", 2.0)


def test_a_stopped_run_goes_on_with_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    record = begin(path, ABOUT)
    record.cell("W1b", "trader", 10).samples.append({"seconds": 1.0})
    record.save()
    assert begin(path, ABOUT).cell("W1b", "trader", 10).seconds == [1.0]


@pytest.mark.parametrize("change", ["sources", "plan", "machine"])
def test_a_run_of_other_code_or_place_begins_anew(tmp_path: Path, change: str) -> None:
    path = tmp_path / "run.json"
    record = begin(path, ABOUT)
    record.cell("W1b", "trader", 10).samples.append({"seconds": 1.0})
    record.save()
    assert begin(path, ABOUT | {change: "another"}).cells == {}


def test_a_finished_run_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    record = begin(path, ABOUT)
    record.is_finished = True
    record.save()
    assert read_record(path).is_finished
    assert not begin(path, ABOUT).is_finished


def test_a_damaged_record_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text("{")
    assert begin(path, ABOUT).cells == {}
