"""Our own part in the benchmarks: each workload as a user would write it; see `worker`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

STRATEGIES = Path(__file__).parent / "strategies"

Once = Callable[[], tuple[int, float]]


def bar_history(data: Any) -> Any:
    """Return the history of one instrument."""
    from data.history import History
    from engine.model.instruments import Instrument, InstrumentKind

    return History.from_arrays(
        Instrument("WALK", InstrumentKind.EQUITY),
        ts_close_ns=data.ts,
        open=data.open,
        high=data.high,
        low=data.low,
        close=data.close,
        volume=data.volume,
        source="benchmark random walk",
    )


def run_file(file: str, history: Any, engine: str = "compiled") -> Any:
    """Run a strategy file of the benchmarks."""
    from runtime.backtest import run_backtest
    from runtime.compile_cache import use_cache
    from runtime.config import load_strategy

    use_cache()
    return run_backtest(load_strategy(STRATEGIES / file), history=history, engine=engine)


def outcome(result: Any) -> tuple[int, float]:
    """Return the number of fills and the final equity of a result."""
    path = result.summary.pessimistic
    return path.trades.fills, float(path.final_equity)


def bar_workload(file: str, engine: str = "compiled") -> Callable[[Any], Once]:
    """Return a workload that runs one strategy over one instrument's bars."""

    def build(data: Any) -> Once:
        return lambda: outcome(run_file(file, bar_history(data), engine))

    return build


w1a = bar_workload("cross_class.toml")
w1b = bar_workload("cross_rule.toml")
w1c = bar_workload("cross_compiled.toml")
w5 = bar_workload("cross_rule.toml", engine="auto")


def w2(data: Any) -> Once:
    """Monthly momentum: each month hold the 50 that rose most in a year."""
    return lambda: outcome(run_file("momentum.toml", universe_history(data)))


def sweep_workload(jobs: int) -> Callable[[Any], Once]:
    """Return a search over a thousand pairs of averages, as `trader sweep` does it."""

    def build(data: Any) -> Once:
        return lambda: run_pairs(bar_history(data), jobs)

    return build


def run_pairs(history: Any, jobs: int) -> tuple[int, float]:
    """Search a thousand pairs; return all orders (each fills) and the mean of the final equities."""
    from tempfile import TemporaryDirectory

    from runtime.compile_cache import use_cache
    from runtime.config import load_strategy
    from runtime.sweep import Place, prepare_sweep, run_sweep, space_of

    use_cache()
    config = load_strategy(STRATEGIES / "cross_rule.toml")
    space = space_of(config, ["fast=5:29:1", "slow=30:225:5"], [])
    sweep = prepare_sweep(config, space, history=history)
    with TemporaryDirectory() as folder:
        result = run_sweep(sweep, Path(folder) / "sweep", place=Place(jobs=jobs, engine="compiled"))
        trials = result.trials
        return int(trials["orders"].sum()), float(trials["final_equity"].cast(float).mean())


w3 = sweep_workload(jobs=1)
w3x2 = sweep_workload(jobs=2)


def w4a(data: Any) -> Once:
    """Limit orders on both sides, as a Python class."""
    return lambda: outcome(run_file("quoting_class.toml", quote_history(data)))


def w4b(data: Any) -> Once:
    """Limit orders on both sides, as a compiled strategy."""
    return lambda: outcome(run_file("quoting_compiled.toml", quote_history(data)))


def universe_history(data: Any) -> Any:
    """Return the history of the universe; millionths of a share may be traded."""
    from data.history import History, merge
    from engine.model.instruments import Instrument, InstrumentKind

    names = ("open", "high", "low", "close", "volume")
    columns = {name: _by_instrument(getattr(data, name)) for name in names}
    return merge(
        [
            History.from_arrays(
                Instrument(f"S{k:03}", InstrumentKind.EQUITY, quantity_precision=6),
                ts_close_ns=data.ts,
                **{name: values[k] for name, values in columns.items()},
                source="benchmark universe",
            )
            for k in range(data.close.shape[1])
        ]
    )


def _by_instrument(table: Any) -> Any:
    """Return a table of days and instruments as one column after the other, block by block."""
    import numpy as np

    columns = np.empty(table.shape[::-1])
    for first in range(
        0, len(table), 128
    ):  # rows of a block stay in the cache: three times as fast
        columns[:, first : first + 128] = table[first : first + 128].T
    return columns


def quote_history(data: Any) -> Any:
    """Return the history of one instrument's quotes."""
    from data.history import History, InstrumentHistory, Passport, QuoteColumns
    from data.numbers import to_quanta_exact
    from engine.model.instruments import Instrument, InstrumentKind

    instrument = Instrument("WALK", InstrumentKind.EQUITY)
    quotes = QuoteColumns(
        data.ts,
        to_quanta_exact(data.bid, instrument.price_precision),
        to_quanta_exact(data.ask, instrument.price_precision),
        to_quanta_exact(data.bid_size, instrument.quantity_precision),
        to_quanta_exact(data.ask_size, instrument.quantity_precision),
    )
    part = InstrumentHistory(instrument, quotes=quotes)
    return History((part,), passport=Passport("benchmark quotes"))
