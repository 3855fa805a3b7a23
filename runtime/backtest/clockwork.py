"""Calendars of a run: whose sessions its instruments keep, and whose day the account's is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.calendars import periods_per_year, sessions
from data.history import BarColumns, History
from data.sorting import distinct
from engine.model import layout as at
from engine.model.trading_layout import SESSION_CLOSES, SESSION_DAY
from engine.model.units import NS_PER_DAY
from sims.replay.source import Source

Ints = NDArray[np.int64]

# With several calendars in one account its day is that of the one that closes least.
_PREFERENCE = ("24/7", "FX")


@dataclass(frozen=True, slots=True, eq=False)
class Clockwork:
    """The calendars of a run by their number, and all their sessions that touch the history."""

    names: tuple[str, ...]
    opens: tuple[Ints, ...]
    closes: tuple[Ints, ...]
    account: int

    @property
    def account_calendar(self) -> str:
        """The calendar whose session closes end the account's days."""
        return self.names[self.account]

    @property
    def periods_per_year(self) -> float:
        """How many account days a year has."""
        return float(periods_per_year(self.account_calendar))

    def number(self, calendar: str) -> int:
        """Return a calendar's number in the run."""
        return self.names.index(calendar)

    def sources(self, *, trading: bool = False) -> list[Source]:
        """Return session opens, session closes and the account's day ends as event sources.

        With the trading loop an open says when the session will close, and of which day it is.
        """
        made = []
        for number, (opens, closes) in enumerate(zip(self.opens, self.closes, strict=True)):
            payload: dict[int, Ints | int] = {at.CALENDAR_ID: number}
            told: dict[int, Ints | int] = {}
            if trading:
                told = {SESSION_CLOSES: closes, SESSION_DAY: day_of_close(closes)}
            made.append(Source(at.KIND_SESSION_OPEN, -1, opens, payload | told))
            made.append(Source(at.KIND_SESSION_CLOSE, -1, closes, payload))
        made.append(Source(at.KIND_ACCRUAL, -1, self.closes[self.account]))
        return made

    def session_days(self, calendar: str, ts_close_ns: Ints) -> tuple[Ints, Ints]:
        """Return the trading day (days since 1970) of each bar, and that day's close (0: none)."""
        closes = self.closes[self.number(calendar)]
        place = np.searchsorted(closes, ts_close_ns, side="left")
        inside = place < len(closes)
        close = np.where(inside, closes[np.minimum(place, len(closes) - 1)], 0)
        return day_of_close(np.where(inside, close, ts_close_ns)), close

    def last_of_days(self, calendar: str, bars: BarColumns) -> Ints:
        """Return the last bar of each trading day that has one."""
        closes = self.closes[self.number(calendar)]
        ends = np.searchsorted(bars.ts_close_ns, closes, side="right")
        ends = distinct(np.append(ends, len(bars)))  # what is after the last close is a day too
        last: Ints = ends[ends > 0] - 1
        return last


def clockwork_of(
    history: History, *, days_after: int = 0, since_ns: int | None = None
) -> Clockwork:
    """Return the calendars of a history with the sessions between its first and last event.

    A feed that goes on after the history needs those of some `days_after` it too, and formulas that have
    seen what came before it those since then.
    """
    span = history.span_ns()
    assert span is not None
    start = first_ns(history) if since_ns is None else min(first_ns(history), since_ns)
    names = tuple(dict.fromkeys(part.instrument.calendar for part in history.parts))
    end = span[1] + 1 + days_after * NS_PER_DAY
    both = [sessions(name, start, end) for name in names]
    return Clockwork(
        names,
        tuple(opens for opens, _ in both),
        tuple(closes for _, closes in both),
        account_calendar(names),
    )


def first_ns(history: History) -> int:
    """Return when a history begins: with its first event, or where the first bar of one opens."""
    span = history.span_ns()
    assert span is not None
    opens = [int(p.bars.ts_open_ns[0]) for p in history.parts if p.bars is not None and len(p.bars)]
    return min([span[0], *opens])


def account_calendar(names: Sequence[str]) -> int:
    """Return the number of the calendar whose session closes end the account's days."""
    for preferred in _PREFERENCE:
        if preferred in names:
            return names.index(preferred)
    return 0


def day_of_close(closes: Ints) -> Ints:
    """Return the trading day (days since 1970) of sessions, from when they close.

    A day is named by the moment before its close, in UTC: right for every calendar we have, also for
    the two sessions of a day with a lunch break.
    """
    days: Ints = (closes - 1) // NS_PER_DAY
    return days
