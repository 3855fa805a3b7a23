"""Every reason for which an order is denied: at its edge, and one unit to either side."""

from __future__ import annotations

import pytest

from engine.model import layout as at
from engine.model.denials import SENTENCES, Denial
from engine.model.instruments import Instrument, InstrumentKind
from tests.unit.core.books import COIN, EURUSD, EVENT, FUTURE, GERMAN, SHARE, Books

N = Denial
STEPPED = Instrument("STEP", InstrumentKind.EQUITY, price_step_ticks=5, quantity_step_lots=10)


def books_with(instrument: Instrument, price: str, cash: str = "1000", **account: int) -> Books:
    books = Books([instrument], cash=cash)
    books.price(instrument.symbol, price)
    for name, value in account.items():
        books.s.account[getattr(at, f"ACCOUNT_{name}")] = value
    return books


# --- form -------------------------------------------------------------------------------------------
# instrument, order, further columns -> verdict; the last price is 1.00
FORMS = [
    (SHARE, "buy -1 market", {}, N.QUANTITY_NOT_POSITIVE),
    (SHARE, "buy 0 market", {}, N.QUANTITY_NOT_POSITIVE),
    (SHARE, "buy 1 market", {}, N.NONE),
    (STEPPED, "buy 9 market", {}, N.QUANTITY_OFF_GRID),
    (STEPPED, "buy 10 market", {}, N.NONE),
    (STEPPED, "buy 11 market", {}, N.QUANTITY_OFF_GRID),
    (SHARE, "buy 10 limit 0.00", {}, N.PRICE_MISSING),
    (SHARE, "buy 10 limit -0.01", {}, N.PRICE_MISSING),
    (SHARE, "buy 10 limit 0.01", {}, N.NONE),
    (STEPPED, "buy 10 limit 0.99", {}, N.PRICE_OFF_GRID),
    (STEPPED, "buy 10 limit 1.00", {}, N.NONE),
    (STEPPED, "buy 10 limit 1.01", {}, N.PRICE_OFF_GRID),
    (STEPPED, "buy 10 stop 1.01", {}, N.PRICE_OFF_GRID),
    (STEPPED, "buy 10 stop_limit 1.05 1.06", {}, N.PRICE_OFF_GRID),
    (STEPPED, "buy 10 stop_limit 1.06 1.05", {}, N.PRICE_OFF_GRID),
    (STEPPED, "buy 10 stop_limit 1.05 1.10", {}, N.NONE),
    (STEPPED, "buy 10 limit_on_open 1.01", {}, N.PRICE_OFF_GRID),
    (STEPPED, "buy 10 limit_on_close 1.01", {}, N.PRICE_OFF_GRID),
    (SHARE, "buy 10 stop 0", {}, N.PRICE_MISSING),
    (SHARE, "buy 10 stop_limit 0 1.00", {}, N.PRICE_MISSING),
    (SHARE, "buy 10 stop_limit 1.00 0", {}, N.PRICE_MISSING),
    (EVENT, "buy 10 limit 0.98", {}, N.NONE),
    (EVENT, "buy 10 limit 0.99", {}, N.NONE),
    (EVENT, "buy 10 limit 1.00", {}, N.PRICE_OUT_OF_RANGE),
    (EVENT, "buy 10 stop 1.00", {}, N.PRICE_OUT_OF_RANGE),
    (SHARE, "buy 10 trailing_stop", {}, N.PRICE_MISSING),
    (SHARE, "buy 10 trailing_stop", {"TRAIL_TICKS": 5, "TRAIL_PPM": 5}, N.PRICE_MISSING),
    (SHARE, "buy 10 trailing_stop", {"TRAIL_TICKS": -1}, N.PRICE_MISSING),
    (SHARE, "buy 10 trailing_stop", {"TRAIL_PPM": -1}, N.PRICE_MISSING),
    (SHARE, "buy 10 trailing_stop", {"TRAIL_PPM": 10**6}, N.PRICE_MISSING),
    (SHARE, "buy 10 trailing_stop", {"TRAIL_PPM": 10**6 - 1}, N.NONE),
    (SHARE, "buy 10 trailing_stop", {"TRAIL_TICKS": 1}, N.NONE),
    (SHARE, "buy 10 limit 1.00", {"FLAGS": at.FLAG_POST_ONLY}, N.NONE),
    (SHARE, "buy 10 market", {"FLAGS": at.FLAG_POST_ONLY}, N.TERMS_CONFLICT),
]


