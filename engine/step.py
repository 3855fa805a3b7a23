"""One step of the core: an event in, decisions out. The same in backtest, paper and live.

`apply_event` takes market data, actions, time and broker facts; `engine.rules.decide.decide` (or the
user's strategy) decides after a slice. What is to be done leaves as commands; what happened leaves as
journal rows.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.held import is_held
from engine.kernels.ledger import fault, journal_row, post_cash, to_base
from engine.kernels.money import (
    OVERFLOW,
    add_checked,
    divide_wide,
    floor_to,
    multiply_divide_ceiling,
    multiply_divide_even,
    multiply_divide_floor,
)
from engine.kernels.orders import apply_fact
from engine.kernels.positions import (
    apply_dividend,
    apply_funding,
    apply_split,
    apply_trade,
    equity_minor,
    exposure_minor,
    keep_in_kind,
    reinvest,
    value_of,
)
from engine.kernels.trips import note_position
from engine.model.layout import (
    ACCOUNT_CREDIT_PPB,
    ACCOUNT_EVENTS,
    ACCOUNT_FLOW,
    ACCOUNT_JOURNAL,
    ACCOUNT_LAST_ACCRUAL,
    ACCOUNT_MARGIN_PPB,
    ACCOUNT_NOW,
    ACCOUNT_ORDERS,
    ACCOUNT_SEQUENCE,
    ACCOUNT_TOUCHED,
    ACCOUNT_TRADED,
    ACCOUNT_TRADING,
    BAR_CLOSE,
    BAR_OPEN_TS,
    CALENDAR_ID,
    CASH_ACCOUNT,
    CONVERSION_FROM,
    CONVERSION_MINOR,
    CONVERSION_TO,
    DIVIDEND_MINOR,
    EVENT_INSTRUMENT,
    EVENT_KIND,
    EVENT_SEQUENCE,
    EVENT_TS,
    FAULT_NO_RATE,
    FAULT_OVERFLOW,
    FUNDING_MARK,
    FUNDING_PPB,
    KEPT_LOTS,
    KIND_ACCEPTED,
    KIND_ACCRUAL,
    KIND_API_ERROR,
    KIND_BAR,
    KIND_CONVERSION,
    KIND_CONVERSION_RATE,
    KIND_CORRECTION,
    KIND_DIVIDEND,
    KIND_EQUITY_MARKED,
    KIND_FUNDING,
    KIND_HALT,
    KIND_POSTING,
    KIND_QUOTE,
    KIND_RESUME,
    KIND_SESSION_CLOSE,
    KIND_SESSION_OPEN,
    KIND_SETTLEMENT,
    KIND_SPLIT,
    KIND_SYMBOL_CHANGE,
    KIND_TIMER,
    KIND_TRADE,
    KIND_TRANSFER,
    KIND_UNITS_KEPT,
    LEDGER_BORROW,
    LEDGER_CASH,
    LEDGER_CONVERSIONS,
    LEDGER_CORRECTIONS,
    LEDGER_INTEREST,
    LEDGER_RATE,
    LEDGER_TRANSFERS,
    MARK_CASH,
    MARK_EQUITY,
    MARK_FLOW,
    MARK_GROSS,
    MARK_NET,
    MARK_TRADED,
    ORDER_ARMED,
    ORDER_FILLED,
    ORDER_INSTRUMENT,
    ORDER_LIMIT,
    ORDER_QUANTITY,
    ORDER_REPLACING,
    ORDER_SIDE,
    ORDER_STOP,
    ORDER_TRAIL_TICKS,
    POSITION_ASK,
    POSITION_BID,
    POSITION_CLOSED,
    POSITION_HALTED,
    POSITION_LAST,
    POSITION_LAST_TS,
    POSITION_PENDING,
    POSITION_QUANTITY,
    POSTING_ACCOUNT,
    QUOTE_ASK,
    QUOTE_BID,
    RATE_CURRENCY,
    RATE_ONE,
    RATE_VALUE,
    SETTLEMENT_PRICE,
    SPLIT_DENOMINATOR,
    SPLIT_NUMERATOR,
    TERM_BORROW_PPB,
    TERM_CONVERTS,
    TERM_CONVERTS_INVERSE,
    TERM_CURRENCY,
    TERM_LOT_STEP,
    TERM_MARGINED,
    TERM_PRICE_STEP,
    TERM_PRICE_UNIT,
    TRADE_PRICE,
    TRANSFER_CURRENCY,
    TRANSFER_MINOR,
    UNKNOWN,
)
from engine.model.trading import QUEUE_APPROVED
from engine.model.trading_layout import (
    ASKED_ROWS,
    MONITOR_LOST,
    MONITOR_MARK_BEFORE,
    MONITOR_MARK_KIND,
    MONITOR_MARK_LENGTH,
    MONITOR_MARKS,
    MONITOR_POSITION,
    SESSION_CLOSES,
    SESSION_DAY,
    WAITING_COUNT,
    WAITING_STATE,
)
from engine.rules.approvals import begin_expiries
from engine.rules.breakers import hear_input
from engine.rules.correlation import sample_returns, scale_returns
from engine.rules.drift import watch_drift
from engine.rules.guards import note_flow
from engine.rules.hours import note_session
from engine.rules.scaling import scale_monitor, scale_price
from engine.rules.suspects import judge_mark
from engine.rules.trust import lose_mark
from engine.state import Core, Table

BILLION = 10**9
NS_PER_YEAR = 365 * 86400 * 10**9
KIND_LAST_ACTION = KIND_UNITS_KEPT


@kernel
def apply_event(s: Core, events: Table, row: int) -> None:
    """Apply one event of the ordered stream to the core."""
    kind = events[row, EVENT_KIND]
    s.account[ACCOUNT_NOW] = events[row, EVENT_TS]
    s.account[ACCOUNT_SEQUENCE] = events[row, EVENT_SEQUENCE]
    s.account[ACCOUNT_EVENTS] += 1
    if kind == KIND_BAR or kind == KIND_QUOTE or kind == KIND_TRADE:
        mark_price(s, events, row, kind)
    elif kind <= KIND_LAST_ACTION:
        apply_action(s, events, row, kind)
        if s.account[ACCOUNT_TRADING] == 1:
            s.account[ACCOUNT_TOUCHED] = 1
    elif kind == KIND_ACCRUAL:
        accrue(s)
        mark_equity(s)
        if s.account[ACCOUNT_TRADING] == 1:
            sample_returns(s)
            watch_drift(s)
    elif kind == KIND_TIMER:
        mark_equity(s)
    elif kind >= KIND_API_ERROR:
        if s.account[ACCOUNT_TRADING] == 1:
            s.account[ACCOUNT_TOUCHED] = 1
            hear_input(s, events, row)
    elif kind >= KIND_ACCEPTED:
        apply_fact(s, events, row)
    elif s.account[ACCOUNT_TRADING] == 1:
        if kind == KIND_SESSION_OPEN:
            closes, day = events[row, SESSION_CLOSES], events[row, SESSION_DAY]
            note_session(s, events[row, CALENDAR_ID], True, closes, day)
            begin_expiries(s, events[row, CALENDAR_ID])
        elif kind == KIND_SESSION_CLOSE:
            note_session(s, events[row, CALENDAR_ID], False, 0, 0)


@kernel
def mark_price(s: Core, events: Table, row: int, kind: int) -> None:
    """Remember the last price of an instrument; a crossed or locked quote marks nothing."""
    i = events[row, EVENT_INSTRUMENT]
    if s.positions[i, POSITION_CLOSED] == 1:
        return
    before = s.positions[i, POSITION_LAST]
    if kind == KIND_BAR:
        s.positions[i, POSITION_LAST] = events[row, BAR_CLOSE]
    elif kind == KIND_TRADE:
        s.positions[i, POSITION_LAST] = events[row, TRADE_PRICE]
    else:
        bid, ask = events[row, QUOTE_BID], events[row, QUOTE_ASK]
        if s.account[ACCOUNT_TRADING] == 1 and (bid <= 0 or ask <= 0):
            lose_mark(s, i)
            return
        if bid >= ask:
            return
        s.positions[i, POSITION_BID] = bid
        s.positions[i, POSITION_ASK] = ask
        s.positions[i, POSITION_LAST] = (bid + ask) // 2
    s.positions[i, POSITION_LAST_TS] = events[row, EVENT_TS]
    if s.terms[i, TERM_CONVERTS] > 0:
        update_rate(s, i)
    if s.positions[i, POSITION_PENDING] > 0:
        reinvest(s, i)
        note_position(s, i, 0, 0)
    if s.account[ACCOUNT_TRADING] == 1:
        note_mark(s, i, kind, before)
        if kind == KIND_BAR:
            length = events[row, EVENT_TS] - events[row, BAR_OPEN_TS]
            s.monitors[i, MONITOR_MARK_LENGTH] = length


@kernel
def note_mark(s: Core, i: int, kind: int, before: int) -> None:
    """Have the trading loop look at a new price, if the instrument is held; `before` is the last one."""
    s.monitors[i, MONITOR_MARK_KIND] = kind
    s.monitors[i, MONITOR_MARK_BEFORE] = before
    s.monitors[i, MONITOR_MARK_LENGTH] = 0
    s.monitors[i, MONITOR_LOST] = 0
    judge_mark(s, i, kind, before)
    if s.monitors[i, MONITOR_POSITION] != 0:
        s.monitors[i, MONITOR_MARKS] += 1
    if is_held(s, i) or s.monitors[i, WAITING_STATE] == QUEUE_APPROVED:
        s.account[ACCOUNT_TOUCHED] = 1


@kernel
def update_rate(s: Core, i: int) -> None:
    """A currency pair's price is a conversion rate."""
    unit, last = s.terms[i, TERM_PRICE_UNIT], s.positions[i, POSITION_LAST]
    if s.terms[i, TERM_CONVERTS_INVERSE] == 1:
        rate = multiply_divide_even(RATE_ONE, unit, last)
    else:
        rate = multiply_divide_even(last, RATE_ONE, unit)
    if rate > 0:
        s.ledger[s.terms[i, TERM_CONVERTS], LEDGER_RATE] = rate


