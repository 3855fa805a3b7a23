"""Bars of before a venue's feed: how many the formulas need, which are asked for, and what they become.

The engine knows after how many bars each formula has its first value. Averages that remember everything (ema,
rsi, ...) come near those of a long history only later, so as many again are read, and more, as far as that
costs little. They become slices by the same assembler as what comes later, without session events. Splits are
among them: prices are raw, and formulas see them as they would have over the whole time.

What the venue does not have is missing: then formulas have their first values later, and it is told when.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

import numpy as np

from brokers.alpaca.actions import CorporateAction
from data.calendars import FIRST_YEAR, sessions
from engine.lang.program import Program
from engine.lang.timeframes import Anchor, Timeframe
from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.model.units import NS_PER_DAY, NS_PER_MINUTE, NS_PER_SECOND
from engine.ports import Rows, Slice, WarmUp
from runtime.feeds import wire
from runtime.feeds.announced import Announced
from runtime.feeds.arrivals import Hours
from runtime.feeds.joining import BarKind
from runtime.feeds.minutes import MinuteAssembler

_SETTLED: Final = 8  # times what is needed for a first value, ...
_SETTLED_BARS_MOST: Final = 5_000  # ... where that is not more than this
_TOLD_MOST: Final = 100_000  # bars of all instruments, as the venue tells them
_READINGS: Final = 2  # the second goes back as far again
_FIRST_NS: Final = (date(FIRST_YEAR, 1, 1) - date(1970, 1, 1)).days * NS_PER_DAY  # of calendars
_DAYS_OF_SESSIONS: Final = 2  # so many days have at least one session, but for ...
_DAYS_CLOSED: Final = 14  # ... this many in a row
_NO_ROWS: Final[Rows] = np.empty((0, at.EVENT_WIDTH), dtype=np.int64)

ReadBars = Callable[[int, int], Awaitable[list[wire.Bar]]]
ReadActions = Callable[[date, date], Awaitable[list[CorporateAction]]]


@dataclass(frozen=True, slots=True)
class Warming:
    """What formulas need to see of some instruments before they have values.

    Parameters
    ----------
    program
        The formulas.
    bars
        What kind of bars they read.
    until_ns
        What they need is before that time.
    """

    program: Program
    instruments: tuple[Instrument, ...]
    bars: BarKind
    until_ns: int

    @property
    def needed(self) -> int:
        """Bars of each instrument."""
        return max([self.program.warmup_bars, *self._of_timeframes()])

    @property
    def sessions(self) -> int:
        """How many sessions back they are read at first."""
        needed = self.needed
        wanted = max(needed, min(needed * _SETTLED, _SETTLED_BARS_MOST))
        return min(-(-wanted // self._in_session) + 1, self.sessions_most)

    @property
    def sessions_most(self) -> int:
        """How many sessions back may be read."""
        told = 1 if self.bars.is_daily else self._session_ns // NS_PER_MINUTE
        return max(_TOLD_MOST // (told * len(self.instruments)), 1)

    @property
    def earliest_ns(self) -> int:
        """Nothing from before this time is read."""
        return self._since_ns(min(_READINGS * self.sessions, self.sessions_most))

    def since_ns(self, count: int) -> int:
        """Return a time at which so many sessions had not begun."""
        since_ns, until_ns = self._since_ns(count), self.until_ns
        known = [sessions(name, since_ns, until_ns)[0][-count:] for name in self._calendars]
        first = min((int(opens[0]) for opens in known if len(opens)), default=until_ns)
        return first - first % NS_PER_DAY if self.bars.is_daily else first - NS_PER_MINUTE

    def closes_ns(self, number: int, count: int) -> int:
        """Return when the last of the next bars of an instrument closes."""
        hours, now_ns = Hours(self.instruments[number].calendar), self.until_ns
        left_ns = count * self._bar_ns
        while True:
            open_ns, close_ns = hours.next(now_ns)
            begun_ns = max(now_ns, open_ns)
            length_ns = self._bar_ns if self.bars.is_daily else close_ns - begun_ns
            if left_ns <= length_ns:
                return close_ns if self.bars.is_daily else begun_ns + left_ns
            left_ns, now_ns = left_ns - length_ns, close_ns

    def counted(self, rows: Rows) -> list[int]:
        """Return how many bars of each instrument are among rows."""
        own = rows[rows[:, at.EVENT_KIND] == at.KIND_BAR, at.EVENT_INSTRUMENT]
        found: list[int] = np.bincount(own, minlength=len(self.instruments)).tolist()
        return found

    def _of_timeframes(self) -> list[int]:
        program = self.program
        counts = zip(program.timeframes, program.warmup_timeframes, strict=True)
        return [(count + 1) * self._in_timeframe(timeframe) for timeframe, count in counts]

    def _in_timeframe(self, timeframe: Timeframe) -> int:
        """Return how many bars a higher one has at most."""
        match timeframe.anchor:
            case Anchor.SESSION:
                return self._in_session
            case Anchor.WEEK:
                return 5 * self._in_session
            case Anchor.UTC:
                return max(timeframe.length_ns // self._bar_ns, 1)

    @property
    def _in_session(self) -> int:
        return -(-self._session_ns // self._bar_ns)

    @property
    def _session_ns(self) -> int:
        """How long a whole session is; of several calendars the shortest."""
        soon_ns = self.until_ns + _DAYS_CLOSED * NS_PER_DAY
        coming = [sessions(name, self.until_ns, soon_ns) for name in self._calendars]
        return min(int((closes - opens).max()) for opens, closes in coming)

    @property
    def _calendars(self) -> set[str]:
        return {each.calendar for each in self.instruments}

    def _since_ns(self, count: int) -> int:
        """Return a time with so many sessions after it, as far as calendars know them."""
        since_ns = self.until_ns - (count * _DAYS_OF_SESSIONS + _DAYS_CLOSED) * NS_PER_DAY
        return since_ns if self.until_ns < _FIRST_NS else max(since_ns, _FIRST_NS)

    @property
    def _bar_ns(self) -> int:
        if self.bars.is_daily:
            return self._session_ns
        return NS_PER_MINUTE if self.bars.period is None else self.bars.period.length_ns


async def read_past(warming: Warming, read_bars: ReadBars, read_actions: ReadActions) -> Rows:
    """Return bars and splits of before, in order.

    Raises
    ------
    VenueError
        If the venue does not answer.
    """
    told: list[wire.Bar] = []
    count, until_ns = warming.sessions, warming.until_ns
    before_ns = until_ns
    for _ in range(_READINGS):
        since_ns = warming.since_ns(count)
        more = [each for each in await read_bars(since_ns, before_ns) if each.ts <= until_ns]
        told += more
        announced = Announced(warming.instruments, since_ns)
        splits: list[wire.ActionMessage] = []
        if announced.has_shares:
            actions = await read_actions(*announced.days(until_ns))
            messages = announced.read(actions, until_ns, since_ns)
            splits = [each for each in messages if each.action == "split"]
        rows = await asyncio.to_thread(_assembled, warming, told, splits, since_ns)
        is_all = count >= warming.sessions_most or not more
        if is_all or min(warming.counted(rows)) >= warming.needed:
            break
        count, before_ns = min(2 * count, warming.sessions_most), since_ns
    return rows


def _assembled(
    warming: Warming,
    told: Sequence[wire.Bar],
    splits: Sequence[wire.ActionMessage],
    since_ns: int,
) -> Rows:
    """Return the rows of bars and splits, in order, as slices have them."""
    instruments = warming.instruments
    minutes = MinuteAssembler(
        instruments, warming.bars, 0, since_ns, trading=False, counts=Counter()
    )
    for bar in told:
        minutes.put(bar, 0)
    for split in splits:
        minutes.hear_action(split, 0)
    slices = [each.events for each in minutes.confirm(warming.until_ns) if isinstance(each, Slice)]
    return np.concatenate([_NO_ROWS, *(each for each in slices if _is_seen(each))])


def _is_seen(events: Rows) -> bool:
    return int(events[0, at.EVENT_KIND]) in (at.KIND_BAR, at.KIND_SPLIT)


def warm_up_of(
    warming: Warming, cursor: int, rows: Rows = _NO_ROWS, *, problem: str = ""
) -> WarmUp:
    """Return what a feed tells of before, with what is missing of it in words.

    Parameters
    ----------
    problem
        Why nothing was read.
    """
    counts, needed, text = warming.counted(rows), warming.needed, problem
    if len(rows):
        most = f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"
        of = "" if len(counts) == 1 else " of each instrument"
        text = f"warmed up with {most} bars{of} from {_day(int(rows[0, at.EVENT_TS]))}"
    lacks = [
        (warming.closes_ns(n, needed - count + 1), warming.instruments[n].symbol, count)
        for n, count in enumerate(counts)
        if count < needed
    ]
    if lacks:
        when, symbol, count = max(lacks)
        text = text or "the venue's history has nothing"
        text += (
            f"; of {symbol} {count} of the {needed} bars that its formulas need: "
            f"its first decision at about {_moment(when)}"
        )
    return WarmUp(warming.until_ns, rows, cursor, text, is_short=bool(lacks))


def _day(ns: int) -> str:
    return f"{datetime.fromtimestamp(ns // NS_PER_SECOND, UTC):%Y-%m-%d}"


def _moment(ns: int) -> str:
    return f"{datetime.fromtimestamp(ns // NS_PER_SECOND, UTC):%Y-%m-%d %H:%M} UTC"
