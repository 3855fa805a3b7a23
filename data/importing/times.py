"""The times of a file's rows, and their order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from data.importing.bartimes import (
    BarTimes,
    from_days,
    from_one,
    from_two,
    is_daily,
    require_daily,
    step_counts,
)
from data.importing.define import Known, calendar_for
from data.importing.rules import check_order
from data.importing.stamps import Stamps, parse_stamps
from data.importing.table import Table
from data.importing.values import Numbers
from data.numbers import Ints
from engine.errors import DataError

if TYPE_CHECKING:
    import polars as pl


def row_times(table: Table, known: Known) -> BarTimes:
    """Return the times of all rows; for quotes and trades open and close are the same."""
    if table.layout.kind == "bars":
        return _bar_times(table, known)
    series = table.series("time")
    assert series is not None
    stamps = parse_stamps(series, table.rows, table.options, table.findings)
    if stamps.ns is None:
        raise DataError(
            "quotes and trades need a time of day, not only a date",
            where=f"{table.findings.file}, {series.name}",
            remedy="name the column with the time: --column time=NAME",
            code="data.bad_time",
        )
    return BarTimes(stamps.ns, stamps.ns, "")


def _bar_times(table: Table, known: Known) -> BarTimes:
    opens, closes = table.series("ts_open"), table.series("ts_close")
    if opens is not None and closes is not None and "time" not in table.options.columns:
        first = parse_stamps(opens, table.rows, table.options, table.findings)
        last = parse_stamps(closes, table.rows, table.options, table.findings)
        table.findings.raise_if_any()
        if first.ns is not None and last.ns is not None:
            return from_two(first.ns, last.ns, table.rows, closes.name, table.findings)
    series, stamps = _one_stamp(table)
    table.findings.raise_if_any()  # what follows needs every stamp
    calendar = _one_calendar(table, known)
    if stamps.days is not None:
        require_daily(table.options, table.findings.file)
        days, rows = stamps.days, table.rows
        return from_days(days, calendar, rows, table.groups, series.name, table.findings)
    return from_one(
        stamps, calendar, table.rows, table.groups, series.name, table.options, table.findings
    )


@dataclass(frozen=True, slots=True)
class TimeShape:
    """What a batch says about a file's times: the column that tells them, how often which step.

    `steps` is None where the bars' length does not come from steps: two stamps, or plain dates.
    """

    column: str
    is_date: bool
    steps: Counter[int] | None


def time_shape(table: Table) -> TimeShape | None:
    """Return the shape of a batch of bars; None for ticks and for bars with two stamps."""
    opens, closes = table.series("ts_open"), table.series("ts_close")
    has_two = opens is not None and closes is not None and "time" not in table.options.columns
    if table.layout.kind != "bars" or has_two:
        return None
    series, stamps = _one_stamp(table)
    if stamps.ns is None:
        return TimeShape(series.name, True, None)
    return TimeShape(series.name, False, step_counts(stamps.ns, table.groups))


def _one_stamp(table: Table) -> tuple[pl.Series, Stamps]:
    """Return the column that times the bars: a trading day beside daily stamps wins."""
    date, clock = table.series("date"), table.series("clock")
    time = table.series("time")
    if date is not None and clock is not None and time is None:
        joined = _join_date_and_clock(date, clock)
        return joined, parse_stamps(joined, table.rows, table.options, table.findings)
    series = next(
        found
        for found in (time, date, clock, table.series("ts_close"), table.series("ts_open"))
        if found is not None
    )
    stamps = parse_stamps(series, table.rows, table.options, table.findings)
    if date is None or series is date or stamps.days is not None:
        return series, stamps
    if table.options.stamp is None and is_daily(stamps, table.groups):
        table.notes.append(f"daily bars: the trading day is column {date.name}, not {series.name}")
        return date, parse_stamps(date, table.rows, table.options, table.findings)
    return series, stamps


def _join_date_and_clock(date: pl.Series, clock: pl.Series) -> pl.Series:
    import polars as pl

    day = date.cast(pl.String).str.strip_chars().str.replace(r"^(\d{4})(\d{2})(\d{2})$", "$1-$2-$3")
    hour = clock.cast(pl.String).str.strip_chars()
    return (day + " " + hour).alias(f"{date.name}+{clock.name}")


def _one_calendar(table: Table, known: Known) -> str:
    calendars = {calendar_for(symbol, known, table.findings.file) for symbol in table.symbols}
    if len(calendars) > 1:
        raise DataError(
            f"the file's instruments trade on different calendars: {', '.join(sorted(calendars))}",
            where=table.findings.file,
            remedy="import one file per calendar",
            code="data.calendar_missing",
        )
    return calendars.pop()


def put_in_order(table: Table, times: BarTimes, columns: Mapping[str, Numbers]) -> None:
    """Sort each instrument's rows when that was asked for, then refuse what is out of order."""
    stamps = times.close_ns
    names = [table.layout.column(role) for role in ("time", "date", "clock", "ts_close", "ts_open")]
    column = next((name for name in names if name), "time")
    for place, symbol in enumerate(table.symbols):
        group = table.groups[place]
        if table.options.sort:
            group = group[np.argsort(stamps[group], kind="stable")]
            table.groups[place] = group
        same = same_as_before(group, columns) if table.layout.kind == "bars" else None
        check_order(stamps[group], table.rows[group], same, symbol, column, table.findings)


def same_as_before(group: Ints, columns: Mapping[str, Numbers]) -> NDArray[np.bool_]:
    same = np.ones(len(group), dtype=np.bool_)
    for column in columns.values():
        values = column.floats[group]
        same[1:] &= values[1:] == values[:-1]
    return same
