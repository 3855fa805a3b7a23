"""A Python class moves its money from one instrument to another, by target weights alone."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from runtime.backtest import run_backtest
from runtime.config import parse_strategy
from runtime.results import BacktestResult

STRONGEST = """
from trader import Strategy, indicator


class Strongest(Strategy):
    strength = indicator("returns(close, 20)")

    def on_start(self) -> None:
        self.days = 0

    def on_bars(self, bars) -> None:
        self.days += 1
        if self.days % 20 == 1:
            best = max(bars, key=lambda bar: self.value("strength", bar.symbol))
            for bar in {order}:
                self.target_weight(0.9 if bar is best else 0.0, bar.symbol)
"""
FILE = """
[strategy]
name = "strongest"
class = "strongest.py:Strongest"
[data]
dataset = "world:daily_bars"
[data.world]
instruments = 4
"""
RISK = """
[risk]
max_positions = 1
max_position_percent = 100
"""


def run(folder: Path, *, tables: str = "", order: str = "bars") -> BacktestResult:
    (folder / "strongest.py").write_text(STRONGEST.replace("{order}", order), encoding="utf-8")
    config = parse_strategy(FILE + tables, folder / "strongest.toml")
    return run_backtest(config, engine="interpreted")


def buys(result: BacktestResult, *, status: str) -> pl.DataFrame:
    return result.orders.filter(pl.col("side") == "buy", pl.col("status") == status)


def test_no_buy_is_denied_for_a_sale_that_was_asked_for_after_it(tmp_path: Path) -> None:
    result = run(tmp_path)
    assert buys(result, status="filled").height > 10
    assert buys(result, status="denied").height == 0


def test_the_order_of_asking_makes_no_difference(tmp_path: Path) -> None:
    there, back = run(tmp_path), run(tmp_path, order="reversed(bars)")
    columns = ["time", "symbol", "side", "filled"]
    assert there.orders[columns].sort(columns).equals(back.orders[columns].sort(columns))


@pytest.mark.parametrize("tables", [RISK], ids=["one position"])
def test_under_risk_limits_what_was_denied_is_bought_when_the_sale_has_filled(
    tmp_path: Path, tables: str
) -> None:
    result = run(tmp_path, tables=tables)
    denied, filled = buys(result, status="denied"), buys(result, status="filled")
    assert denied.height > 5
    for row in denied.iter_rows(named=True):
        after = filled.filter(pl.col("symbol") == row["symbol"], pl.col("time") > row["time"])
        waited = after["time"].min() - row["time"]  # type: ignore[operator]
        assert waited.days <= 7, row
