"""The journal's rows as named columns: fills, changes of position, movements of cash.

Two things are not in the journal and follow from it exactly. The side of a fill is the sign of the
change of position. Its value is ``(cost after - cost before) - realized``, because the ledger books
``cost change = value + realized`` (engine.kernels.positions.change_position); so no price has to be
multiplied again, and no rounding repeated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.model import layout as at
from runtime.results.exact import Flags, Ints, multiply_divide_rows
from runtime.results.output import RunOutput


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """Per instrument: money of a tick times a lot, decimals, steps, currency, last rate, margined."""

    numerator: Ints
    denominator: Ints
    price_precision: Ints
    quantity_precision: Ints
    lot_step: Ints
    currency: Ints
    rate: Ints
    margined: Flags


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """Every change of a position, by instrument and then in journal order.

    `value` is the money traded, signed like the lots; `fee` that of the fill which caused it, units that
    the venue kept among them; `fill_row` the journal row of that fill, or -1.
    """

    row: Ints
    ts: Ints
    instrument: Ints
    cause: Ints
    before: Ints
    after: Ints
    realized: Ints
    closed: Ints
    cost_before: Ints
    value: Ints
    fee: Ints
    fill_row: Ints

    def lots(self) -> Ints:
        """Return the lots traded, signed; a split trades none."""
        return np.where(self.cause == at.KIND_SPLIT, 0, self.after - self.before)

    def closes(self) -> Flags:
        """Return which of them took something off a position."""
        return self.closed > 0

    def flips(self) -> Flags:
        """Return which of them went from long to short or back."""
        return (np.sign(self.before) * np.sign(self.after)) < 0

    def fee_of_closing(self) -> Ints:
        """Return the part of each fee that belongs to the lots closed, half to even."""
        lots = np.maximum(np.abs(self.lots()), 1)
        return multiply_divide_rows(self.fee, self.closed, np.ones_like(lots), lots)


@dataclass(frozen=True, slots=True, eq=False)
class Fills:
    """Every fill, in journal order."""

    row: Ints
    ts: Ints
    instrument: Ints
    order: Ints
    side: Ints
    lots: Ints
    price: Ints
    fee: Ints
    liquidity: Ints
    rule: Ints
    reference: Ints
    value: Ints
    realized: Ints
    position: Ints

    def slipped_ticks(self) -> Ints:
        """Return how much worse than the market's price each fill was; 0 where none is known."""
        return np.where(self.reference > 0, self.side * (self.price - self.reference), 0)


@dataclass(frozen=True, slots=True, eq=False)
class CashMoves:
    """Every movement of cash, in journal order: postings, and what trades paid and cost.

    `cause` is the kind of event; for a fee it is `CAUSE_FEE`.
    """

    row: Ints
    ts: Ints
    instrument: Ints
    currency: Ints
    minor: Ints
    cause: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """What most figures of a run are made of, to be read once and handed on."""

    terms: Terms
    changes: Changes


CAUSE_FEE = -1
_BOOKED_AS = {
    at.LEDGER_FEES: CAUSE_FEE,
    at.LEDGER_INTEREST: at.KIND_ACCRUAL,
    at.LEDGER_DIVIDENDS: at.KIND_DIVIDEND,
    at.LEDGER_CORRECTIONS: at.KIND_CORRECTION,
}
_NO_ROWS = np.empty(0, dtype=np.int64)


def terms_of(output: RunOutput) -> Terms:
    """Return the constants of the run's instruments as columns."""
    instruments = output.instruments
    currency = _ints([output.currencies.index(item.currency) for item in instruments])
    return Terms(
        numerator=_ints([item.notional_numerator for item in instruments]),
        denominator=_ints([item.notional_denominator for item in instruments]),
        price_precision=_ints([item.price_precision for item in instruments]),
        quantity_precision=_ints([item.quantity_precision for item in instruments]),
        lot_step=_ints([item.quantity_step_lots for item in instruments]),
        currency=currency,
        rate=rates_of(output)[currency],
        margined=np.array([item.is_margined for item in instruments], dtype=np.bool_),
    )


def rates_of(output: RunOutput) -> Ints:
    """Return the last rate of each currency; the account's own is one."""
    rates = output.ledger[:, at.LEDGER_RATE].copy()
    rates[0] = at.RATE_ONE
    return rates


def rows_of(output: RunOutput, *kinds: int) -> Ints:
    """Return the indices of the rows of some kinds, ascending."""
    found = [output.rows_by_kind.get(kind, _NO_ROWS) for kind in kinds]
    return found[0] if len(found) == 1 else np.sort(np.concatenate(found))


def columns_at(journal: Ints, rows: Ints) -> Ints:
    """Return some rows of a journal turned over: one contiguous row per column."""
    return np.ascontiguousarray(np.take(journal, rows, axis=0).T)


def tables_of(output: RunOutput) -> Tables:
    """Read what most figures of a run are made of."""
    return Tables(terms_of(output), changes_of(output))


