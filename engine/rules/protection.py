"""Protective orders as large as the position that they protect, or a counted, timed exception.

The broker arms an entry's bracket by the entry's fills, so that they mostly agree by themselves. They
part where something else changes the position (a partial exit, a fee in kind, a dividend reinvested,
a late fill), where protection ends by itself, and while an exit has taken it out of its way.

A trailing stop is never changed in size: a replaced order starts over, and its trail with it. Too
large a one is held to the position by being reduce-only, to one too small another is added.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.held import renew_held
from engine.kernels.ledger import journal_row
from engine.kernels.money import (
    OVERFLOW,
    add_checked,
    ceil_to,
    floor_to,
    multiply_checked,
    multiply_divide_ceiling,
    multiply_divide_floor,
)
from engine.kernels.orders import ask_cancel, ask_replace, find_order, place
from engine.kernels.positions import tradable_lots
from engine.model.layout import (
    ACCOUNT_HELD,
    ACCOUNT_NOW,
    ACCOUNT_ORDERS,
    ACCOUNT_SEVERITY,
    ACCOUNT_STOP_PPM,
    ACCOUNT_TRAIL_PPM,
    FLAG_REDUCE_ONLY,
    KIND_ALERT,
    KIND_PROTECTION,
    ORDER_ARMED,
    ORDER_FILLED,
    ORDER_FLAGS,
    ORDER_ID,
    ORDER_INSTRUMENT,
    ORDER_LIMIT,
    ORDER_PARENT,
    ORDER_POSITION,
    ORDER_QUANTITY,
    ORDER_REFUSED,
    ORDER_REPLACING,
    ORDER_SIDE,
    ORDER_SIGNAL,
    ORDER_STATUS,
    ORDER_STOP,
    ORDER_TRAIL_PPM,
    ORDER_TYPE,
    POSITION_COST,
    POSITION_LAST_TS,
    POSITION_QUANTITY,
    STATUS_IN_FLIGHT,
    STATUS_PENDING_CANCEL,
    TERM_DENOMINATOR,
    TERM_NUMERATOR,
    TERM_PRICE_STEP,
    TYPE_LIMIT,
    TYPE_STOP,
    TYPE_TRAILING_STOP,
)
from engine.model.trading import PAUSED_ALL, PHASE_IDLE
from engine.model.trading_layout import (
    ALERT_CODE,
    ALERT_NUMBER,
    ALERT_POSITION,
    ALERT_SEVERITY,
    ENDS_FOR_GOOD,
    ENTRY_DEADLINE,
    ENTRY_ENDING,
    ENTRY_ORDER,
    ENTRY_SIGNAL,
    EXIT_DEADLINE,
    EXIT_PHASE,
    GUARD_ALERTS,
    GUARD_BARE_NS,
    GUARD_BARE_TIMES,
    LIMIT_PROTECT_WITHIN,
    MONITOR_BARE_ALERTED,
    MONITOR_BARE_DUE,
    MONITOR_BARE_SINCE,
    MONITOR_BARE_WAITS,
    MONITOR_POSITION,
    MONITOR_SIGNAL,
    NEVER,
    PROTECTION_BEGINS,
    PROTECTION_COUNT,
    PROTECTION_LOTS,
    PROTECTION_POSITION,
    PROTECTION_SINCE,
    WAKE_AT,
)
from engine.rules.closing import withdraw_row
from engine.rules.hours import due_after, is_timed_by_bars, wake_at
from engine.rules.opening import new_intent
from engine.state import Core, Table

MILLION = 10**6
ALERT_UNPROTECTED = 201  # ALERT_CODE
ALERT_SEVERE = 3


@kernel
def fit_protection(s: Core, intents: Table) -> None:
    """Keep protective orders as large as the position that they protect, and count where they are not."""
    n = 0
    while n < s.account[ACCOUNT_HELD]:
        i = s.held[n]
        if s.monitors[i, MONITOR_SIGNAL] != 0 or s.monitors[i, MONITOR_BARE_SINCE] != 0:
            protect(s, intents, i)
        keep_wake(s, i)
        if n < s.account[ACCOUNT_HELD] and s.held[n] == i:
            n += 1  # it may have left the list


@kernel
def protect(s: Core, intents: Table, i: int) -> None:
    """Fit one instrument's protection, and follow whether lots are without it."""
    kind = protective_type(s)
    held = tradable_lots(s, i)
    if kind == 0 or held == 0 or s.monitors[i, MONITOR_SIGNAL] == 0:
        note_bare(s, i, 0)
        return
    # An exit that works takes care of the position, and of what stood in its way.
    if s.monitors[i, EXIT_PHASE] == PHASE_IDLE and s.account[ACCOUNT_SEVERITY] < PAUSED_ALL:
        shrink(s, i, held, TYPE_STOP)
        shrink(s, i, held, TYPE_LIMIT)
        missing = abs(held) - lots_of_type(s, i, held, kind, False)
        if missing > 0 and not waits_for_entries(s, i, held):
            if may_send(s, i) or s.monitors[i, MONITOR_BARE_WAITS] == 1:
                s.monitors[i, MONITOR_BARE_WAITS] = 0
                enlarge(s, intents, i, held, kind, missing)
    note_bare(s, i, max(abs(held) - lots_of_type(s, i, held, kind, True), 0))


