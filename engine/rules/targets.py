"""Target weights that wait for the sells that pay for them.

The risk checks count every order that works at its worst, so that a sell frees nothing before it has
filled. A target that is denied for want of room while sells work is kept, and tried again when
something has filled: until it is reached or replaced, those sells have ended, or nothing of them has
filled for longer than a signal may be old.
"""

from __future__ import annotations

from engine.jit import kernel, loop_door
from engine.kernels.held import renew_held
from engine.model.denials import (
    DENY_BUYING_POWER,
    DENY_CONCENTRATION,
    DENY_MAX_POSITIONS,
)
from engine.model.layout import (
    ACCOUNT_FILLS,
    ACCOUNT_LAST_DENIAL,
    ACCOUNT_NOW,
    ACCOUNT_ORDERS,
    ORDER_INSTRUMENT,
    ORDER_PARENT,
    ORDER_SIDE,
    ORDER_STATUS,
    POSITION_QUANTITY,
    STATUS_PENDING_CANCEL,
)
from engine.model.trading_layout import (
    LIMIT_EXPIRY,
    LIMIT_RISK,
    MONITOR_MARK_LENGTH,
    MONITOR_TARGET,
    MONITOR_TARGET_AT,
    MONITOR_TARGET_FILLS,
    MONITOR_WANTS,
    WANTS_TARGET,
)
from engine.rules.hours import waits_since
from engine.state import Core


@loop_door
def is_waiting(s: Core, i: int) -> bool:
    """Return whether a target weight of an instrument waits."""
    return bool(s.monitors[i, MONITOR_WANTS] & WANTS_TARGET)


@loop_door
def reduction_works(s: Core) -> bool:
    """Return whether an order works that makes a position smaller."""
    for r in range(s.account[ACCOUNT_ORDERS]):
        held = s.positions[s.orders[r, ORDER_INSTRUMENT], POSITION_QUANTITY]
        if s.orders[r, ORDER_PARENT] == 0 and s.orders[r, ORDER_SIDE] * held < 0:
            if s.orders[r, ORDER_STATUS] != STATUS_PENDING_CANCEL:
                return True
    return False


@kernel
def is_for_room(code: int) -> bool:
    """Return whether a denial is one that a smaller position elsewhere could lift."""
    is_exposure = DENY_MAX_POSITIONS <= code <= DENY_CONCENTRATION
    return is_exposure or code == DENY_BUYING_POWER


@loop_door
def keep_target(s: Core, i: int, weight_ppb: int) -> None:
    """Keep a target that was denied just now, if the sells that work could make room for it."""
    if s.limits[LIMIT_RISK] == 0 or not is_for_room(s.account[ACCOUNT_LAST_DENIAL]):
        return
    if not reduction_works(s):
        return
    s.monitors[i, MONITOR_WANTS] = s.monitors[i, MONITOR_WANTS] | WANTS_TARGET
    s.monitors[i, MONITOR_TARGET] = weight_ppb
    s.monitors[i, MONITOR_TARGET_AT] = s.account[ACCOUNT_NOW]
    s.monitors[i, MONITOR_TARGET_FILLS] = s.account[ACCOUNT_FILLS]
    renew_held(s, i)


@loop_door
def forget_target(s: Core, i: int) -> None:
    """Give up a target that waits."""
    if is_waiting(s, i):
        s.monitors[i, MONITOR_WANTS] = s.monitors[i, MONITOR_WANTS] & ~WANTS_TARGET
        s.monitors[i, MONITOR_TARGET] = 0
        renew_held(s, i)


@loop_door
def is_too_old(s: Core, i: int) -> bool:
    """Return whether a target was tried longer ago than a signal may be old, or than one bar."""
    age = s.account[ACCOUNT_NOW] - waits_since(s, i, s.monitors[i, MONITOR_TARGET_AT])
    # A bar does not tell when in it the sells have filled; other prices leave its length at 0.
    most = max(s.limits[LIMIT_EXPIRY], s.monitors[i, MONITOR_MARK_LENGTH])
    return bool(age > most and s.limits[LIMIT_EXPIRY] > 0)
