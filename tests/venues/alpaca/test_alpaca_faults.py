"""What goes wrong at the venue goes wrong by schedule, and its books stay right."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest
import requests
from alpaca.common.exceptions import APIError
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import LimitOrderRequest, MarketOrderRequest

from engine.errors import InputError
from sims.venues.alpaca import AlpacaVenue
from sims.venues.alpaca.faults import parse_faults
from sims.venues.alpaca.operations import OPERATIONS
from tests.venues.alpaca.markets import Listening, call, run, sdk, until, venue_at

BUY = OrderSide.BUY
DAY = TimeInForce.DAY


def disturbed(*lines: str, **more: Any) -> AlpacaVenue:
    venue = venue_at(faults=parse_faults("\n".join(lines)), **more)
    venue.quote("AAPL", "190.00", "190.02")
    return venue


def limit_at(price: float, client_id: str, quantity: int = 1) -> LimitOrderRequest:
    return LimitOrderRequest(
        symbol="AAPL",
        qty=quantity,
        side=BUY,
        time_in_force=DAY,
        limit_price=price,
        client_order_id=client_id,
    )


def market_order(quantity: int, client_id: str = "m") -> MarketOrderRequest:
    return MarketOrderRequest(
        symbol="AAPL", qty=quantity, side=BUY, time_in_force=DAY, client_order_id=client_id
    )


def impatient(venue: AlpacaVenue) -> Any:
    """Return the vendor's client without its own repeats, and with a deadline."""
    client = sdk(venue)
    client._retry = 0
    send = client._session.request
    client._session.request = lambda *a, **k: send(*a, timeout=0.3, **k)  # type: ignore[method-assign]
    return client


# --- answers --------------------------------------------------------------------------------------
def test_the_sdk_posts_again_after_a_504_and_the_order_is_one() -> None:
    async def story() -> None:
        fault = '{"kind": "error", "on": "submit", "status": 504, "after": true}'
        async with disturbed(fault) as venue:
            client = sdk(venue)
            client._retry_wait = 0
            with pytest.raises(APIError) as refused:
                await call(client.submit_order, limit_at(180, "once"))
            assert (refused.value.status_code, refused.value.code) == (422, 40010001)
            assert [each.status for each in venue.requests] == [504, 422]
            assert [order.client_id for order in venue.books.open_orders] == ["once"]

    run(story())


@pytest.mark.parametrize(
    ("fault", "is_there"),
    [
        ('"kind": "error", "status": 500', False),
        ('"kind": "error", "status": 500, "after": true', True),
        ('"kind": "error", "status": 429', False),
        ('"kind": "error", "status": 504', False),
        ('"kind": "hang", "seconds": 5', False),
        ('"kind": "hang", "seconds": 5, "after": true', True),
        ('"kind": "reset"', False),
        ('"kind": "reset", "after": true', True),
        ('"kind": "torn", "after": true', True),
        ('"kind": "redirect"', False),
        ('"kind": "html", "status": 502', False),
        ('"kind": "html", "status": 200, "after": true', True),
    ],
)
def test_an_order_is_there_or_not_whatever_its_answer_says(fault: str, is_there: bool) -> None:
    async def story() -> None:
        async with disturbed(f'{{{fault}, "on": "submit"}}') as venue:
            with pytest.raises((APIError, requests.RequestException, TypeError)):
                await call(impatient(venue).submit_order, limit_at(180, "x"))
            assert len(venue.requests) == 1
            assert (venue.books.order("x") is not None) is is_there
            found = await call(sdk(venue).get_orders)
            assert [order.client_order_id for order in found] == (["x"] if is_there else [])

    run(story())


def test_the_budget_is_real() -> None:
    from sims.venues.alpaca import VenueSettings

    async def story() -> None:
        async with venue_at(settings=VenueSettings(requests_per_minute=2)) as venue:
            headers = {
                "APCA-API-KEY-ID": venue.settings.key_id,
                "APCA-API-SECRET-KEY": venue.settings.secret_key,
            }
            answers = [
                await call(requests.get, f"{venue.url}/v2/clock", headers=headers, timeout=5)
                for _ in range(3)
            ]
            assert [each.status_code for each in answers] == [200, 200, 429]
            assert [each.headers["X-RateLimit-Remaining"] for each in answers] == ["1", "0", "0"]
            assert answers[2].json()["code"] == 42910000
            assert all(each.headers["X-Request-ID"] for each in answers)

    run(story())


