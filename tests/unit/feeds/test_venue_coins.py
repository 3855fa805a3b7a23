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
from engine.ports import NoticeKind
from runtime.venues.market import source_of
from tests.unit.feeds.venues import (
    BTC,
    ETH,
    coins,
    heard_of,
    replayed,
    resampled,
    ticked,
    without_minutes,
)

SHARE = Instrument("AAPL", InstrumentKind.EQUITY, calendar="XNYS")


def days(slices: list[tuple[int, list[list[int]]]], history: History) -> object:
    """Return what is told of a history's own days; a feed begins within the day before, a replay ends a day later."""
    span = history.span_ns()
    assert span is not None
    kinds = [rows[0][at.EVENT_KIND] for _, rows in slices]
    last = [ts_ns for ts_ns, _ in slices].index(span[1])
    return slices[kinds.index(at.KIND_SESSION_OPEN) : kinds.index(at.KIND_ACCRUAL, last) + 1]


def test_two_days_without_a_close_are_those_of_a_replay() -> None:
    history = coins(2, instruments=2)
    found = heard_of(history)
    assert days(found.told, history) == days(replayed(history), history)
    kinds = [row[at.EVENT_KIND] for _, rows in found.told for row in rows]
    assert kinds.count(at.KIND_BAR) == 2 * 2 * 1_440
    assert kinds.count(at.KIND_SESSION_CLOSE) == 3, "a day of coins ends at midnight in UTC"
    asked = {each.operation for each in found.venue.requests}
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
    found = heard_of(history, fault, lose)
    assert days(found.told, history) == days(replayed(history), history)


def test_minutes_without_a_trade_are_asked_for_and_are_none() -> None:
    history = without_minutes(coins(instruments=2), lambda number, n: n % 50 == number)
    found = heard_of(history)
    assert days(found.told, history) == days(replayed(history), history)
    assert "crypto_data" in {each.operation for each in found.venue.requests}


def test_hours_and_days_are_made_of_what_the_venue_tells() -> None:
    minutes = coins(2)
    for label in ("1h", "1d"):
        history = resampled(minutes, label)
        found = heard_of(history, market=minutes)
        assert days(found.told, history) == days(replayed(history), history), label


def test_quotes_and_trades_are_those_of_a_replay() -> None:
    morning = coins().span_ns()
    assert morning is not None
    history = ticked(coins().between(0, morning[0] + 6 * NS_PER_HOUR))
    found = heard_of(history)
    assert days(found.told, history) == days(replayed(history), history)
    assert not found.venue.exchange.fills
    assert not [each for each in found.items if getattr(each, "kind", None) is NoticeKind.LATE]


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
