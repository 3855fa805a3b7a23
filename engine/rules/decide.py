"""What a rule strategy does with its signals: entries, exits, and target weights.

The same function decides in backtest, paper and live. A slice is all the instruments that have a bar
at one time; `decide` runs once after its last bar, when every price of the slice is known.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.money import OVERFLOW, add_checked
from engine.kernels.orders import ask_cancel, find_order, place
from engine.kernels.positions import equity_minor, tradable_lots
from engine.model.layout import (
    ACCOUNT_CLOSE_FIRST,
    ACCOUNT_ENTRY_OFFSET_PPM,
    ACCOUNT_ENTRY_TIF,
    ACCOUNT_ENTRY_TYPE,
    ACCOUNT_FILLS,
    ACCOUNT_HELD,
    ACCOUNT_ORDERS,
    ACCOUNT_SEVERITY,
    ACCOUNT_TOUCHED,
    ACCOUNT_TRADING,
    EVENT_INSTRUMENT,
    EVENT_KIND,
    FLAG_REDUCE_ONLY,
    KIND_BAR,
    ORDER_EXIT,
    ORDER_FILLED,
    ORDER_FLAGS,
    ORDER_ID,
    ORDER_INSTRUMENT,
    ORDER_LIMIT,
    ORDER_PARENT,
    ORDER_QUANTITY,
    ORDER_SIDE,
    ORDER_STATUS,
    ORDER_TIF,
    ORDER_TYPE,
    POSITION_CLOSED,
    POSITION_ENTRY,
    POSITION_EXIT,
    POSITION_WORKING,
    SIGNAL_BITS,
    SIGNAL_ENTRY,
    SIGNAL_EXIT,
    SIGNAL_SHORT_ENTRY,
    SIGNAL_SHORT_EXIT,
    SIGNAL_TARGET,
    SIGNAL_WEIGHT,
    STATUS_PENDING_CANCEL,
    TYPE_LIMIT,
    TYPE_STOP,
    TYPE_STOP_LIMIT,
    TYPE_TRAILING_STOP,
)
from engine.model.trading import FLATTENING, REASON_NONE, SOURCE_RULE
from engine.model.trading_layout import (
    ENTRY_ENDING,
    ENTRY_ORDER,
    ENTRY_SIDE,
    MONITOR_TARGET,
    MONITOR_TARGET_FILLS,
    MONITOR_WANTS,
    WANTS_EXIT,
)
from engine.rules.approval_queue import withdraw_waiting
from engine.rules.opening import new_intent, passive_price, place_bracket
from engine.rules.own_orders import follow_weight, receive_for_weight
from engine.rules.signals import receive_signal
from engine.rules.sizing import entry_lots, lots_of_equity
from engine.rules.targets import (
    forget_target,
    is_too_old,
    is_waiting,
    keep_target,
    reduction_works,
)
from engine.state import Core, Table

MILLION = 10**6


@kernel
def entry_is_working(s: Core, i: int) -> bool:
    """Return whether the rule's last entry order in an instrument has not ended."""
    return (
        s.positions[i, POSITION_ENTRY] != 0 and find_order(s, s.positions[i, POSITION_ENTRY]) >= 0
    )


@kernel
def exit_is_working(s: Core, i: int) -> bool:
    """Return whether the rule's last exit order in an instrument has not ended."""
    return s.positions[i, POSITION_EXIT] != 0 and find_order(s, s.positions[i, POSITION_EXIT]) >= 0


@kernel
def close_position(s: Core, intents: Table, i: int, reason: int) -> None:
    """Close an instrument's position, unless that is under way; withdraw a waiting entry.

    At market, for a reason; with the trading loop as its exits say for the strategy's own wish.
    """
    if s.account[ACCOUNT_TRADING] == 1:
        forget_target(s, i)
        wish_exit(s, i, 1)
        wish_exit(s, i, -1)
        return
    leave(s, intents, i, 1, reason)
    leave(s, intents, i, -1, reason)


@kernel
def leave(s: Core, intents: Table, i: int, side: int, reason: int) -> None:
    """Give up one side of an instrument: its waiting entry, and the position if it is on that side."""
    if s.positions[i, POSITION_WORKING] > 0:
        r = find_order(s, s.positions[i, POSITION_ENTRY])
        if r >= 0 and s.orders[r, ORDER_SIDE] == side:
            withdraw(s, r)
    quantity = tradable_lots(s, i)
    if quantity * side <= 0 or exit_is_working(s, i):
        return
    new_intent(intents, 0, i, -side, abs(quantity))
    intents[0, ORDER_FLAGS] = FLAG_REDUCE_ONLY
    intents[0, ORDER_EXIT] = reason
    s.positions[i, POSITION_EXIT] = place(s, intents, 0)


