"""Closing a position until it is closed: the state machine of one exit.

One order at a time: nothing new is sent to close while an order of ours that could close is unproven.
A walk is a replacement of the working order; for anything else the order is canceled, the broker's
word awaited, and then the next one sent. Orders are reduce-only, so that none flips a position.

Waits are marked by a deadline in the state. They stand still while nothing can be sent (the session is
closed, the instrument halted, trading paused), and an instrument that bars tell of takes its steps at
its own bars only: a bar does not tell when in it an order was filled.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.attempts import (
    alert,
    alert_once,
    journal_attempt,
    journal_denied,
)
from engine.kernels.intents import limit_order, market_order
from engine.kernels.orders import ask_replace, find_order, place
from engine.kernels.positions import tradable_lots
from engine.model.layout import (
    ACCOUNT_LAST_DENIAL,
    ACCOUNT_NOW,
    ACCOUNT_ORDERS,
    ACCOUNT_SEVERITY,
    FLAG_REDUCE_ONLY,
    ORDER_ATTEMPT,
    ORDER_EXIT,
    ORDER_FILLED,
    ORDER_FLAGS,
    ORDER_ID,
    ORDER_INSTRUMENT,
    ORDER_POSITION,
    ORDER_QUANTITY,
    ORDER_SIDE,
    ORDER_STATUS,
    POSITION_CLOSED,
    POSITION_HALTED,
    POSITION_LAST_TS,
    POSITION_WORKING,
    STATUS_HELD,
)
from engine.model.trading import (
    ALERT_EXIT_QUEUED,
    ALERT_EXIT_STUCK,
    FLATTENING,
    LATCH_DATA,
    PAUSED_ALL,
    PHASE_CHANGING,
    PHASE_CLEARING,
    PHASE_ENDING,
    PHASE_GIVING_UP,
    PHASE_QUEUED,
    PHASE_WORKING,
    PRICE_MARKET,
    RESULT_CLOSED,
    RESULT_CLOSED_ELSEWHERE,
    RESULT_FAILED,
    RESULT_REJECTED,
    RESULT_REPLACED,
    RESULT_WORKING,
)
from engine.model.trading_layout import (
    EXIT_ALERTED,
    EXIT_ATTEMPT,
    EXIT_BEFORE,
    EXIT_CARRY,
    EXIT_DEADLINE,
    EXIT_FAILS,
    EXIT_FILLED,
    EXIT_HEARD,
    EXIT_KIND,
    EXIT_LEFT,
    EXIT_NEXT_PRICE,
    EXIT_NEXT_SENT,
    EXIT_OFFSET_MILLI,
    EXIT_ORDER,
    EXIT_PHASE,
    EXIT_POSITION,
    EXIT_PRICE,
    EXIT_REASON,
    EXIT_SENT,
    EXIT_SINCE,
    EXIT_STAGE,
    EXIT_WALKS,
    EXITS_GROWTH_MILLI,
    EXITS_STEP_MILLI,
    EXITS_STEP_WAIT,
    EXITS_THEN_MARKET,
    EXITS_WAIT,
    EXITS_WALKS,
    MONITOR_POSITION,
    NEVER,
)
from engine.rules.closing import ASK_AGAIN, end_order_then, finish, withdraw_row
from engine.rules.conditions import next_stage, pass_stage, sells_a_stage, take_stage_back
from engine.rules.hours import is_market_open, is_timed_by_bars
from engine.rules.latches import is_set
from engine.rules.prices import exit_price, touch, walked_price, whole_steps
from engine.state import Core, Table

ALERT_AGAIN = 600 * 10**9
REJECTS_MAX = 3


# --- What was heard of its order -------------------------------------------------------------------------
@kernel
def take_notice(s: Core, i: int) -> None:
    """Follow what the broker said since the last look: the exit may be over, or need another order."""
    heard, phase = s.monitors[i, EXIT_HEARD], s.monitors[i, EXIT_PHASE]
    s.monitors[i, EXIT_HEARD] = RESULT_WORKING
    is_gone = (
        s.monitors[i, MONITOR_POSITION] != s.monitors[i, EXIT_POSITION]
        or s.positions[i, POSITION_CLOSED] == 1
    )
    if s.monitors[i, EXIT_LEFT] == 0 and s.monitors[i, EXIT_FILLED] > 0:
        finish(s, i, RESULT_CLOSED)
    elif is_gone or s.monitors[i, EXIT_LEFT] == 0:  # settled, or a split's fraction paid out
        finish(s, i, RESULT_CLOSED_ELSEWHERE)
    elif s.monitors[i, EXIT_ORDER] != 0:
        if works_for_too_much(s, i):
            end_order_then(s, i, PHASE_ENDING)
        elif phase == PHASE_CHANGING and s.monitors[i, EXIT_NEXT_PRICE] == 0:
            if heard != RESULT_REPLACED and is_partly_filled(s, i):
                end_order_then(s, i, PHASE_ENDING)  # some venues change no such order: a new one
            else:
                s.monitors[i, EXIT_FAILS] = 0
                s.monitors[i, EXIT_PHASE] = PHASE_WORKING
    elif heard != RESULT_WORKING and heard != RESULT_REPLACED:
        order_has_ended(s, i, heard)


@kernel
def is_partly_filled(s: Core, i: int) -> bool:
    """Return whether something of the exit's order has been filled."""
    r = find_order(s, s.monitors[i, EXIT_ORDER])
    return bool(r >= 0 and s.orders[r, ORDER_FILLED] > 0)


