"""`RunSummary`: everything that a report of one run shows, as plain values.

Whoever ran the strategy fills it in; tear sheet, JSON and pictures read nothing else. Money is
Decimal in units of the account currency, exact; ratios and curves are floats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.rules.metrics import Measured, Metrics, drawdowns
from engine.rules.sharpe import sharpe_interval

if TYPE_CHECKING:
    from reports.trading import LoopReport

SUMMARY_SCHEMA_VERSION = 1
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Costs:
    """What trading cost, by kind: positive was paid, negative was received.

    `slippage` and `spread` are contained in the fill prices; the others are postings of their own.
    """

    fees: Decimal = Decimal(0)
    slippage: Decimal = Decimal(0)
    spread: Decimal = Decimal(0)
    funding: Decimal = Decimal(0)
    interest: Decimal = Decimal(0)
    dividends: Decimal = Decimal(0)

    def total(self) -> Decimal:
        """Return the sum over all kinds, dividends included."""
        return (
            self.fees + self.slippage + self.spread + self.funding + self.interest + self.dividends
        )


@dataclass(frozen=True, slots=True)
class TradeStatistics:
    """Counts of what happened, and the extremes of the closed trades."""

    orders: int = 0
    fills: int = 0
    closed: int = 0
    won: int = 0
    lost: int = 0
    open_positions: int = 0
    best: Decimal | None = None
    worst: Decimal | None = None


class Outcome(Protocol):
    """What a run has left behind; its hash takes a while, so it is made when first asked for."""

    @property
    def state_hash(self) -> str:
        """The identity of the outcome."""


@dataclass(frozen=True, slots=True)
class PathResult:
    """The result under one set of assumptions about what the data does not show."""

    final_equity: Decimal
    metrics: Metrics
    trades: TradeStatistics
    costs: Costs
    outcome: Outcome

    @property
    def state_hash(self) -> str:
        """The identity of the run's outcome."""
        return self.outcome.state_hash


@dataclass(frozen=True, slots=True, eq=False)
class EquityCurve:
    """Marked equity: days since 1970-01-01 and units of the currency, one point a daily close.

    A run of few sessions has many points a day; `ts_ns` are then their times, nanoseconds UTC.
    """

    day_numbers: NDArray[np.int64]
    equity: NDArray[np.float64]
    ts_ns: NDArray[np.int64] | None = None

    def times(self) -> NDArray[np.datetime64]:
        """Return the time of each point: a day, or a nanosecond."""
        if self.ts_ns is None:
            return self.day_numbers.astype("datetime64[D]")
        return self.ts_ns.astype("datetime64[ns]")

    def drawdown(self) -> NDArray[np.float64]:
        """Return the fraction under the running maximum at each close, zero or negative."""
        return drawdowns(self.equity) if self.equity.size else np.empty(0)


@dataclass(frozen=True, slots=True, eq=False)
class RunSummary:
    """One finished run.

    Parameters
    ----------
    pessimistic, optimistic
        Both ends of what the data leaves open (path inside the bar, queue, spread). `optimistic`
        is ``None`` when only the pessimistic end was computed.
    curve
        The pessimistic equity at the daily closes; the first element is the start.
    period_start_ns, period_end_ns
        First and last event, nanoseconds UTC.
    passport, assumptions, warnings
        Lines for a reader, one fact each.
    engine_mode
        ``compiled`` or ``interpreted``.
    loop
        What the trading loop did; None where the run had none.
    """

    strategy: str
    parameters: tuple[tuple[str, str], ...]
    instruments: tuple[str, ...]
    period_start_ns: int
    period_end_ns: int
    currency: str
    starting_cash: Decimal
    pessimistic: PathResult
    optimistic: PathResult | None
    curve: EquityCurve
    passport: Sequence[str]
    assumptions: tuple[str, ...]
    engine_mode: str
    events: int
    elapsed_seconds: float
    reproduce: str
    benchmark: str = ""
    benchmark_return: float | None = None
    warnings: tuple[str, ...] = field(default=())
    loop: LoopReport | None = None

    def depends_on_assumptions(self) -> bool:
        """Say whether the optimistic result differs from the pessimistic one.

        The state hash decides and not the metrics: two paths may end at one figure by chance.
        """
        other = self.optimistic
        return other is not None and other.state_hash != self.pessimistic.state_hash

    def paths(self) -> tuple[tuple[str, PathResult], ...]:
        """Return the results to show, with their names: one when both ends are equal."""
        if self.optimistic is None or not self.depends_on_assumptions():
            return (("result", self.pessimistic),)
        return (("pessimistic", self.pessimistic), ("optimistic", self.optimistic))

    def net_return(self, path: PathResult) -> Decimal | None:
        """Return final equity over starting cash less one, as a fraction."""
        if self.starting_cash <= 0:
            return None
        return path.final_equity / self.starting_cash - 1