@pytest.mark.parametrize(
    ("fault", "field", "value"),
    [
        ('"kind": "missing_field", "field": "filled_qty"', "filled_qty", "gone"),
        ('"kind": "null_field", "field": "symbol"', "symbol", None),
        ('"kind": "set_field", "field": "status", "value": "dancing"', "status", "dancing"),
        ('"kind": "number_kind", "field": "qty"', "qty", 1.0),
    ],
)
def test_an_answer_can_be_spoiled(fault: str, field: str, value: Any) -> None:
    async def story() -> None:
        async with disturbed(f'{{{fault}, "on": "orders"}}') as venue:
            client = sdk(venue)
            client._use_raw_data = True
            await call(client.submit_order, limit_at(180, "x"))
            (order,) = await call(client.get_orders)
            assert order.get(field, "gone") == value
            (order,) = await call(client.get_orders)  # once
            assert order.get(field, "gone") != value

    run(story())


def test_a_read_can_lag_behind() -> None:
    async def story() -> None:
        async with disturbed() as venue:
            client = sdk(venue)
            await call(client.submit_order, market_order(2))
            venue.advance(1)
            venue.quote("AAPL", "190.00", "190.02")  # filled
            venue.disturbances.add(
                parse_faults('{"kind": "stale", "on": "positions", "lag": 1}')[0]
            )
            assert await call(client.get_all_positions) == []
            assert [position.qty for position in await call(client.get_all_positions)] == ["2"]
            venue.disturbances.add(
                parse_faults('{"kind": "stale", "on": "order_by_client_id", "lag": 3}')[0]
            )
            with pytest.raises(APIError) as unknown:
                await call(client.get_order_by_client_id, "m")
            assert unknown.value.status_code == 404
            assert (await call(client.get_order_by_client_id, "m")).filled_qty == "2"

    run(story())


# --- the order stream -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("fault", "events"),
    [
        ('"kind": "duplicate", "at": 2', ["pending_new", "new", "new", "fill"]),
        ('"kind": "reorder", "at": 2', ["pending_new", "fill", "new"]),
        ('"kind": "lose", "at": 2', ["pending_new", "fill"]),
        (
            '"kind": "set_field", "field": "data.order.status", "value": "dancing", "at": 2',
            ["pending_new", "fill"],  # the SDK drops what it cannot parse
        ),
        ('"kind": "missing_field", "field": "data.order.id", "at": 2', ["pending_new", "fill"]),
    ],
)
def test_the_order_stream_can_lie(fault: str, events: list[str]) -> None:
    async def story() -> None:
        line = f'{{{fault}, "on": "order_stream"}}'
        async with disturbed(line) as venue, Listening(venue) as listening:
            await call(sdk(venue).submit_order, market_order(2))
            venue.advance(1)
            venue.quote("AAPL", "190.00", "190.02")
            await until(lambda: len(listening.events) == len(events))
            assert listening.events == events
            assert venue.books.positions == {"AAPL": Decimal(2)}

    run(story())


def test_what_is_missed_while_away_is_not_told_again() -> None:
    async def story() -> None:
        line = '{"kind": "drop", "on": "order_stream", "at": 3}'
        async with disturbed(line) as venue, Listening(venue) as listening:
            client = sdk(venue)
            await call(client.submit_order, market_order(2))
            venue.advance(1)
            venue.quote("AAPL", "190.00", "190.02")  # the fill is lost with the connection
            await until(lambda: not venue.order_stream.listeners)
            await listening.connected()
            await call(client.submit_order, limit_at(180, "later"))
            await until(lambda: len(listening.events) == 4)
            assert listening.events == ["pending_new", "new", "pending_new", "new"]
            (fill,) = await call(client.get, "/account/activities/FILL")
            assert (fill["qty"], fill["price"], fill["order_status"]) == ("2", "190.02", "filled")

    run(story())


