"""Which bars a venue's hours let expect, and those that have come: each time's are given away together.

A venue's stream has no numbers, so nothing in it shows what is missing. But a bar of each minute of a
session is expected of each instrument: where all have come, a minute is sure; where one has not, somebody
asks the venue's history, and what is not there either was never traded.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from data.calendars import sessions
from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.model.units import INT64_MAX, NS_PER_DAY, NS_PER_MINUTE
from runtime.feeds.wire import Market, Row

_AROUND_NS = 40 * NS_PER_DAY


class Hours:
    """The sessions of a calendar around the times that are asked for, which mostly go on."""

    def __init__(self, calendar: str) -> None:
        self._calendar = calendar
        self._opens: list[int] = []
        self._closes: list[int] = []
        self._from_ns = self._until_ns = 0

    def next(self, ns: int) -> tuple[int, int]:
        """Return open and close of the first session that closes after a time."""
        if not self._from_ns <= ns < self._until_ns:
            opens, closes = sessions(self._calendar, ns - NS_PER_DAY, ns + _AROUND_NS)
            self._opens, self._closes = opens.tolist(), closes.tolist()
            self._from_ns, self._until_ns = ns, ns + _AROUND_NS // 2
        place = bisect_right(self._closes, ns)
        return self._opens[place], self._closes[place]

    def holds(self, ns: int) -> bool:
        """Return whether a session holds a time, its open included."""
        return self.next(ns)[0] <= ns


class Expected:
    """When bars close of some instruments: each minute of their sessions, or each session.

    Parameters
    ----------
    instruments
        By their numbers; of none no bar is ever expected.
    """

    def __init__(self, instruments: Sequence[Instrument], *, is_daily: bool) -> None:
        self._is_daily = is_daily
        self._hours = {each.calendar: Hours(each.calendar) for each in instruments}
        self._numbers = {
            name: frozenset(n for n, each in enumerate(instruments) if each.calendar == name)
            for name in self._hours
        }

    def next(self, after_ns: int) -> tuple[int, frozenset[int]]:
        """Return the first close after a time, and of whom."""
        if not self._hours:
            return INT64_MAX, frozenset()
        closes = {name: self._close(hours, after_ns) for name, hours in self._hours.items()}
        first = min(closes.values())
        numbers = (self._numbers[name] for name, close in closes.items() if close == first)
        return first, frozenset().union(*numbers)

    def _close(self, hours: Hours, after_ns: int) -> int:
        open_ns, close_ns = hours.next(after_ns)
        if self._is_daily:
            return close_ns
        minutes = max(after_ns - open_ns, 0) // NS_PER_MINUTE + 1
        return min(open_ns + minutes * NS_PER_MINUTE, close_ns)


@dataclass(slots=True)
class Arrived:
    """The messages of one time, each with when it came."""

    ts_ns: int
    messages: list[tuple[Market | Row, int]] = field(default_factory=list)
    numbers: set[int] = field(default_factory=set)  # instruments with a bar


class Arrivals:
    """What has come and waits for what was before it.

    Parameters
    ----------
    sure_ns
        What is of a time up to this is past.
    """

    def __init__(self, expected: Expected, sure_ns: int) -> None:
        self._expected, self.sure_ns = expected, sure_ns
        self._held: dict[int, Arrived] = {}

    @property
    def next_ns(self) -> int:
        """When the next bar closes that is not sure."""
        return self._expected.next(self.sure_ns)[0]

    @property
    def is_waiting(self) -> bool:
        """Whether something has come and is not given away yet."""
        return bool(self._held)

    def put(self, ts_ns: int, number: int, message: Market, received_ns: int) -> bool:
        """Keep what is not past; return whether it was not here already.

        Parameters
        ----------
        number
            The instrument of a bar, -1 for what is none.
        """
        assert ts_ns > self.sure_ns
        one = self._held.setdefault(ts_ns, Arrived(ts_ns))
        if any(message == known for known, _ in one.messages):
            return False
        one.messages.append((message, received_ns))
        if number >= 0:
            one.numbers.add(number)
        return True

    def add(self, row: Row, received_ns: int) -> None:
        """Keep a quote or a print: two of one time may well be the same."""
        ts_ns = row[at.EVENT_TS]
        assert ts_ns > self.sure_ns
        self._held.setdefault(ts_ns, Arrived(ts_ns)).messages.append((row, received_ns))

    def whole(self, before_ns: int = INT64_MAX) -> list[Arrived]:
        """Give away the times before one of whose bars all have come, as far as nothing lacks before."""
        given: list[Arrived] = []
        while self._held:
            ts_ns, numbers = self._expected.next(self.sure_ns)
            one = self._held.get(ts_ns)
            if ts_ns >= before_ns or one is None or not numbers <= one.numbers:
                break
            given += self.confirm(ts_ns)
        return given

    def confirm(self, until_ns: int) -> list[Arrived]:
        """Give away everything up to a time: the venue has nothing more of it."""
        times = sorted(ts_ns for ts_ns in self._held if ts_ns <= until_ns)
        self.sure_ns = max(self.sure_ns, until_ns)
        return [self._held.pop(ts_ns) for ts_ns in times]
