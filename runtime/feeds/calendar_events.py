"""`CalendarEvents`: session opens, closes and the account's day ends, as time passes.

The rows that `runtime.backtest.clockwork.Clockwork.sources` makes of a history, in the same order, for a
feed that does not know its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.calendars import sessions
from engine.model import layout as at
from engine.model.units import NS_PER_DAY
from runtime.backtest.clockwork import Clockwork, account_calendar
from sims.replay.source import RANKS, Source

Ints = NDArray[np.int64]

_AHEAD_NS = 40 * NS_PER_DAY  # sessions are looked up so far at once


@dataclass(frozen=True, slots=True, order=True)
class _Event:
    """One event; the order of fields is that of a stream."""

    ts_ns: int
    rank: int
    calendar: int
    opens_ns: int  # of its session
    row: tuple[int, ...]


class CalendarEvents:
    """The events of some calendars from a time on.

    Parameters
    ----------
    calendars
        Of the instruments, in their order; a calendar's number is its place among the distinct ones.
    start_ns
        Sessions that end until then are past.
    trading
        With the trading loop a session's open tells its close.
    """

    def __init__(self, calendars: Sequence[str], start_ns: int, *, trading: bool) -> None:
        self._names = tuple(dict.fromkeys(calendars))
        self._account, self._trading = account_calendar(self._names), trading
        self._known_ns = start_ns
        self._places = [0] * len(self._names)
        self._last_open_ns = [-1] * len(self._names)
        self._coming: list[_Event] = []
        self._look_ahead(start_ns + _AHEAD_NS)

    def before(self, ts_ns: int) -> Iterator[list[int]]:
        """Yield the rows of all events before a time that were not yielded yet, in order."""
        if self._known_ns < ts_ns:
            self._look_ahead(ts_ns + _AHEAD_NS)
        while self._coming and self._coming[0].ts_ns < ts_ns:
            event, self._coming = self._coming[0], self._coming[1:]
            yield list(event.row)

    def finish(self, last_ns: int) -> Iterator[list[int]]:
        """Yield what is left of the sessions that have opened until the time of the last data."""
        yield from self.before(last_ns + 1)
        left = [event for event in self._coming if event.opens_ns <= last_ns]
        self._coming = []
        yield from (list(event.row) for event in left)

    def next(self, count: int) -> list[list[int]]:
        """Return the rows of the next events, whatever their times."""
        while len(self._coming) < count:
            self._look_ahead(self._known_ns + _AHEAD_NS)
        events, self._coming = self._coming[:count], self._coming[count:]
        return [list(event.row) for event in events]

    def _look_ahead(self, until_ns: int) -> None:
        """Add the events of all sessions that open before a time and are not known yet."""
        both = [self._new_sessions(number, until_ns) for number in range(len(self._names))]
        opens, closes = zip(*both, strict=True)
        sources = Clockwork(self._names, opens, closes, self._account).sources(
            trading=self._trading
        )
        for source in sources:
            number = source.payload.get(at.CALENDAR_ID, self._account)
            assert isinstance(number, int)
            self._coming += _events(source, number, opens[number], self._places[number])
        self._coming.sort()
        self._places = [n + len(new) for n, new in zip(self._places, opens, strict=True)]
        self._known_ns = until_ns

    def _new_sessions(self, number: int, until_ns: int) -> tuple[Ints, Ints]:
        opens, closes = sessions(self._names[number], self._known_ns, until_ns)
        new = opens > self._last_open_ns[number]
        if new.any():
            self._last_open_ns[number] = int(opens[-1])
        return opens[new], closes[new]


def _events(source: Source, number: int, opens: Ints, first: int) -> Iterator[_Event]:
    """Yield the events of a source, one for each of some sessions."""
    for n, ts_ns in enumerate(source.ts_ns.tolist()):
        row = [0] * at.EVENT_WIDTH
        row[:4] = ts_ns, source.kind, source.instrument, first + n
        for column, data in source.payload.items():
            row[column] = data if isinstance(data, int) else int(data[n])
        yield _Event(ts_ns, RANKS[source.kind], number, int(opens[n]), tuple(row))
