"""Our adapter trades at the simulated venue: whole lives of orders, and everything that goes wrong."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from brokers.alpaca.client import Deadlines
from engine.approved import CancelApproved, ReplaceApproved
from engine.errors import VenueError
from engine.model import layout as at
from engine.model.orders import OrderStatus, OrderType, TimeInForce
from engine.ports import SubmitStatus, VenuePosition
from sims.venues.alpaca.faults import parse_faults
from tests.venues.alpaca.adapters import Ear, broker_at, order_of, trading, wire_count
from tests.venues.alpaca.markets import run, until, venue_at

TAKEN, REFUSED, UNKNOWN = SubmitStatus.TAKEN, SubmitStatus.REFUSED, SubmitStatus.UNKNOWN
ACCEPTED, FILL, CANCELED = at.KIND_ACCEPTED, at.KIND_FILL, at.KIND_CANCELED
HASTY = Deadlines(order=0.4, question=3.0, stream=3.0, look=0.0, heartbeat=1.0, mute=3.0)
CANCEL = CancelApproved(1, 0)


# --- lives -----------------------------------------------------------------------------------------------
def test_the_account_is_read() -> None:
    async def story() -> None:
        async with trading() as (venue, broker, _):
            facts = await broker.account()
            assert facts.account == venue.settings.account_number
            assert (facts.environment, facts.currency, facts.is_blocked) == (
                "rehearsal",
                "USD",
                False,
            )
            assert facts.cash_minor == facts.equity_minor == 100_000 * 10**8
            assert (facts.buying_power_minor, facts.may_short) == (200_000 * 10**8, True)
            state = await broker.market()
            assert state.is_open and state.next_close_ns > state.next_open_ns - 7 * 86400 * 10**9

    run(story())


def test_a_partial_fill_then_the_rest() -> None:
    async def story() -> None:
        async with trading() as (venue, broker, ear):
            outcome = await broker.submit(order_of(quantity_lots=900), "tr-one")
            assert outcome.status is TAKEN
            venue.advance(1)
            venue.quote("AAPL", "190.00", "190.02", ask_size="500")
            await ear.hears(2)
            found = await broker.order("tr-one")
            assert found is not None
            assert (found.status, found.filled_lots) == (OrderStatus.PARTIALLY_FILLED, 500)
            assert [each.client_id for each in await broker.open_orders()] == ["tr-one"]
            venue.advance(1)
            venue.quote("AAPL", "190.00", "190.01")
            await ear.hears(3)
            assert ear.kinds == [ACCEPTED, FILL, FILL]
            fills = [each.execution for each in ear.events[1:]]
            assert [each.lots for each in fills if each] == [500, 400]
            assert await broker.executions("") == fills  # the very same, by both ways
            assert await broker.positions() == [VenuePosition(0, 900)]
            assert await broker.open_orders() == []
            found = await broker.order("tr-one")
            assert found is not None and found.status == OrderStatus.FILLED

    run(story())


def test_many_fills_are_read_over_all_pages() -> None:
    async def story() -> None:
        async with trading() as (venue, broker, ear):
            await broker.submit(order_of(quantity_lots=450), "tr-one")
            for _ in range(150):
                venue.advance(1)
                venue.quote("AAPL", "190.00", "190.02", ask_size="3")
            await ear.hears(151)
            told = [each.execution for each in ear.events[1:]]
            assert await broker.executions("") == told
            assert wire_count(venue, "activities_of_kind") == 2
            assert told[49] is not None
            again = await broker.executions(told[49].execution_id)
            assert again == [
                one for one in told if one and one.ts_ns >= told[49].ts_ns - 60 * 10**9
            ]

    run(story())


T, F = OrderType, TimeInForce


@pytest.mark.parametrize(
    "fields",
    [
        {"order_type": T.MARKET, "limit_ticks": 0},
        {"order_type": T.MARKET, "limit_ticks": 0, "time_in_force": F.IOC},
        {"order_type": T.MARKET, "limit_ticks": 0, "instrument": 1, "quantity_lots": 5 * 10**8},
        {"time_in_force": F.GTC},
        {"time_in_force": F.FOK},
        {"order_type": T.STOP, "limit_ticks": 0, "stop_ticks": 19500},
        {"order_type": T.STOP_LIMIT, "stop_ticks": 19500, "limit_ticks": 19510},
        {"order_type": T.TRAILING_STOP, "limit_ticks": 0, "trail_ticks": 100},
        {"order_type": T.TRAILING_STOP, "limit_ticks": 0, "trail_ppm": 15_000, "time_in_force": F.GTC},
        {"order_type": T.LIMIT_ON_CLOSE},
        {"order_type": T.MARKET_ON_CLOSE, "limit_ticks": 0},
        {"order_type": T.LIMIT_ON_OPEN},
        {"side": -1, "limit_ticks": 19000},
    ],
)  # fmt: skip
def test_what_is_sent_the_venue_takes_as_it_was_meant(fields: dict[str, Any]) -> None:
    async def story() -> None:
        order = order_of(**fields)
        at_the_open = order.order_type is T.LIMIT_ON_OPEN
        async with trading(text=f"2026-11-20T{13 if at_the_open else 15}:00") as (venue, broker, _):
            venue.quote("SPY", "600.00", "600.02")
            outcome = await broker.submit(order, "tr-one")
            assert outcome.status is TAKEN, outcome
            theirs = venue.books.order("tr-one")
            assert theirs is not None
            assert (theirs.lots, theirs.sign) == (order.quantity_lots, order.side)
            assert (theirs.limit_ticks, theirs.stop_ticks) == (order.limit_ticks, order.stop_ticks)
            assert (theirs.trail_ticks, theirs.trail_ppm) == (order.trail_ticks, order.trail_ppm)
            found = await broker.order("tr-one")
            assert found is not None
            assert (found.quantity_lots, found.side) == (order.quantity_lots, order.side)

    run(story())


def test_a_cancel_and_one_that_is_too_late() -> None:
    async def story() -> None:
        async with trading() as (_, broker, ear):
            await broker.submit(order_of(limit_ticks=18000), "tr-one")
            assert (await broker.cancel(CANCEL, "tr-one")).status is TAKEN
            await ear.hears(2)
            assert ear.kinds == [ACCEPTED, CANCELED]
            assert ear.events[1].filled_lots == 0
            late = await broker.cancel(CANCEL, "tr-one")
            assert (late.status, late.code) == (REFUSED, "too_late")
            found = await broker.order("tr-one")
            assert found is not None and found.status == OrderStatus.CANCELED

    run(story())


def test_an_order_is_replaced_and_fills_under_its_own_name() -> None:
    async def story() -> None:
        async with trading() as (venue, broker, ear):
            await broker.submit(order_of(limit_ticks=18000), "tr-one")
            await ear.hears(1)
            change = ReplaceApproved(1, 0, 8, 19010, 0)
            assert (await broker.replace(change, "tr-one")).status is TAKEN
            await until(lambda: at.KIND_REPLACED in ear.kinds)
            found = await broker.order("tr-one")
            assert found is not None
            assert (found.quantity_lots, found.limit_ticks) == (8, 19010)
            venue.advance(1)
            venue.quote("AAPL", "190.00", "190.02")
            await until(lambda: FILL in ear.kinds)
            assert {each.client_id for each in ear.events} == {"tr-one"}
            (one,) = await broker.executions("")
            assert (one.client_id, one.lots) == ("tr-one", 8)
            # Another process, which knows nothing, finds the same.
            other = broker_at(venue)
            await other.connect()
            again = await other.order("tr-one")
            assert again is not None
            assert (again.status, again.filled_lots) == (OrderStatus.FILLED, 8)
            assert [each.client_id for each in await other.executions(one.execution_id)] == [
                "tr-one"
            ]
            await other.close()

    run(story())


def test_a_partly_filled_order_is_not_replaced_but_canceled() -> None:
    async def story() -> None:
        async with trading() as (venue, broker, ear):
            await broker.submit(order_of(quantity_lots=900), "tr-one")
            venue.advance(1)
            venue.quote("AAPL", "190.00", "190.02", ask_size="500")
            await ear.hears(2)
            outcome = await broker.replace(ReplaceApproved(1, 0, 900, 19010, 0), "tr-one")
            assert outcome.status is REFUSED
            assert wire_count(venue, "replace") == 0
            await broker.cancel(CANCEL, "tr-one")
            await until(lambda: CANCELED in ear.kinds)
            assert ear.events[-1].filled_lots == 500

    run(story())


def test_a_closed_market_queues_orders() -> None:
    async def story() -> None:
        async with trading(text="2026-11-20T03:00") as (venue, broker, ear):
            state = await broker.market()
            assert not state.is_open
            outcome = await broker.submit(order_of(order_type=T.MARKET, limit_ticks=0), "tr-one")
            assert outcome.status is TAKEN
            found = await broker.order("tr-one")
            assert found is not None and found.status == OrderStatus.OPEN
            venue.advance_to(state.next_open_ns + 10**9)
            venue.quote("AAPL", "191.00", "191.02")
            await until(lambda: FILL in ear.kinds)
            (one,) = await broker.executions("")
            assert one.price_ticks == 19102

    run(story())


# --- submits that fail -------------------------------------------------------------------------------------
FAILING = [
    # fault | the venue has it | what we may say
    ('"kind": "error", "status": 500', False, UNKNOWN),
    ('"kind": "error", "status": 500, "after": true', True, UNKNOWN),
    ('"kind": "error", "status": 504, "after": true', True, UNKNOWN),
    ('"kind": "hang", "seconds": 5', False, UNKNOWN),
    ('"kind": "hang", "seconds": 5, "after": true', True, UNKNOWN),
    ('"kind": "reset"', False, UNKNOWN),
    ('"kind": "reset", "after": true', True, UNKNOWN),
    ('"kind": "torn", "after": true', True, UNKNOWN),
    ('"kind": "html", "status": 502', False, UNKNOWN),
    ('"kind": "html", "status": 200, "after": true', True, UNKNOWN),
    ('"kind": "missing_field", "field": "id"', True, UNKNOWN),
    ('"kind": "null_field", "field": "client_order_id"', True, UNKNOWN),
    ('"kind": "redirect", "value": "/v2/orders"', False, UNKNOWN),
    ('"kind": "set_field", "field": "status", "value": "pondering"', True, TAKEN),
    ('"kind": "number_kind", "field": "qty"', True, TAKEN),
    ('"kind": "error", "status": 429', False, REFUSED),
    ('"kind": "blocked"', False, REFUSED),
]


@pytest.mark.parametrize(("fault", "is_there", "status"), FAILING)
def test_one_submit_is_one_request_and_the_look_finds_the_truth(
    fault: str, is_there: bool, status: SubmitStatus
) -> None:
    async def story() -> None:
        line = f'{{{fault}, "on": "submit"}}'
        async with trading(line, deadlines=HASTY) as (venue, broker, _):
            outcome = await broker.submit(order_of(limit_ticks=18000), "tr-one")
            assert outcome.status is status, outcome
            assert wire_count(venue, "submit") == 1
            assert (venue.books.order("tr-one") is not None) == is_there
            if status is REFUSED:
                return  # it was told: nothing is to be looked up
            found = await broker.order("tr-one")
            assert (found is not None) == is_there
            # Once more under the same name: the venue itself keeps it from being two.
            again = await broker.submit(order_of(limit_ticks=18000), "tr-one")
            assert (again.status, again.code) == (
                (REFUSED, "duplicate") if is_there else (TAKEN, "")
            )
            assert wire_count(venue, "submit") == 2
            assert [each.client_id for each in venue.books.open_orders] == ["tr-one"]

    run(story())


def test_a_read_behind_the_truth_is_not_believed_at_once() -> None:
    async def story() -> None:
        stale = '{"kind": "stale", "on": "order_by_client_id", "lag": 9}'
        by_id = '{"kind": "stale", "on": "order", "lag": 9}'
        after = '{"kind": "error", "on": "submit", "status": 504, "after": true}'
        async with trading(stale, by_id, after) as (venue, broker, _):
            assert (await broker.submit(order_of(limit_ticks=18000), "tr-one")).status is UNKNOWN
            assert await broker.order("tr-one") is not None  # the second look saw it
            assert wire_count(venue, "order_by_client_id") >= 1

    run(story())


@pytest.mark.parametrize(
    ("fault", "status"),
    [('"kind": "error", "status": 504, "after": true', UNKNOWN),
     ('"kind": "hang", "seconds": 5', UNKNOWN), ('"kind": "reset", "after": true', UNKNOWN)],
)  # fmt: skip
def test_a_cancel_without_an_answer_is_unknown_and_harmless_to_repeat(
    fault: str, status: SubmitStatus
) -> None:
    async def story() -> None:
        async with trading(f'{{{fault}, "on": "cancel"}}', deadlines=HASTY) as (venue, broker, ear):
            await broker.submit(order_of(limit_ticks=18000), "tr-one")
            assert (await broker.cancel(CANCEL, "tr-one")).status is status
            assert wire_count(venue, "cancel") == 1
            assert (await broker.cancel(CANCEL, "tr-one")).status in (TAKEN, REFUSED)
            await until(lambda: CANCELED in ear.kinds)
            assert venue.books.open_orders == []

    run(story())


# --- the stream --------------------------------------------------------------------------------------------
def test_a_fill_that_the_stream_has_lost_is_found_by_asking() -> None:
    async def story() -> None:
        async with trading() as (venue, broker, ear):
            await broker.submit(order_of(), "tr-one")
            await ear.hears(1)
            venue.order_stream.drop_all()
            await until(lambda: ear.problem is not None)
            venue.advance(1)
            venue.quote("AAPL", "190.00", "190.02")
            await broker.connect()
            again = Ear(broker)
            (one,) = await broker.executions("")
            assert (one.client_id, one.lots, one.price_ticks) == ("tr-one", 10, 19002)
            await broker.submit(order_of(2, limit_ticks=18000), "tr-two")
            await again.hears(1)
            assert [each.client_id for each in again.events] == ["tr-two"]
            again.task.cancel()

    run(story())


@pytest.mark.parametrize(
    ("fault", "kinds"),
    [
        ('"kind": "duplicate", "at": 3', [ACCEPTED, FILL, FILL]),
        ('"kind": "lose", "at": 2', [FILL]),
        ('"kind": "missing_field", "field": "data.order.id", "at": 3', [ACCEPTED, 0]),
        ('"kind": "missing_field", "field": "data.price", "at": 3', [ACCEPTED, 0]),
        ('"kind": "set_field", "field": "data.event", "value": "evaporated", "at": 3', [ACCEPTED, CANCELED]),
        ('"kind": "set_field", "field": "data.order.status", "value": "pondering", "at": 3', [ACCEPTED, FILL]),
        ('"kind": "number_kind", "field": "data.qty", "at": 3', [ACCEPTED, FILL]),
    ],
)  # fmt: skip
def test_messages_that_come_wrong(fault: str, kinds: list[int]) -> None:
    """Of an order's three messages (pending, new, fill) one comes twice, not, or not as it should."""

    async def story() -> None:
        async with trading(f'{{{fault}, "on": "order_stream"}}') as (venue, broker, ear):
            await broker.submit(order_of(), "tr-one")
            venue.advance(1)
            venue.quote("AAPL", "190.00", "190.02")
            await ear.hears(len(kinds))
            assert ear.kinds == kinds
            (one,) = await broker.executions("")
            assert {each.execution for each in ear.events if each.execution} <= {one}
            if CANCELED in kinds:
                assert ear.events[-1].filled_lots == -1  # it is asked after, not believed

    run(story())


