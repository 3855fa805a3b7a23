"""A history that is read in windows gives the same run as one in memory, however it is cut."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.catalog import Dataset
from data.frames import array_names
from data.streams import open_stream
from engine.lang.batch import FormulaMemory, evaluate_batch
from engine.lang.compiler import compile_program
from engine.lang.panel import BarColumns
from runtime.backtest import run_backtest
from runtime.backtest.account import setup_of
from runtime.backtest.clockwork import clockwork_of
from runtime.backtest.run import starting_cash
from runtime.backtest.streaming import StreamedRun, StreamJob, run_stream
from runtime.config import StrategyConfig, parse_strategy
from runtime.results import BacktestResult, trades_frame
from tests.property.window_worlds import make_dataset
from tests.seeds import seeds
from tests.unit.lang.bars import walk

WINDOWS = [7, 64, 100_000]
SMALLEST = (
    3  # rows, fewer than a slice may have: cutting takes time for each window, and little more
)
STRATEGIES = {
    "crossing": """
        entry = "cross_above(sma(close, 3), sma(close, 8)) or bars_since(close > 60) == 2"
        exit = "cross_below(sma(close, 3), sma(close, 8))"
        short_entry = "rsi(close, 5) > 75"
        short_exit = "rsi(close, 5) < 50"
        [execution]
        order_type = "limit"
        offset_bps = 20
        stop_loss_percent = 2
        take_profit_percent = 3
        trailing_stop_percent = 2
        """,
    "higher": """
        entry = "close > timeframe('4h', ema(close, 3)) and timeframe('1d', close) > 40"
        exit = "close < lowest(low, 5, timeframe='2h') or session_vwap() > close"
        """,
    "weights": """
        weight = "where(rank(returns(close, 3)) <= 2, 0.4, -0.1) + where(close > close['AAA'], 0.1, 0)"
        rebalance = "daily"
        """,
    "every": """
        weight = "0.2 * rank_fraction(zscore(close, 5)) * where(volume > 0, 1, 0)"
        rebalance = "every_bar"
        """,
    "idle": 'entry = "close < 0"',
}
REINVEST = 'dividends = "reinvest"'


def config_of(name: str, *, account: str = "") -> StrategyConfig:
    rules, _, execution = textwrap.dedent(STRATEGIES[name]).partition("[execution]")
    text = f"""
