"""Orders that a strategy sizes itself, in a session that asks a person before it opens anything.

Problem: such an order has no size that could be worked out again when it is approved, and a bracket
hangs on it. Choice: it waits whole, in rows of the core's own (`asked`), under the number that it was
checked by, so that what hangs on it finds it. When it is approved it is checked once more and becomes
no larger; one of a target weight is held against the newest weight (`engine.rules.approvals`).

What closes is nobody's to hold back: of an order that turns a position round, the part that closes it
goes at once, and only the rest is asked about.
"""

from __future__ import annotations

from engine.jit import kernel, loop_door
from engine.kernels.orders import deny_intent, judge_intent, place
from engine.kernels.positions import tradable_lots
from engine.model.denials import (
    DENY_ALERT_ONLY,
    DENY_APPROVAL_NEEDED,
    DENY_APPROVAL_WITHDRAWN,
    DENY_INSTRUMENT_BUSY,
    DENY_NONE,
)
from engine.model.layout import (
    ACCOUNT_LAST_DENIAL,
    ACCOUNT_MODE,
    ACCOUNT_NEXT_ORDER,
    ACCOUNT_NOW,
    ACCOUNT_ORDERS,
    ACCOUNT_TRADING,
    FLAG_REDUCE_ONLY,
    KIND_SIGNAL_APPROVED,
    KIND_SIGNAL_DENIED,
    ORDER_FLAGS,
    ORDER_INSTRUMENT,
    ORDER_PARENT,
    ORDER_QUANTITY,
    ORDER_SIDE,
    ORDER_SIGNAL,
    ORDER_WIDTH,
)
from engine.model.trading import (
    MODE_ALERT,
    MODE_APPROVE,
    QUEUE_DENIED,
    QUEUE_WITHDRAWN,
    SOURCE_ORDER,
)
from engine.model.trading_layout import (
    ASKED_ROWS,
    NOT_GIVEN,
    WAITING_COUNT,
    WAITING_ORDER,
    WAITING_SIDE,
    WAITING_SOURCE,
    WAITING_WEIGHT,
)
from engine.rules.approval_queue import answer, end_waiting, is_waiting_signal, queue_signal
from engine.rules.checks import collar_price
from engine.rules.signal_checks import check_signal
from engine.rules.signals import expires_at, new_signal
from engine.state import Core, Table


@kernel
def receive_order(s: Core, intents: Table, row: int) -> int:
    """Take an order that a strategy sized itself; one that opens is a signal without an edge.

    It is validated for the market (hours, fresh price, locks) before it is placed; what closes, hangs
    on another order, or comes without the trading loop, is placed as it is.
    """
    return receive_for_weight(s, intents, row, NOT_GIVEN)


@kernel
def receive_for_weight(s: Core, intents: Table, row: int, weight_ppb: int) -> int:
    """Take an order that leads to a target weight, or to none (NOT_GIVEN); return the order, or 0."""
    if s.account[ACCOUNT_TRADING] == 0:
        return place(s, intents, row)
    if hangs_on_asked(s, intents, row):
        keep_child(s, intents, row)
        return 0
    if not opens_by_itself(s, intents, row):
        return place(s, intents, row)
    if s.account[ACCOUNT_MODE] == MODE_APPROVE:
        close_first(s, intents, row)
    return receive_own(s, intents, row, weight_ppb)


@kernel
def opens_by_itself(s: Core, intents: Table, row: int) -> bool:
    """Return whether an intent could open or enlarge a position, and hangs on no other."""
    if intents[row, ORDER_PARENT] != 0 or intents[row, ORDER_FLAGS] & FLAG_REDUCE_ONLY:
        return False
    i, side = intents[row, ORDER_INSTRUMENT], intents[row, ORDER_SIDE]
    opposite: int = max(-side * tradable_lots(s, i), 0)
    return bool(intents[row, ORDER_QUANTITY] > opposite)


@kernel
def close_first(s: Core, intents: Table, row: int) -> None:
    """Send what an order closes, as an order of its own; the rest stays in its place."""
    i, side = intents[row, ORDER_INSTRUMENT], intents[row, ORDER_SIDE]
    opposite: int = max(-side * tradable_lots(s, i), 0)
    if opposite == 0:
        return
    lots, flags = intents[row, ORDER_QUANTITY], intents[row, ORDER_FLAGS]
    intents[row, ORDER_QUANTITY] = opposite
    intents[row, ORDER_FLAGS] = flags | FLAG_REDUCE_ONLY
    place(s, intents, row)
    intents[row, ORDER_QUANTITY] = lots - opposite
    intents[row, ORDER_FLAGS] = flags


