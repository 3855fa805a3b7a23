"""A tape is held against what the venue says of the same minutes afterwards, over real sockets."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from brokers.alpaca.client import Keys
from brokers.alpaca.environments import rehearsal
from engine.model import layout as at
from engine.ports import Environment, Rows, Slice
from runtime.clocks import SystemClock
from runtime.promotion.evidence.again import BarsAgain
from runtime.venues.accounts import AlpacaAccount
from runtime.venues.bars_again import Refetcher
from tests.unit.feeds.venues import at_day_end, feed_at, heard, minutes, resampled, run, venue_of


@pytest.mark.parametrize("label", ["1m", "15m"])
def test_what_was_recorded_is_what_the_venue_tells_again(label: str) -> None:
    history = minutes(instruments=2)
    longer = history if label == "1m" else resampled(history, label)

    async def story() -> tuple[Rows, BarsAgain | None]:
        async with venue_of(history) as venue:
            items = await heard(feed_at(venue, longer), at_day_end(longer))
            rows = np.concatenate([item.events for item in items if isinstance(item, Slice)])
            bars = rows[rows[:, at.EVENT_KIND] == at.KIND_BAR]
            keys = Keys(venue.settings.key_id, venue.settings.secret_key)
            account = AlpacaAccount(rehearsal(venue.url), Environment.REHEARSAL, keys)
            fetch = Refetcher(account, SystemClock())
            return bars, await asyncio.to_thread(fetch, history.instruments, bars)

    bars, again = run(story())
    assert again is not None and len(bars) == 2 * (390 if label == "1m" else 26)
    assert again.agreeing(bars) == len(bars)
    made_up = bars.copy()
    made_up[:10, at.BAR_HIGH] += 2 * history.instruments[0].price_step_ticks
    assert again.agreeing(made_up) == len(bars) - 10