def test_a_mute_stream_ends() -> None:
    async def story() -> None:
        hasty = Deadlines(order=3.0, question=3.0, stream=3.0, look=0.0, heartbeat=1.0, mute=0.3)
        mute = '{"kind": "mute", "on": "order_stream"}'
        async with trading(mute, deadlines=hasty) as (_, broker, ear):
            await broker.submit(order_of(), "tr-one")
            await until(lambda: ear.problem is not None)
            assert "says nothing of order" in str(ear.problem)

    run(story())


def test_wrong_keys_are_told_and_not_tried_for_ever() -> None:
    async def story() -> None:
        async with venue_at() as venue:
            broker = broker_at(venue)
            broker._keys = type(broker._keys)("PKREHEARSAL", "wrong-secret")
            with pytest.raises(VenueError, match="unauthorized") as caught:
                await broker.connect()
            assert caught.value.is_authorization
            await broker.close()

    run(story())


def test_a_venue_that_was_away_is_found_again() -> None:
    async def story() -> None:
        async with trading() as (venue, broker, ear):
            await broker.submit(order_of(limit_ticks=18000), "tr-one")
            venue.restart(0.2)
            await until(lambda: ear.problem is not None)
            await asyncio.sleep(0)
            outcome = await broker.submit(order_of(2), "tr-two")
            assert outcome.status is SubmitStatus.NOT_SENT
            await asyncio.sleep(0.3)
            await broker.connect()
            assert [each.client_id for each in await broker.open_orders()] == ["tr-one"]

    run(story())


