"""Python classes and compiled functions run in a session as in a backtest, over random datasets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.model import layout as at
from runtime.backtest import run_backtest
from runtime.config import StrategyConfig, parse_strategy
from tests.property.session_slices import Session, require_same, slices_of
from tests.property.test_trading_backtests import TABLES
from tests.property.window_worlds import make_dataset
from tests.seeds import seeds

SEEDS = seeds(2)
BARS = 50
PLAIN = """
[strategy]
name = "mine"
{logic}
[data]
dataset = "world"
[account]
leverage = 3
allow_short = true
[fills.fees]
model = "bps"
taker_bps = 2
"""
# What it does is drawn from a seeded generator, and written down where it can be seen by the next draw.
CLASS = """
from random import Random

from trader import Strategy, indicator, condition


class Mine(Strategy):
    {declared}

    def on_start(self) -> None:
        self.draw, self.told, self.bars = Random({seed}), 0, 0
        if self.draw.random() < 0.5:
            self.buy(5, symbol="AAA")

    def on_fill(self, fill) -> None:
        self.told += int(fill.price * 100) % 7 + fill.ts_ns % 3
        if self.draw.random() < 0.1:
            self.sell(1, limit=str(fill.price + 1))

    {callback}

    def on_stop(self) -> None:
        self.close(symbol="AAA")

    def act(self, symbol, price) -> None:
        draw, self.bars = self.draw.random(), self.bars + 1
        draw = (draw + self.told / 100) % 1.0
        if self.working_orders(symbol) and draw < 0.3:
            order = self.working_orders(symbol)[0]
            if draw < 0.15:
                self.cancel(order)
            else:
                self.replace(order, quantity=3, limit=self.price(price * 0.99, "down", symbol))
        elif draw < 0.4:
            self.buy(10, symbol, stop_loss=self.price(price * 0.97, "down", symbol),
                     take_profit=self.price(price * 1.02, "up", symbol))
        elif draw < 0.5:
            self.sell(7, symbol, limit=self.price(price * 1.01, "up", symbol))
            self.buy(2, symbol, limit=self.price(price * 0.98, "down", symbol))
        elif draw < 0.6:
            self.target_weight(round(draw - 0.5, 2) * 4 - 0.1, symbol)
        elif draw < 0.65 and self.position(symbol) != 0:
            self.close(symbol)
        elif draw < 0.7 and self.equity > 99_000 and self.cash > 0:
            self.buy(1, symbol, trail_percent=2, stop=None)
        {loop}
"""
ON_BAR = """
    def on_bar(self, bar) -> None:
        self.act(None, bar.close)
"""
ON_BARS = """
    def on_bars(self, bars) -> None:
        for bar in bars:
            if bar.volume == bar.volume:
                self.act(bar.symbol, (bar.high + bar.low) / 2)
"""
ON_ALL = (
    ON_BAR
    + """
    def on_quote(self, quote) -> None:
        if quote.bid < quote.ask and quote.bid_size > 0:
            self.act(None, quote.bid)
"""
)
ON_BARS_WEIGHTS = """
    def on_bars(self, bars) -> None:
        for bar in bars:
            self.target_weight(self.draw.choice((0, 0.4, 0.9, 1.8, -0.6)), bar.symbol)
"""
WITH_INDICATORS = (
    'average = indicator("sma(close, 6)")\n    is_up = condition("close > lag(close, 2)")'
)
ON_INDICATOR = """
    def on_bar(self, bar) -> None:
        self.act(None, self.average if self.is_up else bar.open)
"""
ON_BARS_INDICATOR = """
    def on_bars(self, bars) -> None:
        for bar in bars:
            average = self.value("average", bar.symbol)
            self.act(bar.symbol, average if self.value("is_up", bar.symbol) else bar.open)
"""
CASES = {
    "bar": ("", ON_BAR),
    "bars": ("", ON_BARS),
    "bars and quotes": ("", ON_ALL),
    "weights": ("", ON_BARS_WEIGHTS),
    "indicators": (WITH_INDICATORS, ON_INDICATOR),
    "bars with indicators": (WITH_INDICATORS, ON_BARS_INDICATOR),
    "both with indicators": (WITH_INDICATORS, ON_INDICATOR + ON_BARS),
}
LOOP = """
        if self.bars % 5 == 0:
            self.signal("buy" if self.bars % 2 else "sell", symbol, edge=0.02 + draw / 10,
                        confidence=draw, volatility=0.2)
        elif self.bars % 5 == 2:
            self.edge(draw / 5 - 0.02, symbol)
