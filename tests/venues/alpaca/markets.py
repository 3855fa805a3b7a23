"""A venue for a test: two shares and a coin on an ordinary Friday, moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, Self, TypeVar

from alpaca.trading.client import TradingClient
from alpaca.trading.stream import TradingStream

from engine.model.instruments import Instrument, InstrumentKind
from engine.model.units import NS_PER_SECOND
from runtime.clocks import SystemClock
from sims.venues.alpaca import AlpacaVenue, VenueSettings

T = TypeVar("T")
AAPL = Instrument("AAPL", InstrumentKind.EQUITY, calendar="XNYS")
SPY = Instrument("SPY", InstrumentKind.EQUITY, quantity_precision=9, calendar="XNYS")
BTC = Instrument("BTC/USD", InstrumentKind.CRYPTO_SPOT, quantity_precision=4)


def utc(text: str) -> int:
    """Return a time in ns."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * NS_PER_SECOND


def week_sessions() -> tuple[list[int], list[int]]:
    """Return the sessions of the week of 16 November 2026: 9:30 to 16:00 in New York, UTC-5."""
    days = [datetime(2026, 11, 16, tzinfo=UTC) + timedelta(days=n) for n in range(5)]
    opens = [int((day + timedelta(hours=14, minutes=30)).timestamp()) for day in days]
    closes = [int((day + timedelta(hours=21)).timestamp()) for day in days]
    return [s * NS_PER_SECOND for s in opens], [s * NS_PER_SECOND for s in closes]


def venue_at(text: str = "2026-11-20T15:00", **more: Any) -> AlpacaVenue:
    """Return a venue whose time is moved by hand."""
    opens, closes = week_sessions()
    settings = more.pop("settings", VenueSettings())
    return AlpacaVenue(
        [AAPL, SPY, BTC],
        clock=SystemClock(),
        start_ns=utc(text),
        opens_ns=opens,
        closes_ns=closes,
        settings=settings,
        **more,
    )


def sdk(venue: AlpacaVenue) -> TradingClient:
    """Return the vendor's client, unmodified, at the venue."""
    client = TradingClient(venue.settings.key_id, venue.settings.secret_key, url_override=venue.url)
    assert client._base_url.startswith("http://127.0.0.1:")
    return client


def run(story: Coroutine[Any, Any, T]) -> T:
    """Run a test's story, at most half a minute."""

    async def bounded() -> T:
        return await asyncio.wait_for(story, 30)

    return asyncio.run(bounded())


async def call(function: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """Call the vendor's client, which blocks, while the venue goes on."""
    return await asyncio.to_thread(function, *arguments, **named)


async def until(condition: Callable[[], Any], seconds: float = 10.0) -> None:
    """Wait for something that another task or thread brings about."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.002)


async def ended(task: asyncio.Task[Any]) -> None:
    """End a task of the SDK: its ``wait_for`` can swallow a cancellation, so one may not be enough."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.05)


class Listening:
    """The vendor's order stream, which collects what it is told."""

    def __init__(self, venue: AlpacaVenue, *, raw: bool = False) -> None:
        settings = venue.settings
        self.stream = TradingStream(
            settings.key_id, settings.secret_key, raw_data=raw, url_override=venue.stream_url
        )
        self.stream._reconnect_min_backoff = self.stream._reconnect_max_backoff = 0.01
        self.updates: list[Any] = []
        self._venue = venue
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self.stream.subscribe_trade_updates(self._take)
        self._task = asyncio.create_task(self.stream._run_forever())
        await self.connected()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        await ended(self._task)
        await self.stream.close()

    async def connected(self) -> None:
        """Wait until it listens."""
        await until(lambda: any(each.listens for each in self._venue.order_stream.listeners))

    async def _take(self, update: Any) -> None:
        self.updates.append(update)

    @property
    def events(self) -> list[str]:
        """What happened, in order."""
        return [str(getattr(each.event, "value", each.event)) for each in self.updates]
