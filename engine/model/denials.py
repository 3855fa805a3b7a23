"""Why the core denies an order: stable codes, and the sentence that a person reads."""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Denial(IntEnum):
    """A reason for which an order is denied before it is sent. Numbers are stable."""

    NONE = 0
    QUANTITY_NOT_POSITIVE = 100
    QUANTITY_OFF_GRID = 101
    QUANTITY_TOO_LARGE = 102
    PRICE_MISSING = 110
    PRICE_OFF_GRID = 111
    PRICE_OUT_OF_RANGE = 112
    EXPIRY_IN_THE_PAST = 120
    TERMS_CONFLICT = 121
    NO_MARKET_PRICE = 130
    MARKET_CLOSED_FOR_GOOD = 131
    VALUE_TOO_LARGE = 140
    BUYING_POWER = 150
    SHORT_NOT_ALLOWED = 151
    NOTHING_TO_REDUCE = 152
    TOO_MANY_ORDERS = 160
    PARENT_DENIED = 161
    UNKNOWN_ORDER = 162


SENTENCES: Final[dict[Denial, str]] = {
    Denial.NONE: "",
    Denial.QUANTITY_NOT_POSITIVE: "the quantity must be greater than zero",
    Denial.QUANTITY_OFF_GRID: "the quantity is not a multiple of the instrument's lot size",
    Denial.QUANTITY_TOO_LARGE: "the quantity is over the limit for one order",
    Denial.PRICE_MISSING: "the order type needs a price that was not given",
    Denial.PRICE_OFF_GRID: "the price is not a multiple of the instrument's tick size",
    Denial.PRICE_OUT_OF_RANGE: "the price is outside the instrument's range",
    Denial.EXPIRY_IN_THE_PAST: "a good-till-date order needs a date in the future",
    Denial.TERMS_CONFLICT: "the order's terms contradict each other",
    Denial.NO_MARKET_PRICE: "no price of the instrument, or no rate of its currency, is known yet",
    Denial.MARKET_CLOSED_FOR_GOOD: "the instrument has settled or expired",
    Denial.VALUE_TOO_LARGE: "the order's value does not fit the ledger (over 92 billion)",
    Denial.BUYING_POWER: "the order would exceed the account's buying power",
    Denial.SHORT_NOT_ALLOWED: "the account may not sell short",
    Denial.NOTHING_TO_REDUCE: "a reduce-only order needs an opposite position",
    Denial.TOO_MANY_ORDERS: "too many orders are working",
    Denial.PARENT_DENIED: "the order that this one hangs on was denied",
    Denial.UNKNOWN_ORDER: "no such order is working",
}

DENY_NONE: Final = 0
DENY_QUANTITY_NOT_POSITIVE: Final = Denial.QUANTITY_NOT_POSITIVE.value
DENY_QUANTITY_OFF_GRID: Final = Denial.QUANTITY_OFF_GRID.value
DENY_QUANTITY_TOO_LARGE: Final = Denial.QUANTITY_TOO_LARGE.value
DENY_PRICE_MISSING: Final = Denial.PRICE_MISSING.value
DENY_PRICE_OFF_GRID: Final = Denial.PRICE_OFF_GRID.value
DENY_PRICE_OUT_OF_RANGE: Final = Denial.PRICE_OUT_OF_RANGE.value
DENY_EXPIRY_IN_THE_PAST: Final = Denial.EXPIRY_IN_THE_PAST.value
DENY_TERMS_CONFLICT: Final = Denial.TERMS_CONFLICT.value
DENY_NO_MARKET_PRICE: Final = Denial.NO_MARKET_PRICE.value
DENY_MARKET_CLOSED_FOR_GOOD: Final = Denial.MARKET_CLOSED_FOR_GOOD.value
DENY_VALUE_TOO_LARGE: Final = Denial.VALUE_TOO_LARGE.value
DENY_BUYING_POWER: Final = Denial.BUYING_POWER.value
DENY_SHORT_NOT_ALLOWED: Final = Denial.SHORT_NOT_ALLOWED.value
DENY_NOTHING_TO_REDUCE: Final = Denial.NOTHING_TO_REDUCE.value
DENY_TOO_MANY_ORDERS: Final = Denial.TOO_MANY_ORDERS.value
DENY_PARENT_DENIED: Final = Denial.PARENT_DENIED.value
DENY_UNKNOWN_ORDER: Final = Denial.UNKNOWN_ORDER.value
