"""Columns, rules and reasons of the fill book; orders and events are those of `engine.model.layout`."""

from __future__ import annotations

from typing import Final, NamedTuple

from numpy.typing import NDArray

from engine.model.layout import (
    TYPE_LIMIT,
    TYPE_LIMIT_ON_CLOSE,
    TYPE_LIMIT_ON_OPEN,
    TYPE_MARKET,
    TYPE_MARKET_ON_CLOSE,
    TYPE_MARKET_ON_OPEN,
    TYPE_STOP,
    TYPE_STOP_LIMIT,
    TYPE_TRAILING_STOP,
)

# --- Settings -------------------------------------------------------------------------------------
SETTINGS_WIDTH: Final = 8
SETTING_PATH: Final = 0
SETTING_LIMIT_FILL: Final = 1
SETTING_VOLUME_CAP_PPB: Final = 2  # UNKNOWN: no cap
SETTING_LATENCY: Final = 3
SETTING_LATENCY_JITTER: Final = 4
SETTING_SEED: Final = 5
SETTING_LATE: Final = 7  # 1: the bar after a decision has its orders only at its close
SETTING_HOURS: Final = 6  # 1: nothing trades outside the sessions that are told of

PATH_PESSIMISTIC: Final = 0
PATH_OPTIMISTIC: Final = 1
PATH_HIGH_FIRST: Final = 2
PATH_LOW_FIRST: Final = 3
PATH_NEAREST: Final = 4
PATHS: Final = ("pessimistic", "optimistic", "high_first", "low_first", "nearest")

LIMIT_THROUGH: Final = 0
LIMIT_TOUCH: Final = 1
LIMIT_QUEUE: Final = 2
LIMIT_FILLS: Final = ("through", "touch", "queue")

# --- Instruments (constant during a run) ------------------------------------------------------------
# The common columns are in engine.model.layout; these are the fill book's own.
TERM_FEE_MODEL: Final = 8
TERM_FEE_A: Final = 9
TERM_FEE_B: Final = 10
TERM_FEE_C: Final = 11
TERM_SLIPPAGE_MODEL: Final = 12
TERM_SLIPPAGE_VALUE: Final = 13
TERM_QUOTED: Final = 14  # the run has quotes of it: prints move only resting limits

FEE_NONE: Final = 0
FEE_BPS: Final = 1  # A maker, B taker: parts per billion of the value
FEE_PER_UNIT: Final = 2  # A minor per unit, B minimum per order, C most, ppb of the order's value
FEE_KALSHI: Final = 3  # A maker, B taker: ppb, times C x P x (1 - P)
FEE_BINANCE: Final = 4  # A maker, B taker: ppb of the units bought, of the value sold
FEE_MT5: Final = 5  # A minor per unit that opens a position
FEES: Final = ("none", "bps", "per_share", "kalshi", "binance", "mt5")

SLIPPAGE_NONE: Final = 0
SLIPPAGE_FIXED: Final = 1
SLIPPAGE_BPS: Final = 2
SLIPPAGE_SPREAD: Final = 3
SLIPPAGE_VOLUME_SHARE: Final = 4
SLIPPAGE_SQUARE_ROOT: Final = 5
SLIPPAGES: Final = ("none", "fixed", "bps", "spread", "volume_share", "square_root")

# --- Orders: the book's own columns, after those of engine.model.layout --------------------------------
ORDER_FRESH: Final = 26  # armed, and has not met the point at which it was armed
ORDER_REQUESTS: Final = 27  # cancels and replaces of it on their way
ORDER_CHILDREN: Final = 28  # 1: orders wait for its fills
ORDER_TRADED_LOTS: Final = 29  # what it traded, in the lots of each fill's time (splits leave it)
ORDER_LATE: Final = 30  # 1: it has missed the bar after its decision (SETTING_LATE)

SEEN_NOT: Final = 0  # has not arrived
SEEN_NEW: Final = 1  # arrived, has not met a point since
SEEN_RESTING: Final = 2

# --- Requests: cancels and replaces on their way, by arrival -------------------------------------------
REQUEST_WIDTH: Final = 8
REQUEST_ORDER: Final = 0
REQUEST_INSTRUMENT: Final = 1
REQUEST_ARRIVAL: Final = 2
REQUEST_REPLACES: Final = 3  # 0: a cancel
REQUEST_QUANTITY: Final = 4
REQUEST_LIMIT: Final = 5
REQUEST_STOP: Final = 6

