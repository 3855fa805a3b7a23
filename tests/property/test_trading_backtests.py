"""A strategy file with the trading loop's tables runs the same by rows, by columns and by windows.

What the loop decides is for other tests; here it is whether all three are told the same: limits, inputs
at every bar, when sessions close, and whatever follows from them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.catalog import Dataset
from engine.model import layout as at
from engine.model.trading_layout import SESSION_CLOSES
from runtime.backtest import run_backtest
from runtime.backtest.account import setup_of
from runtime.backtest.clockwork import clockwork_of
from runtime.backtest.decisions import decider_of
from runtime.backtest.lean import Bench
from runtime.backtest.machine import Machine
from runtime.backtest.marks import mark_sources
from runtime.backtest.run import starting_cash
from runtime.backtest.sources import action_sources
from runtime.config import StrategyConfig, parse_strategy
from runtime.results import RunOutput
from sims.replay.source import Source
from sims.replay.stream import Stream
from tests.property import by_rows
from tests.property.test_windows import streamed
from tests.property.window_worlds import make_dataset
from tests.seeds import seeds

SEEDS = seeds(3)
# How many rows a chunk and a window have; each seed is cut in another way.
CUTS = [(50, 64), (100_000, 7), (50, 100_000)]
HEAD = """
[strategy]
name = "loop"
[data]
dataset = "world"
[account]
leverage = 2
allow_short = true
[rules]
entry = "cross_above(sma(close, 3), sma(close, 8))"
exit = "cross_below(sma(close, 3), sma(close, 8))"
short_entry = "rsi(close, 5) > 75"
short_exit = "rsi(close, 5) < 50"
"""
INPUTS = """
edge = "close / sma(close, 8) - 1 + 0.08"
confidence = "0.5 + 0.5 * rank_fraction(close)"
target_price = "close * 1.02"
"""
TABLES = """
[signals]
min_edge_percent = 1
expiry = "3h"
[risk]
max_position_percent = 60
max_quote_age = "1h"
min_returns = 5
correlation_unknown = "allow"
[exits]
stop_loss.percent = 2
trailing_stop = { active_percent = 1, distance_percent = 1, least_percent = 0.5 }
profit_target = { high_percent = 3, medium_percent = 2, low_percent = 1 }
partial_exit_target.stages = [[1, 50], [2, 25]]
liquidity_dried_up = { volume = 1_500, volume_window = "6h" }
[guards]
daily_loss.amount = 2_000
drawdown.percent = 10
stop_losses = { count = 2, window = "5h", lock = "5h" }
simulated_operator = "next_day"
"""
SIZED = """
[sizing]
method = "fixed_fraction"
fraction = 0.01
"""
TURNING = """
[strategy]
name = "turning"
[data]
dataset = "world"
[account]
allow_short = true
[rules]
entry = "cross_above(sma(close, 3), sma(close, 8))"
exit = "cross_below(sma(close, 3), sma(close, 8))"
short_entry = "cross_below(sma(close, 3), sma(close, 8))"
short_exit = "cross_above(sma(close, 3), sma(close, 8))"
[sizing]
method = "fixed_quantity"
quantity = 10
[signals]
expiry = "6h"
[execution]
timeout = "3h"
"""
MARKET = '[execution]\norder_type = "market"\n'
STRATEGIES = {
    "inputs and all tables": HEAD + INPUTS + TABLES + MARKET,
    "all tables": HEAD + TABLES,  # limit orders at the last price, for thirty seconds
    "sized by signals": HEAD + INPUTS + SIZED + TABLES + MARKET,
    "limit orders that wait": HEAD
    + TABLES
    + '[execution]\norder_type = "limit"\noffset_bps = 20\ntimeout = "90m"\non_timeout = "walk"\n',
    "turning round": TURNING,  # exit and opposite entry on one bar, by limit orders
    "guards alone": HEAD + "[guards]\ndaily_loss.amount = 500\n" + MARKET,
    "inputs alone": HEAD + INPUTS + MARKET,
}


def config_of(name: str) -> StrategyConfig:
    """Return one of the strategies."""
    return parse_strategy(STRATEGIES[name], Path("loop.toml"))


def by_columns(config: StrategyConfig, dataset: Dataset) -> RunOutput:
    """Run as usual."""
    return run_backtest(config, history=dataset.load(), engine="interpreted").pessimistic


def with_bits(source: Source) -> Source:
    """Return a source with its signals beside every row, as a stream of rows has them."""
    if source.wakes is None:
        return source
    bits = np.zeros(len(source.ts_ns), dtype=np.uint8)
    weights = np.zeros(len(source.ts_ns), dtype=np.int64)
    bits[source.wakes.rows], weights[source.wakes.rows] = source.wakes.bits, source.wakes.weights
    return replace(source, bits=bits, weights=weights, wakes=None)


def in_rows(config: StrategyConfig, dataset: Dataset, *, chunk_rows: int) -> RunOutput:
    """Run event by event."""
    history = dataset.load()
    clockwork = clockwork_of(history)
    setup = setup_of(config, history, clockwork)
    sources = [with_bits(each) for each in decider_of(config, history, clockwork).sources(False)]
    sources += [*action_sources(history), *clockwork.sources(trading=True)]
    sources += mark_sources(history, clockwork)
    machine = Machine(setup, config.fills.book, is_compiled=False)
    for chunk in Stream(sources, chunk_rows=chunk_rows).chunks():
        by_rows.run(machine, chunk, 0, chunk.rows)
    return machine.output(clockwork, starting_cash(config))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", STRATEGIES)
def test_rows_columns_and_windows_run_the_same(name: str, seed: int, tmp_path: Path) -> None:
    dataset, config = make_dataset(tmp_path, seed), config_of(name)
    expected = by_columns(config, dataset)
    assert (expected.journal[:, at.EVENT_KIND] == at.KIND_SUBMITTED).any()
    chunk_rows, window = CUTS[seed % len(CUTS)]
    rows = in_rows(config, dataset, chunk_rows=chunk_rows)
    assert np.array_equal(rows.journal, expected.journal)
    assert rows.state_hash == expected.state_hash
    assert streamed(config, dataset, window).pessimistic.state_hash == expected.state_hash


@pytest.mark.parametrize("name", ["inputs and all tables", "all tables"])
def test_searches_run_the_same(name: str, tmp_path: Path) -> None:
    dataset, config = make_dataset(tmp_path, 1), config_of(name)
    expected = by_columns(config, dataset)
    bench = Bench(config, dataset.load(), compiled=False)
    assert bench.run({}, hashed=True).state_hash == expected.state_hash
    assert bench.run({}, hashed=False).final_equity_minor == expected.final_equity_minor


def test_opens_tell_when_the_session_closes(tmp_path: Path) -> None:
    history = make_dataset(tmp_path, 0).load()
    clockwork = clockwork_of(history)
    plain = [each for each in clockwork.sources() if each.kind == at.KIND_SESSION_OPEN]
    assert all(SESSION_CLOSES not in each.payload for each in plain)
    for each in clockwork.sources(trading=True):
        if each.kind == at.KIND_SESSION_OPEN:
            closes = each.payload[SESSION_CLOSES]
            assert not isinstance(closes, int) and (closes > each.ts_ns).all()


def test_compiled_runs_decide_the_same(tmp_path: Path) -> None:
    for seed, name in enumerate(STRATEGIES):
        dataset, config = make_dataset(tmp_path / str(seed), seed), config_of(name)
        compiled = run_backtest(config, history=dataset.load(), engine="compiled")
        assert compiled.pessimistic.state_hash == by_columns(config, dataset).state_hash, name
