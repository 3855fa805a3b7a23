"""How much a signal's entry trades: from equity, an estimate and a limit to whole lot steps.

Each method says which share of equity is staked and what a lot of it costs or risks; then the file's
maxima, the buying power and the file's minima have their say. Shares are parts per billion, money is
minor units, and every division rounds towards a smaller size, in this order: the formula's own share,
its fraction, its shrinking, the money, the lot steps.

Kelly (1956), A New Interpretation of Information Rate, Bell System Technical Journal 35(4): the share
that maximizes the expected logarithm of wealth. An estimate with an error stakes too much of it.
Expanding the expected utility to second order around the true optimum f gives, for an estimate of
variance v, the factor f^2 / (f^2 + v): with a = (b + 1) p - 1 for odds b it is
a^2 / (a^2 + (b + 1)^2 s^2), s^2 the variance of the probability. Source: Baker and McHale (2013),
Optimal Betting Under Parameter Uncertainty: Improving the Kelly Criterion, Decision Analysis 10(3),
189-199. A proportion of n trades has s^2 = p (1 - p) / n, a mean return of volatility s has s^2 / n.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.ledger import journal_row, to_base
from engine.kernels.money import (
    OVERFLOW,
    add_checked,
    ceil_to,
    floor_to,
    multiply_checked,
    multiply_divide_ceiling,
    multiply_divide_floor,
)
from engine.kernels.positions import equity_minor, staked_minor, value_of
from engine.model.denials import (
    DENY_BUYING_POWER,
    DENY_NO_EDGE,
    DENY_NONE,
    DENY_SIZE_UNKNOWN,
    DENY_TOO_SMALL,
)
from engine.model.layout import (
    ACCOUNT_LEVERAGE_PPM,
    ACCOUNT_SIZE_METHOD,
    ACCOUNT_SIZE_VALUE,
    ACCOUNT_STOP_PPM,
    ACCOUNT_TRAIL_PPM,
    KIND_SIZED,
    LEDGER_RATE,
    POSITION_LAST,
    TERM_BINARY,
    TERM_CURRENCY,
    TERM_LOT_STEP,
    TERM_LOT_UNIT,
    TERM_PRICE_STEP,
    TERM_PRICE_UNIT,
)
from engine.model.trading import (
    CLIP_APPROVED,
    CLIP_BUYING_POWER,
    CLIP_MAXIMUM_NOTIONAL,
    CLIP_MAXIMUM_QUANTITY,
    CLIP_MAXIMUM_SHARE,
    CLIP_NONE,
    CLIP_TILT,
    REASON_STOP_LOSS,
    SIZE_FIXED_FRACTION,
    SIZE_KELLY_BINARY,
    SIZE_KELLY_CONTINUOUS,
    SIZE_KELLY_ODDS,
    SIZE_VOLATILITY_TARGET,
    TILT_HALVED,
)
from engine.model.trading_layout import (
    EXITS_ENABLED,
    EXITS_THRESHOLD,
    GUARD_TILT,
    LIMIT_EDGE_IS_PROBABILITY,
    LIMIT_EXITS,
    LIMIT_SIZE_FRACTION_PPB,
    LIMIT_SIZE_MAXIMUM_MINOR,
    LIMIT_SIZE_MAXIMUM_PPM,
    LIMIT_SIZE_MAXIMUM_UNITS_PPB,
    LIMIT_SIZE_METHOD,
    LIMIT_SIZE_MINIMUM_MINOR,
    LIMIT_SIZE_MINIMUM_PPM,
    LIMIT_SIZE_MINIMUM_UNITS_PPB,
    LIMIT_SIZE_SAMPLE,
    LIMIT_SIZE_TARGET_PPB,
    MONITOR_CONFIDENCE,
    MONITOR_EDGE,
    MONITOR_GOAL,
    MONITOR_VOLATILITY,
    NEVER,
    NOT_GIVEN,
    SIZED_BEFORE,
    SIZED_CLIP,
    SIZED_LOTS,
    SIZED_METHOD,
    SIZED_MINOR,
    SIZED_PRICE,
    SIZED_SHARE,
    SIZED_SIGNAL,
)
from engine.rules.risk import working_exposure
from engine.rules.sizing import SIZE_EQUITY, SIZE_NOTIONAL, SIZE_QUANTITY, entry_lots, lots_at
from engine.state import Core

MILLION = 10**6
BILLION = 10**9
BILLION_SQUARED = 10**18


@kernel
def size_signal(s: Core, i: int, side: int, price: int, number: int, shown: int) -> tuple[int, int]:
    """Return how many lots an entry at `price` trades, and why none where it is 0.

    `price` is what the entry pays: its limit, or the touch. Where it is the money that leaves too
    little, the reason is the same as that of the risk check. `shown` are the lots that a person has
    approved, NEVER where nobody was asked.
    """
    lots, code = 0, DENY_SIZE_UNKNOWN
    share, money, before, clip = 0, 0, 0, CLIP_NONE
    equity = OVERFLOW
    if price > 0 and has_price(s, i):
        equity = equity_minor(s)
    if equity != OVERFLOW:
        share, money, before, code = first_size(s, i, side, price, equity)
    if code == DENY_NONE:
        lots, clip = clipped(s, i, side, before, price, equity)
        if shown != NEVER:
            lots, clip = approved_lots(s, i, lots, shown, clip)
        if lots <= 0 or is_too_small(s, i, lots, stake_price(s, i, side, price), equity):
            lots = 0
            code = DENY_BUYING_POWER if clip == CLIP_BUYING_POWER else DENY_TOO_SMALL
    n = journal_row(s, KIND_SIZED, i)
    s.journal[n, SIZED_SIGNAL] = number
    s.journal[n, SIZED_METHOD] = s.limits[LIMIT_SIZE_METHOD]
    if s.limits[LIMIT_SIZE_METHOD] < SIZE_KELLY_BINARY:
        s.journal[n, SIZED_METHOD] = s.account[ACCOUNT_SIZE_METHOD]
    s.journal[n, SIZED_SHARE] = share
    s.journal[n, SIZED_MINOR] = money
    s.journal[n, SIZED_BEFORE] = before
    s.journal[n, SIZED_LOTS] = lots
    s.journal[n, SIZED_CLIP] = clip
    s.journal[n, SIZED_PRICE] = price
    return lots, code


@kernel
def has_price(s: Core, i: int) -> bool:
    """Return whether an instrument's last price and the rate of its currency are known."""
    currency = s.terms[i, TERM_CURRENCY]
    return bool(s.positions[i, POSITION_LAST] > 0 and s.ledger[currency, LEDGER_RATE] > 0)


