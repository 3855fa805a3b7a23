"""`trader venue alpaca --speed hand` with a budget of requests that many starts in a minute do not use up."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from runtime.clocks import SystemClock
from runtime.config import load_strategy
from runtime.venues.alpaca import VenuePlan, market_after, open_venue
from sims.venues.alpaca import VenueSettings


async def serve(path: Path) -> None:
    section, start_ns = market_after(load_strategy(path), None)
    settings = VenueSettings(requests_per_minute=1_000_000)
    plan = VenuePlan(section, Path(), settings, start_ns=start_ns, speed=None)
    venue = open_venue(plan, SystemClock())
    async with venue:
        print(venue.url, venue.control_url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