@kernel
def apply_action(s: Core, events: Table, row: int, kind: int) -> None:
    """Apply a corporate action, a settlement or an event of the account."""
    i = events[row, EVENT_INSTRUMENT]
    if kind == KIND_SPLIT:
        numerator, denominator = events[row, SPLIT_NUMERATOR], events[row, SPLIT_DENOMINATOR]
        apply_split(s, i, numerator, denominator)
        scale_orders(s, i, numerator, denominator)
        if s.account[ACCOUNT_TRADING] == 1:
            scale_monitor(s, i, numerator, denominator)
            scale_asked(s, i, numerator, denominator)
            scale_returns(s, i, numerator, denominator)
            note_position(s, i, 0, 0)
    elif kind == KIND_DIVIDEND:
        apply_dividend(s, i, events[row, DIVIDEND_MINOR])
    elif kind == KIND_FUNDING:
        apply_funding(s, i, events[row, FUNDING_PPB], events[row, FUNDING_MARK])
    elif kind == KIND_SETTLEMENT:
        settle(s, i, events[row, SETTLEMENT_PRICE])
    elif kind == KIND_TRANSFER:
        transfer(s, events[row, TRANSFER_CURRENCY], events[row, TRANSFER_MINOR])
    elif kind == KIND_CORRECTION:
        post_cash(
            s,
            events[row, TRANSFER_CURRENCY],
            LEDGER_CORRECTIONS,
            events[row, TRANSFER_MINOR],
            KIND_CORRECTION,
            -1,
        )
    elif kind == KIND_CONVERSION:
        convert(
            s,
            events[row, CONVERSION_FROM],
            events[row, CONVERSION_TO],
            events[row, CONVERSION_MINOR],
        )
    elif kind == KIND_POSTING:
        post_entry(s, events, row)
    elif kind == KIND_UNITS_KEPT:
        give_up_units(s, i, events[row, KEPT_LOTS])
    elif kind == KIND_CONVERSION_RATE:
        s.ledger[events[row, RATE_CURRENCY], LEDGER_RATE] = events[row, RATE_VALUE]
    elif kind == KIND_SYMBOL_CHANGE:
        # The instrument keeps its index, so orders and position go on; the new name is the shell's.
        journal_row(s, KIND_SYMBOL_CHANGE, i)
    elif kind == KIND_HALT:
        s.positions[i, POSITION_HALTED] = 1
    elif kind == KIND_RESUME:
        s.positions[i, POSITION_HALTED] = 0