def ns_to_date(ts_ns: int) -> date:
    """Return the UTC date of a time in nanoseconds."""
    return EPOCH + timedelta(days=ts_ns // (86_400 * 10**9))


def interval_of_sharpe(metrics: Metrics) -> tuple[float, float] | None:
    """Return the 95 % interval of a run's Sharpe ratio; None where there is none."""
    sharpe, third, fourth = (metrics[key] for key in ("sharpe", "skewness", "kurtosis"))
    if sharpe is None or third is None or fourth is None:
        return None
    return sharpe_interval(
        sharpe,
        observations=metrics.observations,
        periods_per_year=metrics.periods_per_year,
        skewness=third,
        kurtosis=fourth,
    )


def sample_note(metrics: Metrics) -> str:
    """Say what a sample of this length cannot show about the Sharpe ratio."""
    n, interval, odds = metrics.observations, interval_of_sharpe(metrics), metrics["psr"]
    if interval is None or odds is None:
        return f"{n:,} daily returns say nothing about a Sharpe ratio."
    low, high = interval
    text = f"Sharpe 95 % interval {low:.2f} to {high:.2f} from {n:,} days"
    if low > 0 or high < 0:
        return f"{text}: it excludes 0."
    needed = metrics["days_needed"]
    if needed is None:
        return f"{text}: luck is not excluded."
    if needed <= n:
        return f"{text}: it is over 0 with {odds * 100:.1f} % probability."
    more = f"{needed - n:,.0f} more days at this ratio would show more than luck"
    return f"{text}: over 0 with {odds * 100:.1f} % probability; {more} (95 %)."


def summary_to_json(summary: RunSummary) -> dict[str, object]:
    """Return the summary as JSON values: stable keys, exact money as strings.

    Metrics are numbers or ``null``; the reason of each ``null`` is under ``undefined``.
    """
    paths = {"pessimistic": _path_to_json(summary, summary.pessimistic)}
    if summary.optimistic is not None:
        paths["optimistic"] = _path_to_json(summary, summary.optimistic)
    values: dict[str, object] = {
        "schema_version": SUMMARY_SCHEMA_VERSION,
        "strategy": summary.strategy,
        "parameters": dict(summary.parameters),
        "instruments": list(summary.instruments),
        "period": {
            "start_ns": summary.period_start_ns,
            "end_ns": summary.period_end_ns,
            "start": ns_to_date(summary.period_start_ns).isoformat(),
            "end": ns_to_date(summary.period_end_ns).isoformat(),
        },
        "currency": summary.currency,
        "starting_cash": _money(summary.starting_cash),
        "depends_on_assumptions": summary.depends_on_assumptions(),
        "paths": paths,
        "benchmark": summary.benchmark or None,
        "benchmark_return": summary.benchmark_return,
        "passport": list(summary.passport),
        "assumptions": list(summary.assumptions),
        "warnings": list(summary.warnings),
        "state_hash": summary.pessimistic.state_hash,
        "engine_mode": summary.engine_mode,
        "events": summary.events,
        "elapsed_seconds": summary.elapsed_seconds,
        "reproduce": summary.reproduce,
    }
    if summary.loop is not None:
        from reports.trading import loop_to_json

        values |= loop_to_json(summary.loop)
    return values


def _path_to_json(summary: RunSummary, path: PathResult) -> dict[str, object]:
    net = summary.net_return(path)
    return {
        "final_equity": _money(path.final_equity),
        "net_return": None if net is None else float(net),
        "metrics_version": path.metrics.version,
        "observations": path.metrics.observations,
        "periods_per_year": path.metrics.periods_per_year,
        "metrics": {row.key: row.value for row in path.metrics},
        "undefined": {row.key: row.reason for row in path.metrics if is_undefined(row)},
        "sample": sample_note(path.metrics),
        "trades": _trades_to_json(path.trades),
        "costs": _costs_to_json(path.costs),
        "state_hash": path.state_hash,
    }


def _trades_to_json(trades: TradeStatistics) -> dict[str, object]:
    return {
        "orders": trades.orders,
        "fills": trades.fills,
        "closed": trades.closed,
        "won": trades.won,
        "lost": trades.lost,
        "open_positions": trades.open_positions,
        "best": None if trades.best is None else _money(trades.best),
        "worst": None if trades.worst is None else _money(trades.worst),
    }


def _costs_to_json(costs: Costs) -> dict[str, object]:
    return {
        "fees": _money(costs.fees),
        "slippage": _money(costs.slippage),
        "spread": _money(costs.spread),
        "funding": _money(costs.funding),
        "interest": _money(costs.interest),
        "dividends": _money(costs.dividends),
        "total": _money(costs.total()),
    }


def is_undefined(measured: Measured) -> bool:
    """Say whether a metric has no value."""
    return measured.value is None


def _money(amount: Decimal) -> str:
    """Write money exactly and without an exponent: 1E+3 is 1000."""
    return format(amount, "f")
