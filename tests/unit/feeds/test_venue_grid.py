"""A venue's decimals are rounded by one rule, whether the stream has told them or they were asked for."""

from __future__ import annotations

from decimal import Decimal

import pytest

from brokers.alpaca.tick_wire import Quote, Trade
from engine.model import layout as at
from runtime.feeds.venue_messages import VenueMessages
from runtime.feeds.venue_ticks import VenueTicks
from runtime.feeds.wire import Listing, Refused, to_row
from tests.unit.feeds.venues import minutes

(SHARE,) = minutes().instruments  # in cents, and whole shares
OPEN_NS = 1_577_975_400 * 10**9  # 2 January 2020, 9:30 in New York
MS = 10**6


def quote(bid: str | None, ask: str | None, bid_size: str, ask_size: str) -> Quote:
    low, high = (None if each is None else Decimal(each) for each in (bid, ask))
    return Quote(SHARE.symbol, OPEN_NS + MS, low, high, Decimal(bid_size), Decimal(ask_size))


def trade(price: str, size: str) -> Trade:
    return Trade(SHARE.symbol, OPEN_NS + MS, Decimal(price), Decimal(size))


@pytest.mark.parametrize(
    ("tick", "expected"),
    [
        (trade("100.01", "5"), (10001, 5, 0, 0)),
        (trade("100.015", "5"), (10002, 5, 0, 0)),  # the price: the nearest, half to even
        (trade("100.025", "5"), (10002, 5, 0, 0)),
        (trade("100.01", "4.9"), (10001, 4, 0, 0)),  # a size: nobody has traded five
        (trade("100.01", "1.5"), (10001, 1, 0, 0)),
        (trade("100.01", "0.9"), (10001, 0, 0, 0)),
        (quote("100.009", "100.011", "3.9", "4.5"), (10000, 10002, 3, 4)),
        (quote(None, "100.02", "0", "7"), (0, 10002, 0, 7)),
        (quote("0.004", "100.02", "3", "7"), (0, 10002, 3, 7)),  # less than a tick is no bid
    ],
    ids=str,
)
def test_what_is_told_and_what_is_asked_for_are_the_same_row(
    tick: Quote | Trade, expected: tuple[int, ...]
) -> None:
    told = VenueTicks([SHARE]).row(tick, OPEN_NS)
    message = VenueMessages([SHARE], is_daily=False).price(tick, tick.ts_ns)
    assert message is not None
    asked = to_row(message, {SHARE.symbol: Listing(0, SHARE, bars_fill=False)})
    assert isinstance(told, list) and tuple(told[4:8]) == expected
    assert told == asked and len(told) == at.EVENT_WIDTH


def test_what_nobody_can_count_is_refused_and_not_raised() -> None:
    """More digits than a decimal's context has."""
    vast = trade("100.01", "1e40")
    message = VenueMessages([SHARE], is_daily=False).price(vast, vast.ts_ns)
    assert message is not None
    asked = to_row(message, {SHARE.symbol: Listing(0, SHARE, bars_fill=False)})
    told = VenueTicks([SHARE]).row(vast, OPEN_NS)
    assert isinstance(asked, Refused) and isinstance(told, Refused)
