"""Runs in which each of the ten conditions closes something: event contracts, coins, minutes of a share.

With the default thresholds a vanished edge is under 2 % as well, and `early_exit` stands before
`edge_disappeared`: so that one fires beside it, and closes only where `early_exit` is off.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from engine.model import layout as at
from engine.model.trading import ExitReason
from reports.trading import ExitRow
from runtime.backtest import run_backtest
from runtime.backtest.histories import load_history
from runtime.config import load_strategy
from runtime.results import BacktestResult
from runtime.results.exits import exit_statistics
from runtime.workspace import examples_folder
from tests.scenarios.real_data.running import import_file, run

TEN = {reason.name.lower() for reason in ExitReason} - {"none", "strategy"}
ACTING = TEN - {"edge_disappeared"}
CONTRACTS = "event_contracts"


def table_of(result: BacktestResult) -> dict[str, ExitRow]:
    return {row.reason: row for row in exit_statistics(result.pessimistic)}


def require_ended_or_told(result: BacktestResult) -> None:
    """Each position is closed, or an alert says that it could not be; so is each exit given up."""
    alerts = result.guards.filter(pl.col("event") == "alert")
    told = set(alerts["position_id"].to_list())
    still = result.trades.filter(pl.col("is_open"))["position_id"].to_list()
    assert set(still) <= told
    failed = result.exits.filter(pl.col("result") == "failed")["position_id"].to_list()
    assert set(failed) <= set(alerts.filter(pl.col("alert") == "exit_failed")["position_id"])
    assert result.exits["ended"].null_count() == 0


def require_balanced(result: BacktestResult) -> None:
    """What is debited is credited, to the last unit."""
    accounts = result.pessimistic.ledger[:, : at.LEDGER_ACCOUNTS]
    assert accounts.any()
    assert (accounts.sum(axis=1) == 0).all()
    assert result.statement.lines()  # leads to the equity, or this raises


@pytest.fixture(scope="module")
def contracts() -> BacktestResult:
    """The whole example, which takes twenty seconds interpreted; the next test runs a part of it so."""
    return run_backtest(load_strategy(examples_folder() / f"{CONTRACTS}.toml"), engine="compiled")


def test_each_of_the_ten_fires_on_compiled_event_contracts(contracts: BacktestResult) -> None:
    table = table_of(contracts)
    assert set(table) == TEN
    assert {reason for reason, row in table.items() if row.won} == ACTING
    require_ended_or_told(contracts)
    require_balanced(contracts)


def test_a_vanished_edge_of_compiled_contracts_is_recorded_with_the_early_exit(
    contracts: BacktestResult,
) -> None:
    also = contracts.exits.filter(pl.col("also").str.contains("edge_disappeared"))
    assert "early_exit" in also["reason"].to_list()


def test_a_vanished_edge_closes_where_the_early_exit_is_off(tmp_path: Path) -> None:
    for ending in ("toml", "py"):
        shutil.copy(examples_folder() / f"{CONTRACTS}.{ending}", tmp_path)
    file = tmp_path / f"{CONTRACTS}.toml"
    file.write_text(
        file.read_text().replace("[exits]", "[exits]\nearly_exit = { enabled = false }")
    )
    config = load_strategy(file)
    history = load_history(config.data, Path())
    two = history.select(history.symbols[:2])
    result = run_backtest(config, history=two, engine="interpreted")
    table = table_of(result)
    assert "early_exit" not in table
    assert table["edge_disappeared"].won > 0
    require_ended_or_told(result)
    require_balanced(result)


def minutes(shared_data: Path, folder: Path) -> Path:
    """Import the bars of New York's sessions; the file has those before and after them too."""
    local = pl.col("ts").dt.convert_time_zone("America/New_York")
    minute = local.dt.hour().cast(pl.Int32) * 60 + local.dt.minute()
    bars = pl.read_parquet(shared_data / "bars_intraday" / "spy_1m_2011_01_03.parquet")
    bars.filter(minute.is_between(9 * 60 + 31, 16 * 60)).write_parquet(folder / "spy.parquet")
    said = ("--name", "minutes", "--calendar", "XNYS", "--stamp", "close")
    import_file(folder / "spy.parquet", folder / "catalog", *said)
    return folder / "catalog"


def coins(shared_data: Path, folder: Path) -> Path:
    file = shared_data / "bars_intraday" / "crypto_btc_pairs_5m_2018_01.parquet"
    kind = ("--name", "coins", "--instrument-kind", "crypto_spot", "--stamp", "open")
    digits = ("--price-precision", "8", "--quantity-precision", "2")
    import_file(file, folder / "catalog", *kind, *digits)
    return folder / "catalog"


@pytest.mark.shared
def test_each_of_the_ten_fires_on_five_minute_bars_of_coins(
    shared_data: Path, tmp_path: Path
) -> None:
    result = run("full_coins", coins(shared_data, tmp_path))
    table = table_of(result)
    assert set(table) == TEN
    assert {reason for reason, row in table.items() if row.closed} == ACTING
    require_ended_or_told(result)
    require_balanced(result)


@pytest.mark.shared
def test_all_that_one_share_can_meet_fires_on_its_minutes(
    shared_data: Path, tmp_path: Path
) -> None:
    """A single instrument has nothing better to make room for: no `rebalance`."""
    result = run("full_minutes", minutes(shared_data, tmp_path))
    table = table_of(result)
    assert set(table) == TEN - {"rebalance"}
    assert {reason for reason, row in table.items() if row.closed} == ACTING - {"rebalance"}
    require_ended_or_told(result)
    require_balanced(result)
