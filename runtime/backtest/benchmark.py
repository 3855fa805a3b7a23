"""What a result is compared with: the closes of one instrument, day by day."""

from __future__ import annotations

from pathlib import Path

from data.adjustment import total_return
from data.history import History
from data.numbers import to_floats
from engine.errors import DataError
from runtime.backtest.clockwork import Clockwork, clockwork_of
from runtime.backtest.histories import load_history
from runtime.config import DataSection, StrategyConfig
from runtime.results import Benchmark


def _load(wanted: DataSection, config: StrategyConfig, catalog_root: Path | None) -> History:
    try:
        return load_history(wanted, catalog_root or Path())
    except DataError as error:
        raise DataError(
            f"the benchmark cannot be loaded: {error.problem}",
            where=config.where("data", "benchmark"),
            remedy=error.remedy,
            code=error.code,
        ) from None


def benchmark_of(
    config: StrategyConfig, history: History, clockwork: Clockwork, catalog_root: Path | None
) -> Benchmark | None:
    """Return the benchmark that the file names; else the one instrument itself; else None."""
    symbol = config.data.benchmark
    if symbol is None:
        if len(history.parts) != 1 or history.parts[0].bars is None:
            return None
        symbol, name = history.symbols[0], f"buy and hold {history.symbols[0]}"
    else:
        name = symbol
    if symbol not in history.symbols:
        wanted = DataSection(
            config.data.dataset, (symbol,), config.data.start_ns, config.data.end_ns
        )
        history = _load(wanted, config, catalog_root)
        clockwork = clockwork_of(history)
    part = history[symbol]
    if part.bars is None or len(part.bars) == 0:
        return None
    last_of_day = clockwork.last_of_days(part.instrument.calendar, part.bars)
    days, _ = clockwork.session_days(part.instrument.calendar, part.bars.ts_close_ns[last_of_day])
    actions = [action for action in history.actions if action.symbol == symbol]
    if actions:
        return Benchmark(name, days, total_return(part, actions)[last_of_day])
    ticks, first = part.bars.close_ticks[last_of_day], part.bars.close_ticks[0]
    precision = part.instrument.price_precision
    return Benchmark(name, days, to_floats(ticks, precision) / to_floats(first, precision))
