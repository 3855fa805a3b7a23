"""What the trading loop hears of its own orders: it is kept in the monitor, and looked at afterwards."""

from __future__ import annotations

from engine.jit import kernel, loop_door
from engine.kernels.attempts import end_attempt
from engine.model.layout import (
    ACCOUNT_TOUCHED,
    ACCOUNT_TRADING,
    KIND_CANCELED,
    KIND_EXPIRED,
    KIND_FILL,
    KIND_REJECTED,
    KIND_REPLACED,
    ORDER_FILLED,
    ORDER_ID,
    ORDER_INSTRUMENT,
    ORDER_QUANTITY,
)
from engine.model.trading import (
    RESULT_CANCELED,
    RESULT_EXPIRED,
    RESULT_FILLED,
    RESULT_REJECTED,
    RESULT_REPLACED,
    RESULT_WORKING,
)
from engine.model.trading_layout import (
    ENTRY_HEARD,
    ENTRY_LEFT,
    ENTRY_ORDER,
    EXIT_FILLED,
    EXIT_HEARD,
    EXIT_LEFT,
    EXIT_ORDER,
)
from engine.state import Core


@kernel
def result_of(s: Core, r: int, kind: int) -> int:
    """Return the AttemptResult that a fact makes of an order; RESULT_WORKING where it goes on."""
    if kind == KIND_FILL:
        is_done = s.orders[r, ORDER_FILLED] >= s.orders[r, ORDER_QUANTITY]
        return RESULT_FILLED if is_done else RESULT_WORKING
    if kind == KIND_CANCELED:
        return RESULT_CANCELED
    if kind == KIND_EXPIRED:
        return RESULT_EXPIRED
    if kind == KIND_REJECTED:
        return RESULT_REJECTED
    return RESULT_REPLACED if kind == KIND_REPLACED else RESULT_WORKING


@loop_door
def hear_fact(s: Core, r: int, kind: int, lots: int) -> None:
    """Take notice of a fact about the order in row `r`, before an ended one leaves the table.

    `lots` are those of a fill, which the order's row counts already.
    """
    if s.account[ACCOUNT_TRADING] == 0:
        return
    s.account[ACCOUNT_TOUCHED] = 1
    i, order_id = s.orders[r, ORDER_INSTRUMENT], s.orders[r, ORDER_ID]
    result = result_of(s, r, kind)
    filled = lots if kind == KIND_FILL else 0
    ended = result != RESULT_WORKING and result != RESULT_REPLACED
    if s.monitors[i, EXIT_ORDER] == order_id:
        s.monitors[i, EXIT_LEFT] = max(s.monitors[i, EXIT_LEFT] - filled, 0)
        s.monitors[i, EXIT_FILLED] += filled
        if result != RESULT_WORKING:
            s.monitors[i, EXIT_HEARD] = result
            end_attempt(s, i, r, result)
        if ended:
            s.monitors[i, EXIT_ORDER] = 0
    elif s.monitors[i, ENTRY_ORDER] == order_id:
        s.monitors[i, ENTRY_LEFT] = max(s.monitors[i, ENTRY_LEFT] - filled, 0)
        if result != RESULT_WORKING:
            s.monitors[i, ENTRY_HEARD] = result
        if ended:
            s.monitors[i, ENTRY_ORDER] = 0
