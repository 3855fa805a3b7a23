"""How an exit begins, is taken over by a more urgent one, and ends; the steps between are in
`engine.rules.escalation`.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.attempts import (
    alert_once,
    drop_replacement,
    end_attempt,
    journal_exit,
)
from engine.kernels.held import renew_held
from engine.kernels.orders import ask_cancel, find_order
from engine.model.layout import (
    ACCOUNT_NOW,
    ORDER_ID,
    ORDER_STATUS,
    STATUS_PENDING_CANCEL,
)
from engine.model.trading import (
    ALERT_EXIT_FAILED,
    PHASE_CLEARING,
    PHASE_ENDING,
    PHASE_IDLE,
    REASON_REBALANCE,
    RESULT_CANCELED,
    RESULT_FAILED,
    RESULT_TAKEN_OVER,
    RESULT_WORKING,
)
from engine.model.trading_layout import (
    EXIT_ALERTED,
    EXIT_ATTEMPT,
    EXIT_CARRY,
    EXIT_DEADLINE,
    EXIT_FAILS,
    EXIT_FILLED,
    EXIT_FIRED_PRICE,
    EXIT_GOAL,
    EXIT_HEARD,
    EXIT_KIND,
    EXIT_LEFT,
    EXIT_MARK,
    EXIT_NEXT_PRICE,
    EXIT_OFFSET_MILLI,
    EXIT_ORDER,
    EXIT_PHASE,
    EXIT_POSITION,
    EXIT_PRICE,
    EXIT_REASON,
    EXIT_SINCE,
    EXIT_STAGE,
    EXIT_WALKS,
    EXITS_PRICE,
    EXITS_PRIORITY,
    MONITOR_DENIED_EDGE,
    MONITOR_MARKS,
    MONITOR_POSITION,
    NEVER,
    NOT_GIVEN,
)
from engine.rules.conditions import wanted_lots
from engine.rules.opportunities import better_entry
from engine.state import Core

ASK_AGAIN = 5 * 10**9  # ns after which a cancel that was not answered is asked for again


@kernel
def may_begin(s: Core, i: int) -> bool:
    """Return whether an exit may begin: one that was given up is tried again at the next mark only."""
    if s.monitors[i, EXIT_PHASE] != PHASE_IDLE:
        return False
    return (
        s.monitors[i, EXIT_POSITION] != s.monitors[i, MONITOR_POSITION]
        or s.monitors[i, EXIT_MARK] != s.monitors[i, MONITOR_MARKS]
    )


@kernel
def wait_for_mark(s: Core, i: int) -> None:
    """Let no exit begin before the next mark."""
    s.monitors[i, EXIT_MARK] = s.monitors[i, MONITOR_MARKS]
    if s.monitors[i, EXIT_PHASE] == PHASE_IDLE:
        s.monitors[i, EXIT_POSITION] = s.monitors[i, MONITOR_POSITION]


@kernel
def takes_over(s: Core, i: int, reason: int) -> bool:
    """Return whether a condition is more urgent than the one whose exit works."""
    if s.monitors[i, EXIT_PHASE] == PHASE_IDLE or reason == 0:
        return False
    working = s.monitors[i, EXIT_REASON]
    higher: bool = s.exits[reason, EXITS_PRIORITY] < s.exits[working, EXITS_PRIORITY]
    return higher


@kernel
def plan(s: Core, i: int, reason: int, price: int) -> None:
    """Begin the plan of a condition that fired at an exit price of `price`; nothing is sent yet."""
    lots = wanted_lots(s, i, reason)
    s.monitors[i, EXIT_REASON] = reason
    s.monitors[i, EXIT_POSITION] = s.monitors[i, MONITOR_POSITION]
    s.monitors[i, EXIT_SINCE] = s.account[ACCOUNT_NOW]
    s.monitors[i, EXIT_FIRED_PRICE] = price
    s.monitors[i, EXIT_GOAL] = lots
    s.monitors[i, EXIT_LEFT] = lots
    s.monitors[i, EXIT_KIND] = s.exits[reason, EXITS_PRICE]
    s.monitors[i, EXIT_MARK] = -1
    for column in (
        EXIT_FILLED,
        EXIT_ATTEMPT,
        EXIT_WALKS,
        EXIT_OFFSET_MILLI,
        EXIT_FAILS,
        EXIT_STAGE,
    ):
        s.monitors[i, column] = 0
    if reason == REASON_REBALANCE:
        best = better_entry(s, i)
        if best >= 0:  # one position makes room for one signal
            s.monitors[best, MONITOR_DENIED_EDGE] = NOT_GIVEN


@kernel
def begin(s: Core, i: int, reason: int, price: int) -> None:
    """Begin to close for a condition."""
    plan(s, i, reason, price)
    s.monitors[i, EXIT_PRICE] = 0
    s.monitors[i, EXIT_HEARD] = 0
    s.monitors[i, EXIT_CARRY] = 0
    s.monitors[i, EXIT_DEADLINE] = NEVER
    s.monitors[i, EXIT_PHASE] = PHASE_CLEARING
    renew_held(s, i)


@kernel
def take_over(s: Core, i: int, reason: int, price: int) -> None:
    """Go on with a more urgent condition's plan, once the order that works is out of the way."""
    journal_exit(s, i, RESULT_TAKEN_OVER)
    drop_replacement(s, i, s.monitors[i, EXIT_ORDER], RESULT_CANCELED)
    plan(s, i, reason, price)
    if s.monitors[i, EXIT_ORDER] != 0:
        end_order_then(s, i, PHASE_ENDING)


@kernel
def finish(s: Core, i: int, result: int) -> None:
    """The exit is over; an order of it that still works is canceled and no longer followed."""
    r = find_order(s, s.monitors[i, EXIT_ORDER])
    if r >= 0:
        end_attempt(s, i, r, RESULT_CANCELED)
        withdraw_row(s, r)
    journal_exit(s, i, result)
    if result == RESULT_FAILED:
        alert_once(s, i, ALERT_EXIT_FAILED)
        s.monitors[i, EXIT_MARK] = s.monitors[i, MONITOR_MARKS]
    else:
        s.monitors[i, EXIT_ALERTED] = 0
    s.monitors[i, EXIT_ORDER] = 0
    s.monitors[i, EXIT_NEXT_PRICE] = 0
    s.monitors[i, EXIT_HEARD] = RESULT_WORKING
    s.monitors[i, EXIT_CARRY] = 0
    s.monitors[i, EXIT_DEADLINE] = NEVER
    s.monitors[i, EXIT_PHASE] = PHASE_IDLE
    renew_held(s, i)


@kernel
def withdraw_row(s: Core, r: int) -> None:
    """Ask once to cancel the order in row `r`."""
    if s.orders[r, ORDER_STATUS] != STATUS_PENDING_CANCEL:
        ask_cancel(s, s.orders[r, ORDER_ID])


@kernel
def end_order_then(s: Core, i: int, phase: int) -> None:
    """Cancel the order that works; what follows waits for the broker's word."""
    r = find_order(s, s.monitors[i, EXIT_ORDER])
    if r >= 0:
        withdraw_row(s, r)
    s.monitors[i, EXIT_PHASE] = phase
    s.monitors[i, EXIT_DEADLINE] = s.account[ACCOUNT_NOW] + ASK_AGAIN
    s.monitors[i, EXIT_CARRY] = 0
