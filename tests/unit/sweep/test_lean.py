"""A lean run is the run of `run_backtest`, and a part of a history sees only its past."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.history import History
from engine.model.units import to_minor
from engine.rules.metrics_many import KEYS
from runtime.backtest import run_backtest
from runtime.backtest.lean import Bench, LeanRun
from runtime.backtest.shared import SharedSignals
from runtime.config import StrategyConfig
from runtime.results import BacktestResult
from runtime.results.daily import daily_closes
from tests.unit.sweep.sweep_samples import (
    CROSS,
    WEIGHTS,
    class_config,
    config_of,
    history_of,
    numbers,
)


def require_same(lean: LeanRun, full: BacktestResult) -> None:
    days = daily_closes(full.pessimistic)
    assert lean.state_hash in (None, full.state_hash)
    assert lean.final_equity_minor == to_minor(full.final_equity, name="equity")
    assert lean.days.tolist() == days.day_numbers[1:].tolist()
    equity = np.concatenate(([1.0], np.cumprod(1.0 + lean.returns))) * days.equity[0]
    np.testing.assert_allclose(equity, days.equity, rtol=1e-12)
    for key in KEYS:
        if key != "implementation_shortfall":
            assert lean.metric(key) == full.metric(key), key


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        (CROSS, {"fast": 3, "slow": 8}),
        (CROSS, {"fast": 5, "slow": 21}),
        (CROSS, {"fast": 9, "slow": 4}),
        (WEIGHTS, {"lookback": 7}),
        (WEIGHTS, {"lookback": 31}),
    ],
)
def test_a_lean_run_of_rules_equals_the_full_one(text: str, parameters: dict[str, int]) -> None:
    config = config_of(text)
    history = history_of(config)
    bench = Bench(config, history, compiled=False)
    other = numbers(**dict.fromkeys(parameters, 2))  # what it leaves behind must not matter
    chosen = numbers(**parameters)
    full = run_backtest(config.with_parameters(chosen), history=history, engine="interpreted")
    _, quick, again = bench.run_many([other, chosen, chosen])
    for run in (quick, again, bench.run(chosen)):
        assert isinstance(run, LeanRun)
        require_same(run, full)
    assert bench.run(chosen).state_hash == full.state_hash
    assert bench.run(chosen, hashed=False).state_hash is None


def test_a_lean_run_of_a_class_equals_the_full_one(tmp_path: Path) -> None:
    config = class_config(tmp_path)
    history = history_of(config)
    bench = Bench(config, history, compiled=False)
    chosen = numbers(window=9)
    full = run_backtest(config.with_parameters(chosen), history=history, engine="interpreted")
    assert full.summary.pessimistic.trades.closed > 3
    require_same(bench.run(chosen), full)


@pytest.mark.parametrize("text", [CROSS, WEIGHTS])
def test_a_part_warms_up_before_it_and_trades_only_in_it(text: str) -> None:
    config = config_of(text)
    history = history_of(config)
    start, end = bar_time(history, 75), bar_time(history, 115)
    bench = Bench(config, history, compiled=False, start_ns=start, end_ns=end)
    alone = Bench(config, history.between(start, end), compiled=False)
    slow = numbers(fast=1, slow=30) if text is CROSS else numbers(lookback=35)
    warm, cold = bench.run(slow), alone.run(slow)
    assert len(warm.returns) == len(cold.returns) == 40
    # Indicators have their past; the cold run waits for it.
    assert first_move(warm) < first_move(cold)
    quick = numbers(fast=1, slow=2) if text is CROSS else numbers(lookback=1)
    assert first_move(bench.run(quick)) >= 1  # decided on the first bar, traded on the second


def test_a_class_is_first_called_in_its_part_with_warm_indicators(tmp_path: Path) -> None:
    config = class_config(tmp_path)
    history = history_of(config)
    start = bar_time(history, 60)
    warm = Bench(config, history, compiled=False, start_ns=start).run(numbers(window=20))
    cold = Bench(config, history.between(start, None), compiled=False).run(numbers(window=20))
    assert len(warm.returns) == len(cold.returns) == 40
    assert warm.orders > cold.orders
    assert not cold.returns[:19].any()


@pytest.mark.parametrize("text", [CROSS, WEIGHTS])
def test_nothing_after_a_part_can_change_it(text: str) -> None:
    config = config_of(text)
    history = history_of(config)
    start, end = bar_time(history, 40), bar_time(history, 90)
    chosen = numbers(fast=4, slow=11) if text is CROSS else numbers(lookback=12)

    def run(seen: History) -> LeanRun:
        return Bench(config, seen, compiled=False, start_ns=start, end_ns=end).run(chosen)

    told = run(history)
    assert told.orders > 1
    assert run(history.between(None, end)).state_hash == told.state_hash
    assert run(doubled_from(history, end)).state_hash == told.state_hash
    assert run(doubled_from(history, bar_time(history, 80))).state_hash != told.state_hash


def test_each_indicator_is_computed_once() -> None:
    config = config_of(CROSS)
    history = history_of(config)
    shared = SharedSignals(config, history, compiled=False)
    for fast in range(2, 8):
        for slow in range(10, 16):
            shared.signals(replace_parameters(config, fast, slow))
    assert shared.computed == 6 + 6


def test_columns_over_the_limit_are_computed_again_and_right() -> None:
    config = config_of(CROSS)
    history = history_of(config)
    roomy = SharedSignals(config, history, compiled=False)
    tight = SharedSignals(config, history, compiled=False, kept_bytes_max=1)
    for fast, slow in ((3, 9), (4, 9), (3, 9)):
        changed = replace_parameters(config, fast, slow)
        (a,), (b,) = roomy.signals(changed).wakes, tight.signals(changed).wakes
        assert a.rows.tolist() == b.rows.tolist() and a.bits.tolist() == b.bits.tolist()
    assert tight.computed > roomy.computed


def first_move(run: LeanRun) -> int:
    """Return the first day whose return is not zero; the number of days when there is none."""
    moves = np.flatnonzero(run.returns)
    return int(moves[0]) if len(moves) else len(run.returns)


def bar_time(history: History, place: int) -> int:
    bars = history.parts[0].bars
    assert bars is not None
    return int(bars.ts_close_ns[place])


def doubled_from(history: History, ts_ns: int) -> History:
    """Return the history with all prices doubled from a time on."""
    parts = []
    for part in history.parts:
        assert part.bars is not None
        late = part.bars.ts_close_ns >= ts_ns
        columns = {
            name: np.where(late, 2 * getattr(part.bars, name), getattr(part.bars, name))
            for name in ("open_ticks", "high_ticks", "low_ticks", "close_ticks")
        }
        parts.append(replace(part, bars=replace(part.bars, **columns)))
    return History(tuple(parts), history.actions, history.passport)


def replace_parameters(config: StrategyConfig, fast: int, slow: int) -> StrategyConfig:
    return config.with_parameters(numbers(fast=fast, slow=slow))
