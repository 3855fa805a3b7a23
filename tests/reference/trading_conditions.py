"""The ten conditions of the reference model, and the strategy's own wish: which hold, and the numbers."""

from __future__ import annotations

from fractions import Fraction

from engine.model.trading import ExitReason, Severity
from tests.reference import trading_trailing as trailing
from tests.reference.trading_desk import (
    NOT_KNOWN,
    PLANS,
    SECOND,
    Desk,
    Hours,
    R,
    Settings,
)

BILLION = 10**9
MILLION = 10**6


def is_doubted(desk: Desk, now: int) -> bool:
    """Return whether the last mark is suspect: for two seconds, without another."""
    since = desk.market.doubted
    return since is not None and now - since < 2 * SECOND


def trusted_price(desk: Desk, now: int) -> int | None:
    """Return the price that may close the position: of a mark of this trip, and not in doubt."""
    if desk.trip is None or desk.trip.marks == 0 or is_doubted(desk, now):
        return None
    return desk.price()


def gain(desk: Desk, price: int) -> Fraction | None:
    """Return the profit as a part of the cost."""
    return None if desk.cost == 0 else Fraction(desk.profit(price), abs(desk.cost))


def edge(desk: Desk, settings: Settings) -> Fraction | None:
    """Return what holding on is worth: what the strategy says, or its probability against the price."""
    if desk.edge is None or not settings.is_probability:
        return desk.edge
    price = desk.price()
    if price is None or desk.trip is None:
        return None
    return desk.trip.direction * (desk.edge - Fraction(price, desk.terms.ticks_per_unit))


def next_stage(desk: Desk, settings: Settings) -> int | None:
    """Return the number of the stage that is to be done next, from 0."""
    done = desk.trip.done if desk.trip else 0
    return done if done < len(settings.parts) else None


def stage_lots(desk: Desk, settings: Settings) -> int:
    """Return what the next stage sells."""
    n = next_stage(desk, settings)
    if n is None or desk.trip is None:
        return 0
    share = desk.terms.whole(desk.trip.largest * settings.parts[n][1])
    return min(share, abs(desk.lots))


def is_of_a_stage(reason: ExitReason, settings: Settings) -> bool:
    """Return whether a condition closes a part only."""
    return reason is R.PARTIAL_EXIT_TARGET or (reason is R.PROFIT_TARGET and bool(settings.parts))


def wanted(desk: Desk, settings: Settings, reason: ExitReason) -> int:
    """Return the lots that a condition closes."""
    return stage_lots(desk, settings) if is_of_a_stage(reason, settings) else abs(desk.lots)


def time_left(desk: Desk, settings: Settings, hours: Hours, now: int) -> int | None:
    """Return the time to the contract's end, or to the session's where that counts."""
    ends = [desk.terms.expires, hours.closes if settings.at_session_close else 0]
    known = [end for end in ends if end]
    return min(known) - now if known else None


def at_goal(desk: Desk, price: int) -> bool:
    """Return whether the signal's goal is reached."""
    trip = desk.trip
    return trip is not None and trip.goal is not None and (price - trip.goal) * trip.direction >= 0


def target(desk: Desk, settings: Settings) -> Fraction:
    """Return the profit target of the trip's confidence."""
    return settings.targets[desk.trip.grade if desk.trip else 1]


def of_the_price(desk: Desk, settings: Settings, price: int) -> set[ExitReason]:
    """Return the conditions that a price decides."""
    found, part = set(), gain(desk, price)
    n = next_stage(desk, settings)
    if trailing.is_hit(desk, price):
        found.add(R.TRAILING_STOP)
    if part is not None and part < -settings.stop_loss:
        found.add(R.STOP_LOSS)
    if at_goal(desk, price) or (part is not None and part >= target(desk, settings)):
        if not settings.parts or n is not None:
            found.add(R.PROFIT_TARGET)
    if n is not None and part is not None and part >= settings.parts[n][0]:
        found.add(R.PARTIAL_EXIT_TARGET)
    return found


