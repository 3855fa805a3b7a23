"""An order that only reduces is for what is left to close, decided before it leaves; one for all at market goes first.

Each line: what is held, what works, what is asked for, and what leaves: its quantity, or why it is denied.
"""

from __future__ import annotations

import pytest

from engine.kernels.orders import ask_cancel, ask_replace
from engine.model import layout as at
from engine.model.denials import Denial
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.layout import ORDER_QUANTITY
from tests.unit.core.books import Books

SHARE = Instrument("ABC", InstrumentKind.EQUITY)
DENIED = "denied"
TABLE = """
held | works                              | asked for          | leaves
 10  |                                    | sell 500 market    | 10
 10  |                                    | sell 500 limit 11  | 10
 10  |                                    | sell 4 stop 9      | 4
-10  |                                    | buy 500 limit 9    | 10
 10  |                                    | buy 1 limit 9      | denied
 10  | sell 6 limit 11                    | sell 500 stop 9    | 4
 10  | sell 6 limit 11                    | sell 4 stop 9      | 4
 10  | sell 10 limit 11                   | sell 1 stop 9      | denied
 10  | buy 5 limit 9                      | sell 500 limit 11  | 10
 10  | sell 10 limit 11                   | sell 10 market     | 10, the other is canceled
 10  | sell 10 limit 11                   | sell 500 market    | 10, the other is canceled
 10  | sell 10 limit 11                   | sell 9 market      | denied
 10  | sell 4 limit 11                    | sell 9 market      | 6
 10  | sell 10 market                     | sell 10 market     | denied
 10  | sell 4 market                      | sell 500 market    | 6
-10  | buy 10 limit 9                     | buy 10 market      | 10, the other is canceled
"""


def lines() -> list[tuple[str, ...]]:
    rows = [line for line in TABLE.splitlines()[2:] if line]
    return [tuple(part.strip() for part in line.split("|")) for line in rows]


def held_of(lots: str) -> Books:
    books = Books([SHARE])
    books.s.account[at.ACCOUNT_SHORT] = 1
    books.price("ABC", "10.00")
    books.trade("ABC", lots, "10.00")
    return books


def reduce(books: Books, text: str) -> int:
    return books.order(text, FLAGS=at.FLAG_REDUCE_ONLY)


@pytest.mark.parametrize(("held", "works", "asked", "leaves"), lines())
def test_a_line_of_the_table(held: str, works: str, asked: str, leaves: str) -> None:
    books = held_of(held)
    other = reduce(books, works) if works and works[:3] == asked[:3] else 0
    if works and not other:
        assert books.order(works)
    order = reduce(books, asked)
    if leaves == DENIED:
        assert order == 0 and books.denial is Denial.NOTHING_TO_REDUCE
    else:
        assert books.s.orders[books.row_of(order), ORDER_QUANTITY] == int(leaves.split(",")[0])
    canceled = [row[at.FACT_ORDER] for row in books.journal(at.KIND_CANCEL_SENT)]
    assert canceled == ([other] if "canceled" in leaves else [])


def test_what_is_being_canceled_is_left_to_close() -> None:
    books = held_of("10")
    first = reduce(books, "sell 10 limit 11")
    assert ask_cancel(books.s, first)
    second = reduce(books, "sell 500 limit 12")
    assert books.s.orders[books.row_of(second), ORDER_QUANTITY] == 10


def test_a_bracket_makes_way_for_what_closes() -> None:
    books = held_of("10")
    parent = books.order("buy 5 limit 9")
    assert books.order("sell 5 stop 8", PARENT=parent)
    order = reduce(books, "sell 500 limit 11")
    assert books.s.orders[books.row_of(order), ORDER_QUANTITY] == 10


@pytest.mark.parametrize(("asked", "becomes"), [(8, 6), (6, 6), (5, 5), (2, 2)])
def test_a_change_grows_by_no_more_than_is_left(asked: int, becomes: int) -> None:
    books = held_of("10")
    assert reduce(books, "sell 4 stop 9")
    order = reduce(books, "sell 5 limit 11")
    assert ask_replace(books.s, order, asked, books.ticks("ABC", "11"), 0)
    (row,) = books.journal(at.KIND_REPLACE_SENT)
    assert row[at.FACT_LOTS] == becomes