@pytest.mark.parametrize(("instrument", "order", "columns", "verdict"), FORMS)
def test_a_malformed_order_is_denied_for_its_form(
    instrument: Instrument, order: str, columns: dict[str, int], verdict: Denial
) -> None:
    price = "0.50" if instrument is EVENT else "1.00"
    books = books_with(instrument, price)
    assert books.verdict(order, **columns) is verdict


@pytest.mark.parametrize(
    ("limit", "verdict"),
    [(9, N.QUANTITY_TOO_LARGE), (10, N.NONE), (11, N.NONE), (0, N.NONE)],
)
def test_an_order_has_a_largest_size(limit: int, verdict: Denial) -> None:
    assert books_with(SHARE, "1.00", ORDER_LIMIT=limit).verdict("buy 10 market") is verdict


@pytest.mark.parametrize(
    ("away_ns", "verdict"), [(-1, N.EXPIRY_IN_THE_PAST), (0, N.EXPIRY_IN_THE_PAST), (1, N.NONE)]
)
def test_a_dated_order_needs_a_date_to_come(away_ns: int, verdict: Denial) -> None:
    books = books_with(SHARE, "1.00")
    expire = books.s.account[at.ACCOUNT_NOW] + away_ns
    assert books.verdict("buy 10 limit 1", TIF=at.TIF_GTD, EXPIRE=expire) is verdict


# --- the market -------------------------------------------------------------------------------------
def test_an_instrument_without_a_price_is_not_traded() -> None:
    books = Books()
    assert books.verdict("buy 1 market") is N.NO_MARKET_PRICE
    books.price("ABC", "0.01")
    assert books.verdict("buy 1 market") is N.NONE


def test_a_currency_without_a_rate_is_not_spent_and_stops_nothing() -> None:
    books = Books([GERMAN, EURUSD])
    books.sets_rate_of("EUR", "EURUSD")
    books.price("SAP", "80.00")
    assert books.verdict("buy 1 market", "SAP") is N.NO_MARKET_PRICE
    assert books.fault == at.FAULT_NONE
    books.price("EURUSD", "1.2")
    assert books.verdict("buy 1 market", "SAP") is N.NONE


def test_a_settled_instrument_is_closed_for_good() -> None:
    books = books_with(EVENT, "0.50")
    books.settle("RAIN", "1")
    assert books.verdict("buy 1 market") is N.MARKET_CLOSED_FOR_GOOD


# --- value ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("quantity", "verdict"),
    # 2^63 - 1 minor units are 92,233,720,368.54 dollars.
    [
        (92_233_720_368, N.BUYING_POWER),
        (92_233_720_369, N.VALUE_TOO_LARGE),
        (2**63 - 1, N.VALUE_TOO_LARGE),
    ],
)
def test_a_value_that_the_ledger_cannot_hold_is_denied(quantity: int, verdict: Denial) -> None:
    books = books_with(SHARE, "1.00")
    assert books.verdict(f"buy {quantity} market") is verdict


def test_exposure_that_does_not_fit_is_denied() -> None:
    books = books_with(SHARE, "1.00", cash="90000000000", LEVERAGE_PPM=10**12)
    assert books.verdict("buy 50000000000 market") is N.NONE
    assert books.verdict("buy 50000000000 market") is N.VALUE_TOO_LARGE


