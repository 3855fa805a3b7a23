"""The budget of requests: cancels have the last of it, and the venue's word is heeded."""

from __future__ import annotations

import pytest

from brokers.alpaca.budget import Budget, Use
from engine.approved import CancelApproved
from engine.errors import VenueError
from engine.ports import SubmitStatus
from tests.unit.brokers.alpaca.messages import ORDER, ORDER_ID
from tests.unit.brokers.alpaca.scripted import ScriptedVenue, answer, approved, broker_of, run

SECOND = 10**9


class Hands:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.wall, self.ticks = 1_800_000_000 * SECOND, 5 * SECOND

    def now_ns(self) -> int:
        return self.wall

    def monotonic_ns(self) -> int:
        return self.ticks

    async def sleep(self, seconds: float) -> None:
        self.ticks += round(seconds * SECOND)


def spent(count: int) -> tuple[Budget, Hands]:
    clock = Hands()
    budget = Budget(clock)
    for _ in range(count):
        budget.spend()
    return budget, clock


# Of 200 a minute: 120 for orders, 180 with questions, 200 with cancels.
@pytest.mark.parametrize(
    ("sent", "order", "question", "cancel"),
    [(0, 0, 0, 0), (119, 0, 0, 0), (120, 60, 0, 0), (179, 60, 0, 0), (180, 60, 60, 0),
     (199, 60, 60, 0), (200, 60, 60, 60)],
)  # fmt: skip
def test_shares(sent: int, order: float, question: float, cancel: float) -> None:
    budget, _ = spent(sent)
    waits = [budget.wait_seconds(use) for use in (Use.ORDER, Use.QUESTION, Use.CANCEL)]
    assert waits == [order, question, cancel]
    assert budget.left == 200 - sent


def test_a_minute_later_all_is_free_again() -> None:
    budget, clock = spent(150)
    clock.ticks += 20 * SECOND
    assert budget.wait_seconds(Use.ORDER) == 40
    clock.ticks += 40 * SECOND
    assert budget.wait_seconds(Use.ORDER) == 0


def test_the_venue_counts_what_others_send_too() -> None:
    budget, clock = spent(3)
    reset = str(clock.wall // SECOND + 12)
    budget.learn(200, {"X-RateLimit-Remaining": "70", "X-RateLimit-Reset": reset})
    assert budget.left == 70
    assert budget.wait_seconds(Use.ORDER) == 12  # 130 of 200 are used
    assert budget.wait_seconds(Use.QUESTION) == 0
    clock.ticks += 12 * SECOND
    assert budget.wait_seconds(Use.ORDER) == 0


def test_a_smaller_limit_of_the_venue_is_ours() -> None:
    budget, _ = spent(7)
    budget.learn(200, {"X-RateLimit-Limit": "10"})
    assert [budget.wait_seconds(use) for use in Use] == [60, 0, 0]


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "7"}, 7),
        ({"X-RateLimit-Reset": "1800000030"}, 30),
        ({"Retry-After": "7", "X-RateLimit-Reset": "1800000030"}, 30),
        ({}, 5),
        ({"Retry-After": "soon"}, 5),
        ({"Retry-After": "nan"}, 5),
        ({"Retry-After": "-3"}, 5),
        ({"X-RateLimit-Reset": "1700000000"}, 5),
        ({"Retry-After": "1e9"}, 300),
    ],
)
def test_too_many_requests_are_waited_for(headers: dict[str, str], wait: float) -> None:
    budget, clock = spent(1)
    assert budget.learn(429, headers) == wait
    assert budget.wait_seconds(Use.ORDER) == budget.wait_seconds(Use.QUESTION) == wait
    assert budget.wait_seconds(Use.CANCEL) == 0  # nobody is held in an order
    clock.ticks += round(wait * SECOND)
    assert budget.wait_seconds(Use.ORDER) == 0


def test_after_a_429_nothing_is_sent_but_cancels() -> None:
    async def story() -> None:
        async with ScriptedVenue() as venue:
            venue.handlers["POST /v2/orders"] = answer(200, ORDER)
            venue.handlers[f"DELETE /v2/orders/{ORDER_ID}"] = answer(204)
            body = {"code": 42910000, "message": "too many requests."}
            venue.handlers["GET /v2/positions"] = answer(429, body, Retry_After="60")
            broker = broker_of(venue)
            await broker.connect()
            await broker.submit(approved(), "tr-abc")
            with pytest.raises(VenueError) as caught:
                await broker.positions()
            assert 59 < caught.value.retry_after_seconds <= 60
            count = len(venue.requests)
            outcome = await broker.submit(approved(order_id=2), "tr-two")
            assert (outcome.status, outcome.code) == (SubmitStatus.NOT_SENT, "rate_limited")
            with pytest.raises(VenueError) as caught:
                await broker.positions()
            assert 59 < caught.value.retry_after_seconds <= 60
            assert len(venue.requests) == count
            canceled = await broker.cancel(CancelApproved(1, 0), "tr-abc")
            assert canceled.status is SubmitStatus.TAKEN
            assert broker.health().requests_left < 200
            await broker.close()

    run(story())
