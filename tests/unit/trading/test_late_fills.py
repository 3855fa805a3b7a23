"""A fill after the broker has said that its order ended is booked once, and opens the position again."""

from __future__ import annotations

import pytest

from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.trading import Clearer, ExitReason, Latch, Severity
from engine.rules.guards import watch_equity
from engine.rules.latches import clear_latch, set_latch
from tests.unit.core.books import SHARE, Books, D
from tests.unit.trading.trading_books import TradingBooks

ENDS = [at.KIND_CANCELED, at.KIND_EXPIRED, at.KIND_REJECTED]


@pytest.fixture
def books() -> TradingBooks:
    books = TradingBooks([SHARE], cash="100000")
    books.price("ABC", "10.00")
    return books


@pytest.mark.parametrize("kind", ENDS, ids=["canceled", "expired", "rejected"])
def test_a_late_fill_is_booked_and_opens_the_position(books: TradingBooks, kind: int) -> None:
    order = books.order("buy 10 limit 9.00")
    books.fact(kind, order)
    assert books.holds("ABC")[0] == 0
    books.filled(order, "4", "9.00", fee="0.50")
    assert books.holds("ABC") == (4, D("36.00"))
    assert books.s.account[at.ACCOUNT_FILLS] == 1
    assert books.s.monitors[0, loop.MONITOR_POSITION] == 1
    assert books.s.account[at.ACCOUNT_HELD] == 1
    assert books.s.account[at.ACCOUNT_TOUCHED] == 1  # the loop has its turn
    assert books.working() == []
    assert books.fault == at.FAULT_NONE


def test_parts_add_up_and_more_than_was_ordered_is_booked_too(books: TradingBooks) -> None:
    order = books.order("buy 10 limit 9.00")
    books.filled(order, "3", "9.00")
    books.fact(at.KIND_CANCELED, order)
    books.filled(order, "2", "9.00")
    books.filled(order, "5", "9.00")
    assert books.holds("ABC")[0] == 10
    books.filled(order, "5", "9.00")  # the venue has traded it: that is so, wanted or not
    assert books.holds("ABC") == (15, D("135.00"))
    assert books.fault == at.FAULT_NONE


def test_a_fill_of_an_order_that_was_filled_whole_is_booked(books: TradingBooks) -> None:
    order = books.order("buy 10 limit 9.00")
    books.filled(order, "10", "9.00")
    books.filled(order, "2", "9.00")
    books.filled(order, "1", "9.00")
    assert books.holds("ABC") == (13, D("117.00"))
    assert books.working() == []
    assert books.fault == at.FAULT_NONE


def test_an_order_long_gone_is_not_guessed_at(books: TradingBooks) -> None:
    first = books.order("buy 10 limit 9.00")
    books.fact(at.KIND_CANCELED, first)
    for _ in range(loop.ENDED_ROWS):
        books.fact(at.KIND_CANCELED, books.order("buy 10 limit 9.00"))
    books.filled(first, "4", "9.00")
    assert books.fault == at.FAULT_UNKNOWN_ORDER
    assert books.holds("ABC")[0] == 0


def test_a_late_fill_belongs_to_the_order_signal(books: TradingBooks) -> None:
    order = books.order("buy 10 limit 9.00")
    books.s.orders[books.row_of(order), at.ORDER_SIGNAL] = 7
    books.fact(at.KIND_CANCELED, order)
    books.filled(order, "4", "9.00")
    assert books.s.monitors[0, loop.MONITOR_SIGNAL] == 7
    assert books.s.monitors[0, loop.ENTRY_SIGNAL] == 0  # no entry works


@pytest.mark.parametrize("latch", [Latch.DAILY_LOSS, Latch.DRAWDOWN, Latch.KILL])
@pytest.mark.parametrize("has_closed", [True, False])
def test_what_a_late_fill_opens_is_closed_where_everything_was(
    books: TradingBooks, latch: Latch, has_closed: bool
) -> None:
    """A guard had closed all and locked the account; a halt that keeps positions keeps this one."""
    order = books.order("buy 10 limit 9.00")
    books.fact(at.KIND_CANCELED, order)
    severity = Severity.FLATTENING if has_closed else Severity.LOCKED
    set_latch(books.s, latch, severity, -7, -5, 1, loop.NEVER)
    watch_equity(books.s)
    assert books.s.account[at.ACCOUNT_SEVERITY] == Severity.LOCKED
    books.filled(order, "4", "9.00")
    assert books.s.account[at.ACCOUNT_SEVERITY] == severity
    assert books.s.latches[latch, loop.LATCH_MANUAL] == 1, "only a person resets it, all the same"
    assert [row[loop.LATCHED_SEVERITY] for row in books.journal(at.KIND_LATCH_SET)] == (
        [Severity.FLATTENING, Severity.LOCKED, Severity.FLATTENING] if has_closed else [severity]
    )
    if has_closed:
        closing = books.order("sell 4 market", EXIT=ExitReason.CIRCUIT_BREAKER)
        books.filled(closing, "4", "9.00")
        watch_equity(books.s)
    assert books.s.account[at.ACCOUNT_SEVERITY] == Severity.LOCKED


def test_after_a_reset_a_late_fill_is_a_position_like_any_other(books: TradingBooks) -> None:
    order = books.order("buy 10 limit 9.00")
    books.fact(at.KIND_CANCELED, order)
    set_latch(books.s, Latch.DAILY_LOSS, Severity.FLATTENING, -7, -5, 1, loop.NEVER)
    watch_equity(books.s)
    clear_latch(books.s, Latch.DAILY_LOSS, Clearer.PERSON)
    books.filled(order, "4", "9.00")
    assert books.s.account[at.ACCOUNT_SEVERITY] == Severity.ACTIVE


def test_without_the_loop_it_stops_the_core_as_ever() -> None:
    books = Books()
    books.price("ABC", "10.00")
    order = books.order("buy 10 limit 9.00")
    books.fact(at.KIND_CANCELED, order)
    books.filled(order, "4", "9.00")
    assert books.fault == at.FAULT_UNKNOWN_ORDER
    assert books.holds("ABC")[0] == 0
