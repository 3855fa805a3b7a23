"""Our adapter at the simulated venue, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from brokers.alpaca.broker import AlpacaBroker, Settings
from brokers.alpaca.client import Deadlines, Keys
from brokers.alpaca.environments import rehearsal
from engine.approved import RiskApproved
from engine.errors import VenueError
from engine.model.orders import OrderFlag, OrderType, TimeInForce
from engine.ports import BrokerEvent
from runtime.clocks import SystemClock
from sims.venues.alpaca import AlpacaVenue
from sims.venues.alpaca.faults import parse_faults
from tests.venues.alpaca.markets import AAPL, SPY, until, venue_at

PACE = Deadlines(order=3.0, question=3.0, stream=3.0, look=0.0, heartbeat=1.0, mute=3.0)


class Ear:
    """What a broker's stream tells, collected; `problem` is what it ended with."""

    def __init__(self, broker: AlpacaBroker) -> None:
        self.events: list[BrokerEvent] = []
        self.problem: VenueError | None = None
        self.task = asyncio.create_task(self._listen(broker))

    async def _listen(self, broker: AlpacaBroker) -> None:
        try:
            async for event in broker.events():
                self.events.append(event)
        except VenueError as error:
            self.problem = error

    @property
    def kinds(self) -> list[int]:
        return [each.kind for each in self.events]

    async def hears(self, count: int) -> None:
        """Wait until it has heard so many events."""
        await until(lambda: len(self.events) >= count)


def broker_at(venue: AlpacaVenue, deadlines: Deadlines = PACE, **keys: Any) -> AlpacaBroker:
    """Return a broker that is not connected."""
    known = Keys(venue.settings.key_id, venue.settings.secret_key)
    settings = Settings(deadlines=deadlines, **keys)
    return AlpacaBroker(rehearsal(venue.url), known, (AAPL, SPY), SystemClock(), settings)


@asynccontextmanager
async def trading(
    *faults: str, deadlines: Deadlines = PACE, **more: Any
) -> AsyncIterator[tuple[AlpacaVenue, AlpacaBroker, Ear]]:
    """Give a venue with a quote of 190.00 to 190.02 in AAPL, a broker there, and what it hears."""
    venue = venue_at(faults=parse_faults("\n".join(faults)), **more)
    venue.quote("AAPL", "190.00", "190.02")
    async with venue:
        broker = broker_at(venue, deadlines)
        await broker.connect()
        ear = Ear(broker)
        try:
            yield venue, broker, ear
        finally:
            await broker.close()
            ear.task.cancel()
            with suppress(asyncio.CancelledError):
                await ear.task


def order_of(number: int = 1, **fields: Any) -> RiskApproved:
    """Return an order: ten AAPL at 190.02, for the day."""
    terms: dict[str, Any] = {
        "order_id": number,
        "instrument": 0,
        "side": 1,
        "order_type": OrderType.LIMIT,
        "time_in_force": TimeInForce.DAY,
        "quantity_lots": 10,
        "limit_ticks": 19002,
        "stop_ticks": 0,
        "trail_ticks": 0,
        "trail_ppm": 0,
        "expires_ns": 0,
        "flags": OrderFlag.NONE,
        "parent_id": 0,
        "group_id": 0,
    }
    return RiskApproved(**(terms | fields))


def wire_count(venue: AlpacaVenue, operation: str) -> int:
    """Return how many requests of an operation the wire has seen."""
    return sum(each.operation == operation for each in venue.requests)