# --- buying power -----------------------------------------------------------------------------------
# cash, leverage, held, order -> verdict; the last price is 10.00
POWER = [
    ("1000", 1, "0", "buy 99 market", N.NONE),
    ("1000", 1, "0", "buy 100 market", N.NONE),
    ("1000", 1, "0", "buy 101 market", N.BUYING_POWER),
    ("999.99", 1, "0", "buy 100 market", N.BUYING_POWER),
    ("1000", 2, "0", "buy 200 market", N.NONE),
    ("1000", 2, "0", "buy 201 market", N.BUYING_POWER),
    # An order is judged at its own price.
    ("1000", 1, "0", "buy 125 limit 8.00", N.NONE),
    ("1000", 1, "0", "buy 126 limit 8.00", N.BUYING_POWER),
    ("1000", 1, "0", "buy 100 stop 10.00", N.NONE),
    ("1000", 1, "0", "buy 100 stop 10.01", N.BUYING_POWER),
    ("1000", 1, "0", "buy 100 stop 9.00", N.NONE),
    # What is held counts; what closes it needs nothing.
    ("1000", 1, "60", "buy 40 market", N.NONE),
    ("1000", 1, "60", "buy 41 market", N.BUYING_POWER),
    ("1000", 1, "100", "sell 100 market", N.NONE),
    ("0", 1, "0", "buy 1 market", N.BUYING_POWER),
]


@pytest.mark.parametrize(("cash", "leverage", "held", "order", "verdict"), POWER)
def test_gross_exposure_stays_within_leverage_times_equity(
    cash: str, leverage: int, held: str, order: str, verdict: Denial
) -> None:
    books = books_with(SHARE, "10.00", cash, LEVERAGE_PPM=leverage * 10**6)
    if held != "0":
        books.trade("ABC", held, "10.00")
    assert books.verdict(order) is verdict


def test_working_orders_use_up_buying_power() -> None:
    books = books_with(SHARE, "10.00")
    assert books.verdict("buy 60 limit 10") is N.NONE
    assert books.verdict("buy 41 market") is N.BUYING_POWER
    assert books.verdict("buy 40 market") is N.NONE


def test_a_partly_filled_order_counts_by_its_rest_and_its_position() -> None:
    books = books_with(SHARE, "10.00")
    order_id = books.order("buy 60 limit 10")
    books.filled(order_id, "50", "10.00")
    assert books.verdict("buy 41 market") is N.BUYING_POWER
    assert books.verdict("buy 40 market") is N.NONE


def test_a_sale_at_market_frees_what_it_sells_and_a_far_limit_does_not() -> None:
    other = Instrument("DEF", InstrumentKind.EQUITY)
    for order, verdict in (("sell 60 market", N.NONE), ("sell 60 limit 99", N.BUYING_POWER)):
        books = Books([SHARE, other], cash="1000")
        books.price("ABC", "10.00")
        books.price("DEF", "10.00")
        books.trade("ABC", "100", "10.00")
        assert books.verdict(order, "ABC") is N.NONE
        assert books.verdict("buy 60 market", "DEF") is verdict


def test_the_children_of_a_bracket_need_no_buying_power() -> None:
    books = books_with(SHARE, "10.00", SHORT=1)
    assert books.verdict("buy 100 market") is N.NONE
    assert books.verdict("sell 100 stop 9.00", PARENT=-1, GROUP=-1) is N.NONE
    assert books.verdict("sell 100 limit 11.00", PARENT=-2, GROUP=-1) is N.NONE


def test_an_account_that_owes_more_than_it_has_opens_nothing() -> None:
    books = books_with(SHARE, "10.00", SHORT=1)
    books.trade("ABC", "-100", "10.00")
    books.price("ABC", "20.00")  # equity is 0
    assert books.verdict("sell 1 market") is N.BUYING_POWER
    assert books.verdict("buy 100 market") is N.NONE  # closing is always allowed
    books.price("ABC", "20.01")
    assert books.verdict("sell 1 market") is N.BUYING_POWER


