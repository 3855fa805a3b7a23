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
    KIND_EXIT_FIRED,
    POSITION_CLOSED,
)
from engine.model.trading import (
    PAUSED_ALL,
    PHASE_CHANGING,
    PHASE_IDLE,
    REASON_PROFIT_TARGET,
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
    MONITOR_DIRECTION,
    MONITOR_FIRED,
    MONITOR_MARKS,
    MONITOR_POSITION,
    MONITOR_SUSPECT,
    NEVER,
)
from engine.rules.conditions import (
    enabled_mask,
    find_victim,
    fired_mask,
    next_stage,
    number_and_limit,
    pass_stage,
    price_mask,
    profit_of,
    profit_ppm,
    stage_lots,
    time_left,
    wanted_lots,
    winner_of,
)
from engine.rules.escalation import (
    ALERT_AGAIN,
    begin,
    go_on,
    may_begin,
    take_notice,
    take_over,
    takes_over,
)
from engine.rules.hours import wake_at
from engine.rules.prices import closing_price
from engine.rules.suspects import CONFIRMED_AFTER, is_suspect
from engine.rules.trailing import follow_peak
from engine.state import Core, Table


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
    mask = look(s, i, victim)
    reason = winner_of(s, mask)
    price = closing_price(s, i, s.monitors[i, MONITOR_DIRECTION])
    if s.monitors[i, EXIT_PHASE] != PHASE_IDLE:
        take_notice(s, i)
    overtakes = takes_over(s, i, reason)
    begins = reason != 0 and may_begin(s, i) and wanted_lots(s, i, reason) > 0
    note_fired(s, i, mask, reason, price, begins or overtakes)
    if overtakes:
        take_over(s, i, reason, price)
    elif begins:
        begin(s, i, reason, price)
    if s.monitors[i, EXIT_PHASE] != PHASE_IDLE:
        go_on(s, intents, i)
    look_again(s, i)


@kernel
def look(s: Core, i: int, victim: int) -> int:
    """Return the bits of the conditions that hold; the trailing stop follows the price first.

    Of a trip that no mark was seen in yet, the last price is one from before it.
    """
    if s.monitors[i, MONITOR_POSITION] == 0 or s.positions[i, POSITION_CLOSED] == 1:
        return 0
    if tradable_lots(s, i) == 0:
        return 0
    price = closing_price(s, i, s.monitors[i, MONITOR_DIRECTION])
    if price > 0 and s.monitors[i, MONITOR_MARKS] > 0 and not is_suspect(s, i):
        if s.exits[REASON_TRAILING_STOP, EXITS_ENABLED] == 1:
            follow_peak(s, i, price, profit_of(s, i, price))
        pass_empty_stages(s, i, price)
    return fired_mask(s, i, victim)


@kernel
def pass_empty_stages(s: Core, i: int, price: int) -> None:
    """Stages that are reached and whose share is under one lot step are done without an order."""
    n = next_stage(s, i)
    while n >= 0 and stage_lots(s, i, n) == 0:
        if (price_mask(s, i, price) & enabled_mask(s)) >> REASON_PROFIT_TARGET & 3 == 0:
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
def look_again(s: Core, i: int) -> None:
    """Have the instrument looked at when the next thing changes that only time changes."""
    now, at = s.account[ACCOUNT_NOW], NEVER
    phase, deadline = s.monitors[i, EXIT_PHASE], s.monitors[i, EXIT_DEADLINE]
    if phase != PHASE_IDLE and phase != PHASE_CHANGING and deadline > now:
        at = deadline
    if phase != PHASE_IDLE and s.monitors[i, EXIT_ALERTED] > 0:
        if s.account[ACCOUNT_SEVERITY] >= PAUSED_ALL:
            at = min(at, s.monitors[i, EXIT_ALERTED] + ALERT_AGAIN)
    if s.monitors[i, MONITOR_POSITION] != 0:
        if is_suspect(s, i):
            at = min(at, s.monitors[i, MONITOR_SUSPECT] + CONFIRMED_AFTER)
        left, urgent = time_left(s, i), s.exits[REASON_TIME_BASED_URGENT, EXITS_THRESHOLD]
        if left != NEVER and left >= urgent:
            at = min(at, now + (left - urgent) + 1)
    if at > now and at != NEVER:
        wake_at(s, i, at)
