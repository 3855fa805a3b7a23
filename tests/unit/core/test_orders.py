"""The life of an order in the core: every cell of the transition table, and what each fact does."""

from __future__ import annotations

import pytest

from engine.kernels.orders import ask_cancel, ask_replace, move
from engine.model import layout as at
from engine.model.denials import Denial
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.orders import TRANSITIONS, OrderEvent, OrderStatus
from engine.rules.risk import open_lots
from tests.unit.core.books import Books, D

S, E = OrderStatus, OrderEvent
CELLS = [(status, event) for status in OrderStatus for event in OrderEvent]
LIVE = [S.IN_FLIGHT, S.HELD, S.OPEN, S.TRIGGERED, S.PARTIALLY_FILLED, S.PENDING_CANCEL]


@pytest.fixture
def books() -> Books:
    books = Books()
    books.price("ABC", "10.00")
    return books


# --- the table --------------------------------------------------------------------------------------
@pytest.mark.parametrize(("status", "event"), CELLS, ids=lambda value: value.name)
def test_every_cell_of_the_table_is_followed_or_stops_the_core(
    books: Books, status: OrderStatus, event: OrderEvent
) -> None:
    row = books.row_of(books.order("buy 10 market"))
    books.s.orders[row, at.ORDER_STATUS] = status
    move(books.s, row, event)
    if (status, event) in TRANSITIONS:
        assert books.s.orders[row, at.ORDER_STATUS] == TRANSITIONS[status, event]
        assert books.fault == at.FAULT_NONE
    else:
        assert books.s.orders[row, at.ORDER_STATUS] == status
        assert books.fault == at.FAULT_TRANSITION


@pytest.mark.parametrize("event", [E.FILL, E.CANCELED, E.EXPIRED, E.REJECTED])
@pytest.mark.parametrize("status", LIVE)
def test_a_live_order_can_end_in_every_way(status: OrderStatus, event: OrderEvent) -> None:
    if (status, event) == (S.HELD, E.FILL):
        assert (status, event) not in TRANSITIONS  # its parent has not filled
    else:
        assert TRANSITIONS[status, event].is_closed


@pytest.mark.parametrize("status", [s for s in OrderStatus if s.is_closed or s is S.NONE])
def test_an_ended_order_moves_only_by_a_late_fill(status: OrderStatus) -> None:
    moves = {event for (start, event) in TRANSITIONS if start is status}
    late = status in (S.CANCELED, S.EXPIRED, S.REJECTED)
    assert moves == ({E.PARTIAL_FILL, E.FILL} if late else set())


def test_an_order_that_was_not_filled_never_becomes_partially_filled() -> None:
    for (start, event), outcome in TRANSITIONS.items():
        if outcome is S.PARTIALLY_FILLED and start is not S.PARTIALLY_FILLED:
            assert event in (E.PARTIAL_FILL,)


# --- facts ------------------------------------------------------------------------------------------
def test_an_approved_order_is_in_flight_and_leaves_as_a_command(books: Books) -> None:
    order_id = books.order("buy 10 limit 9.50")
    assert books.working() == [
        {"id": order_id, "status": S.IN_FLIGHT, "side": 1, "type": 2, "quantity": 10, "limit": 950}
    ]
    assert books.s.account[at.ACCOUNT_COMMANDS] == 1
    assert books.s.commands[0, at.COMMAND_KIND] == at.KIND_SUBMITTED
    assert books.s.positions[0, at.POSITION_WORKING] == 1
    submitted = books.journal(at.KIND_SUBMITTED)[0]
    assert (submitted[at.FACT_ORDER], submitted[at.SUBMIT_LIMIT]) == (order_id, 950)