# --- selling short ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("instrument", "short", "held", "order", "verdict"),
    [
        (SHARE, 0, "0", "sell 1 market", N.SHORT_NOT_ALLOWED),
        (SHARE, 1, "0", "sell 1 market", N.NONE),
        (SHARE, 0, "10", "sell 9 market", N.NONE),
        (SHARE, 0, "10", "sell 10 market", N.NONE),
        (SHARE, 0, "10", "sell 11 market", N.SHORT_NOT_ALLOWED),
        (FUTURE, 0, "0", "sell 1 market", N.NONE),  # a future has no owner
        (COIN, 0, "0", "sell 0.00000001 market", N.SHORT_NOT_ALLOWED),
    ],
)
def test_selling_short_must_be_allowed(
    instrument: Instrument, short: int, held: str, order: str, verdict: Denial
) -> None:
    books = books_with(instrument, "10.00", SHORT=short)
    if held != "0":
        books.trade(instrument.symbol, held, "10.00")
    assert books.verdict(order) is verdict


def test_two_sales_of_one_position_sell_short() -> None:
    books = books_with(SHARE, "10.00")
    books.trade("ABC", "10", "10.00")
    assert books.verdict("sell 6 limit 11") is N.NONE
    assert books.verdict("sell 5 market") is N.SHORT_NOT_ALLOWED
    assert books.verdict("sell 4 market") is N.NONE


@pytest.mark.parametrize(
    ("close_first", "held", "order", "verdict"),
    [
        (1, "10", "sell 11 market", N.CLOSE_FIRST),
        (1, "10", "sell 10 market", N.NONE),
        (1, "-10", "buy 11 limit 9", N.CLOSE_FIRST),
        (1, "-10", "sell 1 market", N.NONE),
        (1, "0", "sell 1 market", N.NONE),
        (0, "10", "sell 11 market", N.NONE),
    ],
)
def test_where_positions_close_first_no_order_takes_one_to_the_other_side(
    close_first: int, held: str, order: str, verdict: Denial
) -> None:
    books = books_with(SHARE, "10.00", SHORT=1, CLOSE_FIRST=close_first)
    if held != "0":
        books.trade("ABC", held, "10.00")
    assert books.verdict(order) is verdict


def test_where_positions_close_first_two_orders_do_not_either() -> None:
    books = books_with(SHARE, "10.00", SHORT=1, CLOSE_FIRST=1)
    books.trade("ABC", "10", "10.00")
    assert books.verdict("sell 6 limit 11") is N.NONE
    assert books.verdict("sell 5 market") is N.CLOSE_FIRST


@pytest.mark.parametrize(
    ("held", "side", "verdict"),
    [
        ("0", "sell", N.NOTHING_TO_REDUCE),
        ("10", "buy", N.NOTHING_TO_REDUCE),
        ("10", "sell", N.NONE),
        ("-10", "buy", N.NONE),
        ("-10", "sell", N.NOTHING_TO_REDUCE),
    ],
)
def test_a_reduce_only_order_needs_the_opposite(held: str, side: str, verdict: Denial) -> None:
    books = books_with(SHARE, "10.00")
    if held != "0":
        books.trade("ABC", held, "10.00")
    # More than is held: the broker fills no more than there is.
    assert books.verdict(f"{side} 99 market", FLAGS=at.FLAG_REDUCE_ONLY) is verdict


# --- room, precedence, effects ------------------------------------------------------------------------
@pytest.mark.parametrize(("room", "verdict"), [(2, N.TOO_MANY_ORDERS), (3, N.NONE), (4, N.NONE)])
def test_the_table_of_orders_has_an_end(room: int, verdict: Denial) -> None:
    books = Books(orders=room)
    books.price("ABC", "10.00")
    books.order("buy 1 limit 9")
    books.order("buy 1 limit 9")
    assert books.verdict("buy 1 limit 9") is verdict


@pytest.mark.parametrize(
    ("order", "verdict"),
    [  # each has all later mistakes as well
        ("sell -10 limit 0.01", N.QUANTITY_NOT_POSITIVE),
        ("sell 1001 limit 0.01", N.QUANTITY_OFF_GRID),
        ("sell 1010 limit 0.01", N.QUANTITY_TOO_LARGE),
        ("sell 1000 limit 0.00", N.PRICE_MISSING),
        ("sell 1000 limit 0.01", N.PRICE_OFF_GRID),
        ("sell 1000 limit 0.05", N.MARKET_CLOSED_FOR_GOOD),
    ],
)
def test_form_comes_before_size_and_size_before_the_account(order: str, verdict: Denial) -> None:
    books = books_with(STEPPED, "1.00", ORDER_LIMIT=1000)
    books.settle("STEP", "1.00")
    assert books.verdict(order) is verdict