def test_a_mute_stream_stays_open_and_says_nothing() -> None:
    async def story() -> None:
        line = '{"kind": "mute", "on": "order_stream", "at": 2}'
        async with disturbed(line) as venue, Listening(venue) as listening:
            await call(sdk(venue).submit_order, limit_at(180, "x"))
            await until(lambda: listening.events == ["pending_new"])
            assert len(venue.order_stream.listeners) == 1

    run(story())


# --- the venue ------------------------------------------------------------------------------------
def test_a_thin_book_fills_in_parts() -> None:
    async def story() -> None:
        line = '{"kind": "thin_book", "symbol": "AAPL", "quantity": "3", "time": "2026-11-20T15:00:00Z"}'
        async with disturbed(line) as venue, Listening(venue) as listening:
            venue.advance(0)
            await call(sdk(venue).submit_order, market_order(7))
            for _ in range(3):
                venue.advance(1)
                venue.quote("AAPL", "190.00", "190.02")
            await until(lambda: "fill" in listening.events)
            assert listening.events[2:] == ["partial_fill", "partial_fill", "fill"]
            assert [update.qty for update in listening.updates[2:]] == [3.0, 3.0, 1.0]

    run(story())


@pytest.mark.parametrize(
    ("fault", "events", "held"),
    [
        ('"kind": "reject"', ["rejected"], 0),
        ('"kind": "partial_then_cancel", "quantity": "2"', ["partial_fill", "canceled"], 2),
    ],
)
def test_an_order_that_was_taken_can_end_otherwise(
    fault: str, events: list[str], held: int
) -> None:
    async def story() -> None:
        async with disturbed(f"{{{fault}}}") as venue, Listening(venue) as listening:
            await call(sdk(venue).submit_order, limit_at(189, "x", 5))
            venue.advance(0)
            await until(lambda: len(listening.events) == 2 + len(events))
            assert listening.events[2:] == events
            assert venue.books.positions.get("AAPL", 0) == held
            assert venue.books.open_orders == []

    run(story())


def test_a_fill_can_come_after_the_cancel_was_confirmed() -> None:
    async def story() -> None:
        line = '{"kind": "late_fill", "quantity": "1"}'
        async with disturbed(line) as venue, Listening(venue) as listening:
            client = sdk(venue)
            order = await call(client.submit_order, limit_at(180, "x", 3))
            await call(client.cancel_order_by_id, order.id)
            venue.advance(0)
            await until(lambda: "partial_fill" in listening.events)
            assert listening.events[-2:] == ["canceled", "partial_fill"]
            found = await call(client.get_order_by_id, order.id)
            assert (found.status.value, found.filled_qty) == ("canceled", "1")
            assert venue.books.positions == {"AAPL": Decimal(1)}

    run(story())


def test_more_can_be_filled_than_was_ordered_and_a_fill_be_taken_back() -> None:
    async def story() -> None:
        async with disturbed('{"kind": "overfill", "quantity": "4"}') as venue:
            client = sdk(venue)
            await call(client.submit_order, market_order(2))
            venue.advance(1)
            venue.quote("AAPL", "190.00", "190.02")
            venue.advance(0)
            assert venue.books.positions == {"AAPL": Decimal(6)}
            assert (await call(client.get_order_by_client_id, "m")).filled_qty == "6"
            venue.disturbances.add(parse_faults('{"kind": "bust"}')[0])
            await call(client.submit_order, market_order(1, "n"))
            venue.advance(1)
            venue.quote("AAPL", "190.00", "190.02")
            venue.advance(0)
            assert venue.books.positions == {"AAPL": Decimal(6)}
            # 6 bought: 2 at 190.02, 4 at the last price, the middle of the quote; the seventh is back
            assert venue.books.cash == 100_000 - 2 * Decimal("190.02") - 4 * Decimal("190.01")

    run(story())


