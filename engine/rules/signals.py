"""From a strategy's signal to an order: validation, sizing, checks, and the record of each.

A signal is numbered when it is received. What it is worth is looked at first (`signal_checks`), then
how much of it, then the order that it would become (`checks`). What happens to that order afterwards,
its wait and its further tries, is followed by `entries`, from the columns ENTRY_* that are set here.
"""

from __future__ import annotations

from engine.jit import kernel, loop_door
from engine.kernels.held import renew_held
from engine.kernels.ledger import journal_row
from engine.kernels.money import OVERFLOW, add_checked
from engine.kernels.orders import judge_intent, place
from engine.kernels.positions import tradable_lots
from engine.model.denials import (
    DENY_ALERT_ONLY,
    DENY_BUYING_POWER,
    DENY_CONCENTRATION,
    DENY_GROSS_EXPOSURE,
    DENY_MAX_POSITIONS,
    DENY_NONE,
    DENY_POSITION_SIZE,
)
from engine.model.layout import (
    ACCOUNT_CLOSE_FIRST,
    ACCOUNT_ENTRY_TIF,
    ACCOUNT_ENTRY_TYPE,
    ACCOUNT_LAST_DENIAL,
    ACCOUNT_MODE,
    ACCOUNT_NEXT_ORDER,
    ACCOUNT_NEXT_SIGNAL,
    ACCOUNT_NOW,
    ACCOUNT_TOUCHED,
    KIND_SIGNAL_APPROVED,
    KIND_SIGNAL_DENIED,
    KIND_SIGNAL_RECEIVED,
    ORDER_LIMIT,
    ORDER_QUANTITY,
    ORDER_SIGNAL,
    ORDER_TIF,
    ORDER_TYPE,
    POSITION_ENTRY,
    POSITION_LAST,
    TYPE_LIMIT,
)
from engine.model.trading import MODE_APPROVE, MODE_AUTO, SOURCE_ORDER
from engine.model.trading_layout import (
    ENTRY_CARRY,
    ENTRY_CLASS,
    ENTRY_DEADLINE,
    ENTRY_EXPIRES,
    ENTRY_GOAL,
    ENTRY_HEARD,
    ENTRY_LEFT,
    ENTRY_OFFSET_MILLI,
    ENTRY_ORDER,
    ENTRY_REJECTS,
    ENTRY_SIDE,
    ENTRY_SIGNAL,
    ENTRY_TRY,
    ENTRY_WALKS,
    LIMIT_ENTRY_TIMEOUT,
    LIMIT_EXPIRY,
    LIMIT_HAS_CONFIDENCE,
    LIMIT_HAS_GOAL,
    MONITOR_CONFIDENCE,
    MONITOR_DENIED_AT,
    MONITOR_DENIED_EDGE,
    MONITOR_GOAL,
    MONITOR_WANTS,
    NEVER,
    NOT_GIVEN,
    RECEIVED_CONFIDENCE,
    RECEIVED_EDGE,
    RECEIVED_EXPIRES,
    RECEIVED_GOAL,
    RECEIVED_NUMBER,
    RECEIVED_PRICE,
    RECEIVED_SIDE,
    RECEIVED_SOURCE,
    WANTS_EXIT,
)
from engine.rules.approval_queue import answer, queue_signal, wait_for_exit
from engine.rules.hours import due_after, wake_at
from engine.rules.market_checks import touch_price
from engine.rules.opening import entry_limit, new_intent, place_bracket
from engine.rules.signal_checks import check_signal, confidence_class, edge_of, note_decision
from engine.rules.sizes import size_signal
from engine.state import Core, Table


@loop_door
def receive_signal(s: Core, intents: Table, i: int, side: int, source: int) -> int:
    """Take the wish to enter instrument `i` on a side; return the order that it became, or 0."""
    return take_signal(s, intents, i, side, source, s.account[ACCOUNT_NOW])


@kernel
def take_signal(s: Core, intents: Table, i: int, side: int, source: int, decided: int) -> int:
    """Take a signal that was decided at a time; return the order that it became, or 0."""
    number = new_signal(s, i, side, source, decided)
    code = check_signal(s, i, side, source, decided, number)
    note_decision(s, i, side, decided)
    if code != DENY_NONE:
        return deny(s, i, side, number, 0, 0, code)
    price, expires = entry_price(s, i, side), expires_at(s, decided)
    if s.account[ACCOUNT_MODE] == MODE_APPROVE and side * tradable_lots(s, i) < 0:
        # No person holds back what closes: the exit goes by itself.
        s.monitors[i, MONITOR_WANTS] = s.monitors[i, MONITOR_WANTS] | WANTS_EXIT
        s.account[ACCOUNT_TOUCHED] = 1
    if turns_after_exit(s, i, side):
        s.monitors[i, MONITOR_WANTS] = s.monitors[i, MONITOR_WANTS] | WANTS_EXIT
        s.account[ACCOUNT_TOUCHED] = 1
        wait_for_exit(s, i, side, number, price, expires)
        return 0
    return send_signal(s, intents, i, side, number, price, expires)


