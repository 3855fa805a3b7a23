"""Prices between which nothing of the trading loop can change for a position, so that bars may be skipped.

Whether a price is quiet is asked of the conditions themselves, never of a second version of them: on
either side of the last price they stay false up to some price, and that price is searched for. Only bars
are skipped, and only while nothing works, waits or has fired; `sims.replay.reach` does it.
"""

from __future__ import annotations

from engine.jit import kernel, loop_door
from engine.kernels.money import OVERFLOW, add_checked
from engine.model.layout import (
    ACCOUNT_HELD,
    ACCOUNT_NOW,
    ACCOUNT_SEVERITY,
    KIND_BAR,
    POSITION_COST,
    POSITION_HALTED,
    POSITION_LAST,
    TERM_CURRENCY,
)
from engine.model.trading import (
    ACTIVE,
    PHASE_IDLE,
    REASON_REBALANCE,
    REASON_TIME_BASED_URGENT,
    REASON_TRAILING_STOP,
)
from engine.model.trading_layout import (
    ENTRY_ORDER,
    ENTRY_SIGNAL,
    EXIT_PHASE,
    EXITS_ENABLED,
    EXITS_THRESHOLD,
    GUARD_EQUITY,
    GUARD_QUIET_HIGH,
    GUARD_QUIET_LOW,
    GUARD_QUIET_UNTIL,
    LIMIT_EDGE_IS_PROBABILITY,
    LIMIT_GUARDS,
    LIMIT_RISK,
    MONITOR_BARE_SINCE,
    MONITOR_DIRECTION,
    MONITOR_FIRED,
    MONITOR_LOST,
    MONITOR_MARK_KIND,
    MONITOR_MARKS,
    MONITOR_PEAK,
    MONITOR_POSITION,
    MONITOR_REACH_HIGH,
    MONITOR_REACH_LOW,
    MONITOR_REACH_UNTIL,
    MONITOR_SUSPECT,
    MONITOR_WANTS,
    NEVER,
)
from engine.rules.approval_queue import is_waiting_signal
from engine.rules.conditions import enabled_mask, price_mask, profit_of, time_left
from engine.rules.opportunities import better_entry
from engine.rules.trailing import compare_part
from engine.state import Core

HELD_MAX = 8  # with more positions the account's slack, shared among them, is soon used up
FARTHEST = 2**31  # ticks


@loop_door
def set_reach(s: Core, i: int) -> None:
    """Find the prices and the time up to which bars of an instrument change nothing, after a watch.

    Where there are none, low is not below high.
    """
    low, high = s.monitors[i, MONITOR_REACH_LOW], s.monitors[i, MONITOR_REACH_HIGH]
    s.monitors[i, MONITOR_REACH_LOW] = 0
    s.monitors[i, MONITOR_REACH_HIGH] = 0
    s.monitors[i, MONITOR_REACH_UNTIL] = NEVER
    if not is_at_rest(s, i):
        return
    price, enabled = s.positions[i, POSITION_LAST], enabled_mask(s)
    before = profit_of(s, i, price)
    if not is_quiet_at(s, i, price, before, enabled):
        return
    down = quiet_steps(s, i, price, -1, before, enabled, price - low - 1)
    up = quiet_steps(s, i, price, 1, before, enabled, high - price - 1)
    s.monitors[i, MONITOR_REACH_LOW] = price - down - 1
    s.monitors[i, MONITOR_REACH_HIGH] = price + up + 1
    s.monitors[i, MONITOR_REACH_UNTIL] = quiet_until(s, i)


@kernel
def is_guarded(s: Core) -> bool:
    """Return whether the account's equity is watched."""
    return bool(s.limits[LIMIT_GUARDS] == 1 or s.limits[LIMIT_RISK] == 1)


@kernel
def is_at_rest(s: Core, i: int) -> bool:
    """Return whether a position only waits for a price or a time."""
    if s.monitors[i, MONITOR_POSITION] == 0 or s.monitors[i, MONITOR_MARKS] == 0:
        return False
    if s.monitors[i, MONITOR_MARK_KIND] != KIND_BAR or s.account[ACCOUNT_HELD] > HELD_MAX:
        return False
    if s.monitors[i, EXIT_PHASE] != PHASE_IDLE or s.monitors[i, MONITOR_FIRED] != 0:
        return False
    if s.monitors[i, ENTRY_ORDER] != 0 or s.monitors[i, ENTRY_SIGNAL] != 0:
        return False
    if is_waiting_signal(s, i):
        return False  # a bar past its expiry ends it
    if s.monitors[i, MONITOR_WANTS] != 0 or s.monitors[i, MONITOR_BARE_SINCE] != 0:
        return False
    if s.monitors[i, MONITOR_SUSPECT] != 0 or s.monitors[i, MONITOR_LOST] != 0:
        return False
    if s.account[ACCOUNT_SEVERITY] != ACTIVE or s.positions[i, POSITION_HALTED] == 1:
        return False
    if s.terms[i, TERM_CURRENCY] != 0 or s.limits[LIMIT_EDGE_IS_PROBABILITY] == 1:
        return False
    return not is_guarded(s) or bool(s.guard[GUARD_QUIET_LOW] < s.guard[GUARD_QUIET_HIGH])


