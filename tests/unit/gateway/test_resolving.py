"""What a look at an order in doubt proves, how the account is compared, and how long to wait."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model import layout as at
from engine.model.orders import OrderStatus
from engine.ports import ClientIds, Execution, VenueOrder, VenuePosition
from runtime.gateway.inbox import Inbox
from runtime.gateway.ledger import OrderLedger, Sent, Tracked
from runtime.gateway.reconciling import Truth, compare
from runtime.gateway.resolving import Doubt, Finding, finding
from runtime.gateway.retrying import wait_seconds
from runtime.journal.records import Intent

SECOND = 10**9
UNKNOWN = Tracked(1, "tr-a", 0, 1, 10, 99, Sent.UNKNOWN)
OPEN, CANCELED, FILLED = OrderStatus.OPEN, OrderStatus.CANCELED, OrderStatus.FILLED
LOOKS = [
    # looks | seconds | ids | wanted | finding of an order that the venue does not know
    (2, 60, ClientIds.FOREVER, True, Finding.WAIT),
    (3, 9.999, ClientIds.FOREVER, True, Finding.WAIT),
    (3, 10, ClientIds.FOREVER, True, Finding.AGAIN),
    (3, 10, ClientIds.FOREVER, False, Finding.ABSENT),
    (3, 10, ClientIds.OPEN, True, Finding.ABSENT),
    (3, 10, ClientIds.NONE, True, Finding.ABSENT),
]


@pytest.mark.parametrize(("looks", "seconds", "ids", "wanted", "expected"), LOOKS)
def test_absent_is_proven_by_several_looks_over_ten_seconds(
    looks: int, seconds: float, ids: ClientIds, wanted: bool, expected: Finding
) -> None:
    doubt = Doubt(SECOND, looks=looks)
    now = SECOND + round(seconds * SECOND)
    assert finding(UNKNOWN, None, doubt, now, ids, may_go_again=wanted) is expected


@pytest.mark.parametrize(
    ("status", "theirs", "expected"),
    [
        (OPEN, 0, Finding.WORKS),
        (OPEN, 4, Finding.WORKS),
        (CANCELED, 0, Finding.ENDED),
        (CANCELED, 4, Finding.WAIT),  # four lots that were not read yet
        (FILLED, 10, Finding.WAIT),
    ],
)
def test_an_order_that_is_found_is_followed(
    status: OrderStatus, theirs: int, expected: Finding
) -> None:
    found = VenueOrder("tr-a", "v", 1, 0, status, 10, theirs)
    doubt = Doubt(0, looks=1)
    assert finding(UNKNOWN, found, doubt, 1, ClientIds.NONE, may_go_again=True) is expected


def test_an_order_that_the_venue_had_and_forgot_is_never_sent_again() -> None:
    taken = Tracked(1, "tr-a", 0, 1, 10, 99, Sent.TAKEN)
    doubt, ids = Doubt(0, looks=50), ClientIds.FOREVER
    assert finding(taken, None, doubt, 60 * SECOND, ids, may_go_again=True) is Finding.LOST


@given(attempt=st.integers(0, 10_000), draw=st.floats(0, 1), after=st.floats(0, 3600))
def test_waits_grow_to_half_a_minute_and_heed_the_venue(
    attempt: int, draw: float, after: float
) -> None:
    whole = min(30.0, 0.1 * 2 ** min(attempt, 30))
    found = wait_seconds(attempt, draw, after)
    assert max(whole / 2, after) <= found <= max(whole, after)


def test_what_was_missed_is_told_and_what_nobody_explains_is_a_difference() -> None:
    books = OrderLedger()
    for number in (1, 2, 3):
        books.begin(Intent(str(number), f"tr-{number}", 0, at.KIND_SUBMITTED, number, 0, 1, 10, 99))
        books.mark(number, Sent.TAKEN)
    books.mark(3, Sent.ENDED)
    inbox = Inbox(books)
    mine = Execution("a", "tr-1", "", 0, 1, 4, 99, 0, "USD", 1, 5)
    theirs = Execution("b", "x", "", 1, 1, 4, 99, 0, "USD", 1, 5)
    orders = [VenueOrder(f"tr-{n}", f"v{n}", 0, 0, OPEN, 10, 0) for n in (1, 3)]
    orders.append(VenueOrder("x", "v9", 0, 1, OPEN, 10, 0))
    truth = Truth([mine, theirs], orders, [VenuePosition(0, 4), VenuePosition(1, 4)])
    found = compare(truth, inbox)
    assert [(e.kind, e.client_id) for e in found.events] == [
        (at.KIND_FILL, "tr-1"),
        (at.KIND_ACCEPTED, "tr-1"),
    ]
    assert found.doubtful == (2,), "it should work, and does not"
    assert found.astray == (3,), "it had ended, and works"
    assert [each.instrument for each in found.foreign] == [1, 1]
    books.set_position(0, 4)
    inbox.note(("x:a",))
    assert compare(truth, inbox).differing == {1: (4, 0)}
    assert not compare(truth, inbox).is_good
