"""A venue's quotes and prints as a feed: those of a replay, whatever the stream does, in the order of time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal

import pytest

from brokers.alpaca.tick_wire import Quote, Trade
from data.history import History
from engine.errors import InputError
from engine.model import layout as at
from engine.ports import FeedItem, Notice, NoticeKind, Slice, TimePassed
from runtime.feeds.joining import BarKind, DataKind, kind_of_data
from runtime.feeds.tick_reach import FARTHEST_NS, STRETCH_NS, TickReach
from runtime.feeds.venue_ticks import VenueTicks
from runtime.feeds.wire import Refused
from sims.venues.alpaca import AlpacaVenue
from tests.unit.feeds.venues import (
    HandClock,
    feed_by,
    heard_of,
    minutes,
    replayed,
    resampled,
    run,
    ticked,
    venue_of,
)

SECOND, MS = 10**9, 10**6


def test_data_say_what_is_read_beside_bars() -> None:
    history = minutes()
    assert kind_of_data(history) == DataKind(BarKind())
    assert kind_of_data(ticked(history, trades=False)) == DataKind(None, has_quotes=True)
    assert kind_of_data(ticked(history, bars=True)) == DataKind(BarKind(), True, True)
    mixed = History((*ticked(history).parts[:1], *minutes(instruments=2).parts[1:]))
    with pytest.raises(InputError, match="the same of bars, quotes and trades"):
        kind_of_data(mixed)
    days = ticked(resampled(minutes(2), "1d"), bars=True)
    with pytest.raises(InputError, match="days beside quotes or trades"):
        kind_of_data(days)


@pytest.mark.parametrize(
    ("kinds", "faults"),
    [
        (
            {"bars": True},
            (
                '{"kind": "duplicate", "on": "data_stream", "at": 20, "count": 30}',
                '{"kind": "drop", "on": "data_stream", "at": 300}',
                '{"kind": "error", "on": "stock_data", "status": 500, "count": 2}',
            ),
        ),
        (
            {},
            (
                '{"kind": "duplicate", "on": "data_stream", "at": 20, "count": 30}',
                '{"kind": "drop", "on": "data_stream", "at": 200}',
                '{"kind": "torn", "on": "stock_data"}',
                '{"kind": "mute", "on": "data_stream", "at": 900}',
            ),
        ),
    ],
    ids=["beside bars", "alone"],
)
def test_quotes_and_prints_at_the_venue_are_those_of_a_replay(
    kinds: dict[str, bool], faults: tuple[str, ...]
) -> None:
    history = ticked(minutes(instruments=2), **kinds)
    assert heard_of(history, *faults).told == replayed(history)


OPEN_NS = 1_577_975_400 * SECOND  # 2 January 2020, 9:30 in New York


def quote(after_ns: int, bid: str | None = "100.00", ask: str | None = "100.02") -> Quote:
    low, high = (None if each is None else Decimal(each) for each in (bid, ask))
    return Quote("SIM000", OPEN_NS + after_ns, low, high, Decimal(3), Decimal("4.9"))


def trade(after_ns: int, price: str = "100.01", key: str = "V1", **more: bool) -> Trade:
    return Trade("SIM000", OPEN_NS + after_ns, Decimal(price), Decimal(5), key, **more)


@pytest.mark.parametrize(
    ("before", "tick", "sure_ms", "expected"),
    [
        ((), quote(7 * MS), 0, (7, 10000, 10002, 3, 4)),
        ((), quote(7 * MS + 1), 0, (8, 10000, 10002, 3, 4)),  # known at the next millisecond
        ((), quote(MS, "99.999", "100.001"), 0, (1, 9999, 10001, 3, 4)),  # nobody promised more
        ((), quote(MS, None), 0, (1, 0, 10002, 3, 4)),
        ((), quote(MS, "100.05", "100.00"), 0, (1, 10005, 10000, 3, 4)),  # crossed: the engine's to say
        ((), trade(7 * MS), 0, (7, 10001, 5, 0, 0)),
        ((), trade(7 * MS), 20, (21, 10001, 5, 0, 0)),  # it comes late, and is known then
        ((), trade(0), 2_000, (2_001, 10001, 5, 0, 0)),
        ((), trade(0), 2_001, NoticeKind.LATE),
        ((quote(9 * MS),), quote(7 * MS), 6, (7, 10000, 10002, 3, 4)),  # not decided on: its own time
        ((quote(9 * MS),), quote(7 * MS), 10, NoticeKind.LATE),  # a younger one was told
        ((quote(5 * MS),), quote(7 * MS), 10, (11, 10000, 10002, 3, 4)),
        ((quote(7 * MS),), quote(7 * MS), 0, NoticeKind.DUPLICATE),
        ((trade(7 * MS),), trade(7 * MS), 0, NoticeKind.DUPLICATE),
        ((trade(7 * MS),), trade(7 * MS, key="V2"), 0, (7, 10001, 5, 0, 0)),  # another like it
        ((), trade(7 * MS, is_of_now=False), 0, None),
        ((), quote(-MS), -10, None),  # before the session
        ((), trade(MS, "0"), 0, Refused),
        ((), quote(10**10), 0, Refused),  # of a time to come
    ],
)  # fmt: skip
def test_a_quote_or_print_becomes_known_at_a_millisecond(
    before: tuple[Quote | Trade, ...], tick: Quote | Trade, sure_ms: int, expected: object
) -> None:
    ticks = VenueTicks(minutes().instruments)
    for each in before:
        ticks.row(each, OPEN_NS)
    found = ticks.row(tick, OPEN_NS + sure_ms * MS, OPEN_NS + 9 * SECOND)
    if isinstance(found, list):
        kind = at.KIND_QUOTE if isinstance(tick, Quote) else at.KIND_TRADE
        assert found[1:3] == [kind, 0] and len(found) == at.EVENT_WIDTH
        assert ((found[0] - OPEN_NS) / MS, *found[4:8]) == expected
    else:
        assert found is expected or (isinstance(found, Refused) and expected is Refused)


def test_what_was_missed_is_read_in_stretches_of_open_hours() -> None:
    hour, close_ns = 3_600 * SECOND, OPEN_NS + 23_400 * SECOND
    reach = TickReach(["XNYS"], close_ns - hour // 10, is_real=True)
    now_ns = OPEN_NS + 24 * hour + 900 * SECOND  # the next day, a quarter of an hour after the open
    assert reach.limit_ns == close_ns - hour // 10
    reach.told(now_ns)
    assert reach.limit_ns == close_ns - hour // 10, "what the stream tells now leaves a hole"
    assert reach.stretch(now_ns) == (
        close_ns - hour // 10 + 1,
        close_ns - hour // 10 + 1 + STRETCH_NS,
    )
    reach.read(close_ns + 240 * SECOND, now_ns, 6_000)
    assert reach.stretch(now_ns) == (OPEN_NS + 24 * hour, OPEN_NS + 24 * hour + STRETCH_NS), (
        "no night"
    )
    reach.read(OPEN_NS + 24 * hour + STRETCH_NS, now_ns, 10)
    assert reach.stretch(now_ns) == (OPEN_NS + 24 * hour + STRETCH_NS + 1, now_ns), "of few, more"
    assert reach.is_behind
    reach.read(now_ns, now_ns, 10)
    assert not reach.is_behind and reach.limit_ns > now_ns + FARTHEST_NS
    reach.lost()
    last_ns = now_ns - 2 * SECOND
    assert reach.stretch(now_ns) == (last_ns + 1, now_ns), "the history lags: the last moment again"
    assert reach.forget(last_ns + FARTHEST_NS) == 0
    assert reach.forget(last_ns + FARTHEST_NS + 1) == last_ns + 1, "too long ago to be read"


class MovedByWaits(HandClock):
    """The time of a venue that is moved by hand, and by whoever waits."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self._venue.advance(seconds)