@kernel
def is_quiet_at(s: Core, i: int, price: int, before: int, enabled: int) -> bool:
    """Return whether a bar that closes at a price changes nothing for the position and the account.

    `before` is the profit at the last price, `enabled` the conditions that are on.
    """
    profit = profit_of(s, i, price)
    if price <= 0 or profit == OVERFLOW:
        return False
    if price_mask(s, i, price, profit) & enabled:
        return False
    return (
        not moves_trail(s, i, price, profit)
        and not makes_room(s, i, profit)
        and is_equity_quiet(s, profit, before)
    )


@kernel
def moves_trail(s: Core, i: int, price: int, profit: int) -> bool:
    """Return whether the trailing stop becomes active or follows."""
    if s.exits[REASON_TRAILING_STOP, EXITS_ENABLED] == 0:
        return False
    peak, direction = s.monitors[i, MONITOR_PEAK], s.monitors[i, MONITOR_DIRECTION]
    if peak != 0:
        return bool(direction * price > direction * peak)
    cost = s.positions[i, POSITION_COST]
    if cost == 0:
        return True
    return compare_part(profit, cost, s.exits[REASON_TRAILING_STOP, EXITS_THRESHOLD]) >= 0


@kernel
def makes_room(s: Core, i: int, profit: int) -> bool:
    """Return whether the position may have to go for a better entry."""
    return profit > 0 and s.exits[REASON_REBALANCE, EXITS_ENABLED] == 1 and better_entry(s, i) >= 0


@kernel
def is_equity_quiet(s: Core, profit: int, before: int) -> bool:
    """Return whether equity stays where no guard changes, whatever the other positions do meanwhile.

    Each has an equal share of the distance to the next level; this one's profit changes from `before`.
    """
    if not is_guarded(s):
        return True
    equity, held = s.guard[GUARD_EQUITY], s.account[ACCOUNT_HELD]
    down = add_checked(equity, -s.guard[GUARD_QUIET_LOW])
    up = add_checked(s.guard[GUARD_QUIET_HIGH], -equity)
    change = add_checked(profit, -before)
    if before == OVERFLOW or change == OVERFLOW:
        return False
    is_over = up != OVERFLOW and change * held >= up
    is_under = down != OVERFLOW and -change * held >= down
    return not (is_over or is_under)


@kernel
def quiet_steps(
    s: Core, i: int, price: int, direction: int, before: int, enabled: int, guess: int
) -> int:
    """Return how many ticks away from a quiet price, one way, prices stay quiet.

    Mostly that ends where it did when it was last searched for: `guess`.
    """
    if 0 <= guess < FARTHEST:
        is_far = is_quiet_at(s, i, price + direction * guess, before, enabled)
        if is_far and not is_quiet_at(s, i, price + direction * (guess + 1), before, enabled):
            return guess
    steps, stride = 0, 1
    while stride < FARTHEST and is_quiet_at(
        s, i, price + direction * (steps + stride), before, enabled
    ):
        steps += stride
        stride *= 2
    stride //= 2  # as far as the stride that was too wide it is not quiet
    while stride > 0:
        if is_quiet_at(s, i, price + direction * (steps + stride), before, enabled):
            steps += stride
        stride //= 2
    return steps


@kernel
def quiet_until(s: Core, i: int) -> int:
    """Return the time from which a look may change something."""
    until = NEVER
    if is_guarded(s) and s.guard[GUARD_QUIET_UNTIL] > 0:
        until = s.guard[GUARD_QUIET_UNTIL]
    left = time_left(s, i)
    if s.exits[REASON_TIME_BASED_URGENT, EXITS_ENABLED] == 1 and left != NEVER:
        urgent = s.exits[REASON_TIME_BASED_URGENT, EXITS_THRESHOLD]
        until = min(until, s.account[ACCOUNT_NOW] + left - urgent + 1)
    return until
