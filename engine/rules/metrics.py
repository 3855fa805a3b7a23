"""Performance metrics: pinned, versioned definitions, computed by pure functions.

The problem: every library means something else by "Sharpe" or "turnover", and most of them return
0, infinity or the largest float where there is no answer, which then wins a ranking.

The choice: one registry (`DEFINITIONS`, metric_definitions.py) holds each metric's formula, unit, undefined
case and source; docs/reference/metrics.md is generated from it. A number changes only together with
`METRICS_VERSION`. An undefined metric is ``None`` and comes with the reason in words.

Conventions
-----------
- Equity is the marked equity of the account at each daily close; the first element is the equity
  before the first day, so ``n + 1`` closes give ``n`` observations.
- Money as ``int64`` counts minor units (10^-8 of the currency), money as ``float64`` counts units.
- A day's return is ``(close - flow) / previous_close - 1``: deposits (positive) and withdrawals
  (negative) of that day are removed as if they arrived after the last trade.
- Deviations are sample deviations (``n - 1``).
- Whatever is derived from returns is undefined under 20 observations or when the returns do not
  vary by more than `FLAT_RANGE`, which is what rounding the ledger to minor units can cause.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import InputError
from engine.model.units import MINOR_PER_UNIT
from engine.rules.metric_definitions import (
    DEFINITIONS,
    FLAT_RANGE,
    METRICS_VERSION,
    MINIMUM_OBSERVATIONS,
    Basis,
    MetricDefinition,
    Unit,
    definition_of,
    definitions_to_markdown,
)
from engine.rules.sharpe import (
    kurtosis,
    minimum_track_record,
    probabilistic_sharpe,
    skewness,
)
from engine.rules.under_water import deepest_drawdowns

__all__ = [
    "DEFINITIONS",
    "FLAT_RANGE",
    "METRICS_VERSION",
    "MINIMUM_OBSERVATIONS",
    "Basis",
    "DailyAccount",
    "FillCosts",
    "Measured",
    "MetricDefinition",
    "Metrics",
    "Unit",
    "alpha",
    "beta",
    "cagr",
    "calmar_ratio",
    "conditional_value_at_risk",
    "daily_returns",
    "days_needed",
    "definition_of",
    "definitions_to_markdown",
    "drawdowns",
    "expectancy",
    "exposure",
    "growth_index",
    "hit_rate",
    "implementation_shortfall",
    "max_drawdown",
    "max_drawdown_days",
    "measure",
    "payoff_ratio",
    "probability_of_skill",
    "profit_factor",
    "sharpe_ratio",
    "sortino_ratio",
    "total_return",
    "turnover",
    "value_at_risk",
    "volatility",
]

TAIL_FRACTION = 0.05
EXPONENT_MAX = 700.0  # exp of more leaves the range of floats

FloatArray = NDArray[np.float64]
MoneyArray = NDArray[np.int64] | NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measured:
    """One metric's value; ``None`` when undefined, and then `reason` says why."""

    key: str
    value: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Metrics:
    """All metrics of one run, in the order of `DEFINITIONS`.

    Examples
    --------
    >>> metrics = measure(DailyAccount(np.array([100.0, 101.0]), periods_per_year=252))
    >>> metrics["sharpe"] is None
    True
    >>> metrics.reason("sharpe")
    '1 of the 20 daily returns needed'
    """

    measured: tuple[Measured, ...]
    observations: int
    trades: int
    periods_per_year: float
    version: int = METRICS_VERSION

    def __getitem__(self, key: str) -> float | None:
        return self._find(key).value

    def __iter__(self) -> Iterator[Measured]:
        return iter(self.measured)

    def reason(self, key: str) -> str:
        """Say why a metric is undefined; empty when it is defined."""
        return self._find(key).reason

    def _find(self, key: str) -> Measured:
        definition_of(key)
        return next(item for item in self.measured if item.key == key)