@dataclass(frozen=True)
class AtTheOpen:
    """A venue 20 s after an open, whose time is moved by hand, and our feed there."""

    venue: AlpacaVenue
    history: History

    @property
    def share(self) -> str:
        (symbol,) = self.history.symbols
        return symbol

    async def items(self, count: int, after: int = 0) -> AsyncIterator[FeedItem]:
        """Yield what the feed tells, to so many slices of quotes; the venue's time is the world's."""
        feed = feed_by(MovedByWaits(self.venue), self.venue, self.history)
        seen = 0
        async for item in feed.items(after):
            yield item
            seen += isinstance(item, Slice) and item.events[0, at.EVENT_KIND] == at.KIND_QUOTE
            if seen == count:
                break
        await feed.close()

    def quote_first(self, item: FeedItem) -> None:
        """Go on for three seconds when it is connected, and quote the share for the first time then."""
        match item:
            case Notice(kind=NoticeKind.CONNECTED):
                self.venue.advance(3)
            case TimePassed() if len(self.venue.exchange.shown[0].quotes) == 1:
                self.venue.quote(self.share, "90.00", "90.02")


@asynccontextmanager
async def at_the_open(history: History) -> AsyncIterator[AtTheOpen]:
    """Open a venue that shows the first ten seconds of some data: the rest is shown by hand."""
    span = history.span_ns()
    assert span is not None
    async with venue_of(history.between(span[0], span[0] + 1), speed=None) as venue:
        venue.advance_to(OPEN_NS + 20 * SECOND)
        yield AtTheOpen(venue, history)


