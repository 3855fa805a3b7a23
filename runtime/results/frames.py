"""Fills, equity and cash of a run as polars frames; money is Decimal, times are UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.model import layout as at
from engine.model.layout import EventKind
from engine.model.units import MINOR_PER_UNIT
from engine.rules.metrics import daily_returns, drawdowns, growth_index
from runtime.results import columns
from runtime.results.daily import equity_points
from runtime.results.exact import Ints
from runtime.results.output import RunOutput
from runtime.results.paths import slippage_minor
from runtime.results.rows import (
    CAUSE_FEE,
    CashMoves,
    Terms,
    cash_moves_of,
    changes_of,
    fills_of,
    terms_of,
)
from runtime.results.statement import opening_is_in_journal
from sims.fillbook.layout import RULE_NAMES

if TYPE_CHECKING:
    import polars as pl

SIDE_NAMES = {1: "buy", -1: "sell"}
LIQUIDITY_NAMES = {at.LIQUIDITY_TAKER: "taker", at.LIQUIDITY_MAKER: "maker"}
CAUSE_INTEREST, CAUSE_BORROW = -2, -3
CAUSE_NAMES = {kind.value: kind.name.lower() for kind in EventKind} | {
    CAUSE_FEE: "fee",
    CAUSE_INTEREST: "interest",
    CAUSE_BORROW: "borrow",
}


def symbol_names(output: RunOutput) -> dict[int, str]:
    """Return the symbols by the instruments' index."""
    return {index: item.symbol for index, item in enumerate(output.instruments)}


def price_column(name: str, ticks: Ints, instrument: Ints, terms: Terms) -> pl.Series:
    """Return prices in the decimals of the run's finest instrument."""
    scale = int(terms.price_precision.max(initial=0))
    return columns.at_precision(name, ticks, terms.price_precision[instrument], scale)


def quantity_column(name: str, lots: Ints, instrument: Ints, terms: Terms) -> pl.Series:
    """Return quantities in the decimals of the run's finest instrument."""
    scale = int(terms.quantity_precision.max(initial=0))
    return columns.at_precision(name, lots, terms.quantity_precision[instrument], scale)


def currency_column(output: RunOutput, currency: Ints) -> pl.Series:
    """Return the names of currencies."""
    return columns.names("currency", currency, dict(enumerate(output.currencies)))


def fills_frame(output: RunOutput) -> pl.DataFrame:
    """Return one row per fill, in the order of the run.

    `value`, `fee`, `slippage` and `realized` are money of `currency`; `reference` is the market's
    price before slippage; `position` is what was held afterwards; `rule` says which rule of the
    fill model made it (docs/explain/fill-model.md).
    """
    import polars as pl

    terms = terms_of(output)
    fills = fills_of(output, changes_of(output))
    i = fills.instrument
    reference = price_column("reference", fills.reference, i, terms)
    price = price_column("price", fills.price, i, terms)
    return pl.DataFrame(
        [
            columns.times("time", fills.ts),
            columns.names("symbol", i, symbol_names(output)),
            pl.Series("order_id", fills.order),
            columns.names("side", fills.side, SIDE_NAMES),
            quantity_column("quantity", fills.lots, i, terms),
            price,
            columns.money("value", np.abs(fills.value)),
            columns.money("fee", fills.fee),
            currency_column(output, terms.currency[i]),
            columns.names("liquidity", fills.liquidity, LIQUIDITY_NAMES),
            columns.names("rule", fills.rule, RULE_NAMES),
            columns.where(reference, fills.reference > 0),
            columns.money("slippage", slippage_minor(fills, terms)),
            columns.money("realized", fills.realized),
            quantity_column("position", fills.position, i, terms),
            price.cast(pl.Float64).alias("price_float"),
        ]
    )


def equity_frame(output: RunOutput) -> pl.DataFrame:
    """Return the account at each daily close, in the account currency; the first row is the start.

    A run of few sessions has some 500 marks inside them, and then a row for each. `flow` and
    `traded` belong to the row; `return_float` has the flows removed and is null at the
    start, and everywhere when a day began without equity.
    """
    import polars as pl

    days = equity_points(output)
    returns = daily_returns(days.equity, days.flow)
    unknown = np.full(days.equity.size, np.nan)
    gained = unknown if returns is None else np.concatenate((unknown[:1], returns))
    depth = unknown if returns is None else drawdowns(growth_index(returns))
    return pl.DataFrame(
        [
            pl.Series("day", days.day_numbers.astype("datetime64[D]")),
            columns.times("time", days.ts),
            columns.money("equity", days.equity),
            columns.money("cash", days.cash),
            columns.money("gross_exposure", days.gross),
            columns.money("net_exposure", days.net),
            columns.money("flow", days.flow),
            columns.money("traded", days.traded),
            pl.Series("return_float", gained).fill_nan(None),
            pl.Series("drawdown_float", depth).fill_nan(None),
            pl.Series("equity_float", days.equity / MINOR_PER_UNIT),
        ]
    )


def cash_frame(output: RunOutput) -> pl.DataFrame:
    """Return every movement of cash with its cause and the balance of its currency after it.

    A trade that is paid in full moves its value, a margined one what it realized; its fee is a row
    of its own. The starting cash is the balance before the first row.
    """
    import polars as pl

    terms = terms_of(output)
    moves = cash_moves_of(output, changes_of(output), terms)
    return pl.DataFrame(
        [
            columns.times("time", moves.ts),
            currency_column(output, moves.currency),
            columns.names("cause", _causes(moves), CAUSE_NAMES),
            columns.names("symbol", moves.instrument, symbol_names(output)),
            columns.money("amount", moves.minor),
            columns.money("balance", cash_balances(output, moves)),
        ]
    )


def cash_balances(output: RunOutput, moves: CashMoves) -> Ints:
    """Return the balance of each movement's currency after it."""
    balance = np.zeros(moves.minor.size, dtype=np.int64)
    for currency in range(len(output.currencies)):
        rows = moves.currency == currency
        balance[rows] = np.cumsum(moves.minor[rows])
    if not opening_is_in_journal(output):
        balance[moves.currency == 0] += output.starting_cash_minor
    return balance


def _causes(moves: CashMoves) -> Ints:
    """Tell interest on cash from borrow fees: the latter have an instrument."""
    accrued = np.where(moves.instrument < 0, CAUSE_INTEREST, CAUSE_BORROW)
    return np.where(moves.cause == at.KIND_ACCRUAL, accrued, moves.cause)
