"""Guards over the account's equity: daily loss, drawdown, minimum equity, and the way back.

They look at the account after every slice, fact and wait that concerned it. Only an equity that is
trusted (`engine.rules.trust`) trips or resets anything; docs/explain/guards.md has the rules.
"""

from __future__ import annotations

from engine.jit import kernel, loop_door
from engine.kernels.money import OVERFLOW, add_checked
from engine.kernels.positions import tradable_lots
from engine.kernels.wakes import account_slot, set_wake
from engine.model.layout import (
    ACCOUNT_CALENDAR,
    ACCOUNT_HELD,
    ACCOUNT_NOW,
    ACCOUNT_ORDERS,
    ACCOUNT_SEVERITY,
    ACCOUNT_TOUCHED,
)
from engine.model.trading import (
    ACTIVE,
    BY_ITSELF,
    BY_SIMULATION,
    FLATTENING,
    LATCH_API,
    LATCH_DAILY_LOSS,
    LATCH_DRAWDOWN,
    LATCH_MINIMUM_EQUITY,
    LOCKED,
    TILT_NONE,
)
from engine.model.trading_layout import (
    CALENDAR_DAY,
    GUARD_API_GOOD_AT,
    GUARD_BEGUN,
    GUARD_CHECKED_AT,
    GUARD_DAY,
    GUARD_DAY_BOOKED,
    GUARD_DAY_EQUITY,
    GUARD_DAY_EXCUSED,
    GUARD_DAY_FLOW,
    GUARD_EQUITY,
    GUARD_FLAT_READS,
    GUARD_GOOD_CHECKS,
    GUARD_LOSS_MARKS,
    GUARD_LOSS_SINCE,
    GUARD_PEAK,
    GUARD_RESET_LEVEL,
    GUARD_TILT,
    LATCH_FLATTENED,
    LATCH_LIMIT,
    LATCH_MANUAL,
    LATCH_NUMBER,
    LATCH_SEVERITY,
    LATCH_UNTIL,
    LIMIT_DRAWDOWN_PPM,
    LIMIT_FLAT_READS,
    LIMIT_GUARDS,
    LIMIT_MANUAL_RESET,
    LIMIT_MINIMUM_MINOR,
    LIMIT_RESET_CHECKS,
    LIMIT_RESET_EVERY,
    LIMIT_RISK,
    LIMIT_SIMULATED_OPERATOR,
    NEVER,
    NOT_GIVEN,
    WAKE_LOSS,
    WAKE_RESET,
    WAKE_SUSPECT,
)
from engine.rules.equity import (
    booked_minor,
    daily_loss_level,
    day_result_of,
    drawdown_ppm,
    end_quiet,
    known_equity,
)
from engine.rules.flattening import watch_flattening
from engine.rules.latches import clear_latch, is_set, set_latch
from engine.rules.peaks import drawdown_level, raise_peak, reset_level, scale_peak
from engine.rules.quiet import begin_quiet, is_quiet
from engine.rules.suspects import CONFIRMED_AFTER
from engine.rules.tiers import begin_tier, follow_tier
from engine.rules.tilt import follow_tilt
from engine.rules.trust import (
    MARKED_BY_BARS,
    NOT_MARKED,
    has_positions,
    suspects_end,
    take_marks,
    trusted_equity,
)
from engine.state import Core

CONFIRMED_BY = 2  # marks that show a loss which nobody has booked


# --- What the rest of the core tells ---------------------------------------------------------------------
@kernel
def begin_account(s: Core, equity: int) -> None:
    """Let day, peak and tier begin with the first money there is."""
    if s.guard[GUARD_BEGUN] == 1 or equity == OVERFLOW or equity <= 0:
        return
    s.guard[GUARD_BEGUN] = 1
    s.guard[GUARD_EQUITY] = equity
    s.guard[GUARD_PEAK] = equity
    start_day(s, equity)
    begin_tier(s, equity)


@kernel
def start_day(s: Core, equity: int) -> None:
    """Measure the day's result from an equity."""
    s.guard[GUARD_DAY_EQUITY] = equity
    s.guard[GUARD_DAY_FLOW] = 0
    s.guard[GUARD_DAY_BOOKED] = booked_minor(s)
    s.guard[GUARD_DAY_EXCUSED] = 0
    forget_loss(s)
    end_quiet(s)


@kernel
def begin_day(s: Core) -> None:
    """A trading day of the account's calendar begins, with the equity of the last marks: gaps are its own."""
    day = s.calendars[s.account[ACCOUNT_CALENDAR], CALENDAR_DAY]
    if s.guard[GUARD_DAY] == day:
        return
    s.guard[GUARD_DAY] = day
    equity = known_equity(s)
    begin_account(s, equity)
    if s.guard[GUARD_BEGUN] == 1:
        start_day(s, equity if equity != OVERFLOW else s.guard[GUARD_EQUITY])
    if s.limits[LIMIT_SIMULATED_OPERATOR] == 1:
        reset_all(s)


