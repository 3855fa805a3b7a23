"""Fills that arrive after their order has ended: a venue's fill is a fact, whatever was said before.

The core's table holds working orders only. Those that have ended are kept aside, the last of each place
(`order id modulo the places`), so that a late fill finds its side, its signal and its exit. It is
booked once, opens or changes the position, and the loop looks at that as at any other. So is a fill of
an order that was filled whole: the venue has traded more than was asked for. A fill of an order that
is not kept any more stops the core: nobody knows what it traded.
"""

from __future__ import annotations

from engine.jit import loop_door
from engine.kernels.booking import book_fill
from engine.kernels.hearing import hear_late_fill
from engine.kernels.ledger import fault
from engine.kernels.money import OVERFLOW
from engine.kernels.trips import note_late_position
from engine.model.layout import (
    ACCOUNT_TRADING,
    FACT_FEE,
    FACT_LOTS,
    FACT_ORDER,
    FAULT_TRANSITION,
    NEXT_STATUS,
    ORDER_EVENT_COUNT,
    ORDER_FILLED,
    ORDER_ID,
    ORDER_INSTRUMENT,
    ORDER_QUANTITY,
    ORDER_SIGNAL,
    ORDER_STATUS,
    ORDER_WIDTH,
    STATUS_FILLED,
)
from engine.model.orders import OrderEvent
from engine.state import Core, Table

EVENT_PARTIAL_FILL = OrderEvent.PARTIAL_FILL.value
EVENT_FILL = OrderEvent.FILL.value


@loop_door
def keep_ended(s: Core, r: int) -> None:
    """Keep the order in row `r`, which has ended, where it may still turn out to have filled."""
    if s.account[ACCOUNT_TRADING] == 0:
        return
    e = s.orders[r, ORDER_ID] % s.ended.shape[0]
    for column in range(ORDER_WIDTH):
        s.ended[e, column] = s.orders[r, column]


@loop_door
def take_late_fill(s: Core, facts: Table, f: int) -> bool:
    """Book the fill in `facts[f]` of an order that has ended; False where no such order is kept."""
    if s.account[ACCOUNT_TRADING] == 0:
        return False
    e = facts[f, FACT_ORDER] % s.ended.shape[0]
    if s.ended[e, ORDER_ID] != facts[f, FACT_ORDER]:
        return False
    i, lots = s.ended[e, ORDER_INSTRUMENT], facts[f, FACT_LOTS]
    is_whole = s.ended[e, ORDER_FILLED] + lots >= s.ended[e, ORDER_QUANTITY]
    event = EVENT_FILL if is_whole else EVENT_PARTIAL_FILL
    status = s.ended[e, ORDER_STATUS]
    if status != STATUS_FILLED:  # else it is an overfill, and stays filled
        status = NEXT_STATUS[status * ORDER_EVENT_COUNT + event]
    if status == 0:
        fault(s, FAULT_TRANSITION, i)
        return True
    realized = book_fill(s, s.ended, e, facts, f)
    if realized == OVERFLOW:
        return True
    hear_late_fill(s, s.ended, e, lots)
    note_late_position(s, i, realized, facts[f, FACT_FEE], s.ended[e, ORDER_SIGNAL])
    s.ended[e, ORDER_STATUS] = status
    return True