@dataclass(frozen=True, slots=True, eq=False)
class DailyAccount:
    """An account at its daily closes; every array has the length of `equity_close`.

    Parameters
    ----------
    equity_close
        Marked equity, time ascending; the first element is the equity before the first day.
    periods_per_year
        Daily closes in a year of the venue's calendar: 252 for US equities, 365 around the clock.
    flows
        Deposits minus withdrawals of each day, in the same unit; the first element is ignored.
    day_numbers
        Days since 1970-01-01 of each close. Without them a duration counts closes.
    gross_exposure
        Sum of absolute market values at each close; the first element is ignored.
    traded_value
        Sum of absolute values traded in each day; the first element is ignored.
    """

    equity_close: MoneyArray
    periods_per_year: float
    flows: MoneyArray | None = None
    day_numbers: NDArray[np.int64] | None = None
    gross_exposure: MoneyArray | None = None
    traded_value: MoneyArray | None = None

    def __post_init__(self) -> None:
        _require_series(self.equity_close, name="equity_close")
        if not (math.isfinite(self.periods_per_year) and self.periods_per_year > 0):
            raise InputError(f"periods_per_year must be over 0, not {self.periods_per_year}")
        for name in ("flows", "day_numbers", "gross_exposure", "traded_value"):
            column = getattr(self, name)
            if column is not None:
                _require_series(column, name=name, length=self.equity_close.size)


@dataclass(frozen=True, slots=True, eq=False)
class FillCosts:
    """What each fill cost against the price at its decision.

    `decision_value` is quantity times decision price (absolute), `cost` is what was paid more or
    received less than that, fees included; both in one unit, one element per fill.
    """

    decision_value: MoneyArray
    cost: MoneyArray


def measure(
    account: DailyAccount,
    *,
    trade_pnl: MoneyArray | None = None,
    benchmark_close: MoneyArray | None = None,
    fill_costs: FillCosts | None = None,
    risk_free_per_period: float = 0.0,
) -> Metrics:
    """Compute every metric of `DEFINITIONS`.

    Parameters
    ----------
    account
        The daily closes.
    trade_pnl
        Realized profit or loss of each closed trade (net of its fees).
    benchmark_close
        The benchmark at the same closes, same length as the equity.
    fill_costs
        Costs against the decision prices, for the implementation shortfall.
    risk_free_per_period
        Risk-free return of one day, as a fraction.

    Raises
    ------
    InputError
        If an array has the wrong shape or length, or holds a NaN or an infinity.
    """
    trades = _money(trade_pnl) if trade_pnl is not None else np.empty(0)
    returns = daily_returns(account.equity_close, account.flows)
    values = _return_values(account, returns, risk_free_per_period)
    values |= _benchmark_values(account, returns, benchmark_close, risk_free_per_period)
    values |= _day_values(account)
    values |= _trade_values(trades)
    values |= {"implementation_shortfall": implementation_shortfall(fill_costs)}
    counts = _Counts(
        days=account.equity_close.size - 1,
        trades=trades.size,
        fills=0 if fill_costs is None else fill_costs.cost.size,
    )
    measured = tuple(_explain(row, values[row.key], counts, returns) for row in DEFINITIONS)
    return Metrics(measured, max(counts.days, 0), counts.trades, account.periods_per_year)


def daily_returns(equity_close: MoneyArray, flows: MoneyArray | None = None) -> FloatArray | None:
    """Compute simple daily returns with external flows removed.

    Returns
    -------
    NDArray[np.float64] | None
        One per day, fractions. ``None`` where a day began with no equity: it has no return.

    Examples
    --------
    >>> closes = np.array([100.0, 110.0, 210.0])
    >>> daily_returns(closes, np.array([0.0, 0.0, 100.0])).round(4).tolist()
    [0.1, 0.0]
    """
    if equity_close.size < 2:
        return np.empty(0)
    equity = equity_close.astype(np.float64)
    before = equity[:-1]
    if float(before.min()) <= 0.0:
        return None
    # Integers are subtracted as integers: 92 billion units of 10^-8 do not fit a float exactly.
    earned = np.diff(equity_close) if flows is None else np.diff(equity_close) - flows[1:]
    returns: FloatArray = earned.astype(np.float64) / before
    return returns


def growth_index(returns: FloatArray) -> FloatArray:
    """Compound returns to an index that begins at 1; one element longer than `returns`."""
    return np.concatenate((np.ones(1), np.cumprod(1.0 + returns)))


def drawdowns(index: FloatArray) -> FloatArray:
    """Return ``index / running maximum - 1`` at each point: zero or negative fractions."""
    peaks = np.maximum.accumulate(index)
    return index / peaks - 1.0


def total_return(returns: FloatArray) -> float | None:
    """Compute the compounded return of the whole period, see `DEFINITIONS`."""
    return None if _is_thin(returns) else float(growth_index(returns)[-1]) - 1.0


def cagr(returns: FloatArray, *, periods_per_year: float) -> float | None:
    """Compute the compound annual growth rate, see `DEFINITIONS`."""
    if _is_thin(returns):
        return None
    growth = float(growth_index(returns)[-1])
    if growth <= 0.0:
        return None
    exponent = math.log(growth) * periods_per_year / returns.size
    return math.expm1(exponent) if exponent < EXPONENT_MAX else None


