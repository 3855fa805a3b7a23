"""The ten conditions for closing a position, the strategy's own wish, and which of those that hold wins.

All are evaluated at every look. Profit is what closing now would realize, at the bid of a long and the
ask of a short position, before fees; it is compared with cost exactly, never as a rounded percentage.
What cannot be evaluated does not fire.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.money import (
    OVERFLOW,
    add_checked,
    floor_to,
    multiply_checked,
    multiply_divide_ceiling,
    multiply_divide_floor,
)
from engine.kernels.positions import tradable_lots, value_of
from engine.model.layout import (
    ACCOUNT_NOW,
    ACCOUNT_SEVERITY,
    KIND_QUOTE,
    POSITION_COST,
    POSITION_QUANTITY,
    TERM_BINARY,
    TERM_CALENDAR,
    TERM_EXPIRES,
    TERM_LOT_STEP,
    TERM_LOT_UNIT,
    TERM_PRICE_UNIT,
)
from engine.model.trading import (
    FLATTENING,
    REASON_CIRCUIT_BREAKER,
    REASON_EARLY_EXIT,
    REASON_EDGE_DISAPPEARED,
    REASON_LIQUIDITY_DRIED_UP,
    REASON_NONE,
    REASON_PARTIAL_EXIT_TARGET,
    REASON_PROFIT_TARGET,
    REASON_REBALANCE,
    REASON_STOP_LOSS,
    REASON_STRATEGY,
    REASON_TIME_BASED_URGENT,
    REASON_TRAILING_STOP,
    REASONS,
)
from engine.model.trading_layout import (
    CALENDAR_CLOSES,
    EXIT_FILLED,
    EXIT_STAGE,
    EXITS_ENABLED,
    EXITS_PRIORITY,
    EXITS_SPREAD_PPB,
    EXITS_SPREAD_PPM,
    EXITS_THRESHOLD,
    EXITS_THRESHOLD_LOW,
    EXITS_THRESHOLD_MEDIUM,
    LIMIT_AT_SESSION_CLOSE,
    LIMIT_EDGE_IS_PROBABILITY,
    LIMIT_STAGES,
    MONITOR_BASE,
    MONITOR_CLASS,
    MONITOR_DIRECTION,
    MONITOR_EDGE,
    MONITOR_MARK_KIND,
    MONITOR_MARKS,
    MONITOR_STAGES,
    MONITOR_TARGET_GOAL,
    MONITOR_VOLUME,
    MONITOR_WANTS,
    NEVER,
    NOT_GIVEN,
    STAGE_AT_PPM,
    STAGE_SHARE_PPM,
    WANTS_EXIT,
)
from engine.rules.prices import closing_price, touch
from engine.rules.suspects import is_suspect
from engine.rules.trailing import compare_part, stop_is_hit
from engine.state import Core

MILLION = 10**6
BILLION = 10**9
PPB_PER_PPM = 1000
CLASS_HIGH = 3
CLASS_LOW = 1


@kernel
def fired_mask(s: Core, i: int, victim: int) -> int:
    """Return the bits (1 << ExitReason) of the conditions that hold for a position.

    `victim` is the instrument that is to make room for a better one (`find_victim`), -1 if none is.
    """
    price = closing_price(s, i, s.monitors[i, MONITOR_DIRECTION])
    mask = 0
    if can_act_on(s, i, price):
        mask = price_mask(s, i, price, profit_of(s, i, price))
    mask = mask | edge_mask(s, i, price)
    if s.account[ACCOUNT_SEVERITY] == FLATTENING:
        mask = mask | 1 << REASON_CIRCUIT_BREAKER
    if time_is_up(s, i):
        mask = mask | 1 << REASON_TIME_BASED_URGENT
    if spread_is_wide(s, i) or volume_is_thin(s, i):
        mask = mask | 1 << REASON_LIQUIDITY_DRIED_UP
    if i == victim:
        mask = mask | 1 << REASON_REBALANCE
    if s.monitors[i, MONITOR_WANTS] & WANTS_EXIT:
        mask = mask | 1 << REASON_STRATEGY
    return mask & enabled_mask(s)


@kernel
def enabled_mask(s: Core) -> int:
    """Return the bits of the conditions that the strategy file has on."""
    mask = 0
    for reason in range(1, REASONS):
        if s.exits[reason, EXITS_ENABLED] == 1:
            mask = mask | 1 << reason
    return mask


@kernel
def winner_of(s: Core, mask: int) -> int:
    """Return which condition of a mask acts: the first of the highest priority; 0 if none holds."""
    winner = REASON_NONE
    for reason in range(1, REASONS):
        if mask >> reason & 1:
            if (
                winner == REASON_NONE
                or s.exits[reason, EXITS_PRIORITY] < s.exits[winner, EXITS_PRIORITY]
            ):
                winner = reason
    return winner


@kernel
def can_act_on(s: Core, i: int, price: int) -> bool:
    """Return whether the exit price may close the position: it is known, confirmed, and of this trip.

    Of a trip that no mark was seen in yet, the last price is one from before it.
    """
    return price > 0 and s.monitors[i, MONITOR_MARKS] > 0 and not is_suspect(s, i)


# --- Price and profit ------------------------------------------------------------------------------------
@kernel
def profit_of(s: Core, i: int, price: int) -> int:
    """Return what the position has gained at a price, in minor of its currency, or OVERFLOW."""
    value = value_of(s, i, price, s.positions[i, POSITION_QUANTITY])
    return add_checked(value, -s.positions[i, POSITION_COST])


@kernel
def profit_ppm(s: Core, i: int, price: int) -> int:
    """Return the same in parts per million of cost, rounded toward zero, for the record; or NOT_GIVEN."""
    profit, cost = profit_of(s, i, price), s.positions[i, POSITION_COST]
    if profit == OVERFLOW or cost == 0:
        return NOT_GIVEN
    parts = multiply_divide_floor(abs(profit), MILLION, abs(cost))
    return parts if profit >= 0 or parts == OVERFLOW else -parts


@kernel
def price_mask(s: Core, i: int, price: int, profit: int) -> int:
    """Return the bits of the conditions that a price, with its profit, decides; it is not suspect."""
    mask = 0
    if stop_is_hit(s, i, price):
        mask = 1 << REASON_TRAILING_STOP
    cost = s.positions[i, POSITION_COST]
    knows_profit = profit != OVERFLOW and cost != 0
    if knows_profit and compare_part(profit, cost, -s.exits[REASON_STOP_LOSS, EXITS_THRESHOLD]) < 0:
        mask = mask | 1 << REASON_STOP_LOSS
    reached = goal_is_reached(s, i, price)
    if knows_profit and not reached:
        reached = compare_part(profit, cost, target_ppm(s, i)) >= 0
    if reached and (not has_stages(s) or next_stage(s, i) >= 0):
        mask = mask | 1 << REASON_PROFIT_TARGET
    if knows_profit and stage_is_reached(s, i, profit):
        mask = mask | 1 << REASON_PARTIAL_EXIT_TARGET
    return mask


@kernel
def target_ppm(s: Core, i: int) -> int:
    """Return the profit target for the confidence of the trip's signal."""
    column = EXITS_THRESHOLD_MEDIUM
    if s.monitors[i, MONITOR_CLASS] == CLASS_HIGH:
        column = EXITS_THRESHOLD
    elif s.monitors[i, MONITOR_CLASS] == CLASS_LOW:
        column = EXITS_THRESHOLD_LOW
    target: int = s.exits[REASON_PROFIT_TARGET, column]
    return target


