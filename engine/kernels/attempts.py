"""The record of closing a position: each attempt and its end, the end of the whole, alerts.

An attempt is an order, or a replacement of one.
The order's row says which attempt is in force (ORDER_ATTEMPT): a replacement is one from the broker's
word on, until then the old one is. So a fill always belongs to the attempt that made it.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.ledger import journal_row
from engine.model.layout import (
    ACCOUNT_NOW,
    KIND_ALERT,
    KIND_ATTEMPT_ENDED,
    KIND_EXIT_ATTEMPT,
    KIND_EXIT_ENDED,
    ORDER_ATTEMPT,
    ORDER_EXIT,
    ORDER_FILLED,
    ORDER_ID,
)
from engine.model.trading import ALERT_CRITICAL, RESULT_CANCELED, RESULT_DENIED, RESULT_REPLACED
from engine.model.trading_layout import (
    ALERT_CODE,
    ALERT_NUMBER,
    ALERT_POSITION,
    ALERT_SEVERITY,
    ATTEMPT_KIND,
    ATTEMPT_LOTS,
    ATTEMPT_NUMBER,
    ATTEMPT_ORDER,
    ATTEMPT_POSITION,
    ATTEMPT_PRICE,
    ATTEMPT_REASON,
    ATTEMPT_TOUCH,
    ENDED_CODE,
    ENDED_LOTS,
    ENDED_NUMBER,
    ENDED_ORDER,
    ENDED_POSITION,
    ENDED_REASON,
    ENDED_RESULT,
    ENDED_SENT,
    EXIT_ALERTED,
    EXIT_ATTEMPT,
    EXIT_BEFORE,
    EXIT_FILLED,
    EXIT_KIND,
    EXIT_LEFT,
    EXIT_NEXT_PRICE,
    EXIT_NEXT_SENT,
    EXIT_POSITION,
    EXIT_PRICE,
    EXIT_REASON,
    EXIT_SENT,
    EXIT_SINCE,
    EXIT_WALKS,
    EXITED_ATTEMPTS,
    EXITED_FIRED,
    EXITED_LEFT,
    EXITED_LOTS,
    EXITED_POSITION,
    EXITED_REASON,
    EXITED_RESULT,
    EXITED_WALKS,
)
from engine.state import Core


@kernel
def journal_attempt(s: Core, i: int, order_id: int, price: int, lots: int, opposite: int) -> None:
    """Record an order to close, or a replacement of one, as it is sent."""
    n = journal_row(s, KIND_EXIT_ATTEMPT, i)
    s.journal[n, ATTEMPT_POSITION] = s.monitors[i, EXIT_POSITION]
    s.journal[n, ATTEMPT_REASON] = s.monitors[i, EXIT_REASON]
    s.journal[n, ATTEMPT_NUMBER] = s.monitors[i, EXIT_ATTEMPT]
    s.journal[n, ATTEMPT_KIND] = s.monitors[i, EXIT_KIND]
    s.journal[n, ATTEMPT_PRICE] = price
    s.journal[n, ATTEMPT_LOTS] = lots
    s.journal[n, ATTEMPT_ORDER] = order_id
    s.journal[n, ATTEMPT_TOUCH] = opposite


@kernel
def journal_end(
    s: Core, i: int, reason: int, number: int, result: int, lots: int, order_id: int, sent: int
) -> int:
    """Record how an attempt ended; return the row, for a code."""
    n = journal_row(s, KIND_ATTEMPT_ENDED, i)
    s.journal[n, ENDED_POSITION] = s.monitors[i, EXIT_POSITION]
    s.journal[n, ENDED_REASON] = reason
    s.journal[n, ENDED_NUMBER] = number
    s.journal[n, ENDED_RESULT] = result
    s.journal[n, ENDED_LOTS] = lots
    s.journal[n, ENDED_ORDER] = order_id
    s.journal[n, ENDED_SENT] = sent
    return n


@kernel
def end_attempt(s: Core, i: int, r: int, result: int) -> None:
    """The attempt in force of the order to close in row `r` has ended; a replacement takes its place."""
    if result == RESULT_REPLACED and s.monitors[i, EXIT_NEXT_PRICE] == 0:
        return  # one that was given up: the order is being canceled, whatever its price is now
    filled = s.orders[r, ORDER_FILLED]
    journal_end(
        s,
        i,
        s.orders[r, ORDER_EXIT],
        s.orders[r, ORDER_ATTEMPT],
        result,
        filled - s.monitors[i, EXIT_BEFORE],
        s.orders[r, ORDER_ID],
        s.monitors[i, EXIT_SENT],
    )
    s.monitors[i, EXIT_BEFORE] = filled
    if s.monitors[i, EXIT_NEXT_PRICE] == 0:
        return
    if result == RESULT_REPLACED:
        s.orders[r, ORDER_ATTEMPT] = s.monitors[i, EXIT_ATTEMPT]
        s.monitors[i, EXIT_PRICE] = s.monitors[i, EXIT_NEXT_PRICE]
        s.monitors[i, EXIT_SENT] = s.monitors[i, EXIT_NEXT_SENT]
        s.monitors[i, EXIT_NEXT_PRICE] = 0
    else:
        drop_replacement(s, i, s.orders[r, ORDER_ID], RESULT_CANCELED)


@kernel
def drop_replacement(s: Core, i: int, order_id: int, result: int) -> None:
    """The replacement under way, if any, will not come into force: it is withdrawn, or was refused."""
    if s.monitors[i, EXIT_NEXT_PRICE] == 0:
        return
    s.monitors[i, EXIT_NEXT_PRICE] = 0
    journal_end(
        s,
        i,
        s.monitors[i, EXIT_REASON],
        s.monitors[i, EXIT_ATTEMPT],
        result,
        0,
        order_id,
        s.monitors[i, EXIT_NEXT_SENT],
    )


@kernel
def journal_denied(s: Core, i: int, code: int) -> None:
    """The attempt that was just recorded, now, was denied by our own checks."""
    n = journal_end(
        s,
        i,
        s.monitors[i, EXIT_REASON],
        s.monitors[i, EXIT_ATTEMPT],
        RESULT_DENIED,
        0,
        0,
        s.account[ACCOUNT_NOW],
    )
    s.journal[n, ENDED_CODE] = code


@kernel
def journal_exit(s: Core, i: int, result: int) -> None:
    """Record how the whole exit ended."""
    n = journal_row(s, KIND_EXIT_ENDED, i)
    s.journal[n, EXITED_POSITION] = s.monitors[i, EXIT_POSITION]
    s.journal[n, EXITED_REASON] = s.monitors[i, EXIT_REASON]
    s.journal[n, EXITED_RESULT] = result
    s.journal[n, EXITED_ATTEMPTS] = s.monitors[i, EXIT_ATTEMPT]
    s.journal[n, EXITED_WALKS] = s.monitors[i, EXIT_WALKS]
    s.journal[n, EXITED_LOTS] = s.monitors[i, EXIT_FILLED]
    s.journal[n, EXITED_FIRED] = s.monitors[i, EXIT_SINCE]
    s.journal[n, EXITED_LEFT] = s.monitors[i, EXIT_LEFT]


@kernel
def alert(s: Core, i: int, code: int) -> None:
    """Tell a person of a position that cannot be closed."""
    n = journal_row(s, KIND_ALERT, i)
    s.journal[n, ALERT_CODE] = code
    s.journal[n, ALERT_SEVERITY] = ALERT_CRITICAL
    s.journal[n, ALERT_POSITION] = s.monitors[i, EXIT_POSITION]
    s.journal[n, ALERT_NUMBER] = s.monitors[i, EXIT_REASON]
    s.monitors[i, EXIT_ALERTED] = s.account[ACCOUNT_NOW]


@kernel
def alert_once(s: Core, i: int, code: int) -> None:
    """Tell it once in an episode: until the position is closed, or no condition holds any more."""
    if s.monitors[i, EXIT_ALERTED] == 0:
        alert(s, i, code)
