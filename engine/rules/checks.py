"""The sixteen risk checks of an order that opens or enlarges, in their written order.

All are evaluated and journalled, each with its number, its limit and a verdict, also after the first
that denies; that one is the answer. What cannot be evaluated denies. A share of equity is rounded up
before it is compared, so that one part too much is over and the limit itself is not.
"""

from __future__ import annotations

from typing import Final

from engine.jit import kernel
from engine.kernels.ledger import journal_row, to_base
from engine.kernels.money import OVERFLOW, multiply_divide_ceiling
from engine.kernels.positions import value_of
from engine.model.denials import (
    DENY_BUYING_POWER,
    DENY_CIRCUIT_BREAKER,
    DENY_CONCENTRATION,
    DENY_CORRELATION,
    DENY_DAILY_LOSS,
    DENY_DRAWDOWN_GUARD,
    DENY_GROSS_EXPOSURE,
    DENY_KILL_SWITCH,
    DENY_MAX_POSITIONS,
    DENY_NET_EXPOSURE,
    DENY_NONE,
    DENY_ORDER_NOTIONAL,
    DENY_ORDER_QUANTITY,
    DENY_ORDER_RATE,
    DENY_POSITION_SIZE,
    DENY_PRICE_COLLAR,
    DENY_TRADING_HOURS,
)
from engine.model.layout import (
    ACCOUNT_SEVERITY,
    KIND_CHECKED,
    LEDGER_RATE,
    ORDER_EXIT,
    ORDER_ID,
    ORDER_INSTRUMENT,
    ORDER_LIMIT,
    ORDER_QUANTITY,
    ORDER_SIDE,
    ORDER_SIGNAL,
    ORDER_STOP,
    ORDER_TYPE,
    POSITION_LAST,
    TERM_CURRENCY,
    TERM_EVENT,
    TERM_GROUP,
    TERM_LOT_UNIT,
    TERM_PRICE_STEP,
    TYPE_STOP,
)
from engine.model.trading import (
    FLATTENING,
    LATCH_KILL,
    REASON_NONE,
    REDUCE_ONLY,
    UNIT_COUNT,
    UNIT_MINOR,
    UNIT_PPB,
    UNIT_PPM,
    UNIT_SEVERITY,
    VERDICT_OFF,
    VERDICT_OVER,
    VERDICT_PASS,
    VERDICT_UNKNOWN,
)
from engine.model.trading_layout import (
    CHECKED_CODE,
    CHECKED_LIMIT,
    CHECKED_NUMBER,
    CHECKED_ORDER,
    CHECKED_PLACE,
    CHECKED_SIGNAL,
    CHECKED_UNIT,
    CHECKED_VERDICT,
    LIMIT_COLLAR_PPM,
    LIMIT_EVENT_PPM,
    LIMIT_GROSS_PPM,
    LIMIT_GROUP_PPM,
    LIMIT_NET_PPM,
    LIMIT_NOTIONAL_MINOR,
    LIMIT_POSITION_PPM,
    LIMIT_POSITIONS,
    LIMIT_RATE,
    LIMIT_RISK,
    LIMIT_UNITS_PPB,
    NOT_GIVEN,
)
from engine.rules.account_checks import check_daily_loss, check_drawdown
from engine.rules.correlation import check_correlation
from engine.rules.exposure import (
    measure_worst,
    valued_equity,
    worst_count,
    worst_gross,
    worst_money,
    worst_net,
)
from engine.rules.latched import breaker_severity, code_of_severity, worst_latch
from engine.rules.market_checks import check_hours, touch_price
from engine.rules.rate import note_order, orders_in_minute
from engine.rules.risk import (
    needs_limit,
    opening_lots,
    opens,
    power_allowed,
    power_needed,
    reference_price,
)
from engine.state import Core

MILLION = 10**6
BILLION = 10**9
CHECKS: Final = 16
# By place in the written order, from 1.
CODES: Final = (
    DENY_NONE,
    DENY_KILL_SWITCH,
    DENY_CIRCUIT_BREAKER,
    DENY_DRAWDOWN_GUARD,
    DENY_TRADING_HOURS,
    DENY_DAILY_LOSS,
    DENY_MAX_POSITIONS,
    DENY_POSITION_SIZE,
    DENY_GROSS_EXPOSURE,
    DENY_NET_EXPOSURE,
    DENY_CONCENTRATION,
    DENY_CORRELATION,
    DENY_ORDER_RATE,
    DENY_PRICE_COLLAR,
    DENY_ORDER_NOTIONAL,
    DENY_ORDER_QUANTITY,
    DENY_BUYING_POWER,
)


