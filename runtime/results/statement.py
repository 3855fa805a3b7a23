"""The statement of account: from the starting cash to the final equity, to the minor unit.

The final ledger has every kind of money exactly. Amounts in another currency are shown at the last
rate, each rounded half-even by itself, while equity is rounded per currency and per position; the
few minor units between the two are a line of their own. More than a few is our mistake and raises.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal

import numpy as np

from engine.errors import InternalFault
from engine.model import layout as at
from engine.model.units import from_minor
from runtime.results.exact import divide_half_even, sum_of, to_base
from runtime.results.output import RunOutput
from runtime.results.rows import rates_of, rows_of, terms_of


@dataclass(frozen=True, slots=True)
class Statement:
    """Where the equity came from, in minor units of the account currency.

    What was gained is positive, what was paid negative; all lines from `starting_cash` to
    `rounding` add up to `final_equity`.
    """

    starting_cash: int
    transfers: int
    realized: int
    unrealized: int
    dividends: int
    interest: int
    funding: int
    borrow: int
    fees: int
    conversions: int
    corrections: int
    rounding: int
    final_equity: int

    def lines(self) -> tuple[tuple[str, Decimal], ...]:
        """Return each line's name and amount in units of the currency."""
        return tuple((f.name, from_minor(getattr(self, f.name))) for f in fields(self))


def statement_of(output: RunOutput) -> Statement:
    """Return the statement of a run.

    Raises
    ------
    InternalFault
        If the ledger does not lead to the final equity.
    """
    opening = 0 if opening_is_posted(output) else output.starting_cash_minor
    starting = output.starting_cash_minor
    values = {
        "starting_cash": starting,
        "transfers": -_total(output, at.LEDGER_TRANSFERS) - starting,
        "realized": -_total(output, at.LEDGER_REALIZED),
        "unrealized": unrealized_minor(output),
        "dividends": -_total(output, at.LEDGER_DIVIDENDS),
        "interest": -_total(output, at.LEDGER_INTEREST),
        "funding": -_total(output, at.LEDGER_FUNDING),
        "borrow": -_total(output, at.LEDGER_BORROW),
        "fees": -_total(output, at.LEDGER_FEES),
        "conversions": -_total(output, at.LEDGER_CONVERSIONS),
        "corrections": -_total(output, at.LEDGER_CORRECTIONS),
    }
    # Cash that was put in without a posting is not among the ledger's transfers.
    values["transfers"] += opening
    rounding = output.final_equity_minor - sum(values.values())
    _require_small(rounding, output)
    return Statement(**values, rounding=rounding, final_equity=output.final_equity_minor)


def opening_is_posted(output: RunOutput) -> bool:
    """Return whether the starting cash is a transfer in the ledger, or was put into cash alone."""
    accounts = output.ledger[0, : at.LEDGER_ACCOUNTS]
    return int(accounts.sum()) == 0


def opening_is_in_journal(output: RunOutput) -> bool:
    """Return whether the starting cash is also a journal row, which is then no external flow."""
    if not opening_is_posted(output) or output.starting_cash_minor == 0:
        return False
    rows = output.journal[rows_of(output, at.KIND_CASH_CHANGED)]
    transfers = (rows[:, at.CASH_CAUSE] == at.KIND_TRANSFER) & (rows[:, at.CASH_CURRENCY] == 0)
    moved = sum_of(rows[transfers, at.CASH_MINOR])
    return moved == -int(output.ledger[0, at.LEDGER_TRANSFERS])


def unrealized_minor(output: RunOutput) -> int:
    """Return the open gain of all positions at the last prices, in the account currency."""
    return sum(unrealized_by_instrument(output).values())


def unrealized_by_instrument(output: RunOutput) -> dict[int, int]:
    """Return the open gain of each position at its last price, in the account currency."""
    terms, gains = terms_of(output), dict[int, int]()
    for i in np.flatnonzero(output.positions[:, at.POSITION_QUANTITY]).tolist():
        quantity, last = (
            int(output.positions[i, column]) for column in (at.POSITION_QUANTITY, at.POSITION_LAST)
        )
        money = quantity * last * int(terms.numerator[i])
        value = divide_half_even(money, int(terms.denominator[i]))
        gain = value - int(output.positions[i, at.POSITION_COST])
        gains[i] = to_base(gain, int(terms.rate[i]))
    return gains


def _total(output: RunOutput, account: int) -> int:
    """Return one account over all currencies, in the account currency."""
    rates = rates_of(output).tolist()
    amounts = output.ledger[:, account].tolist()
    return sum(to_base(amount, rate) for amount, rate in zip(amounts, rates))


def _require_small(rounding: int, output: RunOutput) -> None:
    currencies = len(output.currencies)
    room = 0 if currencies == 1 else at.LEDGER_ACCOUNTS * currencies + 2 * len(output.instruments)
    if abs(rounding) > room:
        raise InternalFault(
            f"the ledger and the final equity differ by {from_minor(rounding)} "
            f"{output.currencies[0]}",
            where=f"state {output.state_hash}",
            remedy="please report it, with the command that reproduces the run",
            code="results.not_balanced",
        )
