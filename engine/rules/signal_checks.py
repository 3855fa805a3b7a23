"""What a signal is denied for before it has a size: ten checks in the order of their codes.

All are evaluated; those that deny are journalled with their numbers, and the first is the answer.
Each returns verdict, number, limit and unit, as the risk checks do.
"""

from __future__ import annotations

from typing import Final

from engine.jit import kernel
from engine.kernels.ledger import journal_row
from engine.kernels.money import (
    OVERFLOW,
    add_checked,
    multiply_divide_ceiling,
    multiply_divide_floor,
)
from engine.kernels.positions import tradable_lots
from engine.model.denials import (
    DENY_NO_MARKET_PRICE,
    DENY_NONE,
    DENY_SIGNAL_NOT_FINITE,
    DENY_SUSPECT_PRICE,
)
from engine.model.layout import (
    ACCOUNT_NOW,
    KIND_CHECKED,
    LEDGER_RATE,
    POSITION_LAST,
    TERM_CURRENCY,
    TERM_PRICE_UNIT,
)
from engine.model.trading import (
    PHASE_IDLE,
    SOURCE_AGAIN,
    SOURCE_ORDER,
    UNIT_COUNT,
    UNIT_NANOSECONDS,
    UNIT_PPB,
    VERDICT_OFF,
    VERDICT_OVER,
    VERDICT_PASS,
    VERDICT_UNKNOWN,
)
from engine.model.trading_layout import (
    CHECKED_CODE,
    CHECKED_LIMIT,
    CHECKED_NUMBER,
    CHECKED_SIGNAL,
    CHECKED_UNIT,
    CHECKED_VERDICT,
    ENTRY_ORDER,
    ENTRY_SIGNAL,
    EXIT_PHASE,
    LIMIT_EDGE_IS_PROBABILITY,
    LIMIT_EXPIRY,
    LIMIT_HAS_CONFIDENCE,
    LIMIT_HAS_EDGE,
    LIMIT_HAS_GOAL,
    LIMIT_MIN_CONFIDENCE_PPB,
    LIMIT_MIN_EDGE_PPB,
    MONITOR_CONFIDENCE,
    MONITOR_COOL_UNTIL,
    MONITOR_EDGE,
    MONITOR_GOAL,
    MONITOR_LOCKED_UNTIL,
    MONITOR_LONG_AT,
    MONITOR_SHORT_AT,
    MONITOR_WANTS,
    NOT_GIVEN,
    WAITING_SIGNAL,
    WANTS_EXIT,
)
from engine.rules.approval_queue import is_waiting_signal
from engine.rules.market_checks import check_age, check_hours, touch_price
from engine.rules.suspects import is_suspect
from engine.state import Core

BILLION = 10**9
USABLE_MAX = 1000 * BILLION  # an edge or a confidence beyond it is a mistake
HIGH_CONFIDENCE = 800_000_000  # ppb
MEDIUM_CONFIDENCE = 600_000_000
CLASS_LOW: Final = 1
CLASS_MEDIUM: Final = 2
CLASS_HIGH: Final = 3


@kernel
def confidence_class(s: Core, i: int) -> int:
    """Return the class of an instrument's confidence; where none is given, the middle one."""
    given = s.monitors[i, MONITOR_CONFIDENCE]
    if s.limits[LIMIT_HAS_CONFIDENCE] == 0 or given == NOT_GIVEN:
        return CLASS_MEDIUM
    if given >= HIGH_CONFIDENCE:
        return CLASS_HIGH
    return CLASS_MEDIUM if given >= MEDIUM_CONFIDENCE else CLASS_LOW


@kernel
def edge_of(s: Core, i: int, side: int) -> int:
    """Return the edge of entering on a side, in ppb, or NOT_GIVEN.

    Of a probability it is what lies between it and the price to be paid: p - ask to buy, bid - p to
    sell, the price rounded against us.
    """
    given: int = s.monitors[i, MONITOR_EDGE]
    if s.limits[LIMIT_HAS_EDGE] == 0 or given == NOT_GIVEN:
        return NOT_GIVEN
    if s.limits[LIMIT_EDGE_IS_PROBABILITY] == 0:
        return given
    price, unit = touch_price(s, i, side), s.terms[i, TERM_PRICE_UNIT]
    if price <= 0:
        return NOT_GIVEN
    if side > 0:
        paid = multiply_divide_ceiling(price, BILLION, unit)
        return OVERFLOW if paid == OVERFLOW else add_checked(given, -paid)
    return add_checked(multiply_divide_floor(price, BILLION, unit), -given)