@kernel
def reset_all(s: Core) -> None:
    """Clear what waits for a person, as the person would that a backtest pretends to have.

    Nobody resets a guard while it is still closing positions.
    """
    for g in range(s.latches.shape[0]):
        if s.latches[g, LATCH_MANUAL] == 1 and s.latches[g, LATCH_SEVERITY] != FLATTENING:
            clear_latch(s, g, BY_SIMULATION)


@loop_door
def note_flow(s: Core, minor: int) -> None:
    """A deposit or withdrawal, in minor of the account's currency, is about to be posted."""
    s.account[ACCOUNT_TOUCHED] = 1
    end_quiet(s)
    equity = known_equity(s)
    begin_account(s, equity)
    if s.guard[GUARD_BEGUN] == 0 or minor == OVERFLOW:
        return
    if equity == OVERFLOW:
        equity = s.guard[GUARD_EQUITY]
    scale_peak(s, equity, minor)
    add_to_guard(s, GUARD_DAY_FLOW, minor)
    add_to_guard(s, GUARD_EQUITY, minor)


@kernel
def add_to_guard(s: Core, column: int, minor: int) -> None:
    """Add to one of the guard's sums; what does not fit stops the core where it is posted."""
    total = add_checked(s.guard[column], minor)
    if total != OVERFLOW:
        s.guard[column] = total


@kernel
def watch_equity(s: Core) -> None:
    """Look at the account after a slice, a fact or a wake: set and clear what its equity says."""
    if not is_quiet(s.account, s.guard, s.ledger, s.terms, s.positions, s.monitors, s.held):
        look_closely(s)


@kernel
def look_closely(s: Core) -> None:
    """Look at everything that the guards depend on."""
    end_quiet(s)
    if s.account[ACCOUNT_SEVERITY] != ACTIVE:
        end_latches(s)
    if s.limits[LIMIT_GUARDS] == 1 or s.limits[LIMIT_RISK] == 1:
        marked = take_marks(s)
        equity = trusted_equity(s)
        if equity != OVERFLOW:
            begin_account(s, equity)
            if s.guard[GUARD_BEGUN] == 1:
                watch_trusted(s, equity, marked)
    if s.account[ACCOUNT_SEVERITY] >= FLATTENING:
        lock_when_flat(s)
    watch_flattening(s)
    if s.guard[GUARD_TILT] != TILT_NONE:
        follow_tilt(s)


@kernel
def watch_trusted(s: Core, equity: int, marked: int) -> None:
    """Look at an equity that can be trusted; `marked` says what of it is new."""
    s.guard[GUARD_EQUITY] = equity
    raise_peak(s, equity, marked != NOT_MARKED, not has_positions(s))
    watch_daily_loss(s, equity, marked)
    watch_drawdown(s, equity)
    follow_reset(s, equity)
    follow_tier(s, equity)
    begin_quiet(s, equity)


# --- Daily loss ------------------------------------------------------------------------------------------
@kernel
def watch_daily_loss(s: Core, equity: int, marked: int) -> None:
    """Trip when the day has lost more than it may, and that is booked or confirmed."""
    level = daily_loss_level(s)
    if level == NOT_GIVEN or is_set(s, LATCH_DAILY_LOSS):
        return
    result = day_result_of(s, equity)
    if result >= level:
        forget_loss(s)
    elif is_booked(s, level) or is_loss_confirmed(s, marked):
        forget_loss(s)
        set_latch(s, LATCH_DAILY_LOSS, FLATTENING, result, level, 1, NEVER)


@kernel
def is_booked(s: Core, level: int) -> bool:
    """Return whether what the day has booked is past the level by itself: no mark can take it back."""
    booked, before = booked_minor(s), s.guard[GUARD_DAY_BOOKED]
    if booked == OVERFLOW or before == OVERFLOW:
        return False
    made = add_checked(booked, -before)
    return made != OVERFLOW and made < level


@kernel
def is_loss_confirmed(s: Core, marked: int) -> bool:
    """Count a mark that shows the loss: two of them, or two seconds, or a bar confirm it."""
    now = s.account[ACCOUNT_NOW]
    if marked == MARKED_BY_BARS:
        return True
    if s.guard[GUARD_LOSS_SINCE] == 0:
        s.guard[GUARD_LOSS_SINCE] = max(now, 1)
        set_wake(s, account_slot(s, WAKE_LOSS), now + CONFIRMED_AFTER)
    if marked != NOT_MARKED:
        s.guard[GUARD_LOSS_MARKS] += 1
    waited = now - s.guard[GUARD_LOSS_SINCE]
    return s.guard[GUARD_LOSS_MARKS] >= CONFIRMED_BY or waited >= CONFIRMED_AFTER


@kernel
def forget_loss(s: Core) -> None:
    """No loss waits for its confirmation."""
    if s.guard[GUARD_LOSS_SINCE] != 0:
        s.guard[GUARD_LOSS_SINCE] = 0
        s.guard[GUARD_LOSS_MARKS] = 0
        set_wake(s, account_slot(s, WAKE_LOSS), NEVER)


