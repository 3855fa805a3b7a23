"""The table of exits: what each condition sends, how long it waits, how it walks, what comes then.

One row per reason, as data: the configuration starts from it, the core reads it as the block `exits`,
the reference page prints it, and the tests hold it against the specification's table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.model import trading_layout as at
from engine.model.trading import ExitPriority, ExitReason, PriceKind, WalkKind
from engine.model.units import NS_PER_SECOND

_UNITS: Final = 10**9  # parts of one unit of quantity, or of currency
_PERCENT: Final = 10**4  # parts per million in a percent


@dataclass(frozen=True, slots=True)
class WalkRule:
    """How an order that waits is moved: the first step, what each further one adds, the wait between.

    Steps are thousandths of the venue's price step; their sum is rounded down to whole steps.
    """

    step_milli: int
    growth_milli: int
    wait_seconds: int


WALKS: Final[dict[WalkKind, WalkRule]] = {
    WalkKind.NONE: WalkRule(0, 0, 0),
    WalkKind.WALK_PRICE: WalkRule(1000, 500, 15),
    WalkKind.WALK_SLOWLY: WalkRule(1000, 300, 30),
    WalkKind.BEFORE_MARKET: WalkRule(1500, 500, 10),
}


@dataclass(frozen=True, slots=True)
class ExitRule:
    """One row of the table.

    Parameters
    ----------
    threshold
        In the unit of the condition: parts per million for percentages, nanoseconds, or 10^-9 units
        of quantity. 0 where it has none.
    then_market
        After the walks: a market order. Otherwise the exit is given up and tried again.
    fires
        The condition for a long position, in words.
    """

    reason: ExitReason
    priority: ExitPriority
    fires: str
    quantity: str
    price: PriceKind
    wait_seconds: int
    walks: int
    walk: WalkKind
    then_market: bool
    threshold: int = 0
    threshold_medium: int = 0
    threshold_low: int = 0
    spread_ppb: int = 0


EXIT_RULES: Final[tuple[ExitRule, ...]] = (
    ExitRule(
        ExitReason.STOP_LOSS,
        ExitPriority.CRITICAL,
        "unrealized P&L under -15 %",
        "full",
        PriceKind.MARKET,
        5,
        0,
        WalkKind.NONE,
        then_market=True,
        threshold=15 * _PERCENT,
    ),
    ExitRule(
        ExitReason.CIRCUIT_BREAKER,
        ExitPriority.CRITICAL,
        "a guard closes everything",
        "full, every position",
        PriceKind.MARKET,
        5,
        0,
        WalkKind.NONE,
        then_market=True,
    ),
    ExitRule(
        ExitReason.TRAILING_STOP,
        ExitPriority.HIGH,
        "the trailing stop is active and the price at or under it",
        "full",
        PriceKind.AGGRESSIVE,
        10,
        2,
        WalkKind.BEFORE_MARKET,
        then_market=True,
        threshold=10 * _PERCENT,
    ),
    ExitRule(
        ExitReason.TIME_BASED_URGENT,
        ExitPriority.HIGH,
        "under 5 min to the contract's settlement",
        "full",
        PriceKind.AGGRESSIVE,
        10,
        2,
        WalkKind.BEFORE_MARKET,
        then_market=True,
        threshold=300 * NS_PER_SECOND,
    ),
    ExitRule(
        ExitReason.LIQUIDITY_DRIED_UP,
        ExitPriority.HIGH,
        "spread over 3 cents (event contracts), or volume under 50",
        "full",
        PriceKind.AGGRESSIVE,
        15,
        3,
        WalkKind.BEFORE_MARKET,
        then_market=True,
        threshold=50 * _UNITS,
        spread_ppb=3 * _UNITS // 100,
    ),
    ExitRule(
        ExitReason.PROFIT_TARGET,
        ExitPriority.MEDIUM,
        "P&L at or over 25, 20 or 15 % for high, medium or low confidence, or at the signal's goal",
        "full; with stages on the next stage's share",
        PriceKind.FAIR,
        30,
        5,
        WalkKind.WALK_PRICE,
        then_market=False,
        threshold=25 * _PERCENT,
        threshold_medium=20 * _PERCENT,
        threshold_low=15 * _PERCENT,
    ),
    ExitRule(
        ExitReason.PARTIAL_EXIT_TARGET,
        ExitPriority.MEDIUM,
        "P&L at or over the next stage: 15 %, then 25 %",
        "50 %, then 25 % of the largest quantity; each stage once",
        PriceKind.FAIR,
        30,
        5,
        WalkKind.WALK_PRICE,
        then_market=False,
    ),
    ExitRule(
        ExitReason.EARLY_EXIT,
        ExitPriority.LOW,
        "current edge under 2 %",
        "full",
        PriceKind.CONSERVATIVE,
        60,
        10,
        WalkKind.WALK_SLOWLY,
        then_market=False,
        threshold=2 * _PERCENT,
    ),
    ExitRule(
        ExitReason.EDGE_DISAPPEARED,
        ExitPriority.LOW,
        "current edge under 0",
        "full",
        PriceKind.FAIR,
        30,
        5,
        WalkKind.WALK_PRICE,
        then_market=False,
    ),
    ExitRule(
        ExitReason.REBALANCE,
        ExitPriority.LOW,
        "in profit, and a denied entry has an edge more than 5 % better",
        "full",
        PriceKind.CONSERVATIVE,
        60,
        10,
        WalkKind.WALK_SLOWLY,
        then_market=False,
        threshold=5 * _PERCENT,
    ),
    ExitRule(
        ExitReason.STRATEGY,
        ExitPriority.STRATEGY,
        "the strategy's own exit",
        "full",
        PriceKind.MARKET,
        5,
        0,
        WalkKind.NONE,
        then_market=True,
    ),
)

# The strategy's own exit where its orders are limits: as a profit target's.
STRATEGY_AT_LIMIT: Final = ExitRule(
    ExitReason.STRATEGY,
    ExitPriority.STRATEGY,
    "the strategy's own exit",
    "full",
    PriceKind.FAIR,
    30,
    5,
    WalkKind.WALK_PRICE,
    then_market=False,
)

# Partial stages: at this P&L, this share of the largest quantity (parts per million).
STAGES: Final = ((15 * _PERCENT, 50 * _PERCENT), (25 * _PERCENT, 25 * _PERCENT))

# The trailing stop: how far behind the peak; closer by `tighten` for each whole `every` of profit over
# its activation, never closer than `least` (parts per million).
TRAIL_DISTANCE: Final = 5 * _PERCENT
TRAIL_TIGHTEN: Final = 1 * _PERCENT
TRAIL_EVERY: Final = 5 * _PERCENT
TRAIL_LEAST: Final = 2 * _PERCENT

_ALWAYS: Final = (ExitReason.CIRCUIT_BREAKER, ExitReason.STRATEGY)


def fill_exits(
    exits: NDArray[np.int64],
    stages: NDArray[np.int64],
    *,
    conditions: bool = True,
    at_limit: bool = False,
) -> None:
    """Fill the core's blocks `exits` and `stages` with the defaults.

    Parameters
    ----------
    conditions
        False where a strategy has no exits of its own: then only a guard and the strategy close.
    at_limit
        The strategy's own exit works a limit order instead of a market order.
    """
    exits[:] = 0
    stages[:] = 0
    for rule in EXIT_RULES:
        is_on = conditions or rule.reason in _ALWAYS
        _fill_row(exits[rule.reason], rule, is_on=is_on)
    if at_limit:
        _fill_row(exits[ExitReason.STRATEGY], STRATEGY_AT_LIMIT, is_on=True)
    for n, (at_ppm, share_ppm) in enumerate(STAGES):
        stages[n, at.STAGE_AT_PPM] = at_ppm
        stages[n, at.STAGE_SHARE_PPM] = share_ppm


def _fill_row(row: NDArray[np.int64], rule: ExitRule, *, is_on: bool) -> None:
    walk = WALKS[rule.walk]
    row[at.EXITS_ENABLED] = int(is_on)
    row[at.EXITS_PRIORITY] = rule.priority
    row[at.EXITS_PRICE] = rule.price
    row[at.EXITS_WAIT] = rule.wait_seconds * NS_PER_SECOND
    row[at.EXITS_WALKS] = rule.walks
    row[at.EXITS_WALK_KIND] = rule.walk
    row[at.EXITS_STEP_WAIT] = walk.wait_seconds * NS_PER_SECOND
    row[at.EXITS_STEP_MILLI] = walk.step_milli
    row[at.EXITS_GROWTH_MILLI] = walk.growth_milli
    row[at.EXITS_THEN_MARKET] = int(rule.then_market)
    row[at.EXITS_THRESHOLD] = rule.threshold
    row[at.EXITS_THRESHOLD_MEDIUM] = rule.threshold_medium
    row[at.EXITS_THRESHOLD_LOW] = rule.threshold_low
    row[at.EXITS_SPREAD_PPB] = rule.spread_ppb


def fill_exit_limits(limits: NDArray[np.int64]) -> None:
    """Fill what the exits read of the core's block `limits` with the defaults."""
    limits[at.LIMIT_EXITS] = 1
    limits[at.LIMIT_STAGES] = len(STAGES)
    limits[at.LIMIT_TRAIL_DISTANCE_PPM] = TRAIL_DISTANCE
    limits[at.LIMIT_TRAIL_TIGHTEN_PPM] = TRAIL_TIGHTEN
    limits[at.LIMIT_TRAIL_EVERY_PPM] = TRAIL_EVERY
    limits[at.LIMIT_TRAIL_LEAST_PPM] = TRAIL_LEAST