@kernel
def wish_exit(s: Core, i: int, side: int) -> None:
    """Give up one side of an instrument: the trading loop closes it, as the row `strategy` says."""
    r = find_order(s, s.monitors[i, ENTRY_ORDER])
    if s.monitors[i, ENTRY_SIDE] == side:
        s.monitors[i, ENTRY_ENDING] = 0  # no further try follows
        s.account[ACCOUNT_TOUCHED] = 1
    if r >= 0 and s.orders[r, ORDER_SIDE] == side:
        withdraw(s, r)
    withdraw_waiting(s, i, side)
    if tradable_lots(s, i) * side > 0:
        s.monitors[i, MONITOR_WANTS] = s.monitors[i, MONITOR_WANTS] | WANTS_EXIT
        s.account[ACCOUNT_TOUCHED] = 1


@kernel
def withdraw(s: Core, r: int) -> None:
    """Ask once to cancel the order in row `r`."""
    if s.orders[r, ORDER_STATUS] != STATUS_PENDING_CANCEL:
        ask_cancel(s, s.orders[r, ORDER_ID])


@kernel
def open_position(s: Core, intents: Table, i: int, side: int) -> None:
    """Enter an instrument on `side`, turning an opposite position over; with its bracket, if any."""
    if s.positions[i, POSITION_WORKING] > 0 and entry_is_working(s, i):
        return
    lots = entry_lots(s, i)
    if lots <= 0:
        return
    # Turning over: the opposite position is closed by the same order, unless an exit closes it.
    opposite = max(-side * tradable_lots(s, i), 0)
    if opposite > 0 and exit_is_working(s, i):
        opposite = 0
    new_intent(intents, 0, i, side, add_checked(lots, opposite))
    intents[0, ORDER_TYPE] = s.account[ACCOUNT_ENTRY_TYPE]
    intents[0, ORDER_TIF] = s.account[ACCOUNT_ENTRY_TIF]
    if s.account[ACCOUNT_ENTRY_TYPE] == TYPE_LIMIT:
        price = passive_price(s, i, side, s.account[ACCOUNT_ENTRY_OFFSET_PPM])
        intents[0, ORDER_LIMIT] = price
    order_id = place(s, intents, 0)
    s.positions[i, POSITION_ENTRY] = order_id
    if order_id != 0:
        place_bracket(s, intents, i, side, lots)


@kernel
def follow_signals(s: Core, intents: Table, i: int, bits: int) -> None:
    """Act on the entry and exit signals of one instrument; exits win over entries."""
    quantity = tradable_lots(s, i)
    long_exit = (bits & SIGNAL_EXIT) != 0
    short_exit = (bits & SIGNAL_SHORT_EXIT) != 0
    is_long_entry = bits & SIGNAL_ENTRY and not long_exit and quantity <= 0
    is_short_entry = bits & SIGNAL_SHORT_ENTRY and not short_exit and quantity >= 0
    if s.account[ACCOUNT_TRADING] == 1:
        if long_exit:
            wish_exit(s, i, 1)
        if short_exit:
            wish_exit(s, i, -1)
        if is_long_entry:
            receive_signal(s, intents, i, 1, SOURCE_RULE)
        elif is_short_entry:
            receive_signal(s, intents, i, -1, SOURCE_RULE)
        return
    if long_exit:
        leave(s, intents, i, 1, REASON_NONE)
    if short_exit:
        leave(s, intents, i, -1, REASON_NONE)
    if is_long_entry:
        open_position(s, intents, i, 1)
    elif is_short_entry:
        open_position(s, intents, i, -1)


@kernel
def is_under_way(s: Core, r: int, i: int) -> bool:
    """Return whether row `r` is an order of instrument `i` that trades without waiting for anything.

    Children of a bracket and stops wait for a price, and a canceled order for the broker's word.
    """
    kind = s.orders[r, ORDER_TYPE]
    return (
        s.orders[r, ORDER_INSTRUMENT] == i
        and s.orders[r, ORDER_PARENT] == 0
        and s.orders[r, ORDER_STATUS] != STATUS_PENDING_CANCEL
        and kind != TYPE_STOP
        and kind != TYPE_STOP_LIMIT
        and kind != TYPE_TRAILING_STOP
    )


@kernel
def working_lots(s: Core, i: int) -> int:
    """Return the signed lots that the orders under way would still trade, or OVERFLOW."""
    total = 0
    if s.positions[i, POSITION_WORKING] > 0:
        for r in range(s.account[ACCOUNT_ORDERS]):
            if is_under_way(s, r, i):
                rest = s.orders[r, ORDER_QUANTITY] - s.orders[r, ORDER_FILLED]
                total = add_checked(total, s.orders[r, ORDER_SIDE] * rest)
    return total


@kernel
def closes_only(s: Core, i: int, target: int) -> bool:
    """Return whether an instrument is held on the other side than its target."""
    held = tradable_lots(s, i)
    return bool((held > 0 and target < 0) or (held < 0 and target > 0))


