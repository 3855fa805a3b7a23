"""The vendor's own clients read the venue's market data."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from alpaca.common.exceptions import APIError
from alpaca.data.historical import CryptoHistoricalDataClient, StockHistoricalDataClient
from alpaca.data.live import CryptoDataStream, StockDataStream
from alpaca.data.requests import (
    CryptoBarsRequest,
    CryptoLatestQuoteRequest,
    StockBarsRequest,
    StockLatestQuoteRequest,
    StockLatestTradeRequest,
    StockQuotesRequest,
    StockSnapshotRequest,
    StockTradesRequest,
)
from alpaca.data.timeframe import TimeFrame, TimeFrameUnit

from sims.venues.alpaca import AlpacaVenue
from sims.venues.alpaca.faults import parse_faults
from tests.venues.alpaca.markets import call, ended, run, until, venue_at

OPEN = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)


def stocks(venue: AlpacaVenue) -> StockHistoricalDataClient:
    settings = venue.settings
    return StockHistoricalDataClient(settings.key_id, settings.secret_key, url_override=venue.url)


def with_minutes(venue: AlpacaVenue, count: int = 7) -> None:
    """Show so many minutes from the open: each a dollar above the one before."""
    for n in range(count):
        venue.advance(60)
        low = 100 + n
        prices = (f"{low}", f"{low}.90", f"{low}", f"{low}.50")
        venue.bar("AAPL", prices, volume="10")
        venue.bar("SPY", prices, volume="20")


def test_bars_come_by_length_and_by_page() -> None:
    async def story() -> None:
        async with venue_at("2026-11-20T14:30") as venue:
            with_minutes(venue)
            wish = StockBarsRequest(
                symbol_or_symbols="AAPL", timeframe=TimeFrame.Minute, start=OPEN
            )
            bars = (await call(stocks(venue).get_stock_bars, wish))["AAPL"]
            assert [bar.open for bar in bars] == [100, 101, 102, 103, 104, 105, 106]
            assert bars[0].timestamp == OPEN
            five = TimeFrame(5, TimeFrameUnit.Minute)
            wish = StockBarsRequest(symbol_or_symbols="AAPL", timeframe=five, start=OPEN)
            first, second = (await call(stocks(venue).get_stock_bars, wish))["AAPL"]
            # minutes 0 to 4: opens at 100, highest 104.90, closes at 104.50, 5 x 10 traded
            assert (first.open, first.high, first.low, first.close, first.volume) == (
                100.0,
                104.9,
                100.0,
                104.5,
                50.0,
            )
            assert (second.open, second.close, second.volume) == (105.0, 106.5, 20.0)
            wish = StockBarsRequest(
                symbol_or_symbols="AAPL", timeframe=TimeFrame.Day, start=OPEN.date()
            )
            (day,) = (await call(stocks(venue).get_stock_bars, wish))["AAPL"]
            # New York's midnight is five hours behind
            assert (day.timestamp.hour, day.open, day.close, day.volume) == (5, 100.0, 106.5, 70.0)

    run(story())


def test_a_limit_spans_all_symbols_and_the_token_goes_on_from_there() -> None:
    async def story() -> None:
        async with venue_at("2026-11-20T14:30") as venue, aiohttp.ClientSession() as session:
            with_minutes(venue, 3)
            query: dict[str, str] = {"symbols": "SPY,AAPL", "timeframe": "1Min", "limit": "2"}
            told: list[tuple[str, str]] = []
            pages = 0
            headers = {
                "APCA-API-KEY-ID": venue.settings.key_id,
                "APCA-API-SECRET-KEY": venue.settings.secret_key,
            }
            while True:
                async with session.get(
                    f"{venue.url}/v2/stocks/bars", params=query, headers=headers
                ) as answer:
                    page = await answer.json()
                pages += 1
                told += [(s, bar["t"][11:16]) for s, rows in page["bars"].items() for bar in rows]
                if page["next_page_token"] is None:
                    break
                query["page_token"] = page["next_page_token"]
            times = ["14:30", "14:31", "14:32"]
            assert told == [("AAPL", t) for t in times] + [("SPY", t) for t in times]
            assert pages == 3

    run(story())


def test_quotes_trades_latest_and_snapshot_are_read() -> None:
    async def story() -> None:
        async with venue_at() as venue:
            client = stocks(venue)
            venue.quote("AAPL", "190.00", "190.02", bid_size="3", ask_size="4")
            venue.trade("AAPL", "190.01", "7")
            venue.advance(1)
            venue.quote("AAPL", "190.10", "190.12")
            venue.quote("BTC/USD", "60000.00", "60001.00", bid_size="0.5", ask_size="0.25")
            latest = await call(
                client.get_stock_latest_quote, StockLatestQuoteRequest(symbol_or_symbols="AAPL")
            )
            assert (latest["AAPL"].bid_price, latest["AAPL"].ask_price) == (190.1, 190.12)
            wish = StockQuotesRequest(symbol_or_symbols="AAPL", start=OPEN)
            quotes = (await call(client.get_stock_quotes, wish))["AAPL"]
            assert [(q.bid_price, q.bid_size, q.ask_size) for q in quotes] == [
                (190.0, 3.0, 4.0),
                (190.1, 1000.0, 1000.0),
            ]
            trades = (
                await call(
                    client.get_stock_trades,
                    StockTradesRequest(symbol_or_symbols="AAPL", start=OPEN),
                )
            )["AAPL"]
            assert [(t.price, t.size) for t in trades] == [(190.01, 7.0)]
            last = await call(
                client.get_stock_latest_trade, StockLatestTradeRequest(symbol_or_symbols="AAPL")
            )
            assert (last["AAPL"].price, last["AAPL"].size) == (190.01, 7.0)
            snapshot = await call(
                client.get_stock_snapshot, StockSnapshotRequest(symbol_or_symbols="AAPL")
            )
            assert snapshot["AAPL"].daily_bar.close == 190.01
            crypto = CryptoHistoricalDataClient(
                venue.settings.key_id, venue.settings.secret_key, url_override=venue.url
            )
            coin = await call(
                crypto.get_crypto_latest_quote,
                CryptoLatestQuoteRequest(symbol_or_symbols="BTC/USD"),
            )
            assert (coin["BTC/USD"].ask_price, coin["BTC/USD"].ask_size) == (60001.0, 0.25)

    run(story())


def test_wrong_keys_are_forbidden_to_read_data() -> None:
    async def story() -> None:
        async with venue_at() as venue:
            client = StockHistoricalDataClient("nobody", "nothing", url_override=venue.url)
            with pytest.raises(APIError) as refused:
                await call(
                    client.get_stock_latest_quote,
                    StockLatestQuoteRequest(symbol_or_symbols="AAPL"),
                )
            assert refused.value.status_code == 403

    run(story())


def test_the_sdk_hears_quotes_trades_and_bars_in_msgpack() -> None:
    async def story() -> None:
        async with venue_at() as venue:
            settings = venue.settings
            stream = StockDataStream(
                settings.key_id, settings.secret_key, url_override=venue.data_stream_url()
            )
            heard: list[Any] = []

            async def take(message: Any) -> None:
                heard.append(message)

            stream.subscribe_quotes(take, "AAPL")
            stream.subscribe_trades(take, "AAPL")
            stream.subscribe_bars(take, "*")
            stream.register_trade_corrections(take)
            stream.register_trade_cancels(take)
            running = asyncio.create_task(stream._run_forever())
            await until(lambda: any(s.wants("bars", "SPY") for s in venue.data_stream.subscribers))
            venue.quote("AAPL", "190.00", "190.02")
            venue.quote("SPY", "500.00", "500.02")  # nobody asked for it
            venue.trade("AAPL", "190.01", "7")
            venue.bar("SPY", ("500", "501", "499", "500.50"))
            await until(lambda: len(heard) == 3)
            quote, trade, bar = heard
            assert (quote.bid_price, quote.ask_price) == (190.0, 190.02)
            assert (trade.price, trade.size) == (190.01, 7.0)
            assert (bar.symbol, bar.close) == ("SPY", 500.5)
            assert quote.timestamp == datetime(2026, 11, 20, 15, tzinfo=UTC)
            venue.correct_trade("AAPL", "190.02")
            venue.cancel_trade("AAPL")
            await until(lambda: len(heard) == 5)
            corrected, canceled = heard[3:]
            assert (corrected.original_price, corrected.corrected_price) == (190.01, 190.02)
            assert (canceled.price, canceled.size, canceled.action) == (190.02, 7.0, "C")
            assert canceled.id == corrected.corrected_id == trade.id
            await ended(running)
            await stream.close()

    run(story())


class Raw:
    """A client of the data stream in JSON."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def hear(self) -> Any:
        return json.loads(await self._socket.receive_str())[0]

    async def ask(self, **wish: Any) -> Any:
        await self._socket.send_json(wish)
        return await self.hear()


