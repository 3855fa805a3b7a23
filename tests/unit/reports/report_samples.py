"""Summaries of made-up runs on the bundled GOOG closes, for the tests of the reports."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
from matplotlib.cbook import get_sample_data
from numpy.typing import NDArray

from engine.rules.metrics import DailyAccount, measure
from reports.summary import Costs, EquityCurve, PathResult, RunSummary, TradeStatistics

NS_PER_DAY = 86_400 * 10**9


def goog() -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Day numbers and closes of GOOG, 2004 to 2008."""
    rows = get_sample_data("goog.npz")["price_data"]
    return rows["date"].astype(np.int64), rows["adj_close"].astype(np.float64)


def goog_equity() -> NDArray[np.float64]:
    """100,000 dollars that follow GOOG while it is over its 50-day mean."""
    _, close = goog()
    mean = np.convolve(close, np.ones(50) / 50, mode="valid")
    held = np.concatenate((np.zeros(50), close[49:-1] > mean[:-1]))
    growth = np.concatenate((np.ones(1), close[1:] / close[:-1]))
    return 100_000.0 * np.cumprod(np.where(held > 0, growth, 1.0))


@dataclass(frozen=True)
class Outcome:
    """A run of which only the hash is known."""

    state_hash: str


def path_result(equity: NDArray[np.float64], *, state_hash: str) -> PathResult:
    days, close = goog()
    held = np.append(np.diff(equity) != 0.0, True)
    pnl = np.array([1_250.5, -402.25] * 14)
    account = DailyAccount(
        equity,
        252,
        day_numbers=days[: equity.size],
        gross_exposure=equity * held,
        traded_value=np.abs(np.diff(held.astype(np.float64), prepend=0.0)) * equity,
    )
    return PathResult(
        final_equity=Decimal(repr(round(float(equity[-1]), 8))),
        metrics=measure(account, trade_pnl=pnl, benchmark_close=close[: equity.size]),
        trades=TradeStatistics(57, 56, 28, 14, 14, 0, Decimal("1250.50"), Decimal("-402.25")),
        costs=Costs(Decimal("84.20"), Decimal("1203.4"), Decimal(310), Decimal(0), Decimal(-12)),
        outcome=Outcome(state_hash),
    )


def summary_of(equity: NDArray[np.float64]) -> RunSummary:
    """A run in which no fill depended on an assumption."""
    days, close = goog()
    result = path_result(equity, state_hash="5f0c" * 16)
    return RunSummary(
        strategy="sma_cross",
        parameters=(("fast", "20"), ("slow", "50")),
        instruments=("GOOG",),
        period_start_ns=int(days[0]) * NS_PER_DAY,
        period_end_ns=int(days[equity.size - 1]) * NS_PER_DAY,
        currency="USD",
        starting_cash=Decimal(100_000),
        pessimistic=result,
        optimistic=result,
        curve=EquityCurve(days[: equity.size], equity),
        passport=("goog.npz of matplotlib, 1,047 daily bars, no gaps, fingerprint 9ab1c2d3",),
        assumptions=(
            "Market orders fill at the next bar's open, slippage half a tick.",
            "Inside a bar the adverse extreme comes first (pessimistic) or last (optimistic).",
        ),
        engine_mode="interpreted",
        events=1_047,
        elapsed_seconds=0.21,
        reproduce="trader backtest examples/sma_cross.toml --seed 7",
        benchmark="buy and hold GOOG",
        benchmark_return=float(close[-1] / close[0] - 1),
    )


def two_sided(summary: RunSummary) -> RunSummary:
    """The same run with an optimistic result that differs."""
    better = path_result(summary.curve.equity * 1.01, state_hash="77aa" * 16)
    return replace(summary, optimistic=better)
