"""`VenueFeed`: a venue's bars as a feed.

The venue's stream tells a bar of each minute, without a number; its history has them all. So a minute is
decided on when a bar of every instrument whose market is open has come, or when its time is over and the
history was asked: what the history does not have either was not traded. Thus what the stream loses,
mixes up or tells twice changes nothing, and a connection that says nothing costs time only.

A strategy that reads longer bars gets them joined out of minutes; of days, the history's own bar of the
day is read at the close. Corporate actions do not come by this way.

In a rehearsal the venue's clock may be fast. Then `Slice.received_ns` is in its time, as everything is: what
the stream has told in order came when it was told, what was fetched when the venue's clock said so.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
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
from engine.model import layout as at
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
from runtime.feeds import wire
from runtime.feeds.arrivals import Arrivals, Arrived, Expected, Hours
from runtime.feeds.assembling import Assembler, Resumption, pack_cursor, unpack_cursor
from runtime.feeds.calendar_events import CalendarEvents
from runtime.feeds.joining import BarJoiner, BarKind
from runtime.feeds.settings import Backoff, StreamSettings
from runtime.feeds.venue_time import VenueTime
from runtime.feeds.wire import Listing, Refused

_NS_PER_NUMBER: Final = 1_000_000  # messages are numbered by their times, in milliseconds
_TICK_SECONDS: Final = 0.1
_CLOCK_SECONDS: Final = {
    True: 15.0,
    False: 2.0,
}  # between two looks at the venue's clock: real, or not
_CLOCK_SECONDS_MIN: Final = 0.35  # the venue answers 200 questions a minute
_STRIKES: Final = 2  # so often the history has what the stream has not told: then it is mute
_ACTIONS: Final = {market_wire.Trading.HALTED: "halt", market_wire.Trading.RESUMED: "resume"}


@dataclass(slots=True)
class _Run:
    """What outlives a connection."""

    assembler: Assembler
    arrivals: Arrivals
    joiner: BarJoiner | None
    backoff: Backoff
    number: int
    ask_after_ns: int = 0  # monotonic: the history did not answer
    waits_since_ns: int | None = None  # monotonic: something came and waits for what was before it
    strikes: int = 0
    is_in_gap: bool = False
    news: list[FeedItem] = field(default_factory=list)  # of what came and is not given away yet


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
        self._numbers = {symbol: n for n, symbol in enumerate(symbols)}
        self._listings = {
            each.symbol: Listing(n, each, bars_fill=True)
            for n, each in enumerate(self._instruments)
        }
        self._hours = [Hours(each.calendar) for each in self._instruments]
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

    async def _listen(
        self, run: _Run, stream: MarketStream, trading: AlpacaClient, data: AlpacaClient
    ) -> AsyncIterator[FeedItem]:
        """Yield what comes of one connection, until it breaks."""
        is_first = True
        while not self._closed.is_set():
            if self._wants_clock(run):
                await self._try_clock(run, trading)
            if self._wants_history(run):
                async for item in self._ask(run, stream, trading, data, is_gap=is_first):
                    yield item
            is_first = False
            for item in self._pass_time(run):
                yield item
            for message in await stream.receive(_TICK_SECONDS):
                run.backoff.reset()
                self._take(run, message)
            for item in self._given(run, run.arrivals.whole()):
                yield item

    def _begin(self, after: int, backoff: Backoff) -> _Run:
        """Stand where a cursor says, or at the venue's time."""
        number = unpack_cursor(after)[0] if after else self._time.now_ns() // _NS_PER_NUMBER
        last_ns = number * _NS_PER_NUMBER
        calendars = [each.calendar for each in self._instruments]
        assembler = Assembler(
            self._listings,
            # A session that closes now is told, too.
            CalendarEvents(calendars, last_ns - 1, trading=self._trading),
            resumption=Resumption(after or pack_cursor(number, 0), last_ns),
            counts=self.counts,
        )
        kind = self._bars
        expected = Expected(self._instruments, is_daily=kind.is_daily)
        arrivals = Arrivals(expected, kind.begins_ns(self._instruments, last_ns))
        joiner = None if kind.period is None else BarJoiner(self._instruments, kind)
        return _Run(assembler, arrivals, joiner, backoff, number)

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
        if not run.arrivals.is_waiting:
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

    def _pass_time(self, run: _Run) -> list[FeedItem]:
        """Let time pass up to the next bar that may come."""
        now_ns = min(self._over_ns(), run.arrivals.next_ns - 1)
        items = self._given(run, run.arrivals.confirm(now_ns)) if now_ns > 0 else []
        return items + run.assembler.pass_time(now_ns)

    # --- What comes -----------------------------------------------------------------------------------
    def _take(self, run: _Run, message: market_wire.MarketMessage) -> None:
        """Take one message of the stream."""
        match message:
            case market_wire.Bar():
                self._put(run, message, None)
            case market_wire.Status():
                self._put_status(run, message)
            case market_wire.DayBar():  # the day may be over: the clock is looked at
                run.waits_since_ns = run.waits_since_ns or self._clock.monotonic_ns()
            case market_wire.Unread():
                run.news.append(
                    run.assembler.refuse(Refused(message.reason, symbol=message.symbol))
                )
            case _:
                pass

    def _put(self, run: _Run, bar: market_wire.Bar, fetched_ns: int | None) -> bool:
        """Keep a bar until all before it is sure; return whether it was not here already.

        Parameters
        ----------
        fetched_ns
            The venue's time at which it was read from the history; None: the stream has told it.
        """
        number = self._numbers.get(bar.symbol)
        span = None if number is None else self._span(number, bar.start_ns)
        if number is None or span is None:
            return False
        message = self._message(bar, number, *span)
        received_ns = self._clock.now_ns()
        if not self._time.is_real:
            received_ns = span[1] if fetched_ns is None else max(fetched_ns, span[1])
        is_told = fetched_ns is None
        if span[1] > run.arrivals.sure_ns:
            is_new = run.arrivals.put(span[1], number, message, received_ns)
            if is_told and not is_new:
                run.news.append(
                    self._note(NoticeKind.DUPLICATE, f"a bar of {bar.symbol} came again")
                )
            return is_new
        if (
            is_told and run.joiner is None
        ):  # the assembler says what it is: late, revised or the same
            run.news += run.assembler.take(run.number, message, received_ns)
        elif is_told:
            run.news.append(
                self._note(NoticeKind.LATE, f"a minute of {bar.symbol} came late, or again")
            )
        return False

    def _message(self, bar: market_wire.Bar, number: int, open_ns: int, close_ns: int) -> wire.Bar:
        one = self._instruments[number]
        prices = (bar.open, bar.high, bar.low, bar.close)
        opened, high, low, close = (_text(price, one.price_precision) for price in prices)
        return wire.Bar(
            close_ns // _NS_PER_NUMBER,
            bar.symbol,
            close_ns,
            open_ns,
            opened,
            high,
            low,
            close,
            _text(bar.volume, one.quantity_precision),
        )

    def _span(self, number: int, start_ns: int) -> tuple[int, int] | None:
        """Return open and close of a bar that begins at a time; None outside of sessions."""
        hours = self._hours[number]
        if not self._bars.is_daily:
            return (start_ns, start_ns + NS_PER_MINUTE) if hours.holds(start_ns) else None
        session = hours.next(start_ns)  # a day begins before its session
        return session if session[0] < start_ns + NS_PER_DAY else None

    def _put_status(self, run: _Run, status: market_wire.Status) -> None:
        if status.symbol not in self._numbers:
            return
        seq = status.ts_ns // _NS_PER_NUMBER
        action = _ACTIONS[status.trading]
        message = wire.ActionMessage(seq, status.symbol, status.ts_ns, action)  # type: ignore[arg-type]
        if status.ts_ns > run.arrivals.sure_ns:
            run.arrivals.put(status.ts_ns, -1, message, self._clock.now_ns())
        else:
            run.news += run.assembler.take(run.number, message)

    def _given(self, run: _Run, arrived: Iterable[Arrived]) -> list[FeedItem]:
        """Return what messages make known that have everything before them."""
        items, run.news = run.news, []
        for one in arrived:
            items += self._joined(run, one) if run.joiner is not None else self._told(run, one)
        if run.arrivals.is_waiting:
            run.waits_since_ns = run.waits_since_ns or self._clock.monotonic_ns()
        elif not self._bars.is_daily:
            run.waits_since_ns = None
        return items

    def _told(self, run: _Run, one: Arrived) -> list[FeedItem]:
        items: list[FeedItem] = []
        for message, received_ns in one.messages:
            run.number = max(run.number, one.ts_ns // _NS_PER_NUMBER)
            items += run.assembler.take(run.number, message, received_ns)
        return items + run.assembler.pass_time(one.ts_ns)

    def _joined(self, run: _Run, one: Arrived) -> list[FeedItem]:
        """Return the longer bars that a minute completes."""
        assert run.joiner is not None
        received_ns = max(received for _, received in one.messages)
        items = self._finished(run, one.ts_ns - NS_PER_MINUTE, received_ns)
        others: list[tuple[wire.Market, int]] = []
        for message, came_ns in one.messages:
            row = wire.to_row(message, self._listings)
            if isinstance(row, Refused):
                items.append(run.assembler.refuse(row))
            elif row is not None and row[at.EVENT_KIND] == at.KIND_BAR:
                run.joiner.add(row)
            else:
                others.append((message, came_ns))
        if others:
            items += self._told(run, Arrived(one.ts_ns, others))
        return items + self._finished(run, one.ts_ns, received_ns)

    def _finished(self, run: _Run, until_ns: int, received_ns: int) -> list[FeedItem]:
        assert run.joiner is not None
        items: list[FeedItem] = []
        for row in run.joiner.finish(until_ns):
            ts_ns = row[at.EVENT_TS]
            run.number = max(run.number, ts_ns // _NS_PER_NUMBER)
            message = wire.to_message(row, run.number, self._instruments)
            items += run.assembler.take(run.number, message, received_ns)
        return items + run.assembler.pass_time(until_ns)

    # --- The history ----------------------------------------------------------------------------------
    def _wants_history(self, run: _Run) -> bool:
        is_due = run.arrivals.next_ns <= self._over_ns()
        return is_due and self._clock.monotonic_ns() >= run.ask_after_ns

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
        since_ns = run.arrivals.next_ns
        if is_gap:
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
        count = sum(self._put(run, bar, read_ns) for bar in bars if self._is_over(bar, until_ns))
        for item in self._given(run, run.arrivals.confirm(until_ns)):
            yield item
        if run.joiner is not None:
            received_ns = self._clock.now_ns() if self._time.is_real else read_ns
            for item in self._finished(run, until_ns, received_ns):
                yield item
        if run.is_in_gap or (count and not self._bars.is_daily):
            run.is_in_gap = False
            text = f"bars that the stream had not told were read: {count}"
            yield self._note(NoticeKind.FILLED, text, since_ns)
        self._require_voice(run, stream, count)

    async def _read(
        self, data: AlpacaClient, since_ns: int, until_ns: int
    ) -> list[market_wire.Bar]:
        """Return the bars that close from one time to another."""
        symbols = self._wish.symbols
        if self._bars.is_daily:
            start_ns, timeframe = since_ns - NS_PER_DAY, DAYS
        else:
            start_ns, timeframe = since_ns - NS_PER_MINUTE, MINUTES
        return await read_bars(
            data, symbols, start_ns, until_ns, timeframe=timeframe, feed=self._source
        )

    def _is_over(self, bar: market_wire.Bar, until_ns: int) -> bool:
        number = self._numbers.get(bar.symbol)
        span = None if number is None else self._span(number, bar.start_ns)
        return span is not None and span[1] <= until_ns

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


def _text(value: Decimal, precision: int) -> str:
    """Return a number on an instrument's grid, as imported data are put there: the nearest, half to even."""
    return f"{value.quantize(Decimal(1).scaleb(-precision), ROUND_HALF_EVEN):f}"
