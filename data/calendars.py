"""Trading calendars: when a session opens and closes, in nanoseconds UTC.

The problem: the `holidays` package takes half a second to import and to list the NYSE holidays of
27 years, and knows no hours; a first backtest has to answer in less than that. The exchange's
rules are few and public, so they are written as rules plus a table of the days that no rule gives
(`data.exchange_days`). Tests hold them equal to exchange_calendars from 1990 to 2027.

=========  ====================================================  ================
calendar   sessions                                              periods per year
=========  ====================================================  ================
24/7       UTC days, every day                                   365
XNYS       09:30-16:00 New York; half days end at 13:00          252
XLON       08:00-16:30 London; half days end at 12:30            253
FX         17:00 New York of the day before to 17:00, Mon-Fri    260
=========  ====================================================  ================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from data.exchange_days import Days, DayTables, london_days, new_york_days
from data.sorting import distinct
from engine.errors import InputError
from engine.model.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_SECOND

Ints = NDArray[np.int64]

CALENDAR_VERSION = "2026.2"
FIRST_YEAR, LAST_YEAR = 1990, 2100  # before 1990 the rules below do not hold
_NEW_YORK, _LONDON = "America/New_York", "Europe/London"
_ZONES = {"XNYS": _NEW_YORK, "XLON": _LONDON}
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Sessions:
    """Sessions in time order: the trading day's number, its open and its close, in ns UTC."""

    days: Days
    open_ns: Ints
    close_ns: Ints


@dataclass(frozen=True, slots=True)
class _Hours:
    """A zone, and the minutes after its midnight at which a session opens and closes."""

    zone: str
    open_minute: int
    close_minute: int


@dataclass(frozen=True, slots=True)
class Calendar:
    """A calendar: its name, the periods of its year, and the rule that makes sessions."""

    name: str
    periods_per_year: int
    build: Callable[[int, int], Sessions]