@kernel
def turns_after_exit(s: Core, i: int, side: int) -> bool:
    """Return whether a signal that turns a position round waits for its exit.

    At market one order does both, unless orders close first. A limit order might not fill: where the
    position is about to be closed, the exit goes first, by its own plan, and the entry waits for it.
    """
    is_limit = s.account[ACCOUNT_ENTRY_TYPE] == TYPE_LIMIT
    is_left = (s.monitors[i, MONITOR_WANTS] & WANTS_EXIT) != 0
    waits = s.account[ACCOUNT_CLOSE_FIRST] == 1 or (is_limit and is_left)
    return bool(waits and side * tradable_lots(s, i) < 0)


@kernel
def send_signal(
    s: Core, intents: Table, i: int, side: int, number: int, price: int, expires: int
) -> int:
    """Size a signal that may be entered now, and send it as the mode says; return its order, or 0."""
    lots = size_entry(s, i, side, price, number, NEVER)
    if lots == 0:
        return 0
    if s.account[ACCOUNT_MODE] != MODE_AUTO:
        return hold_back(s, intents, i, side, lots, price, number, expires)
    return enter(s, intents, i, side, lots, price, number, expires)


@kernel
def size_entry(s: Core, i: int, side: int, price: int, number: int, shown: int) -> int:
    """Return how many lots a signal trades, or deny it and return 0."""
    lots, code = size_signal(s, i, side, price, number, shown)
    if code != DENY_NONE:
        return deny(s, i, side, number, 0, 0, code)
    return lots


@kernel
def enter(
    s: Core, intents: Table, i: int, side: int, lots: int, price: int, number: int, expires: int
) -> int:
    """Send a signal's order with its bracket; return its id, or 0 where a check denies it."""
    write_entry(s, intents, i, side, lots, price, number)
    order_id = place(s, intents, 0)
    sent = intents[0, ORDER_QUANTITY]
    if order_id == 0:
        return deny_order(s, i, side, number, sent)
    begin_entry(s, i, side, number, order_id, sent, expires)
    answer(s, KIND_SIGNAL_APPROVED, i, number, order_id, sent, DENY_NONE)
    place_bracket(s, intents, i, side, lots)
    return order_id


@kernel
def hold_back(
    s: Core, intents: Table, i: int, side: int, lots: int, price: int, number: int, expires: int
) -> int:
    """Check a signal's order without sending it; then a person is asked, or only told. Return 0."""
    write_entry(s, intents, i, side, lots, price, number)
    order_id = judge_intent(s, intents, 0)
    if order_id == 0:
        return deny_order(s, i, side, number, intents[0, ORDER_QUANTITY])
    if s.account[ACCOUNT_MODE] == MODE_APPROVE:
        queue_signal(s, i, side, number, order_id, lots, price, expires)
        return 0
    return deny(s, i, side, number, 0, lots, DENY_ALERT_ONLY)


@kernel
def expires_at(s: Core, decided: int) -> int:
    """Return when a signal that was decided at a time is worth nothing any more."""
    wait = s.limits[LIMIT_EXPIRY]
    return NEVER if wait == 0 else add_checked(decided, wait)


@kernel
def new_signal(s: Core, i: int, side: int, source: int, decided: int) -> int:
    """Number a signal and record it with what the strategy says of it."""
    number: int = s.account[ACCOUNT_NEXT_SIGNAL]
    s.account[ACCOUNT_NEXT_SIGNAL] = number + 1
    own = source != SOURCE_ORDER
    n = journal_row(s, KIND_SIGNAL_RECEIVED, i)
    s.journal[n, RECEIVED_NUMBER] = number
    s.journal[n, RECEIVED_SIDE] = side
    s.journal[n, RECEIVED_EDGE] = edge_of(s, i, side) if own else NOT_GIVEN
    s.journal[n, RECEIVED_CONFIDENCE] = confidence_of(s, i) if own else NOT_GIVEN
    s.journal[n, RECEIVED_GOAL] = goal_of(s, i) if own else NOT_GIVEN
    s.journal[n, RECEIVED_PRICE] = s.positions[i, POSITION_LAST]
    s.journal[n, RECEIVED_EXPIRES] = expires_at(s, decided)
    s.journal[n, RECEIVED_SOURCE] = source
    return number


