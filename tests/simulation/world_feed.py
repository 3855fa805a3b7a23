"""The market as a process of a simulated world sees it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from engine.model.instruments import Instrument
from engine.ports import EvidenceClass, FeedItem, Notice, NoticeKind, TimePassed

if TYPE_CHECKING:
    from tests.simulation.seeded_world import SeededWorld


class WorldFeed:
    """A feed that is a moment late, in bursts after an outage, and says so.

    Parameters
    ----------
    idle_odds, idle_seconds
        After so great a part of the slices it says that so much time has passed since: waits may end then.
    wait_min
        How long it waits at the least before it looks again, in seconds.
    """

    name, evidence = "simulated", EvidenceClass.REAL
    lag = 0.2  # seconds after its end that a bar comes

    def __init__(
        self, world: SeededWorld, *, idle_odds: float, idle_seconds: int, wait_min: float = 0.0
    ) -> None:
        self._world, self._wait_min = world, wait_min
        self._idle_odds, self._idle_seconds = idle_odds, idle_seconds

    @property
    def instruments(self) -> Sequence[Instrument]:
        instruments: Sequence[Instrument] = self._world.plan.ground.market.instruments
        return instruments

    async def items(self, after: int = 0) -> AsyncIterator[FeedItem]:
        world, idle, is_out = self._world, self._idle_seconds, False
        yield Notice(NoticeKind.CONNECTED, "here")
        for one in world.plan.slices[after:]:
            due = (one.ts_ns - world.begins_ns) / 1e9 + self.lag
            while (outage := world.feed_outage) is not None or world.seconds < due:
                if outage is not None and not is_out:
                    is_out = True
                    yield Notice(NoticeKind.DISCONNECTED, "the stream is cut")
                wait = min(due - world.seconds, world.until_outage)
                wait = wait if outage is None else outage - world.seconds
                await asyncio.sleep(max(wait, self._wait_min))
            yield one
            if is_out and due + 30 > world.seconds:
                is_out = False
                yield Notice(NoticeKind.FILLED, "all of it is here")
            if world.random.random() < self._idle_odds and world.until_outage > idle:
                await asyncio.sleep(max(due + idle - world.seconds, 0))
                yield TimePassed(one.ts_ns + idle * 10**9)
        await asyncio.get_running_loop().create_future()

    async def close(self) -> None:
        pass
