"""`path_result`: the metrics, trade statistics and costs of one run.

Definitions
-----------
- A closed trade is one change that takes lots off a position (a fill or a settlement); its result
  is the realized money less the whole fee of that fill. The fees of entries are costs of the run,
  not of the closed trade; `trades_frame` has round trips with all of their fees.
- Slippage is side x (price - reference) x lots, where the reference is the market's price before
  slippage. Spread is half the quoted spread on fills that took a quote's touch, where the history
  with the quotes is given. Both are inside the fill prices.
- The implementation shortfall compares with the last price known when the order was submitted.
- Amounts in another currency are converted at its last rate.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.history import History
from engine.model import layout as at
from engine.model.units import MINOR_PER_UNIT, from_minor
from engine.rules.metrics import DailyAccount, FillCosts, measure
from reports.summary import Costs, PathResult, TradeStatistics
from runtime.results.daily import DailyCloses, daily_closes
from runtime.results.exact import Ints, multiply_divide_rows, sum_of, to_base_rows
from runtime.results.market import half_spread_halfticks, last_price_halfticks, parts_by_index
from runtime.results.output import RunOutput
from runtime.results.rows import Changes, Fills, Tables, Terms, fills_of, rows_of, tables_of
from runtime.results.statement import Statement, statement_of

Floats = NDArray[np.float64]


_KEPT = (at.KIND_FEE_IN_KIND, at.KIND_UNITS_KEPT)  # no trade: a fee


def path_result(
    output: RunOutput,
    *,
    history: History | None = None,
    benchmark_close: Floats | None = None,
    risk_free_per_period: float = 0.0,
    tables: Tables | None = None,
    days: DailyCloses | None = None,
) -> PathResult:
    """Turn what one run left behind into metrics, counts and costs.

    Parameters
    ----------
    output
        The run.
    history
        The market data it was made on; without it the spread paid and the implementation
        shortfall are not known.
    benchmark_close
        The benchmark at the closes of `daily_closes`, the first before the first day.
    risk_free_per_period
        Risk-free return of one day, as a fraction.
    tables, days
        What `tables_of` and `daily_closes` have read, where the caller has it already.
    """
    tables = tables_of(output) if tables is None else tables
    days = daily_closes(output) if days is None else days
    terms, changes = tables.terms, tables.changes
    fills = fills_of(output, changes)
    pnl = closed_trade_pnl(changes, terms)
    metrics = measure(
        daily_account(output, days),
        trade_pnl=pnl,
        benchmark_close=benchmark_close,
        fill_costs=shortfall_costs(output, fills, changes, terms, history),
        risk_free_per_period=risk_free_per_period,
    )
    statement = statement_of(output)
    return PathResult(
        final_equity=from_minor(output.final_equity_minor),
        metrics=metrics,
        trades=_statistics(output, fills, pnl),
        costs=_costs(statement, output, fills, terms, history),
        outcome=output,
    )


def daily_account(output: RunOutput, days: DailyCloses) -> DailyAccount:
    """Return the closes as the metrics want them."""
    return DailyAccount(
        days.equity,
        periods_per_year=output.periods_per_year,
        flows=days.flow,
        day_numbers=days.day_numbers,
        gross_exposure=days.gross,
        traded_value=days.traded,
    )


def closed_trade_pnl(changes: Changes, terms: Terms) -> Ints:
    """Return the result of each closed trade in the account currency, in journal order."""
    closing = np.flatnonzero(changes.closes() & ~np.isin(changes.cause, _KEPT))
    closing = closing[np.argsort(changes.row[closing], kind="stable")]
    net = changes.realized[closing] - changes.fee[closing]
    return to_base_rows(net, terms.rate[changes.instrument[closing]])


def slippage_minor(fills: Fills, terms: Terms) -> Ints:
    """Return what each fill paid more than the market's price, in its own currency."""
    return money_of_ticks(fills.slipped_ticks(), fills, terms, per_tick=1)