[strategy]
name = "{name}"
[data]
dataset = "world"
[rules]
{rules}
[sizing]
method = "equal_weight"
fraction = 0.3
[account]
cash = 100_000
leverage = 3
allow_short = true
borrow_percent = 3
{account}
[fills]
volume_cap = 0.02
[fills.fees]
model = "bps"
taker_bps = 2
maker_bps = 1
"""
    text = text if not execution else f"{text}\n[execution]{execution}"
    if "weight" in STRATEGIES[name]:
        text = text.replace('[sizing]\nmethod = "equal_weight"\nfraction = 0.3\n', "")
    return parse_strategy(text, path=Path("world.toml"))


def streamed(
    config: StrategyConfig, dataset: Dataset, rows: int, *, compiled: bool = False
) -> StreamedRun:
    stream = open_stream(dataset)
    clockwork = clockwork_of(stream.outline)
    setup = setup_of(config, stream.outline, clockwork)
    program = config.compile_rules(symbols=stream.outline.symbols)
    job = StreamJob(config, stream, clockwork, setup, program, compiled, window_rows=rows)
    return run_stream(job, cash_minor=starting_cash(config))


def in_memory(config: StrategyConfig, dataset: Dataset) -> BacktestResult:
    return run_backtest(config, history=dataset.load(), engine="interpreted")


def test_windows_hold_every_row_once_and_divide_no_time(tmp_path: Path) -> None:
    for seed in range(4):
        dataset = make_dataset(tmp_path / str(seed), seed)
        stream, history = open_stream(dataset), dataset.load()
        for rows in (SMALLEST, *WINDOWS):
            windows = list(stream.windows(rows))
            ends = [window.end_ns for window in windows]
            assert ends[-1] is None and ends[:-1] == sorted(set(ends[:-1]))
            before = -1
            for window in windows:
                blocks = [b for p in window.parts for b in (p.bars, p.quotes) if b is not None]
                times = np.concatenate([block.ts_ns for block in blocks])
                assert len(times) == window.rows and times.min() > before
                before = times.max()
                assert window.end_ns is None or before < window.end_ns
            for k, part in enumerate(history.parts):
                for kind in ("bars", "quotes"):
                    whole = getattr(part, kind)
                    pieces = [getattr(window.parts[k], kind) for window in windows]
                    for name in array_names(whole) if whole is not None else ():
                        joined = np.concatenate([getattr(piece, name) for piece in pieces])
                        assert np.array_equal(joined, getattr(whole, name))


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("seed", seeds(4))
def test_a_run_over_windows_is_the_run_in_memory(name: str, seed: int, tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path, seed)
    config = config_of(name, account=REINVEST if seed % 4 == 3 else "")
    result = in_memory(config, dataset)
    for rows in (WINDOWS[(seed + 1) % 3], WINDOWS[(seed + 2) % 3]):
        run = streamed(config, dataset, rows)
        assert run.pessimistic.state_hash == result.state_hash, rows
        assert (run.better is None) == (result.optimistic is None)
        if run.better is not None and result.optimistic is not None:
            assert run.better.state_hash == result.optimistic.state_hash
        assert np.array_equal(run.pessimistic.journal, result.pessimistic.journal)
        assert run.pessimistic.events == result.pessimistic.events


@pytest.mark.parametrize("name", ["crossing", "weights", "idle"])
def test_a_result_over_windows_tells_the_same(name: str, tmp_path: Path) -> None:
    for seed in range(5):
        dataset = make_dataset(tmp_path / str(seed), seed)
        config = config_of(name)
        whole = in_memory(config, dataset)
        cut = run_backtest(
            config, catalog_root=tmp_path / str(seed), engine="interpreted", rows_in_memory=10
        )
        assert cut.context.history is not None and cut.context.history is not whole.context.history
        assert cut.trades.equals(whole.trades)
        assert cut.fills.equals(whole.fills) and cut.orders.equals(whole.orders)
        same = replace(
            cut.summary,
            passport=whole.summary.passport,
            elapsed_seconds=whole.summary.elapsed_seconds,
            reproduce=whole.summary.reproduce,
        )
        assert repr(same) == repr(whole.summary)
        assert cut.document().detail.daily == whole.document().detail.daily


def test_compiled_windows_decide_the_same(tmp_path: Path) -> None:
    for seed, name in enumerate(STRATEGIES):
        dataset = make_dataset(tmp_path / name, seed)
        config = config_of(name)
        run = streamed(config, dataset, 64, compiled=True)
        assert run.pessimistic.state_hash == in_memory(config, dataset).state_hash


def test_kept_rows_count_the_bars_between_trades(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path, 1)
    config = config_of("crossing")
    run, history = streamed(config, dataset, SMALLEST), dataset.load()
    kept = trades_frame(run.pessimistic, history=run.history)
    assert kept.equals(trades_frame(run.pessimistic, history=history))
    assert kept["bars_held"].drop_nulls().len() > 0


FORMULAS = [
    "sma(close, 7)", "ema(close, 7)", "wma(close, 7)", "sum(close, 7)", "macd(close, 3, 8, 4)",
    "macd_signal(close, 3, 8, 4)", "rsi(close, 5)", "stochastic_k(5, 2, 3)", "stochastic_d(5, 2, 3)",
    "cci(6)", "adx(4)", "plus_di(4)", "minus_di(4)", "momentum(close, 4)", "roc(close, 4)",
    "returns(close, 4)", "highest(high, 6)", "lowest(low, 6)", "true_range()", "atr(5)",
    "zscore(close, 6)", "bollinger_upper(close, 5, 2)", "keltner_upper(5, 2)", "obv()",
    "session_vwap()", "correlation(close, volume, 6)", "beta(close, volume, 6)", "lag(close, 3)",
    "bars_since(close > open)", "rank(close)", "count(close)", "rank_fraction(close)",
    "close['B'] - close", "sma(close['B'], 3)", "timeframe('5m', sma(close, 3))",
    "timeframe('1h', atr(2))", "timeframe('1d', close)", "timeframe('1w', close)",
    "where(cross_above(close, sma(close, 4)), 1, 0)",
]  # fmt: skip


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_over_stretches_is_that_over_the_whole(text: str) -> None:
    panel = (walk(1, 200, symbol="A"), walk(2, 150, symbol="B", first=30))
    program = compile_program({"x": text}, {}, kinds={"x": "number"}, symbols=("A", "B"))
    whole = evaluate_batch(program, panel, compiled=False)["x"]
    for length in (1, 3, 64):
        memory = FormulaMemory()
        pieces = [
            evaluate_batch(
                program,
                [between(bars, first, first + length) for bars in panel],
                compiled=False,
                memory=memory,
            )["x"]
            for first in range(0, 200, length)
        ]
        for k, column in enumerate(whole):
            joined = np.concatenate([piece[k] for piece in pieces])
            assert joined.tobytes() == column.tobytes(), length


def between(bars: BarColumns, first: int, end: int) -> BarColumns:
    """Return the bars of some slices."""
    low, high = np.searchsorted(bars.slice_index, (first, end))
    columns = (bars.open, bars.high, bars.low, bars.close, bars.volume)
    times = (bars.ts_open_ns, bars.ts_close_ns, bars.slice_index, bars.session_day)
    return BarColumns(
        bars.symbol, *(c[low:high].copy() for c in columns), *(t[low:high] for t in times)
    )
