"""The venue's bars, quotes and prints of the past, read whole over all pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from brokers.alpaca.budget import Use
from brokers.alpaca.client import AlpacaClient
from brokers.alpaca.data_paths import CRYPTO, feed_query, history_path
from brokers.alpaca.market_wire import Bar, BarsPage
from brokers.alpaca.pages import read_pages
from brokers.alpaca.tick_wire import Quote, QuotesPage, Trade, TradesPage

MINUTES: Final = "1Min"
DAYS: Final = "1Day"
_A_PAGE: Final = "10000"
_PAGES_MOST: Final = 10_000


async def read_bars(
    client: AlpacaClient,
    symbols: Sequence[str],
    start_ns: int,
    end_ns: int,
    *,
    timeframe: str = MINUTES,
    feed: str = "iex",
    use: Use = Use.QUESTION,
) -> list[Bar]:
    """Return the bars that begin from `start_ns` to `end_ns`, both included, by symbol and time.

    Prices are raw: what was paid, whatever splits have come since.

    Parameters
    ----------
    client
        At the address of market data; see `AlpacaClient`.
    feed
        Of shares ``iex`` or ``sip``; of coins `CRYPTO`.

    Raises
    ------
    VenueError
        If the venue does not answer, or not as it should.
    """
    query = _query(symbols, start_ns, end_ns, feed)
    query["timeframe"] = timeframe
    if feed != CRYPTO:
        query["adjustment"] = "raw"
    return await read_pages(client, history_path(feed, "bars"), BarsPage, query, _PAGES_MOST, use)


async def read_ticks(
    client: AlpacaClient,
    symbols: Sequence[str],
    start_ns: int,
    end_ns: int,
    *,
    has_quotes: bool,
    has_trades: bool,
    feed: str = "iex",
) -> list[Quote | Trade]:
    """Return the quotes and prints of a time, both its ends included, in order of their times.

    Raises
    ------
    VenueError
        If the venue does not answer, or not as it should.
    """
    query = _query(symbols, start_ns, end_ns, feed)
    found: list[Quote | Trade] = []
    if has_quotes:
        path = history_path(feed, "quotes")
        quotes = await read_pages(client, path, QuotesPage, query, _PAGES_MOST, Use.DATA)
        found += quotes
    if has_trades:
        path = history_path(feed, "trades")
        trades = await read_pages(client, path, TradesPage, query, _PAGES_MOST, Use.DATA)
        found += trades
    return sorted(found, key=lambda each: each.ts_ns)


def _query(symbols: Sequence[str], start_ns: int, end_ns: int, feed: str) -> dict[str, str]:
    return {
        "symbols": ",".join(symbols),
        "start": _text(start_ns),
        "end": _text(end_ns),
        "limit": _A_PAGE,
        "sort": "asc",
        **feed_query(feed),
    }


def _text(ns: int) -> str:
    """Return a time as the venue reads it, with nanoseconds."""
    seconds, rest = divmod(ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09}Z"