# --- what is not ours, and what is taken back ------------------------------------------------------------------
def test_somebody_elses_order_is_seen_as_one() -> None:
    async def story() -> None:
        async with trading() as (venue, broker, ear):
            foreign = '{"kind": "foreign_order", "on": "clock", "symbol": "AAPL", "quantity": "3"}'
            coin = (
                '{"kind": "foreign_order", "on": "clock", "symbol": "BTC/USD", "quantity": "0.5"}'
            )
            await _fault(venue, foreign, coin)
            venue.quote("BTC/USD", "90000.00", "90001.00")
            await broker.market()
            orders = {each.instrument: each for each in await broker.open_orders()}
            assert sorted(orders) == [-1, 0]
            assert not orders[0].client_id.startswith("tr-")
            venue.advance(1)
            venue.quote("AAPL", "190.00", "190.02")
            await until(lambda: FILL in ear.kinds)
            (one,) = await broker.executions("")
            assert (one.instrument, one.lots, one.client_id) == (0, 3, orders[0].client_id)

    run(story())


def test_a_fill_that_is_taken_back_is_told_and_booked_for_nobody() -> None:
    async def story() -> None:
        async with trading('{"kind": "bust"}') as (venue, broker, ear):
            await broker.submit(order_of(), "tr-one")
            venue.advance(1)
            venue.quote("AAPL", "190.00", "190.02")
            venue.advance(1)
            await until(lambda: 0 in ear.kinds)
            assert "corrects order" in ear.events[-1].reason
            ours, back = await broker.executions("")
            assert (ours.client_id, ours.side) == ("tr-one", 1)
            assert (back.client_id, back.venue_id, back.instrument) == ("", "", 0)
            assert await broker.positions() == []

    run(story())


