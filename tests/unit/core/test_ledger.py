"""What each event does to cash, cost and profit, as tables that a trader reads."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.model import layout as at
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.units import to_minor
from tests.unit.core.books import (
    COIN,
    EURUSD,
    EVENT,
    FUTURE,
    GERMAN,
    JAPANESE,
    MONEY,
    PERPETUAL,
    SHARE,
    USDJPY,
    Books,
    D,
)

# --- buying and selling -----------------------------------------------------------------------------
# instrument, fills so far ("+10 @ 12.50" ...), then: realized by the last, position, cost, cash
FILLS = [
    # Paid in full: cash moves by the value of the fill.
    (SHARE, ["+10 @ 12.50"], "0", "10", "125.00", "99875.00"),
    (SHARE, ["+10 @ 12.50", "+10 @ 13.50"], "0", "20", "260.00", "99740.00"),
    (SHARE, ["+10 @ 12.50", "-4 @ 13.00"], "2.00", "6", "75.00", "99927.00"),
    (SHARE, ["+10 @ 12.50", "-10 @ 12.00"], "-5.00", "0", "0", "99995.00"),
    (SHARE, ["+10 @ 12.50", "-15 @ 13.00"], "5.00", "-5", "-65.00", "100070.00"),
    (SHARE, ["-10 @ 12.50"], "0", "-10", "-125.00", "100125.00"),
    (SHARE, ["-10 @ 12.50", "+4 @ 12.00"], "2.00", "-6", "-75.00", "100077.00"),
    (SHARE, ["-10 @ 12.50", "+10 @ 13.00"], "-5.00", "0", "0", "99995.00"),
    (SHARE, ["-10 @ 12.50", "+15 @ 12.00"], "5.00", "5", "60.00", "99945.00"),
    # A third of 100.00 is rounded half-even; the last part takes what is left.
    (SHARE, ["+2 @ 33", "+1 @ 34", "-1 @ 34"], "0.66666667", "2", "66.66666667", "99934"),
    (SHARE, ["+2 @ 33", "+1 @ 34", "-1 @ 34", "-2 @ 34"], "1.33333333", "0", "0", "100002"),
    # Margined: cash moves by the profit alone. One point of this future is 50 dollars.
    (FUTURE, ["+2 @ 4000.25"], "0", "2", "400025.00", "100000"),
    (FUTURE, ["+2 @ 4000.25", "-1 @ 4001.25"], "50.00", "1", "200012.50", "100050.00"),
    (FUTURE, ["+2 @ 4000.25", "-3 @ 4001.25"], "100.00", "-1", "-200062.50", "100100.00"),
    (FUTURE, ["-1 @ 4000", "+1 @ 4010"], "-500.00", "0", "0", "99500.00"),
    (PERPETUAL, ["-0.500 @ 30000.0", "+0.200 @ 29000.0"], "200", "-0.3", "-9000", "100200"),
    # Ten decimals of price and quantity together: values are rounded half-even to 10^-8.
    (COIN, ["+0.00000001 @ 0.50"], "0", "0.00000001", "0.00000000", "100000"),
    (COIN, ["+0.00000001 @ 1.50"], "0", "0.00000001", "0.00000002", "99999.99999998"),
    (COIN, ["+1.5 @ 40000.00", "-0.5 @ 41000"], "500", "1", "40000", "60500"),
    # An event contract costs what it may lose.
    (EVENT, ["+100 @ 0.42", "-100 @ 0.55"], "13.00", "0", "0", "100013.00"),
]


@pytest.mark.parametrize(("instrument", "fills", "realized", "position", "cost", "cash"), FILLS)
def test_fills_move_position_cost_and_cash(
    instrument: Instrument, fills: list[str], realized: str, position: str, cost: str, cash: str
) -> None:
    books, last = Books([instrument]), D(0)
    for fill in fills:
        quantity, price = fill.split(" @ ")
        last = books.trade(instrument.symbol, quantity, price)
    assert last == D(realized)
    assert books.holds(instrument.symbol) == (D(position), D(cost))
    assert books.money("cash") == D(cash)
    assert books.money("positions") == D(cost)
    assert books.money("contracts") == (-D(cost) if instrument.is_margined else 0)


def test_a_fee_leaves_cash_and_is_no_part_of_the_cost() -> None:
    books = Books()
    books.trade("ABC", "10", "12.50", fee="1.00")
    books.trade("ABC", "-10", "12.50", fee="-0.25")  # a rebate
    assert books.money("fees") == D("0.75")
    assert books.money("cash") == D("99999.25")
    assert books.money("realized") == 0


def test_the_journal_tells_each_change_of_a_position() -> None:
    books = Books()
    books.trade("ABC", "10", "12.50")
    books.trade("ABC", "-15", "13.00")
    rows = books.journal(at.KIND_POSITION_CHANGED)
    assert [row[at.POSITION_AFTER] for row in rows] == [10, -5]
    assert [row[at.POSITION_CLOSED_LOTS] for row in rows] == [0, 10]
    assert [row[at.POSITION_REALIZED] for row in rows] == [0, 5 * 10**8]
    assert {row[at.POSITION_CAUSE] for row in rows} == {at.KIND_FILL}


# The exact sum of all values is what was booked plus the remainder, in 10^-8 / denominator.
@pytest.mark.parametrize(
    ("fills", "booked", "remainder"),
    [
        # One lot (10^-8) at n ticks is n / 100 minor units: 0.5 rounds to 0, 1.5 to 2.
        (["+0.00000001 @ 0.50"], 0, 50),
        (["+0.00000001 @ 1.50"], 2, -50),
        (["+0.00000001 @ 2.50"], 2, 50),
        (["+0.00000001 @ 0.49"], 0, 49),
        (["+0.00000001 @ 0.51"], 1, -49),
        (["-0.00000001 @ 1.50"], -2, 50),
        (["+0.00000001 @ 1.50", "+0.00000001 @ 0.50"], 2, 0),
    ],
)
def test_what_rounding_left_is_remembered(fills: list[str], booked: int, remainder: int) -> None:
    books = Books([COIN])
    for fill in fills:
        quantity, price = fill.split(" @ ")
        books.trade("BTC", quantity, price)
    assert books.holds("BTC")[1] == D(booked).scaleb(-8)
    assert books.s.positions[0, at.POSITION_REMAINDER] == remainder


def test_a_flip_prices_the_closed_part_at_its_own_value() -> None:
    """3 lots at 0.50 are 1.5 minor units; the one that closes is worth 0.5, rounded to 0."""
    books = Books([COIN])
    books.trade("BTC", "0.00000001", "1.00")
    realized = books.trade("BTC", "-0.00000003", "0.50")
    assert realized == D("-0.00000001")
    assert books.holds("BTC") == (D("-0.00000002"), D("-0.00000002"))


# --- income and costs of holding --------------------------------------------------------------------
@pytest.mark.parametrize(
    ("quantity", "per_unit", "paid"),
    [
        ("100", "0.24", "24.00"),
        ("-100", "0.24", "-24.00"),  # a short pays it
        ("100", "0.00000001", "0.000001"),
        ("0", "0.24", "0"),
    ],
)
def test_a_dividend_is_paid_on_what_is_held(quantity: str, per_unit: str, paid: str) -> None:
    books = Books()
    books.price("ABC", "10")
    if quantity != "0":
        books.trade("ABC", quantity, "10")
    before = books.money("cash")
    books.dividend("ABC", per_unit)
    assert books.money("cash") - before == D(paid)
    assert books.money("dividends") == -D(paid)


def test_a_reinvested_dividend_buys_whole_lots_at_the_next_price() -> None:
    books = Books()
    books.s.account[at.ACCOUNT_REINVEST] = 1
    books.trade("ABC", "100", "10")
    books.dividend("ABC", "0.50")  # 50.00 waits
    assert books.holds("ABC")[0] == 100
    books.price("ABC", "12.00")  # buys 4 for 48.00
    assert books.holds("ABC") == (D(104), D("1048.00"))
    assert books.money("cash") == D(100_000) - 1000 + 50 - 48
    books.price("ABC", "1.00")  # the rest does not wait
    assert books.holds("ABC")[0] == 104


def test_a_dividend_is_not_reinvested_into_a_position_that_was_sold() -> None:
    books = Books()
    books.s.account[at.ACCOUNT_REINVEST] = 1
    books.trade("ABC", "100", "10")
    books.dividend("ABC", "0.50")
    books.trade("ABC", "-100", "10")
    books.price("ABC", "10")
    assert books.holds("ABC") == (0, 0)
    assert books.s.positions[0, at.POSITION_PENDING] == 0


@pytest.mark.parametrize(
    ("quantity", "rate", "mark", "paid"),
    [
        ("0.500", "0.0001", "0", "-1.50"),  # at the last price, 30,000: 15,000 x 0.01 %
        ("0.500", "0.0001", "31000.0", "-1.55"),
        ("-0.500", "0.0001", "0", "1.50"),
        ("0.500", "-0.0001", "0", "1.50"),
    ],
)
def test_longs_pay_positive_funding_to_shorts(
    quantity: str, rate: str, mark: str, paid: str
) -> None:
    books = Books([PERPETUAL])
    books.trade("PERP", quantity, "30000.0")
    books.funding("PERP", rate, mark)
    assert books.money("cash") == 100_000 + D(paid)
    assert books.money("funding") == -D(paid)


def test_nothing_held_pays_no_funding_and_leaves_no_trace() -> None:
    books = Books([PERPETUAL])
    books.funding("PERP", "0.0001", "30000.0")
    assert books.journal(at.KIND_CASH_CHANGED) == []


@pytest.mark.parametrize(
    ("days", "fee"),
    # 365 days at 3 % of 36,500 dollars short: 3 dollars a day.
    [(1, "3.00"), (365, "1095.00"), (0, "0")],
)
def test_a_short_position_pays_to_borrow(days: int, fee: str) -> None:
    books = Books()
    books.s.terms[0, at.TERM_BORROW_PPB] = 3 * 10**7
    books.accrue(0)  # the clock of interest starts
    books.trade("ABC", "-1000", "36.50")
    books.accrue(days)
    assert books.money("borrow") == D(fee)
    assert books.money("cash") == 136_500 - D(fee)


def test_long_and_margined_positions_borrow_nothing() -> None:
    books = Books([SHARE, FUTURE])
    books.s.terms[0, at.TERM_BORROW_PPB] = books.s.terms[1, at.TERM_BORROW_PPB] = 3 * 10**7
    books.accrue(0)
    books.trade("ABC", "1000", "36.50")
    books.trade("ES", "-1", "4000")
    books.accrue(365)
    assert books.money("borrow") == 0


def test_cash_earns_and_debt_costs_interest() -> None:
    books = Books(cash="36500")
    books.s.account[at.ACCOUNT_CREDIT_PPB] = 2 * 10**7
    books.s.account[at.ACCOUNT_MARGIN_PPB] = 8 * 10**7
    books.accrue(0)
    books.accrue(1)  # 36,500 x 2 % / 365
    assert books.money("cash") == D(36_502)
    books.trade("ABC", "730", "100.00")  # 73,000: cash is -36,498
    books.accrue(1)
    assert books.money("interest") == D("-2") + D("7.99956164")  # 36,498 x 8 % / 365
    assert books.money("cash") == D(-36_498) - D("7.99956164")


def test_the_first_accrual_only_starts_the_clock() -> None:
    books = Books()
    books.s.account[at.ACCOUNT_CREDIT_PPB] = 10**9
    books.accrue(400)
    assert books.money("interest") == 0


# --- splits -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("quantity", "ratio", "after", "cost", "cash_in_lieu", "realized"),
    [
        # bought at 10.00, last price 12.00
        ("100", (2, 1), "200", "1000", "0", "0"),
        ("100", (3, 2), "150", "1000", "0", "0"),
        ("101", (3, 2), "151", "1006.66666667", "4.00", "0.66666667"),  # 1/3 old share
        ("105", (1, 10), "10", "1000", "60.00", "10.00"),  # 5 old shares at 12
        ("5", (1, 10), "0", "0", "60.00", "10.00"),
        ("-105", (1, 10), "-10", "-1000", "-60.00", "-10.00"),
        ("0", (2, 1), "0", "0", "0", "0"),
    ],
)
def test_a_split_keeps_the_cost_and_pays_fractions(
    quantity: str,
    ratio: tuple[int, int],
    after: str,
    cost: str,
    cash_in_lieu: str,
    realized: str,
) -> None:
    books = Books()
    if quantity != "0":
        books.trade("ABC", quantity, "10.00")
    books.price("ABC", "12.00")
    before = books.money("cash")
    books.split("ABC", *ratio)
    assert books.holds("ABC") == (D(after), D(cost))
    assert books.money("cash") - before == D(cash_in_lieu)
    assert books.money("realized") == -D(realized)


def test_the_mark_is_split_with_the_position() -> None:
    books = Books()
    books.trade("ABC", "100", "10.00")
    books.price("ABC", "12.00")
    books.split("ABC", 3, 2)
    assert books.s.positions[0, at.POSITION_LAST] == 800
    assert books.equity == D(100_200)


# --- settlement -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("price", "cash", "realized"),
    [("1", "100058.00", "58.00"), ("0", "99958.00", "-42.00"), ("0.30", "99988.00", "-12.00")],
)
def test_a_contract_settles_without_a_fill(price: str, cash: str, realized: str) -> None:
    books = Books([EVENT])
    books.trade("RAIN", "100", "0.42")
    books.settle("RAIN", price)
    assert books.holds("RAIN") == (0, 0)
    assert (books.money("cash"), books.money("realized")) == (D(cash), -D(realized))
    assert books.s.positions[0, at.POSITION_CLOSED] == 1
    books.price("RAIN", "0.99")  # a late print marks nothing
    assert books.s.positions[0, at.POSITION_LAST] == books.ticks("RAIN", price)


def test_a_future_settles_to_cash() -> None:
    books = Books([FUTURE])
    books.trade("ES", "-2", "4000")
    books.settle("ES", "3990")
    assert books.money("cash") == D(101_000)
    assert books.holds("ES") == (0, 0)


# --- other currencies -------------------------------------------------------------------------------
def test_a_pair_that_prices_the_other_currency_converts_directly() -> None:
    books = Books([GERMAN, EURUSD])
    books.sets_rate_of("EUR", "EURUSD")
    books.price("EURUSD", "1.25000")
    books.trade("SAP", "100", "80.00")  # pays 8,000 euros that it does not have
    assert books.money("cash", "EUR") == D(-8000)
    assert books.equity == D(100_000)
    books.price("SAP", "81.00")
    assert books.equity == D(100_000) + 100 * D("1.25")
    books.price("EURUSD", "1.20000")
    assert books.equity == D(100_000) + 100 * D("1.20")


def test_a_pair_priced_in_the_other_currency_converts_inversely() -> None:
    books = Books([JAPANESE, USDJPY])
    books.sets_rate_of("JPY", "USDJPY", inverse=True)
    books.price("USDJPY", "160.000")
    books.trade("SONY", "10", "12800")
    books.price("SONY", "12960")  # 1,600 yen more
    assert books.equity == D(100_010)
    books.price("USDJPY", "150.000")
    # 10^10 / 150 = 66,666,666.67 rounded: 0.0066666667 dollars a yen, times 1,600
    assert books.equity == D(100_000) + D("10.66666672")


def test_money_is_converted_at_the_last_rates() -> None:
    books = Books([GERMAN, JAPANESE, EURUSD, USDJPY])
    books.sets_rate_of("EUR", "EURUSD")
    books.sets_rate_of("JPY", "USDJPY", inverse=True)
    books.price("EURUSD", "1.25000")
    books.price("USDJPY", "160.000")
    books.convert("USD", "EUR", "1000")
    assert books.money("cash", "EUR") == D(800)
    books.convert("EUR", "JPY", "400")  # 500 dollars, 80,000 yen
    assert books.money("cash", "JPY") == D(80_000)
    assert books.money("cash", "EUR") == D(400)
    assert books.equity == D(100_000)


@pytest.mark.parametrize("amount", ["2500", "-2500"])
def test_a_transfer_is_a_flow_and_not_a_gain(amount: str) -> None:
    books = Books([GERMAN, EURUSD])
    books.sets_rate_of("EUR", "EURUSD")
    books.price("EURUSD", "1.20000")
    books.transfer("EUR", amount)
    assert books.money("cash", "EUR") == D(amount)
    assert books.s.account[at.ACCOUNT_FLOW] == D(amount) * D("1.2") * 10**8
    books.event(at.KIND_TIMER)
    mark = books.journal(at.KIND_EQUITY_MARKED)[-1]
    assert Decimal(mark[at.MARK_FLOW]) == D(amount) * D("1.2") * 10**8
    assert books.s.account[at.ACCOUNT_FLOW] == 0


def test_a_stated_rate_and_a_correction_are_booked_as_told() -> None:
    books = Books([GERMAN])
    books.event(at.KIND_CONVERSION_RATE, RATE_CURRENCY=1, RATE_VALUE=11 * 10**9)
    books.event(at.KIND_CORRECTION, TRANSFER_CURRENCY=1, TRANSFER_MINOR=-(10**8))
    assert books.money("corrections", "EUR") == 1
    assert books.equity == D("99998.90")


def test_a_currency_without_a_rate_stops_the_core_and_books_nothing() -> None:
    books = Books([GERMAN])
    books.trade("SAP", "100", "80.00")
    books.price("SAP", "80.00")
    books.event(at.KIND_TIMER)
    assert books.fault == at.FAULT_NO_RATE
    assert books.journal(at.KIND_EQUITY_MARKED) == []


# --- marks ------------------------------------------------------------------------------------------
def test_a_crossed_or_locked_quote_marks_nothing() -> None:
    books = Books()
    quotes = [("10.00", "10.03", 1001), ("10.05", "10.05", 1001), ("10.06", "10.05", 1001)]
    for bid, ask, last in quotes:
        books.event(
            at.KIND_QUOTE, 0, QUOTE_BID=books.ticks("ABC", bid), QUOTE_ASK=books.ticks("ABC", ask)
        )
        assert books.s.positions[0, at.POSITION_LAST] == last


def test_a_mark_tells_equity_exposure_and_cash() -> None:
    books = Books([SHARE, FUTURE])
    books.trade("ABC", "100", "10.00")
    books.trade("ES", "-1", "20.00")  # worth 1,000
    books.price("ABC", "11.00")
    books.price("ES", "19.00")
    books.event(at.KIND_TIMER)
    mark = books.journal(at.KIND_EQUITY_MARKED)[-1]
    unit = 10**8
    assert mark[at.MARK_EQUITY] == (100_000 + 100 + 50) * unit
    assert mark[at.MARK_GROSS] == (1100 + 950) * unit
    assert mark[at.MARK_NET] == (1100 - 950) * unit
    assert mark[at.MARK_CASH] == 99_000 * unit


def test_a_halt_is_remembered_until_trading_resumes() -> None:
    books = Books()
    books.event(at.KIND_HALT, 0)
    assert books.s.positions[0, at.POSITION_HALTED] == 1
    books.event(at.KIND_RESUME, 0)
    assert books.s.positions[0, at.POSITION_HALTED] == 0


def test_an_instrument_of_every_kind_is_paid_as_its_kind_is() -> None:
    margined = {kind for kind in InstrumentKind if Instrument("X", kind).is_margined}
    for kind in InstrumentKind:
        books = Books([Instrument("X", kind)])
        books.trade("X", "10", "0.50")
        assert books.money("cash") == (100_000 if kind in margined else 99_995)


@pytest.mark.parametrize(
    ("account", "amount"),
    [("fees", "-0.23"), ("interest", "1.10"), ("dividends", "-0.05"), ("corrections", "-7")],
)
def test_what_the_broker_has_booked_stands_in_its_account_and_is_a_gain_or_a_loss(
    account: str, amount: str
) -> None:
    books = Books()
    books.event(
        at.KIND_POSTING,
        0,
        TRANSFER_MINOR=to_minor(amount),
        POSTING_ACCOUNT=MONEY[account],
    )
    assert books.money(account, "USD") == -D(amount)
    assert books.equity == D(100_000) + D(amount)
    (moved,) = books.journal(at.KIND_CASH_CHANGED)
    assert moved[at.CASH_CAUSE] == at.KIND_POSTING and moved[at.CASH_ACCOUNT] == MONEY[account]
    assert books.s.account[at.ACCOUNT_FLOW] == 0