def sessions(calendar: str, start_ns: int, end_ns: int) -> tuple[Ints, Ints]:
    """Return opens and closes of every session that overlaps [start_ns, end_ns), in ns UTC.

    Raises
    ------
    InputError
        If the calendar is unknown, or the span leaves the years that its rules cover.

    Examples
    --------
    >>> opens, closes = sessions("24/7", 0, 2 * NS_PER_DAY)
    >>> opens.tolist() == [0, NS_PER_DAY], int(closes[1]) == 2 * NS_PER_DAY
    (True, True)
    """
    found = _sessions_between(calendar, start_ns // NS_PER_DAY - 1, end_ns // NS_PER_DAY + 2)
    inside = (found.close_ns > start_ns) & (found.open_ns < end_ns)
    return found.open_ns[inside], found.close_ns[inside]


def sessions_of_days(calendar: str, days: Days) -> tuple[Ints, Ints, NDArray[np.bool_]]:
    """Return open and close of the sessions named by `days` (since 1970), and which exist.

    Where a day is no session, open and close are zero and its flag is False.
    """
    if len(days) == 0:
        none = np.empty(0, dtype=np.int64)
        return none, none, np.empty(0, dtype=np.bool_)
    found = _sessions_between(calendar, int(days.min()), int(days.max()) + 1)
    if len(found.days) == 0:
        zeros = np.zeros(len(days), dtype=np.int64)
        return zeros, zeros, np.zeros(len(days), dtype=np.bool_)
    place = np.minimum(np.searchsorted(found.days, days), len(found.days) - 1)
    known = found.days[place] == days
    return (
        np.where(known, found.open_ns[place], 0),
        np.where(known, found.close_ns[place], 0),
        known,
    )


def day_starts(calendar: str, days: Days) -> Ints:
    """Return when each trading day begins, in ns UTC, whether or not there is a session.

    For exchange sessions it is midnight where the exchange is: trades before the opening bell of an ex-date
    are already without the dividend, those of the evening before are still with it.
    """
    get_calendar(calendar)
    if calendar in _ZONES:
        # Midnight has the offset of the evening before: clocks change at one or two.
        return days * NS_PER_DAY - _offset_ns(days - 1, _ZONES[calendar])
    if calendar == "FX":
        return (days - 1) * NS_PER_DAY - _offset_ns(days - 1, _NEW_YORK) + 17 * NS_PER_HOUR
    return days * NS_PER_DAY


def session_of(calendar: str, ts_ns: int) -> tuple[int, int] | None:
    """Return open and close of the session that holds `ts_ns` (open included), or None."""
    opens, closes = sessions(calendar, ts_ns, ts_ns + 1)
    return (int(opens[0]), int(closes[0])) if len(opens) else None


def periods_per_year(calendar: str) -> int:
    """Return how many sessions a year has, for annualizing: 252, 365 or 260."""
    return get_calendar(calendar).periods_per_year


def get_calendar(name: str) -> Calendar:
    """Return a calendar by its name.

    Raises
    ------
    InputError
        If there is no calendar of that name.
    """
    if name not in CALENDARS:
        raise InputError(
            f"unknown calendar {name!r}",
            remedy=f"known calendars: {', '.join(CALENDARS)}",
            code="calendar.unknown",
        )
    return CALENDARS[name]


def _sessions_between(calendar: str, first_day: int, end_day: int) -> Sessions:
    found = get_calendar(calendar).build(first_day, end_day)
    if calendar != "24/7":
        _require_years(calendar, first_day, end_day)
    return found


def _require_years(calendar: str, first_day: int, end_day: int) -> None:
    low, high = _day(date(FIRST_YEAR, 1, 1)), _day(date(LAST_YEAR + 1, 1, 1))
    # One day of slack: a span is widened by a day on both sides before it comes here.
    if first_day < low - 2 or end_day > high + 2:
        raise InputError(
            f"calendar {calendar} covers {FIRST_YEAR} to {LAST_YEAR}",
            remedy="use calendar 24/7 for other years",
            code="calendar.out_of_range",
        )


def _around_the_clock(first_day: int, end_day: int) -> Sessions:
    days = np.arange(first_day, max(first_day, end_day), dtype=np.int64)
    return Sessions(days, days * NS_PER_DAY, (days + 1) * NS_PER_DAY)


def _nyse(first_day: int, end_day: int) -> Sessions:
    hours = _Hours(_NEW_YORK, 9 * 60 + 30, 16 * 60)
    return _exchange(first_day, end_day, hours, new_york_days)


def _london(first_day: int, end_day: int) -> Sessions:
    return _exchange(first_day, end_day, _Hours(_LONDON, 8 * 60, 16 * 60 + 30), london_days)


def _exchange(
    first_day: int, end_day: int, hours: _Hours, tables: Callable[[int, int], DayTables]
) -> Sessions:
    everyday = np.arange(first_day, max(first_day, end_day), dtype=np.int64)
    closed, half = tables(_year(first_day), _year(end_day))
    days = everyday[(_weekday(everyday) < _SATURDAY) & ~np.isin(everyday, closed, kind="table")]
    midnight = days * NS_PER_DAY - _offset_ns(days, hours.zone)
    minutes = np.full(len(days), hours.close_minute, dtype=np.int64)
    for day, minute in half.items():
        minutes[days == day] = minute
    opens = midnight + hours.open_minute * NS_PER_MINUTE
    return Sessions(days, opens, midnight + minutes * NS_PER_MINUTE)


def _forex(first_day: int, end_day: int) -> Sessions:
    everyday = np.arange(first_day, max(first_day, end_day), dtype=np.int64)
    days = everyday[_weekday(everyday) < _SATURDAY]
    close = days * NS_PER_DAY - _offset_ns(days, _NEW_YORK) + 17 * NS_PER_HOUR
    eve = days - 1
    opens = eve * NS_PER_DAY - _offset_ns(eve, _NEW_YORK) + 17 * NS_PER_HOUR
    return Sessions(days, opens, close)


CALENDARS: dict[str, Calendar] = {
    "24/7": Calendar("24/7", 365, _around_the_clock),
    "XNYS": Calendar("XNYS", 252, _nyse),
    "XLON": Calendar("XLON", 253, _london),
    "FX": Calendar("FX", 260, _forex),
}


def _weekday(days: Days) -> Days:
    return (days + 3) % 7  # 1970-01-01 was a Thursday; Monday is 0


def _offset_ns(days: Days, zone: str) -> Ints:
    """Return a zone's offset from UTC on `days` from noon on.

    The clocks change on Sundays before noon, so one look-up a week (Sunday to Saturday) is enough.
    """
    sunday = days - (_weekday(days) + 1) % 7
    weeks = distinct(sunday)
    offsets = np.array([_offset_at_noon(int(week), zone) for week in weeks], dtype=np.int64)
    return offsets[np.searchsorted(weeks, sunday)]


@cache
def _offset_at_noon(day: int, zone: str) -> int:
    noon = datetime(1970, 1, 1, 12, tzinfo=ZoneInfo(zone)) + timedelta(days=day)
    offset = noon.utcoffset()
    assert offset is not None
    return int(offset.total_seconds()) * NS_PER_SECOND


def _day(value: date) -> int:
    return (value - date(1970, 1, 1)).days


def _year(day: int) -> int:
    return (date(1970, 1, 1) + timedelta(days=day)).year
