"""The sixteen risk checks of an order that opens or enlarges, in their written order.

All are evaluated and journalled, each with its number, its limit and a verdict, also after the first
that denies; that one is the answer. What cannot be evaluated denies. A share of equity is rounded up
before it is compared, so that one part too much is over and the limit itself is not.
"""

from __future__ import annotations

from typing import Final

from engine.jit import kernel, loop_door
from engine.kernels.ledger import journal_row, to_base
from engine.kernels.money import OVERFLOW, add_checked, multiply_divide_ceiling
from engine.kernels.positions import staked, value_of
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
    worst_sums,
)
from engine.rules.latched import breaker_severity, code_of_severity, worst_latch
from engine.rules.market_checks import check_hours, touch_price
from engine.rules.rate import orders_in_minute
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


@loop_door
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
    return DENY_NONE


@loop_door
def check_risk(s: Core, r: int) -> int:
    """Return why the order in row `r`, which opens or enlarges, must not be sent, or DENY_NONE."""
    i = s.orders[r, ORDER_INSTRUMENT]
    measure_worst(s, r)
    equity = valued_equity(s)
    killed = worst_latch(s, LATCH_KILL, LATCH_KILL)
    answer = tell(s, r, 1, judge(killed, 0, UNIT_SEVERITY), DENY_NONE)
    answer = tell(s, r, 2, judge(breaker_severity(s), 0, UNIT_SEVERITY), answer)
    answer = tell(s, r, 3, check_drawdown(s, equity), answer)
    answer = tell(s, r, 4, check_hours(s, i), answer)
    answer = tell(s, r, 5, check_daily_loss(s, equity), answer)
    answer = check_exposure(s, r, equity, answer)
    answer = check_terms(s, r, answer)
    return tell(s, r, 16, check_power(s, r, equity), answer)


@kernel
def tell(s: Core, r: int, place: int, said: tuple[int, int, int, int], answer: int) -> int:
    """Record what a check said of the order in row `r`; return the first denial, `answer` if there is.

    Latches and buying power speak always, the others only where there is a table `[risk]`.
    """
    verdict, number, limit, unit = said
    if s.limits[LIMIT_RISK] == 0 and place > 3 and place != 5 and place != 16:
        verdict, number, limit, unit = VERDICT_OFF, 0, 0, 0
    n = journal_row(s, KIND_CHECKED, s.orders[r, ORDER_INSTRUMENT])
    s.journal[n, CHECKED_SIGNAL] = s.orders[r, ORDER_SIGNAL]
    s.journal[n, CHECKED_ORDER] = s.orders[r, ORDER_ID]
    s.journal[n, CHECKED_CODE] = CODES[place]
    s.journal[n, CHECKED_VERDICT] = verdict
    s.journal[n, CHECKED_NUMBER] = number
    s.journal[n, CHECKED_LIMIT] = limit
    s.journal[n, CHECKED_UNIT] = unit
    s.journal[n, CHECKED_PLACE] = place
    if answer == DENY_NONE and (verdict == VERDICT_OVER or verdict == VERDICT_UNKNOWN):
        return CODES[place]
    return answer


@kernel
def check_exposure(s: Core, r: int, equity: int, answer: int) -> int:
    """Tell the checks of what the account could come to hold."""
    i = s.orders[r, ORDER_INSTRUMENT]
    count, own, gross, group, event, net = worst_sums(s, i)
    answer = tell(s, r, 6, judge_limit(count, s.limits[LIMIT_POSITIONS], UNIT_COUNT), answer)
    answer = tell(s, r, 7, judge_share(own, equity, s.limits[LIMIT_POSITION_PPM]), answer)
    answer = tell(s, r, 8, judge_share(gross, equity, s.limits[LIMIT_GROSS_PPM]), answer)
    answer = tell(s, r, 9, judge_share(net, equity, s.limits[LIMIT_NET_PPM]), answer)
    return tell(s, r, 10, check_concentration(s, i, group, event, equity), answer)


@kernel
def check_terms(s: Core, r: int, answer: int) -> int:
    """Tell the checks of the order itself."""
    i, side = s.orders[r, ORDER_INSTRUMENT], s.orders[r, ORDER_SIDE]
    sent = orders_in_minute(s) + 1
    money = order_money(s, r)
    units = multiply_divide_ceiling(s.orders[r, ORDER_QUANTITY], BILLION, s.terms[i, TERM_LOT_UNIT])
    answer = tell(s, r, 11, check_correlation(s, i, side), answer)
    answer = tell(s, r, 12, judge_limit(sent, s.limits[LIMIT_RATE], UNIT_COUNT), answer)
    answer = tell(s, r, 13, check_collar(s, r), answer)
    answer = tell(s, r, 14, judge_limit(money, s.limits[LIMIT_NOTIONAL_MINOR], UNIT_MINOR), answer)
    return tell(s, r, 15, judge_limit(units, s.limits[LIMIT_UNITS_PPB], UNIT_PPB), answer)


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
def check_concentration(
    s: Core, i: int, of_group: int, of_event: int, equity: int
) -> tuple[int, int, int, int]:
    """Judge the group of an instrument and its event; where both pass the group is told."""
    has_group, has_event = s.terms[i, TERM_GROUP] != 0, s.terms[i, TERM_EVENT] != 0
    if not has_group and not has_event:
        return VERDICT_PASS, 0, 0, UNIT_PPM
    group = judge_share(of_group, equity, s.limits[LIMIT_GROUP_PPM] if has_group else 0)
    event = judge_share(of_event, equity, s.limits[LIMIT_EVENT_PPM] if has_event else 0)
    if group[0] == VERDICT_OFF or (group[0] == VERDICT_PASS and event[0] > VERDICT_PASS):
        return event
    return group


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
    """Return the order's value in the account's currency at its own price, or OVERFLOW.

    Of what it opens that is what is put at stake (`staked`), of what it closes what it trades.
    """
    i, side = s.orders[r, ORDER_INSTRUMENT], s.orders[r, ORDER_SIDE]
    currency, price = s.terms[i, TERM_CURRENCY], reference_price(s, r)
    if price <= 0 or s.ledger[currency, LEDGER_RATE] <= 0:
        return OVERFLOW
    opening = opening_lots(s, r)
    closing = value_of(s, i, price, s.orders[r, ORDER_QUANTITY] - opening)
    return to_base(s, currency, add_checked(closing, staked(s, i, price, side * opening)))


@kernel
def check_power(s: Core, r: int, equity: int) -> tuple[int, int, int, int]:
    """Judge buying power: gross exposure with what the order opens, against leverage x equity."""
    allowed = power_allowed(s, equity)
    if equity == OVERFLOW:
        return VERDICT_UNKNOWN, NOT_GIVEN, allowed, UNIT_MINOR
    return judge(power_needed(s, r, opening_lots(s, r), reference_price(s, r)), allowed, UNIT_MINOR)