def volatility(returns: FloatArray, *, periods_per_year: float) -> float | None:
    """Compute the annualized sample deviation of returns, see `DEFINITIONS`."""
    if _is_thin(returns):
        return None
    return float(returns.std(ddof=1)) * math.sqrt(periods_per_year)


def sharpe_ratio(
    returns: FloatArray, *, periods_per_year: float, risk_free_per_period: float = 0.0
) -> float | None:
    """Compute the annualized Sharpe ratio.

    Parameters
    ----------
    returns
        Simple returns, one per day, as fractions; time ascending, no NaN.
    periods_per_year
        252 for daily US equity closes, 365 around the clock.
    risk_free_per_period
        Risk-free return of one period, as a fraction.

    Returns
    -------
    float | None
        Dimensionless. ``None`` under 20 returns or without variation.

    Notes
    -----
    The scaling by the root of time assumes independent returns. Source: Sharpe (1994).

    Examples
    --------
    >>> round(sharpe_ratio(np.array([0.01, -0.005, 0.02, 0.0] * 5), periods_per_year=252), 4)
    10.0718
    """
    if _is_thin(returns):
        return None
    excess = returns - risk_free_per_period
    return float(excess.mean() / excess.std(ddof=1)) * math.sqrt(periods_per_year)


def probability_of_skill(returns: FloatArray, *, risk_free_per_period: float = 0.0) -> float | None:
    """Compute the probability that the true Sharpe ratio is over 0, see `DEFINITIONS`."""
    excess = returns - risk_free_per_period
    ratio = sharpe_ratio(excess, periods_per_year=1.0)
    third, fourth = skewness(excess), kurtosis(excess)
    if ratio is None or third is None or fourth is None:
        return None
    return probabilistic_sharpe(
        ratio,
        observations=returns.size,
        periods_per_year=1.0,
        skewness=third,
        kurtosis=fourth,
    )


def days_needed(returns: FloatArray, *, risk_free_per_period: float = 0.0) -> float | None:
    """Compute the track record that would show the Sharpe ratio to be over 0, see `DEFINITIONS`."""
    excess = returns - risk_free_per_period
    ratio = sharpe_ratio(excess, periods_per_year=1.0)
    third, fourth = skewness(excess), kurtosis(excess)
    if ratio is None or third is None or fourth is None:
        return None
    days = minimum_track_record(ratio, periods_per_year=1.0, skewness=third, kurtosis=fourth)
    return None if days is None else float(math.ceil(days))


def sortino_ratio(
    returns: FloatArray, *, periods_per_year: float, risk_free_per_period: float = 0.0
) -> float | None:
    """Compute the annualized Sortino ratio, see `DEFINITIONS`. ``None`` when no day lost."""
    if _is_thin(returns):
        return None
    excess = returns - risk_free_per_period
    downside = math.sqrt(float(np.square(np.minimum(excess, 0.0)).mean()))
    if downside <= FLAT_RANGE:
        return None
    return float(excess.mean()) / downside * math.sqrt(periods_per_year)


def max_drawdown(returns: FloatArray) -> float | None:
    """Compute the deepest drawdown as a fraction, zero or negative, see `DEFINITIONS`."""
    return None if _is_thin(returns) else float(drawdowns(growth_index(returns)).min())


def max_drawdown_days(
    returns: FloatArray, day_numbers: NDArray[np.int64] | None = None
) -> float | None:
    """Compute how many days the deepest drawdown lasted, see `under_water`.

    Without `day_numbers` (one more than `returns`) it counts closes. ``None`` without a drawdown.
    """
    if _is_thin(returns):
        return None
    deepest = deepest_drawdowns(drawdowns(growth_index(returns)), count=1)
    days = np.arange(returns.size + 1) if day_numbers is None else day_numbers
    return float(deepest[0].days(days)) if deepest else None


def calmar_ratio(returns: FloatArray, *, periods_per_year: float) -> float | None:
    """Compute CAGR over the absolute maximum drawdown, see `DEFINITIONS`."""
    growth = cagr(returns, periods_per_year=periods_per_year)
    depth = max_drawdown(returns)
    if growth is None or depth is None or depth >= -FLAT_RANGE:
        return None
    return growth / -depth


def value_at_risk(returns: FloatArray, *, tail: float = TAIL_FRACTION) -> float | None:
    """Compute the historical `tail` quantile of daily returns; a loss is negative."""
    return None if _is_thin(returns) else float(np.quantile(returns, tail))