@kernel
def protective_type(s: Core) -> int:
    """Return the order type that protects an entry's position; 0 where none is configured."""
    if s.account[ACCOUNT_STOP_PPM] > 0:
        return TYPE_STOP
    return TYPE_TRAILING_STOP if s.account[ACCOUNT_TRAIL_PPM] > 0 else 0


@kernel
def is_protective(s: Core, r: int, i: int, held: int, order_type: int) -> bool:
    """Return whether row `r` is of a bracket, of a type, and could close the position of `held` lots."""
    is_ours = s.orders[r, ORDER_SIGNAL] == s.monitors[i, MONITOR_SIGNAL]
    return bool(
        s.orders[r, ORDER_INSTRUMENT] == i
        and s.orders[r, ORDER_TYPE] == order_type
        and s.orders[r, ORDER_FLAGS] & FLAG_REDUCE_ONLY != 0
        and s.orders[r, ORDER_SIDE] * held < 0
        and (is_ours or s.orders[r, ORDER_PARENT] != 0)
    )


@kernel
def is_grown(s: Core, r: int) -> bool:
    """Return whether row `r` hangs on no entry that works (any more)."""
    parent = s.orders[r, ORDER_PARENT]
    return parent == 0 or find_order(s, parent) < 0


@kernel
def lots_in_play(s: Core, r: int, proven: bool) -> int:
    """Return what a protective order closes: proven, or once what has been asked of it is done."""
    quantity: int = s.orders[r, ORDER_QUANTITY]
    if not is_grown(s, r):
        quantity = min(quantity, s.orders[r, ORDER_ARMED])
    elif proven:
        if s.orders[r, ORDER_STATUS] == STATUS_IN_FLIGHT:
            return 0
    elif s.orders[r, ORDER_REPLACING] != 0:
        quantity = s.orders[r, ORDER_REPLACING]
    quantity -= s.orders[r, ORDER_FILLED]
    return max(quantity, 0)


@kernel
def lots_of_type(s: Core, i: int, held: int, order_type: int, proven: bool) -> int:
    """Return the lots that the protective orders of a type close together."""
    total = 0
    for r in range(s.account[ACCOUNT_ORDERS]):
        if is_protective(s, r, i, held, order_type):
            total += lots_in_play(s, r, proven)
    return total


@kernel
def was_just_refused(s: Core, r: int) -> bool:
    """Return whether the broker has refused a change of row `r` and no price has come since."""
    seen = s.positions[s.orders[r, ORDER_INSTRUMENT], POSITION_LAST_TS]
    return bool(s.orders[r, ORDER_REFUSED] != 0 and seen <= s.orders[r, ORDER_REFUSED])


@kernel
def may_change(s: Core, r: int) -> bool:
    """Return whether a protective order can be given another quantity now."""
    return (
        is_grown(s, r)
        and s.orders[r, ORDER_REPLACING] == 0
        and not was_just_refused(s, r)
        and s.orders[r, ORDER_STATUS] != STATUS_PENDING_CANCEL
        and s.orders[r, ORDER_STATUS] != STATUS_IN_FLIGHT
    )