@kernel
def settle(s: Core, i: int, price: int) -> None:
    """An event contract or future ends: the position is closed at `price`, without fee or fill."""
    quantity = s.positions[i, POSITION_QUANTITY]
    realized = 0
    if quantity != 0:
        realized = apply_trade(s, i, -quantity, price, 0, KIND_SETTLEMENT)
    s.positions[i, POSITION_LAST] = price
    s.positions[i, POSITION_CLOSED] = 1
    note_position(s, i, realized, 0)


@kernel
def transfer(s: Core, currency: int, minor: int) -> None:
    """A deposit (positive) or withdrawal: an external flow, not a gain."""
    if s.account[ACCOUNT_TRADING] == 1:
        note_flow(s, to_base(s, currency, minor))
    if post_cash(s, currency, LEDGER_TRANSFERS, minor, KIND_TRANSFER, -1):
        flow = add_checked(s.account[ACCOUNT_FLOW], to_base(s, currency, minor))
        if flow == OVERFLOW:
            fault(s, FAULT_OVERFLOW, -1)
            return
        s.account[ACCOUNT_FLOW] = flow


@kernel
def post_entry(s: Core, events: Table, row: int) -> None:
    """Book cash that the broker has moved by itself, against the ledger's account that it is of."""
    account, minor = events[row, POSTING_ACCOUNT], events[row, TRANSFER_MINOR]
    i = events[row, EVENT_INSTRUMENT]
    if post_cash(s, events[row, TRANSFER_CURRENCY], account, minor, KIND_POSTING, i):
        s.journal[s.account[ACCOUNT_JOURNAL] - 1, CASH_ACCOUNT] = account


