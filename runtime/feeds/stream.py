"""`StreamFeed`: a live stream as a feed.

What a socket may do: stop (backoff, connect again), say nothing for ever (the silence detector hangs
up), leave messages out (they are fetched from the history before going on), repeat them (dropped),
mix them up (put in order), tell nonsense (refused). Each is told as a `Notice` and counted; none raises.
It raises where it cannot go on: another stream than before, an instrument that it does not have, a
certificate that is not right, a redirect.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import aiohttp

from engine.errors import DataError
from engine.model.instruments import Instrument
from engine.model.units import NS_PER_SECOND
from engine.ports import Clock, EvidenceClass, FeedItem, Notice, NoticeKind
from runtime.feeds import wire
from runtime.feeds.assembling import Assembler, Resumption, resumption_of, unpack_cursor
from runtime.feeds.calendar_events import CalendarEvents
from runtime.feeds.connecting import Redirected, client_session, require_hope
from runtime.feeds.freshness import Freshness
from runtime.feeds.history_client import HistoryClient, HistoryFault
from runtime.feeds.listening import listings_of, reports_of
from runtime.feeds.notices import Notices
from runtime.feeds.sequence import InOrder
from runtime.feeds.settings import Backoff, StreamSettings
from runtime.feeds.waiting import pause
from runtime.feeds.wire import Listing

MESSAGE_BYTES_MAX = 1_000_000
WALL_TICK_SECONDS = 0.25
_REACHES = (1, 8, 64, 512)  # how far back the last message of our instruments is looked for
_LONG_AGO_NS = -(10**18)
_Content = wire.Market | wire.Refused


class _Broken(Exception):
    """The connection is of no use any more, and why."""


@dataclass(slots=True)
class _Listened:
    """What outlives a connection."""

    numbers: InOrder[tuple[_Content, int]]
    assembler: Assembler
    hello: wire.Hello
    end: wire.End | None = None
    gap_since_ns: int | None = None  # of the clock that never goes back
    is_repeating: bool = False


class StreamFeed:
    """A stream over WebSocket and HTTP as an `engine.ports.Feed`; see `runtime.feeds.server`.

    Parameters
    ----------
    url
        ``ws://host:port``, or ``wss://`` for what is not on this machine.
    instruments
        Which, in the order of the rows' numbers. Their definitions must be the stream's.
    clock
        For waits and for `Slice.received_ns`.
    trading
        With the trading loop a session's open tells its close.
    evidence
        What may be concluded of it; only who opens it can know.
    """

    def __init__(
        self,
        url: str,
        instruments: Sequence[Instrument],
        clock: Clock,
        *,
        trading: bool = False,
        evidence: EvidenceClass = EvidenceClass.REHEARSAL,
        settings: StreamSettings | None = None,
    ) -> None:
        self._url, self._instruments, self._clock = url.rstrip("/"), tuple(instruments), clock
        self._trading, self._evidence = trading, evidence
        self._settings = settings or StreamSettings()
        self._closed = asyncio.Event()
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._stream = ""
        self._is_of_the_world = False  # its times
        self._notices = Notices()

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"stream {self._url}"

    @property
    def evidence(self) -> EvidenceClass:
        """What may be concluded of what it shows."""
        return self._evidence

    @property
    def instruments(self) -> Sequence[Instrument]:
        """Their places here are the instrument numbers of all rows."""
        return self._instruments

    @property
    def counts(self) -> Counter[NoticeKind]:
        """How often each kind of notice was due, those that are not told one by one included."""
        return self._notices.counts

    def age_ns(self, ts_ns: int) -> int | None:
        """Return how long ago a time of its data was; None where its times are not the world's."""
        return self._clock.now_ns() - ts_ns if self._is_of_the_world else None

    async def close(self) -> None:
        """Hang up; `items` ends."""
        self._closed.set()
        if self._socket is not None:
            await self._socket.close()

    async def items(self, after: int = 0) -> AsyncIterator[FeedItem]:
        """Yield what follows a cursor, until the stream says that this was all.

        Raises
        ------
        DataError
            If it cannot go on.
        """
        backoff, listened = Backoff(self._settings), None
        async with client_session(self._settings) as client:
            history = HistoryClient(client, self._url, self._settings)
            while not self._closed.is_set():
                try:
                    async with self._connection(client) as socket:
                        hello = await self._receive_hello(socket)
                        if listened is None:
                            listened = await self._begin(hello, after, history)
                        self._go_on(listened, hello)
                        yield self._notices.note(NoticeKind.CONNECTED, self._url)
                        async for item in self._listen(socket, listened, history, backoff):
                            yield item
                        if listened.end is not None:
                            return
                except (_Broken, Redirected, HistoryFault, aiohttp.ClientError, OSError) as error:
                    if self._closed.is_set():
                        return
                    require_hope(error)
                    yield self._notices.note(
                        NoticeKind.DISCONNECTED, str(error) or type(error).__name__
                    )
                    await pause(self._clock, backoff.next_seconds(), self._closed)

    # --- A connection ---------------------------------------------------------------------------------
    @asynccontextmanager
    async def _connection(
        self, client: aiohttp.ClientSession
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        try:
            async with asyncio.timeout(self._settings.connect_seconds):
                socket = await client.ws_connect(
                    self._url + "/stream",
                    max_msg_size=MESSAGE_BYTES_MAX,
                    timeout=aiohttp.ClientWSTimeout(ws_close=0.2),
                )
        except TimeoutError:
            raise _Broken(f"no answer for {self._settings.connect_seconds} seconds") from None
        self._socket = socket
        try:
            yield socket
        finally:
            self._socket = None
            with suppress(aiohttp.ClientError, OSError):
                await socket.close()

    async def _receive_hello(self, socket: aiohttp.ClientWebSocketResponse) -> wire.Hello:
        content = await self._receive(socket, self._settings.connect_seconds)
        hello = None if content is None else wire.parse(content)
        if not isinstance(hello, wire.Hello):
            raise _Broken("what came first was not what a stream says first")
        if hello.protocol != wire.PROTOCOL:
            raise DataError(
                f"the stream speaks protocol {hello.protocol}, this program {wire.PROTOCOL}",
                where=self._url,
                code="feed.protocol",
            )
        if self._stream not in ("", hello.stream):
            raise DataError(
                "this is another stream than before: its numbers mean something else",
                where=self._url,
                remedy="start a new session",
                code="feed.other_stream",
            )
        self._stream = hello.stream
        self._is_of_the_world = hello.clock == "wall"
        return hello

    async def _receive(
        self, socket: aiohttp.ClientWebSocketResponse, seconds: float
    ) -> bytes | str | None:
        """Return the next message's content, None when nothing came for so long."""
        try:
            message = await socket.receive(timeout=max(seconds, 0.0))
        except TimeoutError:
            return None
        if message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT):
            content: bytes | str = message.data
            return content
        raise _Broken(f"the connection was closed ({message.type.name.lower()})")

    # --- What outlives it -----------------------------------------------------------------------------
    async def _begin(self, hello: wire.Hello, after: int, history: HistoryClient) -> _Listened:
        listings = listings_of(self._instruments, hello)
        last, _ = unpack_cursor(after)
        resumption = await _resumption(after, history, listings) if after else None
        starts_ns = hello.starts_ns
        if starts_ns is None:  # of a stream that has no beginning sessions are told from here on
            is_known = resumption is not None and resumption.last_ns > 0
            resumption = resumption if is_known else None
            here_ns = self._clock.now_ns() if resumption is None else resumption.last_ns
            starts_ns = here_ns - 1  # a session that closes now is told, too
        calendars = [one.calendar for one in self._instruments]
        names = list(dict.fromkeys(calendars))
        assembler = Assembler(
            listings,
            CalendarEvents(calendars, starts_ns, trading=self._trading),
            reports=reports_of(listings, hello),
            freshness=Freshness([names.index(n) for n in calendars], self._settings.stale_seconds),
            resumption=resumption,
            counts=self.counts,
        )
        return _Listened(InOrder(last), assembler, hello)

    def _go_on(self, listened: _Listened, hello: wire.Hello) -> None:
        listened.hello = hello
        listened.numbers.expect(hello.head)
        listened.gap_since_ns = _LONG_AGO_NS  # what came in between will not come by itself
        listened.is_repeating = False

    async def _listen(
        self,
        socket: aiohttp.ClientWebSocketResponse,
        listened: _Listened,
        history: HistoryClient,
        backoff: Backoff,
    ) -> AsyncIterator[FeedItem]:
        """Yield what comes of one connection, until it breaks or the stream ends."""
        heard_ns = self._clock.monotonic_ns()
        while not self._closed.is_set():
            for item in self._in_order(listened):
                yield item
            if self._is_gap_due(listened):
                async for item in self._fill(listened, history):
                    yield item
                heard_ns = self._clock.monotonic_ns()
                continue
            if listened.end is not None:
                for item in listened.assembler.finish(listened.end.ts):
                    yield item
                return
            silent = (self._clock.monotonic_ns() - heard_ns) / NS_PER_SECOND
            left = self._settings.silence_seconds - silent
            if left <= 0:
                yield self._notices.note(NoticeKind.STALE, f"nothing came for {silent:.1f} seconds")
                raise _Broken("the connection is silent")
            content = await self._receive(socket, min(left, self._until_next(listened)))
            if content is None:
                for item in self._wall_time(listened):
                    yield item
                continue
            heard_ns = self._clock.monotonic_ns()
            backoff.reset()
            for item in self._take(content, listened):
                yield item

    def _until_next(self, listened: _Listened) -> float:
        """Return how long at most to wait for a message before looking after something else."""
        if listened.numbers.missing():
            return self._settings.disorder_seconds
        return WALL_TICK_SECONDS if listened.hello.clock == "wall" else 1.0

    def _take(self, content: bytes | str, listened: _Listened) -> list[FeedItem]:
        """Take one message as it came."""
        message = wire.parse(content)
        if isinstance(message, wire.Hello):
            return []
        if isinstance(message, (wire.Time, wire.End)):
            return self._take_time(message, listened)
        if message.seq is None:
            assert isinstance(message, wire.Refused)
            return [listened.assembler.refuse(message)]
        if listened.numbers.put(message.seq, (message, self._clock.now_ns())):
            listened.is_repeating = False
            return []
        self.counts[NoticeKind.DUPLICATE] += 1
        if listened.is_repeating:
            return []
        listened.is_repeating = True  # one notice for a run of them
        return [Notice(NoticeKind.DUPLICATE, f"message {message.seq} came again")]

    def _take_time(self, message: wire.Time | wire.End, listened: _Listened) -> list[FeedItem]:
        """Take what time it is; what was told before it must have come first."""
        listened.numbers.expect(message.seq)
        items = self._in_order(listened)
        if isinstance(message, wire.End):
            listened.end = message
        elif listened.numbers.last >= message.seq:
            items += listened.assembler.pass_time(message.ts)
        return items

    def _wall_time(self, listened: _Listened) -> list[FeedItem]:
        """Let time pass by the clock, where the stream's times are the world's."""
        if listened.hello.clock != "wall" or listened.numbers.missing():
            return []
        now_ns = self._clock.now_ns() - round(self._settings.grace_seconds * NS_PER_SECOND)
        return listened.assembler.pass_time(now_ns)

    def _in_order(self, listened: _Listened) -> list[FeedItem]:
        """Return what the messages make known that have everything before them."""
        items: list[FeedItem] = []
        while (taken := listened.numbers.take()) is not None:
            message, received_ns = taken
            items += listened.assembler.take(listened.numbers.last, message, received_ns)
        return items

    # --- Gaps -----------------------------------------------------------------------------------------
    def _is_gap_due(self, listened: _Listened) -> bool:
        """Return whether something is missing and was waited for long enough."""
        numbers, now_ns = listened.numbers, self._clock.monotonic_ns()
        if numbers.missing() is None:
            listened.gap_since_ns = None
            return False
        if listened.gap_since_ns is None:
            listened.gap_since_ns = now_ns
        waited = (now_ns - listened.gap_since_ns) / NS_PER_SECOND
        return (
            listened.end is not None
            or numbers.early >= self._settings.disorder_messages
            or waited >= self._settings.disorder_seconds
        )

    async def _fill(self, listened: _Listened, history: HistoryClient) -> AsyncIterator[FeedItem]:
        """Fetch what is missing and yield what it makes known; give up what cannot be had."""
        missing = listened.numbers.missing()
        assert missing is not None
        since_ns = max(listened.assembler.decided_ns, 0)
        text = f"messages {missing[0]} to {missing[1]}"
        yield self._notices.note(NoticeKind.GAP, f"{text} are missing and are fetched", since_ns)
        backoff, fruitless = Backoff(self._settings), 0
        while not self._closed.is_set() and listened.numbers.last < missing[1]:
            first = listened.numbers.last + 1
            try:
                for message in await history.messages(first, missing[1]):
                    assert message.seq is not None
                    listened.numbers.put(message.seq, (message, self._clock.now_ns()))
            except HistoryFault as fault:
                if fault.is_gone:
                    break
                await pause(
                    self._clock, backoff.next_seconds(at_least=fault.retry_after), self._closed
                )
                continue
            for item in self._in_order(listened):
                yield item
            if listened.numbers.last < first:
                fruitless += 1
                if fruitless >= self._settings.fill_attempts:
                    break
                await pause(self._clock, backoff.next_seconds(), self._closed)
        if listened.numbers.last >= missing[1]:
            yield self._notices.note(NoticeKind.FILLED, f"{text} have come", since_ns)
        elif not self._closed.is_set():
            lost = listened.numbers.missing()
            assert lost is not None
            listened.numbers.give_up(lost[1])
            text = f"messages {lost[0]} to {lost[1]} cannot be had"
            yield self._notices.note(NoticeKind.LOST, text, since_ns)
        listened.gap_since_ns = None


async def _resumption(
    after: int, history: HistoryClient, listings: Mapping[str, Listing]
) -> Resumption:
    """Return where to go on after a cursor, from the last message of our instruments before it."""
    last, _ = unpack_cursor(after)
    for reach in _REACHES if last else ():
        found = resumption_of(after, await history.tail(last, reach), listings)
        if found is not None:
            return found
    return Resumption(after, -1)
