"""Small strategies and histories for the tests of searches."""

from __future__ import annotations

import textwrap
from decimal import Decimal
from pathlib import Path

from data.history import History
from runtime.backtest.histories import load_history
from runtime.config import StrategyConfig, parse_strategy

CROSS = """
[strategy]
name = "cross"
[parameters]
fast = { default = 3, min = 1, max = 30, step = 1 }
slow = { default = 8, min = 2, max = 60, step = 1 }
[data]
dataset = "world:daily_bars"
[data.world]
seed = 11
length = 120
[rules]
entry = "cross_above(sma(close, fast), sma(close, slow))"
exit = "cross_below(sma(close, fast), sma(close, slow))"
"""

WEIGHTS = """
[strategy]
name = "weights"
[parameters]
lookback = { default = 10, min = 1, max = 60, step = 1 }
[data]
dataset = "world:daily_bars"
[data.world]
seed = 5
instruments = 4
length = 150
[rules]
weight = "where(rank_fraction(returns(close, lookback)) <= 0.5, 0.4, 0)"
rebalance = "monthly"
"""

CLASS_CODE = """
import os

from trader import Bar, Strategy, indicator, parameter


class Dips(Strategy):
    window = parameter(5, minimum=2, maximum=50)
    die = parameter(0, minimum=0, maximum=50)
    average = indicator("sma(close, window)")

    def on_bar(self, bar: Bar) -> None:
        if self.window == 7:
            raise ValueError("seven is not my number")
        if self.window == self.die:
            os._exit(9)
        if self.working_orders():
            return
        if self.position() == 0 and bar.close < self.average:
            self.buy(10)
        elif self.position() > 0 and bar.close > self.average:
            self.sell(10)
"""

CLASS = """
[strategy]
name = "dips"
class = "dips.py:Dips"
[parameters]
window = 5
die = 0
[data]
dataset = "world:daily_bars"
[data.world]
seed = 3
length = 100
"""


def config_of(text: str, folder: Path | None = None) -> StrategyConfig:
    """Return a strategy; its file is said to be in `folder`."""
    return parse_strategy(textwrap.dedent(text), (folder or Path()) / "strategy.toml")


def class_config(folder: Path) -> StrategyConfig:
    """Return a strategy whose logic is a class in `folder`."""
    (folder / "dips.py").write_text(CLASS_CODE, "utf-8")
    return config_of(CLASS, folder)


def history_of(config: StrategyConfig) -> History:
    """Return the strategy's history."""
    return load_history(config.data, Path())


def numbers(**values: int) -> dict[str, Decimal | bool]:
    """Return parameters."""
    return {name: Decimal(value) for name, value in values.items()}
