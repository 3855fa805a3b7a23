"""Rare places of the core: what does not fit, what has no rate, and the ways into kernels."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from engine.errors import InputError
from engine.jit import as_plain, callback, compiled, kernel
from engine.kernels.intents import BUY, SELL, limit_order, market_order, stop_order
from engine.kernels.ledger import from_base
from engine.kernels.money import INT64_MAX, OVERFLOW, add_checked
from engine.model import layout as at
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.units import (
    from_minor,
    parse_decimal,
    to_minor,
    to_quanta,
    to_quanta_toward_zero,
)
from engine.rules.decide import change_to
from engine.state import state_hash
from tests.unit.core.books import EURUSD, EVENT, GERMAN, SHARE, Books, D

MAX = INT64_MAX


# --- amounts that do not fit leave everything as it was -------------------------------------------------
def state_of(books: Books) -> tuple[list[list[int]], list[list[int]]]:
    return books.core.ledger.tolist(), books.core.positions.tolist()


def test_a_trade_whose_cash_does_not_fit_is_not_booked() -> None:
    books = Books(cash="90000000000")
    before = state_of(books)
    books.trade("ABC", "-30000000", "100.00")  # 3 billion more than fits
    assert books.fault == at.FAULT_OVERFLOW
    assert state_of(books) == before


def test_a_position_whose_lots_do_not_fit_is_not_booked() -> None:
    tiny = Instrument("T", InstrumentKind.CRYPTO_SPOT, "USD", 9, 9)
    books = Books([tiny])
    books.trade("T", "9000000000", "0.000000001")
    before = state_of(books)
    books.trade("T", "9000000000", "0.000000001")
    assert books.fault == at.FAULT_OVERFLOW
    assert state_of(books) == before


def test_a_split_whose_fraction_does_not_fit_changes_nothing_of_the_position() -> None:
    books = Books(cash="92000000000")
    books.trade("ABC", "3", "1.00")
    books.price("ABC", "90000000000.00")  # cash in lieu of a third would not fit
    before = books.holds("ABC"), books.money("cash")
    books.split("ABC", 5, 2)
    assert books.fault == at.FAULT_OVERFLOW
    assert (books.holds("ABC"), books.money("cash")) == before


def test_a_dividend_too_large_to_reinvest_waits_for_nothing() -> None:
    books = Books([SHARE])
    books.s.account[at.ACCOUNT_REINVEST] = 1
    books.trade("ABC", "1", "1.00")
    books.dividend("ABC", "1.00")
    books.price("ABC", "92233720368547758.07")  # one lot is worth more than there is money
    assert books.holds("ABC")[0] == 1
    assert books.fault == at.FAULT_NONE


def test_a_target_out_of_reach_of_64_bits_is_not_traded() -> None:
    books = Books()
    books.s.positions[0, at.POSITION_QUANTITY] = -MAX
    assert change_to(books.s, 0, MAX) == (0, False)


# --- rates ------------------------------------------------------------------------------------------
def test_money_for_a_currency_without_a_rate_is_a_fault() -> None:
    books = Books([GERMAN, EURUSD])
    assert from_base(books.s, 1, 100) == OVERFLOW
    assert books.fault == at.FAULT_NO_RATE


def test_a_conversion_without_a_rate_books_neither_side() -> None:
    books = Books([GERMAN, EURUSD])
    books.convert("USD", "EUR", "100")
    assert books.fault == at.FAULT_NO_RATE
    assert books.money("cash") == 100_000
    assert books.money("cash", "EUR") == 0


@pytest.mark.parametrize(
    ("rate", "there"),
    [
        (1, "0"),  # a dollar is ten billion euros: 100,000 dollars do not fit
        (10**10, "92233720368"),  # the euros are there already
    ],
)
def test_a_conversion_that_does_not_fit_books_neither_side(rate: int, there: str) -> None:
    books = Books([GERMAN, EURUSD])
    books.event(at.KIND_CONVERSION_RATE, RATE_CURRENCY=1, RATE_VALUE=rate)
    books.s.ledger[1, at.LEDGER_CASH] = to_minor(there)
    books.s.ledger[1, at.LEDGER_TRANSFERS] = -to_minor(there)
    books.convert("USD", "EUR", "50000")
    assert books.fault == at.FAULT_OVERFLOW
    assert books.money("cash") == 100_000
    assert books.money("cash", "EUR") == D(there)


def test_flows_that_do_not_fit_stop_the_core() -> None:
    books = Books([GERMAN, EURUSD])
    books.event(at.KIND_CONVERSION_RATE, RATE_CURRENCY=1, RATE_VALUE=10**12)
    books.transfer("EUR", "1000000000")  # 100 billion dollars
    assert books.fault == at.FAULT_OVERFLOW


def test_a_pair_that_prices_at_next_to_nothing_keeps_the_last_rate() -> None:
    pair = Instrument("TINY", InstrumentKind.FX, "USD", 9)
    books = Books([pair, GERMAN])
    books.sets_rate_of("EUR", "TINY")
    books.price("TINY", "1.000000000")
    books.s.terms[0, at.TERM_PRICE_UNIT] = MAX
    books.price("TINY", "0.000000001")  # rounds to a rate of 0
    assert books.s.ledger[1, at.LEDGER_RATE] == at.RATE_ONE


# --- identity ---------------------------------------------------------------------------------------
def test_a_state_is_known_by_its_bytes() -> None:
    one, two = Books(), Books()
    assert state_hash(one.block) == state_hash(two.block)
    one.trade("ABC", "1", "1.00")
    assert state_hash(one.block) != state_hash(two.block)
    two.trade("ABC", "1", "1.00")
    assert state_hash(one.block) == state_hash(two.block)
    assert state_hash(one.block.astype(">i8")) == state_hash(one.block)
    assert len(state_hash(one.block)) == 32


def test_a_copy_of_the_block_is_a_snapshot() -> None:
    books = Books()
    snapshot = books.block.copy()
    books.trade("ABC", "1", "1.00")
    books.block[:] = snapshot
    assert books.holds("ABC") == (0, 0)
    assert books.money("cash") == D(100_000)


# --- intents ----------------------------------------------------------------------------------------
def test_intents_of_compiled_strategies_are_whole_rows() -> None:
    block = np.full((3, at.ORDER_WIDTH), 7, dtype=np.int64)
    intents = as_plain(block)
    n = market_order(intents, 0, BUY, 10)
    n = limit_order(intents, n, SELL, 20, 990)
    n = stop_order(intents, n, SELL, 30, 880, at.FLAG_REDUCE_ONLY)
    assert n == 3
    columns = [at.ORDER_SIDE, at.ORDER_TYPE, at.ORDER_QUANTITY, at.ORDER_LIMIT, at.ORDER_STOP]
    assert block[:, columns].tolist() == [
        [1, at.TYPE_MARKET, 10, 0, 0],
        [-1, at.TYPE_LIMIT, 20, 990, 0],
        [-1, at.TYPE_STOP, 30, 0, 880],
    ]
    assert block[:, at.ORDER_TIF].tolist() == [at.TIF_GTC] * 3
    assert block[:, at.ORDER_FLAGS].tolist() == [0, 0, at.FLAG_REDUCE_ONLY]
    rest = [c for c in range(at.ORDER_WIDTH) if c not in (*columns, at.ORDER_TIF, at.ORDER_FLAGS)]
    assert not block[:, rest].any()


# --- kernels ----------------------------------------------------------------------------------------
def test_only_kernels_are_compiled() -> None:
    def plain(a: int) -> int:
        return a

    with pytest.raises(ValueError, match="is not a kernel: decorate it"):
        compiled(plain)
    with pytest.raises(ValueError, match="is not a kernel: decorate it"):
        callback(plain, None)


def test_a_kernel_stays_the_function_that_it_was() -> None:
    def plain(a: int) -> int:
        return a

    assert kernel(plain) is plain
    assert compiled(add_checked) is compiled(add_checked)
    assert compiled(add_checked) is not add_checked


# --- units ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("value", "says"),
    [
        (1.5, "is a float"),
        ("ten", "is not a number"),
        ("", "is not a number"),
        ("NaN", "must be finite"),
        ("-Infinity", "must be finite"),
    ],
)
def test_what_is_no_exact_number_is_refused(value: str | int, says: str) -> None:
    with pytest.raises(InputError, match=says):
        parse_decimal(value, name="price")


@pytest.mark.parametrize(
    ("value", "precision", "quanta"),
    [
        ("92233720368.54775807", 8, MAX),
        ("-92233720368.54775807", 8, -MAX),
        ("92233720368.54775808", 8, None),
        ("0.000000001", 8, None),
        ("1e999999", 0, None),
        ("0.10", 1, 1),
        (12, 2, 1200),
    ],
)
def test_text_becomes_quanta_exactly_or_not_at_all(
    value: str | int, precision: int, quanta: int | None
) -> None:
    if quanta is None:
        with pytest.raises(InputError):
            to_quanta(value, precision, name="price")
    else:
        assert to_quanta(value, precision, name="price") == quanta


@pytest.mark.parametrize(("value", "quanta"), [("1.999", 199), ("-1.999", -199), ("2", 200)])
def test_what_is_cut_is_cut_towards_zero(value: str, quanta: int) -> None:
    assert to_quanta_toward_zero(Decimal(value), 2) == quanta


def test_money_goes_out_as_it_came_in() -> None:
    assert from_minor(to_minor("-12.34567891")) == D("-12.34567891")


def test_an_event_contract_that_settles_while_flat_is_closed() -> None:
    books = Books([EVENT])
    books.settle("RAIN", "1")
    assert books.s.positions[0, at.POSITION_CLOSED] == 1
    assert books.journal(at.KIND_POSITION_CHANGED) == []
