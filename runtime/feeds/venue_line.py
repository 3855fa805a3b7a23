"""`VenueLine`: a feed's requests to a venue, its stream, and how both of them answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from brokers.alpaca.budget import Use
from brokers.alpaca.client import Deadlines, Keys, MarketClient
from brokers.alpaca.environments import Urls
from brokers.alpaca.market_stream import MarketStream, Wish, open_market_stream
from brokers.alpaca.wire import MarketClock, Unreadable, parse_time_ns
from engine.errors import VenueError
from engine.model.units import NS_PER_SECOND
from engine.ports import Clock
from runtime.feeds.settings import Backoff, StreamSettings
from runtime.feeds.venue_time import VenueTime

_STRIKES: Final = 2  # so often the history has what the stream has not told: then it is mute


class VenueLine:
    """See the module. It outlives a connection; its times are monotonic.

    Parameters
    ----------
    wish
        What the stream is to tell.
    """

    def __init__(
        self, urls: Urls, keys: Keys, clock: Clock, wish: Wish, settings: StreamSettings
    ) -> None:
        self._clock, self._wish = clock, wish
        deadlines = Deadlines(question=settings.request_seconds, stream=settings.connect_seconds)
        self.trading = MarketClient(urls, keys, clock, deadlines=deadlines)
        self.data = MarketClient(urls, keys, clock, deadlines=deadlines, base=urls.data)
        self.stream: MarketStream | None = None  # while there is a connection
        self.backoff = Backoff(settings)
        self.connected_ns = 0
        self.spoke_ns = 0  # when the stream last told anything
        self._ask_after_ns = 0  # the history did not answer
        self._strikes = 0

    @property
    def may_ask(self) -> bool:
        """Whether the history may be asked, since it answered or was left alone for a while."""
        return self._clock.monotonic_ns() >= self._ask_after_ns

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[MarketStream]:
        """Open the stream; with the block it is closed."""
        self.stream = stream = await open_market_stream(self.data, self._wish)
        try:
            self.connected_ns = self._clock.monotonic_ns()
            self.answered()
            yield stream
        finally:
            self.stream = None
            await stream.close()

    async def hang_up(self) -> None:
        """Close the stream; whoever listens is told."""
        if self.stream is not None:
            await self.stream.close()

    async def aclose(self) -> None:
        """Close the clients."""
        try:
            await self.data.close()
        finally:
            await self.trading.close()

    async def read_clock(self, time: VenueTime, use: Use = Use.DATA) -> None:
        """Ask what time it is at the venue.

        Raises
        ------
        VenueError
            If it does not answer, or not as it should.
        """
        asked_ns = self._clock.monotonic_ns()
        told = await self.trading.ask("/v2/clock", MarketClock, use=use)
        try:
            now_ns = parse_time_ns(told.timestamp)
        except Unreadable as error:
            raise VenueError(f"the venue's clock cannot be read: {error}") from None
        time.learn(now_ns, asked_ns, is_open=told.is_open)

    def heard(self) -> None:
        """The stream has told something."""
        self.backoff.reset()
        self.spoke_ns = self._clock.monotonic_ns()

    def answered(self) -> None:
        """The history may be asked again at once."""
        self._ask_after_ns = 0

    def put_off(self, error: VenueError) -> None:
        """Ask again later; where it is our keys that are refused, the connection ends."""
        if error.is_authorization:
            raise error
        wait = self.backoff.next_seconds(at_least=error.retry_after_seconds)
        self._ask_after_ns = self._clock.monotonic_ns() + round(wait * NS_PER_SECOND)

    def require_voice(self, stream: MarketStream, count: int) -> None:
        """Give up a stream that says nothing while the history had something that it should have told."""
        if self._wish.is_daily:
            return
        is_strike = count > 0 and stream.is_silent
        self._strikes = self._strikes + 1 if is_strike else self._strikes * stream.is_silent
        stream.is_silent = True
        if self._strikes >= _STRIKES:
            self._strikes = 0
            raise VenueError("the market data stream says nothing of what the history has")
