"""A bracket dies with the position that it protected."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.history import History
from runtime.backtest import run_backtest
from runtime.config import parse_strategy

STRATEGY = '''
from trader import Bar, Strategy


class TwoPositions(Strategy):
    """Buys with a bracket, closes by hand, and buys again without one."""

    def on_start(self) -> None:
        self.bars = 0

    def on_bar(self, bar: Bar) -> None:
        self.bars += 1
        if self.bars == 1:
            self.buy(10, stop_loss=90, take_profit=120)
        elif self.bars == 3:
            self.close()
        elif self.bars == 5:
            self.buy(10)
'''
FILE = """
[strategy]
name = "two_positions"
class = "two_positions.py:TwoPositions"
[data]
dataset = "sample:goog"
"""


@pytest.mark.parametrize("lowest", [89.0, 95.0])
def test_a_closed_position_takes_its_bracket_along(tmp_path: Path, lowest: float) -> None:
    """The second position meets the first one's stop price (90), and nothing happens."""
    (tmp_path / "two_positions.py").write_text(STRATEGY)
    close = np.full(10, 100.0)
    low = close - 1.0
    low[8] = lowest
    history = History.from_arrays(
        "X",
        ts_close_ns=np.arange(1, 11) * 60 * 10**9,
        open=close,
        high=close + 1.0,
        low=low,
        close=close,
    )
    config = parse_strategy(FILE, tmp_path / "two_positions.toml")
    result = run_backtest(config, history=history, engine="interpreted")
    assert result.fills["rule"].to_list() == ["market.open"] * 3
    ends = dict(zip(result.orders["order_id"], result.orders["status"], strict=True))
    assert ends == {1: "filled", 2: "canceled", 3: "canceled", 4: "filled", 5: "filled"}
