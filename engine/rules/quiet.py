"""Equities between which a watch changes nothing, so that most watches compare two numbers.

Nearly every look at the account finds nothing new: no level is reached, no peak is made. Each close
look therefore leaves the equities between which the next one would change nothing, and the time
until then. What changes anything else the guards depend on ends that stretch.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.money import OVERFLOW, add_checked
from engine.kernels.positions import equity_of
from engine.model.layout import (
    ACCOUNT_HELD,
    ACCOUNT_NOW,
    ACCOUNT_SEVERITY,
    POSITION_LAST,
    POSITION_LAST_TS,
    POSITION_QUANTITY,
)
from engine.model.trading import ACTIVE, TIER_NONE, TIER_STRATEGIST, TILT_NONE
from engine.model.trading_layout import (
    GUARD_DAY_EQUITY,
    GUARD_DAY_FLOW,
    GUARD_EQUITY,
    GUARD_LOSS_SINCE,
    GUARD_MARKED_AT,
    GUARD_PEAK,
    GUARD_PEAK_CANDIDATE,
    GUARD_QUIET_HIGH,
    GUARD_QUIET_LOW,
    GUARD_QUIET_UNTIL,
    GUARD_TILT,
    LIMIT_MINIMUM_MINOR,
    MONITOR_LOST,
    NOT_GIVEN,
)
from engine.rules.equity import daily_loss_level, end_quiet
from engine.rules.peaks import drawdown_level
from engine.rules.tiers import level_of_tier, tier_due, tier_of
from engine.state import Core, Table


@kernel
def is_quiet(
    account: Table,
    guard: Table,
    ledger: Table,
    terms: Table,
    positions: Table,
    monitors: Table,
    held: Table,
) -> bool:
    """Return whether this look changes nothing; then what it has seen is remembered."""
    now = account[ACCOUNT_NOW]
    if guard[GUARD_QUIET_LOW] >= guard[GUARD_QUIET_HIGH] or now >= guard[GUARD_QUIET_UNTIL]:
        return False
    if account[ACCOUNT_SEVERITY] != ACTIVE:
        return False
    is_new = False
    for n in range(account[ACCOUNT_HELD]):
        i = held[n]
        if positions[i, POSITION_QUANTITY] != 0:
            if monitors[i, MONITOR_LOST] != 0 or positions[i, POSITION_LAST] <= 0:
                return False
            is_new = is_new or positions[i, POSITION_LAST_TS] == now
    equity = equity_of(ledger, positions, terms)
    if equity <= guard[GUARD_QUIET_LOW] or equity >= guard[GUARD_QUIET_HIGH]:
        return False
    guard[GUARD_EQUITY] = equity
    if is_new:
        guard[GUARD_MARKED_AT] = now
    return True


@kernel
def begin_quiet(s: Core, equity: int) -> None:
    """After a close look at a trusted equity: say between which equities the next one changes nothing."""
    if (
        s.account[ACCOUNT_SEVERITY] != ACTIVE
        or s.guard[GUARD_LOSS_SINCE] != 0
        or s.guard[GUARD_PEAK_CANDIDATE] != 0
        or s.guard[GUARD_TILT] != TILT_NONE
    ):
        end_quiet(s)
        return
    low = max(drawdown_level(s), s.limits[LIMIT_MINIMUM_MINOR] - 1, lowest_of_day(s) - 1)
    high = add_checked(s.guard[GUARD_PEAK], 1)
    if level_of_tier(s, TIER_STRATEGIST) > 0:
        tier = tier_of(s, equity)
        if tier != TIER_NONE:
            low = max(low, level_of_tier(s, tier) - 1)
        if tier != TIER_STRATEGIST:
            high = min(high, level_of_tier(s, tier + 1))
    s.guard[GUARD_QUIET_LOW] = low
    s.guard[GUARD_QUIET_HIGH] = high
    s.guard[GUARD_QUIET_UNTIL] = tier_due(s, equity)


@kernel
def lowest_of_day(s: Core) -> int:
    """Return the lowest equity at which the day's loss is within its limit; the least where it has none."""
    level = daily_loss_level(s)
    if level == NOT_GIVEN:
        return NOT_GIVEN + 1
    lowest = add_checked(add_checked(s.guard[GUARD_DAY_EQUITY], s.guard[GUARD_DAY_FLOW]), level)
    return NOT_GIVEN + 1 if lowest == OVERFLOW else lowest