@kernel
def check_send(s: Core, r: int) -> int:
    """Return why nothing like the order in row `r` may be sent now, exits included, or DENY_NONE.

    An order that opens is left to `check_risk`, whose first checks are the same latches: so that all
    that speaks against it is told.
    """
    if opens(s, r):
        return DENY_NONE
    severity = s.account[ACCOUNT_SEVERITY]
    # Any exit closes what is being flattened: a stop loss that fired first goes on.
    flattens = severity == FLATTENING and s.orders[r, ORDER_EXIT] != REASON_NONE
    if severity > REDUCE_ONLY and not flattens:
        return code_of_severity(s)
    note_order(s)
    return DENY_NONE


@kernel
def check_risk(s: Core, r: int) -> int:
    """Return why the order in row `r`, which opens or enlarges, must not be sent, or DENY_NONE."""
    measure_worst(s, r)
    equity = valued_equity(s)
    answer = DENY_NONE
    for place in range(1, CHECKS + 1):
        verdict, number, limit, unit = evaluate(s, r, place, equity)
        journal_check(s, r, place, verdict, number, limit, unit)
        if answer == DENY_NONE and (verdict == VERDICT_OVER or verdict == VERDICT_UNKNOWN):
            answer = CODES[place]
    if answer == DENY_NONE:
        note_order(s)
    return answer


@kernel
def journal_check(
    s: Core, r: int, place: int, verdict: int, number: int, limit: int, unit: int
) -> None:
    """Record what one check said of the order in row `r`."""
    n = journal_row(s, KIND_CHECKED, s.orders[r, ORDER_INSTRUMENT])
    s.journal[n, CHECKED_SIGNAL] = s.orders[r, ORDER_SIGNAL]
    s.journal[n, CHECKED_ORDER] = s.orders[r, ORDER_ID]
    s.journal[n, CHECKED_CODE] = CODES[place]
    s.journal[n, CHECKED_VERDICT] = verdict
    s.journal[n, CHECKED_NUMBER] = number
    s.journal[n, CHECKED_LIMIT] = limit
    s.journal[n, CHECKED_UNIT] = unit
    s.journal[n, CHECKED_PLACE] = place


@kernel
def evaluate(s: Core, r: int, place: int, equity: int) -> tuple[int, int, int, int]:
    """Return the verdict, number, limit and unit of the check at a place.

    The latches speak always; the limits only where there is a table `[risk]`; buying power always.
    """
    i = s.orders[r, ORDER_INSTRUMENT]
    if place == 1:
        return judge(worst_latch(s, LATCH_KILL, LATCH_KILL), 0, UNIT_SEVERITY)
    if place == 2:
        return judge(breaker_severity(s), 0, UNIT_SEVERITY)
    if place == 3:
        return check_drawdown(s, equity)
    if place == 5:
        return check_daily_loss(s, equity)
    if place == 16:
        return check_power(s, r, equity)
    if s.limits[LIMIT_RISK] == 0:
        return VERDICT_OFF, 0, 0, 0
    if place == 4:
        return check_hours(s, i)
    if place <= 10:
        return evaluate_exposure(s, i, place, equity)
    return evaluate_order(s, r, place)


@kernel
def evaluate_exposure(s: Core, i: int, place: int, equity: int) -> tuple[int, int, int, int]:
    """Evaluate a check of what the account could come to hold (`measure_worst` has been called)."""
    if place == 6:
        return judge_limit(worst_count(s), s.limits[LIMIT_POSITIONS], UNIT_COUNT)
    if place == 7:
        return judge_share(worst_money(s, i), equity, s.limits[LIMIT_POSITION_PPM])
    if place == 8:
        return judge_share(worst_gross(s, -1, 0), equity, s.limits[LIMIT_GROSS_PPM])
    if place == 9:
        return judge_share(worst_net(s), equity, s.limits[LIMIT_NET_PPM])
    return check_concentration(s, i, equity)


@kernel
def evaluate_order(s: Core, r: int, place: int) -> tuple[int, int, int, int]:
    """Evaluate a check of the order itself."""
    if place == 11:
        return check_correlation(s, s.orders[r, ORDER_INSTRUMENT], s.orders[r, ORDER_SIDE])
    if place == 12:
        return judge_limit(orders_in_minute(s) + 1, s.limits[LIMIT_RATE], UNIT_COUNT)
    if place == 13:
        return check_collar(s, r)
    if place == 14:
        return judge_limit(order_money(s, r), s.limits[LIMIT_NOTIONAL_MINOR], UNIT_MINOR)
    i = s.orders[r, ORDER_INSTRUMENT]
    units = multiply_divide_ceiling(s.orders[r, ORDER_QUANTITY], BILLION, s.terms[i, TERM_LOT_UNIT])
    return judge_limit(units, s.limits[LIMIT_UNITS_PPB], UNIT_PPB)