def test_fills_add_up_and_the_last_one_ends_the_order(books: Books) -> None:
    order_id = books.order("buy 10 market")
    books.fact(at.KIND_ACCEPTED, order_id)
    books.filled(order_id, "4", "10.00", fee="0.50")
    row = books.row_of(order_id)
    assert books.s.orders[row, at.ORDER_STATUS] == S.PARTIALLY_FILLED
    assert books.s.orders[row, at.ORDER_FILLED] == 4
    assert books.s.orders[row, at.ORDER_VALUE] == 40 * 10**8
    assert books.s.orders[row, at.ORDER_FEES] == 5 * 10**7
    books.filled(order_id, "6", "10.01")
    assert books.row_of(order_id) == -1
    assert books.holds("ABC") == (10, D("100.06"))
    assert books.s.account[at.ACCOUNT_FILLS] == 2
    assert books.s.positions[0, at.POSITION_WORKING] == 0


@pytest.mark.parametrize("kind", [at.KIND_CANCELED, at.KIND_EXPIRED, at.KIND_REJECTED])
def test_an_ended_order_leaves_the_table_and_keeps_its_fills(books: Books, kind: int) -> None:
    first, second = books.order("buy 10 market"), books.order("buy 5 limit 9.00")
    books.filled(first, "4", "10.00")
    books.fact(kind, first)
    assert [order["id"] for order in books.working()] == [second]
    assert books.holds("ABC")[0] == 4


def test_a_triggered_stop_still_works(books: Books) -> None:
    order_id = books.order("buy 10 stop 11.00")
    books.fact(at.KIND_ACCEPTED, order_id)
    books.fact(at.KIND_TRIGGERED, order_id)
    assert books.working()[0]["status"] == S.TRIGGERED


def test_a_cancel_is_asked_confirmed_or_refused(books: Books) -> None:
    order_id = books.order("buy 10 limit 9.00")
    books.fact(at.KIND_ACCEPTED, order_id)
    assert ask_cancel(books.s, order_id)
    assert books.working()[0]["status"] == S.PENDING_CANCEL
    books.fact(at.KIND_CANCEL_REJECTED, order_id)
    assert books.working()[0]["status"] == S.OPEN
    assert ask_cancel(books.s, order_id)
    books.fact(at.KIND_CANCELED, order_id)
    assert books.working() == []
    kinds = [books.s.commands[n, at.COMMAND_KIND] for n in range(3)]
    assert kinds == [at.KIND_SUBMITTED, at.KIND_CANCEL_SENT, at.KIND_CANCEL_SENT]


def test_a_cancel_or_replace_of_what_does_not_work_is_refused(books: Books) -> None:
    assert not ask_cancel(books.s, 7)
    assert books.denial is Denial.UNKNOWN_ORDER
    books.s.account[at.ACCOUNT_LAST_DENIAL] = 0
    assert not ask_replace(books.s, 7, 1, 1, 0)
    assert books.denial is Denial.UNKNOWN_ORDER
    books.fact(at.KIND_CANCEL_REJECTED, 7)  # the venue's word for the same
    assert books.fault == at.FAULT_NONE


def test_a_replace_is_judged_at_the_larger_until_the_broker_confirms(books: Books) -> None:
    order_id = books.order("buy 10 limit 9.00")
    assert ask_replace(books.s, order_id, 20, 950, 0)
    assert (books.working()[0]["quantity"], books.working()[0]["limit"]) == (10, 900)
    assert open_lots(books.s, books.row_of(order_id)) == 20
    books.fact(at.KIND_REPLACED, order_id, LOTS=20, PRICE=950)
    assert (books.working()[0]["quantity"], books.working()[0]["limit"]) == (20, 950)
    assert ask_replace(books.s, order_id, 5, 950, 0)
    assert open_lots(books.s, books.row_of(order_id)) == 20  # more may still fill
    books.fact(at.KIND_REPLACED, order_id, LOTS=5, PRICE=950)
    assert open_lots(books.s, books.row_of(order_id)) == 5


