"""Round trips: from flat to flat, per instrument, with all of their fees and carry.

A change of position has up to two legs: what it closes belongs to the trip in hand, what it opens
to the same trip or, on a flip, to the next one. Less than a quantity step counts as flat. Fees of a flip are divided by lots. Dividends,
funding and borrow belong to the trip that was open when they were posted. So, over all trips of an
instrument, realized + carry - fees is exactly what the ledger has, and with the open gain of the
last trip exactly what the instrument earned.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from data.history import History
from engine.model import layout as at
from runtime.results import columns
from runtime.results.exact import Flags, Ints, divide_half_even, product_fits, ratio_rows
from runtime.results.frames import currency_column, quantity_column, symbol_names
from runtime.results.links import REASON_NAMES as EXIT_REASONS
from runtime.results.links import trips_linked
from runtime.results.market import bars_between, parts_by_index
from runtime.results.orders import AVERAGE_DIGITS, average_column
from runtime.results.output import RunOutput
from runtime.results.rows import Changes, Terms, changes_of, rows_of, terms_of
from runtime.results.signals import number_column
from sims.fillbook.layout import RULE_NAMES

if TYPE_CHECKING:
    import polars as pl

RULE_SETTLEMENT, RULE_REINVESTED = -1, -2
RULES = RULE_NAMES | {RULE_SETTLEMENT: "settlement", RULE_REINVESTED: "dividend"}
DIRECTIONS = {1: "long", -1: "short"}


@dataclass(frozen=True, slots=True, eq=False)
class Trips:
    """Round trips by instrument and time; `exit_ts` is 0 while one is open."""

    instrument: Ints
    direction: Ints
    entry_ts: Ints
    exit_ts: Ints
    entered: Ints  # lots
    left: Ints
    entry_average: Ints
    exit_average: Ints
    realized: Ints
    fees: Ints
    carry: Ints
    entry_rule: Ints
    exit_rule: Ints
    position: Ints  # its number; 0 without a trading loop
    exit_reason: Ints


def trips_of(output: RunOutput, changes: Changes, terms: Terms) -> Trips:
    """Assemble the round trips of a run."""
    whole = _in_whole_steps(changes, terms)
    starts = ((whole.before == 0) & (whole.after != 0)) | whole.flips()
    opened = np.cumsum(starts) - 1  # the trip in hand after each change
    closed = opened - whole.flips()  # the trip that its closing leg belongs to
    count = int(starts.sum())
    traded = np.abs(changes.lots())
    closing = changes.closed
    first = np.flatnonzero(starts)
    fee_close = changes.fee_of_closing()
    value_open, value_close = _values(changes)
    enters = (traded > closing) & (opened >= 0)
    leaves = changes.closes() & (changes.cause != at.KIND_FEE_IN_KIND)
    entered, left = (
        _sum(count, opened, traded - closing, enters),
        _sum(count, closed, closing, leaves),
    )
    instrument = changes.instrument[first]
    rule = _rules(output, changes)
    position, reason = trips_linked(output, instrument, changes.row[first])
    return Trips(
        instrument=instrument,
        direction=np.sign(changes.after[first]),
        entry_ts=changes.ts[first],
        exit_ts=_exits(count, whole, closed),
        entered=entered,
        left=left,
        entry_average=_average(_sum(count, opened, value_open, enters), entered, instrument, terms),
        exit_average=_average(_sum(count, closed, value_close, leaves), left, instrument, terms),
        realized=_sum(count, closed, changes.realized, _in_a_trip(changes)),
        fees=_sum(count, opened, changes.fee - fee_close, enters)
        + _sum(count, closed, fee_close, leaves),
        carry=_carry(count, output, changes, opened),
        entry_rule=rule[first],
        exit_rule=_last(count, closed, rule, leaves),
        position=position,
        exit_reason=reason,
    )


def trades_frame(output: RunOutput, *, history: History | None = None) -> pl.DataFrame:
    """Return one row per round trip, by time of entry; the open ones have no exit.

    `quantity` is all that was entered, as traded; `realized`, `fees` and `carry` (dividends,
    funding, borrow; received is positive) are money of `currency`, and ``pnl = realized - fees +
    carry``, for an open trip so far. `bars_held` counts the bars that closed after the entry up to
    the exit; it is null without the bars in `history`. `position_id` and `exit_reason` are the trading
    loop's; without it they are null.
    """
    import polars as pl

    terms, changes = terms_of(output), changes_of(output)
    trips = trips_of(output, changes, terms)
    i, done = trips.instrument, trips.exit_ts > 0
    bars, counted = _bars_held(output, trips, history)
    exit_price = average_column("exit_price", trips.exit_average, i, terms)
    frame = pl.DataFrame(
        [
            columns.names("symbol", i, symbol_names(output)),
            columns.names("direction", trips.direction, DIRECTIONS),
            columns.times("entry_time", trips.entry_ts),
            columns.where(columns.times("exit_time", trips.exit_ts), done),
            quantity_column("quantity", trips.entered, i, terms),
            average_column("entry_price", trips.entry_average, i, terms),
            columns.where(exit_price, trips.left > 0),
            columns.money("realized", trips.realized),
            columns.money("fees", trips.fees),
            columns.money("carry", trips.carry),
            columns.money("pnl", trips.realized - trips.fees + trips.carry),
            currency_column(output, terms.currency[i]),
            columns.where(pl.Series("bars_held", bars), counted & done),
            columns.names("entry_rule", trips.entry_rule, RULES),
            columns.names("exit_rule", trips.exit_rule, RULES),
            pl.Series("is_open", ~done),
            number_column("position_id", trips.position),
            columns.names("exit_reason", trips.exit_reason, EXIT_REASONS),
        ]
    )
    return frame.sort("entry_time", "symbol", maintain_order=True)


def _sum(count: int, trip: Ints, values: Ints, where: Flags) -> Ints:
    total = np.zeros(count, dtype=np.int64)
    np.add.at(total, trip[where], values[where])
    return total


def _last(count: int, trip: Ints, values: Ints, where: Flags) -> Ints:
    found = np.zeros(count, dtype=np.int64)
    found[trip[where]] = values[where]  # the last of equal places stays
    return found


def _in_whole_steps(changes: Changes, terms: Terms) -> Changes:
    """Return the changes with positions cut to what can be traded: less than a step is flat."""
    step = terms.lot_step[changes.instrument]
    before, after = (
        np.sign(lots) * (np.abs(lots) // step * step) for lots in (changes.before, changes.after)
    )
    return replace(changes, before=before, after=after)


def _in_a_trip(changes: Changes) -> Flags:
    inside: Flags = (changes.before != 0) | (changes.after != 0)
    return inside


def _values(changes: Changes) -> tuple[Ints, Ints]:
    """Return the absolute money of what each change opened and of what it closed."""
    # On a flip the whole cost is closed: -realized - cost is the value of the closing part.
    of_flip = -changes.realized - changes.cost_before
    closing = np.where(changes.flips(), of_flip, np.where(changes.closes(), changes.value, 0))
    return np.abs(changes.value - closing), np.abs(closing)


def _exits(count: int, changes: Changes, closed: Ints) -> Ints:
    ends = ((changes.before != 0) & (changes.after == 0)) | changes.flips()
    return _last(count, closed, changes.ts, ends)


def _average(value: Ints, lots: Ints, instrument: Ints, terms: Terms) -> Ints:
    """Return money per lot as a price in 10^-AVERAGE_DIGITS ticks, half-even."""
    numerator, denominator = terms.numerator[instrument], terms.denominator[instrument]
    if product_fits(value, denominator) and product_fits(lots, numerator):
        return ratio_rows(value * denominator, lots * numerator, AVERAGE_DIGITS)
    shift = 10**AVERAGE_DIGITS
    rows = zip(*(column.tolist() for column in (value, denominator, lots, numerator)))
    averages = [divide_half_even(v * d * shift, max(q * n, 1)) for v, d, q, n in rows]
    return np.array(averages, dtype=np.int64)


def _carry(count: int, output: RunOutput, changes: Changes, opened: Ints) -> Ints:
    """Sum the postings about an instrument that fell into each trip."""
    rows = rows_of(output, at.KIND_CASH_CHANGED)
    table = output.journal[rows]
    held = table[:, at.EVENT_INSTRUMENT] >= 0
    rows, table = rows[held], table[held]
    if not changes.row.size or not rows.size:
        return np.zeros(count, dtype=np.int64)
    stride = len(output.journal) + 1
    keys = changes.instrument * stride + changes.row
    place = np.searchsorted(keys, table[:, at.EVENT_INSTRUMENT] * stride + rows) - 1
    inside = (place >= 0) & (changes.instrument[place] == table[:, at.EVENT_INSTRUMENT])
    return _sum(count, opened[place], table[:, at.CASH_MINOR], inside)


def _rules(output: RunOutput, changes: Changes) -> Ints:
    filled = output.journal[changes.fill_row, at.FACT_RULE]
    other = np.where(changes.cause == at.KIND_SETTLEMENT, RULE_SETTLEMENT, RULE_REINVESTED)
    return np.where(changes.fill_row >= 0, filled, other)


def _bars_held(output: RunOutput, trips: Trips, history: History | None) -> tuple[Ints, Flags]:
    bars = np.zeros(trips.instrument.size, dtype=np.int64)
    counted = np.zeros(trips.instrument.size, dtype=np.bool_)
    for index, part in parts_by_index(output, history).items():
        rows = np.flatnonzero(trips.instrument == index)
        bars[rows] = bars_between(part, trips.entry_ts[rows], trips.exit_ts[rows])
        counted[rows] = part.bars is not None
    return bars, counted
