"""`Announced`: a venue's corporate actions as messages, and how far a feed may go without asking for them.

The venue is asked twice for each day: when the day begins, and again shortly before its open, as what is
announced may come late. No bar of a day is decided on before that. Of coins nothing is announced, and nothing is
asked. What takes effect before the first reading
of a process is past: it was told before, or happened before the session began.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Final

import numpy as np

from brokers.alpaca.actions import CorporateAction, Split
from data.calendars import day_starts
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.units import INT64_MAX, NS_PER_DAY, NS_PER_MINUTE
from runtime.feeds import wire
from runtime.feeds.arrivals import Hours
from runtime.feeds.minutes import NS_PER_NUMBER

_BEFORE_OPEN_NS: Final = 5 * NS_PER_MINUTE
_PAID_AFTER: Final = timedelta(days=60)  # a dividend is paid so long after its ex-date
_EPOCH: Final = date(1970, 1, 1)


class Announced:
    """What is known of the actions of some instruments.

    Parameters
    ----------
    begins_ns
        What took effect until then is past.
    """

    def __init__(self, instruments: Sequence[Instrument], begins_ns: int) -> None:
        shares = [each for each in instruments if each.kind is InstrumentKind.EQUITY]
        self._calendars = {each.symbol: each.calendar for each in shares}
        self._hours = {name: Hours(name) for name in self._calendars.values()}
        self._begins_ns, self._read_ns = begins_ns, -1
        self._told: set[CorporateAction] = set()
        # Nothing of this time or later may be decided on before they are read again.
        self.limit_ns = 0 if self.has_shares else INT64_MAX

    @property
    def has_shares(self) -> bool:
        """Whether there is anything to ask for."""
        return bool(self._calendars)

    def days(self, now_ns: int) -> tuple[date, date]:
        """Return the days to ask for."""
        since_ns = max(self._begins_ns, self._read_ns)
        return _day(since_ns - NS_PER_DAY), _day(now_ns) + _PAID_AFTER

    def read(
        self, actions: Iterable[CorporateAction], now_ns: int, sure_ns: int
    ) -> list[wire.ActionMessage]:
        """Take what the venue has answered; return what has taken effect and was not told yet.

        Parameters
        ----------
        now_ns
            The venue's time when it was asked.
        sure_ns
            Up to when everything is decided on: what takes effect before is told right after it.
        """
        found: list[wire.ActionMessage] = []
        first_ns = (sure_ns // NS_PER_NUMBER + 1) * NS_PER_NUMBER
        for each in actions:
            calendar = self._calendars.get(each.symbol)
            if calendar is None or each in self._told:
                continue
            ex_ns = _start_ns(calendar, (each.ex_day - _EPOCH).days)
            if self._begins_ns < ex_ns <= now_ns:
                self._told.add(each)
                found.append(_message(each, max(ex_ns, first_ns)))
        self._read_ns = now_ns
        self.limit_ns = min(self._next_mark(name) for name in self._hours)
        return found

    def _next_mark(self, calendar: str) -> int:
        """Return when they are to be read again."""
        hours = self._hours[calendar]
        open_ns, close_ns = hours.next(self._read_ns)
        marks = []
        for opened in (open_ns, hours.next(close_ns)[0]):
            # A day of the venue begins on the same date in UTC as its session.
            marks += [_start_ns(calendar, opened // NS_PER_DAY), opened - _BEFORE_OPEN_NS]
        return min(mark for mark in marks if mark > self._read_ns)


def _start_ns(calendar: str, day: int) -> int:
    return int(day_starts(calendar, np.array([day], dtype=np.int64))[0])


def _day(ns: int) -> date:
    return _EPOCH + timedelta(days=ns // NS_PER_DAY)


def _message(action: CorporateAction, ts_ns: int) -> wire.ActionMessage:
    seq = ts_ns // NS_PER_NUMBER
    if isinstance(action, Split):
        terms = action.ratio.numerator, action.ratio.denominator
        return wire.ActionMessage(seq, action.symbol, ts_ns, "split", *terms)
    amount = f"{action.amount:f}"
    return wire.ActionMessage(seq, action.symbol, ts_ns, "dividend", amount=amount)