def test_a_total_asked_for_needs_buying_power_at_once() -> None:
    books = Books(cash="1000")
    books.price("ABC", "10.00")
    order_id = books.order("buy 10 limit 10.00")
    assert ask_replace(books.s, order_id, 60, 1000, 0)
    assert books.verdict("buy 41 limit 10.00") is Denial.BUYING_POWER
    assert books.verdict("buy 40 limit 10.00") is Denial.NONE


def test_an_order_that_fills_while_it_is_replaced_has_ended(books: Books) -> None:
    """The broker has not seen the larger total yet: for it the order is done."""
    order_id = books.order("buy 10 limit 10.00")
    assert ask_replace(books.s, order_id, 20, 1000, 0)
    books.filled(order_id, "10", "10.00")
    assert books.working() == []
    books.fact(at.KIND_CANCEL_REJECTED, order_id)  # its answer to the replace
    assert books.fault == at.FAULT_NONE


def test_of_two_totals_asked_for_the_larger_counts_until_it_is_confirmed(books: Books) -> None:
    order_id = books.order("buy 10 limit 9.00")
    assert ask_replace(books.s, order_id, 20, 900, 0)
    assert ask_replace(books.s, order_id, 30, 900, 0)
    books.fact(at.KIND_REPLACED, order_id, LOTS=20, PRICE=900)
    assert open_lots(books.s, books.row_of(order_id)) == 30
    books.fact(at.KIND_REPLACED, order_id, LOTS=30, PRICE=900)
    assert books.s.orders[0, at.ORDER_REPLACING] == 0


def test_a_denied_replace_changes_nothing(books: Books) -> None:
    order_id = books.order("buy 10 limit 9.00")
    before = books.working()
    assert not ask_replace(books.s, order_id, 10, 0, 0)
    assert books.denial is Denial.PRICE_MISSING
    assert books.working() == before
    assert books.s.account[at.ACCOUNT_COMMANDS] == 1


def test_a_full_table_does_not_forbid_a_replace() -> None:
    books = Books(orders=1)
    books.price("ABC", "10.00")
    order_id = books.order("buy 10 limit 9.00")
    assert books.verdict("buy 10 limit 9.00") is Denial.TOO_MANY_ORDERS
    assert ask_replace(books.s, order_id, 10, 905, 0)


# --- linked orders ----------------------------------------------------------------------------------
def bracket(books: Books) -> tuple[int, int, int]:
    parent = books.order("buy 10 market")
    stop = books.order("sell 10 stop 9.00", PARENT=-1, GROUP=-1)
    target = books.order("sell 10 limit 11.00", PARENT=-2, GROUP=-1)
    return parent, stop, target


def test_children_are_held_and_can_only_reduce(books: Books) -> None:
    parent, *children = bracket(books)
    for child in children:
        row = books.row_of(child)
        assert books.s.orders[row, at.ORDER_STATUS] == S.HELD
        assert books.s.orders[row, at.ORDER_PARENT] == parent
        assert books.s.orders[row, at.ORDER_GROUP] == parent
        assert books.s.orders[row, at.ORDER_FLAGS] & at.FLAG_REDUCE_ONLY


def test_a_fill_of_one_child_takes_as_much_off_the_other(books: Books) -> None:
    parent, stop, target = bracket(books)
    books.filled(parent, "10", "10.00")
    for child in (stop, target):
        books.fact(at.KIND_ARMED, child, LOTS=10)
    books.filled(target, "4", "11.00")
    quantities = {order["id"]: order["quantity"] for order in books.working()}
    assert quantities == {stop: 6, target: 10}
    books.filled(target, "6", "11.00")
    books.fact(at.KIND_CANCELED, stop)
    assert books.working() == []
    assert books.money("realized") == -10


def test_a_parent_that_ends_early_leaves_its_children_what_it_armed(books: Books) -> None:
    parent, stop, target = bracket(books)
    books.filled(parent, "4", "10.00")
    for child in (stop, target):
        books.fact(at.KIND_ARMED, child, LOTS=4)
    books.fact(at.KIND_CANCELED, parent)
    assert [order["quantity"] for order in books.working()] == [4, 4]