@kernel
def change_to(s: Core, i: int, target: int) -> tuple[int, bool]:
    """Return the lots to trade for `target`, and whether the orders under way are withdrawn for it.

    They are when they would carry the position past the target: then only what is held is traded on.
    Where orders close first, a target on the other side is flat, until the position is.
    """
    if s.account[ACCOUNT_CLOSE_FIRST] == 1 and closes_only(s, i, target):
        target = 0
    held = add_checked(target, -tradable_lots(s, i))
    working = working_lots(s, i)
    change = add_checked(held, -working if working != OVERFLOW else OVERFLOW)
    if change == OVERFLOW:
        return 0, False
    if (working > 0 and change < 0) or (working < 0 and change > 0):
        return held, True
    return change, False


@kernel
def withdraw_all(s: Core, i: int) -> None:
    """Ask to cancel every order of an instrument that is under way, but what closes all."""
    for r in range(s.account[ACCOUNT_ORDERS]):
        if is_under_way(s, r, i) and not is_flattening(s, r):
            withdraw(s, r)


@kernel
def is_flattening(s: Core, r: int) -> bool:
    """Return whether row `r` closes a position because everything is to be closed: no strategy takes that back."""
    closes_all = s.account[ACCOUNT_TRADING] == 0 or s.account[ACCOUNT_SEVERITY] == FLATTENING
    return bool(closes_all and s.orders[r, ORDER_EXIT] != REASON_NONE)


@kernel
def makes_room(s: Core, i: int, target: int) -> bool:
    """Return whether an instrument's target is no larger than what is held: such ones go first.

    What they free pays for the others.
    """
    if s.account[ACCOUNT_CLOSE_FIRST] == 1 and closes_only(s, i, target):
        return True
    return abs(target) <= abs(tradable_lots(s, i))


@kernel
def trade_towards(s: Core, intents: Table, i: int, target: int, weight_ppb: int) -> int:
    """Trade an instrument at market towards the lots of a weight; return the order, or 0."""
    change, withdraws = change_to(s, i, target)
    if s.account[ACCOUNT_TRADING] == 1:
        forget_target(s, i)
        if follow_weight(s, i, change, weight_ppb):
            return 0
    if withdraws:
        withdraw_all(s, i)
    if change == 0:
        return 0
    new_intent(intents, 0, i, 1 if change > 0 else -1, abs(change))
    order_id = receive_for_weight(s, intents, 0, weight_ppb)
    if s.account[ACCOUNT_TRADING] == 1 and order_id == 0:
        keep_target(s, i, weight_ppb)
    return order_id


@kernel
def follow_target(
    s: Core, intents: Table, i: int, equity: int, weight_ppb: int, is_first: bool
) -> None:
    """Trade an instrument towards its target weight; called for what makes room first, then for the rest."""
    if s.positions[i, POSITION_CLOSED] == 1:
        return
    lots = lots_of_equity(s, i, equity, abs(weight_ppb))
    target = lots if weight_ppb >= 0 else -lots
    if makes_room(s, i, target) == is_first:
        order_id = trade_towards(s, intents, i, target, weight_ppb)
        if order_id != 0:
            s.positions[i, POSITION_ENTRY] = order_id


@kernel
def follow_pending_targets(s: Core, intents: Table) -> None:
    """Try target weights again that wait for the sells that pay for them, when something has filled."""
    equity, is_known = 0, False
    n = 0
    while n < s.account[ACCOUNT_HELD]:
        i = s.held[n]
        if is_waiting(s, i):
            has_filled = s.monitors[i, MONITOR_TARGET_FILLS] != s.account[ACCOUNT_FILLS]
            if is_too_old(s, i) or not (has_filled or reduction_works(s)):
                forget_target(s, i)
            elif has_filled:
                if not is_known:
                    equity, is_known = equity_minor(s), True
                weight = s.monitors[i, MONITOR_TARGET]
                forget_target(s, i)
                follow_target(s, intents, i, equity, weight, False)
        if n < s.account[ACCOUNT_HELD] and s.held[n] == i:
            n += 1  # it may have left the list


@kernel
def decide(s: Core, intents: Table, events: Table, signals: Table, first: int, last: int) -> None:
    """Decide on the slice of bar events [first, last): rules, then targets, what makes room first."""
    targets = 0
    for row in range(first, last):
        if events[row, EVENT_KIND] == KIND_BAR:
            bits = signals[row, SIGNAL_BITS]
            if bits & SIGNAL_TARGET:
                targets += 1
            elif bits != 0:
                follow_signals(s, intents, events[row, EVENT_INSTRUMENT], bits)
    if targets == 0:
        return
    equity = equity_minor(s)  # of all positions, so once: what is placed here does not change it
    for is_first in (True, False):
        for row in range(first, last):
            if events[row, EVENT_KIND] == KIND_BAR and signals[row, SIGNAL_BITS] & SIGNAL_TARGET:
                follow_target(
                    s,
                    intents,
                    events[row, EVENT_INSTRUMENT],
                    equity,
                    signals[row, SIGNAL_WEIGHT],
                    is_first,
                )
