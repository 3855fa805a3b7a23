"""What a search keeps of a journal: equity marks, the results of closed trades, a few counts.

The journal of a run has thousands of rows of which a search reads some hundred numbers. One pass over
the rows while they are in the processor's cache costs a twentieth of copying and sorting them
afterwards; what the numbers mean is said where whole journals are read (`runtime.results.rows`).
"""

from __future__ import annotations

from typing import Final

from engine.jit import kernel
from engine.model.layout import (
    CASH_CAUSE,
    CASH_CURRENCY,
    CASH_MINOR,
    EVENT_INSTRUMENT,
    EVENT_KIND,
    EVENT_TS,
    FACT_FEE,
    KIND_CASH_CHANGED,
    KIND_EQUITY_MARKED,
    KIND_FEE_IN_KIND,
    KIND_FILL,
    KIND_POSITION_CHANGED,
    KIND_SUBMITTED,
    KIND_TRANSFER,
    MARK_EQUITY,
    MARK_FLOW,
    MARK_GROSS,
    MARK_TRADED,
    POSITION_CAUSE,
    POSITION_CLOSED_LOTS,
    POSITION_COST_AFTER,
    POSITION_REALIZED,
)
from engine.state import Table

# A row of `marks`, of `trades`, of `memory` (one for each instrument), and the vector `totals`.
MARKED_WIDTH: Final = 5
MARKED_TS: Final = 0
MARKED_EQUITY: Final = 1
MARKED_GROSS: Final = 2
MARKED_FLOW: Final = 3
MARKED_TRADED: Final = 4

TRADE_WIDTH: Final = 3
TRADE_INSTRUMENT: Final = 0
TRADE_REALIZED: Final = 1
TRADE_FEE: Final = 2

MEMORY_WIDTH: Final = 2
MEMORY_COST: Final = 0  # of the position, after its last change
MEMORY_TRADE: Final = 1  # row of `trades` that the last change has made, plus one; 0: none

TOTALS_WIDTH: Final = 4
TOTAL_MARKS: Final = 0
TOTAL_TRADES: Final = 1
TOTAL_ORDERS: Final = 2
TOTAL_TRANSFERS: Final = 3  # cash of the account's currency moved in or out


@kernel
def tally(
    journal: Table,
    first: int,
    last: int,
    marks: Table,
    trades: Table,
    memory: Table,
    totals: Table,
) -> int:
    """Read the journal rows [first, last); return the row to go on with.

    That is `last`, or less when `marks` or `trades` has no room for another row.
    """
    for row in range(first, last):
        if totals[TOTAL_MARKS] == marks.shape[0] or totals[TOTAL_TRADES] == trades.shape[0]:
            return row
        kind = journal[row, EVENT_KIND]
        if kind == KIND_POSITION_CHANGED:
            tally_change(journal, row, trades, memory, totals)
        elif kind == KIND_SUBMITTED:
            totals[TOTAL_ORDERS] += 1
        elif kind == KIND_EQUITY_MARKED:
            tally_mark(journal, row, marks, totals)
        elif kind == KIND_CASH_CHANGED:
            tally_cash(journal, row, totals)
    return last


@kernel
def tally_change(journal: Table, row: int, trades: Table, memory: Table, totals: Table) -> None:
    """Read a change of a position: a closed trade where it takes something off."""
    i, cause = journal[row, EVENT_INSTRUMENT], journal[row, POSITION_CAUSE]
    realized, cost = journal[row, POSITION_REALIZED], journal[row, POSITION_COST_AFTER]
    before, trade = memory[i, MEMORY_COST], memory[i, MEMORY_TRADE]
    memory[i, MEMORY_COST] = cost
    memory[i, MEMORY_TRADE] = 0
    if cause == KIND_FEE_IN_KIND:
        # The fill that bought the units is the change before; its fee is what they cost.
        if trade > 0:
            trades[trade - 1, TRADE_FEE] = -(cost - before - realized)
    elif journal[row, POSITION_CLOSED_LOTS] > 0:
        n = totals[TOTAL_TRADES]
        trades[n, TRADE_INSTRUMENT] = i
        trades[n, TRADE_REALIZED] = realized
        trades[n, TRADE_FEE] = journal[row - 1, FACT_FEE] if cause == KIND_FILL else 0
        totals[TOTAL_TRADES] = n + 1
        memory[i, MEMORY_TRADE] = n + 1


@kernel
def tally_mark(journal: Table, row: int, marks: Table, totals: Table) -> None:
    """Keep a mark of the account's equity."""
    n = totals[TOTAL_MARKS]
    marks[n, MARKED_TS] = journal[row, EVENT_TS]
    marks[n, MARKED_EQUITY] = journal[row, MARK_EQUITY]
    marks[n, MARKED_GROSS] = journal[row, MARK_GROSS]
    marks[n, MARKED_FLOW] = journal[row, MARK_FLOW]
    marks[n, MARKED_TRADED] = journal[row, MARK_TRADED]
    totals[TOTAL_MARKS] = n + 1


@kernel
def tally_cash(journal: Table, row: int, totals: Table) -> None:
    """Add up what was moved in or out in the account's currency."""
    if journal[row, CASH_CAUSE] == KIND_TRANSFER and journal[row, CASH_CURRENCY] == 0:
        totals[TOTAL_TRANSFERS] += journal[row, CASH_MINOR]
