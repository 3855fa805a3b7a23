"""The vendor's own client trades through the venue."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, OrderStatus, QueryOrderStatus, TimeInForce
from alpaca.trading.requests import (
    GetOrdersRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    ReplaceOrderRequest,
)

from tests.venues.alpaca.markets import Listening, call, run, sdk, until, venue_at

BUY, SELL = OrderSide.BUY, OrderSide.SELL
DAY = TimeInForce.DAY


def test_account_clock_and_assets_are_read() -> None:
    async def story() -> None:
        async with venue_at() as venue:
            client = sdk(venue)
            account = await call(client.get_account)
            assert (account.cash, account.buying_power, account.currency) == (
                "100000",
                "200000",
                "USD",
            )
            clock = await call(client.get_clock)
            assert clock.is_open and clock.next_close.isoformat() == "2026-11-20T16:00:00-05:00"
            assert {asset.symbol for asset in await call(client.get_all_assets)} == {
                "AAPL",
                "SPY",
                "BTC/USD",
            }
            assert (await call(client.get_asset, "BTC/USD")).asset_class.value == "crypto"
            days = await call(client.get_calendar)
            assert [f"{day.open:%m-%d %H:%M} {day.close:%H:%M}" for day in days][-1] == (
                "11-20 09:30 16:00"
            )

    run(story())


def test_a_market_order_is_filled_at_the_next_quote_and_told_in_order() -> None:
    async def story() -> None:
        async with venue_at() as venue, Listening(venue) as listening:
            client = sdk(venue)
            venue.quote("AAPL", "190.00", "190.02")
            wish = MarketOrderRequest(
                symbol="AAPL", qty=2, side=BUY, time_in_force=DAY, client_order_id="one"
            )
            order = await call(client.submit_order, wish)
            assert order.status is OrderStatus.PENDING_NEW and order.filled_qty == "0"
            venue.advance(1)
            venue.quote("AAPL", "190.01", "190.03")
            await until(lambda: "fill" in listening.events)
            assert listening.events == ["pending_new", "new", "fill"]
            fill = listening.updates[-1]
            assert (fill.price, fill.qty, fill.position_qty) == (190.03, 2.0, 2.0)
            found = await call(client.get_order_by_client_id, "one")
            assert (found.id, found.status, found.filled_avg_price) == (
                order.id,
                OrderStatus.FILLED,
                "190.03",
            )
            (position,) = await call(client.get_all_positions)
            assert (position.qty, position.cost_basis) == ("2", "380.06")
            # 100,000 - 2 x 190.03
            assert (await call(client.get_account)).cash == "99619.94"
            assert venue.books.cash == Decimal("99619.94")
            assert venue.books.positions == {"AAPL": Decimal(2)}

    run(story())


def test_an_order_is_listed_replaced_and_canceled() -> None:
    async def story() -> None:
        async with venue_at() as venue, Listening(venue) as listening:
            client = sdk(venue)
            venue.quote("AAPL", "190.00", "190.02")
            wish = LimitOrderRequest(
                symbol="AAPL", qty=5, side=BUY, time_in_force=DAY, limit_price=180.5
            )
            first = await call(client.submit_order, wish)
            change = ReplaceOrderRequest(qty=4, limit_price=181)
            second = await call(client.replace_order_by_id, first.id, change)
            assert second.id != first.id and second.replaces == first.id
            old = await call(client.get_order_by_id, first.id)
            assert (old.status, old.replaced_by) == (OrderStatus.REPLACED, second.id)
            (working,) = await call(client.get_orders)
            assert (working.id, working.qty, working.limit_price) == (second.id, "4", "181")
            await call(client.cancel_order_by_id, second.id)
            assert await call(client.get_orders) == []
            everything = await call(
                client.get_orders, GetOrdersRequest(status=QueryOrderStatus.ALL)
            )
            assert [order.id for order in everything] == [second.id, first.id]
            await until(lambda: "canceled" in listening.events)
            assert listening.events == [
                "pending_new",
                "new",
                "pending_replace",
                "replaced",
                "new",
                "pending_cancel",
                "canceled",
            ]
            with pytest.raises(APIError) as refused:
                await call(client.cancel_order_by_id, second.id)
            assert (refused.value.status_code, refused.value.code) == (422, 42210000)

    run(story())


def test_a_used_client_id_is_refused_forever() -> None:
    async def story() -> None:
        async with venue_at() as venue:
            client = sdk(venue)
            venue.quote("AAPL", "190.00", "190.02")
            wish = LimitOrderRequest(
                symbol="AAPL",
                qty=1,
                side=BUY,
                time_in_force=DAY,
                limit_price=180,
                client_order_id="x1",
            )
            order = await call(client.submit_order, wish)
            await call(client.cancel_order_by_id, order.id)
            with pytest.raises(APIError) as refused:
                await call(client.submit_order, wish)
            assert (refused.value.status_code, refused.value.code) == (422, 40010001)
            assert refused.value.message == "client_order_id must be unique"
            with pytest.raises(APIError) as unknown:
                await call(client.get_order_by_client_id, "x2")
            assert (unknown.value.status_code, unknown.value.code) == (404, 40410000)
            assert [each.operation for each in venue.requests].count("submit") == 2

    run(story())


def test_canceling_all_answers_one_by_one() -> None:
    async def story() -> None:
        async with venue_at() as venue:
            client = sdk(venue)
            venue.quote("AAPL", "190.00", "190.02")
            for limit in (180, 181):
                wish = LimitOrderRequest(
                    symbol="AAPL", qty=1, side=BUY, time_in_force=DAY, limit_price=limit
                )
                await call(client.submit_order, wish)
            answers = await call(client.cancel_orders)
            assert [answer.status for answer in answers] == [200, 200]
            assert venue.requests[-1].status == 207
            assert venue.books.open_orders == []

    run(story())


def test_wrong_keys_are_let_in_nowhere() -> None:
    async def story() -> None:
        async with venue_at() as venue, aiohttp.ClientSession() as session:
            stranger = TradingClient("nobody", "nothing", url_override=venue.url)
            with pytest.raises(APIError) as refused:
                await call(stranger.get_account)
            assert (refused.value.status_code, refused.value.code) == (401, 40110000)
            async with session.ws_connect(venue.stream_url) as socket:

                async def ask(action: str, **data: Any) -> Any:
                    await socket.send_json({"action": action, "data": data})
                    return json.loads(await socket.receive_bytes())["data"]["status"]

                assert await ask("authenticate", key_id="n", secret_key="n") == "unauthorized"
                assert await ask("listen", streams=["trade_updates"]) == "unauthorized"

    run(story())


def test_messages_of_the_order_stream_are_binary() -> None:
    async def story() -> None:
        async with (
            venue_at() as venue,
            aiohttp.ClientSession() as session,
            session.ws_connect(venue.stream_url) as socket,
        ):
            data = {"key_id": venue.settings.key_id, "secret_key": venue.settings.secret_key}
            await socket.send_json({"action": "authenticate", "data": data})
            answer = await socket.receive()
            assert answer.type is aiohttp.WSMsgType.BINARY
            assert json.loads(answer.data)["data"]["status"] == "authorized"

    run(story())


def test_a_cancel_goes_before_a_replacement_that_has_not_been_made() -> None:
    async def story() -> None:
        async with venue_at() as venue, Listening(venue) as listening:
            client = sdk(venue)
            venue.quote("AAPL", "190.00", "190.02")
            wish = LimitOrderRequest(
                symbol="AAPL", qty=5, side=BUY, time_in_force=DAY, limit_price=190.02
            )
            # The standing quote would fill it, so nothing is done about it before the next one.
            first = await call(client.submit_order, wish)
            second = await call(
                client.replace_order_by_id, first.id, ReplaceOrderRequest(limit_price=180)
            )
            assert (await call(client.get_order_by_id, first.id)).status.value == "pending_replace"
            await call(client.cancel_order_by_id, first.id)
            assert (await call(client.get_order_by_id, second.id)).status.value == "rejected"
            venue.advance(1)
            venue.quote("AAPL", "190.00", "190.02", ask_size="2")
            await until(lambda: "canceled" in listening.events)
            assert listening.events[2:] == [
                "pending_replace",
                "order_replace_rejected",
                "pending_cancel",
                "partial_fill",
                "canceled",
                "order_cancel_rejected",  # the second request of the two finds nothing
            ]
            assert venue.books.open_orders == []
            assert venue.books.positions == {"AAPL": Decimal(2)}

    run(story())
