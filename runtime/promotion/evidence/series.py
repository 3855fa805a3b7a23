"""Daily closes and round trips of a run, as the gate is told them."""

from __future__ import annotations

from engine.gate.evidence import DailySeries
from engine.model.units import to_minor
from runtime.results import BacktestResult
from runtime.results.daily import DailyCloses, daily_closes
from runtime.results.output import RunOutput
from runtime.results.statement import unrealized_by_instrument


def daily_series(output: RunOutput) -> DailySeries:
    """Return the account at the closes of its trading days, the day before the first one included."""
    return series_of(daily_closes(output))


def series_of(closes: DailyCloses, after_day: int | None = None) -> DailySeries:
    """Return closes as the gate has them: all, or those from the last one up to a day on."""
    first = 0
    if after_day is not None:
        first = max(int((closes.day_numbers < after_day).sum()) - 1, 0)
    return DailySeries(
        tuple(closes.day_numbers[first:].tolist()),
        tuple(closes.equity[first:].tolist()),
        tuple(closes.flow[first:].tolist()),
    )


def trade_profits(result: BacktestResult) -> tuple[int, ...]:
    """Return the profit of each round trip that has ended, net of fees, in minor units."""
    ended = result.trades.filter(~result.trades["is_open"])
    return tuple(to_minor(each, name="pnl") for each in ended["pnl"])


def open_profits(result: BacktestResult) -> tuple[int, ...]:
    """Return the profit so far of each round trip that has not ended, at the last price, in minor units."""
    trips, output = result.trades, result.pessimistic
    so_far = {
        symbol: to_minor(pnl, name="pnl")
        for symbol, pnl in trips.filter(trips["is_open"]).select("symbol", "pnl").iter_rows()
    }
    return tuple(
        so_far.get(output.instruments[i].symbol, 0) + gain
        for i, gain in unrealized_by_instrument(output).items()
    )