def test_each_misuse_of_the_data_stream_has_its_code() -> None:
    async def story() -> None:
        async with venue_at() as venue, aiohttp.ClientSession() as session:
            url, keys = venue.data_stream_url("sip"), venue.settings
            async with session.ws_connect(url) as first, session.ws_connect(url) as second:
                one, two = Raw(first), Raw(second)
                assert await one.hear() == {"T": "success", "msg": "connected"}
                await two.hear()
                assert (await one.ask(action="subscribe", quotes=["AAPL"]))["code"] == 401
                assert (await one.ask(nonsense=1))["code"] == 400
                known = {"action": "auth", "key": keys.key_id, "secret": keys.secret_key}
                assert (await one.ask(**known))["msg"] == "authenticated"
                assert (await one.ask(**known))["code"] == 403
                assert (await two.ask(**known))["code"] == 406
                many = [f"S{n}" for n in range(31)]
                assert (await one.ask(action="subscribe", quotes=many))["code"] == 405
                assert (await one.ask(action="subscribe", orderbooks=["AAPL"]))["code"] == 410
                told = await one.ask(action="subscribe", trades=["AAPL"], bars=["*"])
                assert (told["T"], told["trades"], told["bars"]) == (
                    "subscription",
                    ["AAPL"],
                    ["*"],
                )
                assert told["corrections"] == ["AAPL"]
                left = await one.ask(action="unsubscribe", trades=["AAPL"])
                assert (left["trades"], left["bars"]) == ([], ["*"])

    run(story())


