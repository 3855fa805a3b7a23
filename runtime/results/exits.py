"""Exits as frames and as the table per reason: how often each fired, and what came of it.

Definitions
-----------
- An exit's result is what its fills realized less the whole fee of those fills, as for a closed
  trade; the fees of the entry are not in it.
- Its return is that over the cost of the lots it closed.
- Its cost in basis points compares its fills with the exit price at which it fired (the bid for a
  long position where there are quotes, else the last price), weighted by value. An exit with a split
  between firing and its end is left out of it: the prices do not compare.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from engine.model import layout as at
from engine.model.trading import AttemptResult, ExitReason, PriceKind
from engine.model.units import NS_PER_SECOND, from_minor
from reports.trading import ExitRow
from runtime.results import columns
from runtime.results.exact import Ints, divide_half_even, to_base
from runtime.results.exit_rows import Attempt, Exit, exits_of, exits_with_fills, times_fired
from runtime.results.frames import (
    currency_column,
    price_column,
    quantity_column,
    symbol_names,
)
from runtime.results.links import REASON_NAMES
from runtime.results.orders import AVERAGE_DIGITS, average_column
from runtime.results.orders import REASON_NAMES as CODE_NAMES
from runtime.results.output import RunOutput
from runtime.results.rows import changes_of, fills_of, rows_of, terms_of
from runtime.results.signals import number_column
from runtime.results.units import fired_unit, given, mixed_column, unit_column

if TYPE_CHECKING:
    import polars as pl

RESULT_NAMES = {result.value: result.name.lower() for result in AttemptResult}
KIND_NAMES = {kind.value: kind.name.lower() for kind in PriceKind}
BPS = 10_000
_PPM_DIGITS = 6


def exits_frame(output: RunOutput) -> pl.DataFrame:
    """Return one row per exit, by the time it fired; one that works at the end has no end.

    `number` and `limit` are what its condition compared, in `unit`; `price` and `return_fired` are
    the exit price and the position's result when it fired, before fees. `exit_price` is the average
    of its fills; ``pnl = realized - fees`` is money of `currency`.
    """
    import polars as pl

    terms, changes = terms_of(output), changes_of(output)
    exits = exits_with_fills(output, fills_of(output, changes), changes)
    column = _columns_of(exits)
    i, unit = column(lambda each: each.instrument), column(_unit)
    ended, sent = (
        column(lambda each: each.ended),
        column(lambda each: max(each.sent, len(each.attempts))),
    )
    traded, ppm = column(lambda each: each.traded), column(lambda each: each.pnl_ppm)
    price = column(lambda each: each.price)
    average = average_column("exit_price", column(_average), i, terms)
    gained = columns.scaled("return_fired", np.where(given(ppm), ppm, 0), _PPM_DIGITS)
    return pl.DataFrame(
        [
            columns.times("fired", column(lambda each: each.fired)),
            columns.where(columns.times("ended", ended), ended > 0),
            columns.names("symbol", i, symbol_names(output)),
            number_column("position_id", column(lambda each: each.position)),
            columns.names("reason", column(lambda each: each.reason), REASON_NAMES),
            columns.names("result", column(lambda each: each.result), RESULT_NAMES),
            pl.Series("also", [_also(each) for each in exits], dtype=pl.String),
            mixed_column("number", column(lambda each: each.number), unit, i, output.instruments),
            mixed_column("limit", column(lambda each: each.limit), unit, i, output.instruments),
            unit_column(unit),
            columns.where(price_column("price", price, i, terms), price > 0),
            columns.where(gained, given(ppm)),
            quantity_column("quantity", column(lambda each: each.lots), i, terms),
            quantity_column("filled", traded, i, terms),
            quantity_column("left", column(lambda each: each.left), i, terms),
            pl.Series("attempts", sent),
            pl.Series("walks", column(lambda each: each.walks)),
            columns.where(average, traded > 0),
            columns.money("realized", column(lambda each: each.realized)),
            columns.money("fees", column(lambda each: each.fees)),
            columns.money("pnl", column(lambda each: each.pnl)),
            currency_column(output, terms.currency[i]),
        ]
    )


def exit_attempts_frame(output: RunOutput) -> pl.DataFrame:
    """Return one row per order to close and per replacement of it.

    `touch` is the opposite side's price when it was sent; `price` is null at market; `code` is the
    reason of a denial or of a broker's refusal.
    """
    import polars as pl

    terms = terms_of(output)
    exits = exits_of(output)
    pairs = [(each, attempt) for each in exits for attempt in each.attempts]
    pairs.sort(key=lambda pair: pair[1].row)
    owner, column = _columns_of([each for each, _ in pairs]), _attempt_columns(pairs)
    i = owner(lambda each: each.instrument)
    price, touch = column(lambda each: each.price), column(lambda each: each.touch)
    ended = column(lambda each: each.ended)
    return pl.DataFrame(
        [
            columns.times("sent", column(lambda each: each.ts)),
            columns.where(columns.times("ended", ended), ended > 0),
            columns.names("symbol", i, symbol_names(output)),
            number_column("position_id", owner(lambda each: each.position)),
            columns.names("reason", owner(lambda each: each.reason), REASON_NAMES),
            pl.Series("attempt", column(lambda each: each.number)),
            number_column("order_id", column(lambda each: each.order)),
            columns.names("kind", column(lambda each: each.kind), KIND_NAMES),
            columns.where(price_column("price", price, i, terms), price > 0),
            columns.where(price_column("touch", touch, i, terms), touch > 0),
            quantity_column("quantity", column(lambda each: each.lots), i, terms),
            quantity_column("filled", column(lambda each: each.filled), i, terms),
            columns.names("result", column(lambda each: each.result), RESULT_NAMES),
            columns.names("code", column(lambda each: each.code), CODE_NAMES),
        ]
    )


def exit_statistics(output: RunOutput) -> list[ExitRow]:
    """Return the table per reason in the order of the conditions, without those that never fired."""
    changes = changes_of(output)
    exits = exits_with_fills(output, fills_of(output, changes), changes)
    split = _split_rows(output)
    fired = times_fired(output, exits)
    for reason in fired:  # when one that works at the end began is not certain
        fired[reason] = max(fired[reason], sum(each.reason == reason for each in exits))
    return [
        _statistics(reason, count, [each for each in exits if each.reason == reason], output, split)
        for reason, count in fired.items()
        if count
    ]


def _statistics(
    reason: ExitReason,
    fired: int,
    exits: Sequence[Exit],
    output: RunOutput,
    split: dict[int, list[int]],
) -> ExitRow:
    rates = terms_of(output).rate.tolist()
    done = [each for each in exits if each.result == AttemptResult.CLOSED]

    def count(result: AttemptResult) -> int:
        return sum(each.result == result for each in exits)

    return ExitRow(
        reason=reason.name.lower(),
        fired=fired,
        won=len(exits),
        closed=len(done),
        failed=count(AttemptResult.FAILED),
        taken_over=count(AttemptResult.TAKEN_OVER),
        elsewhere=count(AttemptResult.CLOSED_ELSEWHERE),
        quantity=f"{_quantity(exits, output):f}",
        pnl=f"{from_minor(sum(to_base(each.pnl, rates[each.instrument]) for each in exits)):f}",
        mean_return=_mean([each.pnl / each.cost for each in exits if each.cost > 0]),
        attempts_per_close=_mean([max(each.sent, len(each.attempts)) for each in done]),
        seconds_to_flat=_mean([(each.ended - each.fired) / NS_PER_SECOND for each in done]),
        cost_bps=_cost_bps(exits, output, split),
    )


def _quantity(exits: Sequence[Exit], output: RunOutput) -> Decimal:
    """Return units over all instruments."""
    zero = Decimal(0)
    return sum((output.instruments[e.instrument].lots_to_quantity(e.traded) for e in exits), zero)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _cost_bps(
    exits: Sequence[Exit], output: RunOutput, split: dict[int, list[int]]
) -> float | None:
    rates, terms = terms_of(output).rate.tolist(), output.instruments
    worse = value = 0.0
    for each in exits:
        end = each.ended_row if each.ended_row >= 0 else len(output.journal)
        splits = any(each.row < row < end for row in split.get(each.instrument, ()))
        if each.traded == 0 or each.price <= 0 or splits:
            continue
        item = terms[each.instrument]
        money = item.notional_numerator / item.notional_denominator * rates[each.instrument]
        worse += each.worse_ticks * money
        value += each.price * each.traded * money
    return worse / value * BPS if value > 0 else None


def _split_rows(output: RunOutput) -> dict[int, list[int]]:
    """Return the rows of splits by instrument."""
    found: dict[int, list[int]] = {}
    rows = rows_of(output, at.KIND_POSITION_CHANGED)
    table = output.journal[rows]
    is_split = table[:, at.POSITION_CAUSE] == at.KIND_SPLIT
    for row, i in zip(rows[is_split].tolist(), table[is_split, at.EVENT_INSTRUMENT].tolist()):
        found.setdefault(i, []).append(row)
    return found


def _columns_of(exits: Sequence[Exit]) -> Callable[[Callable[[Exit], int]], Ints]:
    def column(read: Callable[[Exit], int]) -> Ints:
        return np.array([read(each) for each in exits], dtype=np.int64)

    return column


def _attempt_columns(
    pairs: Sequence[tuple[Exit, Attempt]],
) -> Callable[[Callable[[Attempt], int]], Ints]:
    def column(read: Callable[[Attempt], int]) -> Ints:
        return np.array([read(attempt) for _, attempt in pairs], dtype=np.int64)

    return column


def _unit(each: Exit) -> int:
    return fired_unit(each.reason, each.number, each.limit, each.pnl_ppm).value


def _also(each: Exit) -> str:
    return ", ".join(reason.name.lower() for reason in each.also_fired())


def _average(each: Exit) -> int:
    """Return the average price in 10^-AVERAGE_DIGITS ticks, half-even."""
    return divide_half_even(each.paid * 10**AVERAGE_DIGITS, max(each.traded, 1))
