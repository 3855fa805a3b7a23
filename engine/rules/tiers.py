"""Tiers: what an account's equity allows. Up only after equity has held a level for a time, down at once."""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.ledger import journal_row
from engine.kernels.wakes import account_slot, set_wake
from engine.model.layout import ACCOUNT_NOW, KIND_TIER_CHANGED, UNKNOWN
from engine.model.trading import (
    BY_ITSELF,
    LATCH_TIER,
    REDUCE_ONLY,
    TIER_NONE,
    TIER_SNIPER,
    TIER_STRATEGIST,
)
from engine.model.trading_layout import (
    CHANGED_FROM,
    CHANGED_LIMIT,
    CHANGED_NUMBER,
    CHANGED_TO,
    GUARD_TIER,
    GUARD_TIER_SINCES,
    LIMIT_TIER,
    LIMIT_TIER_HOLD,
    LIMIT_TIER_LEVELS,
    NEVER,
    WAKE_TIER,
)
from engine.rules.latches import clear_latch, is_set, set_latch
from engine.state import Core


@kernel
def level_of_tier(s: Core, tier: int) -> int:
    """Return the lowest equity of a tier from SNIPER on."""
    level: int = s.limits[LIMIT_TIER_LEVELS + tier - TIER_SNIPER]
    return level


@kernel
def tier_of(s: Core, equity: int) -> int:
    """Return the tier that an equity stands in; levels belong to the tier above them."""
    tier = TIER_NONE
    while tier < TIER_STRATEGIST and equity >= level_of_tier(s, tier + 1):
        tier += 1
    return tier


@kernel
def begin_tier(s: Core, equity: int) -> None:
    """Let the account start in the tier of its equity."""
    s.guard[GUARD_TIER] = tier_of(s, equity)


@kernel
def follow_tier(s: Core, equity: int) -> None:
    """Move the account between tiers as a trusted equity says."""
    if level_of_tier(s, TIER_STRATEGIST) <= 0:
        return
    tier, stands = s.guard[GUARD_TIER], tier_of(s, equity)
    time_levels(s, stands)
    now, hold = s.account[ACCOUNT_NOW], s.limits[LIMIT_TIER_HOLD]
    reached = min(tier, stands)
    for higher in range(tier + 1, stands + 1):
        if now - s.guard[GUARD_TIER_SINCES + higher - TIER_SNIPER] >= hold:
            reached = higher
    if reached != tier:
        change_tier(s, reached, equity)
    set_wake(s, account_slot(s, WAKE_TIER), tier_due(s, equity))
    hold_tier(s, equity)


@kernel
def tier_due(s: Core, equity: int) -> int:
    """Return when a higher tier will have been held long enough, NEVER where none is stood in."""
    due = NEVER
    if level_of_tier(s, TIER_STRATEGIST) > 0:
        for higher in range(s.guard[GUARD_TIER] + 1, tier_of(s, equity) + 1):
            since = s.guard[GUARD_TIER_SINCES + higher - TIER_SNIPER]
            due = min(due, since + s.limits[LIMIT_TIER_HOLD])
    return due


@kernel
def time_levels(s: Core, stands: int) -> None:
    """Remember since when equity is at each level, the present one and those below."""
    for tier in range(TIER_SNIPER, TIER_STRATEGIST + 1):
        column = GUARD_TIER_SINCES + tier - TIER_SNIPER
        if tier > stands:
            s.guard[column] = 0
        elif s.guard[column] == 0:
            s.guard[column] = s.account[ACCOUNT_NOW]


@kernel
def change_tier(s: Core, tier: int, equity: int) -> None:
    """Put the account into a tier, and tell."""
    before = s.guard[GUARD_TIER]
    n = journal_row(s, KIND_TIER_CHANGED, UNKNOWN)
    s.journal[n, CHANGED_FROM] = before
    s.journal[n, CHANGED_TO] = tier
    s.journal[n, CHANGED_NUMBER] = equity
    s.journal[n, CHANGED_LIMIT] = level_of_tier(s, max(tier, before))
    s.guard[GUARD_TIER] = tier


@kernel
def hold_tier(s: Core, equity: int) -> None:
    """Stop entries while the account stands below the strategy's own tier."""
    own = s.limits[LIMIT_TIER]
    if own > s.guard[GUARD_TIER]:
        if not is_set(s, LATCH_TIER):
            set_latch(s, LATCH_TIER, REDUCE_ONLY, equity, level_of_tier(s, own), 0, NEVER)
    elif is_set(s, LATCH_TIER):
        clear_latch(s, LATCH_TIER, BY_ITSELF)