@kernel
def give_up_units(s: Core, i: int, lots: int) -> None:
    """The broker has kept `lots`, as a fee: sold at the last price, all of it paid."""
    keep_in_kind(s, i, lots, s.positions[i, POSITION_LAST], KIND_UNITS_KEPT)
    note_position(s, i, 0, 0)


@kernel
def convert(s: Core, source: int, target: int, minor: int) -> None:
    """Exchange `minor` of one currency for another at the last rates, half-even."""
    base = to_base(s, source, minor)
    rate = s.ledger[target, LEDGER_RATE]
    if rate <= 0:
        fault(s, FAULT_NO_RATE, -1)
        return
    received = multiply_divide_even(base, RATE_ONE, rate)
    if (
        received == OVERFLOW
        or add_checked(s.ledger[target, LEDGER_CASH], received) == OVERFLOW
        or add_checked(s.ledger[target, LEDGER_CONVERSIONS], -received) == OVERFLOW
    ):
        fault(s, FAULT_OVERFLOW, -1)
        return
    # Both sides or none: the second has room, so it follows when the first is posted.
    if post_cash(s, source, LEDGER_CONVERSIONS, -minor, KIND_CONVERSION, -1):
        post_cash(s, target, LEDGER_CONVERSIONS, received, KIND_CONVERSION, -1)


@kernel
def interest(amount: int, rate_ppb: int, elapsed_ns: int) -> int:
    """Return `amount` x rate x elapsed / year (actual/365), half-even twice."""
    yearly = multiply_divide_even(amount, rate_ppb, BILLION)
    return multiply_divide_even(yearly, elapsed_ns, NS_PER_YEAR)


@kernel
def accrue(s: Core) -> None:
    """Charge what time costs since the last accrual: interest on cash, borrow fees on short positions."""
    now, before = s.account[ACCOUNT_NOW], s.account[ACCOUNT_LAST_ACCRUAL]
    s.account[ACCOUNT_LAST_ACCRUAL] = now
    elapsed = now - before
    if before == 0 or elapsed <= 0:
        return
    for c in range(s.ledger.shape[0]):
        cash = s.ledger[c, LEDGER_CASH]
        rate = s.account[ACCOUNT_MARGIN_PPB] if cash < 0 else s.account[ACCOUNT_CREDIT_PPB]
        earned = interest(cash, rate, elapsed)
        if earned != 0:
            post_cash(s, c, LEDGER_INTEREST, earned, KIND_ACCRUAL, -1)
    for i in range(s.positions.shape[0]):
        quantity, rate = s.positions[i, POSITION_QUANTITY], s.terms[i, TERM_BORROW_PPB]
        if quantity < 0 and rate > 0 and s.terms[i, TERM_MARGINED] == 0:
            value = value_of(s, i, s.positions[i, POSITION_LAST], quantity)
            owed = interest(value, rate, elapsed)
            if owed != 0:
                post_cash(s, s.terms[i, TERM_CURRENCY], LEDGER_BORROW, owed, KIND_ACCRUAL, i)


