"""Bars that were recorded, asked for again at the venue that told them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from brokers.alpaca.client import MarketClient
from brokers.alpaca.history import DAYS, MINUTES, read_bars
from brokers.alpaca.market_wire import Bar
from engine.errors import VenueError
from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.model.units import NS_PER_DAY
from engine.ports import Clock, Rows
from runtime.feeds.venue_grid import nearest_quanta
from runtime.promotion.evidence.again import BarsAgain, Prices
from runtime.venues.accounts import AlpacaAccount
from runtime.venues.market import source_of


@dataclass(frozen=True, slots=True)
class Refetcher:
    """See `runtime.promotion.evidence.again.Fetch`."""

    account: AlpacaAccount
    clock: Clock

    def __call__(self, instruments: Sequence[Instrument], bars: Rows) -> BarsAgain | None:
        """Read the same span again; bars longer than a minute are made of minutes, a day's are its own."""
        if not len(bars):
            return None
        try:
            told = asyncio.run(self._read(instruments, bars))
        except VenueError:
            return None  # what was not asked is not there, and that is what the gate says
        return BarsAgain(told, [each.price_step_ticks for each in instruments])

    async def _read(
        self, instruments: Sequence[Instrument], bars: Rows
    ) -> dict[tuple[int, int], Prices]:
        urls, keys = self.account.urls, self.account.keys
        client = MarketClient(urls, keys, self.clock, base=urls.data)
        found: dict[tuple[int, int], Prices] = {}
        try:
            for number, instrument in enumerate(instruments):
                own = bars[bars[:, at.EVENT_INSTRUMENT] == number]
                if len(own):
                    source = source_of([instrument], self.account.market_data)
                    found |= await _of_instrument(client, number, instrument, own, source)
        finally:
            await client.close()
        return found


async def _of_instrument(
    client: MarketClient, number: int, instrument: Instrument, bars: Rows, source: str
) -> dict[tuple[int, int], Prices]:
    opens, closes = bars[:, at.BAR_OPEN_TS], bars[:, at.EVENT_TS]
    is_daily = bool(np.median(closes - opens) > NS_PER_DAY // 6)
    before = (
        NS_PER_DAY if is_daily else 0
    )  # the venue's day begins at midnight, the bar at its open
    told = await read_bars(
        client,
        [instrument.symbol],
        int(opens.min()) - before,
        int(closes.max()) - 1,
        timeframe=DAYS if is_daily else MINUTES,
        feed=source,
    )
    starts = np.array([each.start_ns for each in told], dtype=np.int64)
    found: dict[tuple[int, int], Prices] = {}
    for open_ns, close_ns in zip(opens.tolist(), closes.tolist(), strict=True):
        inside = np.flatnonzero((starts > open_ns - max(before, 1)) & (starts < close_ns))
        if is_daily:
            inside = inside[starts[inside] <= open_ns]
        if len(inside):
            found[number, close_ns] = _joined([told[place] for place in inside], instrument)
    return found


def _joined(bars: Sequence[Bar], instrument: Instrument) -> Prices:
    prices = (
        bars[0].open,
        max(each.high for each in bars),
        min(each.low for each in bars),
        bars[-1].close,
    )
    opened, high, low, close = (_ticks(price, instrument) for price in prices)
    return opened, high, low, close


def _ticks(price: Decimal, instrument: Instrument) -> int:
    """Return a price as the feed has recorded it; prints inside a tick are common."""
    return nearest_quanta(price, instrument.price_precision)