@kernel
def works_for_too_much(s: Core, i: int) -> bool:
    """Return whether an order before this one has filled late, so that fewer lots are left than it has."""
    phase, r = s.monitors[i, EXIT_PHASE], find_order(s, s.monitors[i, EXIT_ORDER])
    if r < 0 or (phase != PHASE_WORKING and phase != PHASE_CHANGING):
        return False
    rest = s.orders[r, ORDER_QUANTITY] - s.orders[r, ORDER_FILLED]
    return bool(rest > s.monitors[i, EXIT_LEFT])


@kernel
def order_has_ended(s: Core, i: int, heard: int) -> None:
    """The order to close has ended and lots are left: another follows, unless the exit is given up.

    A limit that is refused again and again is one that the venue does not take: then it is at market.
    """
    fails = s.monitors[i, EXIT_FAILS] + 1 if heard == RESULT_REJECTED else 0
    if fails >= REJECTS_MAX and s.monitors[i, EXIT_KIND] != PRICE_MARKET:
        s.monitors[i, EXIT_KIND] = PRICE_MARKET
        fails = 0
    s.monitors[i, EXIT_FAILS] = fails
    is_given_up = s.monitors[i, EXIT_PHASE] == PHASE_GIVING_UP
    if is_given_up or fails >= REJECTS_MAX:
        if not is_given_up:
            take_stage_back(s, i)
        finish(s, i, RESULT_FAILED)
        return
    s.monitors[i, EXIT_PHASE] = PHASE_CLEARING
    s.monitors[i, EXIT_DEADLINE] = NEVER
    s.monitors[i, EXIT_CARRY] = 0


# --- Its next step ---------------------------------------------------------------------------------------
@kernel
def go_on(s: Core, intents: Table, i: int) -> None:
    """Do what is due for the exit that works."""
    keep_waits(s, i)
    phase = s.monitors[i, EXIT_PHASE]
    if phase == PHASE_CLEARING or phase == PHASE_QUEUED:
        clear_and_send(s, intents, i)
    elif phase != PHASE_CHANGING and is_due(s, i):
        if phase == PHASE_WORKING:
            step_on(s, i)
        else:
            end_order_then(s, i, phase)


@kernel
def sending_is_allowed(s: Core, i: int) -> bool:
    """Return whether an order to close can be sent now: the market trades, and no latch forbids it."""
    return is_market_open(s, i) and not is_held_back(s) and not waits_for_data(s)


@kernel
def waits_for_data(s: Core) -> bool:
    """Return whether what is known is of before: only what closes everything is decided on it."""
    return is_set(s, LATCH_DATA) and s.account[ACCOUNT_SEVERITY] < FLATTENING


@kernel
def keep_waits(s: Core, i: int) -> None:
    """Let waits stand still while nothing can be sent, and run on afterwards."""
    deadline, now = s.monitors[i, EXIT_DEADLINE], s.account[ACCOUNT_NOW]
    if not sending_is_allowed(s, i):
        if deadline != NEVER:
            s.monitors[i, EXIT_CARRY] = max(deadline - now, 1)
            s.monitors[i, EXIT_DEADLINE] = NEVER
        tell_of_waiting(s, i)
    elif deadline == NEVER and s.monitors[i, EXIT_CARRY] > 0:
        s.monitors[i, EXIT_DEADLINE] = now + s.monitors[i, EXIT_CARRY]
        s.monitors[i, EXIT_CARRY] = 0


@kernel
def tell_of_waiting(s: Core, i: int) -> None:
    """Alert that an exit cannot go on: once for a halt, every ten minutes while a latch is the reason."""
    severity, told = s.account[ACCOUNT_SEVERITY], s.monitors[i, EXIT_ALERTED]
    if s.positions[i, POSITION_HALTED] == 1 or severity >= PAUSED_ALL:
        alert_once(s, i, ALERT_EXIT_QUEUED)
    if told != 0 and is_held_back(s) and s.account[ACCOUNT_NOW] - told >= ALERT_AGAIN:
        alert(s, i, ALERT_EXIT_QUEUED)


