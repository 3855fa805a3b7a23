"""Calendars against outside answers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from data.calendars import (
    CALENDARS,
    day_starts,
    periods_per_year,
    session_of,
    sessions,
    sessions_of_days,
)
from data.exchange_days import easter
from engine.errors import InputError
from engine.model.units import NS_PER_DAY, NS_PER_HOUR


def ns(text: str) -> int:
    return int(np.datetime64(text.removesuffix("Z"), "ns").astype(np.int64))


def day(text: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([np.datetime64(text, "D").astype(np.int64)])


@pytest.mark.filterwarnings("ignore")  # of pandas, about itself
@pytest.mark.parametrize("name", ["XNYS", "XLON"])
def test_sessions_equal_exchange_calendars(name: str) -> None:
    """Every open and close, half days and summer time included."""
    judge = pytest.importorskip("exchange_calendars")
    calendar = judge.get_calendar(name, start="1990-01-01", end="2027-12-31")
    opens, closes = sessions(name, ns("1990-01-01"), ns("2028-01-01"))
    assert opens.tolist() == calendar.opens.dt.tz_localize(None).astype("int64").tolist()
    assert closes.tolist() == calendar.closes.dt.tz_localize(None).astype("int64").tolist()
    assert 100 > (closes - opens < np.max(closes - opens)).sum() > 40  # two or three a year


def test_new_york_holidays_equal_the_holidays_package() -> None:
    judge = pytest.importorskip("holidays")
    closed = judge.financial_holidays("NYSE", years=range(2000, 2028))
    days = np.arange(day("2000-01-01")[0], day("2028-01-01")[0])
    weekdays = days[(days + 3) % 7 < 5]
    _, _, known = sessions_of_days("XNYS", weekdays)
    expected = [date(1970, 1, 1) + timedelta(days=int(d)) not in closed for d in weekdays]
    assert known.tolist() == expected


@pytest.mark.parametrize(
    ("calendar", "moment", "opens", "closes"),
    [
        # summer and winter time, a half day, the holidays that no rule gives
        ("XNYS", "2024-07-02T15:00", "2024-07-02T13:30", "2024-07-02T20:00"),
        ("XNYS", "2024-01-02T15:00", "2024-01-02T14:30", "2024-01-02T21:00"),
        ("XNYS", "2024-07-03T15:00", "2024-07-03T13:30", "2024-07-03T17:00"),
        ("XNYS", "2024-07-04T15:00", None, None),
        ("XNYS", "2012-10-29T15:00", None, None),
        ("XNYS", "2024-01-02T14:30", "2024-01-02T14:30", "2024-01-02T21:00"),
        ("XNYS", "2024-01-02T21:00", None, None),
        # the currency day rolls at 17:00 New York, also across a change of clocks (10 March 2024)
        ("FX", "2024-03-07T23:00", "2024-03-07T22:00", "2024-03-08T22:00"),
        ("FX", "2024-03-10T21:30", "2024-03-10T21:00", "2024-03-11T21:00"),
        ("FX", "2024-03-09T12:00", None, None),
        ("FX", "2024-03-08T22:00", None, None),
        # London: winter, summer (from 31 March 2024), Christmas Eve, Boxing day made up for
        ("XLON", "2024-03-28T12:00", "2024-03-28T08:00", "2024-03-28T16:30"),
        ("XLON", "2024-04-02T12:00", "2024-04-02T07:00", "2024-04-02T15:30"),
        ("XLON", "2024-12-24T12:00", "2024-12-24T08:00", "2024-12-24T12:30"),
        ("XLON", "2021-12-28T12:00", None, None),
        ("24/7", "2024-03-09T12:00", "2024-03-09T00:00", "2024-03-10T00:00"),
    ],
)
def test_a_moment_belongs_to_its_session(
    calendar: str, moment: str, opens: str | None, closes: str | None
) -> None:
    expected = None if opens is None or closes is None else (ns(opens), ns(closes))
    assert session_of(calendar, ns(moment)) == expected


@pytest.mark.parametrize("calendar", sorted(CALENDARS))
def test_sessions_ascend_and_do_not_overlap(calendar: str) -> None:
    opens, closes = sessions(calendar, ns("1995-01-01"), ns("2025-01-01"))
    assert (opens < closes).all()
    assert (closes[:-1] <= opens[1:]).all()


def test_periods_per_year_are_documented_numbers() -> None:
    assert {name: periods_per_year(name) for name in CALENDARS} == {
        "24/7": 365,
        "XNYS": 252,
        "XLON": 253,
        "FX": 260,
    }


def test_an_ex_date_starts_at_midnight_in_new_york() -> None:
    assert day_starts("XNYS", day("2024-07-02")).tolist() == [ns("2024-07-02T04:00")]
    assert day_starts("XNYS", day("2024-01-02")).tolist() == [ns("2024-01-02T05:00")]
    assert day_starts("XLON", day("2024-07-02")).tolist() == [ns("2024-07-01T23:00")]
    assert day_starts("24/7", day("2024-01-02")).tolist() == [ns("2024-01-02")]
    assert day_starts("FX", day("2024-01-02")).tolist() == [ns("2024-01-01T22:00")]


def test_days_without_a_session_are_told() -> None:
    days = np.concatenate([day("2024-07-03"), day("2024-07-04")])
    _, closes, known = sessions_of_days("XNYS", days)
    assert known.tolist() == [True, False]
    assert closes.tolist() == [ns("2024-07-03T17:00"), 0]


def test_an_unknown_calendar_and_an_unknown_year_are_refused() -> None:
    with pytest.raises(InputError, match="unknown calendar 'NYSE'"):
        sessions("NYSE", 0, NS_PER_DAY)
    with pytest.raises(InputError, match="covers 1990 to 2100"):
        sessions("XNYS", ns("1980-01-01"), ns("1981-01-01"))


def test_easter_is_where_the_almanac_has_it() -> None:
    assert [easter(y) for y in (2000, 2008, 2024, 2038)] == [
        date(2000, 4, 23),
        date(2008, 3, 23),
        date(2024, 3, 31),
        date(2038, 4, 25),
    ]


def test_an_empty_span_has_no_sessions() -> None:
    start = ns("2024-01-06")
    assert len(sessions("XNYS", start, start + NS_PER_HOUR)[0]) == 0
    assert datetime.fromtimestamp(start // 10**9, UTC).weekday() == 5
