"""Compiled strategies on bars, quotes and prints: skipping rows and compiling change nothing."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from data.history import History, InstrumentHistory, Passport, QuoteColumns, TradeColumns
from engine.errors import DataError, StrategyError
from engine.model import layout as at
from engine.model.instruments import Instrument, InstrumentKind
from runtime.backtest import functions as module
from runtime.backtest import run_backtest
from runtime.config import load_strategy
from runtime.results import BacktestResult
from sims.replay.columns import Lanes
from tests.property.session_slices import Session, slices_of

QUOTING = '''
from engine.kernels.intents import BUY, SELL, cancel_all, limit_order, stop_order
from trader import compiled_strategy

@compiled_strategy(on="{on}", memory=1)
def quoting(values, memory, position, last, working, intents):
    """Every few rows: an order on each side around the last price, and a stop under a position."""
    memory[0] += 1.0
    if memory[0] < values[{every}]:
        return 0
    memory[0] = 0.0
    n = cancel_all(intents, 0) if working > 0 else 0
    n = limit_order(intents, n, BUY, 10, last - 2)
    if position > 0:
        n = limit_order(intents, n, SELL, 10, last + 2)
        n = stop_order(intents, n, SELL, position, last - 9, 0)
    return n
'''
TOML = """
[strategy]
name = "quoting"
compiled = "quoting.py:quoting"
[parameters]
every = 7
[data]
dataset = "{dataset}"
[account]
cash = 1_000_000
allow_short = true
"""
VALUES = {"bar": 5, "quote": 4, "trade": 3}  # where the parameters begin
Run = Callable[..., BacktestResult]


def ticks(on: str) -> History:
    """2,000 quotes or prints, some of one time, some quotes locked."""
    rng = np.random.default_rng(5)
    count = 2_000
    ts = np.sort(rng.integers(10**18, 10**18 + 10**12, count))
    ts[100], ts[101] = ts[99], ts[99]
    middle = 10_000 + np.cumsum(rng.integers(-2, 3, count))
    sizes = rng.integers(1, 500, count)
    instrument = Instrument("WALK", InstrumentKind.EQUITY)
    if on == "quote":
        quotes = QuoteColumns(ts, middle, middle + rng.integers(0, 3, count), sizes, sizes)
        part = InstrumentHistory(instrument, quotes=quotes)
    else:
        prints = TradeColumns(ts, middle, sizes, rng.integers(-1, 2, count))
        part = InstrumentHistory(instrument, trades=prints)
    return History((part,), passport=Passport("made"))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def once(on: str, engine: str = "interpreted") -> BacktestResult:
        text = QUOTING.format(on=on, every=VALUES[on])
        (tmp_path / "quoting.py").write_text(text)
        (tmp_path / "quoting.toml").write_text(TOML.format(dataset="sample:goog"))
        history = None if on == "bar" else ticks(on)
        config = load_strategy(tmp_path / "quoting.toml")
        return run_backtest(config, history=history, engine=engine)

    return once


@pytest.mark.parametrize("on", ["bar", "quote", "trade"])
def test_rows_that_change_nothing_are_skipped(
    run: Run, on: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    skipping = run(on)
    assert skipping.summary.pessimistic.trades.fills > 20
    monkeypatch.setattr(module, "Lanes", lambda *given, **_: partial(Lanes, always=True)(*given))
    assert run(on).state_hash == skipping.state_hash


@pytest.mark.parametrize("on", ["bar", "quote", "trade"])
def test_compiled_and_interpreted_agree(run: Run, on: str) -> None:
    assert run(on, "compiled").state_hash == run(on).state_hash


SIDED = """
from engine.kernels.intents import BUY, limit_order
from trader import compiled_strategy

@compiled_strategy(on="trade", memory=1)
def sided(values, memory, position, last, working, intents):
    \"\"\"Say who was the aggressor by the lots of an order that never fills.\"\"\"
    side = values[2]
    lots = 1 if side == 1.0 else 2 if side == -1.0 else 3 if side != side else 4
    return limit_order(intents, 0, BUY, lots, 1)
"""


@pytest.mark.parametrize("where", ["interpreted", "compiled", "session"])
def test_a_seller_is_one_and_unknown_is_not_a_number(where: str, tmp_path: Path) -> None:
    (tmp_path / "sided.py").write_text(SIDED)
    text = TOML.format(dataset="sample:goog").replace("quoting.py:quoting", "sided.py:sided")
    (tmp_path / "sided.toml").write_text(text)
    config = load_strategy(tmp_path / "sided.toml")
    sides = np.array([1, -1, 0, -1, 1, 0])
    ts, ones = 10**18 + np.arange(6) * 10**9, np.ones(6, dtype=np.int64)
    prints = TradeColumns(ts, 10_000 * ones, 5 * ones, sides)
    part = InstrumentHistory(Instrument("WALK", InstrumentKind.EQUITY), trades=prints)
    history = History((part,), passport=Passport("made"))
    if where == "session":
        journal = Session(config, history).run_all(slices_of(config, history)).journal
    else:
        journal = run_backtest(config, history=history, engine=where).pessimistic.journal
    sent = journal[journal[:, at.EVENT_KIND] == at.KIND_SUBMITTED]
    assert sent[:, at.FACT_LOTS].tolist() == [1, 2, 3, 2, 1, 3]


def test_what_a_strategy_asks_for_must_be_there(run: Run, tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text(QUOTING.format(on="quote", every=4))
    (tmp_path / "other.toml").write_text(
        TOML.format(dataset="sample:goog").replace("quoting.py", "other.py")
    )
    with pytest.raises(DataError, match="no quotes in the chosen dates"):
        run_backtest(load_strategy(tmp_path / "other.toml"), engine="interpreted")


def test_indicators_need_bars(tmp_path: Path) -> None:
    text = QUOTING.format(on="quote", every=4).replace(
        'on="quote"', 'on="quote", indicators={"fast": "sma(close, 5)"}'
    )
    (tmp_path / "other.py").write_text(textwrap.dedent(text))
    (tmp_path / "other.toml").write_text(
        TOML.format(dataset="sample:goog").replace("quoting.py", "other.py")
    )
    with pytest.raises(StrategyError, match="called on each quote; indicators need bars"):
        run_backtest(load_strategy(tmp_path / "other.toml"), engine="interpreted")