def money_of_ticks(ticks: Ints, fills: Fills, terms: Terms, *, per_tick: int) -> Ints:
    """Return `ticks` (counted in 1 / `per_tick`) times each fill's lots as money, half-even."""
    if not ticks.any():
        return np.zeros_like(ticks)
    i = fills.instrument
    return multiply_divide_rows(
        ticks, fills.lots, terms.numerator[i], terms.denominator[i] * per_tick
    )


def shortfall_costs(
    output: RunOutput, fills: Fills, changes: Changes, terms: Terms, history: History | None
) -> FillCosts | None:
    """Return what fills cost against the price at their decision; None without the history.

    Fills with a split between decision and fill are left out: their prices do not compare.
    """
    parts = parts_by_index(output, history)
    if not parts or not fills.row.size:
        return None
    submitted, ts = _submissions(output, fills)
    decision = np.zeros(fills.row.size, dtype=np.int64)
    for index, part in parts.items():
        rows = np.flatnonzero((fills.instrument == index) & (submitted >= 0))
        decision[rows] = last_price_halfticks(part, ts[rows])
    known = (decision > 0) & ~_split_between(changes, fills, submitted)
    worse = np.where(known, fills.side * (2 * fills.price - decision), 0)
    paid = money_of_ticks(worse, fills, terms, per_tick=2) + fills.fee
    value = money_of_ticks(np.where(known, decision, 0), fills, terms, per_tick=2)
    rates = terms.rate[fills.instrument][known] / at.RATE_ONE / MINOR_PER_UNIT
    return FillCosts(value[known] * rates, paid[known] * rates)


def _submissions(output: RunOutput, fills: Fills) -> tuple[Ints, Ints]:
    """Return the journal row and time at which each fill's order was submitted; row -1: unknown."""
    rows = rows_of(output, at.KIND_SUBMITTED)
    if not rows.size:
        return np.full(fills.row.size, -1), np.zeros(fills.row.size, dtype=np.int64)
    ids = output.journal[rows, at.FACT_ORDER]
    order = np.argsort(ids, kind="stable")
    ids, rows = ids[order], rows[order]
    place = np.minimum(np.searchsorted(ids, fills.order), ids.size - 1)
    found = np.where(ids[place] == fills.order, rows[place], -1)
    return found, output.journal[found, at.EVENT_TS]


def _split_between(changes: Changes, fills: Fills, submitted: Ints) -> NDArray[np.bool_]:
    result = np.zeros(fills.row.size, dtype=np.bool_)
    splits = np.flatnonzero(changes.cause == at.KIND_SPLIT)
    for row, instrument in zip(changes.row[splits].tolist(), changes.instrument[splits].tolist()):
        result |= (fills.instrument == instrument) & (submitted < row) & (fills.row > row)
    return result


def _statistics(output: RunOutput, fills: Fills, pnl: Ints) -> TradeStatistics:
    return TradeStatistics(
        orders=int(rows_of(output, at.KIND_SUBMITTED).size),
        fills=int(fills.row.size),
        closed=int(pnl.size),
        won=int((pnl > 0).sum()),
        lost=int((pnl < 0).sum()),
        open_positions=int(np.count_nonzero(output.positions[:, at.POSITION_QUANTITY])),
        best=from_minor(int(pnl.max())) if pnl.size else None,
        worst=from_minor(int(pnl.min())) if pnl.size else None,
    )


def _costs(
    statement: Statement, output: RunOutput, fills: Fills, terms: Terms, history: History | None
) -> Costs:
    rates = terms.rate[fills.instrument]
    slipped = to_base_rows(slippage_minor(fills, terms), rates)
    half = half_spread_halfticks(output, fills, history)
    spread = to_base_rows(money_of_ticks(half, fills, terms, per_tick=2), rates)
    return Costs(
        fees=from_minor(-statement.fees),
        slippage=from_minor(sum_of(slipped)),
        spread=from_minor(sum_of(spread)),
        funding=from_minor(-statement.funding),
        # The report has one line for what money and borrowed shares cost over time.
        interest=from_minor(-statement.interest - statement.borrow),
        dividends=from_minor(-statement.dividends),
    )
