"""Why the core denies an order: stable codes, and the sentence that a person reads."""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Denial(IntEnum):
    """A reason for which a signal or an order is denied before it is sent. Numbers are stable."""

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
    CLOSE_FIRST = 153
    TOO_MANY_ORDERS = 160
    PARENT_DENIED = 161
    UNKNOWN_ORDER = 162
    # A signal, before it has a size
    SIGNAL_NOT_FINITE = 200
    SIGNAL_DUPLICATE = 201
    SIGNAL_EXPIRED = 202
    MARKET_NOT_OPEN = 203
    PRICE_STALE = 204
    EDGE_TOO_SMALL = 205
    CONFIDENCE_TOO_SMALL = 206
    INSTRUMENT_BUSY = 207
    LOCKED = 208
    SUSPECT_PRICE = 209
    # A signal that was to be sent, in a session that asks a person first or only reports
    ALERT_ONLY = 220
    APPROVAL_AWAITED = 221
    APPROVAL_NEEDED = 222
    APPROVAL_REJECTED = 223
    APPROVAL_UNKNOWN = 224
    APPROVAL_TWICE = 225
    APPROVAL_LATE = 226
    APPROVAL_WITHDRAWN = 227
    APPROVAL_PRICE = 228
    APPROVAL_LOCKED = 229
    APPROVAL_HELD = 230
    # The account, judged on the order that a signal would become
    KILL_SWITCH = 301
    CIRCUIT_BREAKER = 302
    DRAWDOWN_GUARD = 303
    TRADING_HOURS = 304
    DAILY_LOSS = 305
    MAX_POSITIONS = 306
    POSITION_SIZE = 307
    GROSS_EXPOSURE = 308
    NET_EXPOSURE = 309
    CONCENTRATION = 310
    CORRELATION = 311
    ORDER_RATE = 312
    PRICE_COLLAR = 313
    ORDER_NOTIONAL = 314
    ORDER_QUANTITY = 315
    # Its size
    SIZE_UNKNOWN = 410
    NO_EDGE = 411
    TOO_SMALL = 412


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
    Denial.NOTHING_TO_REDUCE: "a reduce-only order needs an opposite position that no other order closes",
    Denial.CLOSE_FIRST: 'the order would take a position to the other side, and `flips` is "close_first": close it, and enter when it is flat',
    Denial.TOO_MANY_ORDERS: "too many orders are working",
    Denial.PARENT_DENIED: "the order that this one hangs on was denied",
    Denial.UNKNOWN_ORDER: "no such order is working",
    Denial.SIGNAL_NOT_FINITE: "the signal's edge, confidence or target price is missing or is no usable number",
    Denial.SIGNAL_DUPLICATE: "the same signal (instrument, side and decision time) was taken before",
    Denial.SIGNAL_EXPIRED: "the signal is older than `expiry` allows",
    Denial.MARKET_NOT_OPEN: "the market is closed or halted, or too near to its open or close for an entry",
    Denial.PRICE_STALE: "the last price is older than `max_quote_age` allows",
    Denial.EDGE_TOO_SMALL: "the edge does not exceed `min_edge_percent`",
    Denial.CONFIDENCE_TOO_SMALL: "the confidence does not exceed `min_confidence`",
    Denial.INSTRUMENT_BUSY: "something works in the instrument already: its exit, an entry, or a signal that waits",
    Denial.LOCKED: "the instrument is locked, or cools down, after a loss",
    Denial.SUSPECT_PRICE: "the last price jumped and is not confirmed yet",
    Denial.ALERT_ONLY: "this session only reports signals",
    Denial.APPROVAL_AWAITED: "the signal waits for a person to approve it",
    Denial.APPROVAL_NEEDED: "the session asks a person before entries, and more hangs on the order than can wait with it",
    Denial.APPROVAL_REJECTED: "a person rejected the signal",
    Denial.APPROVAL_UNKNOWN: "no signal of this number waits for approval",
    Denial.APPROVAL_TWICE: "the signal was decided on before",
    Denial.APPROVAL_LATE: "the signal expired before a person approved it",
    Denial.APPROVAL_WITHDRAWN: "the strategy gave the instrument up while the signal waited",
    Denial.APPROVAL_PRICE: "since the signal came the price has moved farther than the collar allows",
    Denial.APPROVAL_LOCKED: "manual actions are locked after unusual behaviour (tilt)",
    Denial.APPROVAL_HELD: "the signal is approved, and goes out at the first price after the market has opened, or when the exit that works is done",
    Denial.KILL_SWITCH: "the kill switch is on",
    Denial.CIRCUIT_BREAKER: "a circuit breaker is open",
    Denial.DRAWDOWN_GUARD: "the drawdown or minimum equity guard is set, or equity cannot be trusted",
    Denial.TRADING_HOURS: "the market is closed or halted, or too near to its open or close for an entry",
    Denial.DAILY_LOSS: "the daily loss limit is reached, or the day's result is not known",
    Denial.MAX_POSITIONS: "the account would hold more positions than `max_positions`",
    Denial.POSITION_SIZE: "the position could become larger than `max_position_percent` of equity",
    Denial.GROSS_EXPOSURE: "gross exposure could exceed `max_gross_percent` of equity",
    Denial.NET_EXPOSURE: "net exposure could exceed `max_net_percent` of equity",
    Denial.CONCENTRATION: "the group or the event could exceed its share of equity",
    Denial.CORRELATION: "the instrument moves too much like one that is held, or that is not known",
    Denial.ORDER_RATE: "too many orders were sent in the last minute",
    Denial.PRICE_COLLAR: "the order's price is too far from the last price",
    Denial.ORDER_NOTIONAL: "the order's value is over `max_order_notional`",
    Denial.ORDER_QUANTITY: "the order's quantity is over `max_order_quantity`",
    Denial.SIZE_UNKNOWN: "the size cannot be computed from what is known",
    Denial.NO_EDGE: "the size is zero: by its method there is nothing to gain",
    Denial.TOO_SMALL: "the size is below the minimum or under one lot step",
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
DENY_CLOSE_FIRST: Final = Denial.CLOSE_FIRST.value
DENY_TOO_MANY_ORDERS: Final = Denial.TOO_MANY_ORDERS.value
DENY_PARENT_DENIED: Final = Denial.PARENT_DENIED.value
DENY_UNKNOWN_ORDER: Final = Denial.UNKNOWN_ORDER.value
DENY_SIGNAL_NOT_FINITE: Final = Denial.SIGNAL_NOT_FINITE.value
DENY_SIGNAL_DUPLICATE: Final = Denial.SIGNAL_DUPLICATE.value
DENY_SIGNAL_EXPIRED: Final = Denial.SIGNAL_EXPIRED.value
DENY_MARKET_NOT_OPEN: Final = Denial.MARKET_NOT_OPEN.value
DENY_PRICE_STALE: Final = Denial.PRICE_STALE.value
DENY_EDGE_TOO_SMALL: Final = Denial.EDGE_TOO_SMALL.value
DENY_CONFIDENCE_TOO_SMALL: Final = Denial.CONFIDENCE_TOO_SMALL.value
DENY_INSTRUMENT_BUSY: Final = Denial.INSTRUMENT_BUSY.value
DENY_LOCKED: Final = Denial.LOCKED.value
DENY_SUSPECT_PRICE: Final = Denial.SUSPECT_PRICE.value
DENY_ALERT_ONLY: Final = Denial.ALERT_ONLY.value
DENY_APPROVAL_AWAITED: Final = Denial.APPROVAL_AWAITED.value
DENY_APPROVAL_NEEDED: Final = Denial.APPROVAL_NEEDED.value
DENY_APPROVAL_REJECTED: Final = Denial.APPROVAL_REJECTED.value
DENY_APPROVAL_UNKNOWN: Final = Denial.APPROVAL_UNKNOWN.value
DENY_APPROVAL_TWICE: Final = Denial.APPROVAL_TWICE.value
DENY_APPROVAL_LATE: Final = Denial.APPROVAL_LATE.value
DENY_APPROVAL_WITHDRAWN: Final = Denial.APPROVAL_WITHDRAWN.value
DENY_APPROVAL_PRICE: Final = Denial.APPROVAL_PRICE.value
DENY_APPROVAL_LOCKED: Final = Denial.APPROVAL_LOCKED.value
DENY_APPROVAL_HELD: Final = Denial.APPROVAL_HELD.value
DENY_KILL_SWITCH: Final = Denial.KILL_SWITCH.value
DENY_CIRCUIT_BREAKER: Final = Denial.CIRCUIT_BREAKER.value
DENY_DRAWDOWN_GUARD: Final = Denial.DRAWDOWN_GUARD.value
DENY_TRADING_HOURS: Final = Denial.TRADING_HOURS.value
DENY_DAILY_LOSS: Final = Denial.DAILY_LOSS.value
DENY_MAX_POSITIONS: Final = Denial.MAX_POSITIONS.value
DENY_POSITION_SIZE: Final = Denial.POSITION_SIZE.value
DENY_GROSS_EXPOSURE: Final = Denial.GROSS_EXPOSURE.value
DENY_NET_EXPOSURE: Final = Denial.NET_EXPOSURE.value
DENY_CONCENTRATION: Final = Denial.CONCENTRATION.value
DENY_CORRELATION: Final = Denial.CORRELATION.value
DENY_ORDER_RATE: Final = Denial.ORDER_RATE.value
DENY_PRICE_COLLAR: Final = Denial.PRICE_COLLAR.value
DENY_ORDER_NOTIONAL: Final = Denial.ORDER_NOTIONAL.value
DENY_ORDER_QUANTITY: Final = Denial.ORDER_QUANTITY.value
DENY_SIZE_UNKNOWN: Final = Denial.SIZE_UNKNOWN.value
DENY_NO_EDGE: Final = Denial.NO_EDGE.value
DENY_TOO_SMALL: Final = Denial.TOO_SMALL.value
