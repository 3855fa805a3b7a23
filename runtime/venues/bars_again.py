"""Bars that were recorded, asked for again at the venue that told them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from brokers.alpaca.client import AlpacaClient
from brokers.alpaca.history import DAYS, MINUTES, read_bars
from brokers.alpaca.market_wire import Bar
from engine.errors import InputError, VenueError
from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.model.units import NS_PER_DAY
from engine.ports import Clock, Rows
from runtime.promotion.evidence.again import BarsAgain, Prices
from runtime.venues.accounts import AlpacaAccount


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
        client = AlpacaClient(urls, keys, self.clock, base=urls.data)
        found: dict[tuple[int, int], Prices] = {}
        try:
            for number, instrument in enumerate(instruments):
                own = bars[bars[:, at.EVENT_INSTRUMENT] == number]
                if len(own):
                    found |= await _of_instrument(client, number, instrument, own)
        finally:
            await client.close()
        return found


async def _of_instrument(
    client: AlpacaClient, number: int, instrument: Instrument, bars: Rows
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
    )
    starts = np.array([each.start_ns for each in told], dtype=np.int64)
    found: dict[tuple[int, int], Prices] = {}
    for open_ns, close_ns in zip(opens.tolist(), closes.tolist(), strict=True):
        inside = np.flatnonzero((starts > open_ns - max(before, 1)) & (starts < close_ns))
        if is_daily:
            inside = inside[starts[inside] <= open_ns]
        if len(inside):
            with suppress(InputError):  # a price between two ticks is none that was recorded
                found[number, close_ns] = _joined([told[place] for place in inside], instrument)
    return found


def _joined(bars: Sequence[Bar], instrument: Instrument) -> Prices:
    return (
        instrument.price_to_ticks(bars[0].open),
        max(instrument.price_to_ticks(each.high) for each in bars),
        min(instrument.price_to_ticks(each.low) for each in bars),
        instrument.price_to_ticks(bars[-1].close),
    )
