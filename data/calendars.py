"""Trading calendars: when a session opens and closes, in nanoseconds UTC.

The problem: the `holidays` package takes half a second to import and to list the NYSE holidays of
27 years, and knows no hours; a first backtest has to answer in less than that. The exchange's
rules are few and public (NYSE Rule 7.2), so they are written here as rules plus a table of the
days that no rule gives. Tests hold them equal to exchange_calendars from 1990 to 2027, and to the
`holidays` package.

=========  ====================================================  ================
calendar   sessions                                              periods per year
=========  ====================================================  ================
24/7       UTC days, every day                                   365
XNYS       09:30-16:00 New York; half days end at 13:00          252
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

from engine.errors import InputError
from engine.model.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_SECOND

Ints = NDArray[np.int64]
Days = NDArray[np.int64]  # days since 1970-01-01

CALENDAR_VERSION = "2026.1"
FIRST_YEAR, LAST_YEAR = 1990, 2100  # before 1990 the rules below do not hold
_NEW_YORK = ZoneInfo("America/New_York")
_FRIDAY, _SATURDAY, _SUNDAY = 4, 5, 6

# Days on which no rule closes the exchange: storms, mourning, attacks.
_SPECIAL_CLOSURES = (
    date(1994, 4, 27),  # funeral of President Nixon
    date(2001, 9, 11),
    date(2001, 9, 12),
    date(2001, 9, 13),
    date(2001, 9, 14),
    date(2004, 6, 11),  # funeral of President Reagan
    date(2007, 1, 2),  # funeral of President Ford
    date(2012, 10, 29),  # hurricane Sandy
    date(2012, 10, 30),
    date(2018, 12, 5),  # funeral of President G. H. W. Bush
    date(2025, 1, 9),  # funeral of President Carter
)
# Half days that no rule gives, with their closing time in minutes after midnight.
_SPECIAL_HALF_DAYS = {
    date(1990, 12, 24): 14 * 60,
    date(1991, 12, 24): 14 * 60,
    date(1992, 11, 27): 14 * 60,
    date(1992, 12, 24): 14 * 60,
    date(1997, 12, 26): 13 * 60,
    date(1999, 12, 31): 13 * 60,
    date(2003, 12, 26): 13 * 60,
}


@dataclass(frozen=True, slots=True)
class Sessions:
    """Sessions in time order: the trading day's number, its open and its close, in ns UTC."""

    days: Days
    open_ns: Ints
    close_ns: Ints


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

    For exchange sessions it is midnight in New York: trades before the opening bell of an ex-date
    are already without the dividend, those of the evening before are still with it.
    """
    get_calendar(calendar)
    if calendar == "XNYS":
        # Midnight has the offset of the evening before: clocks change at two.
        return days * NS_PER_DAY - _new_york_offset_ns(days - 1)
    if calendar == "FX":
        return (days - 1) * NS_PER_DAY - _new_york_offset_ns(days - 1) + 17 * NS_PER_HOUR
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
    everyday = np.arange(first_day, max(first_day, end_day), dtype=np.int64)
    closed, half = _nyse_tables(_year(first_day), _year(end_day))
    days = everyday[(_weekday(everyday) < _SATURDAY) & ~np.isin(everyday, closed)]
    midnight = days * NS_PER_DAY - _new_york_offset_ns(days)
    minutes = np.full(len(days), 16 * 60, dtype=np.int64)
    for day, minute in half.items():
        minutes[days == day] = minute
    opens = midnight + 9 * NS_PER_HOUR + 30 * NS_PER_MINUTE
    return Sessions(days, opens, midnight + minutes * NS_PER_MINUTE)


def _forex(first_day: int, end_day: int) -> Sessions:
    everyday = np.arange(first_day, max(first_day, end_day), dtype=np.int64)
    days = everyday[_weekday(everyday) < _SATURDAY]
    close = days * NS_PER_DAY - _new_york_offset_ns(days) + 17 * NS_PER_HOUR
    eve = days - 1
    opens = eve * NS_PER_DAY - _new_york_offset_ns(eve) + 17 * NS_PER_HOUR
    return Sessions(days, opens, close)


CALENDARS: dict[str, Calendar] = {
    "24/7": Calendar("24/7", 365, _around_the_clock),
    "XNYS": Calendar("XNYS", 252, _nyse),
    "FX": Calendar("FX", 260, _forex),
}


def _weekday(days: Days) -> Days:
    return (days + 3) % 7  # 1970-01-01 was a Thursday; Monday is 0


def _new_york_offset_ns(days: Days) -> Ints:
    """Return New York's offset from UTC on `days` from noon on.

    The clocks change on Sundays before noon, so one look-up a week (Sunday to Saturday) is enough.
    """
    sunday = days - (_weekday(days) + 1) % 7
    weeks, which = np.unique(sunday, return_inverse=True)
    offsets = np.array([_offset_at_noon(int(week)) for week in weeks], dtype=np.int64)
    return offsets[which] if len(days) else np.empty(0, dtype=np.int64)


def _offset_at_noon(day: int) -> int:
    noon = datetime(1970, 1, 1, 12, tzinfo=_NEW_YORK) + timedelta(days=day)
    offset = noon.utcoffset()
    assert offset is not None
    return int(offset.total_seconds()) * NS_PER_SECOND


def _day(value: date) -> int:
    return (value - date(1970, 1, 1)).days


def _year(day: int) -> int:
    return (date(1970, 1, 1) + timedelta(days=day)).year


@cache
def _nyse_tables(first_year: int, last_year: int) -> tuple[Days, dict[int, int]]:
    """Return the closed days and the half days (with the closing minute) of some years."""
    closed: set[date] = set(_SPECIAL_CLOSURES)
    half: dict[date, int] = {}
    for year in range(first_year, last_year + 2):  # New Year's day is observed a year early
        closed.update(_nyse_holidays(year))
        half.update(dict.fromkeys(_nyse_half_days(year), 13 * 60))
    half.update(_SPECIAL_HALF_DAYS)
    days = np.array(sorted(_day(d) for d in closed), dtype=np.int64)
    return days, {_day(d): minute for d, minute in half.items() if d not in closed}


def _nyse_holidays(year: int) -> list[date]:
    days = [
        _nth_monday(year, 2, 3),  # Washington's birthday
        easter(year) - timedelta(days=2),  # Good Friday
        _last_monday_of_may(year),  # Memorial day
        _observed(date(year, 7, 4)),
        _nth_monday(year, 9, 1),  # Labor day
        _thanksgiving(year),
        _observed(date(year, 12, 25)),
    ]
    new_year = date(year, 1, 1)
    if new_year.weekday() != _SATURDAY:  # a Saturday's New Year is not made up for
        days.append(_observed(new_year))
    if year >= 1998:
        days.append(_nth_monday(year, 1, 3))  # Martin Luther King day
    if year >= 2022:
        days.append(_observed(date(year, 6, 19)))  # Juneteenth
    return days


def _nyse_half_days(year: int) -> list[date]:
    """Return the days that close at 13:00, as the exchange has handled them since 1993."""
    if year < 1993:
        return []
    days = [_thanksgiving(year) + timedelta(days=1)]
    if date(year, 12, 24).weekday() < _FRIDAY:
        days.append(date(year, 12, 24))
    return days + _around_independence_day(year)


def _around_independence_day(year: int) -> list[date]:
    """Return the half day beside 4 July: the 3rd when both are weekdays, since 1995.

    Of a Thursday's holiday the Friday after it was the half day until 2012.
    """
    weekday = date(year, 7, 4).weekday()
    if year < 1995 or weekday not in (1, 2, 3, 4):
        return []
    return [date(year, 7, 5 if weekday == 3 and year < 2013 else 3)]


def _observed(day: date) -> date:
    """Return the weekday on which a fixed holiday is kept: Friday for Saturday, Monday for Sunday."""
    shift = {_SATURDAY: -1, _SUNDAY: 1}.get(day.weekday(), 0)
    return day + timedelta(days=shift)


def _nth_monday(year: int, month: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(7 - first.weekday()) % 7 + 7 * (nth - 1))


def _last_monday_of_may(year: int) -> date:
    last = date(year, 5, 31)
    return last - timedelta(days=last.weekday())


def _thanksgiving(year: int) -> date:
    first = date(year, 11, 1)
    return first + timedelta(days=(3 - first.weekday()) % 7 + 21)


def easter(year: int) -> date:
    """Return Easter Sunday of the Gregorian calendar (Meeus, Astronomical Algorithms, ch. 8)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    f = (b + 8) // 25
    g = (b - f + 1) // 3
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    el = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * el) // 451
    month, day = divmod(h + el - 7 * m + 114, 31)
    return date(year, month, day + 1)