def test_a_denied_order_leaves_the_account_untouched() -> None:
    books = books_with(SHARE, "10.00")
    books.order("buy 5 limit 9")
    before = books.core.account.copy()
    untouched = [view.copy() for view in (books.core.ledger, books.core.positions)]
    assert books.verdict("buy 1000 market") is N.BUYING_POWER
    assert [view.tolist() for view in untouched] == [
        books.core.ledger.tolist(),
        books.core.positions.tolist(),
    ]
    changed = {int(n) for n in (books.core.account != before).nonzero()[0]}
    assert changed == {
        at.ACCOUNT_NEXT_ORDER,
        at.ACCOUNT_JOURNAL,
        at.ACCOUNT_DENIED,
        at.ACCOUNT_LAST_DENIAL,
    }
    assert len(books.working()) == 1


def test_every_denial_has_a_sentence_and_a_stable_number() -> None:
    assert set(SENTENCES) == set(Denial)
    assert {denial.name: int(denial) for denial in Denial} == {
        "NONE": 0,
        "QUANTITY_NOT_POSITIVE": 100,
        "QUANTITY_OFF_GRID": 101,
        "QUANTITY_TOO_LARGE": 102,
        "PRICE_MISSING": 110,
        "PRICE_OFF_GRID": 111,
        "PRICE_OUT_OF_RANGE": 112,
        "EXPIRY_IN_THE_PAST": 120,
        "TERMS_CONFLICT": 121,
        "NO_MARKET_PRICE": 130,
        "MARKET_CLOSED_FOR_GOOD": 131,
        "VALUE_TOO_LARGE": 140,
        "BUYING_POWER": 150,
        "SHORT_NOT_ALLOWED": 151,
        "NOTHING_TO_REDUCE": 152,
        "CLOSE_FIRST": 153,
        "TOO_MANY_ORDERS": 160,
        "PARENT_DENIED": 161,
        "UNKNOWN_ORDER": 162,
        "SIGNAL_NOT_FINITE": 200,
        "SIGNAL_DUPLICATE": 201,
        "SIGNAL_EXPIRED": 202,
        "MARKET_NOT_OPEN": 203,
        "PRICE_STALE": 204,
        "EDGE_TOO_SMALL": 205,
        "CONFIDENCE_TOO_SMALL": 206,
        "INSTRUMENT_BUSY": 207,
        "LOCKED": 208,
        "SUSPECT_PRICE": 209,
        "ALERT_ONLY": 220,
        "APPROVAL_AWAITED": 221,
        "APPROVAL_NEEDED": 222,
        "APPROVAL_REJECTED": 223,
        "APPROVAL_UNKNOWN": 224,
        "APPROVAL_TWICE": 225,
        "APPROVAL_LATE": 226,
        "APPROVAL_WITHDRAWN": 227,
        "APPROVAL_PRICE": 228,
        "APPROVAL_LOCKED": 229,
        "APPROVAL_HELD": 230,
        "KILL_SWITCH": 301,
        "CIRCUIT_BREAKER": 302,
        "DRAWDOWN_GUARD": 303,
        "TRADING_HOURS": 304,
        "DAILY_LOSS": 305,
        "MAX_POSITIONS": 306,
        "POSITION_SIZE": 307,
        "GROSS_EXPOSURE": 308,
        "NET_EXPOSURE": 309,
        "CONCENTRATION": 310,
        "CORRELATION": 311,
        "ORDER_RATE": 312,
        "PRICE_COLLAR": 313,
        "ORDER_NOTIONAL": 314,
        "ORDER_QUANTITY": 315,
        "SIZE_UNKNOWN": 410,
        "NO_EDGE": 411,
        "TOO_SMALL": 412,
    }
