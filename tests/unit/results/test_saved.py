"""Results as files: everything comes back as it was, and nothing else is ever overwritten."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from engine.errors import InputError
from reports.record import RunDocument, read_document, to_json_text
from runtime.backtest import run_backtest
from runtime.config import load_strategy
from runtime.results import BacktestResult, RunContext, build_result
from runtime.results.journal import JOURNAL_FILE
from runtime.results.links import LOOP_TABLES
from runtime.results.saved import SAVED_TABLES, load_result
from runtime.workspace import examples_folder
from tests.unit.results.loops import rain


@pytest.fixture(scope="module")
def result() -> BacktestResult:
    return run_backtest(load_strategy(examples_folder() / "sma_cross.toml"), engine="interpreted")


def test_everything_comes_back_as_it_was(result: BacktestResult, tmp_path: Path) -> None:
    found = load_result(result.save(tmp_path / "deep" / "goog"))
    assert found.document() == result.document()
    for name in SAVED_TABLES:
        assert_frame_equal(getattr(found, name), getattr(result, name))
    assert found.fills.schema["price"] == pl.Decimal(38, 2)  # exact there and back
    assert found.report().html == result.report().html


def test_the_journal_comes_back_with_what_its_numbers_mean(
    result: BacktestResult, tmp_path: Path
) -> None:
    found = load_result(result.save(tmp_path / "goog")).journal
    assert (found.journal == result.pessimistic.journal).all()
    assert found.instruments == result.pessimistic.instruments
    assert found.currencies == ("USD",)
    assert found.fingerprint == result.context.fingerprint and found.strategy == "sma_cross"


def test_a_lost_or_foreign_journal_is_named(result: BacktestResult, tmp_path: Path) -> None:
    folder = result.save(tmp_path / "goog")
    (folder / "fills.parquet").replace(folder / JOURNAL_FILE)
    with pytest.raises(InputError, match="the journal cannot be read"):
        _ = load_result(folder).journal
    (folder / JOURNAL_FILE).unlink()
    with pytest.raises(InputError, match="no journal here") as caught:
        _ = load_result(folder).journal
    assert "--out DIR" in caught.value.remedy


def test_a_run_without_a_loop_has_no_tables_of_it(result: BacktestResult, tmp_path: Path) -> None:
    folder = result.save(tmp_path / "goog")
    assert not (folder / "signals.parquet").exists()
    assert result.signals.height == 0
    with pytest.raises(InputError, match="the run had no trading loop"):
        _ = load_result(folder).signals


def test_the_tables_of_a_loop_come_back(tmp_path: Path) -> None:
    looped = build_result(rain().output(), context=RunContext("rain", fingerprint="5f0c"))
    found = load_result(looped.save(tmp_path / "rain"))
    for name in LOOP_TABLES:
        assert_frame_equal(getattr(found, name), getattr(looped, name))
    document = looped.document()
    assert [row.reason for row in document.exits] == ["early_exit", "rebalance"]
    assert found.document().exits == document.exits
    assert document.detail is not None
    assert document.detail.round_trips[0].exit_reason == "early_exit"


def test_a_newer_result_replaces_an_older_one_and_nothing_else(
    result: BacktestResult, tmp_path: Path
) -> None:
    folder = result.save(tmp_path / "goog")
    result.save(folder)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"other files, notes\.txt among them"):
        result.save(folder)
    assert (folder / "notes.txt").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["goog"]  # nothing half-made is left


@pytest.mark.parametrize("place", ["file", "file/under"])
def test_a_file_is_no_folder(result: BacktestResult, tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="is a file, not a folder"):
        result.save(tmp_path / place)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_without_a_result_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no saved result here") as caught:
        load_result(tmp_path)
    assert "--out DIR" in caught.value.remedy


def test_a_lost_table_is_named(result: BacktestResult, tmp_path: Path) -> None:
    folder = result.save(tmp_path / "goog")
    (folder / "cash.parquet").write_bytes(b"PAR1 not really")
    found = load_result(folder)
    assert found.trades.height == 9
    with pytest.raises(InputError, match="cannot be read") as caught:
        _ = found.cash
    assert caught.value.where.endswith("cash.parquet")


def test_the_document_is_json_that_people_can_read(result: BacktestResult) -> None:
    text = to_json_text(result.document().to_json())
    assert json.loads(text) == result.document().to_json()
    assert len(text.splitlines()) < 700  # 1,048 days are one line per column


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "not the result of a backtest"),
        ('{"schema_version": 1}', "missing required field"),
    ],
)
def test_what_is_no_result_is_refused(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "some.json"
    path.write_text(content)
    with pytest.raises(InputError, match=says):
        read_document(path)


def test_the_days_of_the_document_lead_to_its_metrics(result: BacktestResult) -> None:
    document: RunDocument = result.document()
    assert document.detail is not None
    from engine.rules.metrics import measure

    path = document.pessimistic
    account = document.detail.daily.account(path.periods_per_year)
    measured = measure(account)
    for key in ("total_return", "sharpe", "max_drawdown", "exposure", "turnover", "psr"):
        assert measured[key] == pytest.approx(path.metrics[key], rel=1e-9), key


def test_round_trips_of_the_document_are_those_of_the_table(result: BacktestResult) -> None:
    document = result.document()
    assert document.detail is not None
    rows = result.trades.to_dicts()
    for trip, row in zip(document.detail.round_trips, rows, strict=True):
        assert (trip.pnl, trip.quantity) == (f"{row['pnl']:f}", f"{row['quantity']:f}")
        assert (trip.entry_price, trip.bars_held) == (f"{row['entry_price']:f}", row["bars_held"])


def test_the_table_of_metrics_has_values_intervals_and_definitions(result: BacktestResult) -> None:
    table = {row["key"]: row for row in result.metrics.to_dicts()}
    sharpe = table["sharpe"]
    assert sharpe["low"] < sharpe["value"] < sharpe["high"]
    assert sharpe["definition"].startswith("mean(r - rf)") and sharpe["undefined"] is None
    assert table["hit_rate"]["value"] is None
    assert table["hit_rate"]["undefined"] == "9 of the 20 closed trades needed"


def test_a_notebook_shows_a_result_without_scripts(result: BacktestResult) -> None:
    cell = result._repr_html_()
    assert "+80.18 %" in cell and "<svg" in cell and "<script" not in cell
    assert "srcdoc=" in result.report()._repr_html_()
    picture = result.plot()
    assert picture is not None and "<svg" in picture._repr_svg_()