@kernel
def shrink(s: Core, i: int, held: int, order_type: int) -> None:
    """Take what protective orders of a type close beyond the position off them, the newest first."""
    excess = lots_of_type(s, i, held, order_type, False) - abs(held)
    r = s.account[ACCOUNT_ORDERS] - 1
    while excess > 0 and r >= 0:
        if is_protective(s, r, i, held, order_type) and may_change(s, r):
            cut = min(lots_in_play(s, r, False), excess)
            change_quantity(s, r, -cut)
            excess -= cut
        r -= 1


@kernel
def change_quantity(s: Core, r: int, lots: int) -> None:
    """Ask for so many lots more or fewer; of an order that has none left, for its end."""
    total = s.orders[r, ORDER_QUANTITY] + lots
    order_id = s.orders[r, ORDER_ID]
    if total <= s.orders[r, ORDER_FILLED]:
        ask_cancel(s, order_id)
    else:
        ask_replace(s, order_id, total, s.orders[r, ORDER_LIMIT], s.orders[r, ORDER_STOP])


@kernel
def waits_for_entries(s: Core, i: int, held: int) -> bool:
    """Withdraw what works and adds to a position, once its protection was asked for in vain; is there any?

    Some venues refuse an order while one of the other side works: the part of an entry that is filled would
    stay without a stop for as long as the rest waits, and that goes on buying on the way down.
    """
    if s.monitors[i, MONITOR_BARE_SINCE] == 0:
        return False
    waits = False
    for r in range(s.account[ACCOUNT_ORDERS]):
        adds = s.orders[r, ORDER_SIDE] * held > 0 and s.orders[r, ORDER_PARENT] == 0
        if s.orders[r, ORDER_INSTRUMENT] == i and adds:
            if s.orders[r, ORDER_ID] == s.monitors[i, ENTRY_ORDER]:
                s.monitors[i, ENTRY_ENDING] = ENDS_FOR_GOOD
            withdraw_row(s, r)
            waits = True
    if waits:
        s.monitors[i, MONITOR_BARE_WAITS] = 1
    return waits


@kernel
def may_send(s: Core, i: int) -> bool:
    """Return whether missing protection is asked for now: when it is found, then once a price.

    What a broker or the account refuses must not be asked for in a circle.
    """
    is_new = s.monitors[i, MONITOR_BARE_SINCE] == 0
    return bool(is_new or s.positions[i, POSITION_LAST_TS] == s.account[ACCOUNT_NOW])


@kernel
def enlarge(s: Core, intents: Table, i: int, held: int, kind: int, missing: int) -> None:
    """Ask for protection that is missing: a larger stop where there is one, else another."""
    for r in range(s.account[ACCOUNT_ORDERS]):
        if is_protective(s, r, i, held, kind):
            if s.orders[r, ORDER_STATUS] == STATUS_PENDING_CANCEL:
                return  # its end is not proven: two would be too many
            if kind == TYPE_STOP and may_change(s, r):
                change_quantity(s, r, missing)
                return
    side = 1 if held > 0 else -1
    new_intent(intents, 0, i, -side, missing)
    intents[0, ORDER_TYPE] = kind
    intents[0, ORDER_FLAGS] = FLAG_REDUCE_ONLY
    intents[0, ORDER_SIGNAL] = s.monitors[i, MONITOR_SIGNAL]
    intents[0, ORDER_POSITION] = s.monitors[i, MONITOR_POSITION]
    if kind == TYPE_STOP:
        price = stop_from_cost(s, i, side)
        intents[0, ORDER_STOP] = price
    else:
        intents[0, ORDER_TRAIL_PPM] = s.account[ACCOUNT_TRAIL_PPM]
    place(s, intents, 0)


@kernel
def stop_from_cost(s: Core, i: int, side: int) -> int:
    """Return where a position's stop belongs: the bracket's distance from what it cost; 0: unknown."""
    lots, cost = abs(s.positions[i, POSITION_QUANTITY]), abs(s.positions[i, POSITION_COST])
    per_tick = multiply_checked(lots, s.terms[i, TERM_NUMERATOR])
    if per_tick <= 0:
        return 0
    average = multiply_divide_floor(cost, s.terms[i, TERM_DENOMINATOR], per_tick)
    away = multiply_divide_ceiling(average, s.account[ACCOUNT_STOP_PPM], MILLION)
    step: int = s.terms[i, TERM_PRICE_STEP]
    if average == OVERFLOW or away == OVERFLOW:
        return 0
    if side > 0:
        return max(floor_to(average - away, step), step)
    return ceil_to(add_checked(average, away), step)


