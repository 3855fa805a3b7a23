"""The metrics of many runs at once are those of each run alone, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.rules.metrics import DailyAccount, daily_returns, measure
from engine.rules.metrics_many import KEYS, DailyAccounts, measure_many, returns_of_many

MINOR = 10**8


def accounts_of(seed: int, runs: int, days: int) -> DailyAccounts:
    """Return random accounts; some are ruined, flat, or never lose."""
    rng = np.random.default_rng(seed)
    moves = rng.normal(0.0003, 0.02, (runs, days))
    kinds = rng.integers(0, 6, runs)
    moves[kinds == 1] = 0.0
    moves[kinds == 2] = np.abs(moves[kinds == 2]) / 10.0
    moves[kinds == 3] *= 1e-12
    moves[kinds == 5] *= rng.random(moves[kinds == 5].shape) < 0.3  # flat on most days
    equity = np.concatenate((np.ones((runs, 1)), np.cumprod(1.0 + moves, axis=1)), axis=1)
    if days:
        equity[kinds == 4, days // 2] = -0.1
    shape = equity.shape
    flows = rng.integers(-5, 6, shape) * MINOR * (rng.random(shape) < 0.1)
    return DailyAccounts(
        np.rint(equity * 1e5 * MINOR).astype(np.int64),
        periods_per_year=252.0,
        flows=flows.astype(np.int64),
        day_numbers=np.arange(days + 1) + np.arange(days + 1) // 5 * 2,
        gross_exposure=rng.integers(0, 10**13, shape),
        traded_value=rng.integers(0, 10**13, shape),
    )


def one_of(accounts: DailyAccounts, run: int) -> DailyAccount:
    return DailyAccount(
        accounts.equity_close[run].copy(),
        accounts.periods_per_year,
        accounts.flows[run].copy(),
        accounts.day_numbers,
        accounts.gross_exposure[run].copy(),
        accounts.traded_value[run].copy(),
    )


def bits_of(values: NDArray[np.float64]) -> list[str]:
    return [float(value).hex() for value in values]


@pytest.mark.parametrize("days", [0, 1, 19, 20, 70, 252, 1001])
@pytest.mark.parametrize("runs", [1, 2, 33])
def test_many_are_measured_as_each_alone(days: int, runs: int) -> None:
    rng = np.random.default_rng(days + runs)
    accounts = accounts_of(days * 100 + runs, runs, days)
    pnl = [
        rng.integers(-(10**12), 10**12, rng.choice((0, 19, 20, 800))) * rng.choice((1, 1, 0))
        for _ in range(runs)
    ]
    pnl[0] = np.abs(pnl[0])
    market = np.cumprod(1.0 + rng.normal(0.0, 0.01, days + 1))
    for benchmark in (None, market, np.ones(days + 1)):
        returns = returns_of_many(accounts)
        table = measure_many(accounts, returns, trade_pnl=pnl, benchmark_close=benchmark)
        for run in range(runs):
            alone = one_of(accounts, run)
            wanted = measure(alone, trade_pnl=pnl[run], benchmark_close=benchmark)
            numbers = np.array([np.nan if wanted[k] is None else wanted[k] for k in KEYS])
            assert bits_of(table[run]) == bits_of(numbers), dict(zip(KEYS, table[run], strict=True))
            own = daily_returns(alone.equity_close, alone.flows)
            undefined = np.full(days, np.nan)
            assert bits_of(returns[run]) == bits_of(undefined if own is None else own)