@kernel
def goal_is_reached(s: Core, i: int, price: int) -> bool:
    """Return whether the price is at the goal that the trip's signal gave, or beyond it."""
    goal, direction = s.monitors[i, MONITOR_TARGET_GOAL], s.monitors[i, MONITOR_DIRECTION]
    return goal != NOT_GIVEN and direction * price >= direction * goal


# --- Stages ----------------------------------------------------------------------------------------------
@kernel
def has_stages(s: Core) -> bool:
    """Return whether a position is taken off in parts."""
    return s.limits[LIMIT_STAGES] > 0 and s.exits[REASON_PARTIAL_EXIT_TARGET, EXITS_ENABLED] == 1


@kernel
def next_stage(s: Core, i: int) -> int:
    """Return the first stage that has not been done in this trip, or -1."""
    if has_stages(s):
        for n in range(s.limits[LIMIT_STAGES]):
            if not s.monitors[i, MONITOR_STAGES] >> n & 1:
                return n
    return -1


@kernel
def stage_is_reached(s: Core, i: int, profit: int) -> bool:
    """Return whether the profit is at the next stage or over it; the position has a cost."""
    n = next_stage(s, i)
    return (
        n >= 0
        and compare_part(profit, s.positions[i, POSITION_COST], s.stages[n, STAGE_AT_PPM]) >= 0
    )


@kernel
def stage_lots(s: Core, i: int, n: int) -> int:
    """Return what a stage sells: its share of the trip's largest quantity, at most what is held."""
    share = multiply_divide_floor(
        s.monitors[i, MONITOR_BASE], s.stages[n, STAGE_SHARE_PPM], MILLION
    )
    return min(max(floor_to(share, s.terms[i, TERM_LOT_STEP]), 0), abs(tradable_lots(s, i)))


@kernel
def pass_stage(s: Core, i: int) -> None:
    """The next stage is done."""
    n = next_stage(s, i)
    if n >= 0:
        s.monitors[i, MONITOR_STAGES] = s.monitors[i, MONITOR_STAGES] | 1 << n


@kernel
def take_stage_back(s: Core, i: int) -> None:
    """The stage that an exit has begun is to be done again: all its orders were refused."""
    n = s.monitors[i, EXIT_STAGE] - 1
    if n >= 0 and s.monitors[i, EXIT_FILLED] == 0:
        s.monitors[i, MONITOR_STAGES] = s.monitors[i, MONITOR_STAGES] & ((1 << n) - 1)