@kernel
def first_size(s: Core, i: int, side: int, price: int, equity: int) -> tuple[int, int, int, int]:
    """Return share of equity (ppb), money and lots as the method says, and why there is none."""
    if s.limits[LIMIT_SIZE_METHOD] < SIZE_KELLY_BINARY:
        value = s.account[ACCOUNT_SIZE_VALUE]
        share = value if s.account[ACCOUNT_SIZE_METHOD] == SIZE_EQUITY else 0
        money = value if s.account[ACCOUNT_SIZE_METHOD] == SIZE_NOTIONAL else 0
        if share > 0 and equity > 0:
            money = multiply_divide_floor(equity, share, BILLION)
        if (
            side < 0
            and s.terms[i, TERM_BINARY] == 1
            and s.account[ACCOUNT_SIZE_METHOD] != SIZE_QUANTITY
        ):
            return share, money, lots_at(s, i, money, stake_price(s, i, side, price)), DENY_NONE
        return share, money, entry_lots(s, i), DENY_NONE
    share, ticks, code = share_of_equity(s, i, side, price)
    if code != DENY_NONE:
        return 0, 0, 0, code
    money = multiply_divide_floor(max(equity, 0), share, BILLION)
    if money == OVERFLOW:
        return share, 0, 0, DENY_SIZE_UNKNOWN
    return share, money, lots_at(s, i, money, ticks), DENY_NONE