@pytest.mark.parametrize(
    ("fault", "heard"),
    [
        ('"kind": "duplicate"', [190.0, 190.0, 191.0]),
        ('"kind": "lose"', [191.0]),
        ('"kind": "reorder"', [191.0, 190.0]),
        ('"kind": "number_kind", "field": "bp"', ["190.0", 191.0]),
        ('"kind": "mute", "at": 2', [190.0]),
    ],
)
def test_the_data_stream_can_lie(fault: str, heard: list[Any]) -> None:
    async def story() -> None:
        faults = parse_faults(f'{{{fault}, "on": "data_stream"}}')
        async with (
            venue_at(faults=faults) as venue,
            aiohttp.ClientSession() as session,
            session.ws_connect(venue.data_stream_url()) as socket,
        ):
            one, keys = Raw(socket), venue.settings
            await one.hear()
            await one.ask(action="auth", key=keys.key_id, secret=keys.secret_key)
            await one.ask(action="subscribe", quotes=["AAPL"])
            venue.quote("AAPL", "190.00", "190.02")
            venue.quote("AAPL", "191.00", "191.02")
            assert [(await one.hear())["bp"] for _ in heard] == heard
            assert venue.exchange.shown[0].bid_ticks == 191_00

    run(story())


def test_a_coin_has_bars_out_of_its_prints_and_a_book_on_its_stream() -> None:
    async def story() -> None:
        async with venue_at("2026-11-21T03:00") as venue:
            settings = venue.settings
            stream = CryptoDataStream(
                settings.key_id, settings.secret_key, url_override=venue.data_stream_url("crypto")
            )
            heard: list[Any] = []

            async def take(message: Any) -> None:
                heard.append(message)

            stream.subscribe_orderbooks(take, "BTC/USD")
            running = asyncio.create_task(stream._run_forever())
            await until(
                lambda: any(s.wants("orderbooks", "BTC/USD") for s in venue.data_stream.subscribers)
            )
            venue.quote("BTC/USD", "60000.00", "60001.00", bid_size="0.5", ask_size="0.25")
            await until(lambda: heard)
            (ask,) = heard[0].asks
            assert (ask.price, ask.size) == (60001.0, 0.25)
            await ended(running)
            await stream.close()
            for price, size in (("60000.00", "0.1"), ("60010.00", "0.3"), ("60004.00", "0.1")):
                venue.advance(1)
                venue.trade("BTC/USD", price, size)
            client = CryptoHistoricalDataClient(
                settings.key_id, settings.secret_key, url_override=venue.url
            )
            wish = CryptoBarsRequest(
                symbol_or_symbols="BTC/USD",
                timeframe=TimeFrame.Minute,
                start=datetime(2026, 11, 21, tzinfo=UTC),
            )
            (bar,) = (await call(client.get_crypto_bars, wish))["BTC/USD"]
            assert (bar.open, bar.high, bar.low, bar.close) == (60000, 60010, 60000, 60004)
            assert (bar.volume, bar.trade_count) == (0.5, 3)
            # (0.1 x 60,000 + 0.3 x 60,010 + 0.1 x 60,004) / 0.5
            assert bar.vwap == pytest.approx(60006.8)

    run(story())
