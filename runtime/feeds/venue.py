"""`VenueFeed`: a venue's bars as a feed.

The venue's stream tells a bar of each minute, without a number; its history has them all. So a minute is
decided on when a bar of every instrument whose market is open has come, or when its time is over and the
history was asked: what the history does not have either was not traded. Thus what the stream loses,
mixes up or tells twice changes nothing, and a connection that says nothing costs time only.

A strategy that reads longer bars gets them joined out of minutes; of days, the history's own bar of the
day is read at the close. Bars outside of sessions are left out. Corporate actions do not come by this way.

In a rehearsal the venue's clock may be fast. Then `Slice.received_ns` is in its time, as everything is: what
the stream has told in order came when it was told, what was fetched when the venue's clock said so.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from brokers.alpaca import market_wire
from brokers.alpaca import wire as venue_wire
from brokers.alpaca.client import AlpacaClient, Deadlines, Keys
from brokers.alpaca.environments import Urls, environment_of
from brokers.alpaca.history import DAYS, MINUTES, read_bars
from brokers.alpaca.market_stream import (
    MarketStream,
    StreamRefused,
    Wish,
    open_market_stream,
)
from engine.errors import VenueError
from engine.model.instruments import Instrument
from engine.model.units import NS_PER_DAY, NS_PER_MINUTE, NS_PER_SECOND
from engine.ports import (
    Clock,
    Environment,
    EvidenceClass,
    FeedItem,
    Notice,
    NoticeKind,
)
from runtime.feeds.joining import BarKind
from runtime.feeds.minutes import MinuteAssembler
from runtime.feeds.settings import Backoff, StreamSettings
from runtime.feeds.venue_messages import VenueMessages
from runtime.feeds.venue_time import VenueTime
from runtime.feeds.wire import Refused

_TICK_SECONDS: Final = 0.1
_CLOCK_SECONDS: Final = {
    True: 15.0,
    False: 2.0,
}  # between two looks at the venue's clock: real, or not
_CLOCK_SECONDS_MIN: Final = 0.35  # the venue answers 200 questions a minute
_STRIKES: Final = 2  # so often the history has what the stream has not told: then it is mute


@dataclass(slots=True)
class _Run:
    """What outlives a connection; times are monotonic."""

    minutes: MinuteAssembler
    backoff: Backoff
    ask_after_ns: int = 0  # the history did not answer
    waits_since_ns: int | None = None  # something came that cannot be decided on yet
    strikes: int = 0
    is_in_gap: bool = False


class VenueFeed:
    """A venue's bars as an `engine.ports.Feed`.

    Parameters
    ----------
    urls
        Of one environment, which they prove: only live and paper are the real market.
    instruments
        Which, in the order of the rows' numbers.
    clock
        For waits, and for `Slice.received_ns` of a real market.
    source
        ``iex`` or ``sip``: whose trades the bars are made of.
    bars
        What kind of bars the strategy reads.
    trading
        With the trading loop a session's open tells its close.

    Raises
    ------
    ConfigError
        If the addresses prove no environment.
    """

    def __init__(
        self,
        urls: Urls,
        keys: Keys,
        instruments: Sequence[Instrument],
        clock: Clock,
        *,
        source: str = "iex",
        bars: BarKind | None = None,
        trading: bool = False,
        settings: StreamSettings | None = None,
    ) -> None:
        self.environment = environment_of(urls)
        self._urls, self._keys, self._clock = urls, keys, clock
        self._instruments, self._source = tuple(instruments), source
        self._bars, self._trading = bars or BarKind(), trading
        self._settings = settings or StreamSettings()
        symbols = tuple(each.symbol for each in self._instruments)
        self._wish = Wish(symbols, source, self._bars.is_daily)
        self._messages = VenueMessages(self._instruments, is_daily=self._bars.is_daily)
        self._time = VenueTime(clock, is_real=self.environment is not Environment.REHEARSAL)
        self._closed = asyncio.Event()
        self._stream: MarketStream | None = None
        self.counts: Counter[NoticeKind] = Counter()

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"alpaca {self.environment} {self._source}"

    @property
    def evidence(self) -> EvidenceClass:
        """What may be concluded of what it shows."""
        return EvidenceClass.REAL if self._time.is_real else EvidenceClass.REHEARSAL

    @property
    def instruments(self) -> Sequence[Instrument]:
        """Their places here are the instrument numbers of all rows."""
        return self._instruments

    def venue_now_ns(self) -> int | None:
        """Return the venue's time now; None while it is not known."""
        return self._time.trusted_ns()

    async def close(self) -> None:
        """Hang up; `items` ends."""
        self._closed.set()
        if self._stream is not None:
            await self._stream.close()

    async def items(self, after: int = 0) -> AsyncIterator[FeedItem]:
        """Yield what follows a cursor, or what comes from now on, until it is closed.

        Raises
        ------
        VenueError
            If the venue refuses our keys, or what is asked of it.
        """
        run: _Run | None = None
        backoff = Backoff(self._settings)
        async with AsyncExitStack() as clients:
            trading, data = self._client(), self._client(self._urls.data)
            clients.push_async_callback(trading.close)
            clients.push_async_callback(data.close)
            while not self._closed.is_set():
                try:
                    # Before the stream: a session begins before the first bar that it is told.
                    await self._read_clock(trading)
                    run = run or self._begin(after, backoff)
                    async with self._connection(data) as stream:
                        run.is_in_gap, run.ask_after_ns = False, 0
                        yield self._note(NoticeKind.CONNECTED, self.name)
                        async for item in self._listen(run, stream, trading, data):
                            yield item
                except VenueError as error:
                    if self._closed.is_set():
                        return
                    if error.is_authorization or isinstance(error, StreamRefused):
                        raise
                    yield self._note(NoticeKind.DISCONNECTED, error.problem)
                    await self._pause(backoff.next_seconds(at_least=error.retry_after_seconds))

    # --- A connection ---------------------------------------------------------------------------------
    def _client(self, base: str = "") -> AlpacaClient:
        one = self._settings
        deadlines = Deadlines(question=one.request_seconds, stream=one.connect_seconds)
        return AlpacaClient(self._urls, self._keys, self._clock, deadlines=deadlines, base=base)

    @asynccontextmanager
    async def _connection(self, data: AlpacaClient) -> AsyncIterator[MarketStream]:
        stream = await open_market_stream(data, self._wish)
        self._stream = stream
        try:
            yield stream
        finally:
            self._stream = None
            await stream.close()

    def _begin(self, after: int, backoff: Backoff) -> _Run:
        """Stand where a cursor says, or at the venue's time."""
        minutes = MinuteAssembler(
            self._instruments,
            self._bars,
            after,
            self._time.now_ns(),
            trading=self._trading,
            counts=self.counts,
        )
        return _Run(minutes, backoff)

    async def _listen(
        self, run: _Run, stream: MarketStream, trading: AlpacaClient, data: AlpacaClient
    ) -> AsyncIterator[FeedItem]:
        """Yield what comes of one connection, until it breaks."""
        is_first = True
        while not self._closed.is_set():
            if self._wants_clock(run):
                await self._try_clock(run, trading)
            if self._wants_history(run):
                is_gap = is_first or self._is_long_due(run)
                async for item in self._ask(run, stream, trading, data, is_gap=is_gap):
                    yield item
            is_first = False
            for item in run.minutes.confirm(min(self._over_ns(), run.minutes.next_ns - 1)):
                yield item
            for message in await stream.receive(_TICK_SECONDS):
                run.backoff.reset()
                for item in self._hear(run, message):
                    yield item
            for item in run.minutes.whole():
                yield item
            self._note_waiting(run)

    def _hear(self, run: _Run, message: market_wire.MarketMessage) -> list[FeedItem]:
        """Take one message of the stream."""
        match message:
            case market_wire.Bar():
                bar = self._messages.bar(message)
                if bar is not None:
                    return run.minutes.hear(bar, self._received_ns(bar.ts))
            case market_wire.Status():
                status = self._messages.status(message)
                if status is not None:
                    return run.minutes.hear_status(status, self._received_ns(status.ts))
            case market_wire.DayBar():  # the day may be over: the clock is looked at
                run.waits_since_ns = run.waits_since_ns or self._clock.monotonic_ns()
            case market_wire.Unread():
                return [run.minutes.refuse(Refused(message.reason, symbol=message.symbol))]
            case _:
                pass
        return []

    def _received_ns(self, ts_ns: int) -> int:
        return self._clock.now_ns() if self._time.is_real else ts_ns

    def _note_waiting(self, run: _Run) -> None:
        if run.minutes.is_waiting:
            run.waits_since_ns = run.waits_since_ns or self._clock.monotonic_ns()
        elif not self._bars.is_daily:
            run.waits_since_ns = None

    # --- Time -----------------------------------------------------------------------------------------
    async def _read_clock(self, trading: AlpacaClient) -> None:
        asked_ns = self._clock.monotonic_ns()
        told = await trading.ask("/v2/clock", venue_wire.MarketClock)
        try:
            now_ns = venue_wire.parse_time_ns(told.timestamp)
        except venue_wire.Unreadable as error:
            raise VenueError(f"the venue's clock cannot be read: {error}") from None
        self._time.learn(now_ns, asked_ns, is_open=told.is_open)

    async def _try_clock(self, run: _Run, trading: AlpacaClient) -> None:
        """Look at the clock; one that does not answer is asked again."""
        if self._bars.is_daily:
            run.waits_since_ns = None
        try:
            await self._read_clock(trading)
        except VenueError as error:
            if error.is_authorization:
                raise

    def _wants_clock(self, run: _Run) -> bool:
        if self._time.is_older_than(_CLOCK_SECONDS[self._time.is_real]):
            return True
        if self._time.is_real or run.waits_since_ns is None:
            return False
        waited_ns = self._clock.monotonic_ns() - run.waits_since_ns
        is_long = waited_ns > self._settings.disorder_seconds * NS_PER_SECOND
        return (is_long or self._bars.is_daily) and self._time.is_older_than(_CLOCK_SECONDS_MIN)

    def _over_ns(self) -> int:
        """Return up to when the venue's history can be expected to be complete."""
        if not self._time.is_real:
            # While it is open, what happens at this very moment may be under way.
            return self._time.now_ns() - self._time.is_open
        return self._time.now_ns() - round(self._settings.grace_seconds * NS_PER_SECOND)

    # --- The history ----------------------------------------------------------------------------------
    def _wants_history(self, run: _Run) -> bool:
        is_due = run.minutes.next_ns <= self._over_ns()
        return is_due and self._clock.monotonic_ns() >= run.ask_after_ns

    def _is_long_due(self, run: _Run) -> bool:
        """Return whether we have slept: what comes now is too old to be entered on."""
        due_ns = self._over_ns() - run.minutes.next_ns
        return self._time.is_real and due_ns > self._settings.stale_seconds * NS_PER_SECOND

    async def _ask(
        self,
        run: _Run,
        stream: MarketStream,
        trading: AlpacaClient,
        data: AlpacaClient,
        *,
        is_gap: bool,
    ) -> AsyncIterator[FeedItem]:
        """Read the bars that have not come, and yield what that makes known.

        Parameters
        ----------
        is_gap
            Nothing is entered on what is read: it is not known how long ago it was.
        """
        since_ns = run.minutes.next_ns
        if is_gap and not run.is_in_gap:
            yield self._gap(run, "bars of before are read", since_ns)
        try:
            if not self._time.is_real:
                await self._read_clock(trading)
            until_ns, read_ns = self._over_ns(), self._time.now_ns()
            bars = await self._read(data, since_ns, until_ns)
        except VenueError as error:
            if error.is_authorization:
                raise
            if not run.is_in_gap:
                yield self._gap(run, f"bars cannot be read: {error.problem}", since_ns)
            wait = run.backoff.next_seconds(at_least=error.retry_after_seconds)
            run.ask_after_ns = self._clock.monotonic_ns() + round(wait * NS_PER_SECOND)
            return
        received_ns = self._received_ns(read_ns)
        count = self._put(run, bars, until_ns, received_ns)
        for item in run.minutes.confirm(until_ns, received_ns):
            yield item
        if run.is_in_gap or (count and not self._bars.is_daily):
            run.is_in_gap = False
            text = f"bars that the stream had not told were read: {count}"
            yield self._note(NoticeKind.FILLED, text, since_ns)
        self._require_voice(run, stream, count)

    async def _read(
        self, data: AlpacaClient, since_ns: int, until_ns: int
    ) -> list[market_wire.Bar]:
        """Return the bars that close from one time to another, and some that close later."""
        is_daily, symbols = self._bars.is_daily, self._wish.symbols
        length_ns, timeframe = (NS_PER_DAY, DAYS) if is_daily else (NS_PER_MINUTE, MINUTES)
        start_ns = since_ns - length_ns
        return await read_bars(
            data, symbols, start_ns, until_ns, timeframe=timeframe, feed=self._source
        )

    def _put(
        self, run: _Run, bars: Sequence[market_wire.Bar], until_ns: int, received_ns: int
    ) -> int:
        """Keep the bars that are over; return how many the stream had not told."""
        messages = [self._messages.bar(each) for each in bars]
        over = [each for each in messages if each is not None and each.ts <= until_ns]
        return sum(run.minutes.put(each, max(received_ns, each.ts)) for each in over)

    def _require_voice(self, run: _Run, stream: MarketStream, count: int) -> None:
        """Give up a stream that says nothing while there is something to say."""
        if self._bars.is_daily:
            return
        is_strike = count > 0 and stream.is_silent
        run.strikes = run.strikes + 1 if is_strike else run.strikes * stream.is_silent
        stream.is_silent = True
        if run.strikes >= _STRIKES:
            run.strikes = 0
            raise VenueError("the market data stream says nothing of bars that the history has")

    # --- Small things ---------------------------------------------------------------------------------
    def _gap(self, run: _Run, text: str, since_ns: int) -> Notice:
        run.is_in_gap = True
        return self._note(NoticeKind.GAP, text, since_ns)

    def _note(self, kind: NoticeKind, detail: str, since_ns: int = 0) -> Notice:
        self.counts[kind] += 1
        return Notice(kind, detail, since_ns=since_ns)

    async def _pause(self, seconds: float) -> None:
        """Wait, but not when everything is to end."""
        sleeping = asyncio.ensure_future(self._clock.sleep(seconds))
        closing = asyncio.ensure_future(self._closed.wait())
        try:
            await asyncio.wait((sleeping, closing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            closing.cancel()