def conditional_value_at_risk(returns: FloatArray, *, tail: float = TAIL_FRACTION) -> float | None:
    """Compute the mean of the worst returns, see `DEFINITIONS`; a loss is negative."""
    if _is_thin(returns):
        return None
    worst = int((returns.size - 1) * tail)
    return float(np.sort(returns)[: worst + 1].mean())


def beta(returns: FloatArray, benchmark_returns: FloatArray) -> float | None:
    """Compute the slope of returns on the benchmark's, see `DEFINITIONS`."""
    if _is_thin(returns) or _is_thin(benchmark_returns):
        return None
    centred = benchmark_returns - benchmark_returns.mean()
    return float((centred * (returns - returns.mean())).sum() / np.square(centred).sum())


def alpha(
    returns: FloatArray,
    benchmark_returns: FloatArray,
    *,
    periods_per_year: float,
    risk_free_per_period: float = 0.0,
) -> float | None:
    """Compute Jensen's alpha, annualized by compounding, see `DEFINITIONS`."""
    slope = beta(returns, benchmark_returns)
    if slope is None:
        return None
    excess = returns - risk_free_per_period
    daily = float((excess - slope * (benchmark_returns - risk_free_per_period)).mean())
    exponent = periods_per_year * math.log1p(daily) if daily > -1.0 else math.inf
    return math.expm1(exponent) if exponent < EXPONENT_MAX else None


def exposure(equity_close: MoneyArray, gross_exposure: MoneyArray) -> float | None:
    """Compute mean gross market value over equity at the closes, see `DEFINITIONS`."""
    equity = equity_close[1:].astype(np.float64)
    if equity.size < MINIMUM_OBSERVATIONS or float(equity.min()) <= 0.0:
        return None
    return float((gross_exposure[1:].astype(np.float64) / equity).mean())


def turnover(
    equity_close: MoneyArray, traded_value: MoneyArray, *, periods_per_year: float
) -> float | None:
    """Compute one-sided turnover per year, see `DEFINITIONS`."""
    equity = equity_close[1:].astype(np.float64)
    if equity.size < MINIMUM_OBSERVATIONS or float(equity.mean()) <= 0.0:
        return None
    traded = float(traded_value[1:].astype(np.float64).sum())
    return traded / 2.0 / float(equity.mean()) * periods_per_year / equity.size


def hit_rate(trade_pnl: FloatArray) -> float | None:
    """Compute the share of closed trades with a profit. ``None`` under 20 trades."""
    return None if _is_few(trade_pnl) else float((trade_pnl > 0.0).mean())


def profit_factor(trade_pnl: FloatArray) -> float | None:
    """Compute gross profit over gross loss. ``None`` when no trade lost."""
    lost = trade_pnl[trade_pnl < 0.0]
    if _is_few(trade_pnl) or not lost.size:
        return None
    return _sum(trade_pnl[trade_pnl > 0.0]) / -_sum(lost)


def payoff_ratio(trade_pnl: FloatArray) -> float | None:
    """Compute the mean win over the mean loss. ``None`` when there is no win or no loss."""
    won, lost = trade_pnl[trade_pnl > 0.0], trade_pnl[trade_pnl < 0.0]
    if _is_few(trade_pnl) or not won.size or not lost.size:
        return None
    return (_sum(won) / won.size) / (-_sum(lost) / lost.size)


def expectancy(trade_pnl: FloatArray) -> float | None:
    """Compute the mean profit of a closed trade, in its unit. ``None`` under 20 trades."""
    return None if _is_few(trade_pnl) else _sum(trade_pnl) / trade_pnl.size


def implementation_shortfall(fill_costs: FillCosts | None) -> float | None:
    """Compute costs against decision prices as a fraction of value, see `DEFINITIONS`."""
    if fill_costs is None or _is_few(fill_costs.cost):
        return None
    value = _sum(_money(fill_costs.decision_value))
    return _sum(_money(fill_costs.cost)) / value if value > 0.0 else None


@dataclass(frozen=True, slots=True)
class _Counts:
    days: int
    trades: int
    fills: int

    def of(self, basis: Basis) -> int:
        match basis:
            case Basis.TRADES:
                return self.trades
            case Basis.FILLS:
                return self.fills
            case _:
                return self.days