# --- Market state of each instrument: the last point shown, and what of it was taken -------------------
MARKET_WIDTH: Final = 20
MARKET_LAST: Final = 0  # what a sell gets
MARKET_SPREAD: Final = 1  # what a buy pays more; 0 on bars and prints
MARKET_SIZE_BUY: Final = 2  # lots that buys trade against; UNKNOWN where the data have none
MARKET_SIZE_SELL: Final = 3
MARKET_TAKEN_BUY: Final = 4
MARKET_POSITION: Final = 5
MARKET_HALTED: Final = 6  # bits: HALTED_NOW, HALTED_OUTSIDE; 0: orders can trade
MARKET_AUCTION: Final = 7  # a session opened and has not shown a point yet
MARKET_PRINTED: Final = 8  # a point was shown in this session
MARKET_TAKEN_SELL: Final = 9
MARKET_SHARED: Final = 10  # both sides take from one volume
MARKET_VOLUME: Final = 11  # of the bar; UNKNOWN on quotes and prints
MARKET_WORKING: Final = 12  # rows of the order table
MARKET_AGGRESSOR: Final = 13  # of the print
MARKET_QUEUE_TAKEN: Final = 14  # lots of the print that our queued orders have had
MARKET_BID: Final = 15  # of the point that stands; 0 where none does
MARKET_ASK: Final = 16
MARKET_FORGOTTEN: Final = 17  # points up to this time stand no more

HALTED_NOW: Final = 1
HALTED_OUTSIDE: Final = 2  # its session is closed (SETTING_HOURS)

# --- Counters ---------------------------------------------------------------------------------------
COUNTERS_WIDTH: Final = 16
COUNT_ORDERS: Final = 0
COUNT_EVENTS: Final = 1
COUNT_FAULT: Final = 2
COUNT_AMBIGUITIES: Final = 3
COUNT_MARK: Final = 4
COUNT_NOW: Final = 5
COUNT_SEQUENCE: Final = 6
COUNT_ENDED: Final = 7  # rows that have ended and are still in the table
COUNT_REQUESTS: Final = 8

FAULT_NONE: Final = 0
FAULT_EVENTS_FULL: Final = 1
FAULT_ORDERS_FULL: Final = 2
FAULT_OVERFLOW: Final = 3
FAULT_REQUESTS_FULL: Final = 4

LONG_AGO: Final = -(2**63)

# --- Rules: kind of order x kind of point --------------------------------------------------------------
POINT_OPEN: Final = 0
POINT_CLOSE: Final = 1
POINT_MID: Final = 2
POINT_PATH: Final = 3
POINT_QUOTE: Final = 4
POINT_TRADE: Final = 5
POINT_TOUCH: Final = 6
POINT_QUEUE: Final = 7
RULE_STRIDE: Final = 10

_FAMILIES: Final = {
    TYPE_MARKET: "market",
    TYPE_LIMIT: "limit",
    TYPE_STOP: "stop",
    TYPE_STOP_LIMIT: "stop_limit",
    TYPE_TRAILING_STOP: "trailing",
}
_POINTS: Final = ("open", "close", "point", "path", "quote", "trade", "touch", "queue")
RULE_NAMES: Final[dict[int, str]] = (
    {
        order_type * RULE_STRIDE + point: f"{family}.{name}"
        for order_type, family in _FAMILIES.items()
        for point, name in enumerate(_POINTS)
    }
    | {t * RULE_STRIDE: "on_open" for t in (TYPE_MARKET_ON_OPEN, TYPE_LIMIT_ON_OPEN)}
    | {t * RULE_STRIDE: "on_close" for t in (TYPE_MARKET_ON_CLOSE, TYPE_LIMIT_ON_CLOSE)}
)

REASON_NONE: Final = 0
REASON_REQUEST: Final = 1
REASON_IOC_REST: Final = 2
REASON_FOK_UNFILLED: Final = 3
REASON_REDUCE_ONLY: Final = 4
REASON_OCO: Final = 5
REASON_PARENT_ENDED: Final = 6
REASON_POST_ONLY: Final = 7
REASON_AUCTION_REST: Final = 8
REASON_DAY_ENDED: Final = 9
REASON_GOOD_TILL_DATE: Final = 10
REASON_SPLIT: Final = 11
REASON_REPLACED_AWAY: Final = 12
REASON_CLOSED_MARKET: Final = 13
REASON_UNKNOWN_ORDER: Final = 14
REASON_ALREADY_ENDED: Final = 15
REASONS: Final = (
    "",
    "canceled_by_request",
    "ioc_rest",
    "fok_unfilled",
    "reduce_only_nothing_left",
    "oco",
    "parent_ended",
    "post_only_would_cross",
    "auction_rest",
    "day_ended",
    "good_till_date",
    "split",
    "replaced_to_nothing",
    "market_closed_for_good",
    "unknown_order",
    "already_ended",
)


class Book(NamedTuple):
    """The fill book's blocks, as kernels see them (arrays compiled, memoryviews interpreted)."""

    settings: NDArray  # type: ignore[type-arg]  # (SETTINGS_WIDTH,)
    terms: NDArray  # type: ignore[type-arg]  # (instruments, TERMS_WIDTH)
    market: NDArray  # type: ignore[type-arg]  # (instruments, MARKET_WIDTH)
    orders: NDArray  # type: ignore[type-arg]  # (capacity, ORDER_WIDTH), by id, compact
    scratch: NDArray  # type: ignore[type-arg]  # two copies of orders, market row and counters
    events: NDArray  # type: ignore[type-arg]  # (capacity, EVENT_WIDTH), of the event in hand
    counters: NDArray  # type: ignore[type-arg]  # (COUNTERS_WIDTH,)
    requests: NDArray  # type: ignore[type-arg]  # (capacity, REQUEST_WIDTH), by arrival