def is_wide(desk: Desk, settings: Settings) -> bool:
    """Return whether the last quote's spread is over the limit."""
    sides = desk.market.sides
    if desk.market.kind != "quote" or sides is None:
        return False
    spread = sides[1] - sides[0]
    if desk.terms.is_event:
        return 0 < settings.spread < Fraction(spread, desk.terms.ticks_per_unit)
    return 0 < settings.spread_part * Fraction(sum(sides), 2) < spread


def is_thin(desk: Desk, settings: Settings) -> bool:
    """Return whether less than the limit was traded in the window."""
    return desk.volume is not None and desk.volume < settings.volume * desk.terms.lots_per_unit


def holding(
    desk: Desk, settings: Settings, hours: Hours, now: int, *, severity: int, makes_room: bool
) -> set[ExitReason]:
    """Return every condition that holds now."""
    found = set()
    price, worth = trusted_price(desk, now), edge(desk, settings)
    if price is not None:
        found |= of_the_price(desk, settings, price)
    if severity == Severity.FLATTENING:
        found.add(R.CIRCUIT_BREAKER)
    left = time_left(desk, settings, hours, now)
    if left is not None and left < settings.urgent:
        found.add(R.TIME_BASED_URGENT)
    if is_wide(desk, settings) or is_thin(desk, settings):
        found.add(R.LIQUIDITY_DRIED_UP)
    if worth is not None and worth < settings.early:
        found.add(R.EARLY_EXIT)
    if worth is not None and worth < settings.disappeared:
        found.add(R.EDGE_DISAPPEARED)
    if makes_room:
        found.add(R.REBALANCE)
    if desk.wishes:
        found.add(R.STRATEGY)
    return found & settings.enabled


def winner(found: set[ExitReason]) -> ExitReason:
    """Return the one that acts: the highest priority, the table's order within it."""
    if not found:
        return R.NONE
    return min(found, key=lambda reason: (PLANS[reason].priority, reason.value))


# --- The record ------------------------------------------------------------------------------------------
def toward_zero(part: Fraction | None) -> int:
    """Return a fraction in parts per million as the journal has it."""
    return NOT_KNOWN if part is None else int(part * MILLION)


def numbers(
    desk: Desk,
    settings: Settings,
    hours: Hours,
    now: int,
    reason: ExitReason,
    severity: int,
    best: Fraction | None,
) -> tuple[int, int]:
    """Return what the winner looked at and the limit that it met, in the units of the journal."""
    price = desk.price() or 0
    part, worth = toward_zero(gain(desk, price)), edge(desk, settings)
    n = next_stage(desk, settings)
    match reason:
        case R.STOP_LOSS:
            return part, -toward_zero(settings.stop_loss)
        case R.CIRCUIT_BREAKER:
            return severity, Severity.FLATTENING
        case R.TRAILING_STOP:
            return price, desk.trip.stop if desk.trip else 0
        case R.TIME_BASED_URGENT:
            return time_left(desk, settings, hours, now) or 0, settings.urgent
        case R.LIQUIDITY_DRIED_UP:
            if is_thin(desk, settings):
                return desk.volume or 0, -int(-settings.volume * desk.terms.lots_per_unit // 1)
            bid, ask = desk.market.sides or (0, 0)
            if desk.terms.is_event:
                return ask - bid, int(settings.spread * desk.terms.ticks_per_unit)
            return ask - bid, int(settings.spread_part * (bid + ask) / 2)
        case R.PROFIT_TARGET:
            if at_goal(desk, price) and desk.trip and desk.trip.goal is not None:
                return price, desk.trip.goal
            return part, toward_zero(target(desk, settings))
        case R.PARTIAL_EXIT_TARGET:
            return part, toward_zero(settings.parts[n or 0][0])
        case R.EARLY_EXIT:
            return int((worth or 0) * BILLION), int(settings.early * BILLION)
        case R.EDGE_DISAPPEARED:
            return int((worth or 0) * BILLION), int(settings.disappeared * BILLION)
        case R.REBALANCE:
            return int((best or 0) * BILLION), int((worth or 0) * BILLION)
    return 0, 0