def _return_values(
    account: DailyAccount, returns: FloatArray | None, risk_free: float
) -> dict[str, float | None]:
    if returns is None:
        return {row.key: None for row in DEFINITIONS if row.basis is Basis.RETURNS}
    per_year = account.periods_per_year
    return {
        "total_return": total_return(returns),
        "cagr": cagr(returns, periods_per_year=per_year),
        "volatility": volatility(returns, periods_per_year=per_year),
        "sharpe": sharpe_ratio(returns, periods_per_year=per_year, risk_free_per_period=risk_free),
        "sortino": sortino_ratio(
            returns, periods_per_year=per_year, risk_free_per_period=risk_free
        ),
        "calmar": calmar_ratio(returns, periods_per_year=per_year),
        "max_drawdown": max_drawdown(returns),
        "max_drawdown_days": max_drawdown_days(returns, account.day_numbers),
        "var_95": value_at_risk(returns),
        "cvar_95": conditional_value_at_risk(returns),
        "skewness": None if _is_thin(returns) else skewness(returns),
        "kurtosis": None if _is_thin(returns) else kurtosis(returns),
        "psr": probability_of_skill(returns, risk_free_per_period=risk_free),
        "days_needed": days_needed(returns, risk_free_per_period=risk_free),
    }


def _benchmark_values(
    account: DailyAccount,
    returns: FloatArray | None,
    benchmark_close: MoneyArray | None,
    risk_free: float,
) -> dict[str, float | None]:
    if benchmark_close is None:
        return {"alpha": None, "beta": None}
    _require_series(benchmark_close, name="benchmark_close", length=account.equity_close.size)
    market = daily_returns(benchmark_close)
    if returns is None or market is None:
        return {"alpha": None, "beta": None}
    per_year = account.periods_per_year
    return {
        "alpha": alpha(returns, market, periods_per_year=per_year, risk_free_per_period=risk_free),
        "beta": beta(returns, market),
    }


def _day_values(account: DailyAccount) -> dict[str, float | None]:
    held, traded = account.gross_exposure, account.traded_value
    equity, per_year = account.equity_close, account.periods_per_year
    return {
        "exposure": None if held is None else exposure(equity, held),
        "turnover": None if traded is None else turnover(equity, traded, periods_per_year=per_year),
    }


def _trade_values(trades: FloatArray) -> dict[str, float | None]:
    return {
        "hit_rate": hit_rate(trades),
        "profit_factor": profit_factor(trades),
        "payoff_ratio": payoff_ratio(trades),
        "expectancy": expectancy(trades),
    }


def _explain(
    row: MetricDefinition, value: float | None, counts: _Counts, returns: FloatArray | None
) -> Measured:
    if value is not None:
        assert math.isfinite(value), f"{row.key} is {value}"
        return Measured(row.key, value)
    return Measured(row.key, None, _reason(row, counts.of(row.basis), returns))


def _reason(row: MetricDefinition, count: int, returns: FloatArray | None) -> str:
    from_returns = row.basis in (Basis.RETURNS, Basis.BENCHMARK)
    if count < MINIMUM_OBSERVATIONS:
        noun = "daily returns" if from_returns else row.basis.value
        return f"{count} of the {MINIMUM_OBSERVATIONS} {noun} needed"
    if from_returns and returns is None:
        return "equity was not positive at every close"
    if from_returns and returns is not None and _is_thin(returns):
        return "the returns do not vary"
    return row.undefined_when or "it left the range of numbers"


def _is_thin(returns: FloatArray) -> bool:
    """Say whether returns are too few or too flat for any statement."""
    return _is_few(returns) or float(returns.max() - returns.min()) <= FLAT_RANGE


def _is_few(values: MoneyArray) -> bool:
    return values.size < MINIMUM_OBSERVATIONS


def _sum(values: FloatArray) -> float:
    """Return the exact sum, rounded once; a list's elements are read faster than an array's."""
    return math.fsum(values.tolist())


def _money(values: MoneyArray) -> FloatArray:
    """Convert to units of the currency: integers count minor units."""
    _require_series(values, name="an array of money")
    if values.dtype.kind == "i":
        return np.divide(values, np.float64(MINOR_PER_UNIT), dtype=np.float64)
    return values.astype(np.float64)


def _require_series(values: MoneyArray, *, name: str, length: int | None = None) -> None:
    if values.ndim != 1:
        raise InputError(f"{name} must have one dimension, not {values.ndim}")
    if values.dtype.kind not in "if":
        raise InputError(f"{name} must hold int64 or float64, not {values.dtype}")
    if length is not None and values.size != length:
        raise InputError(f"{name} has {values.size} elements, equity_close has {length}")
    if values.dtype.kind == "f" and not bool(np.isfinite(values).all()):
        raise InputError(f"{name} holds a NaN or an infinity")