"""
LOOP_TABLES = TABLES + '\n[sizing]\nmethod = "fixed_fraction"\nfraction = 0.01\n'


def class_config(folder: Path, name: str, seed: int, *, loop: bool) -> StrategyConfig:
    """Write a strategy of the class and its file."""
    declared, callback = CASES[name]
    text = CLASS.format(
        seed=seed,
        declared=declared or "pass",
        callback=callback.strip(),
        loop=LOOP.strip() if loop else "",
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mine.py").write_text(text, encoding="utf-8")
    file = PLAIN.format(logic='class = "mine.py:Mine"') + (LOOP_TABLES if loop else "")
    return parse_strategy(file, folder / "mine.toml")


def require_same_run(config: StrategyConfig, folder: Path, seed: int) -> int:
    """Hold a session against a backtest; return how many fills there were."""
    history = make_dataset(folder, seed, bars=BARS).load()
    expected = run_backtest(config, history=history, engine="interpreted").pessimistic
    require_same(Session(config, history).run_all(slices_of(config, history)), expected)
    return int((expected.journal[:, at.EVENT_KIND] == at.KIND_FILL).sum())


@pytest.mark.parametrize("loop", [False, True], ids=["plain", "trading loop"])
@pytest.mark.parametrize("name", CASES)
def test_a_class_runs_in_a_session_as_in_a_backtest(name: str, loop: bool, tmp_path: Path) -> None:
    fills = 0
    for seed in SEEDS:
        config = class_config(tmp_path / f"code{seed}", name, seed, loop=loop)
        fills += require_same_run(config, tmp_path / str(seed), seed)
    assert fills > 10


FUNCTION = """
from engine.kernels.intents import BUY, SELL, cancel_all, limit_order, market_order, stop_order
from trader import compiled_strategy


@compiled_strategy({declared}memory=2, on="{on}")
def mine(values, memory, position, last, working, intents):
    memory[0] += 1.0
    count = 0
    if working > 2:
        count = cancel_all(intents, 0)
    if memory[0] % 7.0 == 3.0 and position <= 0:
        count += market_order(intents, count, BUY, 5 - position)
        count += stop_order(intents, count, SELL, 5, last - last // 50, 0)
    elif memory[0] % 7.0 == 5.0:
        count += limit_order(intents, count, SELL, 4, last + last // 200)
    elif {condition}:
        count += market_order(intents, count, SELL, 3)
    memory[1] = values[0]
    return count
"""
FUNCTIONS = {
    "bars": ("", "bar", "values[3] > memory[1] * 1.01 and values[4] > 0"),
    "indicators": ('indicators={"a": "sma(close, 5)"}, ', "bar", "values[5] > values[3]"),
    "quotes": ("", "quote", "values[0] < memory[1] * 0.99 and values[2] > 0"),
}


def function_config(folder: Path, name: str, *, loop: bool) -> StrategyConfig:
    """Write a strategy of the function and its file."""
    declared, on, condition = FUNCTIONS[name]
    text = FUNCTION.format(declared=declared, on=on, condition=condition)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mine.py").write_text(text, encoding="utf-8")
    file = PLAIN.format(logic='compiled = "mine.py:mine"') + (LOOP_TABLES if loop else "")
    return parse_strategy(file, folder / "mine.toml")


@pytest.mark.parametrize("loop", [False, True], ids=["plain", "trading loop"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_runs_in_a_session_as_in_a_backtest(
    name: str, loop: bool, tmp_path: Path
) -> None:
    config, fills = function_config(tmp_path, name, loop=loop), 0
    for seed in (0, 1, 4):
        history = make_dataset(tmp_path / str(seed), seed, bars=BARS).load()
        if name != "quotes" or any(part.quotes is not None for part in history.parts):
            fills += require_same_run(config, tmp_path / f"again{seed}", seed)
    assert fills > 10


def test_a_session_is_told_of_fills_from_on_start_while_its_indicators_are_cold(
    tmp_path: Path,
) -> None:
    """One instrument with bars alone: the loop over one lane begins at the first warm bar."""
    for seed in range(20):
        history = make_dataset(tmp_path / str(seed), seed, bars=BARS).load()
        if len(history.parts) == 1 and history.parts[0].quotes is None:
            config = class_config(tmp_path, "indicators", seed, loop=False)
            expected = run_backtest(config, history=history, engine="interpreted").pessimistic
            found = Session(config, history).run_all(slices_of(config, history))
            require_same(found, expected)
            assert np.array_equal(found.journal, expected.journal)
            return
    raise AssertionError("no seed has one instrument with bars alone")