# --- The exception ---------------------------------------------------------------------------------------
@kernel
def note_bare(s: Core, i: int, bare: int) -> None:
    """Count and time the lots that are without protection; raise an alert once they are for too long."""
    since, now = s.monitors[i, MONITOR_BARE_SINCE], s.account[ACCOUNT_NOW]
    if bare > 0 and since == 0:
        s.monitors[i, MONITOR_BARE_SINCE] = now
        s.monitors[i, MONITOR_BARE_ALERTED] = 0
        due, _ = due_after(s, i, s.limits[LIMIT_PROTECT_WITHIN])
        s.monitors[i, MONITOR_BARE_DUE] = due
        s.guard[GUARD_BARE_TIMES] += 1
        journal_protection(s, i, bare, 1)
    elif bare == 0 and since != 0:
        s.guard[GUARD_BARE_NS] = add_checked(s.guard[GUARD_BARE_NS], now - since)
        journal_protection(s, i, 0, 0)
        s.monitors[i, MONITOR_BARE_SINCE] = 0
        s.monitors[i, MONITOR_BARE_DUE] = 0
        s.monitors[i, MONITOR_BARE_WAITS] = 0
        s.monitors[i, MONITOR_BARE_ALERTED] = 0
        renew_held(s, i)
    elif bare > 0:
        alert_bare(s, i, bare)


@kernel
def alert_bare(s: Core, i: int, bare: int) -> None:
    """Tell once an episode that protection is missing for longer than allowed, and no exit works."""
    if s.limits[LIMIT_PROTECT_WITHIN] == 0 or s.monitors[i, MONITOR_BARE_ALERTED] != 0:
        return
    if s.monitors[i, MONITOR_BARE_DUE] == NEVER:
        due, _ = due_after(s, i, s.limits[LIMIT_PROTECT_WITHIN])
        s.monitors[i, MONITOR_BARE_DUE] = due
    now = s.account[ACCOUNT_NOW]
    if s.monitors[i, EXIT_PHASE] != PHASE_IDLE or s.monitors[i, MONITOR_BARE_DUE] > now:
        return
    if is_timed_by_bars(s, i) and s.positions[i, POSITION_LAST_TS] != now:
        return
    s.monitors[i, MONITOR_BARE_ALERTED] = now
    s.guard[GUARD_ALERTS] += 1
    n = journal_row(s, KIND_ALERT, i)
    s.journal[n, ALERT_CODE] = ALERT_UNPROTECTED
    s.journal[n, ALERT_SEVERITY] = ALERT_SEVERE
    s.journal[n, ALERT_POSITION] = s.monitors[i, MONITOR_POSITION]
    s.journal[n, ALERT_NUMBER] = bare


@kernel
def journal_protection(s: Core, i: int, bare: int, begins: int) -> None:
    """Record that lots are without protection, or are not any more."""
    n = journal_row(s, KIND_PROTECTION, i)
    s.journal[n, PROTECTION_POSITION] = s.monitors[i, MONITOR_POSITION]
    s.journal[n, PROTECTION_LOTS] = bare
    s.journal[n, PROTECTION_BEGINS] = begins
    s.journal[n, PROTECTION_SINCE] = s.monitors[i, MONITOR_BARE_SINCE]
    s.journal[n, PROTECTION_COUNT] = s.guard[GUARD_BARE_TIMES]


@kernel
def keep_wake(s: Core, i: int) -> None:
    """Have an instrument looked at when the first of its waits ends: they share one slot.

    Only ever moved earlier: a look in vain changes nothing, one that is missed does.
    """
    if is_timed_by_bars(s, i):
        return
    first, now = s.wakes[i, WAKE_AT], s.account[ACCOUNT_NOW]
    exit_due, entry_due = s.monitors[i, EXIT_DEADLINE], s.monitors[i, ENTRY_DEADLINE]
    bare_due = s.monitors[i, MONITOR_BARE_DUE]
    if s.monitors[i, EXIT_PHASE] != PHASE_IDLE and now < exit_due < first:
        first = exit_due
    if s.monitors[i, ENTRY_SIGNAL] != 0 and now < entry_due < first:
        first = entry_due
    if now < bare_due < first:
        first = bare_due
    if first < s.wakes[i, WAKE_AT]:
        wake_at(s, i, first)