@kernel
def sells_a_stage(s: Core, reason: int) -> bool:
    """Return whether a condition closes a part of the position only."""
    if reason == REASON_PARTIAL_EXIT_TARGET:
        return True
    return reason == REASON_PROFIT_TARGET and has_stages(s)


@kernel
def wanted_lots(s: Core, i: int, reason: int) -> int:
    """Return what a condition closes."""
    if sells_a_stage(s, reason):
        n = next_stage(s, i)
        return stage_lots(s, i, n) if n >= 0 else 0
    return abs(tradable_lots(s, i))


# --- Time and liquidity ----------------------------------------------------------------------------------
@kernel
def time_left(s: Core, i: int) -> int:
    """Return the ns to the contract's end, or to the session's where that counts; NEVER without one."""
    ends = s.terms[i, TERM_EXPIRES]
    if s.limits[LIMIT_AT_SESSION_CLOSE] == 1:
        closes = s.calendars[s.terms[i, TERM_CALENDAR], CALENDAR_CLOSES]
        if closes > 0 and (ends == 0 or closes < ends):
            ends = closes
    return ends - s.account[ACCOUNT_NOW] if ends > 0 else NEVER


@kernel
def time_is_up(s: Core, i: int) -> bool:
    """Return whether less time is left than it takes to leave in order."""
    return time_left(s, i) < s.exits[REASON_TIME_BASED_URGENT, EXITS_THRESHOLD]


@kernel
def widest_spread(s: Core, i: int) -> int:
    """Return the widest spread in ticks that is liquid: in money for event contracts, else a part of the mid.

    0 where there is no limit. Rounded down: spreads are whole ticks.
    """
    if s.terms[i, TERM_BINARY] == 1:
        widest = s.exits[REASON_LIQUIDITY_DRIED_UP, EXITS_SPREAD_PPB]
        return multiply_divide_floor(widest, s.terms[i, TERM_PRICE_UNIT], BILLION)
    bid, ask = touch(s, i)
    widest = s.exits[REASON_LIQUIDITY_DRIED_UP, EXITS_SPREAD_PPM]
    return multiply_divide_floor(bid + ask, widest, 2 * MILLION)


@kernel
def spread_is_wide(s: Core, i: int) -> bool:
    """Return whether the last quote's spread is over the limit."""
    bid, ask = touch(s, i)
    if s.monitors[i, MONITOR_MARK_KIND] != KIND_QUOTE or bid <= 0:
        return False
    column = EXITS_SPREAD_PPB if s.terms[i, TERM_BINARY] == 1 else EXITS_SPREAD_PPM
    has_limit = s.exits[REASON_LIQUIDITY_DRIED_UP, column] > 0
    return has_limit and ask - bid > widest_spread(s, i)


@kernel
def least_volume(s: Core, i: int) -> int:
    """Return the fewest lots that are liquid; the limit is in 10^-9 units, rounded up to whole lots."""
    units = s.exits[REASON_LIQUIDITY_DRIED_UP, EXITS_THRESHOLD]
    return multiply_divide_ceiling(units, s.terms[i, TERM_LOT_UNIT], BILLION)


@kernel
def volume_is_thin(s: Core, i: int) -> bool:
    """Return whether less than the limit traded in the window, where the volume is known."""
    lots = s.monitors[i, MONITOR_VOLUME]
    return lots >= 0 and lots < least_volume(s, i)


# --- Edge ------------------------------------------------------------------------------------------------
@kernel
def edge_of(s: Core, i: int, price: int) -> int:
    """Return the edge in ppb that holding on has at an exit price, or NOT_GIVEN.

    Where the strategy gives a probability it is that against the price, for the position's side.
    """
    edge: int = s.monitors[i, MONITOR_EDGE]
    if edge == NOT_GIVEN or s.limits[LIMIT_EDGE_IS_PROBABILITY] == 0:
        return edge
    implied = multiply_checked(price, BILLION // s.terms[i, TERM_PRICE_UNIT])
    if price <= 0 or implied == OVERFLOW:
        return NOT_GIVEN
    return s.monitors[i, MONITOR_DIRECTION] * (edge - implied)


@kernel
def edge_mask(s: Core, i: int, price: int) -> int:
    """Return the bits of the conditions that the edge decides."""
    edge = edge_of(s, i, price)
    if edge == NOT_GIVEN:
        return 0
    mask = 0
    if edge < s.exits[REASON_EARLY_EXIT, EXITS_THRESHOLD] * PPB_PER_PPM:
        mask = 1 << REASON_EARLY_EXIT
    if edge < s.exits[REASON_EDGE_DISAPPEARED, EXITS_THRESHOLD] * PPB_PER_PPM:
        mask = mask | 1 << REASON_EDGE_DISAPPEARED
    return mask