# --- Drawdown and minimum equity -------------------------------------------------------------------------
@kernel
def watch_drawdown(s: Core, equity: int) -> None:
    """Trip when equity is too far under its peak, or under the minimum; not on a suspect mark."""
    level, minimum = drawdown_level(s), s.limits[LIMIT_MINIMUM_MINOR]
    is_deep = equity <= level and not is_set(s, LATCH_DRAWDOWN)
    is_low = equity < minimum and minimum > 0 and not is_set(s, LATCH_MINIMUM_EQUITY)
    if not (is_deep or is_low):
        return
    doubted_until = suspects_end(s)
    if doubted_until != 0:
        set_wake(s, account_slot(s, WAKE_SUSPECT), doubted_until)
        return
    if not (is_set(s, LATCH_DRAWDOWN) or is_set(s, LATCH_MINIMUM_EQUITY)):
        # Deposits count on the way back: the level stays what it is now.
        s.guard[GUARD_RESET_LEVEL] = reset_level(s)
    s.guard[GUARD_GOOD_CHECKS] = 0
    s.guard[GUARD_CHECKED_AT] = 0
    manual = s.limits[LIMIT_MANUAL_RESET]
    if is_deep:
        number, limit = drawdown_ppm(s, equity), s.limits[LIMIT_DRAWDOWN_PPM]
        set_latch(s, LATCH_DRAWDOWN, FLATTENING, number, limit, manual, NEVER)
    if is_low:
        set_latch(s, LATCH_MINIMUM_EQUITY, FLATTENING, equity, minimum, manual, NEVER)


@kernel
def resets_itself(s: Core, g: int) -> bool:
    """Return whether a guard of equity is locked, and may be cleared by equity alone."""
    return s.latches[g, LATCH_SEVERITY] == LOCKED and s.latches[g, LATCH_MANUAL] == 0


@kernel
def follow_reset(s: Core, equity: int) -> None:
    """Let entries begin again once equity is found over the reset level often enough.

    Good checks are some time apart; an equity under the level restarts their count whenever it is seen.
    """
    if not (resets_itself(s, LATCH_DRAWDOWN) or resets_itself(s, LATCH_MINIMUM_EQUITY)):
        return
    now, every = s.account[ACCOUNT_NOW], s.limits[LIMIT_RESET_EVERY]
    if equity < s.guard[GUARD_RESET_LEVEL]:
        s.guard[GUARD_GOOD_CHECKS] = 0
        s.guard[GUARD_CHECKED_AT] = 0
        set_wake(s, account_slot(s, WAKE_RESET), NEVER)
        return
    if s.guard[GUARD_CHECKED_AT] == 0 or now - s.guard[GUARD_CHECKED_AT] >= every:
        s.guard[GUARD_GOOD_CHECKS] += 1
        s.guard[GUARD_CHECKED_AT] = now
    if s.guard[GUARD_GOOD_CHECKS] < s.limits[LIMIT_RESET_CHECKS]:
        set_wake(s, account_slot(s, WAKE_RESET), s.guard[GUARD_CHECKED_AT] + every)
        return
    set_wake(s, account_slot(s, WAKE_RESET), NEVER)
    for g in (LATCH_DRAWDOWN, LATCH_MINIMUM_EQUITY):
        if resets_itself(s, g):  # the other one may still be closing positions
            clear_latch(s, g, BY_ITSELF)


# --- What ends latches -----------------------------------------------------------------------------------
@kernel
def end_latches(s: Core) -> None:
    """Clear what has reached its own end; the venue's must have been reconciled since its last error."""
    for g in range(s.latches.shape[0]):
        if s.latches[g, LATCH_SEVERITY] != ACTIVE and s.latches[g, LATCH_UNTIL] != NEVER:
            if s.latches[g, LATCH_UNTIL] <= s.account[ACCOUNT_NOW]:
                if g != LATCH_API or s.guard[GUARD_API_GOOD_AT] != 0:
                    clear_latch(s, g, BY_ITSELF)


@kernel
def is_flat(s: Core) -> bool:
    """Return whether nothing that could be closed is held, and no order works."""
    if s.account[ACCOUNT_ORDERS] > 0:
        return False
    for n in range(s.account[ACCOUNT_HELD]):
        if tradable_lots(s, s.held[n]) != 0:
            return False
    return s.guard[GUARD_FLAT_READS] >= s.limits[LIMIT_FLAT_READS]


@kernel
def lock_when_flat(s: Core) -> None:
    """Turn every latch that closes positions into a locked one once nothing is left to close.

    What a late fill opens after that is closed as well (`engine.rules.latches.close_again`).
    """
    if not is_flat(s):
        return
    for g in range(s.latches.shape[0]):
        if s.latches[g, LATCH_SEVERITY] == FLATTENING:
            number, limit = s.latches[g, LATCH_NUMBER], s.latches[g, LATCH_LIMIT]
            s.latches[g, LATCH_FLATTENED] = 1
            set_latch(s, g, LOCKED, number, limit, s.latches[g, LATCH_MANUAL], NEVER)
            s.account[ACCOUNT_TOUCHED] = 1  # the way back begins now, whatever else is locked