@kernel
def confidence_of(s: Core, i: int) -> int:
    """Return the confidence given for an instrument in ppb, or NOT_GIVEN."""
    given: int = s.monitors[i, MONITOR_CONFIDENCE]
    return given if s.limits[LIMIT_HAS_CONFIDENCE] == 1 else NOT_GIVEN


@kernel
def goal_of(s: Core, i: int) -> int:
    """Return the target price given for an instrument in ticks, or NOT_GIVEN."""
    given: int = s.monitors[i, MONITOR_GOAL]
    return given if s.limits[LIMIT_HAS_GOAL] == 1 else NOT_GIVEN


@kernel
def entry_price(s: Core, i: int, side: int) -> int:
    """Return what an entry is expected to pay: its limit, or the touch."""
    if s.account[ACCOUNT_ENTRY_TYPE] == TYPE_LIMIT:
        return entry_limit(s, i, side)
    return touch_price(s, i, side)


@kernel
def write_entry(
    s: Core, intents: Table, i: int, side: int, lots: int, price: int, number: int
) -> None:
    """Write a signal's order, which turns an opposite position over, into `intents[0]`."""
    opposite = max(-side * tradable_lots(s, i), 0)
    new_intent(intents, 0, i, side, add_checked(lots, opposite))
    intents[0, ORDER_TYPE] = s.account[ACCOUNT_ENTRY_TYPE]
    intents[0, ORDER_TIF] = s.account[ACCOUNT_ENTRY_TIF]
    intents[0, ORDER_SIGNAL] = number
    if s.account[ACCOUNT_ENTRY_TYPE] == TYPE_LIMIT:
        intents[0, ORDER_LIMIT] = price


@kernel
def begin_entry(
    s: Core, i: int, side: int, number: int, order_id: int, lots: int, expires: int
) -> None:
    """Remember the entry that works; what is closed by turning over needs no exit of its own."""
    timeout = s.limits[LIMIT_ENTRY_TIMEOUT]
    deadline, carry = NEVER, 0
    if timeout > 0:
        deadline, carry = due_after(s, i, timeout)
    s.monitors[i, ENTRY_SIGNAL] = number
    s.monitors[i, ENTRY_ORDER] = order_id
    s.monitors[i, ENTRY_TRY] = 1
    s.monitors[i, ENTRY_DEADLINE] = deadline
    s.monitors[i, ENTRY_CARRY] = carry
    s.monitors[i, ENTRY_EXPIRES] = expires
    s.monitors[i, ENTRY_CLASS] = confidence_class(s, i)
    s.monitors[i, ENTRY_GOAL] = goal_of(s, i)
    s.monitors[i, ENTRY_LEFT] = lots
    s.monitors[i, ENTRY_SIDE] = side
    s.monitors[i, ENTRY_HEARD] = 0
    s.monitors[i, ENTRY_OFFSET_MILLI] = 0
    s.monitors[i, ENTRY_WALKS] = 0
    s.monitors[i, ENTRY_REJECTS] = 0
    s.monitors[i, MONITOR_DENIED_EDGE] = NOT_GIVEN
    s.monitors[i, MONITOR_WANTS] = s.monitors[i, MONITOR_WANTS] & ~WANTS_EXIT
    s.positions[i, POSITION_ENTRY] = order_id
    s.account[ACCOUNT_TOUCHED] = 1
    renew_held(s, i)
    wake_at(s, i, deadline)


@kernel
def deny(s: Core, i: int, side: int, number: int, order_id: int, lots: int, code: int) -> int:
    """Record why a signal became no order; one that only room or money stood against is remembered."""
    answer(s, KIND_SIGNAL_DENIED, i, number, order_id, lots, code)
    s.account[ACCOUNT_LAST_DENIAL] = code
    edge = edge_of(s, i, side)
    if is_for_want_of_room(code) and edge != NOT_GIVEN and edge != OVERFLOW:
        s.monitors[i, MONITOR_DENIED_EDGE] = edge
        s.monitors[i, MONITOR_DENIED_AT] = s.account[ACCOUNT_NOW]
    return 0


@kernel
def is_for_want_of_room(code: int) -> bool:
    """Return whether closing another position could have let the order pass (exit `rebalance`)."""
    return (
        code == DENY_MAX_POSITIONS
        or code == DENY_POSITION_SIZE
        or code == DENY_GROSS_EXPOSURE
        or code == DENY_CONCENTRATION
        or code == DENY_BUYING_POWER
    )


@kernel
def deny_order(s: Core, i: int, side: int, number: int, lots: int) -> int:
    """Record that the order that a signal would have become, the last one numbered, was denied."""
    last = s.account[ACCOUNT_NEXT_ORDER] - 1
    return deny(s, i, side, number, last, lots, s.account[ACCOUNT_LAST_DENIAL])
