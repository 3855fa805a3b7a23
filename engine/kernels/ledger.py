"""The double-entry ledger: every change of cash or position has a cause and sums to zero.

A posting either happens whole or not at all: its results are checked for overflow before the first
of them is stored, and an amount that does not fit sets the core's fault and changes nothing.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.money import OVERFLOW, add_checked, multiply_divide_even
from engine.model.layout import (
    ACCOUNT_FAULT,
    ACCOUNT_FAULT_INSTRUMENT,
    ACCOUNT_JOURNAL,
    ACCOUNT_NOW,
    ACCOUNT_SEQUENCE,
    CASH_CAUSE,
    CASH_CURRENCY,
    CASH_MINOR,
    EVENT_INSTRUMENT,
    EVENT_KIND,
    EVENT_SEQUENCE,
    EVENT_TS,
    EVENT_WIDTH,
    FAULT_JOURNAL_FULL,
    FAULT_NO_RATE,
    FAULT_NONE,
    FAULT_OVERFLOW,
    KIND_CASH_CHANGED,
    LEDGER_CASH,
    LEDGER_RATE,
    RATE_ONE,
)
from engine.state import Core


@kernel
def fault(s: Core, code: int, instrument: int) -> None:
    """Stop the core: the first fault stays."""
    if s.account[ACCOUNT_FAULT] == FAULT_NONE:
        s.account[ACCOUNT_FAULT] = code
        s.account[ACCOUNT_FAULT_INSTRUMENT] = instrument


@kernel
def journal_row(s: Core, kind: int, instrument: int) -> int:
    """Start a journal row and return its index; its payload is zero."""
    n = s.account[ACCOUNT_JOURNAL]
    if n >= s.journal.shape[0]:
        fault(s, FAULT_JOURNAL_FULL, instrument)
        n = n - 1
    else:
        s.account[ACCOUNT_JOURNAL] = n + 1
    for column in range(EVENT_WIDTH):
        s.journal[n, column] = 0
    s.journal[n, EVENT_TS] = s.account[ACCOUNT_NOW]
    s.journal[n, EVENT_KIND] = kind
    s.journal[n, EVENT_INSTRUMENT] = instrument
    s.journal[n, EVENT_SEQUENCE] = s.account[ACCOUNT_SEQUENCE]
    return n


@kernel
def post_cash(s: Core, currency: int, contra: int, minor: int, cause: int, instrument: int) -> bool:
    """Move `minor` into cash (out of it when negative) against the account `contra`."""
    cash = add_checked(s.ledger[currency, LEDGER_CASH], minor)
    other = add_checked(s.ledger[currency, contra], -minor) if minor != OVERFLOW else OVERFLOW
    if cash == OVERFLOW or other == OVERFLOW:
        fault(s, FAULT_OVERFLOW, instrument)
        return False
    s.ledger[currency, LEDGER_CASH] = cash
    s.ledger[currency, contra] = other
    row = journal_row(s, KIND_CASH_CHANGED, instrument)
    s.journal[row, CASH_CURRENCY] = currency
    s.journal[row, CASH_MINOR] = minor
    s.journal[row, CASH_CAUSE] = cause
    return True


@kernel
def to_base(s: Core, currency: int, minor: int) -> int:
    """Convert an amount to the account currency at the last rate, half-even; OVERFLOW without one."""
    if currency == 0 or minor == 0:
        return minor
    rate = s.ledger[currency, LEDGER_RATE]
    if rate <= 0:
        fault(s, FAULT_NO_RATE, -1)
        return OVERFLOW
    return multiply_divide_even(minor, rate, RATE_ONE)


@kernel
def from_base(s: Core, currency: int, minor: int) -> int:
    """Convert an amount of the account currency to another, half-even; OVERFLOW without a rate."""
    if currency == 0 or minor == 0:
        return minor
    rate = s.ledger[currency, LEDGER_RATE]
    if rate <= 0:
        fault(s, FAULT_NO_RATE, -1)
        return OVERFLOW
    return multiply_divide_even(minor, RATE_ONE, rate)
