"""`MinuteAssembler`: a venue's bars, in whatever order they come, become slices. Pure: no socket and no clock.

A minute is decided on when a bar of every instrument whose market is open has come, or when somebody has
asked the venue's history and says that nothing more is to come of it. Time does not pass over a minute that
is not sure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.model.units import INT64_MAX, NS_PER_MINUTE
from engine.ports import FeedItem, Notice, NoticeKind
from runtime.feeds import wire
from runtime.feeds.arrivals import Arrivals, Arrived, Expected
from runtime.feeds.assembling import Assembler, Resumption, pack_cursor, unpack_cursor
from runtime.feeds.calendar_events import CalendarEvents
from runtime.feeds.joining import BarJoiner, BarKind
from runtime.feeds.wire import Listing, Refused, Row

NS_PER_NUMBER: Final = 1_000_000  # messages are numbered by their times, in milliseconds


class MinuteAssembler:
    """Bars, quotes, prints and statuses of some instruments to slices.

    Parameters
    ----------
    instruments
        By their numbers.
    bars
        What the strategy reads: minutes as they are, or joined, or days.
    after
        The cursor to go on after; 0: begin.
    now_ns
        When a new one begins, in the venue's time.
    counts
        Where notices are counted.
    has_bars, has_ticks
        Whether there are bars; quotes or prints, on which orders are filled then.
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        bars: BarKind,
        after: int,
        now_ns: int,
        *,
        trading: bool,
        counts: Counter[NoticeKind],
        has_bars: bool = True,
        has_ticks: bool = False,
    ) -> None:
        self._number = unpack_cursor(after)[0] if after else now_ns // NS_PER_NUMBER
        self.begins_ns = last_ns = self._number * NS_PER_NUMBER
        self._listings = {
            each.symbol: Listing(n, each, bars_fill=not has_ticks)
            for n, each in enumerate(instruments)
        }
        self._instruments = tuple(instruments)
        # A session that closes now is told, too.
        calendar = CalendarEvents([x.calendar for x in instruments], last_ns - 1, trading=trading)
        self._assembler = Assembler(
            self._listings,
            calendar,
            resumption=Resumption(after or pack_cursor(self._number, 0), last_ns),
            counts=counts,
        )
        expected = Expected(instruments if has_bars else (), is_daily=bars.is_daily)
        self._arrivals = Arrivals(expected, bars.begins_ns(instruments, last_ns))
        # Is told when bars were decided on, and of whom.
        self.told: Callable[[int, Iterable[int]], None] = lambda ts_ns, numbers: None
        self._joiner = None if bars.period is None else BarJoiner(instruments, bars)

    @property
    def next_ns(self) -> int:
        """When the next bar closes that is not sure."""
        return self._arrivals.next_ns

    @property
    def sure_ns(self) -> int:
        """Up to when everything is decided on."""
        return max(self._arrivals.sure_ns, self.begins_ns)

    @property
    def is_waiting(self) -> bool:
        """Whether something has come and waits for what was before it."""
        return self._arrivals.is_waiting

    # --- What comes -----------------------------------------------------------------------------------
    def put(self, bar: wire.Bar, received_ns: int) -> bool:
        """Keep a bar of a minute, or of a day, that is not decided on; return whether it is news."""
        if bar.ts <= self._arrivals.sure_ns:
            return False
        return self._arrivals.put(bar.ts, self._listings[bar.symbol].number, bar, received_ns)

    def hear(self, bar: wire.Bar, received_ns: int) -> list[FeedItem]:
        """Keep what the stream has told; return what is to be said where it is late, or no news."""
        if bar.ts > self._arrivals.sure_ns:
            is_new = self.put(bar, received_ns)
            text = f"a bar of {bar.symbol} came again"
            return [] if is_new else [self.note(NoticeKind.DUPLICATE, text)]
        if self._joiner is None:
            return self._assembler.take(self._number, bar, received_ns)
        return [self.note(NoticeKind.LATE, f"a minute of {bar.symbol} came late, or again")]

    def hear_action(self, action: wire.ActionMessage, received_ns: int) -> list[FeedItem]:
        """Keep what has happened to an instrument: a halt and its end, a split, a dividend."""
        if action.ts <= self._arrivals.sure_ns:
            return self._assembler.take(self._number, action, received_ns)
        self._arrivals.put(action.ts, -1, action, received_ns)
        return []

    def hear_price(self, message: wire.Quote | wire.Trade, received_ns: int) -> None:
        """Keep a price that was asked for, of a time that is not decided on yet."""
        assert message.ts > self._arrivals.sure_ns
        self._arrivals.put(message.ts, -1, message, received_ns)

    def hear_tick(self, row: Row, received_ns: int) -> None:
        """Keep a quote or a print of a time that is not decided on yet."""
        self._arrivals.add(row, received_ns)

    def refuse(self, refused: Refused) -> Notice:
        """Count what could not be read, and tell it."""
        return self._assembler.refuse(refused)

    def note(self, kind: NoticeKind, text: str) -> Notice:
        """Count and return a notice."""
        return self._assembler.note(kind, text)

    # --- What is known --------------------------------------------------------------------------------
    def whole(self, before_ns: int = INT64_MAX) -> list[FeedItem]:
        """Return what is known before a time, since all bars of the next times have come."""
        return self._given(self._arrivals.whole(before_ns))

    def confirm(self, until_ns: int, received_ns: int = 0) -> list[FeedItem]:
        """Return what is known since nothing more is to come of a time.

        Parameters
        ----------
        received_ns
            When that became known, for bars whose last minutes were not traded in.
        """
        items = self._given(self._arrivals.confirm(until_ns))
        items += self._finished(until_ns, received_ns)
        return items + self._assembler.pass_time(until_ns)

    def _given(self, arrived: Iterable[Arrived]) -> list[FeedItem]:
        """Return what messages make known that have everything before them."""
        items: list[FeedItem] = []
        for one in arrived:
            received_ns = max(came_ns for _, came_ns in one.messages)
            items += self._finished(one.ts_ns - NS_PER_MINUTE, received_ns)
            self.told(one.ts_ns, one.numbers)
            for message, came_ns in one.messages:
                items += self._taken(message, came_ns)
            items += self._finished(one.ts_ns, received_ns)
            items += self._assembler.pass_time(one.ts_ns)
        return items

    def _taken(self, message: wire.Market | Row, received_ns: int) -> list[FeedItem]:
        """Return what one message makes known; a minute is joined where longer bars are wanted."""
        if isinstance(message, list):
            self._number = max(self._number, message[at.EVENT_TS] // NS_PER_NUMBER)
            return self._assembler.take_row(self._number, message, received_ns)
        if self._joiner is None or not isinstance(message, wire.Bar):
            self._number = max(self._number, message.ts // NS_PER_NUMBER)
            return self._assembler.take(self._number, message, received_ns)
        row = wire.to_row(message, self._listings)
        if isinstance(row, Refused):
            return [self._assembler.refuse(row)]
        assert row is not None
        self._joiner.add(row)
        return []

    def _finished(self, until_ns: int, received_ns: int) -> list[FeedItem]:
        """Return the longer bars that close up to a time."""
        items: list[FeedItem] = []
        for row in [] if self._joiner is None else self._joiner.finish(until_ns):
            self._number = max(self._number, row[at.EVENT_TS] // NS_PER_NUMBER)
            message = wire.to_message(row, self._number, self._instruments)
            items += self._assembler.take(self._number, message, received_ns)
        return items