@kernel
def mark_equity(s: Core) -> None:
    """Record the account's marked equity, exposure and flows since the last record."""
    equity = equity_minor(s)
    gross, net = exposure_minor(s)
    if equity == OVERFLOW or gross == OVERFLOW or net == OVERFLOW:
        fault(s, FAULT_OVERFLOW, -1)
        return
    row = journal_row(s, KIND_EQUITY_MARKED, UNKNOWN)
    s.journal[row, MARK_EQUITY] = equity
    s.journal[row, MARK_GROSS] = gross
    s.journal[row, MARK_NET] = net
    s.journal[row, MARK_FLOW] = s.account[ACCOUNT_FLOW]
    s.journal[row, MARK_TRADED] = s.account[ACCOUNT_TRADED]
    s.journal[row, MARK_CASH] = s.ledger[0, LEDGER_CASH]
    s.account[ACCOUNT_FLOW] = 0
    s.account[ACCOUNT_TRADED] = 0


@kernel
def scale_orders(s: Core, i: int, numerator: int, denominator: int) -> None:
    """Follow the broker in scaling working orders at a split (docs/explain/fill-model.md)."""
    for r in range(s.account[ACCOUNT_ORDERS]):
        if s.orders[r, ORDER_INSTRUMENT] == i:
            scale_working(
                s.orders,
                r,
                s.terms[i, TERM_PRICE_STEP],
                s.terms[i, TERM_LOT_STEP],
                numerator,
                denominator,
            )
            if is_out_of_range(s.orders, r):
                fault(s, FAULT_OVERFLOW, i)


@kernel
def scale_asked(s: Core, i: int, numerator: int, denominator: int) -> None:
    """Scale the order that a person is asked about; one that does not fit is denied when it is sent."""
    for n in range(s.monitors[i, WAITING_COUNT]):
        scale_order(
            s.asked,
            i * ASKED_ROWS + n,
            s.terms[i, TERM_PRICE_STEP],
            s.terms[i, TERM_LOT_STEP],
            numerator,
            denominator,
        )


@kernel
def scale_working(
    orders: Table, r: int, price_step: int, lot_step: int, numerator: int, denominator: int
) -> None:
    """Scale one order of the core, with what its parent armed and what it is being replaced to."""
    armed, replacing = orders[r, ORDER_ARMED], orders[r, ORDER_REPLACING]
    live = max(min(armed, orders[r, ORDER_QUANTITY]) - orders[r, ORDER_FILLED], 0)
    scale_order(orders, r, price_step, lot_step, numerator, denominator)
    if armed > 0:
        live = floor_to(multiply_divide_floor(live, numerator, denominator), lot_step)
        orders[r, ORDER_ARMED] = add_checked(orders[r, ORDER_FILLED], live)
    orders[r, ORDER_REPLACING] = multiply_divide_ceiling(replacing, numerator, denominator)


@kernel
def is_out_of_range(orders: Table, r: int) -> bool:
    """Return whether a term of an order did not fit after scaling."""
    return (
        orders[r, ORDER_QUANTITY] == OVERFLOW
        or orders[r, ORDER_FILLED] == OVERFLOW
        or orders[r, ORDER_LIMIT] == OVERFLOW
        or orders[r, ORDER_STOP] == OVERFLOW
        or orders[r, ORDER_TRAIL_TICKS] == OVERFLOW
        or orders[r, ORDER_ARMED] == OVERFLOW
        or orders[r, ORDER_REPLACING] == OVERFLOW
    )


@kernel
def scale_order(
    orders: Table, r: int, price_step: int, lot_step: int, numerator: int, denominator: int
) -> None:
    """Scale the terms of one order; prices are rounded against filling earlier."""
    buy = orders[r, ORDER_SIDE] > 0
    filled, _ = divide_wide(orders[r, ORDER_FILLED], numerator, denominator)
    rest = orders[r, ORDER_QUANTITY] - orders[r, ORDER_FILLED]
    rest = floor_to(multiply_divide_floor(rest, numerator, denominator), lot_step)
    orders[r, ORDER_FILLED] = filled
    orders[r, ORDER_QUANTITY] = add_checked(filled, rest)
    orders[r, ORDER_LIMIT] = scale_price(
        orders[r, ORDER_LIMIT],
        price_step,
        numerator,
        denominator,
        not buy,
    )
    orders[r, ORDER_STOP] = scale_price(
        orders[r, ORDER_STOP],
        price_step,
        numerator,
        denominator,
        buy,
    )
    # A distance that became zero would not be a trail any more: up on both sides.
    trail = orders[r, ORDER_TRAIL_TICKS]
    orders[r, ORDER_TRAIL_TICKS] = scale_price(trail, price_step, numerator, denominator, True)
