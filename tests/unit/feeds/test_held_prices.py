"""What is held is never without a price for long: a venue whose bars say nothing of it is asked."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from brokers.alpaca.latest import is_telling
from brokers.alpaca.tick_wire import LatestTrades, Quote
from brokers.alpaca.wire import Unreadable, decode
from engine.model import layout as at
from engine.ports import FeedItem, Notice, NoticeKind, Slice, TimePassed
from runtime.feeds.held_prices import HeldPrices
from sims.venues.alpaca import AlpacaVenue
from tests.unit.feeds.venues import (
    HandClock,
    feed_by,
    minutes,
    replayed,
    run,
    venue_of,
    without_minutes,
)

SECOND = 10**9
STEP = 3  # seconds; a venue's time that leaps while it is asked is known to half of it


class Hands:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 100

    def now_ns(self) -> int:
        return self.seconds * SECOND

    monotonic_ns = now_ns

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody waits here")


def test_only_what_is_held_and_silent_is_asked_for_and_not_more_often() -> None:
    clock = Hands()
    prices = HeldPrices(["A", "B", "C"], clock, 30)
    prices.held = lambda: [0, 1]
    assert prices.due() == {}, "silence begins when somebody listens"
    clock.seconds += 20
    prices.heard("B", 7)
    clock.seconds += 10
    assert prices.due() == {"A": 0}, "C is not held, and B was heard of 10 s ago"
    prices.asked()
    clock.seconds += 29
    assert prices.due() == {}, "once in 30 s"
    clock.seconds += 1
    assert prices.due() == {"A": 0, "B": 7}
    prices.held = list
    assert prices.due() == {}


def test_a_quote_that_is_wide_crossed_or_one_sided_tells_nothing() -> None:
    def says(bid: str | None, ask: str | None) -> bool:
        low, high = (None if each is None else Decimal(each) for each in (bid, ask))
        return is_telling(Quote("A", 1, low, high, Decimal(1), Decimal(1)))

    assert says("99.50", "100.50"), "one percent of 100"
    assert not says("99.49", "100.51")
    assert not says("100", "100")
    assert not says("100.01", "100")
    assert not says(None, "100")
    assert not says("100", None)


@pytest.mark.parametrize(
    ("marks", "is_of_now"),
    [
        ('"c":["@","I"],"z":"C"', True),
        ('"c":["Z"],"z":"A"', False),
        ('"c":["B"],"z":"C"', True),  # a bunch of prints on one tape, ...
        ('"c":["B"],"z":"A"', False),  # ... an average on the others
        ('"c":["@","T"],"z":"C"', False),
        ('"z":"C"', True),
    ],
)
def test_a_print_that_was_agreed_on_otherwise_is_no_price_of_now(
    marks: str, is_of_now: bool
) -> None:
    values = f'"t":"2026-11-20T14:30:00Z","p":1.5,"s":10,"x":"V","i":7,{marks}'
    text = f'{{"trades":{{"A":{{{values}}}}}}}'
    trade = decode(text.encode(), LatestTrades).read()["A"]
    assert (trade.is_of_now, trade.price, trade.key) == (is_of_now, Decimal("1.5"), "V7")
    with pytest.raises(Unreadable):
        decode(text.replace("1.5", '"NaN"').encode(), LatestTrades).read()


def _asked(venue: AlpacaVenue) -> list[str]:
    names = ("stocks/quotes/latest", "stocks/trades/latest")
    return [seen.path for seen in venue.requests if any(name in seen.path for name in names)]


def test_a_silent_share_that_is_held_gets_the_venues_price() -> None:
    """Two shares; of the first no bar comes after the fifth minute. Both are held."""
    history = without_minutes(minutes(instruments=2), lambda number, n: n >= 5)
    times = [ts_ns for ts_ns, _ in replayed(history)[1:6]]
    first, second = (each.symbol for each in history.instruments)

    async def story() -> tuple[list[Slice], list[str]]:
        async with venue_of(history, speed=None) as venue:
            feed = feed_by(HandClock(venue), venue, history)
            feed.watch(lambda: {0, 1})
            found: list[Slice] = []
            async for item in feed.items():
                match item:
                    case Notice(kind=NoticeKind.CONNECTED):
                        venue.advance_to(times[-1])
                    case Slice(ts_ns=ts_ns) if ts_ns == times[-1]:
                        venue.advance(1)
                        venue.quote(first, "90.01", "90.03", "7", "9")
                        venue.quote(second, "50.00", "99.00")  # too wide to tell anything
                        venue.trade(second, "88.00", "5")
                        venue.advance(28)
                        assert not _asked(venue)
                        venue.advance(3)
                    case TimePassed(now_ns=now_ns) if (
                        _asked(venue) and now_ns < venue.time.now_ns()
                    ):
                        venue.advance(5)
                if isinstance(item, Slice) and item.ts_ns > times[-1]:
                    found.append(item)
                    break
            asked = _asked(venue)
            await feed.close()
            return found, asked

    (one,), asked = run(story())
    quote, trade = one.events.tolist()
    assert quote[at.EVENT_KIND] == at.KIND_QUOTE and quote[4:8] == [9001, 9003, 7, 9]
    assert trade[at.EVENT_KIND] == at.KIND_TRADE and trade[4:6] == [8800, 5]
    assert one.ts_ns - times[-1] >= 30 * SECOND
    assert len(asked) == 2, "one request for both, and one for the print of the other"


def test_without_a_stream_bars_and_prices_of_what_is_held_are_asked_for() -> None:
    """Somebody else has the venue's only connection. The price comes after 30 s, bars after each minute."""
    history = minutes()
    times = [ts_ns for ts_ns, _ in replayed(history)[1:5]]
    (share,) = (each.symbol for each in history.instruments)

    async def story() -> list[FeedItem]:
        async with venue_of(history, speed=None) as venue:
            feed = feed_by(HandClock(venue), venue, history)
            feed.watch(lambda: {0})

            async def goes_on() -> None:
                while True:
                    await asyncio.sleep(0.005)
                    venue.advance(STEP)

            found: list[FeedItem] = []
            async for item in feed.items():
                found.append(item)
                match item:
                    case Notice(kind=NoticeKind.CONNECTED):
                        venue.advance_to(times[0])
                    case Slice(ts_ns=ts_ns) if ts_ns == times[0]:
                        venue.data_stream._settings = replace(venue.settings, data_connections=0)
                        venue.data_stream.drop_all()
                        venue.quote(share, "90.01", "90.03")
                        going = asyncio.create_task(goes_on())
                    case Slice(ts_ns=ts_ns) if ts_ns == times[-1]:
                        break
            going.cancel()
            await feed.close()
            return found

    items = run(story())
    slices = [item for item in items if isinstance(item, Slice) and item.ts_ns > times[0]]
    kinds = [(each.events[0, at.EVENT_KIND], each.ts_ns - times[0]) for each in slices]
    bars = [after for kind, after in kinds if kind == at.KIND_BAR]
    quotes = [after for kind, after in kinds if kind == at.KIND_QUOTE]
    assert bars == [60 * SECOND, 120 * SECOND, 180 * SECOND]
    assert len(quotes) >= 2 and quotes[0] >= (30 - STEP) * SECOND
    notices = [item.kind for item in items if isinstance(item, Notice)]
    assert NoticeKind.FILLED not in notices, "nothing is entered without a stream"
    assert notices.count(NoticeKind.CONNECTED) == 1
