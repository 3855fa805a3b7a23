"""A venue's coins as a feed: they have streams and history of their own, and their market never closes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from brokers.alpaca.data_paths import CRYPTO
from data.history import History
from engine.errors import InputError
from engine.model import layout as at
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.units import NS_PER_HOUR
from engine.ports import FeedItem, NoticeKind
from runtime.venues.market import source_of
from sims.venues.alpaca import AlpacaVenue
from tests.unit.feeds.venues import (
    BTC,
    ETH,
    at_day_end,
    coins,
    feed_at,
    heard,
    replayed,
    resampled,
    run,
    ticked,
    told,
    venue_of,
    without_minutes,
)

SHARE = Instrument("AAPL", InstrumentKind.EQUITY, calendar="XNYS")


def heard_of(history: History, *faults: str, **more: object) -> tuple[list[FeedItem], AlpacaVenue]:
    """Return what our feed tells of some coins to the end of their data, and the venue."""

    async def story() -> tuple[list[FeedItem], AlpacaVenue]:
        minutes = more.pop("market", history)
        assert isinstance(minutes, History)
        async with venue_of(minutes, *faults) as venue:
            return await heard(feed_at(venue, history), at_day_end(history)), venue

    return run(story())


def days(slices: list[tuple[int, list[list[int]]]], history: History) -> object:
    """Return what is told of a history's own days; a feed begins within the day before, a replay ends a day later."""
    span = history.span_ns()
    assert span is not None
    kinds = [rows[0][at.EVENT_KIND] for _, rows in slices]
    last = [ts_ns for ts_ns, _ in slices].index(span[1])
    return slices[kinds.index(at.KIND_SESSION_OPEN) : kinds.index(at.KIND_ACCRUAL, last) + 1]


def test_two_days_without_a_close_are_those_of_a_replay() -> None:
    history = coins(2, instruments=2)
    items, venue = heard_of(history)
    assert days(told(items), history) == days(replayed(history), history)
    kinds = [row[at.EVENT_KIND] for _, rows in told(items) for row in rows]
    assert kinds.count(at.KIND_BAR) == 2 * 2 * 1_440
    assert kinds.count(at.KIND_SESSION_CLOSE) == 3, "a day of coins ends at midnight in UTC"
    asked = {each.operation for each in venue.requests}
    assert not asked & {"stock_data", "corporate_actions"}, "nothing is asked of shares"


@pytest.mark.parametrize(
    "fault",
    [
        '{"kind": "lose", "on": "data_stream", "at": 20, "count": 3}',
        '{"kind": "duplicate", "on": "data_stream", "at": 20, "count": 30}',
        '{"kind": "drop", "on": "data_stream", "at": 100}',
        '{"kind": "mute", "on": "data_stream", "at": 100}',
        '{"kind": "error", "on": "crypto_data", "status": 500, "count": 2}',
        '{"kind": "torn", "on": "crypto_data"}',
    ],
)
def test_what_their_stream_does_changes_nothing(fault: str) -> None:
    history = coins(instruments=2)
    lose = '{"kind": "lose", "on": "data_stream", "at": 5}'
    items, _ = heard_of(history, fault, lose)
    assert days(told(items), history) == days(replayed(history), history)


def test_minutes_without_a_trade_are_asked_for_and_are_none() -> None:
    history = without_minutes(coins(instruments=2), lambda number, n: n % 50 == number)
    items, venue = heard_of(history)
    assert days(told(items), history) == days(replayed(history), history)
    assert "crypto_data" in {each.operation for each in venue.requests}


def test_hours_and_days_are_made_of_what_the_venue_tells() -> None:
    minutes = coins(2)
    for label in ("1h", "1d"):
        history = resampled(minutes, label)
        items, _ = heard_of(history, market=minutes)
        assert days(told(items), history) == days(replayed(history), history), label


def test_quotes_and_trades_are_those_of_a_replay() -> None:
    morning = coins().span_ns()
    assert morning is not None
    history = ticked(coins().between(0, morning[0] + 6 * NS_PER_HOUR))
    items, venue = heard_of(history)
    assert days(told(items), history) == days(replayed(history), history)
    assert not venue.exchange.fills
    assert not [each for each in items if getattr(each, "kind", None) is NoticeKind.LATE]


@pytest.mark.parametrize(
    ("instruments", "said"),
    [
        ([BTC, SHARE], "feed.mixed"),
        ([replace(BTC, symbol="BTCUSD")], "feed.unknown_instrument"),
        ([replace(ETH, currency="USDT", symbol="ETH/USDT")], "feed.unknown_instrument"),
        ([replace(BTC, kind=InstrumentKind.CRYPTO_PERPETUAL)], "feed.unknown_instrument"),
    ],
)
def test_what_no_feed_tells_is_refused(instruments: list[Instrument], said: str) -> None:
    with pytest.raises(InputError) as caught:
        source_of(instruments, "iex")
    assert caught.value.code == said


def test_the_workspaces_feed_is_that_of_shares_alone() -> None:
    assert source_of([SHARE], "sip") == "sip"
    assert source_of([BTC, ETH], "sip") == CRYPTO