@kernel
def is_held_back(s: Core) -> bool:
    """Return whether a latch lets nothing be sent; while all is closed `engine.rules.flattening` tells."""
    severity = s.account[ACCOUNT_SEVERITY]
    return bool(severity >= PAUSED_ALL and severity != FLATTENING)


@kernel
def is_due(s: Core, i: int) -> bool:
    """Return whether the wait has ended, and this is a time at which steps are taken."""
    if s.monitors[i, EXIT_DEADLINE] > s.account[ACCOUNT_NOW]:
        return False
    if is_timed_by_bars(s, i):
        at_its_bar: bool = s.positions[i, POSITION_LAST_TS] == s.account[ACCOUNT_NOW]
        return at_its_bar
    return True


@kernel
def clear_and_send(s: Core, intents: Table, i: int) -> None:
    """Send the next order, once nothing of ours that could close the position works any more."""
    bid, _ = touch(s, i)
    priced = s.monitors[i, EXIT_KIND] == PRICE_MARKET or bid > 0
    if not priced or not sending_is_allowed(s, i):
        s.monitors[i, EXIT_PHASE] = PHASE_QUEUED
        s.monitors[i, EXIT_DEADLINE] = NEVER
        s.monitors[i, EXIT_CARRY] = 0
        return
    s.monitors[i, EXIT_PHASE] = PHASE_CLEARING
    asks = s.monitors[i, EXIT_DEADLINE] == NEVER or is_due(s, i)
    if clear_way(s, i, asks) == 0:
        send(s, intents, i)
    elif asks:
        # Each time after twice as long: a slow venue is not flooded with what it has not answered.
        waited = s.account[ACCOUNT_NOW] - s.monitors[i, EXIT_SINCE]
        s.monitors[i, EXIT_DEADLINE] = s.account[ACCOUNT_NOW] + max(ASK_AGAIN, waited)


@kernel
def clear_way(s: Core, i: int, asks: bool) -> int:
    """Cancel the instrument's other orders; return how many of them are waited for.

    Those that could close the position; entries could not. But once an order to close was refused they are
    waited for too: some venues refuse one while an order of the other side works. `asks` repeats the wish for orders that do
    not show that it is known: held ones.
    """
    if s.positions[i, POSITION_WORKING] == 0:
        return 0
    closing = -1 if tradable_lots(s, i) > 0 else 1
    count = 0
    for r in range(s.account[ACCOUNT_ORDERS]):
        if s.orders[r, ORDER_INSTRUMENT] == i:
            if asks or s.orders[r, ORDER_STATUS] != STATUS_HELD:
                withdraw_row(s, r)
            if s.orders[r, ORDER_SIDE] == closing or s.monitors[i, EXIT_FAILS] > 0:
                count += 1
    return count


@kernel
def lots_to_close(s: Core, i: int) -> int:
    """Return the next order's lots: of what is left to close, at most what is held."""
    held = abs(tradable_lots(s, i))
    if sells_a_stage(s, s.monitors[i, EXIT_REASON]):
        return min(s.monitors[i, EXIT_LEFT], held)
    return held


@kernel
def send(s: Core, intents: Table, i: int) -> None:
    """Send an order for what is left, at the price where the plan stands."""
    lots = lots_to_close(s, i)
    if lots == 0:
        finish(s, i, RESULT_CLOSED_ELSEWHERE)
        return
    side, kind = -1 if tradable_lots(s, i) > 0 else 1, s.monitors[i, EXIT_KIND]
    price = exit_price(s, i, side, kind)
    if price > 0:
        price = walked_price(s, i, side, price, whole_steps(s.monitors[i, EXIT_OFFSET_MILLI]))
        limit_order(intents, 0, side, lots, price)
    else:
        market_order(intents, 0, side, lots)
    is_first = s.monitors[i, EXIT_ATTEMPT] == 0
    s.monitors[i, EXIT_ATTEMPT] += 1
    intents[0, ORDER_INSTRUMENT] = i
    intents[0, ORDER_FLAGS] = FLAG_REDUCE_ONLY
    intents[0, ORDER_POSITION] = s.monitors[i, EXIT_POSITION]
    intents[0, ORDER_EXIT] = s.monitors[i, EXIT_REASON]
    intents[0, ORDER_ATTEMPT] = s.monitors[i, EXIT_ATTEMPT]
    order_id = place(s, intents, 0)
    s.monitors[i, EXIT_SENT] = s.account[ACCOUNT_NOW]
    journal_attempt(s, i, order_id, price, lots, opposite_touch(s, i, side))
    if order_id == 0:
        journal_denied(s, i, s.account[ACCOUNT_LAST_DENIAL])
        take_stage_back(s, i)
        finish(s, i, RESULT_FAILED)
        return
    if is_first and sells_a_stage(s, s.monitors[i, EXIT_REASON]):
        s.monitors[i, EXIT_STAGE] = next_stage(s, i) + 1
        pass_stage(s, i)
    wait_for(s, i, order_id, price, lots)