def test_a_child_of_a_denied_parent_is_denied(books: Books) -> None:
    assert books.order("buy 0 market") == 0
    assert books.verdict("sell 10 stop 9.00", PARENT=-1, GROUP=-1) is Denial.PARENT_DENIED


# --- splits -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("order", "ratio", "quantity", "limit", "stop"),
    [
        ("buy 10 limit 9.01", (2, 1), 20, 450, 0),  # 4.505: a buy pays no more than before
        ("sell 10 limit 9.01", (2, 1), 20, 451, 0),
        ("buy 10 stop 11.01", (2, 1), 20, 0, 551),
        ("sell 10 stop 11.01", (2, 1), 20, 0, 550),
        ("buy 10 limit 9.00", (1, 4), 2, 3600, 0),  # a part of a lot is not bought
    ],
)
def test_working_orders_follow_a_split(
    books: Books, order: str, ratio: tuple[int, int], quantity: int, limit: int, stop: int
) -> None:
    books.trade("ABC", "1000" if order.startswith("sell") else "1", "10.00")
    books.order(order)
    books.split("ABC", *ratio)
    row = books.working()[0]
    assert (row["quantity"], row.get("limit", 0), row.get("stop", 0)) == (quantity, limit, stop)


def test_what_was_filled_before_a_split_counts_in_new_lots(books: Books) -> None:
    order_id = books.order("buy 10 limit 10.00")
    books.filled(order_id, "4", "10.00")
    books.split("ABC", 3, 1)
    row = books.working()[0]
    assert (row["filled"], row["quantity"]) == (12, 30)


def test_what_a_parent_armed_and_what_was_asked_for_follow_a_split(books: Books) -> None:
    parent, stop, _ = bracket(books)
    books.filled(parent, "4", "10.00")
    books.fact(at.KIND_ARMED, stop, LOTS=4)
    assert ask_replace(books.s, parent, 15, 0, 0)
    books.split("ABC", 3, 1)
    assert books.s.orders[books.row_of(stop), at.ORDER_ARMED] == 12
    assert books.s.orders[books.row_of(parent), at.ORDER_REPLACING] == 45


def test_an_order_that_a_split_takes_out_of_range_stops_the_core() -> None:
    books = Books([Instrument("ABC", InstrumentKind.EQUITY, price_precision=9)])
    books.s.account[at.ACCOUNT_LEVERAGE_PPM] = 10**12
    books.price("ABC", "0.000000001")
    assert books.order("buy 1 limit 8000000000.0") != 0
    books.split("ABC", 1, 2)
    assert books.fault == at.FAULT_OVERFLOW


# --- what must not happen ---------------------------------------------------------------------------
def test_a_fact_about_an_unknown_order_stops_the_core(books: Books) -> None:
    books.fact(at.KIND_CANCELED, 99)
    assert books.fault == at.FAULT_UNKNOWN_ORDER


def test_the_first_fault_stays(books: Books) -> None:
    books.fact(at.KIND_CANCELED, 99)
    order_id = books.order("buy 10 market")
    books.s.orders[books.row_of(order_id), at.ORDER_STATUS] = S.DENIED
    move(books.s, books.row_of(order_id), E.ACCEPTED)
    assert books.fault == at.FAULT_UNKNOWN_ORDER


def test_a_full_journal_stops_the_core_at_its_last_row(books: Books) -> None:
    room = books.s.journal.shape[0]
    books.s.account[at.ACCOUNT_JOURNAL] = room
    books.event(at.KIND_TIMER)
    assert books.fault == at.FAULT_JOURNAL_FULL
    assert books.s.account[at.ACCOUNT_JOURNAL] == room


def test_full_commands_stop_the_core(books: Books) -> None:
    books.s.account[at.ACCOUNT_COMMANDS] = books.s.commands.shape[0]
    books.order("buy 10 market")
    assert books.fault == at.FAULT_COMMANDS_FULL