def _bids(items: Sequence[FeedItem]) -> list[int]:
    slices = [item for item in items if isinstance(item, Slice)]
    quotes = [each.events for each in slices if each.events[0, at.EVENT_KIND] == at.KIND_QUOTE]
    return [int(bid) for events in quotes for bid in events[:, at.QUOTE_BID]]


def test_a_quote_is_decided_on_when_it_comes_and_a_mute_stream_is_found_out() -> None:
    """Nobody waits for a later one. After half a minute of silence the history is asked; twice, and it is mute."""

    async def story() -> list[FeedItem]:
        async with at_the_open(ticked(minutes(), trades=False)) as here:
            venue, found = here.venue, list[FeedItem]()
            async for item in here.items(4):
                found.append(item)
                here.quote_first(item)
                match item:
                    case Slice() if _bids(found) == [9000]:
                        assert item.ts_ns == venue.time.now_ns() == item.received_ns
                        venue.trade(here.share, "90.01")  # nobody reads them
                        for each in venue.data_stream.subscribers:
                            each.is_mute = True
                        venue.advance(1)
                        venue.quote(here.share, "90.10", "90.12")
                        venue.advance(31)
                    case Slice() if _bids(found) == [9000, 9010]:
                        venue.quote(here.share, "90.20", "90.22")
                        venue.advance(31)
                    case Notice(kind=NoticeKind.DISCONNECTED):
                        assert "says nothing" in item.detail
                        venue.quote(here.share, "90.30", "90.32")
            return found

    items = run(story())
    assert _bids(items) == [9000, 9010, 9020, 9030]
    assert (
        sum(isinstance(each, Notice) and each.kind is NoticeKind.CONNECTED for each in items) == 2
    )


def test_a_feed_goes_on_after_a_quote_and_reads_those_that_it_missed() -> None:
    async def story() -> tuple[list[FeedItem], list[FeedItem]]:
        async with at_the_open(ticked(minutes(), trades=False)) as here:
            before: list[FeedItem] = []
            async for item in here.items(1):
                before.append(item)
                here.quote_first(item)
            for n in range(1, 4):
                here.venue.advance(600)
                here.venue.quote(here.share, f"90.0{n}", "91.00")
            here.venue.advance(3)
            cursor = next(each.cursor for each in reversed(before) if isinstance(each, Slice))
            return before, [item async for item in here.items(3, cursor)]

    before, after = run(story())
    assert (_bids(before), _bids(after)) == ([9000], [9001, 9002, 9003])
    kinds = [each.kind for each in after if isinstance(each, Notice)]
    assert kinds[:2] == [NoticeKind.CONNECTED, NoticeKind.GAP]


def test_a_print_that_is_corrected_is_told_and_changes_nothing() -> None:
    async def story() -> list[Notice]:
        async with at_the_open(ticked(minutes(), quotes=False)) as here:
            found: list[Notice] = []
            async for item in here.items(1):
                if not isinstance(item, Notice):
                    continue
                found.append(item)
                if len(found) == 1:
                    here.venue.advance(1)
                    here.venue.trade(here.share, "90.00")
                    here.venue.correct_trade(here.share, "90.05")
                    here.venue.cancel_trade(here.share)
                if [each.kind for each in found].count(NoticeKind.REVISED) == 2:
                    break
            return found

    told = [each.detail for each in run(story()) if each.kind is NoticeKind.REVISED]
    assert "at 90.0 was corrected to 90.05" in told[0] and "at 90.05 was taken back" in told[1]
