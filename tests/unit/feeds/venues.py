"""A venue on loopback whose time is fast, and our feed there, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from brokers.alpaca.client import Keys
from brokers.alpaca.environments import rehearsal
from data.actions import Action, ActionKind
from data.frames import array_names, with_arrays
from data.history import BarColumns, History, QuoteColumns, TradeColumns
from data.resampling import Anchor, resample_bars
from engine.model import layout as at
from engine.model.instruments import Instrument, InstrumentKind
from engine.ports import Clock, FeedItem, Slice
from runtime.backtest.histories import load_history
from runtime.clocks import SystemClock
from runtime.config import DataSection, WorldSource
from runtime.feeds.joining import kind_of_data
from runtime.feeds.opening import data_named
from runtime.feeds.replay import ReplayFeed
from runtime.feeds.settings import StreamSettings
from runtime.feeds.venue import VenueFeed
from runtime.feeds.venue_time import VenueTime
from runtime.venues.alpaca import _events, _first_ns, _sessions
from runtime.venues.market import source_of
from sims.venues.alpaca import AlpacaVenue
from sims.venues.alpaca.faults import parse_faults
from sims.worlds.spec import Hours as MarketHours
from sims.worlds.spec import WorldKind, WorldSpec

T = TypeVar("T")
BTC = Instrument("BTC/USD", InstrumentKind.CRYPTO_SPOT, quantity_precision=4)
ETH = Instrument("ETH/USD", InstrumentKind.CRYPTO_SPOT, quantity_precision=3)
FAST = StreamSettings(
    connect_seconds=3.0,
    request_seconds=3.0,
    disorder_seconds=0.05,
    wait_seconds_min=0.01,
    wait_seconds_max=0.05,
)
SPEED = 100_000.0  # a session takes as long as the machine needs for it


@cache
def minutes(days: int = 1, instruments: int = 1) -> History:
    """Return some sessions of minutes, from 2 January 2020 on."""
    name = data_named("world:minute_bars", seed=5, length=390 * days, instruments=instruments)
    return load_history(name, Path())


@cache
def coins(days: int = 1, instruments: int = 1) -> History:
    """Return some days of minutes of coins, which have no end, from 2 January 2020 on."""
    spec = WorldSpec(
        kind=WorldKind.MINUTE_BARS,
        length=1_440 * days,
        instruments=instruments,
        hours=MarketHours.CONTINUOUS,
        volume_lots=20_000,
    )
    history = load_history(DataSection("world:coins", world=WorldSource(spec, 5)), Path())
    parts = [
        replace(part, instrument=coin)
        for part, coin in zip(history.parts, (BTC, ETH), strict=False)
    ]
    return History(tuple(parts), (), history.passport)


def venue_of(
    history: History,
    *faults: str,
    speed: float | None = SPEED,
    start_ns: int | None = None,
    **more: Any,
) -> AlpacaVenue:
    """Return a venue whose market is a history; its time begins with the first listener.

    Without a start it begins just before the first bar.
    """
    events = _events(history)
    first_ns = _first_ns(events)
    opens, closes = _sessions(history, first_ns)
    return AlpacaVenue(
        history.instruments,
        clock=SystemClock(),
        start_ns=first_ns - 60 * 10**9 if start_ns is None else start_ns,
        speed=speed,
        opens_ns=opens.tolist(),
        closes_ns=closes.tolist(),
        events=events,
        faults=parse_faults("\n".join(faults)),
        waits_for_listener=True,
        **{"night_seconds": 0.05, **more},
    )


def without_minutes(history: History, left_out: Callable[[int, int], bool]) -> History:
    """Return a history without some bars: told an instrument's number, and the bar's place."""
    parts = []
    for number, part in enumerate(history.parts):
        assert part.bars is not None
        kept = [n for n in range(len(part.bars)) if not left_out(number, n)]
        columns = [getattr(part.bars, name)[kept] for name in array_names(part.bars)]
        bars = with_arrays(part.bars, columns)
        assert isinstance(bars, BarColumns)
        parts.append(replace(part, bars=bars))
    return History(tuple(parts), history.actions, history.passport)


def ticked(
    history: History, *, bars: bool = False, quotes: bool = True, trades: bool = True
) -> History:
    """Return a history with two quotes in each minute, and a print between them."""
    parts = []
    for part in history.parts:
        assert part.bars is not None
        opens, price = part.bars.ts_open_ns, part.bars.open_ticks
        times = np.sort(np.concatenate((opens + 10 * 10**9, opens + 40_007 * 10**6)))
        bids = np.repeat(price, 2) - 1
        sizes = np.arange(len(times), dtype=np.int64) + 1
        made = QuoteColumns(times, bids, bids + 2, sizes, sizes + 1)
        prints = TradeColumns(
            opens + 20 * 10**9, price.copy(), sizes[::2].copy(), np.zeros_like(price)
        )
        parts.append(
            replace(
                part,
                bars=part.bars if bars else None,
                quotes=made if quotes else None,
                trades=prints if trades else None,
            )
        )
    return History(tuple(parts), history.actions, history.passport)


def with_actions(history: History) -> History:
    """A history whose share splits two for one on its second day, and pays a dividend on its third."""
    day = 86_400 * 10**9
    opens = [ts_ns for ts_ns, rows in replayed(history) if rows[0][1] == at.KIND_SESSION_OPEN]
    symbol = history.instruments[0].symbol
    midnights = [ns - ns % day + 5 * day // 24 for ns in opens]  # in New York, in winter
    actions = (
        Action(symbol, midnights[1], ActionKind.SPLIT, 2, 1),
        *(Action(symbol, ns, ActionKind.DIVIDEND, amount=Decimal("0.25")) for ns in midnights[2:]),
    )
    return History(history.parts, actions, history.passport)


def resampled(history: History, label: str, anchor: Anchor = Anchor.SESSION) -> History:
    """Return a history with bars of a longer period."""
    parts = []
    for part in history.parts:
        assert part.bars is not None
        bars = resample_bars(part.bars, part.instrument, label, anchor=anchor)
        parts.append(replace(part, bars=bars))
    return History(tuple(parts), history.actions, history.passport)


class HastyClock:
    """A clock on which all goes so many times as fast: for a venue in step with it the world is real."""

    def __init__(self, speed: float) -> None:
        self._speed, self._begun_ns = speed, SystemClock().monotonic_ns()

    def now_ns(self) -> int:
        return 1_900_000_000 * 10**9 + self.monotonic_ns()

    def monotonic_ns(self) -> int:
        return round((SystemClock().monotonic_ns() - self._begun_ns) * self._speed)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._speed)


class HandClock:
    """The time of a venue that is moved by hand."""

    def __init__(self, venue: AlpacaVenue) -> None:
        self._venue = venue

    def now_ns(self) -> int:
        return self._venue.time.now_ns()

    def monotonic_ns(self) -> int:
        return self._venue.time.now_ns()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.01))  # a hand moves it by little meanwhile


def feed_by(clock: Clock, venue: AlpacaVenue, history: History, **more: Any) -> DaysFeed:
    """Return our feed there, for which the venue's time is that of the world, and goes with a clock."""
    return feed_at(venue, history, clock=clock, time=VenueTime(clock, is_real=True), **more)


