"""A look at every position: which conditions hold, what is to be closed, and when to look again.

The conditions are in `engine.rules.conditions`, the way out in `engine.rules.escalation`.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.ledger import journal_row
from engine.kernels.positions import tradable_lots
from engine.model.layout import (
    ACCOUNT_HELD,
    ACCOUNT_NOW,
    ACCOUNT_SEVERITY,
    ACCOUNT_TOUCHED,
    KIND_EXIT_FIRED,
    POSITION_CLOSED,
)
from engine.model.trading import (
    FLATTENING,
    PHASE_CHANGING,
    PHASE_IDLE,
    REASON_CIRCUIT_BREAKER,
    REASON_EARLY_EXIT,
    REASON_EDGE_DISAPPEARED,
    REASON_LIQUIDITY_DRIED_UP,
    REASON_PARTIAL_EXIT_TARGET,
    REASON_PROFIT_TARGET,
    REASON_REBALANCE,
    REASON_STOP_LOSS,
    REASON_TIME_BASED_URGENT,
    REASON_TRAILING_STOP,
)
from engine.model.trading_layout import (
    EXIT_ALERTED,
    EXIT_DEADLINE,
    EXIT_PHASE,
    EXITS_ENABLED,
    EXITS_THRESHOLD,
    FIRED_ALSO,
    FIRED_LIMIT,
    FIRED_LOTS,
    FIRED_NUMBER,
    FIRED_PNL_PPM,
    FIRED_POSITION,
    FIRED_PRICE,
    FIRED_REASON,
    MONITOR_DENIED_EDGE,
    MONITOR_DIRECTION,
    MONITOR_FIRED,
    MONITOR_POSITION,
    MONITOR_STOP,
    MONITOR_SUSPECT,
    MONITOR_TARGET_GOAL,
    MONITOR_VOLUME,
    NEVER,
    STAGE_AT_PPM,
)
from engine.rules.closing import begin, may_begin, take_over, takes_over, wait_for_mark
from engine.rules.conditions import (
    can_act_on,
    edge_of,
    enabled_mask,
    fired_mask,
    goal_is_reached,
    least_volume,
    next_stage,
    pass_stage,
    price_mask,
    profit_of,
    profit_ppm,
    stage_lots,
    target_ppm,
    time_left,
    volume_is_thin,
    wanted_lots,
    widest_spread,
    winner_of,
)
from engine.rules.escalation import (
    ALERT_AGAIN,
    go_on,
    is_held_back,
    take_notice,
    waits_for_data,
)
from engine.rules.hours import wake_at
from engine.rules.opportunities import better_entry, find_victim
from engine.rules.prices import closing_price, touch
from engine.rules.suspects import CONFIRMED_AFTER, is_suspect
from engine.rules.trailing import follow_peak
from engine.state import Core, Table

PPB_PER_PPM = 1000


@kernel
def watch_positions(s: Core, intents: Table) -> None:
    """Evaluate every condition of every position held, and go on with the exits that work."""
    victim = find_victim(s)
    place = 0
    while place < s.account[ACCOUNT_HELD]:
        i = s.held[place]
        watch_position(s, intents, i, victim)
        if place < s.account[ACCOUNT_HELD] and s.held[place] == i:
            place += 1


@kernel
def watch_position(s: Core, intents: Table, i: int, victim: int) -> None:
    """Look at one instrument: what fired, then the next step of its exit."""
    if s.monitors[i, MONITOR_SUSPECT] != 0 and not is_suspect(s, i):
        s.monitors[i, MONITOR_SUSPECT] = 0
        s.account[ACCOUNT_TOUCHED] = 1  # the guards have looked before
    mask = look(s, i, victim)
    reason = winner_of(s, mask)
    price = closing_price(s, i, s.monitors[i, MONITOR_DIRECTION])
    if s.monitors[i, EXIT_PHASE] != PHASE_IDLE:
        take_notice(s, i)
    waits = waits_for_data(s)
    overtakes = not waits and takes_over(s, i, reason)
    begins = not waits and reason != 0 and may_begin(s, i) and wanted_lots(s, i, reason) > 0
    note_fired(s, i, mask, reason, price, begins or overtakes)
    if overtakes:
        take_over(s, i, reason, price)
    elif begins:
        begin(s, i, reason, price)
    elif waits:
        wait_for_mark(s, i)
    if s.monitors[i, EXIT_PHASE] != PHASE_IDLE:
        go_on(s, intents, i)
    look_again(s, i)


@kernel
def look(s: Core, i: int, victim: int) -> int:
    """Return the bits of the conditions that hold; the trailing stop follows the price first."""
    if s.monitors[i, MONITOR_POSITION] == 0 or s.positions[i, POSITION_CLOSED] == 1:
        return 0
    if tradable_lots(s, i) == 0:
        return 0
    price = closing_price(s, i, s.monitors[i, MONITOR_DIRECTION])
    if can_act_on(s, i, price):
        if s.exits[REASON_TRAILING_STOP, EXITS_ENABLED] == 1:
            follow_peak(s, i, price, profit_of(s, i, price))
        pass_empty_stages(s, i, price)
    return fired_mask(s, i, victim)


@kernel
def pass_empty_stages(s: Core, i: int, price: int) -> None:
    """Stages that are reached and whose share is under one lot step are done without an order."""
    n = next_stage(s, i)
    while n >= 0 and stage_lots(s, i, n) == 0:
        mask = price_mask(s, i, price, profit_of(s, i, price)) & enabled_mask(s)
        if mask >> REASON_PROFIT_TARGET & 3 == 0:
            return  # neither of the two conditions that sell it holds
        pass_stage(s, i)
        n = next_stage(s, i)


@kernel
def note_fired(s: Core, i: int, mask: int, reason: int, price: int, acts: bool) -> None:
    """Record what fired where that has changed, or something is done about it."""
    changed = mask != s.monitors[i, MONITOR_FIRED]
    s.monitors[i, MONITOR_FIRED] = mask
    if mask == 0:
        if s.monitors[i, EXIT_PHASE] == PHASE_IDLE:
            s.monitors[i, EXIT_ALERTED] = 0
        return
    if not changed and not acts:
        return
    number, limit = number_and_limit(s, i, reason, price)
    n = journal_row(s, KIND_EXIT_FIRED, i)
    s.journal[n, FIRED_POSITION] = s.monitors[i, MONITOR_POSITION]
    s.journal[n, FIRED_REASON] = reason
    s.journal[n, FIRED_ALSO] = mask
    s.journal[n, FIRED_PRICE] = price
    s.journal[n, FIRED_PNL_PPM] = profit_ppm(s, i, price)
    s.journal[n, FIRED_LOTS] = wanted_lots(s, i, reason)
    s.journal[n, FIRED_NUMBER] = number
    s.journal[n, FIRED_LIMIT] = limit


@kernel
def number_and_limit(s: Core, i: int, reason: int, price: int) -> tuple[int, int]:
    """Return what a condition looked at and the limit that it broke."""
    limit = s.exits[reason, EXITS_THRESHOLD]
    if reason == REASON_STOP_LOSS:
        return profit_ppm(s, i, price), -limit
    if reason == REASON_CIRCUIT_BREAKER:
        return s.account[ACCOUNT_SEVERITY], FLATTENING
    if reason == REASON_TRAILING_STOP:
        return price, s.monitors[i, MONITOR_STOP]
    if reason == REASON_TIME_BASED_URGENT:
        return time_left(s, i), limit
    if reason == REASON_LIQUIDITY_DRIED_UP:
        if volume_is_thin(s, i):
            return s.monitors[i, MONITOR_VOLUME], least_volume(s, i)
        bid, ask = touch(s, i)
        return ask - bid, widest_spread(s, i)
    if reason == REASON_PROFIT_TARGET:
        if goal_is_reached(s, i, price):
            return price, s.monitors[i, MONITOR_TARGET_GOAL]
        return profit_ppm(s, i, price), target_ppm(s, i)
    if reason == REASON_PARTIAL_EXIT_TARGET:
        return profit_ppm(s, i, price), s.stages[max(next_stage(s, i), 0), STAGE_AT_PPM]
    if reason == REASON_EARLY_EXIT or reason == REASON_EDGE_DISAPPEARED:
        return edge_of(s, i, price), limit * PPB_PER_PPM
    if reason == REASON_REBALANCE:
        best = better_entry(s, i)
        if best >= 0:
            return s.monitors[best, MONITOR_DENIED_EDGE], edge_of(s, i, price)
    return 0, 0


@kernel
def look_again(s: Core, i: int) -> None:
    """Have the instrument looked at when the next thing changes that only time changes."""
    now, at = s.account[ACCOUNT_NOW], NEVER
    phase, deadline = s.monitors[i, EXIT_PHASE], s.monitors[i, EXIT_DEADLINE]
    if phase != PHASE_IDLE and phase != PHASE_CHANGING and deadline > now:
        at = deadline
    if phase != PHASE_IDLE and s.monitors[i, EXIT_ALERTED] > 0:
        if is_held_back(s):
            at = min(at, s.monitors[i, EXIT_ALERTED] + ALERT_AGAIN)
    if s.monitors[i, MONITOR_POSITION] != 0:
        if is_suspect(s, i):
            at = min(at, s.monitors[i, MONITOR_SUSPECT] + CONFIRMED_AFTER)
        left, urgent = time_left(s, i), s.exits[REASON_TIME_BASED_URGENT, EXITS_THRESHOLD]
        watched = s.exits[REASON_TIME_BASED_URGENT, EXITS_ENABLED] == 1
        if watched and left != NEVER and left >= urgent:
            at = min(at, now + (left - urgent) + 1)
    if at > now and at != NEVER:
        wake_at(s, i, at)