@kernel
def check_signal(s: Core, i: int, side: int, source: int, decided: int, number: int) -> int:
    """Return why a signal is denied before it has a size, or DENY_NONE; record all that deny."""
    currency = s.terms[i, TERM_CURRENCY]
    answer = DENY_NONE
    if s.positions[i, POSITION_LAST] <= 0 or s.ledger[currency, LEDGER_RATE] <= 0:
        answer = DENY_NO_MARKET_PRICE  # as of an order, and before what needs a price
    for code in range(DENY_SIGNAL_NOT_FINITE, DENY_SUSPECT_PRICE + 1):
        verdict, found, limit, unit = evaluate_signal(s, i, side, source, decided, code)
        if verdict == VERDICT_OVER or verdict == VERDICT_UNKNOWN:
            n = journal_row(s, KIND_CHECKED, i)
            s.journal[n, CHECKED_SIGNAL] = number
            s.journal[n, CHECKED_CODE] = code
            s.journal[n, CHECKED_VERDICT] = verdict
            s.journal[n, CHECKED_NUMBER] = found
            s.journal[n, CHECKED_LIMIT] = limit
            s.journal[n, CHECKED_UNIT] = unit
            if answer == DENY_NONE:
                answer = code
    return answer


@kernel
def evaluate_signal(
    s: Core, i: int, side: int, source: int, decided: int, code: int
) -> tuple[int, int, int, int]:
    """Evaluate the check of a code; an order that its author sized is judged by the market alone."""
    place = code - DENY_SIGNAL_NOT_FINITE
    if place == 2:
        return check_expiry(s, decided)
    if place == 3:
        return check_hours(s, i)
    if place == 4:
        return check_age(s, i)
    if place == 8:
        return check_locks(s, i)
    if place == 9:
        doubted = is_suspect(s, i)
        return VERDICT_OVER if doubted else VERDICT_PASS, 0, 0, UNIT_NANOSECONDS
    if source == SOURCE_ORDER:
        return VERDICT_OFF, 0, 0, 0
    if place == 0:
        return check_usable(s, i)
    if place == 1 and source == SOURCE_AGAIN:
        return VERDICT_OFF, 0, 0, 0  # it is the same signal, of course
    if place == 1:
        return check_duplicate(s, i, side, decided)
    if place == 5:
        return check_edge(s, i, side)
    if place == 6:
        return check_confidence(s, i)
    return check_working(s, i, side, source)


@kernel
def is_usable(value: int) -> bool:
    """Return whether a number was given, and lies where a strategy can mean it."""
    return value != NOT_GIVEN and -USABLE_MAX <= value <= USABLE_MAX


@kernel
def check_usable(s: Core, i: int) -> tuple[int, int, int, int]:
    """Judge whether all that the strategy file says of a signal is there now."""
    edge = s.monitors[i, MONITOR_EDGE]
    if s.limits[LIMIT_HAS_EDGE] == 1:
        is_probability = s.limits[LIMIT_EDGE_IS_PROBABILITY] == 1
        if not is_usable(edge) or (is_probability and not 0 <= edge <= BILLION):
            return VERDICT_UNKNOWN, edge, 0, UNIT_PPB
    confidence = s.monitors[i, MONITOR_CONFIDENCE]
    if s.limits[LIMIT_HAS_CONFIDENCE] == 1 and not is_usable(confidence):
        return VERDICT_UNKNOWN, confidence, 0, UNIT_PPB
    if s.limits[LIMIT_HAS_GOAL] == 1 and s.monitors[i, MONITOR_GOAL] <= 0:
        return VERDICT_UNKNOWN, s.monitors[i, MONITOR_GOAL], 0, UNIT_COUNT
    return VERDICT_PASS, 0, 0, UNIT_PPB


@kernel
def decision_column(side: int) -> int:
    """Return the column of the last decision on a side."""
    return MONITOR_LONG_AT if side > 0 else MONITOR_SHORT_AT


