"""`VenueFeed`: a venue's bars, quotes and prints as a feed.

The venue's stream tells a bar of each minute, without a number; its history has them all. So a minute is
decided on when a bar of every instrument whose market is open has come, or when its time is over and the
history was asked: what the history does not have either was not traded. Thus what the stream loses,
mixes up or tells twice changes nothing, and a connection that says nothing costs time only.

A strategy that reads longer bars gets them joined out of minutes; of days, the history's own bar of the
day is read at the close. Bars outside of sessions are left out. Splits and dividends are asked for before
each day's first bar, and come before it (`runtime.feeds.announced`).

A new feed begins with the bars of before that the strategy's formulas need (`runtime.feeds.warming`).

Quotes and prints have no minutes to be counted by: the stream is believed once what was before it is read
(`runtime.feeds.tick_reach`), and they are decided on as they come, where bars are read after those of before.
Of what is held and silent the price is asked for (`runtime.feeds.held_prices`), also without a stream.

In a rehearsal the venue's clock may be fast. Then `Slice.received_ns` is in its time, as everything is: what
the stream has told in order came when it was told, what was fetched when the venue's clock said so.

Here is how it connects, again and again. What the stream tells is taken in `venue_listening`, what the venue
is asked for besides in `venue_asking` with `venue_bars` and `venue_past_ticks`. All three share what is known
(`venue_state`) and how the venue is reached (`venue_line`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import aclosing
from typing import Final

import msgspec

from brokers.alpaca.budget import Use
from brokers.alpaca.client import Keys
from brokers.alpaca.data_paths import CRYPTO
from brokers.alpaca.environments import Urls, environment_of
from brokers.alpaca.market_stream import StreamRefused, Wish
from engine.errors import VenueError
from engine.lang.program import Program
from engine.model.instruments import Instrument
from engine.model.units import NS_PER_SECOND
from engine.ports import Clock, Environment, EvidenceClass, FeedItem, NoticeKind
from runtime.feeds.announced import Announced
from runtime.feeds.held_prices import HeldPrices
from runtime.feeds.joining import BarKind, DataKind
from runtime.feeds.minutes import MinuteAssembler
from runtime.feeds.notices import VenueNotices
from runtime.feeds.settings import StreamSettings
from runtime.feeds.silent_minutes import SilentMinutes
from runtime.feeds.tick_intake import TickIntake
from runtime.feeds.tick_reach import TickReach
from runtime.feeds.venue_asking import look
from runtime.feeds.venue_bars import warm_up
from runtime.feeds.venue_line import VenueLine
from runtime.feeds.venue_listening import listen
from runtime.feeds.venue_messages import VenueMessages
from runtime.feeds.venue_state import VenueState
from runtime.feeds.venue_time import VenueTime
from runtime.feeds.waiting import pause
from runtime.feeds.warming import Warming

_AWAY_SECONDS: Final = 1.0  # between two looks while there is no stream
_LONG_AGO_NS: Final = 2**62


class VenueFeed:
    """A venue's market as an `engine.ports.Feed`.

    Parameters
    ----------
    urls
        Of one environment, which they prove: only live and paper are the real market.
    instruments
        Which, in the order of the rows' numbers.
    clock
        For waits, and for `Slice.received_ns` of a real market.
    source
        ``iex`` or ``sip``: whose trades the bars of shares are made of; `CRYPTO` for coins.
    data
        What the strategy reads; None: minutes.
    trading
        With the trading loop a session's open tells its close.
    formulas
        Of the strategy: a new feed begins with the bars that they need; None: with nothing.
    time
        The venue's; None: what `clock` makes of the venue's own, which may be fast in a rehearsal.

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
        data: DataKind | None = None,
        trading: bool = False,
        formulas: Program | None = None,
        settings: StreamSettings | None = None,
        time: VenueTime | None = None,
    ) -> None:
        self.environment = environment_of(urls)
        self._urls, self._keys, self._clock = urls, keys, clock
        self._instruments = tuple(instruments)
        self._data = data or DataKind(BarKind())
        self._bars, self._trading = self._data.bars or BarKind(), trading
        self._formulas = None if self._data.bars is None else formulas
        self._settings = settings or StreamSettings()
        symbols = tuple(each.symbol for each in self._instruments)
        self._wish = Wish(
            symbols,
            source,
            self._bars.is_daily,
            self._data.bars is not None,
            self._data.has_quotes,
            self._data.has_trades,
        )
        self._notices = VenueNotices()
        self._ticks = TickIntake(self._instruments, self.counts)
        self._messages = VenueMessages(self._instruments, is_daily=self._bars.is_daily)
        is_real = self.evidence is EvidenceClass.REAL
        self._time = time or VenueTime(clock, is_real=is_real, never_closes=source == CRYPTO)
        self._prices = HeldPrices(symbols, clock, self._settings.held_seconds)
        self._closed = asyncio.Event()
        self._line: VenueLine | None = None

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"alpaca {self.environment} {self._wish.feed}"

    @property
    def counts(self) -> Counter[NoticeKind]:
        """How often each kind of notice was due, those that are not told one by one included."""
        return self._notices.counts

    @property
    def evidence(self) -> EvidenceClass:
        """What may be concluded of what it shows."""
        is_rehearsal = self.environment is Environment.REHEARSAL
        return EvidenceClass.REHEARSAL if is_rehearsal else EvidenceClass.REAL

    @property
    def instruments(self) -> Sequence[Instrument]:
        """Their places here are the instrument numbers of all rows."""
        return self._instruments

    @property
    def asks_history(self) -> bool:
        """Whether it asks the history of minutes of which no bar has come: of days it reads the bar itself."""
        return self._wish.has_bars and not self._bars.is_daily

    def venue_now_ns(self) -> int | None:
        """Return the venue's time now; None while it is not known."""
        return self._time.trusted_ns()

    def age_ns(self, ts_ns: int) -> int | None:
        """Return how long ago a time of its data was.

        A rehearsal's clock may be fast: there it is known in a gap only, of which nobody knows how long ago it
        was: None, or as long as can be.
        """
        if not self._time.is_real:
            return _LONG_AGO_NS if self._notices.is_in_gap else None
        now_ns = self._time.now_ns() if self._time.is_known else self._clock.now_ns()
        return now_ns - ts_ns

    def watch(self, held: Callable[[], Collection[int]]) -> None:
        """Ask the venue for prices of what is held and of which nothing comes."""
        self._prices.held = held

    async def close(self) -> None:
        """Hang up; `items` ends."""
        self._closed.set()
        if self._line is not None:
            await self._line.hang_up()

    async def items(self, after: int = 0) -> AsyncIterator[FeedItem]:
        """Yield what follows a cursor, or what comes from now on, until it is closed.

        Raises
        ------
        VenueError
            If the venue refuses our keys, or what is asked of it, before it was connected once; later it is
            told and tried again: what is held is not left alone.
        """
        state: VenueState | None = None
        was_connected = False
        line = VenueLine(self._urls, self._keys, self._clock, self._wish, self._settings)
        self._line = line
        async with aclosing(line):
            while not self._closed.is_set():
                try:
                    # Before the stream: a session begins before the first bar that it is told.
                    await line.read_clock(self._time, Use.QUESTION)
                    state = state or self._begin(after)
                    if state.warming is not None:
                        yield await warm_up(state, line, state.warming)
                    async with line.connection() as stream:
                        was_connected, self._notices.is_in_gap = True, False
                        yield self._notices.note(NoticeKind.CONNECTED, self.name)
                        async for item in listen(state, line, stream, self._closed):
                            yield item
                except VenueError as error:
                    if self._closed.is_set():
                        return
                    is_refused = error.is_authorization or isinstance(error, StreamRefused)
                    if is_refused and not was_connected:
                        raise
                    if state is not None:
                        state.lost()
                    lost = self._notices.note(NoticeKind.DISCONNECTED, error.problem)
                    yield msgspec.structs.replace(lost, is_refused=is_refused)
                    seconds = line.backoff.next_seconds(at_least=error.retry_after_seconds)
                    async for item in self._wait(state, line, seconds):
                        yield item

    def _begin(self, after: int) -> VenueState:
        """Stand where a cursor says, or as far as the venue's history is complete."""
        minutes = MinuteAssembler(
            self._instruments,
            self._bars,
            after,
            self._time.over_ns(self._settings.grace_seconds),
            trading=self._trading,
            counts=self.counts,
            has_bars=self._wish.has_bars,
            has_ticks=self._data.has_ticks,
        )
        warming = reach = None
        if self._formulas is not None and not after:
            warming = Warming(self._formulas, self._instruments, self._bars, minutes.begins_ns)
        if self._data.has_ticks:
            calendars = [each.calendar for each in self._instruments]
            reach = TickReach(calendars, minutes.sure_ns, is_real=self._time.is_real)
        silent = None
        if self.asks_history:
            silent = SilentMinutes(self._instruments, minutes.begins_ns, is_new=not after)
            minutes.told = silent.told
        return VenueState(
            wish=self._wish,
            settings=self._settings,
            clock=self._clock,
            time=self._time,
            messages=self._messages,
            ticks=self._ticks,
            prices=self._prices,
            notices=self._notices,
            minutes=minutes,
            announced=Announced(self._instruments, minutes.begins_ns),
            warming=warming if warming is not None and warming.needed else None,
            reach=reach,
            begun_ns=self._clock.monotonic_ns(),
            is_new=not after,
            silent=silent,
        )

    async def _wait(
        self, state: VenueState | None, line: VenueLine, seconds: float
    ) -> AsyncIterator[FeedItem]:
        """Wait without a stream. What is held is looked after all the same, as far as the venue answers."""
        until_ns = self._clock.monotonic_ns() + round(seconds * NS_PER_SECOND)
        while (left_ns := until_ns - self._clock.monotonic_ns()) > 0 and not self._closed.is_set():
            if state is not None and state.warming is None:  # nothing comes before what was before
                try:
                    async for item in look(state, line):
                        yield item
                except VenueError:  # it refuses us: the next connection will tell
                    state = None
            await pause(self._clock, min(left_ns / NS_PER_SECOND, _AWAY_SECONDS), self._closed)