def test_more_than_was_ordered_is_told_as_it_is() -> None:
    async def story() -> None:
        async with trading('{"kind": "overfill", "quantity": "2"}') as (venue, broker, ear):
            await broker.submit(order_of(), "tr-one")
            venue.advance(1)
            venue.quote("AAPL", "190.00", "190.02")
            venue.advance(1)
            await ear.hears(3)
            lots = [each.lots for each in await broker.executions("")]
            assert lots == [10, 2]
            assert [each.execution and each.execution.lots for each in ear.events[1:]] == lots
            assert await broker.positions() == [VenuePosition(0, 12)]

    run(story())


def test_a_fill_after_the_cancel_was_confirmed_is_told() -> None:
    async def story() -> None:
        async with trading('{"kind": "late_fill", "quantity": "4"}') as (venue, broker, ear):
            await broker.submit(order_of(limit_ticks=18000), "tr-one")
            await broker.cancel(CANCEL, "tr-one")
            venue.advance(1)
            await ear.hears(3)
            assert ear.kinds == [ACCEPTED, CANCELED, FILL]
            (one,) = await broker.executions("")
            assert ear.events[-1].execution == one

    run(story())


def test_the_budget_keeps_room_for_cancels() -> None:
    async def story() -> None:
        async with trading() as (venue, broker, _):
            outcomes = [
                await broker.submit(order_of(n, limit_ticks=100, quantity_lots=1), f"tr-{n}")
                for n in range(170)
            ]
            assert {each.status for each in outcomes[:159]} == {TAKEN}
            assert {(each.status, each.code) for each in outcomes[160:]} == {
                (SubmitStatus.NOT_SENT, "rate_limited")
            }
            for n in range(35):
                assert (await broker.cancel(CancelApproved(n, 0), f"tr-{n}")).status is TAKEN
            assert 429 not in {each.status for each in venue.requests}

    run(story())


async def _fault(venue: Any, *lines: str) -> None:
    for fault in parse_faults("\n".join(lines)):
        venue.disturbances.add(fault)
