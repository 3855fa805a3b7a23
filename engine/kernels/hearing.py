"""What the trading loop hears of its own orders: it is kept in the monitor, and looked at afterwards."""

from __future__ import annotations

from engine.jit import kernel, loop_door
from engine.kernels.attempts import drop_replacement, end_attempt
from engine.kernels.positions import tradable_lots
from engine.model.layout import (
    ACCOUNT_TOUCHED,
    ACCOUNT_TRADING,
    KIND_CANCELED,
    KIND_EXPIRED,
    KIND_FILL,
    KIND_REJECTED,
    KIND_REPLACED,
    ORDER_EXIT,
    ORDER_FILLED,
    ORDER_ID,
    ORDER_INSTRUMENT,
    ORDER_POSITION,
    ORDER_QUANTITY,
    ORDER_SIGNAL,
)
from engine.model.trading import (
    PHASE_IDLE,
    RESULT_CANCELED,
    RESULT_EXPIRED,
    RESULT_FILLED,
    RESULT_REJECTED,
    RESULT_REPLACED,
    RESULT_WORKING,
)
from engine.model.trading_layout import (
    ENDS_FOR_A_TRY,
    ENTRY_ENDING,
    ENTRY_HEARD,
    ENTRY_LEFT,
    ENTRY_ORDER,
    ENTRY_SIGNAL,
    EXIT_FILLED,
    EXIT_HEARD,
    EXIT_LEFT,
    EXIT_ORDER,
    EXIT_PHASE,
    EXIT_POSITION,
    MONITOR_POSITION,
)
from engine.state import Core, Table


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


@loop_door
def hear_refusal(s: Core, r: int) -> None:
    """Take notice that the broker has refused to replace the order in row `r`: it is what it was."""
    if s.account[ACCOUNT_TRADING] == 0:
        return
    s.account[ACCOUNT_TOUCHED] = 1
    i = s.orders[r, ORDER_INSTRUMENT]
    if s.monitors[i, EXIT_ORDER] == s.orders[r, ORDER_ID]:
        drop_replacement(s, i, s.orders[r, ORDER_ID], RESULT_REJECTED)


@loop_door
def hear_late_fill(s: Core, ended: Table, e: int, lots: int) -> None:
    """Take notice of a fill of the order in `ended[e]`, which had ended: what wanted its lots wants fewer.

    The position counts them already, its trip does not. An order that works for the same lots is too
    large now, and is taken back when the loop looks at it.
    """
    if s.account[ACCOUNT_TRADING] == 0:
        return
    s.account[ACCOUNT_TOUCHED] = 1
    i, signal = ended[e, ORDER_INSTRUMENT], ended[e, ORDER_SIGNAL]
    if s.monitors[i, ENTRY_SIGNAL] != 0 and s.monitors[i, ENTRY_SIGNAL] == signal:
        s.monitors[i, ENTRY_LEFT] = max(s.monitors[i, ENTRY_LEFT] - lots, 0)
        if s.monitors[i, ENTRY_ORDER] != 0 and s.monitors[i, ENTRY_ENDING] == 0:
            s.monitors[i, ENTRY_ENDING] = ENDS_FOR_A_TRY
    if s.monitors[i, EXIT_PHASE] == PHASE_IDLE:
        return
    if s.monitors[i, EXIT_POSITION] == s.monitors[i, MONITOR_POSITION]:
        if ended[e, ORDER_EXIT] != 0 and ended[e, ORDER_POSITION] == s.monitors[i, EXIT_POSITION]:
            s.monitors[i, EXIT_LEFT] = max(s.monitors[i, EXIT_LEFT] - lots, 0)
            s.monitors[i, EXIT_FILLED] += lots
        held = abs(tradable_lots(s, i))
        if held > 0:
            s.monitors[i, EXIT_LEFT] = min(s.monitors[i, EXIT_LEFT], held)