@kernel
def check_duplicate(s: Core, i: int, side: int, decided: int) -> tuple[int, int, int, int]:
    """Judge whether a signal of this decision time, or a later one, was taken before."""
    before = s.monitors[i, decision_column(side)]
    return VERDICT_OVER if before >= decided else VERDICT_PASS, before, decided, UNIT_NANOSECONDS


@kernel
def note_decision(s: Core, i: int, side: int, decided: int) -> None:
    """Remember when a signal was decided; it is taken once, whatever became of it."""
    column = decision_column(side)
    s.monitors[i, column] = max(s.monitors[i, column], decided)


@kernel
def check_expiry(s: Core, decided: int) -> tuple[int, int, int, int]:
    """Judge a signal's age."""
    age, limit = s.account[ACCOUNT_NOW] - decided, s.limits[LIMIT_EXPIRY]
    if limit == 0:
        return VERDICT_OFF, age, 0, UNIT_NANOSECONDS
    return VERDICT_OVER if age > limit else VERDICT_PASS, age, limit, UNIT_NANOSECONDS


@kernel
def check_edge(s: Core, i: int, side: int) -> tuple[int, int, int, int]:
    """Judge the edge, which must exceed the smallest one."""
    limit = s.limits[LIMIT_MIN_EDGE_PPB]
    if s.limits[LIMIT_HAS_EDGE] == 0:
        return VERDICT_OFF, 0, 0, UNIT_PPB
    edge = edge_of(s, i, side)
    if edge == NOT_GIVEN:
        return VERDICT_UNKNOWN, NOT_GIVEN, limit, UNIT_PPB
    return VERDICT_PASS if edge > limit else VERDICT_OVER, edge, limit, UNIT_PPB


@kernel
def check_confidence(s: Core, i: int) -> tuple[int, int, int, int]:
    """Judge the confidence, which must exceed the smallest one."""
    limit, given = s.limits[LIMIT_MIN_CONFIDENCE_PPB], s.monitors[i, MONITOR_CONFIDENCE]
    if s.limits[LIMIT_HAS_CONFIDENCE] == 0:
        return VERDICT_OFF, 0, 0, UNIT_PPB
    if given == NOT_GIVEN:
        return VERDICT_UNKNOWN, NOT_GIVEN, limit, UNIT_PPB
    return VERDICT_PASS if given > limit else VERDICT_OVER, given, limit, UNIT_PPB


@kernel
def check_working(s: Core, i: int, side: int, source: int) -> tuple[int, int, int, int]:
    """Judge what works in the instrument: an exit or an entry leaves no room for another entry.

    So does a signal that waits, unless it is the one that is judged again.

    A wish to be flat is an exit about to begin. An order at market may turn the position over in its
    place; a limit order might wait, and the position with it, so such a signal waits for the exit
    (`engine.rules.signals.turns_after_exit`).
    """
    if s.monitors[i, EXIT_PHASE] != PHASE_IDLE:
        return VERDICT_OVER, s.monitors[i, EXIT_PHASE], 0, UNIT_COUNT
    if source != SOURCE_AGAIN and is_waiting_signal(s, i):
        return VERDICT_OVER, s.monitors[i, WAITING_SIGNAL], 0, UNIT_COUNT
    if s.monitors[i, ENTRY_SIGNAL] != 0 or s.monitors[i, ENTRY_ORDER] != 0:
        return VERDICT_OVER, s.monitors[i, ENTRY_SIGNAL], 0, UNIT_COUNT
    turns = side * tradable_lots(s, i) < 0
    if s.monitors[i, MONITOR_WANTS] & WANTS_EXIT and not turns:
        return VERDICT_OVER, 1, 0, UNIT_COUNT
    return VERDICT_PASS, 0, 0, UNIT_COUNT


@kernel
def check_locks(s: Core, i: int) -> tuple[int, int, int, int]:
    """Judge the locks after losses; at its end a lock is open."""
    until = max(s.monitors[i, MONITOR_LOCKED_UNTIL], s.monitors[i, MONITOR_COOL_UNTIL])
    left = until - s.account[ACCOUNT_NOW]
    return VERDICT_OVER if left > 0 else VERDICT_PASS, max(left, 0), 0, UNIT_NANOSECONDS
