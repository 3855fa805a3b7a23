"""What the venue is asked: all pages, every link of an order, and no answer taken for another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from brokers.alpaca.broker import AlpacaBroker
from engine.approved import CancelApproved, ReplaceApproved
from engine.errors import VenueError
from engine.model.orders import OrderStatus
from engine.ports import SubmitStatus, VenuePosition
from tests.unit.brokers.alpaca.messages import FILL, NEXT_ID, ORDER, ORDER_ID
from tests.unit.brokers.alpaca.scripted import (
    Handler,
    ScriptedVenue,
    answer,
    approved,
    broker_of,
    run,
)

NOT_FOUND = {"code": 40410000, "message": "order not found"}
BY_NAME = "GET /v2/orders:by_client_order_id"
FILLS = "GET /v2/account/activities/FILL"
SECOND_NS = 1795186801 * 10**9
Story = Callable[[ScriptedVenue, AlpacaBroker], Awaitable[None]]


def connected(story: Story, **keys: Any) -> None:
    async def whole() -> None:
        async with ScriptedVenue() as venue:
            broker = broker_of(venue, **keys)
            await broker.connect()
            venue.requests.clear()
            try:
                await story(venue, broker)
            finally:
                await broker.close()

    run(whole())


def in_turn(*handlers: Handler) -> Handler:
    """Answer with one after the other, the last for good."""
    left = list(handlers)

    async def handle(request: web.Request) -> web.StreamResponse:
        return await (left.pop(0) if len(left) > 1 else left[0])(request)

    return handle


def orders(count: int, first: int = 0) -> list[dict[str, Any]]:
    """Return orders, four to a microsecond."""
    return [
        ORDER
        | {
            "id": f"o{n}",
            "client_order_id": f"tr-{n}",
            "submitted_at": f"2026-11-20T15:00:00.{n // 4:06}Z",
            "status": "new",
        }
        for n in range(first, first + count)
    ]


# --- orders ------------------------------------------------------------------------------------------------
def test_open_orders_are_read_over_all_pages() -> None:
    every = orders(1101)

    async def pages(request: web.Request) -> web.StreamResponse:
        assert request.query["status"] == "open" and request.query["direction"] == "asc"
        after = request.query.get("after", "")
        page = [each for each in every if each["submitted_at"] > after]
        return await answer(200, page[: int(request.query["limit"])])(request)

    async def story(venue: ScriptedVenue, broker: AlpacaBroker) -> None:
        venue.handlers["GET /v2/orders"] = pages
        found = await broker.open_orders()
        assert [each.client_id for each in found] == [each["client_order_id"] for each in every]
        assert len(venue.requests) == 3

    connected(story)


def test_pages_that_do_not_move_on_are_told() -> None:
    async def story(venue: ScriptedVenue, broker: AlpacaBroker) -> None:
        venue.handlers["GET /v2/orders"] = answer(200, orders(500))
        with pytest.raises(VenueError, match="than fit on a page"):
            await broker.open_orders()
        assert len(venue.requests) == 2

    connected(story)


def test_an_order_is_absent_after_two_looks_and_by_the_venues_own_word() -> None:
    async def story(venue: ScriptedVenue, broker: AlpacaBroker) -> None:
        venue.handlers[BY_NAME] = answer(404, NOT_FOUND)
        assert await broker.order("tr-abc") is None
        assert venue.requests == ["GET /v2/orders:by_client_order_id?client_order_id=tr-abc"] * 2
        venue.handlers[BY_NAME] = in_turn(answer(404, NOT_FOUND), answer(200, ORDER))
        found = await broker.order("tr-abc")
        assert found is not None and found.venue_id == ORDER_ID

    connected(story)


@pytest.mark.parametrize(
    "handler",
    [answer(404, b"<html>not here</html>"), answer(404, {"message": "no route"}), answer(502),
     answer(401, {"code": 40110000, "message": "no"}), answer(200, {"id": "x"}), answer(204)],
)  # fmt: skip
def test_no_other_answer_says_that_an_order_is_absent(handler: Handler) -> None:
    async def story(venue: ScriptedVenue, broker: AlpacaBroker) -> None:
        venue.handlers[BY_NAME] = handler
        with pytest.raises(VenueError):
            await broker.order("tr-abc")

    connected(story)


def test_an_order_is_followed_to_what_it_was_replaced_by() -> None:
    async def story(venue: ScriptedVenue, broker: AlpacaBroker) -> None:
        old = ORDER | {"status": "replaced", "replaced_by": NEXT_ID, "filled_qty": "3"}
        new = {"id": NEXT_ID, "client_order_id": "tr-abc-r1", "replaces": ORDER_ID}
        terms = {"status": "partially_filled", "qty": "7", "filled_qty": "2", "limit_price": "181"}
        venue.handlers[BY_NAME] = venue.handlers[f"GET /v2/orders/{ORDER_ID}"] = answer(200, old)
        told = [FILL | {"qty": "3"}, FILL | {"id": "2", "qty": "2", "order_id": NEXT_ID},
                FILL | {"id": "3", "order_id": "another"}]  # fmt: skip
        venue.handlers[FILLS] = answer(200, told)
        venue.handlers[f"GET /v2/orders/{NEXT_ID}"] = answer(200, ORDER | new | terms)
        found = await broker.order("tr-abc")
        assert found is not None
        assert (found.client_id, found.venue_id, found.limit_ticks) == ("tr-abc", NEXT_ID, 18100)
        assert (found.quantity_lots, found.filled_lots) == (10, 5)
        assert found.status == OrderStatus.PARTIALLY_FILLED
        venue.requests.clear()
        await broker.order("tr-abc")
        assert venue.requests[0] == f"GET /v2/orders/{NEXT_ID}"  # it is known where it is

    connected(story)


def test_a_replacement_that_is_listed_leads_back_to_our_order() -> None:
    async def story(venue: ScriptedVenue, broker: AlpacaBroker) -> None:
        new = {
            "id": NEXT_ID,
            "client_order_id": "tr-abc-r1",
            "replaces": ORDER_ID,
            "filled_qty": "1",
        }
        old = ORDER | {"status": "replaced", "replaced_by": NEXT_ID}
        venue.handlers["GET /v2/orders"] = answer(200, [ORDER | new])
        venue.handlers[f"GET /v2/orders/{ORDER_ID}"] = answer(200, old)
        (found,) = await broker.open_orders()
        assert (found.client_id, found.quantity_lots, found.filled_lots) == ("tr-abc", 10, 1)
        assert len(venue.requests) == 2  # nothing was filled before: nothing has to be counted

    connected(story)


# --- replacing ---------------------------------------------------------------------------------------------
def test_a_replacement_is_a_new_order_of_the_same_name() -> None:
    async def story(venue: ScriptedVenue, broker: AlpacaBroker) -> None:
        new = {"id": NEXT_ID, "client_order_id": "tr-abc-r1", "replaces": ORDER_ID}
        venue.handlers["POST /v2/orders"] = answer(200, ORDER)
        venue.handlers[f"GET /v2/orders/{ORDER_ID}"] = answer(200, ORDER | {"status": "new"})
        venue.handlers[f"PATCH /v2/orders/{ORDER_ID}"] = answer(200, ORDER | new)
        venue.handlers[f"DELETE /v2/orders/{NEXT_ID}"] = answer(204)
        await broker.submit(approved(), "tr-abc")
        outcome = await broker.replace(ReplaceApproved(1, 0, 10, 18100, 0), "tr-abc")
        assert (outcome.status, outcome.venue_id) == (SubmitStatus.TAKEN, NEXT_ID)
        assert b'"client_order_id":"tr-abc-r1"' in venue.bodies[-1]
        old = ORDER | {"status": "replaced", "replaced_by": NEXT_ID}
        venue.handlers[f"GET /v2/orders/{ORDER_ID}"] = answer(200, old)
        venue.handlers[f"GET /v2/orders/{NEXT_ID}"] = answer(200, ORDER | new)
        await broker.order("tr-abc")
        canceled = await broker.cancel(CancelApproved(1, 0), "tr-abc")
        assert canceled.venue_id == NEXT_ID
        # An answer that is lost: the next look finds what has become of it.
        venue.handlers[f"PATCH /v2/orders/{NEXT_ID}"] = answer(504)
        lost = await broker.replace(ReplaceApproved(1, 0, 10, 18200, 0), "tr-abc")
        assert lost.status is SubmitStatus.UNKNOWN
        assert b'"client_order_id":"tr-abc-r2"' in venue.bodies[-1]
        assert venue.count("PATCH") == 2

    connected(story)


def test_what_is_partly_filled_is_not_replaced() -> None:
    """The venue may give the replacement the whole quantity anew, whatever was filled before."""

    async def story(venue: ScriptedVenue, broker: AlpacaBroker) -> None:
        venue.handlers[BY_NAME] = answer(200, ORDER | {"filled_qty": "4"})
        outcome = await broker.replace(ReplaceApproved(1, 0, 10, 18100, 0), "tr-abc")
        assert (outcome.status, outcome.code) == (SubmitStatus.REFUSED, "size_or_grid")
        assert "partly filled" in outcome.problem
        venue.handlers[BY_NAME] = answer(404, NOT_FOUND)
        outcome = await broker.replace(ReplaceApproved(1, 0, 10, 18100, 0), "tr-other")
        assert (outcome.status, outcome.code) == (SubmitStatus.REFUSED, "not_found")
        venue.handlers[BY_NAME] = answer(500)
        outcome = await broker.replace(ReplaceApproved(1, 0, 10, 18100, 0), "tr-third")
        assert outcome.status is SubmitStatus.NOT_SENT
        assert venue.count("PATCH") == 0

    connected(story)


# --- fills -------------------------------------------------------------------------------------------------
def fills(count: int) -> list[dict[str, Any]]:
    """Return fills of one share each, ten to a millisecond and in no order within it."""
    return [
        FILL
        | {
            "id": f"20261120150000{n // 10:03}::{(n * 7) % 10}-{n}",
            "transaction_time": f"2026-11-20T15:00:01.{n // 10:03}Z",
            "qty": "1",
            "cum_qty": str(n + 1),
        }
        for n in sorted(range(count), key=lambda n: (n // 10, (n * 7) % 10))
    ]


def test_fills_are_read_over_all_pages_and_told_in_their_order() -> None:
    every = fills(250)

    async def pages(request: web.Request) -> web.StreamResponse:
        assert request.query["direction"] == "asc"
        token = request.query.get("page_token", "")
        ids = [each["id"] for each in every]
        start = ids.index(token) + 1 if token else 0
        size = int(request.query["page_size"])
        return await answer(200, every[start : start + size])(request)

    async def story(venue: ScriptedVenue, broker: AlpacaBroker) -> None:
        venue.handlers[FILLS] = pages
        venue.handlers[f"GET /v2/orders/{ORDER_ID}"] = answer(200, ORDER)
        found = await broker.executions("")
        assert [each.execution_id for each in found] == [f"{ORDER_ID}/{n}" for n in range(1, 251)]
        assert {each.client_id for each in found} == {"tr-abc"}
        assert venue.count("GET") == 4  # three pages, and once the order

    connected(story)


def test_reading_on_goes_back_a_minute_behind_the_cursor() -> None:
    """Fills of one millisecond come in any order: one may come behind the cursor."""

    async def story(venue: ScriptedVenue, broker: AlpacaBroker) -> None:
        venue.handlers[FILLS] = answer(200, [FILL])
        venue.handlers[f"GET /v2/orders/{ORDER_ID}"] = answer(200, ORDER)
        (one,) = await broker.executions("")
        assert "after" not in venue.requests[0]
        await broker.executions(one.execution_id)
        assert venue.requests[-1].endswith("after=2026-11-20T14:59:01.175999Z")

    connected(story)


def test_after_a_restart_the_cursors_order_says_from_when() -> None:
    async def story(venue: ScriptedVenue, broker: AlpacaBroker) -> None:
        venue.handlers[FILLS] = answer(200, [])
        venue.handlers[f"GET /v2/orders/{ORDER_ID}"] = answer(200, ORDER)
        assert await broker.executions(f"{ORDER_ID}/4") == []
        assert venue.requests[0] == f"GET /v2/orders/{ORDER_ID}"
        assert venue.requests[-1].endswith("after=2026-11-20T14:59:00.123455Z")

    connected(story)


def test_what_the_account_did_before_the_session_is_left_out() -> None:
    async def story(venue: ScriptedVenue, broker: AlpacaBroker) -> None:
        before = FILL | {"transaction_time": "2026-11-20T15:00:00.999Z", "cum_qty": "1"}
        venue.handlers[FILLS] = answer(200, [before, FILL])
        venue.handlers[f"GET /v2/orders/{ORDER_ID}"] = answer(200, ORDER)
        found = await broker.executions("")
        assert [each.execution_id for each in found] == [f"{ORDER_ID}/4"]
        assert "after=2026-11-20T15:00:00.999999Z" in venue.requests[0]

    connected(story, begins_ns=SECOND_NS)


def test_fills_of_strangers_are_told_as_theirs() -> None:
    async def story(venue: ScriptedVenue, broker: AlpacaBroker) -> None:
        theirs = [FILL | {"symbol": "MSFT", "order_id": "m"},
                  FILL | {"id": "2", "order_id": "gone"}]  # fmt: skip
        venue.handlers[FILLS] = answer(200, theirs)
        venue.handlers["GET /v2/orders/m"] = answer(
            200, ORDER | {"id": "m", "client_order_id": "by-hand", "symbol": "MSFT"}
        )
        found = {each.venue_id: each for each in await broker.executions("")}
        assert (found["m"].instrument, found["m"].client_id) == (-1, "by-hand")
        assert (found["gone"].instrument, found["gone"].client_id) == (0, "")

    connected(story)


# --- the rest ------------------------------------------------------------------------------------------------
def test_positions_and_the_market() -> None:
    async def story(venue: ScriptedVenue, broker: AlpacaBroker) -> None:
        held = [{"symbol": "AAPL", "qty": "-12", "side": "short", "asset_id": "x"},
                {"symbol": "MSFT", "qty": "3", "side": "long"}]  # fmt: skip
        venue.handlers["GET /v2/positions"] = answer(200, held)
        assert await broker.positions() == [VenuePosition(0, -12), VenuePosition(-1, 3)]
        now = {"timestamp": "2200-01-01T00:00:00.5-05:00", "is_open": False}
        times = {
            "next_open": "2026-11-23T09:30:00-05:00",
            "next_close": "2026-11-23T16:00:00-05:00",
        }
        venue.handlers["GET /v2/clock"] = answer(200, now | times)
        state = await broker.market()
        assert (state.is_open, state.next_open_ns) == (False, 1795444200 * 10**9)
        assert state.offset_ns > 10**9 * 86400 * 365  # of a venue in another century
        assert state.next_close_ns - state.next_open_ns == 6.5 * 3600 * 10**9

    connected(story)


@pytest.mark.parametrize("held", [[{"symbol": "AAPL", "qty": "0.5"}], [{"symbol": "AAPL"}], {}])
def test_positions_that_cannot_be_said_are_told(held: Any) -> None:
    async def story(venue: ScriptedVenue, broker: AlpacaBroker) -> None:
        venue.handlers["GET /v2/positions"] = answer(200, held)
        with pytest.raises(VenueError, match="cannot be read"):
            await broker.positions()

    connected(story)


def test_a_question_before_connecting_is_not_answered() -> None:
    async def story() -> None:
        async with ScriptedVenue() as venue:
            broker = broker_of(venue)
            with pytest.raises(VenueError, match="not connected"):
                await broker.positions()
            assert venue.requests == []

    run(story())


def test_what_many_fills_were_of_is_one_question() -> None:
    every = orders(20)
    told = [FILL | {"id": f"f{n}", "order_id": f"o{n}"} for n in range(20)]

    async def story(venue: ScriptedVenue, broker: AlpacaBroker) -> None:
        venue.handlers[FILLS] = answer(200, told)
        venue.handlers["GET /v2/orders"] = answer(200, every)
        found = await broker.executions("")
        assert {each.client_id for each in found} == {f"tr-{n}" for n in range(20)}
        asked = [each.partition("?")[0] for each in venue.requests]
        assert asked == [FILLS, "GET /v2/orders"]

    connected(story)


@pytest.mark.parametrize("listed", [answer(200, orders(1)), answer(502), answer(200, [{"id": 1}])])
def test_orders_that_a_list_does_not_tell_are_asked_for_one_by_one(listed: Handler) -> None:
    every = orders(4)
    told = [FILL | {"id": f"f{n}", "order_id": f"o{n}"} for n in range(4)]

    async def story(venue: ScriptedVenue, broker: AlpacaBroker) -> None:
        venue.handlers[FILLS], venue.handlers["GET /v2/orders"] = answer(200, told), listed
        for each in every:
            venue.handlers[f"GET /v2/orders/{each['id']}"] = answer(200, each)
        found = await broker.executions("")
        assert {each.client_id for each in found} == {f"tr-{n}" for n in range(4)}

    connected(story)