def test_somebody_else_can_trade_on_the_account_and_the_account_be_blocked() -> None:
    async def story() -> None:
        lines = (
            '{"kind": "foreign_order", "on": "clock", "symbol": "AAPL", "quantity": "5"}',
            '{"kind": "blocked", "on": "assets"}',
        )
        async with disturbed(*lines) as venue, Listening(venue) as listening:
            client = sdk(venue)
            await call(client.get_clock)
            venue.advance(1)
            venue.quote("AAPL", "190.00", "190.02")
            await until(lambda: "fill" in listening.events)
            assert listening.updates[-1].order.qty == "5"
            await call(client.get_all_assets)
            assert (await call(client.get_account)).trading_blocked
            with pytest.raises(APIError) as refused:
                await call(client.submit_order, market_order(1))
            assert (refused.value.status_code, refused.value.code) == (403, 40310000)

    run(story())


def test_a_halt_a_closed_market_and_a_wrong_clock_last_as_long_as_they_should() -> None:
    async def story() -> None:
        lines = (
            '{"kind": "halt", "symbol": "AAPL", "seconds": 60, "time": "2026-11-20T15:01:00Z"}',
            '{"kind": "market_closed", "seconds": 60, "time": "2026-11-20T15:10:00Z"}',
            '{"kind": "clock_offset", "offset": 90, "on": "account"}',
        )
        async with disturbed(*lines) as venue:
            client = sdk(venue)
            venue.advance(60)
            await call(client.submit_order, market_order(1, "halted"))
            venue.quote("AAPL", "190.00", "190.02")
            assert venue.books.positions == {}
            venue.advance(61)
            venue.quote("AAPL", "190.00", "190.02")
            assert venue.books.positions == {"AAPL": Decimal(1)}
            venue.advance(8 * 60)
            assert not (await call(client.get_clock)).is_open
            order = await call(client.submit_order, market_order(1, "closed"))
            venue.quote("AAPL", "190.00", "190.02")
            assert (await call(client.get_order_by_id, order.id)).status.value == "accepted"
            venue.advance(60)
            assert (await call(client.get_order_by_id, order.id)).status.value == "new"
            before = (await call(client.get_clock)).timestamp
            await call(client.get_account)
            assert ((await call(client.get_clock)).timestamp - before).total_seconds() == 90

    run(story())


def test_a_venue_that_was_away_knows_its_orders() -> None:
    async def story() -> None:
        line = '{"kind": "restart", "on": "clock", "seconds": 0.05}'
        async with disturbed(line) as venue, Listening(venue):
            client = impatient(venue)
            await call(client.submit_order, limit_at(180, "x"))
            with pytest.raises(requests.RequestException):
                await call(client.get_clock)
                await call(client.get_clock)
            async with asyncio.timeout(10):
                while True:
                    try:
                        found = await call(client.get_orders)
                        break
                    except requests.RequestException:
                        await asyncio.sleep(0.02)
            assert [order.client_order_id for order in found] == ["x"]

    run(story())


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"kind": "earthquake"}', "this is no fault"),
        ('{"kind": "drop"}', "on is order_stream or data_stream"),
        ('{"kind": "reset", "on": "order_stream"}', "happens to an answer"),
        ('{"kind": "halt"}', "needs a symbol"),
        ('{"kind": "null_field", "on": "order"}', "needs a field"),
        ('{"kind": "error", "at": 0}', "at least 1"),
        ('{"kind": "error", "on": "sumbit"}', "there is no operation 'sumbit'"),
        ('{"kind": "error", "time": "noon"}', "this is no fault"),
        ('{"kind": "reject", "time": "2026-11-20T15:00:00Z"}', "waits for an occasion"),
        ('{"kind": "error", "wen": 1}', "this is no fault"),
    ],
)
def test_a_schedule_that_cannot_happen_is_refused(line: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem) as refused:
        parse_faults(f"# comment\n\n{line}", "rehearsal.jsonl")
    assert refused.value.where == "rehearsal.jsonl, line 3"


def test_faults_name_every_operation() -> None:
    async def story() -> None:
        async with venue_at() as venue:
            assert set(venue.operations) == set(OPERATIONS)

    run(story())
