"""What the venue says that some instruments cost now: the last quote, or the last print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from brokers.alpaca.budget import Use
from brokers.alpaca.client import AlpacaClient
from brokers.alpaca.data_paths import feed_query, latest_path
from brokers.alpaca.tick_wire import LatestQuotes, LatestTrades, Quote, Trade
from brokers.alpaca.wire import Unreadable
from engine.errors import VenueError

# One exchange's quote may be far from the market: one that is wider than this share of its middle tells nothing.
_WIDEST: Final = Decimal("0.01")


async def read_latest(
    client: AlpacaClient,
    since_ns: Mapping[str, int],
    *,
    feed: str = "iex",
) -> Sequence[Quote | Trade]:
    """Return a price of each instrument of which the venue has one that is of use.

    That is its quote, which stands now, where both sides are quoted and near to each other. Where it is
    not, it is the last print, if that is news. One request for all, and another where quotes lack.

    Parameters
    ----------
    client
        At the address of market data.
    since_ns
        The instruments, each with the time up to which its prints are known.

    Raises
    ------
    VenueError
        If the venue does not answer, or not as it should.
    """
    query = {"symbols": ",".join(since_ns), **feed_query(feed)}
    try:
        answer = await client.ask(latest_path(feed, "quotes"), LatestQuotes, query, Use.DATA)
        quotes = answer.read()
        found: list[Quote | Trade] = [
            each for each in quotes.values() if each.symbol in since_ns and is_telling(each)
        ]
        told = {each.symbol for each in found}
        if lacking := [symbol for symbol in since_ns if symbol not in told]:
            query["symbols"] = ",".join(lacking)
            trades = await client.ask(latest_path(feed, "trades"), LatestTrades, query, Use.DATA)
            found += [
                each
                for each in trades.read().values()
                if each.is_of_now and each.ts_ns > since_ns.get(each.symbol, each.ts_ns)
            ]
    except Unreadable as error:
        raise VenueError(f"the venue's latest prices cannot be read: {error}") from None
    return found


def is_telling(quote: Quote) -> bool:
    """Return whether a quote says what something costs: two sides, not crossed, not far apart.

    Examples
    --------
    >>> from decimal import Decimal as D
    >>> [is_telling(Quote("X", 1, D(100), D(ask), D(1), D(1))) for ask in ("101", "102", "100")]
    [True, False, False]
    """
    if quote.bid is None or quote.ask is None or quote.bid >= quote.ask:
        return False
    return (quote.ask - quote.bid) * 2 <= _WIDEST * (quote.ask + quote.bid)