@kernel
def share_of_equity(s: Core, i: int, side: int, price: int) -> tuple[int, int, int]:
    """Return the share to stake (ppb), the ticks that a unit of it costs or risks, and a denial."""
    method = s.limits[LIMIT_SIZE_METHOD]
    if method == SIZE_KELLY_BINARY:
        return kelly_binary(s, i, side, price)
    if method == SIZE_KELLY_ODDS:
        return kelly_odds(s, i, side, price)
    if method == SIZE_KELLY_CONTINUOUS:
        return kelly_continuous(s, i, price)
    if method == SIZE_FIXED_FRACTION:
        risk = risk_to_stop(s, i, side, price)
        code = DENY_NONE if risk > 0 else DENY_SIZE_UNKNOWN
        return s.limits[LIMIT_SIZE_FRACTION_PPB], risk, code
    if method == SIZE_VOLATILITY_TARGET:
        volatility = s.monitors[i, MONITOR_VOLATILITY]
        if volatility <= 0:  # NOT_GIVEN is under 0
            return 0, 0, DENY_SIZE_UNKNOWN
        target = s.limits[LIMIT_SIZE_TARGET_PPB]
        return multiply_divide_floor(target, BILLION, volatility), price, DENY_NONE
    return 0, 0, DENY_SIZE_UNKNOWN