@loop_door
def receive_own(s: Core, intents: Table, row: int, weight_ppb: int) -> int:
    """Take an opening order that a strategy sized itself as a signal; return the order, or 0."""
    i, side = intents[row, ORDER_INSTRUMENT], intents[row, ORDER_SIDE]
    now, mode = s.account[ACCOUNT_NOW], s.account[ACCOUNT_MODE]
    number = new_signal(s, i, side, SOURCE_ORDER, now)
    code = check_signal(s, i, side, SOURCE_ORDER, now, number)
    lots = intents[row, ORDER_QUANTITY]
    intents[row, ORDER_SIGNAL] = number
    if code == DENY_NONE and mode == MODE_ALERT:
        code = DENY_ALERT_ONLY
    elif code == DENY_NONE and mode == MODE_APPROVE and is_waiting_signal(s, i):
        code = DENY_INSTRUMENT_BUSY
    if code != DENY_NONE:
        order_id = deny_intent(s, intents, row, code)
    elif mode == MODE_APPROVE:
        order_id = judge_intent(s, intents, row)
        if order_id != 0:
            ask_about(s, intents, row, number, order_id, weight_ppb)
            return 0
    else:
        order_id = place(s, intents, row)
    if order_id == 0:
        # It has no edge of its own, so that nothing has to make room for it.
        last, code = s.account[ACCOUNT_NEXT_ORDER] - 1, s.account[ACCOUNT_LAST_DENIAL]
        answer(s, KIND_SIGNAL_DENIED, i, number, last, lots, code)
        return 0
    answer(s, KIND_SIGNAL_APPROVED, i, number, order_id, lots, DENY_NONE)
    return order_id


@kernel
def ask_about(
    s: Core, intents: Table, row: int, number: int, order_id: int, weight_ppb: int
) -> None:
    """Let an order that passed all checks wait for a person, as it is."""
    i, side, lots = (
        intents[row, ORDER_INSTRUMENT],
        intents[row, ORDER_SIDE],
        intents[row, ORDER_QUANTITY],
    )
    price = collar_price(s, s.account[ACCOUNT_ORDERS])  # where it was checked
    expires = expires_at(s, s.account[ACCOUNT_NOW])
    queue_signal(s, i, side, number, order_id, lots, price, expires)
    s.monitors[i, WAITING_SOURCE] = SOURCE_ORDER
    s.monitors[i, WAITING_WEIGHT] = weight_ppb
    keep_row(s, intents, row, i, 0)


@kernel
def keep_row(s: Core, intents: Table, row: int, i: int, n: int) -> None:
    """Keep an intent as the n-th of those that wait in an instrument."""
    for column in range(ORDER_WIDTH):
        s.asked[i * ASKED_ROWS + n, column] = intents[row, column]
    s.monitors[i, WAITING_COUNT] = n + 1


@kernel
def hangs_on_asked(s: Core, intents: Table, row: int) -> bool:
    """Return whether an intent hangs on an order that a person is asked about just now."""
    i, parent = intents[row, ORDER_INSTRUMENT], intents[row, ORDER_PARENT]
    if parent >= 0 or not is_own_waiting(s, i):
        return False
    return bool(s.account[ACCOUNT_NEXT_ORDER] + parent == s.monitors[i, WAITING_ORDER])


@kernel
def keep_child(s: Core, intents: Table, row: int) -> None:
    """Keep what hangs on an order that waits; it takes its number, as what comes next counts from it."""
    i = intents[row, ORDER_INSTRUMENT]
    count = s.monitors[i, WAITING_COUNT]
    if count == ASKED_ROWS:  # without all of its protection it is not sent
        end_waiting(s, i, QUEUE_DENIED, DENY_APPROVAL_NEEDED)
        return
    keep_row(s, intents, row, i, count)
    s.account[ACCOUNT_NEXT_ORDER] += 1


@kernel
def is_own_waiting(s: Core, i: int) -> bool:
    """Return whether an order that the strategy sized itself waits in an instrument."""
    return bool(is_waiting_signal(s, i) and s.monitors[i, WAITING_SOURCE] == SOURCE_ORDER)


@loop_door
def withdraw_own(s: Core, i: int) -> None:
    """Take back the order of an instrument that waits: its strategy withdraws all of its orders."""
    if is_own_waiting(s, i):
        end_waiting(s, i, QUEUE_WITHDRAWN, DENY_APPROVAL_WITHDRAWN)


@loop_door
def follow_weight(s: Core, i: int, change: int, weight_ppb: int) -> bool:
    """Return whether an order of an instrument waits that leads to a new weight, too.

    What waits follows the newest weight, and is taken back where that wants nothing on its side.
    """
    if not is_own_waiting(s, i) or s.monitors[i, WAITING_WEIGHT] == NOT_GIVEN:
        return False
    if change * s.monitors[i, WAITING_SIDE] <= 0:
        end_waiting(s, i, QUEUE_WITHDRAWN, DENY_APPROVAL_WITHDRAWN)
        return False
    s.monitors[i, WAITING_WEIGHT] = weight_ppb
    return True