@kernel
def judge(number: int, limit: int, unit: int) -> tuple[int, int, int, int]:
    """Judge a number that must not exceed its limit; OVERFLOW is one that is not known."""
    if number == OVERFLOW:
        return VERDICT_UNKNOWN, NOT_GIVEN, limit, unit
    return VERDICT_OVER if number > limit else VERDICT_PASS, number, limit, unit


@kernel
def judge_limit(number: int, limit: int, unit: int) -> tuple[int, int, int, int]:
    """Judge a number by a limit that may not be set (0)."""
    if limit == 0:
        return VERDICT_OFF, number, 0, unit
    return judge(number, limit, unit)


@kernel
def judge_share(minor: int, equity: int, limit_ppm: int) -> tuple[int, int, int, int]:
    """Judge an amount as a share of equity, rounded up."""
    if limit_ppm == 0:
        return VERDICT_OFF, 0, 0, UNIT_PPM
    if minor == OVERFLOW or equity <= 0:
        return VERDICT_UNKNOWN, NOT_GIVEN, limit_ppm, UNIT_PPM
    return judge(multiply_divide_ceiling(minor, MILLION, equity), limit_ppm, UNIT_PPM)


@kernel
def check_concentration(s: Core, i: int, equity: int) -> tuple[int, int, int, int]:
    """Judge the group of an instrument and its event; where both pass the group is told."""
    group, event = s.terms[i, TERM_GROUP], s.terms[i, TERM_EVENT]
    if group == 0 and event == 0:
        return VERDICT_PASS, 0, 0, UNIT_PPM
    verdict, number, limit, unit = VERDICT_OFF, 0, 0, UNIT_PPM
    if group != 0:
        gross = worst_gross(s, TERM_GROUP, group)
        verdict, number, limit, unit = judge_share(gross, equity, s.limits[LIMIT_GROUP_PPM])
    if event != 0 and (verdict == VERDICT_OFF or verdict == VERDICT_PASS):
        gross = worst_gross(s, TERM_EVENT, event)
        of_event, share, most, _ = judge_share(gross, equity, s.limits[LIMIT_EVENT_PPM])
        if verdict == VERDICT_OFF or (of_event != VERDICT_PASS and of_event != VERDICT_OFF):
            verdict, number, limit = of_event, share, most
    return verdict, number, limit, unit


@kernel
def collar_price(s: Core, r: int) -> int:
    """Return the price that the collar holds against the last: the order's own, or the touch."""
    i = s.orders[r, ORDER_INSTRUMENT]
    price: int = touch_price(s, i, s.orders[r, ORDER_SIDE])
    if needs_limit(s.orders[r, ORDER_TYPE]):
        price = s.orders[r, ORDER_LIMIT]
    elif s.orders[r, ORDER_TYPE] == TYPE_STOP:
        price = s.orders[r, ORDER_STOP]
    return price


@kernel
def check_collar(s: Core, r: int) -> tuple[int, int, int, int]:
    """Judge how far the order's price is from the last; one step is always near enough."""
    i, most = s.orders[r, ORDER_INSTRUMENT], s.limits[LIMIT_COLLAR_PPM]
    last, price = s.positions[i, POSITION_LAST], collar_price(s, r)
    if most == 0:
        return VERDICT_OFF, 0, 0, UNIT_PPM
    if last <= 0 or price <= 0:
        return VERDICT_UNKNOWN, NOT_GIVEN, most, UNIT_PPM
    distance = abs(price - last)
    number = multiply_divide_ceiling(distance, MILLION, last)
    if distance <= s.terms[i, TERM_PRICE_STEP]:
        return VERDICT_PASS, number, most, UNIT_PPM
    return judge(number, most, UNIT_PPM)


@kernel
def order_money(s: Core, r: int) -> int:
    """Return the order's value in the account's currency at its own price, or OVERFLOW."""
    i = s.orders[r, ORDER_INSTRUMENT]
    currency, price = s.terms[i, TERM_CURRENCY], reference_price(s, r)
    if price <= 0 or s.ledger[currency, LEDGER_RATE] <= 0:
        return OVERFLOW
    return to_base(s, currency, value_of(s, i, price, s.orders[r, ORDER_QUANTITY]))


@kernel
def check_power(s: Core, r: int, equity: int) -> tuple[int, int, int, int]:
    """Judge buying power: gross exposure with what the order opens, against leverage x equity."""
    allowed = power_allowed(s, equity)
    if equity == OVERFLOW:
        return VERDICT_UNKNOWN, NOT_GIVEN, allowed, UNIT_MINOR
    return judge(power_needed(s, r, opening_lots(s, r), reference_price(s, r)), allowed, UNIT_MINOR)