@kernel
def wait_for(s: Core, i: int, order_id: int, price: int, lots: int) -> None:
    """Remember the order that was sent, and until when it is waited for."""
    reason, kind = s.monitors[i, EXIT_REASON], s.monitors[i, EXIT_KIND]
    s.monitors[i, EXIT_ORDER] = order_id
    s.monitors[i, EXIT_PRICE] = price
    s.monitors[i, EXIT_LEFT] = lots
    s.monitors[i, EXIT_BEFORE] = 0
    s.monitors[i, EXIT_HEARD] = RESULT_WORKING
    s.monitors[i, EXIT_PHASE] = PHASE_WORKING
    is_walking = s.monitors[i, EXIT_WALKS] > 0 and kind != PRICE_MARKET
    wait = s.exits[reason, EXITS_STEP_WAIT] if is_walking else s.exits[reason, EXITS_WAIT]
    s.monitors[i, EXIT_DEADLINE] = s.account[ACCOUNT_NOW] + wait
    s.monitors[i, EXIT_CARRY] = 0


@kernel
def opposite_touch(s: Core, i: int, side: int) -> int:
    """Return the price that an order to close would trade at now."""
    bid, ask = touch(s, i)
    return bid if side < 0 else ask


@kernel
def step_on(s: Core, i: int) -> None:
    """The order was not filled in its wait: walk, go to market, send again, or give up."""
    reason = s.monitors[i, EXIT_REASON]
    if s.monitors[i, EXIT_KIND] == PRICE_MARKET:
        alert_once(s, i, ALERT_EXIT_STUCK)
        end_order_then(s, i, PHASE_ENDING)
    elif s.monitors[i, EXIT_WALKS] < s.exits[reason, EXITS_WALKS]:
        walk(s, i)
    elif s.exits[reason, EXITS_THEN_MARKET] == 1:
        s.monitors[i, EXIT_KIND] = PRICE_MARKET
        end_order_then(s, i, PHASE_ENDING)
    else:
        end_order_then(s, i, PHASE_GIVING_UP)


@kernel
def walk(s: Core, i: int) -> None:
    """Move the order's price by the next step of its walk; the bound may leave it where it is."""
    reason, walks = s.monitors[i, EXIT_REASON], s.monitors[i, EXIT_WALKS]
    gone = whole_steps(s.monitors[i, EXIT_OFFSET_MILLI])
    step = s.exits[reason, EXITS_STEP_MILLI] + walks * s.exits[reason, EXITS_GROWTH_MILLI]
    s.monitors[i, EXIT_OFFSET_MILLI] += step
    s.monitors[i, EXIT_WALKS] = walks + 1
    s.monitors[i, EXIT_DEADLINE] = s.account[ACCOUNT_NOW] + s.exits[reason, EXITS_STEP_WAIT]
    r = find_order(s, s.monitors[i, EXIT_ORDER])
    if r < 0:
        return
    before, side = s.monitors[i, EXIT_PRICE], s.orders[r, ORDER_SIDE]
    steps = whole_steps(s.monitors[i, EXIT_OFFSET_MILLI]) - gone
    price = walked_price(s, i, side, before, steps)
    if price != before:
        change_price(s, i, r, price)


@kernel
def change_price(s: Core, i: int, r: int, price: int) -> None:
    """Ask the broker for another price of the order in row `r`."""
    order_id, side = s.orders[r, ORDER_ID], s.orders[r, ORDER_SIDE]
    lots = min(s.monitors[i, EXIT_LEFT], abs(tradable_lots(s, i)))
    s.monitors[i, EXIT_ATTEMPT] += 1
    s.monitors[i, EXIT_NEXT_PRICE] = price
    s.monitors[i, EXIT_NEXT_SENT] = s.account[ACCOUNT_NOW]
    journal_attempt(s, i, order_id, price, lots, opposite_touch(s, i, side))
    if ask_replace(s, order_id, s.orders[r, ORDER_FILLED] + lots, price, 0):
        s.monitors[i, EXIT_PHASE] = PHASE_CHANGING
    else:
        s.monitors[i, EXIT_NEXT_PRICE] = 0
        journal_denied(s, i, s.account[ACCOUNT_LAST_DENIAL])