@kernel
def kelly_binary(s: Core, i: int, side: int, price: int) -> tuple[int, int, int]:
    """Stake on a contract that settles at 0 or 1: f = (p - c) / (1 - c); sold it is the other's."""
    unit = s.terms[i, TERM_PRICE_UNIT]
    chance = probability_ppb(s, i, side, False)
    if s.terms[i, TERM_BINARY] != 1 or chance < 0 or price >= unit:
        return 0, 0, DENY_SIZE_UNKNOWN
    ticks = price if side > 0 else unit - price
    cost = ticks * (BILLION // unit)
    if chance <= cost:
        return 0, ticks, DENY_NO_EDGE
    share = multiply_divide_floor(chance - cost, BILLION, BILLION - cost)
    return shrunk_bet(s, fraction_of(s, share), chance, cost), ticks, DENY_NONE


@kernel
def kelly_odds(s: Core, i: int, side: int, price: int) -> tuple[int, int, int]:
    """Stake between a goal and a stop: b = gain / loss, f = p - (1 - p) / b, all of it at risk."""
    chance = probability_ppb(s, i, side, True)
    goal, loss = s.monitors[i, MONITOR_GOAL], risk_to_stop(s, i, side, price)
    if chance < 0 or goal == NOT_GIVEN or loss <= 0:
        return 0, 0, DENY_SIZE_UNKNOWN
    gain = side * (goal - price)
    if gain <= 0:
        return 0, 0, DENY_SIZE_UNKNOWN
    against = multiply_divide_ceiling(BILLION - chance, loss, gain)
    if against == OVERFLOW or chance <= against:
        return 0, loss, DENY_NO_EDGE
    # At even terms p would be loss / (gain + loss): what a contract that pays 1 would cost.
    cost = multiply_divide_ceiling(BILLION, loss, gain + loss)
    return shrunk_bet(s, fraction_of(s, chance - against), chance, cost), loss, DENY_NONE


@kernel
def kelly_continuous(s: Core, i: int, price: int) -> tuple[int, int, int]:
    """Stake on returns: f = expected return / volatility^2, of one horizon, as a notional.

    Unknown where a square does not fit, which is a volatility over 303 %.
    """
    mean, volatility = s.monitors[i, MONITOR_EDGE], s.monitors[i, MONITOR_VOLATILITY]
    if mean == NOT_GIVEN or s.limits[LIMIT_EDGE_IS_PROBABILITY] == 1 or volatility <= 0:
        return 0, 0, DENY_SIZE_UNKNOWN
    if mean <= 0:
        return 0, price, DENY_NO_EDGE
    square = multiply_checked(volatility, volatility)
    if square == OVERFLOW:
        return 0, 0, DENY_SIZE_UNKNOWN
    share = fraction_of(s, multiply_divide_floor(mean, BILLION_SQUARED, square))
    sample = s.limits[LIMIT_SIZE_SAMPLE]
    if sample > 0:
        share = shrunk(share, multiply_checked(mean, mean), -(-square // sample))
    return share, price, DENY_NONE if share != OVERFLOW else DENY_SIZE_UNKNOWN


@kernel
def fraction_of(s: Core, share: int) -> int:
    """Return the configured part of what the formula would stake."""
    return multiply_divide_floor(share, s.limits[LIMIT_SIZE_FRACTION_PPB], BILLION)


@kernel
def shrunk_bet(s: Core, share: int, chance: int, cost: int) -> int:
    """Return a bet's share less what the estimate's error makes of it.

    With q = 1 / (b + 1) the factor is (p - q)^2 / ((p - q)^2 + p (1 - p) / n), q being `cost`.
    """
    sample = s.limits[LIMIT_SIZE_SAMPLE]
    if sample <= 0:
        return share
    edge = chance - cost
    return shrunk(share, edge * edge, multiply_divide_ceiling(chance, BILLION - chance, sample))


@kernel
def shrunk(share: int, squared: int, variance: int) -> int:
    """Return `share` times squared / (squared + variance), the factor in ppb rounded down."""
    whole = add_checked(squared, variance)
    if whole == OVERFLOW or share == OVERFLOW:
        return OVERFLOW
    if whole == 0:
        return share
    return multiply_divide_floor(share, multiply_divide_floor(BILLION, squared, whole), BILLION)


@kernel
def probability_ppb(s: Core, i: int, side: int, takes_confidence: bool) -> int:
    """Return the probability that a side wins, -1 where nobody says.

    A probability is that of the long side; a confidence is that of the signal, whatever its side.
    """
    if s.limits[LIMIT_EDGE_IS_PROBABILITY] == 1:
        chance: int = s.monitors[i, MONITOR_EDGE]
        if chance < 0 or chance > BILLION:
            return -1
        return chance if side > 0 else BILLION - chance
    confidence: int = s.monitors[i, MONITOR_CONFIDENCE]
    if not takes_confidence or confidence < 0 or confidence > BILLION:
        return -1
    return confidence


@kernel
def risk_to_stop(s: Core, i: int, side: int, price: int) -> int:
    """Return the ticks between an entry and its stop, 0 where it has none beyond it.

    The stop is the bracket's, as it would be placed now; without one the exit's stop loss.
    """
    ppm, start = s.account[ACCOUNT_STOP_PPM], s.positions[i, POSITION_LAST]
    if ppm <= 0:
        ppm = s.account[ACCOUNT_TRAIL_PPM]
    if ppm <= 0 and s.limits[LIMIT_EXITS] == 1 and s.exits[REASON_STOP_LOSS, EXITS_ENABLED] == 1:
        ppm, start = s.exits[REASON_STOP_LOSS, EXITS_THRESHOLD], price
    if ppm <= 0:
        return 0
    away, step = multiply_divide_ceiling(start, ppm, MILLION), s.terms[i, TERM_PRICE_STEP]
    stop = floor_to(add_checked(start, -away), step)
    if side < 0:
        stop = ceil_to(add_checked(start, away), step)
    if stop == OVERFLOW:
        return 0
    return max(side * (price - stop), 0)


@kernel
def stake_price(s: Core, i: int, side: int, price: int) -> int:
    """Return the ticks that a unit entered at a price puts at stake (`staked`)."""
    if side < 0 and s.terms[i, TERM_BINARY] == 1:
        return max(s.terms[i, TERM_PRICE_UNIT] - price, 0)
    return price


@kernel
def clipped(s: Core, i: int, side: int, lots: int, price: int, equity: int) -> tuple[int, int]:
    """Return what the maxima and the buying power leave of `lots`, and which of them took most.

    They are judged at the dearer of the entry's and the last price, as the risk checks judge them.
    """
    clip = CLIP_NONE
    last = stake_price(s, i, side, s.positions[i, POSITION_LAST])
    highest = max(stake_price(s, i, side, price), last)
    units, minor = s.limits[LIMIT_SIZE_MAXIMUM_UNITS_PPB], s.limits[LIMIT_SIZE_MAXIMUM_MINOR]
    if units > 0:
        most = multiply_divide_floor(units, s.terms[i, TERM_LOT_UNIT], BILLION)
        if most != OVERFLOW and most < lots:
            lots, clip = floor_to(most, s.terms[i, TERM_LOT_STEP]), CLIP_MAXIMUM_QUANTITY
    if minor > 0:
        most = lots_within(s, i, lots, minor, highest)
        if most < lots:
            lots, clip = most, CLIP_MAXIMUM_NOTIONAL
    ppm = s.limits[LIMIT_SIZE_MAXIMUM_PPM]
    if ppm > 0:
        minor = multiply_divide_floor(max(equity, 0), ppm, MILLION)
        most = lots_within(s, i, lots, minor, highest)
        if most < lots:
            lots, clip = most, CLIP_MAXIMUM_SHARE
    most = lots_within(s, i, lots, room_minor(s, equity), highest)
    if most < lots:
        lots, clip = most, CLIP_BUYING_POWER
    return lots, clip


@kernel
def approved_lots(s: Core, i: int, lots: int, shown: int, clip: int) -> tuple[int, int]:
    """Return what a person's approval leaves of `lots`: what was shown, half of it under tilt."""
    if shown < lots:
        lots, clip = shown, CLIP_APPROVED
    if s.guard[GUARD_TILT] == TILT_HALVED:
        lots, clip = floor_to(lots // 2, s.terms[i, TERM_LOT_STEP]), CLIP_TILT
    return lots, clip


@kernel
def lots_within(s: Core, i: int, lots: int, minor: int, price: int) -> int:
    """Return `lots`, or as many of them as `minor` (account currency) pays; OVERFLOW is no limit."""
    currency = s.terms[i, TERM_CURRENCY]
    value = to_base(s, currency, value_of(s, i, price, lots))
    if minor == OVERFLOW or (value != OVERFLOW and value <= minor):
        return lots
    most = min(lots_at(s, i, minor, price), lots)
    # Half-even conversion there and back may give a minor unit more than there is.
    if to_base(s, currency, value_of(s, i, price, most)) > minor:
        most -= s.terms[i, TERM_LOT_STEP]
    return most


@kernel
def room_minor(s: Core, equity: int) -> int:
    """Return what leverage x equity leaves beside what is held and working; OVERFLOW: no limit."""
    allowed = multiply_divide_floor(max(equity, 0), s.account[ACCOUNT_LEVERAGE_PPM], MILLION)
    if allowed == OVERFLOW:
        return OVERFLOW
    used = add_checked(staked_minor(s), working_exposure(s, -1))
    return 0 if used == OVERFLOW else max(allowed - used, 0)


@kernel
def is_too_small(s: Core, i: int, lots: int, price: int, equity: int) -> bool:
    """Return whether a size is under one of the file's minima, or cannot be held against it."""
    units = s.limits[LIMIT_SIZE_MINIMUM_UNITS_PPB]
    if units > 0:
        fewest = multiply_divide_ceiling(units, s.terms[i, TERM_LOT_UNIT], BILLION)
        if fewest == OVERFLOW or lots < fewest:
            return True
    least = s.limits[LIMIT_SIZE_MINIMUM_MINOR]
    ppm = s.limits[LIMIT_SIZE_MINIMUM_PPM]
    if ppm > 0:
        share = multiply_divide_ceiling(max(equity, 0), ppm, MILLION)
        if share == OVERFLOW:
            return True
        least = max(least, share)
    return bool(to_base(s, s.terms[i, TERM_CURRENCY], value_of(s, i, price, lots)) < least)
