"""`CalendarEvents`: session opens, closes and the account's day ends, as time passes.

The same rows as `runtime.backtest.clockwork.Clockwork.sources` makes of a history, in the same order,
for a feed that does not know its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from data.calendars import sessions
from engine.model import layout as at
from engine.model.trading_layout import SESSION_CLOSES
from engine.model.units import NS_PER_DAY
from runtime.backtest.clockwork import account_calendar
from sims.replay.source import RANKS

_AHEAD_NS = 40 * NS_PER_DAY  # sessions are looked up so far at once


@dataclass(frozen=True, slots=True, order=True)
class _Event:
    """One event; the order of fields is that of a stream."""

    ts_ns: int
    rank: int
    calendar: int
    kind: int
    place: int
    opens_ns: int
    closes_ns: int

    def row(self, *, trading: bool) -> list[int]:
        row = [self.ts_ns, self.kind, -1, self.place] + [0] * (at.EVENT_WIDTH - 4)
        if self.kind != at.KIND_ACCRUAL:
            row[at.CALENDAR_ID] = self.calendar
        if self.kind == at.KIND_SESSION_OPEN and trading:
            row[SESSION_CLOSES] = self.closes_ns
        return row


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
            yield event.row(trading=self._trading)

    def finish(self, last_ns: int) -> Iterator[list[int]]:
        """Yield what is left of the sessions that have opened until the time of the last data."""
        yield from self.before(last_ns + 1)
        left = [event for event in self._coming if event.opens_ns <= last_ns]
        self._coming = []
        yield from (event.row(trading=self._trading) for event in left)

    def skip(self, count: int) -> int:
        """Leave out the next events; return the time of the last of them, -1 for none."""
        while len(self._coming) < count:
            self._look_ahead(self._known_ns + _AHEAD_NS)
        left_out, self._coming = self._coming[:count], self._coming[count:]
        return left_out[-1].ts_ns if left_out else -1

    def _look_ahead(self, until_ns: int) -> None:
        """Add the events of all sessions that open before a time."""
        for number, name in enumerate(self._names):
            opens, closes = sessions(name, self._known_ns, until_ns)
            for opened, closed in zip(opens.tolist(), closes.tolist(), strict=True):
                if opened > self._last_open_ns[number]:
                    self._last_open_ns[number] = opened
                    self._coming += self._events(number, opened, closed)
        self._known_ns = until_ns
        self._coming.sort()

    def _events(self, number: int, opened: int, closed: int) -> Iterator[_Event]:
        place = self._places[number]
        self._places[number] += 1
        kinds = [(at.KIND_SESSION_OPEN, opened), (at.KIND_SESSION_CLOSE, closed)]
        if number == self._account:
            kinds.append((at.KIND_ACCRUAL, closed))
        for kind, ts_ns in kinds:
            yield _Event(ts_ns, RANKS[kind], number, kind, place, opened, closed)
