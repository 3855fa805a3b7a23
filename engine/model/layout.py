"""The layout of the core's blocks: what each integer column means.

State, events and commands are rows of int64 in flat, preallocated blocks: a snapshot is a copy, the
identity of a state is a hash of its bytes, and memory cannot grow with time. The columns are plain
module constants because the compiler folds them; a kernel reads ``orders[row, ORDER_FILLED]``.

Units are in the name or in the comment: ticks, lots, minor, ns (see `engine.model.units`).
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from engine.model.orders import (
    TRANSITIONS,
    Liquidity,
    OrderEvent,
    OrderFlag,
    OrderStatus,
    OrderType,
    TimeInForce,
)


class EventKind(IntEnum):
    """Everything that can be in the ordered stream of a run."""

    # Corporate actions, settlement, account (first at one timestamp).
    SPLIT = 1
    DIVIDEND = 2
    SYMBOL_CHANGE = 3
    FUNDING = 4
    SETTLEMENT = 5
    TRANSFER = 6
    CONVERSION_RATE = 7
    HALT = 8
    RESUME = 9
    CORRECTION = 10
    CONVERSION = 11
    POSTING = 12  # cash that the broker has booked by itself: a fee, interest, ...
    UNITS_KEPT = 13  # units that the broker has kept by itself, as a fee
    # Market data.
    BAR = 20
    QUOTE = 21
    TRADE = 22
    # Time.
    SESSION_CLOSE = 30
    ACCRUAL = 31
    SESSION_OPEN = 32
    TIMER = 33
    WAKE = 34  # of the trading loop: a wait has ended
    # From the broker.
    ACCEPTED = 40
    ARMED = 41
    TRIGGERED = 42
    FILL = 43
    CANCELED = 44
    EXPIRED = 45
    REJECTED = 46
    REPLACED = 47
    CANCEL_REJECTED = 48
    # From the session's own parts, and from its operator.
    API_ERROR = 50
    DATABASE_ERROR = 51
    RECONCILED = 52
    OPERATOR = 53
    MARK_LOST = 54
    COMPONENT = 55
    # Decisions of the core (journal only).
    SUBMITTED = 60
    DENIED = 61
    CANCEL_SENT = 62
    REPLACE_SENT = 63
    LINKED = 64  # what the order just submitted belongs to
    # Effects on the account (journal only).
    POSITION_CHANGED = 70
    CASH_CHANGED = 71
    EQUITY_MARKED = 72
    FEE_IN_KIND = 73  # only the cause of a change: the venue kept units
    # The trading loop (journal only; `engine.model.trading_layout` has their columns).
    SIGNAL_RECEIVED = 80
    SIGNAL_APPROVED = 81
    SIGNAL_DENIED = 82
    CHECKED = 83
    SIZED = 84
    EXIT_FIRED = 85
    EXIT_ATTEMPT = 86
    ATTEMPT_ENDED = 87
    EXIT_ENDED = 88
    POSITION_OPENED = 89
    POSITION_CLOSED = 90
    LATCH_SET = 91
    LATCH_CLEARED = 92
    TRUST_CHANGED = 93
    TIER_CHANGED = 94
    TILT_CHANGED = 95
    PROTECTION = 96
    ALERT = 97
    ENTRY_STEP = 98
    ENTRY_ENDED = 99
    SIGNAL_QUEUED = 100  # it waits
    APPROVAL_REFUSED = 101  # what a person wanted of one


KIND_SPLIT: Final = 1
KIND_DIVIDEND: Final = 2
KIND_SYMBOL_CHANGE: Final = 3
KIND_FUNDING: Final = 4
KIND_SETTLEMENT: Final = 5
KIND_TRANSFER: Final = 6
KIND_CONVERSION_RATE: Final = 7
KIND_HALT: Final = 8
KIND_RESUME: Final = 9
KIND_CORRECTION: Final = 10
KIND_CONVERSION: Final = 11
KIND_POSTING: Final = 12
KIND_UNITS_KEPT: Final = 13
KIND_BAR: Final = 20
KIND_QUOTE: Final = 21
KIND_TRADE: Final = 22
KIND_SESSION_CLOSE: Final = 30
KIND_ACCRUAL: Final = 31
KIND_SESSION_OPEN: Final = 32
KIND_TIMER: Final = 33
KIND_WAKE: Final = 34
KIND_ACCEPTED: Final = 40
KIND_ARMED: Final = 41
KIND_TRIGGERED: Final = 42
KIND_FILL: Final = 43
KIND_CANCELED: Final = 44
KIND_EXPIRED: Final = 45
KIND_REJECTED: Final = 46
KIND_REPLACED: Final = 47
KIND_CANCEL_REJECTED: Final = 48
KIND_API_ERROR: Final = 50
KIND_DATABASE_ERROR: Final = 51
KIND_RECONCILED: Final = 52
KIND_OPERATOR: Final = 53
KIND_MARK_LOST: Final = 54
KIND_COMPONENT: Final = 55
KIND_SUBMITTED: Final = 60
KIND_DENIED: Final = 61
KIND_CANCEL_SENT: Final = 62
KIND_REPLACE_SENT: Final = 63
KIND_LINKED: Final = 64
KIND_POSITION_CHANGED: Final = 70
KIND_CASH_CHANGED: Final = 71
KIND_EQUITY_MARKED: Final = 72
KIND_FEE_IN_KIND: Final = 73
KIND_SIGNAL_RECEIVED: Final = 80
KIND_SIGNAL_APPROVED: Final = 81
KIND_SIGNAL_DENIED: Final = 82
KIND_CHECKED: Final = 83
KIND_SIZED: Final = 84
KIND_EXIT_FIRED: Final = 85
KIND_EXIT_ATTEMPT: Final = 86
KIND_ATTEMPT_ENDED: Final = 87
KIND_EXIT_ENDED: Final = 88
KIND_POSITION_OPENED: Final = 89
KIND_POSITION_CLOSED: Final = 90
KIND_LATCH_SET: Final = 91
KIND_LATCH_CLEARED: Final = 92
KIND_TRUST_CHANGED: Final = 93
KIND_TIER_CHANGED: Final = 94
KIND_TILT_CHANGED: Final = 95
KIND_PROTECTION: Final = 96
KIND_ALERT: Final = 97
KIND_ENTRY_STEP: Final = 98
KIND_ENTRY_ENDED: Final = 99
KIND_SIGNAL_QUEUED: Final = 100
KIND_APPROVAL_REFUSED: Final = 101

# --- Event rows -----------------------------------------------------------------------------------
EVENT_WIDTH: Final = 12
EVENT_TS: Final = 0  # ns, when it becomes known
EVENT_KIND: Final = 1
EVENT_INSTRUMENT: Final = 2  # index, -1 for none
EVENT_SEQUENCE: Final = 3  # of the event that caused it: its place in its source; 0: a decision
# Bars
BAR_OPEN_TS: Final = 4
BAR_OPEN: Final = 5
BAR_HIGH: Final = 6
BAR_LOW: Final = 7
BAR_CLOSE: Final = 8
BAR_VOLUME: Final = 9  # lots, UNKNOWN where the source has none
BAR_FILLS: Final = 10  # 1: the fill book matches against it
# Quotes
QUOTE_BID: Final = 4
QUOTE_ASK: Final = 5
QUOTE_BID_SIZE: Final = 6
QUOTE_ASK_SIZE: Final = 7
# Trades (prints)
TRADE_PRICE: Final = 4
TRADE_SIZE: Final = 5
TRADE_AGGRESSOR: Final = 6  # +1 buyer, -1 seller, 0 unknown
# Actions and account events
SPLIT_NUMERATOR: Final = 4
SPLIT_DENOMINATOR: Final = 5
DIVIDEND_MINOR: Final = 4  # per unit held
FUNDING_PPB: Final = 4  # parts per billion of the position's value; positive: longs pay
FUNDING_MARK: Final = 5  # ticks, 0: the last price
SETTLEMENT_PRICE: Final = 4
SYMBOL_ID: Final = 4
TRANSFER_CURRENCY: Final = 4
TRANSFER_MINOR: Final = 5
KEPT_LOTS: Final = 5  # of UNITS_KEPT
POSTING_ACCOUNT: Final = 6  # of the ledger; currency and amount stand where a transfer's do
CONVERSION_FROM: Final = 4
CONVERSION_TO: Final = 5
CONVERSION_MINOR: Final = 6  # of the currency that is given
RATE_CURRENCY: Final = 4
RATE_VALUE: Final = 5  # 10^-RATE_PRECISION units of the base currency
CALENDAR_ID: Final = 4
# Broker events and decisions
FACT_ORDER: Final = 4
FACT_LOTS: Final = 5
FACT_PRICE: Final = 6
FACT_FEE: Final = 7
FACT_LIQUIDITY: Final = 8
FACT_RULE: Final = 9
FACT_REFERENCE: Final = 10  # ticks: the market's price before slippage
FACT_REASON: Final = 11
FACT_FEE_LOTS: Final = 11  # of a FILL: what the venue keeps of the units bought
# SUBMITTED and DENIED
SUBMIT_SIDE: Final = 6
SUBMIT_TYPE: Final = 7
SUBMIT_LIMIT: Final = 8
SUBMIT_STOP: Final = 9
SUBMIT_TIF: Final = 10
# POSITION_CHANGED
POSITION_AFTER: Final = 5  # lots
POSITION_REALIZED: Final = 6  # minor, in the instrument's currency
POSITION_COST_AFTER: Final = 7
POSITION_CAUSE: Final = 8
POSITION_CLOSED_LOTS: Final = 9
# CASH_CHANGED
CASH_CURRENCY: Final = 5
CASH_MINOR: Final = 6
CASH_CAUSE: Final = 7
CASH_ACCOUNT: Final = 8  # of a POSTING: the ledger's other account
# EQUITY_MARKED
MARK_EQUITY: Final = 4
MARK_GROSS: Final = 5  # minor, sum of absolute position values
MARK_NET: Final = 6
MARK_FLOW: Final = 7  # minor, external flows since the last mark
MARK_TRADED: Final = 8  # minor, absolute value of the fills since the last mark
MARK_CASH: Final = 9

UNKNOWN: Final = -1
RATE_PRECISION: Final = 10
RATE_ONE: Final = 10**RATE_PRECISION

# --- Orders: the request part is common to the core and the fill book ------------------------------
ORDER_WIDTH: Final = 32
ORDER_ID: Final = 0
ORDER_STATUS: Final = 1
ORDER_INSTRUMENT: Final = 2
ORDER_SIDE: Final = 3
ORDER_TYPE: Final = 4
ORDER_TIF: Final = 5
ORDER_QUANTITY: Final = 6
ORDER_FILLED: Final = 7
ORDER_LIMIT: Final = 8
ORDER_STOP: Final = 9
ORDER_TRAIL_TICKS: Final = 10
ORDER_TRAIL_PPM: Final = 11
ORDER_EXPIRE: Final = 12
ORDER_FLAGS: Final = 13
ORDER_PARENT: Final = 14
ORDER_GROUP: Final = 15
# The core's own part.
ORDER_SUBMITTED_NS: Final = 16
ORDER_VALUE: Final = 17  # minor, sum of price x quantity of its fills
ORDER_FEES: Final = 18
ORDER_TAG: Final = 19  # the strategy's own number
ORDER_REPLACING: Final = 20  # the total asked for and not confirmed; 0: none
ORDER_SIGNAL: Final = 26  # number of the signal it follows; 0: none
ORDER_POSITION: Final = 27  # number of the trip it closes; 0: none
ORDER_EXIT: Final = 28  # ExitReason
ORDER_ATTEMPT: Final = 29
ORDER_REFUSED: Final = 30  # ns when the broker last refused to replace it; 0: it has not
# What a wish says, in the places of an order's prices; NOT_GIVEN where it says nothing.
INTENT_EDGE: Final = ORDER_LIMIT  # ppb, or the probability where INTENT_IS_PROBABILITY
INTENT_CONFIDENCE: Final = ORDER_STOP  # ppb
INTENT_GOAL: Final = ORDER_TRAIL_TICKS
INTENT_VOLATILITY: Final = ORDER_TRAIL_PPM  # ppb a year
INTENT_IS_PROBABILITY: Final = ORDER_FLAGS
# The fill book's own part.
ORDER_ARRIVAL: Final = 16
ORDER_SEEN: Final = 17
ORDER_FIRED: Final = 18  # a stop that was triggered
ORDER_ANCHOR: Final = 19
ORDER_QUEUE: Final = 20
ORDER_ARMED: Final = 21  # lots in play
ORDER_FEE_CHARGED: Final = 22
ORDER_FEE_EXACT: Final = 23
ORDER_TRADED_VALUE: Final = 24
ORDER_MARK: Final = 25  # the last leg or point that looked at it

STATUS_NONE: Final = OrderStatus.NONE.value
STATUS_IN_FLIGHT: Final = OrderStatus.IN_FLIGHT.value
STATUS_HELD: Final = OrderStatus.HELD.value
STATUS_OPEN: Final = OrderStatus.OPEN.value
STATUS_TRIGGERED: Final = OrderStatus.TRIGGERED.value
STATUS_PARTIALLY_FILLED: Final = OrderStatus.PARTIALLY_FILLED.value
STATUS_PENDING_CANCEL: Final = OrderStatus.PENDING_CANCEL.value
STATUS_FILLED: Final = OrderStatus.FILLED.value
STATUS_CANCELED: Final = OrderStatus.CANCELED.value
STATUS_EXPIRED: Final = OrderStatus.EXPIRED.value
STATUS_REJECTED: Final = OrderStatus.REJECTED.value
STATUS_DENIED: Final = OrderStatus.DENIED.value

# Of an intent that is no order, but a wish about its instrument
TYPE_WITHDRAW: Final = 0  # cancel all that works
TYPE_ENTER: Final = -1  # a signal, with what it is expected to bring
TYPE_EDGE: Final = -2  # what is expected now, for the exits
TYPE_LEAVE: Final = -3  # be flat
TYPE_MARKET: Final = OrderType.MARKET.value
TYPE_LIMIT: Final = OrderType.LIMIT.value
TYPE_STOP: Final = OrderType.STOP.value
TYPE_STOP_LIMIT: Final = OrderType.STOP_LIMIT.value
TYPE_TRAILING_STOP: Final = OrderType.TRAILING_STOP.value
TYPE_MARKET_ON_OPEN: Final = OrderType.MARKET_ON_OPEN.value
TYPE_LIMIT_ON_OPEN: Final = OrderType.LIMIT_ON_OPEN.value
TYPE_MARKET_ON_CLOSE: Final = OrderType.MARKET_ON_CLOSE.value
TYPE_LIMIT_ON_CLOSE: Final = OrderType.LIMIT_ON_CLOSE.value

TIF_DAY: Final = TimeInForce.DAY.value
TIF_GTC: Final = TimeInForce.GTC.value
TIF_IOC: Final = TimeInForce.IOC.value
TIF_FOK: Final = TimeInForce.FOK.value
TIF_GTD: Final = TimeInForce.GTD.value

FLAG_REDUCE_ONLY: Final = OrderFlag.REDUCE_ONLY.value
FLAG_POST_ONLY: Final = OrderFlag.POST_ONLY.value
LIQUIDITY_TAKER: Final = Liquidity.TAKER.value
LIQUIDITY_MAKER: Final = Liquidity.MAKER.value

# The transition table as the kernels read it: NEXT_STATUS[status * ORDER_EVENT_COUNT + event],
# 0 where the edge does not exist.
ORDER_EVENT_COUNT: Final = len(OrderEvent)
NEXT_STATUS: Final = tuple(
    int(TRANSITIONS.get((status, event), OrderStatus.NONE))
    for status in OrderStatus
    for event in OrderEvent
)

# --- Instruments: constant during a run, shared by the core and the fill book -----------------------
TERMS_WIDTH: Final = 32
TERM_PRICE_STEP: Final = 0
TERM_LOT_STEP: Final = 1
TERM_NUMERATOR: Final = 2
TERM_DENOMINATOR: Final = 3
TERM_PRICE_MAX: Final = 4  # highest price in ticks; 0: unbounded
TERM_CALENDAR: Final = 5
TERM_PRICE_UNIT: Final = 6  # ticks in 1 of currency
TERM_LOT_UNIT: Final = 7  # lots in 1 unit
TERM_CURRENCY: Final = 16  # index; 0 is the account's own
TERM_MARGINED: Final = 17
TERM_BORROW_PPB: Final = 18  # yearly rate on the value of a short position
TERM_CONVERTS: Final = 19  # currency whose rate this instrument's price gives; UNKNOWN: none
TERM_CONVERTS_INVERSE: Final = 20  # 1: base currency is priced in it (USDJPY for JPY)
TERM_GROUP: Final = 21  # number of its group plus one; 0: none
TERM_EXPIRES: Final = 22  # ns of settlement or last trading; 0: never
TERM_EVENT: Final = 23  # number of the event it is a contract of, plus one; 0: none
TERM_BINARY: Final = 24  # 1: it settles at 0 or TERM_PRICE_MAX

# --- Positions and the market as the core knows it --------------------------------------------------
POSITION_WIDTH: Final = 16
POSITION_QUANTITY: Final = 0  # lots, negative for short
POSITION_COST: Final = 1  # minor of its currency, signed as the quantity; never an average price
POSITION_LAST: Final = 2  # ticks, the mark
POSITION_LAST_TS: Final = 3
POSITION_BID: Final = 4
POSITION_ASK: Final = 5
POSITION_CLOSED: Final = 6  # settled or expired: nothing trades any more
POSITION_HALTED: Final = 7
POSITION_WORKING: Final = 8  # orders of ours that have not ended
POSITION_ENTRY: Final = 9  # id of the rule's working entry order
POSITION_EXIT: Final = 10  # id of the rule's working exit order
POSITION_PENDING: Final = 12  # minor: dividends that wait for a price to be reinvested
POSITION_REMAINDER: Final = 11  # what half-even rounding of values left, in minor / denominator

# --- Ledger: one row per currency; a row's accounts sum to zero after every event -------------------
LEDGER_WIDTH: Final = 16
LEDGER_CASH: Final = 0
LEDGER_POSITIONS: Final = 1  # at cost
LEDGER_CONTRACTS: Final = 2  # what margined positions owe against their cost
LEDGER_REALIZED: Final = 3  # income is negative (a credit)
LEDGER_FEES: Final = 4
LEDGER_FUNDING: Final = 5
LEDGER_DIVIDENDS: Final = 6
LEDGER_BORROW: Final = 7
LEDGER_INTEREST: Final = 8
LEDGER_TRANSFERS: Final = 9
LEDGER_CONVERSIONS: Final = 10
LEDGER_CORRECTIONS: Final = 11
LEDGER_ACCOUNTS: Final = 12
LEDGER_RATE: Final = 12  # 10^-RATE_PRECISION of the account currency; 0: unknown

# --- Account: settings and counters ------------------------------------------------------------------
ACCOUNT_WIDTH: Final = 48
ACCOUNT_LEVERAGE_PPM: Final = 0  # gross exposure allowed per equity
ACCOUNT_SHORT: Final = 1
ACCOUNT_REINVEST: Final = 2  # dividends buy more of the instrument at its next price
ACCOUNT_MARGIN_PPB: Final = 3  # yearly interest on negative cash
ACCOUNT_CREDIT_PPB: Final = 4  # yearly interest on positive cash
ACCOUNT_ORDER_LIMIT: Final = 5  # largest order in lots; 0: none
ACCOUNT_NEXT_ORDER: Final = 8
ACCOUNT_ORDERS: Final = 9  # rows in use
ACCOUNT_COMMANDS: Final = 10
ACCOUNT_JOURNAL: Final = 11
ACCOUNT_FAULT: Final = 12
ACCOUNT_FAULT_INSTRUMENT: Final = 13
ACCOUNT_NOW: Final = 14
ACCOUNT_SEQUENCE: Final = 15
ACCOUNT_FLOW: Final = 16  # external flows since the last mark, minor of the account currency
ACCOUNT_TRADED: Final = 17  # value of fills since the last mark, minor of the account currency
ACCOUNT_LAST_ACCRUAL: Final = 18
ACCOUNT_FILLS: Final = 19
ACCOUNT_DENIED: Final = 20
ACCOUNT_SUBMITTED: Final = 21
ACCOUNT_EVENTS: Final = 22
ACCOUNT_LAST_DENIAL: Final = 23
# What a rule strategy's decisions are made with (see engine.rules.decide)
ACCOUNT_SIZE_METHOD: Final = 32
ACCOUNT_SIZE_VALUE: Final = 33  # lots, minor or parts per billion, as the method says
ACCOUNT_ENTRY_TYPE: Final = 34
ACCOUNT_ENTRY_TIF: Final = 35
ACCOUNT_ENTRY_OFFSET_PPM: Final = (
    36  # limit entries: this far on the passive side of the last price
)
ACCOUNT_CLOSE_FIRST: Final = 25  # 1: no order takes a position from one side to the other
ACCOUNT_STOP_PPM: Final = 37  # protective stop of a bracket; 0: none
ACCOUNT_TARGET_PPM: Final = 38
ACCOUNT_TRAIL_PPM: Final = 39
# The trading loop
ACCOUNT_MODE: Final = (
    24  # ExecutionMode: whether signals are sent, wait for a person, are only told
)
ACCOUNT_TRADING: Final = 40  # 1: signals, risk, exits and guards are on
ACCOUNT_HELD: Final = 41  # instruments in `held`
ACCOUNT_NEXT_WAKE: Final = 42  # ns of the earliest wait that ends
ACCOUNT_TOUCHED: Final = 43  # 1: something that the loop watches has changed
ACCOUNT_NEXT_POSITION: Final = 44
ACCOUNT_NEXT_SIGNAL: Final = 45
ACCOUNT_CALENDAR: Final = 46  # whose sessions are the account's days
ACCOUNT_SEVERITY: Final = 47  # worst latch

FAULT_NONE: Final = 0
FAULT_OVERFLOW: Final = 1
FAULT_JOURNAL_FULL: Final = 2
FAULT_COMMANDS_FULL: Final = 3
FAULT_TRANSITION: Final = 4  # an order event that the table does not allow
FAULT_UNKNOWN_ORDER: Final = 5
FAULT_NO_RATE: Final = 6  # a currency without a conversion rate
FAULT_WITHOUT_LOOP: Final = 7  # code compiled without the trading loop met a core that has it
FAULT_NEEDS_LOOP: Final = 8  # a signal where there is no trading loop

# --- Commands to the broker -----------------------------------------------------------------------------
COMMAND_WIDTH: Final = 6
COMMAND_KIND: Final = 0  # KIND_SUBMITTED, KIND_CANCEL_SENT or KIND_REPLACE_SENT
COMMAND_ORDER: Final = 1  # order id
COMMAND_ROW: Final = 2  # row of the order in the core, for a submit
COMMAND_QUANTITY: Final = 3
COMMAND_LIMIT: Final = 4
COMMAND_STOP: Final = 5

# --- Signals of a rule, one row per event --------------------------------------------------------------
SIGNAL_WIDTH: Final = 8
SIGNAL_BITS: Final = 0
SIGNAL_WEIGHT: Final = 1  # parts per billion of equity; NO_WEIGHT: no target
SIGNAL_EDGE: Final = 2  # this and the next four: the trading loop's inputs (see `take_inputs`)
SIGNAL_CONFIDENCE: Final = 3
SIGNAL_GOAL: Final = 4
SIGNAL_VOLATILITY: Final = 5
SIGNAL_VOLUME: Final = 6
SIGNAL_INPUTS: Final = 5  # how many they are
SIGNAL_ENTRY: Final = 1
SIGNAL_EXIT: Final = 2
SIGNAL_SHORT_ENTRY: Final = 4
SIGNAL_SHORT_EXIT: Final = 8
SIGNAL_TARGET: Final = 16  # SIGNAL_WEIGHT holds a target weight
