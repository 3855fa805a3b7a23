"""The budget of requests: cancels have the last of it, and the venue's word is heeded."""

from __future__ import annotations

from pathlib import Path

import pytest

from brokers.alpaca.budget import Budget, Use, shared_budget
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


# Of 200 a minute: 80 for a feed's clock, 160 with orders, 180 with questions, 200 with cancels.
@pytest.mark.parametrize(
    ("sent", "data", "order", "question", "cancel"),
    [(0, 0, 0, 0, 0), (79, 0, 0, 0, 0), (80, 60, 0, 0, 0), (159, 60, 0, 0, 0), (160, 60, 60, 0, 0),
     (179, 60, 60, 0, 0), (180, 60, 60, 60, 0), (199, 60, 60, 60, 0), (200, 60, 60, 60, 60)],
)  # fmt: skip
def test_shares(sent: int, data: float, order: float, question: float, cancel: float) -> None:
    budget, _ = spent(sent)
    uses = (Use.DATA, Use.ORDER, Use.QUESTION, Use.CANCEL)
    assert [budget.wait_seconds(use) for use in uses] == [data, order, question, cancel]
    assert budget.left == 200 - sent


def test_a_minute_later_all_is_free_again() -> None:
    budget, clock = spent(170)
    clock.ticks += 20 * SECOND
    assert budget.wait_seconds(Use.ORDER) == 40
    clock.ticks += 40 * SECOND
    assert budget.wait_seconds(Use.ORDER) == 0


def test_the_venue_counts_what_others_send_too() -> None:
    budget, clock = spent(3)
    reset = str(clock.wall // SECOND + 12)
    budget.learn(200, {"X-RateLimit-Remaining": "30", "X-RateLimit-Reset": reset})
    assert budget.left == 30
    assert budget.wait_seconds(Use.ORDER) == 12  # 170 of 200 are used
    assert budget.wait_seconds(Use.QUESTION) == 0
    clock.ticks += 12 * SECOND
    assert budget.wait_seconds(Use.ORDER) == 0


@pytest.mark.parametrize(
    ("date", "wait"), [("Fri, 15 Jan 2027 08:00:00 GMT", 12), ("soon", 7), ("", 7)]
)  # 1,800,000,000 seconds since 1970
def test_a_minute_of_the_venue_ends_by_its_own_clock(date: str, wait: float) -> None:
    budget, clock = spent(3)
    clock.wall += 5 * SECOND  # ours is ahead
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1800000012", "Date": date}
    budget.learn(200, headers)
    assert budget.wait_seconds(Use.QUESTION) == wait


def test_a_smaller_limit_of_the_venue_is_ours() -> None:
    budget, _ = spent(8)
    budget.learn(200, {"X-RateLimit-Limit": "10"})
    assert [budget.wait_seconds(use) for use in Use] == [60, 60, 0, 0]


def test_who_asks_for_one_account_spends_of_one_budget() -> None:
    clock, account = Hands(), ("trading", "http://127.0.0.1:1", "KEY")
    one = shared_budget(clock, *account)
    assert shared_budget(clock, *account) is one
    assert shared_budget(clock, *account[:2], "OTHER") is not one
    assert shared_budget(clock, "data", *account[1:]) is not one, "the venue counts data apart"
    assert shared_budget(Hands(), *account) is not one, "another time, another process"


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


def test_in_a_ban_not_even_cancels_are_sent() -> None:
    budget, clock = spent(1)
    assert budget.learn(418, {"Retry-After": "86400"}) == 86_400  # to its end, however long
    assert [budget.wait_seconds(use) for use in Use] == [86_400] * len(Use)
    clock.ticks += 86_400 * SECOND
    assert [budget.wait_seconds(use) for use in Use] == [0] * len(Use)


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


@pytest.mark.parametrize(
    ("status", "asked", "later", "order", "cancel"),
    [
        (429, "60", 20, 40, 0),
        (418, "60", 20, 40, 40),
        (418, "60", 61, 0, 0),
        (429, "9999", 0, 300, 0),
        (200, "60", 0, 0, 0),
    ],
)
def test_a_new_process_knows_what_the_venue_asked_its_predecessor_to_wait(
    tmp_path: Path, status: int, asked: str, later: int, order: float, cancel: float
) -> None:
    before, after = Hands(), Hands()
    path = tmp_path / "account"
    Budget(before, path=path).learn(status, {"Retry-After": asked})
    after.wall, after.ticks = before.wall + later * SECOND, 900 * SECOND
    budget = Budget(after, path=path)
    assert budget.wait_seconds(Use.ORDER) == order
    assert budget.wait_seconds(Use.CANCEL) == cancel


@pytest.mark.parametrize("content", [b"", b"{", b'{"paused_ns": 1e400}', b"[]"])
def test_what_cannot_be_read_of_a_predecessor_is_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "account"
    path.write_bytes(content)
    assert Budget(Hands(), path=path).wait_seconds(Use.ORDER) == 0


def test_a_clock_that_went_back_waits_no_longer_than_a_venue_may_ask(tmp_path: Path) -> None:
    before, after = Hands(), Hands()
    path = tmp_path / "account"
    Budget(before, path=path).learn(429, {"Retry-After": "60"})
    after.wall -= 10**6 * SECOND
    assert Budget(after, path=path).wait_seconds(Use.ORDER) == 300