def changes_of(output: RunOutput) -> Changes:
    """Read the changes of positions."""
    journal = output.journal
    rows = rows_of(output, at.KIND_POSITION_CHANGED)
    instrument = journal[rows, at.EVENT_INSTRUMENT]
    if np.any(instrument[1:] < instrument[:-1]):
        rows = rows[np.argsort(instrument, kind="stable")]
    table = columns_at(journal, rows)
    instrument = table[at.EVENT_INSTRUMENT]
    cause, realized = table[at.POSITION_CAUSE], table[at.POSITION_REALIZED]
    cost = table[at.POSITION_COST_AFTER]
    first = _first_of_each(instrument)
    cost_before = _previous(cost, first)
    fill_row = np.where(cause == at.KIND_FILL, rows - 1, -1)
    value = cost - cost_before - realized
    fee = np.where(fill_row >= 0, journal[fill_row, at.FACT_FEE], 0)
    kept = np.flatnonzero(cause == at.KIND_FEE_IN_KIND)
    fee[kept - 1] = -value[kept]  # the fill that bought the units is the change before
    told_later = cause == at.KIND_UNITS_KEPT
    fee[told_later] = -value[told_later]
    return Changes(
        row=rows,
        ts=table[at.EVENT_TS],
        instrument=instrument,
        cause=cause,
        before=_previous(table[at.POSITION_AFTER], first),
        after=table[at.POSITION_AFTER],
        realized=realized,
        closed=table[at.POSITION_CLOSED_LOTS],
        cost_before=cost_before,
        value=value,
        fee=fee,
        fill_row=fill_row,
    )


def fills_of(output: RunOutput, changes: Changes) -> Fills:
    """Read the fills; each is followed by the change of position that it made."""
    made = changes.fill_row >= 0
    position = changes.after.copy()
    kept = np.flatnonzero(changes.cause == at.KIND_FEE_IN_KIND)
    position[kept - 1] = changes.after[kept]
    order = np.argsort(changes.fill_row[made], kind="stable")
    rows = changes.fill_row[made][order]
    table = columns_at(output.journal, rows)
    assert np.all(table[at.EVENT_KIND] == at.KIND_FILL), "a change of position without its fill"
    return Fills(
        row=rows,
        ts=table[at.EVENT_TS],
        instrument=table[at.EVENT_INSTRUMENT],
        order=table[at.FACT_ORDER],
        side=np.sign(changes.lots()[made][order]),
        lots=table[at.FACT_LOTS],
        price=table[at.FACT_PRICE],
        fee=changes.fee[made][order],
        liquidity=table[at.FACT_LIQUIDITY],
        rule=table[at.FACT_RULE],
        reference=table[at.FACT_REFERENCE],
        value=changes.value[made][order],
        realized=changes.realized[made][order],
        position=position[made][order],
    )


def cash_moves_of(output: RunOutput, changes: Changes, terms: Terms) -> CashMoves:
    """Read every movement of cash; a margined trade moves only what it realized."""
    posted = rows_of(output, at.KIND_CASH_CHANGED)
    table = output.journal[posted]
    margined = terms.margined[changes.instrument]
    paid = np.where(margined, changes.realized, -changes.value)
    traded, charged = paid != 0, changes.fee != 0
    currency = terms.currency[changes.instrument]
    told = (changes.row, changes.ts, changes.instrument, currency)
    parts = (
        (posted, table[:, at.EVENT_TS], table[:, at.EVENT_INSTRUMENT], table[:, at.CASH_CURRENCY]),
        tuple(column[traded] for column in told),
        tuple(column[charged] for column in told),
    )
    row, ts, instrument, currency = (np.concatenate(each) for each in zip(*parts))
    fee_cause = np.full(int(charged.sum()), CAUSE_FEE, dtype=np.int64)
    minor = np.concatenate((table[:, at.CASH_MINOR], paid[traded], -changes.fee[charged]))
    cause = np.concatenate((_posted_causes(table), changes.cause[traded], fee_cause))
    order = np.argsort(row, kind="stable")
    return CashMoves(
        row=row[order],
        ts=ts[order],
        instrument=instrument[order],
        currency=currency[order],
        minor=minor[order],
        cause=cause[order],
    )


def _posted_causes(table: Ints) -> Ints:
    """Return the causes of postings; what a broker has booked by itself is named by the ledger's account."""
    cause: Ints = table[:, at.CASH_CAUSE].copy()
    booked = cause == at.KIND_POSTING
    for account, name in _BOOKED_AS.items():
        cause[booked & (table[:, at.CASH_ACCOUNT] == account)] = name
    return cause


def _ints(values: list[int]) -> Ints:
    return np.array(values, dtype=np.int64)


def _first_of_each(instrument: Ints) -> Flags:
    first = np.ones(instrument.size, dtype=np.bool_)
    first[1:] = instrument[1:] != instrument[:-1]
    return first


def _previous(values: Ints, first: Flags) -> Ints:
    """Return the element before each; 0 where an instrument begins."""
    before = np.zeros_like(values)
    before[1:] = values[:-1]
    before[first] = 0
    return before
