"""How much an entry trades: whole lot steps, rounded towards less."""

from __future__ import annotations

import pytest

from engine.model import layout as at
from engine.model.instruments import Instrument, InstrumentKind
from engine.rules.sizing import (
    SIZE_EQUITY,
    SIZE_NOTIONAL,
    SIZE_QUANTITY,
    entry_lots,
    lots_for_money,
    lots_for_share,
)
from tests.unit.core.books import COIN, EURUSD, FUTURE, GERMAN, JAPANESE, SHARE, USDJPY, Books

MAX = 2**63 - 1
TENS = Instrument("TEN", InstrumentKind.EQUITY, quantity_step_lots=10)


def books_at(instrument: Instrument, price: str, cash: str = "10000") -> Books:
    books = Books([instrument], cash=cash)
    books.price(instrument.symbol, price)
    return books


# instrument, price, method, value -> lots; equity is 10,000
SIZES = [
    (SHARE, "9.99", SIZE_QUANTITY, 7 * 10**9, 7),
    (SHARE, "9.99", SIZE_QUANTITY, 7 * 10**9 + 999_999_999, 7),
    (TENS, "9.99", SIZE_QUANTITY, 19 * 10**9, 10),
    (TENS, "9.99", SIZE_QUANTITY, 9 * 10**9, 0),
    (COIN, "9.99", SIZE_QUANTITY, 15 * 10**8, 150_000_000),
    (SHARE, "10.00", SIZE_NOTIONAL, 1000 * 10**8, 100),
    (SHARE, "10.01", SIZE_NOTIONAL, 1000 * 10**8, 99),
    (SHARE, "1000.00", SIZE_NOTIONAL, 1000 * 10**8, 1),
    (SHARE, "1000.01", SIZE_NOTIONAL, 1000 * 10**8, 0),
    (TENS, "10.00", SIZE_NOTIONAL, 999 * 10**8, 90),
    (FUTURE, "19.99", SIZE_NOTIONAL, 1000 * 10**8, 1),  # one contract is 999.50
    (FUTURE, "20.01", SIZE_NOTIONAL, 1000 * 10**8, 0),
    (COIN, "40000.00", SIZE_NOTIONAL, 1000 * 10**8, 2_500_000),
    (SHARE, "10.00", SIZE_EQUITY, 95 * 10**7, 950),
    (SHARE, "10.00", SIZE_EQUITY, 10**9, 1000),
    (SHARE, "10.00", SIZE_EQUITY, 0, 0),
    # What does not fit is not bought.
    (SHARE, "92233720368547758.07", SIZE_EQUITY, 10**9, 0),
    (TENS, "9223372036854775.00", SIZE_NOTIONAL, MAX, 0),
    (COIN, "0.01", SIZE_QUANTITY, MAX, 922_337_203_685_477_580),
]


@pytest.mark.parametrize(("instrument", "price", "method", "value", "lots"), SIZES)
def test_a_size_is_whole_lot_steps(
    instrument: Instrument, price: str, method: int, value: int, lots: int
) -> None:
    books = books_at(instrument, price)
    books.s.account[at.ACCOUNT_SIZE_METHOD] = method
    books.s.account[at.ACCOUNT_SIZE_VALUE] = value
    assert entry_lots(books.s, 0) == lots


@pytest.mark.parametrize(
    ("rate", "lots"),
    [("1.25000", 100), ("1.25001", 99), ("1.00000", 125)],
)
def test_money_is_converted_before_it_is_spent(rate: str, lots: int) -> None:
    books = Books([GERMAN, EURUSD])
    books.sets_rate_of("EUR", "EURUSD")
    books.price("SAP", "80.00")
    books.price("EURUSD", rate)
    assert lots_for_money(books.s, 0, 10_000 * 10**8) == lots


def test_an_inverse_pair_converts_as_well() -> None:
    books = Books([JAPANESE, USDJPY])
    books.sets_rate_of("JPY", "USDJPY", inverse=True)
    books.price("SONY", "12800")
    books.price("USDJPY", "160.000")
    assert lots_for_money(books.s, 0, 8_000 * 10**8) == 100


def test_without_a_price_or_a_rate_nothing_is_bought_and_nothing_stops() -> None:
    books = Books([GERMAN, EURUSD])
    assert lots_for_money(books.s, 0, 10**12) == 0
    books.price("SAP", "80.00")
    assert lots_for_money(books.s, 0, 10**12) == 0
    assert books.fault == at.FAULT_NONE


@pytest.mark.parametrize("money", [0, -1, -(2**63)])
def test_no_money_buys_nothing(money: int) -> None:
    assert lots_for_money(books_at(SHARE, "1.00").s, 0, money) == 0


def test_an_account_under_water_buys_nothing() -> None:
    books = books_at(SHARE, "10.00", cash="100")
    books.trade("ABC", "-100", "10.00")
    books.price("ABC", "11.01")
    assert books.equity < 0
    assert lots_for_share(books.s, 0, 10**9) == 0