def feed_at(
    venue: AlpacaVenue, history: History, *, clock: Clock | None = None, **more: Any
) -> DaysFeed:
    """Return our feed there."""
    feed = DaysFeed(
        rehearsal(venue.url),
        Keys(venue.settings.key_id, venue.settings.secret_key),
        history.instruments,
        clock or SystemClock(),
        data=kind_of_data(history),
        source=source_of(history.instruments, "iex"),
        **{"settings": FAST, **more},
    )
    feed.is_last = at_day_end(history)
    return feed


class DaysFeed(VenueFeed):
    """Our feed there, which ends with the last day of some data."""

    is_last: Callable[[FeedItem], bool]

    async def items(self, after: int = 0) -> AsyncIterator[FeedItem]:
        async for item in super().items(after):
            yield item
            if self.is_last(item):
                return


async def heard(
    feed: VenueFeed, is_enough: Callable[[FeedItem], bool], after: int = 0
) -> list[FeedItem]:
    """Return what a feed tells, until it is enough."""
    found: list[FeedItem] = []
    items = feed.items(after)
    async for item in items:
        found.append(item)
        if is_enough(item):
            break
    with suppress(RuntimeError):
        await items.aclose()  # type: ignore[attr-defined]
    await feed.close()
    return found


class Heard(NamedTuple):
    """What a feed has told to the end of some data, and who was there."""

    items: list[FeedItem]
    feed: VenueFeed
    venue: AlpacaVenue

    @property
    def told(self) -> list[tuple[int, list[list[int]]]]:
        return told(self.items)


def heard_of(
    history: History, *faults: str, market: History | None = None, **settings: Any
) -> Heard:
    """Hear our feed to the end of some data, which the venue has itself, or makes of its market."""

    async def story() -> Heard:
        async with venue_of(market or history, *faults, **settings) as venue:
            feed = feed_at(venue, history)
            return Heard(await heard(feed, at_day_end(history)), feed, venue)

    return run(story())


def at_day_end(history: History) -> Callable[[FeedItem], bool]:
    """Return whether an item is the end of the account's last day."""
    span = history.span_ns()
    assert span is not None
    return lambda item: (
        isinstance(item, Slice)
        and item.ts_ns >= span[1]
        and item.events[0, at.EVENT_KIND] == at.KIND_ACCRUAL
    )


def told(items: Sequence[FeedItem]) -> list[tuple[int, list[list[int]]]]:
    """Return the slices without the places of events in their streams."""
    slices = [item for item in items if isinstance(item, Slice)]
    return [(each.ts_ns, np.delete(each.events, at.EVENT_SEQUENCE, 1).tolist()) for each in slices]


def replayed(history: History) -> list[tuple[int, list[list[int]]]]:
    """Return what a replay of a history tells, without marks."""

    async def story() -> list[FeedItem]:
        return [item async for item in ReplayFeed.over(history, SystemClock()).items()]

    return [each for each in told(run(story())) if each[1][0][at.EVENT_KIND] != at.KIND_TIMER]


def run(story: Coroutine[Any, Any, T]) -> T:
    """Run a test's story, at most half a minute."""

    async def bounded() -> T:
        return await asyncio.wait_for(story, 30)

    return asyncio.run(bounded())
