"""The days on which exchanges are closed or close early: their rules, and what no rule gives.

New York follows NYSE Rule 7.2, London the bank holidays of England. Tests hold both equal to
exchange_calendars from 1990 to 2027.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import numpy as np
from numpy.typing import NDArray

Days = NDArray[np.int64]  # days since 1970-01-01
DayTables = tuple[Days, dict[int, int]]  # closed days; half days with the closing minute

_FRIDAY, _SATURDAY, _SUNDAY = 4, 5, 6

# Days on which no rule closes New York: storms, mourning, attacks.
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
# Days on which no rule closes London: anniversaries, jubilees, weddings, mourning.
_LONDON_SPECIAL = (
    date(1995, 5, 8),  # 50 years after the war
    date(1999, 12, 31),  # the eve of 2000
    date(2002, 6, 3),  # golden jubilee
    date(2002, 6, 4),
    date(2011, 4, 29),  # wedding of Prince William
    date(2012, 6, 4),
    date(2012, 6, 5),  # diamond jubilee
    date(2020, 5, 8),  # 75 years after the war
    date(2022, 6, 2),
    date(2022, 6, 3),  # platinum jubilee
    date(2022, 9, 19),  # funeral of Queen Elizabeth II
    date(2023, 5, 8),  # coronation of King Charles III
)


@cache
def new_york_days(first_year: int, last_year: int) -> DayTables:
    """Return the days on which New York is closed, and its half days with the closing minute."""
    closed: set[date] = set(_SPECIAL_CLOSURES)
    half: dict[date, int] = {}
    for year in range(first_year, last_year + 2):  # New Year's day is observed a year early
        closed.update(_nyse_holidays(year))
        half.update(dict.fromkeys(_nyse_half_days(year), 13 * 60))
    half.update(_SPECIAL_HALF_DAYS)
    return _tables(closed, half)


@cache
def london_days(first_year: int, last_year: int) -> DayTables:
    """Return the days on which London is closed, and its half days with the closing minute."""
    closed: set[date] = set(_LONDON_SPECIAL)
    half: dict[date, int] = {}
    for year in range(first_year, last_year + 2):
        closed.update(_london_holidays(year))
        eves = (_friday_before(date(year, 12, 24)), _friday_before(date(year, 12, 31)))
        half.update(dict.fromkeys(eves, 12 * 60 + 30))
    return _tables(closed, half)


def _tables(closed: set[date], half: dict[date, int]) -> DayTables:
    days = np.array(sorted(_day(d) for d in closed), dtype=np.int64)
    return days, {_day(d): minute for d, minute in half.items() if d not in closed}


def _london_holidays(year: int) -> list[date]:
    sunday = easter(year)
    days = [
        _monday_after(date(year, 1, 1)),
        sunday - timedelta(days=2),
        sunday + timedelta(days=1),
        _nth_monday(year, 8, 1) + timedelta(days=21 if _has_four_mondays(year) else 28),
    ]
    if year not in (1995, 2020):  # held on VE day instead
        days.append(_nth_monday(year, 5, 1))
    if year not in (2002, 2012, 2022):  # held beside the Queen's jubilee instead
        days.append(_last_monday_of_may(year))
    return days + _christmas_in_london(year)


def _has_four_mondays(year: int) -> bool:
    return (_nth_monday(year, 8, 1) + timedelta(days=28)).month != 8


def _christmas_in_london(year: int) -> list[date]:
    """Return 25 and 26 December; what falls on a weekend is made up for on the 27th and 28th."""
    days = []
    for day, instead in ((25, 27), (26, 28)):
        is_weekend = date(year, 12, day).weekday() >= _SATURDAY
        days.append(date(year, 12, instead if is_weekend else day))
    return days


def _monday_after(day: date) -> date:
    """Return a weekday's own date, or the Monday after a weekend."""
    return day + timedelta(days=max(0, 7 - day.weekday()) if day.weekday() >= _SATURDAY else 0)


def _friday_before(day: date) -> date:
    """Return a weekday's own date, or the Friday before a weekend."""
    return day - timedelta(days=max(0, day.weekday() - _FRIDAY))


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


def _day(value: date) -> int:
    return (value - date(1970, 1, 1)).days
