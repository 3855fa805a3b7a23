"""The metrics of many runs over the same days at once: the numbers of `measure`, to the last bit.

`measure` makes some hundred small numpy calls, half a millisecond, which is as long as a whole run
takes in a search. Here each call is made once for all runs: their series are the rows of a table. numpy
adds the elements of a row as it adds those of a series, and what it computes in another way for many
numbers than for one (logarithms, powers) is computed one by one. The definitions are those of
metric_definitions.py; a test compares the two over random accounts, bit by bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.model.units import MINOR_PER_UNIT
from engine.rules.metrics import (
    DEFINITIONS,
    EXPONENT_MAX,
    FLAT_RANGE,
    MINIMUM_OBSERVATIONS,
    TAIL_FRACTION,
    daily_returns,
    volatility,
)
from engine.rules.sharpe import minimum_track_record, probabilistic_sharpe

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Table = dict[str, Floats]

KEYS = tuple(row.key for row in DEFINITIONS)
NAN = math.nan


@dataclass(frozen=True, slots=True, eq=False)
class DailyAccounts:
    """Accounts at the same daily closes, one row for each run; see `DailyAccount`.

    All tables have the shape of `equity_close`, money in minor units; `day_numbers` is one row.
    """

    equity_close: Ints
    periods_per_year: float
    flows: Ints
    day_numbers: Ints
    gross_exposure: Ints
    traded_value: Ints


def returns_of_many(accounts: DailyAccounts) -> Floats:
    """Return each run's `daily_returns`, one row each; NaN throughout where it has none."""
    equity = accounts.equity_close.astype(np.float64)
    before = equity[:, :-1]
    earned = np.diff(accounts.equity_close, axis=1) - accounts.flows[:, 1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        returns: Floats = earned.astype(np.float64) / before
    if before.shape[1]:
        returns[before.min(axis=1) <= 0.0] = np.nan
    return returns


def measure_many(
    accounts: DailyAccounts,
    returns: Floats,
    *,
    trade_pnl: Sequence[Ints],
    benchmark_close: Floats | None = None,
) -> Floats:
    """Compute the metrics of `KEYS` for every run; NaN where one is undefined.

    Parameters
    ----------
    accounts
        The daily closes.
    returns
        Their `returns_of_many`.
    trade_pnl
        For each run the result of each closed trade, in minor units.
    benchmark_close
        The benchmark at the same closes.

    Returns
    -------
    NDArray[np.float64]
        Shape ``(runs, len(KEYS))``; the implementation shortfall is always undefined.
    """
    table = np.full((len(returns), len(KEYS)), np.nan)
    usable = _usable(returns)
    if usable.any():
        chosen = returns[usable]
        per_year, days = accounts.periods_per_year, accounts.day_numbers
        values = _return_values(chosen, per_year, days) | _benchmark_values(
            chosen, per_year, benchmark_close
        )
        for key, column in values.items():
            table[usable, KEYS.index(key)] = column
    for key, column in _day_values(accounts).items():
        table[:, KEYS.index(key)] = column
    places = [KEYS.index(key) for key in _TRADE_KEYS]
    for row, pnl in enumerate(trade_pnl):
        table[row, places] = _trade_values(pnl)
    return table


def _usable(returns: Floats) -> NDArray[np.bool_]:
    """Return which runs have returns that say anything: see `metrics._is_thin`."""
    if returns.shape[1] < MINIMUM_OBSERVATIONS:
        return np.zeros(len(returns), dtype=np.bool_)
    with np.errstate(invalid="ignore"):
        spread: NDArray[np.bool_] = returns.max(axis=1) - returns.min(axis=1) > FLAT_RANGE
    return spread


def _return_values(returns: Floats, per_year: float, days: Ints) -> Table:
    count = returns.shape[1]
    root = math.sqrt(per_year)
    mean, deviation = returns.mean(axis=1), returns.std(axis=1, ddof=1)
    index = np.concatenate((np.ones((len(returns), 1)), np.cumprod(1.0 + returns, axis=1)), axis=1)
    depth = index / np.maximum.accumulate(index, axis=1) - 1.0
    deepest = depth.min(axis=1)
    growth = np.array([_cagr(each, per_year, count) for each in index[:, -1].tolist()])
    downside = np.sqrt(np.square(np.minimum(returns, 0.0)).mean(axis=1))
    worst = np.sort(returns, axis=1)[:, : int((count - 1) * TAIL_FRACTION) + 1]
    ratio = mean / deviation
    third, fourth = _moments(returns - mean[:, np.newaxis])
    with np.errstate(divide="ignore", invalid="ignore"):
        sortino = np.where(downside > FLAT_RANGE, mean / downside * root, np.nan)
        calmar = np.where(deepest < -FLAT_RANGE, growth / -deepest, np.nan)
    return {
        "total_return": index[:, -1] - 1.0,
        "cagr": growth,
        "volatility": deviation * root,
        "sharpe": ratio * root,
        "sortino": sortino,
        "calmar": calmar,
        "max_drawdown": deepest,
        "max_drawdown_days": _drawdown_days(depth, days),
        "var_95": np.quantile(returns, TAIL_FRACTION, axis=1),
        "cvar_95": worst.mean(axis=1),
        "skewness": third,
        "kurtosis": fourth,
        **_skill(ratio, third, fourth, count),
    }


def _cagr(growth: float, per_year: float, count: int) -> float:
    if growth <= 0.0:
        return NAN
    exponent = math.log(growth) * per_year / count
    return math.expm1(exponent) if exponent < EXPONENT_MAX else NAN


def _moments(centred: Floats) -> tuple[Floats, Floats]:
    """Return skewness and kurtosis of each row; see `sharpe._standardized_moment`."""
    square = np.square(centred)
    variance = square.mean(axis=1).tolist()
    found = []
    for order, factor in ((3, centred), (4, square)):
        scales = [math.pow(each, order / 2) if each > 0.0 else NAN for each in variance]
        found.append((square * factor).mean(axis=1) / np.array(scales))
    return found[0], found[1]


def _skill(ratio: Floats, third: Floats, fourth: Floats, count: int) -> Table:
    """Return what the moments say about each ratio; see `metrics.probability_of_skill`."""
    odds, needed = [], []
    for one, g3, g4 in zip(ratio.tolist(), third.tolist(), fourth.tolist(), strict=True):
        chance = days = None
        if not math.isnan(g3):
            chance = probabilistic_sharpe(
                one, observations=count, periods_per_year=1.0, skewness=g3, kurtosis=g4
            )
            days = minimum_track_record(one, periods_per_year=1.0, skewness=g3, kurtosis=g4)
        odds.append(NAN if chance is None else chance)
        needed.append(NAN if days is None else float(math.ceil(days)))
    return {"psr": np.array(odds), "days_needed": np.array(needed)}


def _drawdown_days(depth: Floats, days: Ints) -> Floats:
    """Return how many days the deepest drawdown of each run lasted; see `under_water`."""
    rows, last = np.arange(len(depth)), depth.shape[1] - 1
    trough = depth.argmin(axis=1)
    is_late = np.arange(last + 1) > trough[:, np.newaxis]
    at_peak = depth >= -FLAT_RANGE
    peak = last - (at_peak & ~is_late)[:, ::-1].argmax(axis=1)
    regained = at_peak & is_late
    end = np.where(regained.any(axis=1), regained.argmax(axis=1), last)
    lasted = (days[end] - days[peak]).astype(np.float64)
    return np.where(depth[rows, trough] < -FLAT_RANGE, lasted, np.nan)


def _benchmark_values(returns: Floats, per_year: float, closes: Floats | None) -> Table:
    market = None if closes is None else daily_returns(closes)
    if market is None or volatility(market, periods_per_year=1.0) is None:
        return {}
    centred = market - market.mean()
    own = returns - returns.mean(axis=1)[:, np.newaxis]
    slope = (centred * own).sum(axis=1) / np.square(centred).sum()
    daily = (returns - slope[:, np.newaxis] * market).mean(axis=1)
    alphas = [_compounded(each, per_year) for each in daily.tolist()]
    return {"alpha": np.array(alphas), "beta": slope}


def _compounded(daily: float, per_year: float) -> float:
    exponent = per_year * math.log1p(daily) if daily > -1.0 else math.inf
    return math.expm1(exponent) if exponent < EXPONENT_MAX else NAN


def _day_values(accounts: DailyAccounts) -> Table:
    equity = accounts.equity_close[:, 1:].astype(np.float64)
    count = equity.shape[1]
    if count < MINIMUM_OBSERVATIONS:
        return {}
    held = accounts.gross_exposure[:, 1:].astype(np.float64)
    traded = accounts.traded_value[:, 1:].astype(np.float64).sum(axis=1)
    mean = equity.mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        exposure = (held / equity).mean(axis=1)
        turnover = traded / 2.0 / mean * accounts.periods_per_year / count
    return {
        "exposure": np.where(equity.min(axis=1) > 0.0, exposure, np.nan),
        "turnover": np.where(mean > 0.0, turnover, np.nan),
    }


_TRADE_KEYS = ("hit_rate", "profit_factor", "payoff_ratio", "expectancy")


def _trade_values(pnl: Ints) -> tuple[float, float, float, float]:
    """Return the metrics of `_TRADE_KEYS` of one run; sums are exact, so their order is free."""
    if pnl.size < MINIMUM_OBSERVATIONS:
        return NAN, NAN, NAN, NAN
    trades = np.divide(pnl, np.float64(MINOR_PER_UNIT), dtype=np.float64)
    won, lost = trades[trades > 0.0].tolist(), trades[trades < 0.0].tolist()
    gained, given = math.fsum(won), math.fsum(lost)
    factor = gained / -given if lost else NAN
    payoff = (gained / len(won)) / (-given / len(lost)) if won and lost else NAN
    return len(won) / pnl.size, factor, payoff, math.fsum(trades.tolist()) / pnl.size
