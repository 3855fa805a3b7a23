"""The venue's bars of the past, read whole over all pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from brokers.alpaca.client import AlpacaClient
from brokers.alpaca.market_wire import Bar, BarsPage
from brokers.alpaca.wire import Unreadable
from engine.errors import VenueError

MINUTES: Final = "1Min"
DAYS: Final = "1Day"
_PATH: Final = "/v2/stocks/bars"
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
) -> list[Bar]:
    """Return the bars that begin from `start_ns` to `end_ns`, both included, by symbol and time.

    Prices are raw: what was paid, whatever splits have come since.

    Parameters
    ----------
    client
        At the address of market data; see `AlpacaClient`.

    Raises
    ------
    VenueError
        If the venue does not answer, or not as it should.
    """
    query = {
        "symbols": ",".join(symbols),
        "timeframe": timeframe,
        "start": _text(start_ns),
        "end": _text(end_ns),
        "limit": _A_PAGE,
        "adjustment": "raw",
        "feed": feed,
        "sort": "asc",
    }
    found: list[Bar] = []
    for _ in range(_PAGES_MOST):
        page = await client.ask(_PATH, BarsPage, query)
        try:
            found += page.read()
        except Unreadable as error:
            raise VenueError(f"the venue's answer to {_PATH} cannot be read: {error}") from None
        if page.next_page_token is None:
            return found
        query["page_token"] = page.next_page_token
    raise VenueError(f"the venue's answer to {_PATH} does not end")


def _text(ns: int) -> str:
    """Return a time as the venue reads it, with nanoseconds."""
    seconds, rest = divmod(ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09}Z"
