"""A price between two bars is an input as any other: it closes, is played again, and its shadow sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.model import layout as at
from engine.ports import Clock, FeedItem, Slice
from runtime.config.loading import parse_strategy
from runtime.feeds.replay import ReplayFeed
from runtime.journal.sessions import SessionStore
from runtime.promotion.evidence.on_paper import collect
from runtime.session.starting import PaperPlan
from tests.simulation.plans import LOOP, RULES
from tests.unit.feeds.venues import minutes
from tests.unit.session.papers import Desk

HALF_A_MINUTE = 30 * 10**9


class QuotedWhenHeld:
    """A replay of bars; half a minute after each a quote comes two percent under it, if something is held."""

    def __init__(self, desk: Desk, clock: Clock) -> None:
        self._replay = ReplayFeed.over(desk.history, clock, trading=desk.config.is_trading)
        self.name, self.evidence = self._replay.name, self._replay.evidence
        self.instruments = self._replay.instruments
        self._held: Callable[[], Collection[int]] = list

    def watch(self, held: Callable[[], Collection[int]]) -> None:
        self._held = held

    async def items(self, after: int = 0) -> AsyncIterator[FeedItem]:
        async for item in self._replay.items(after):
            yield item
            if (
                isinstance(item, Slice)
                and item.events[0, at.EVENT_KIND] == at.KIND_BAR
                and self._held()
            ):
                ts_ns, close = item.ts_ns + HALF_A_MINUTE, int(item.events[0, at.BAR_CLOSE])
                bid = close * 98 // 100
                quote = [ts_ns, at.KIND_QUOTE, 0, 0, bid, bid + 2, 500, 500, 0, 0, 0, 0]
                yield Slice(ts_ns, np.array([quote], dtype=np.int64), item.cursor)

    async def close(self) -> None:
        await self._replay.close()


@dataclass
class QuotedDesk(Desk):
    """A desk that listens to it."""

    def plan(self, store: SessionStore, **keys: object) -> PaperPlan:
        plan = super().plan(store, **keys)
        plan.feed = QuotedWhenHeld(self, store.clock)
        return plan


def test_a_stop_is_fired_by_a_quote_between_two_bars_and_the_shadow_fires_it_too(
    tmp_path: Path,
) -> None:
    text = RULES + LOOP
    (tmp_path / "strategy.toml").write_text(text)
    config = parse_strategy(text, tmp_path / "strategy.toml")
    history = minutes()
    begin = history.span_ns()
    assert begin is not None
    morning = history.between(begin[0], begin[0] + 150 * 2 * HALF_A_MINUTE)
    desk = QuotedDesk(config, morning, tmp_path)
    desk.run()
    with desk.store() as store:
        found = collect(store, desk.config, "paper", "family", desk.core).paper
    assert found.intents is not None and found.intents == found.shadow_intents
    assert found.daily == found.shadow_daily
    assert found.shortfalls_bps is not None and set(found.shortfalls_bps) == {0.0}
    moments = [int(each.split()[0]) % (2 * HALF_A_MINUTE) for each in found.intents]
    assert moments.count(HALF_A_MINUTE) > 10, "what closes is decided on at the quote"
