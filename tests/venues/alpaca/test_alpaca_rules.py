"""What the venue takes, what it refuses and with which words: by the vendor's own client."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderClass, OrderSide, OrderType, TimeInForce
from alpaca.trading.requests import (
    ClosePositionRequest,
    GetPortfolioHistoryRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    ReplaceOrderRequest,
    StopLimitOrderRequest,
    StopLossRequest,
    StopOrderRequest,
    TakeProfitRequest,
    TrailingStopOrderRequest,
)

from sims.venues.alpaca import AlpacaVenue, VenueSettings
from tests.venues.alpaca.markets import Listening, call, run, sdk, until, venue_at

BUY, SELL = OrderSide.BUY, OrderSide.SELL
DAY, GTC, IOC, FOK = TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK


def market(symbol: str = "AAPL", side: OrderSide = BUY, **more: Any) -> MarketOrderRequest:
    return MarketOrderRequest(
        **{"symbol": symbol, "side": side, "time_in_force": DAY, "qty": 1} | more
    )


def limit(price: float, side: OrderSide = BUY, **more: Any) -> LimitOrderRequest:
    fields = {"symbol": "AAPL", "side": side, "time_in_force": DAY, "qty": 1}
    return LimitOrderRequest(**fields | {"limit_price": price} | more)


def show(
    venue: AlpacaVenue, bid: str = "190.00", ask: str = "190.02", symbol: str = "AAPL"
) -> None:
    venue.advance(1)
    venue.quote(symbol, bid, ask)


async def bought(venue: AlpacaVenue, client: TradingClient, quantity: int) -> None:
    """Hold some shares, bought at 190.02."""
    show(venue)
    await call(client.submit_order, market(qty=quantity))
    show(venue)
    assert venue.books.positions["AAPL"] == quantity


# --- refusals -------------------------------------------------------------------------------------
REFUSED = [
    (limit(180.001), 422, 42210000, "sub-penny increment"),
    (limit(0.00001), 422, 42210000, "sub-penny increment"),
    (market(qty=0.5), 403, 40310000, "is not fractionable"),
    (market(symbol="NONE"), 422, 42210000, "asset .*NONE.* not found"),
    (market(qty=2000), 403, 40310000, "insufficient buying power"),
    (limit(180, extended_hours=True, time_in_force=GTC), 422, 42210000, "extended hours order"),
    (market(extended_hours=True), 422, 42210000, "extended hours order"),
    (market("SPY", qty=0.5, time_in_force=GTC), 422, 42210000, "must be DAY"),
    (market("SPY", side=SELL, qty=0.5), 422, 42210000, "cannot be sold short"),
    (market("BTC/USD", qty=0.01), 422, 42210000, "invalid crypto order"),
    (market("BTC/USD", SELL, qty=0.01, time_in_force=GTC), 403, 40310000, "insufficient balance"),
    (market("BTC/USD", qty=0.00001, time_in_force=GTC), 422, 40010001, "invalid qty"),
    (
        StopOrderRequest(symbol="AAPL", qty=1, side=BUY, time_in_force=IOC, stop_price=200),
        422,
        42210000,
        "cannot be ioc",
    ),
    (
        limit(
            190,
            order_class=OrderClass.BRACKET,
            take_profit=TakeProfitRequest(limit_price=185),
            stop_loss=StopLossRequest(stop_price=180),
        ),
        422,
        42210000,
        "at least 0.01 away",
    ),
    (
        limit(
            190,
            order_class=OrderClass.BRACKET,
            time_in_force=IOC,
            take_profit=TakeProfitRequest(limit_price=195),
            stop_loss=StopLossRequest(stop_price=180),
        ),
        422,
        42210000,
        "must be day or gtc",
    ),
]


def test_what_is_against_the_rules_is_refused_with_its_code() -> None:
    async def story() -> None:
        async with venue_at() as venue:
            client = sdk(venue)
            show(venue)
            show(venue, "500.00", "500.02", "SPY")
            show(venue, "60000.00", "60001.00", "BTC/USD")
            for wish, status, code, words in REFUSED:
                with pytest.raises(APIError, match=words) as refused:
                    await call(client.submit_order, wish)
                assert (refused.value.status_code, refused.value.code) == (status, code), words
            assert venue.books.orders == []

    run(story())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "symbol is required"),
        ({"symbol": "AAPL", "side": "hold", "type": "market"}, "invalid side"),
        ({"symbol": "AAPL", "side": "buy", "type": "market", "qty": "1"}, "time_in_force is"),
        ({"qty": "1", "notional": "5"}, "qty or notional"),
        ({"qty": True}, "qty must be a number"),
        ({"qty": "-1"}, "qty must be > 0"),
        ({"qty": "1e400"}, "invalid qty"),
        ({"qty": "1", "type": "limit"}, "require limit price"),
        ({"qty": "1", "limit_price": "5"}, "must not have a limit"),
        ({"qty": "1", "client_order_id": "x" * 129}, "no more than 128"),
        ({"qty": "1", "take_profit": {"limit_price": "200"}}, "need an order_class"),
        ({"qty": 0.30000000000000004}, "not fractionable"),
    ],
)
def test_a_malformed_order_is_refused(body: dict[str, Any], words: str) -> None:
    whole = {"symbol": "AAPL", "side": "buy", "type": "market", "time_in_force": "day"}

    async def story() -> None:
        async with venue_at() as venue:
            show(venue)
            wish = whole | body if "qty" in body and "symbol" not in body else body
            with pytest.raises(APIError, match=words) as refused:
                await call(sdk(venue).post, "/orders", wish)
            assert refused.value.status_code in (403, 422)

    run(story())


def test_more_than_is_held_cannot_be_sold_and_what_works_is_held() -> None:
    async def story() -> None:
        async with venue_at() as venue:
            client = sdk(venue)
            await bought(venue, client, 5)
            await call(client.submit_order, limit(200, SELL, qty=3))
            position = await call(client.get_open_position, "AAPL")
            assert (position.qty, position.qty_available) == ("5", "2")
            with pytest.raises(APIError) as refused:
                await call(client.submit_order, market(side=SELL, qty=3))
            body = refused.value._error
            assert '"available":"2"' in body and '"held_for_orders":"3"' in body
            with pytest.raises(APIError, match="potential wash trade"):
                await call(client.submit_order, market(qty=1))
            with pytest.raises(APIError, match="potential wash trade"):
                await call(client.submit_order, limit(201, BUY))

    run(story())


def test_a_short_is_reckoned_above_the_ask_and_can_be_forbidden() -> None:
    async def story() -> None:
        # 1,000 dollars x 2 = 2,000: ten at 190.02 x 1.03 = 1,957.21 pass, eleven do not
        async with venue_at(settings=VenueSettings(cash=Decimal(1000))) as venue:
            client = sdk(venue)
            show(venue)
            with pytest.raises(APIError, match="insufficient buying power"):
                await call(client.submit_order, market(side=SELL, qty=11))
            await call(client.submit_order, market(side=SELL, qty=10))
            show(venue)
            position = await call(client.get_open_position, "AAPL")
            assert (position.qty, position.side.value) == ("-10", "short")
            assert venue.books.cash == 1000 + 10 * Decimal(190)
        async with venue_at(settings=VenueSettings(multiplier=1)) as venue:
            show(venue)
            with pytest.raises(APIError, match="not allowed to short"):
                await call(sdk(venue).submit_order, market(side=SELL))

    run(story())


# --- kinds of orders ------------------------------------------------------------------------------
def test_a_closed_market_queues_what_it_is_asked() -> None:
    async def story() -> None:
        async with venue_at("2026-11-19T22:00") as venue, Listening(venue) as listening:
            client = sdk(venue)
            venue.quote("AAPL", "190.00", "190.02")  # nobody trades at it
            clock = await call(client.get_clock)
            assert not clock.is_open
            assert clock.next_open.isoformat() == "2026-11-20T09:30:00-05:00"
            order = await call(client.submit_order, market())
            venue.advance(3600)
            venue.quote("AAPL", "189.00", "189.02")
            found = await call(client.get_order_by_id, order.id)
            assert (found.status.value, found.filled_qty) == ("accepted", "0")
            venue.advance(16 * 3600)  # past the open
            venue.quote("AAPL", "191.00", "191.02")
            await until(lambda: "fill" in listening.events)
            assert listening.events == ["pending_new", "accepted", "new", "fill"]
            assert listening.updates[-1].price == 191.02
            resting = await call(client.submit_order, limit(150))
            kept = await call(client.submit_order, limit(150, time_in_force=GTC))
            venue.advance(7 * 3600)  # past the close
            assert (await call(client.get_order_by_id, resting.id)).status.value == "expired"
            assert (await call(client.get_order_by_id, kept.id)).status.value == "new"

    run(story())


def test_immediate_orders_end_with_the_first_quote() -> None:
    async def story() -> None:
        async with venue_at() as venue:
            client = sdk(venue)
            venue.quote("AAPL", "190.00", "190.02")
            some = await call(client.submit_order, limit(191, time_in_force=IOC, qty=5))
            none = await call(client.submit_order, limit(191, time_in_force=FOK, qty=50))
            venue.advance(1)
            venue.quote("AAPL", "190.00", "190.02", ask_size="3")
            found = [await call(client.get_order_by_id, each.id) for each in (some, none)]
            assert [(each.status.value, each.filled_qty) for each in found] == [
                ("canceled", "3"),
                ("canceled", "0"),
            ]

    run(story())


def test_stops_fire_and_a_buy_stop_has_a_limit_behind_it() -> None:
    async def story() -> None:
        async with venue_at() as venue:
            client = sdk(venue)
            await bought(venue, client, 2)
            stop = StopOrderRequest(
                symbol="AAPL", qty=1, side=SELL, time_in_force=GTC, stop_price=185
            )
            both = StopLimitOrderRequest(
                symbol="AAPL",
                qty=1,
                side=SELL,
                time_in_force=GTC,
                stop_price=185,
                limit_price=184.5,
            )
            orders = [await call(client.submit_order, each) for each in (stop, both)]
            show(venue, "184.00", "184.02")  # both fire; the limit is above the bid
            found = [await call(client.get_order_by_id, each.id) for each in orders]
            assert [(each.status.value, each.filled_avg_price) for each in found] == [
                ("filled", "184"),
                ("new", None),
            ]
            show(venue, "184.60", "184.62")
            assert venue.books.positions == {}
            breakout = StopOrderRequest(
                symbol="AAPL", qty=1, side=BUY, time_in_force=DAY, stop_price=200
            )
            await call(client.submit_order, breakout)
            show(venue, "206.00", "206.02")  # more than 2.5 % above 200: 205.00
            assert venue.books.positions == {}
            show(venue, "204.00", "204.02")
            assert venue.books.positions == {"AAPL": Decimal(1)}

    run(story())


def test_a_trailing_stop_follows_and_can_be_moved() -> None:
    async def story() -> None:
        async with venue_at() as venue:
            client = sdk(venue)
            await bought(venue, client, 1)
            wish = TrailingStopOrderRequest(
                symbol="AAPL", qty=1, side=SELL, time_in_force=GTC, trail_price=2
            )
            order = await call(client.submit_order, wish)
            show(venue, "195.00", "195.02")
            found = await call(client.get_order_by_id, order.id)
            assert (found.hwm, found.stop_price, found.trail_price) == ("195", "193", "2")
            moved = await call(client.replace_order_by_id, order.id, ReplaceOrderRequest(trail=1))
            assert moved.trail_price == "1"
            show(venue, "196.00", "196.02")
            show(venue, "194.90", "194.92")  # under 195
            assert venue.books.positions == {}
            assert (await call(client.get_order_by_id, moved.id)).filled_avg_price == "194.9"

    run(story())


def test_a_bracket_waits_for_its_entry_and_one_leg_ends_the_other() -> None:
    async def story() -> None:
        async with venue_at() as venue:
            client = sdk(venue)
            show(venue)
            wish = market(
                qty=4,
                order_class=OrderClass.BRACKET,
                take_profit=TakeProfitRequest(limit_price=200),
                stop_loss=StopLossRequest(stop_price=180),
            )
            entry = await call(client.submit_order, wish)
            assert [leg.status.value for leg in entry.legs] == ["held", "held"]
            venue.advance(1)
            venue.quote("AAPL", "190.00", "190.02", ask_size="3")
            part = await call(client.get, f"/orders/{entry.id}", {"nested": True})
            assert [leg["status"] for leg in part["legs"]] == ["held", "held"]
            show(venue)  # the fourth
            (nested,) = await call(client.get, "/orders", {"nested": True, "status": "all"})
            assert [leg["status"] for leg in nested["legs"]] == ["new", "new"]
            show(venue, "200.50", "200.52")
            (nested,) = await call(client.get, "/orders", {"nested": True, "status": "all"})
            assert [(leg["type"], leg["status"]) for leg in nested["legs"]] == [
                ("limit", "filled"),
                ("stop", "canceled"),
            ]
            assert venue.books.positions == {}

    run(story())


def test_an_oco_pair_ends_a_position_once_and_is_canceled_together() -> None:
    async def story() -> None:
        async with venue_at() as venue:
            client = sdk(venue)
            await bought(venue, client, 2)
            wish = LimitOrderRequest(
                symbol="AAPL",
                qty=2,
                side=SELL,
                time_in_force=GTC,
                type=OrderType.LIMIT,
                order_class=OrderClass.OCO,
                limit_price=200,
                take_profit=TakeProfitRequest(limit_price=200),
                stop_loss=StopLossRequest(stop_price=180),
            )
            parent = await call(client.submit_order, wish)
            (leg,) = parent.legs
            assert (parent.limit_price, leg.stop_price) == ("200", "180")
            assert (await call(client.get_open_position, "AAPL")).qty_available == "0"
            await call(client.cancel_order_by_id, parent.id)
            assert venue.books.open_orders == []
            again = await call(client.submit_order, wish)
            show(venue, "179.00", "179.02")
            assert (await call(client.get_order_by_id, again.id)).status.value == "canceled"
            assert venue.books.positions == {}

    run(story())


def test_parts_of_shares_and_amounts_of_money_are_bought_where_they_can_be() -> None:
    async def story() -> None:
        async with venue_at() as venue:
            client = sdk(venue)
            show(venue, "500.00", "500.02", "SPY")
            await call(client.submit_order, market("SPY", qty=0.5))
            wish = MarketOrderRequest(symbol="SPY", notional=100, side=BUY, time_in_force=DAY)
            order = await call(client.submit_order, wish)
            assert (order.notional, order.qty) == ("100", None)
            show(venue, "500.00", "500.02", "SPY")
            # 100 / 500.02 = 0.19999200031..., cut to nine decimals
            assert venue.books.positions == {"SPY": Decimal("0.699992000")}

    run(story())


def test_crypto_trades_at_night_and_is_named_with_its_slash() -> None:
    async def story() -> None:
        async with venue_at("2026-11-21T03:00") as venue:
            client = sdk(venue)
            show(venue, "60000.00", "60001.00", "BTC/USD")
            await call(client.submit_order, market("BTC/USD", qty=0.5, time_in_force=GTC))
            show(venue, "60000.00", "60001.00", "BTC/USD")
            position = await call(client.get_open_position, "BTC/USD")
            assert (position.qty, position.avg_entry_price) == ("0.5", "60001")
            await call(client.close_position, "BTC/USD", ClosePositionRequest(percentage="50"))
            show(venue, "60000.00", "60001.00", "BTC/USD")
            assert venue.books.positions == {"BTC/USD": Decimal("0.25")}

    run(story())


# --- replace, close, history ----------------------------------------------------------------------
def test_a_part_that_is_filled_stays_filled_through_a_replacement() -> None:
    async def story() -> None:
        async with venue_at() as venue:
            client = sdk(venue)
            show(venue)
            first = await call(client.submit_order, limit(190.02, qty=5))
            venue.advance(1)
            venue.quote("AAPL", "190.00", "190.02", ask_size="2")
            with pytest.raises(APIError, match="greater than the filled"):
                await call(client.replace_order_by_id, first.id, ReplaceOrderRequest(qty=2))
            second = await call(client.replace_order_by_id, first.id, ReplaceOrderRequest(qty=4))
            show(venue)
            found = await call(client.get_order_by_id, second.id)
            assert (found.qty, found.filled_qty, found.status.value) == ("4", "4", "filled")
            assert venue.books.positions == {"AAPL": Decimal(4)}
            with pytest.raises(APIError, match=r"already in .*filled.* state"):
                await call(client.replace_order_by_id, second.id, ReplaceOrderRequest(qty=9))

    run(story())


def test_all_positions_are_closed_after_their_orders() -> None:
    async def story() -> None:
        async with venue_at() as venue:
            client = sdk(venue)
            await bought(venue, client, 3)
            await call(client.submit_order, limit(200, SELL, qty=3))
            (failed,) = await call(client.close_all_positions, cancel_orders=False)
            assert (failed.status, failed.body.code) == (403, 40310000)
            (closing,) = await call(client.close_all_positions, cancel_orders=True)
            assert (closing.status, closing.symbol, closing.body.qty) == (200, "AAPL", "3")
            assert venue.requests[-1].status == 207
            show(venue)
            assert venue.books.positions == {}
            with pytest.raises(APIError) as unknown:
                await call(client.get_open_position, "AAPL")
            assert (unknown.value.status_code, unknown.value.code) == (404, 40410000)

    run(story())


def test_executions_are_read_page_by_page() -> None:
    async def story() -> None:
        async with venue_at() as venue:
            client = sdk(venue)
            show(venue)
            await call(client.submit_order, market(qty=5))
            for _ in range(5):
                venue.advance(1)
                venue.quote("AAPL", "190.00", "190.02", ask_size="1")
            query: dict[str, Any] = {"page_size": 2, "direction": "asc"}
            pages: list[list[Any]] = []
            while page := await call(client.get, "/account/activities/FILL", query):
                pages.append(page)
                query["page_token"] = page[-1]["id"]
            assert [len(page) for page in pages] == [2, 2, 1]
            fills = [fill for page in pages for fill in page]
            assert [fill["cum_qty"] for fill in fills] == ["1", "2", "3", "4", "5"]
            assert [fill["type"] for fill in fills] == ["partial_fill"] * 4 + ["fill"]
            newest = await call(client.get, "/account/activities", {"page_size": 1})
            assert newest[0]["id"] == fills[-1]["id"]
            late = {"after": fills[2]["transaction_time"], "direction": "asc"}
            assert await call(client.get, "/account/activities/FILL", late) == fills[3:]

    run(story())


def test_the_portfolio_has_a_history_and_the_account_a_configuration() -> None:
    async def story() -> None:
        async with venue_at() as venue:
            client = sdk(venue)
            await bought(venue, client, 10)
            show(venue, "191.00", "191.02")
            venue.advance(6 * 3600)  # past the close
            history = await call(client.get_portfolio_history, GetPortfolioHistoryRequest())
            # 10 bought at 190.02, the middle is now 191.01: 9.90 more
            assert history.equity == [100009.9, 100009.9]
            assert history.profit_loss[-1] == 9.9
            changed = await call(client.get_account_configurations)
            changed.suspend_trade = True
            assert (await call(client.set_account_configurations, changed)).suspend_trade
            with pytest.raises(APIError, match="suspended"):
                await call(client.submit_order, market())

    run(story())


def test_a_split_changes_what_is_held_and_what_works() -> None:
    async def story() -> None:
        async with venue_at() as venue, Listening(venue) as listening:
            client = sdk(venue)
            await bought(venue, client, 10)
            order = await call(client.submit_order, limit(210, SELL, qty=4, time_in_force=GTC))
            venue.advance(1)
            venue.split("AAPL", 4, 1)
            venue.quote("AAPL", "47.50", "47.51")
            position = await call(client.get_open_position, "AAPL")
            # 10 x 4 shares for the same 1,900.20 dollars
            assert (position.qty, position.cost_basis) == ("40", "1900.2")
            found = await call(client.get_order_by_id, order.id)
            assert (found.qty, found.limit_price) == ("16", "52.5")
            await until(lambda: "restated" in listening.events)

    run(story())


def test_auction_orders_are_refused_too_late_and_filled_at_the_auction() -> None:
    async def story() -> None:
        async with venue_at("2026-11-20T14:29") as venue:
            client = sdk(venue)
            venue.quote("AAPL", "190.00", "190.02")
            opening = market(time_in_force=TimeInForce.OPG)
            with pytest.raises(APIError, match="not accepted between 09:28"):
                await call(client.submit_order, opening)
            venue.advance(120)
            venue.quote("AAPL", "190.00", "190.02")
            await call(client.submit_order, market(time_in_force=TimeInForce.CLS))
            venue.advance(6 * 3600)
            venue.quote("AAPL", "195.00", "195.02")
            assert venue.books.positions == {}
            venue.advance(3600)  # past the close: at the last ask
            assert [fill.price_ticks for fill in venue.books.executions] == [195_02]

    run(story())
