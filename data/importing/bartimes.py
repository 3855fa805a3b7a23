"""When a bar opened and closed: from dates and a calendar, from two stamps, or from one.

A single intraday stamp may be the open or the close of its bar; the file does not say which, and
the wrong guess lets a strategy see the future by one bar. So it has to be said.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np

from data.calendars import sessions_of_days
from data.importing.findings import Findings
from data.importing.options import ImportOptions, Stamp
from data.importing.stamps import Stamps
from data.numbers import Ints
from engine.errors import DataError
from engine.model.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_SECOND

_UNITS = {
    "s": NS_PER_SECOND,
    "m": NS_PER_MINUTE,
    "h": NS_PER_HOUR,
    "d": NS_PER_DAY,
    "w": 7 * NS_PER_DAY,
}
_DAILY_NS = 20 * NS_PER_HOUR  # steps of at least this are taken for daily bars
_WEEKLY_NS = 5 * NS_PER_DAY


@dataclass(frozen=True, slots=True)
class BarTimes:
    """Open and close of every row's bar, and the bars' length as text."""

    open_ns: Ints
    close_ns: Ints
    timeframe: str


def parse_timeframe(text: str) -> int:
    """Return a length like ``5m`` in nanoseconds.

    Examples
    --------
    >>> parse_timeframe("5m") == 300 * 10**9
    True
    """
    match = re.fullmatch(r"([1-9]\d{0,5})(s|m|h|d|w)", text.strip().lower())
    if match is None:
        raise DataError(
            f"{text!r} is no timeframe",
            where="--timeframe",
            remedy="write a number and s, m, h, d or w: 30s, 1m, 4h, 1d",
            code="data.bad_timeframe",
        )
    return int(match[1]) * _UNITS[match[2]]


def format_timeframe(length_ns: int) -> str:
    """Return a length in the largest unit that divides it.

    Examples
    --------
    >>> format_timeframe(3_600_000_000_000)
    '1h'
    """
    for unit in ("w", "d", "h", "m"):
        if length_ns % _UNITS[unit] == 0:
            return f"{length_ns // _UNITS[unit]}{unit}"
    return f"{length_ns // NS_PER_SECOND}s"


def require_daily(options: ImportOptions, file: str) -> None:
    """Refuse a length that was said for bars that are whole sessions.

    Raises
    ------
    DataError
        If `options` say another length than one day, or something that is none.
    """
    if options.timeframe is None or parse_timeframe(options.timeframe) == NS_PER_DAY:
        return
    raise DataError(
        f"the times name days, so each bar is one session, not {options.timeframe}",
        where=f"{file}, --timeframe",
        remedy="leave --timeframe out, or name the column with the time of day: --column time=NAME",
        code="data.timeframe_unsupported",
    )


def step_counts(stamps: Ints, groups: list[Ints]) -> Counter[int]:
    """Return how often each distance between neighbouring stamps comes."""
    steps = [np.abs(np.diff(stamps[group])) for group in groups]
    every = np.concatenate(steps) if steps else np.empty(0, dtype=np.int64)
    lengths, counts = np.unique(every[every > 0], return_counts=True)
    return Counter(dict(zip(lengths.tolist(), counts.tolist())))


def usual_step(counts: Counter[int]) -> int | None:
    """Return the most frequent distance, the shortest of equals; None without any."""
    return min(counts, key=lambda length: (-counts[length], length)) if counts else None


def usual_step_ns(stamps: Ints, groups: list[Ints]) -> int | None:
    """Return the most frequent distance between neighbouring stamps; None without any."""
    return usual_step(step_counts(stamps, groups))


def from_days(
    days: Ints, calendar: str, rows: Ints, groups: list[Ints], column: str, findings: Findings
) -> BarTimes:
    """Return the sessions that plain dates name."""
    step = usual_step_ns(days * NS_PER_DAY, groups)
    if step is not None and step >= _WEEKLY_NS:
        raise DataError(
            "the dates are a week or more apart; a date does not say when such a bar closes",
            where=f"{findings.file}, {column}",
            remedy="give the file an open_time and a close_time column",
            code="data.timeframe_unsupported",
        )
    opens, closes, known = sessions_of_days(calendar, days)
    bad = np.flatnonzero(~known)
    findings.add(
        rows[bad],
        column,
        "data.not_a_session",
        lambda i: f"{np.datetime64(int(days[bad[i]]), 'D')} is no trading day of {calendar}",
    )
    return BarTimes(opens, closes, "1d")


def from_two(opens: Ints, closes: Ints, rows: Ints, column: str, findings: Findings) -> BarTimes:
    """Return the times of a file that has both; its length is the usual one."""
    bad = np.flatnonzero(opens >= closes)
    findings.add(
        rows[bad], column, "data.bad_time", lambda _: "the bar does not open before it closes"
    )
    lengths, counts = np.unique(closes - opens, return_counts=True)
    usual = int(lengths[np.argmax(counts)])
    # Some venues close a bar one millisecond before the next one opens (12:00:59.999).
    usual += -usual % NS_PER_SECOND if usual % NS_PER_SECOND >= NS_PER_SECOND * 99 // 100 else 0
    return BarTimes(opens, closes, format_timeframe(usual))


def from_one(
    stamps: Stamps,
    calendar: str,
    rows: Ints,
    groups: list[Ints],
    column: str,
    options: ImportOptions,
    findings: Findings,
) -> BarTimes:
    """Return the times of bars that carry one stamp each."""
    assert stamps.ns is not None
    if options.stamp is Stamp.DATE:
        require_daily(options, findings.file)
        days = _days_of(stamps, calendar)
        return from_days(days, calendar, rows, groups, column, findings)
    if options.stamp is None:
        raise _stamp_missing(stamps, column, findings)
    length = _length(stamps.ns, groups, column, options, findings)
    _require_no_overlap(stamps.ns, length, rows, groups, column, findings)
    if options.stamp is Stamp.OPEN:
        return BarTimes(stamps.ns, stamps.ns + length, format_timeframe(length))
    return BarTimes(stamps.ns - length, stamps.ns, format_timeframe(length))


def _days_of(stamps: Stamps, calendar: str) -> Ints:
    """Return the day that a stamp names: by its own clock, or by the exchange's."""
    assert stamps.ns is not None
    if stamps.midnight_days is not None:
        return stamps.midnight_days
    shift = 0 if calendar in ("24/7", "XLON") else -5 * NS_PER_HOUR
    return (stamps.ns + shift) // NS_PER_DAY


def _stamp_missing(stamps: Stamps, column: str, findings: Findings) -> DataError:
    also = "; --stamp date if it only names the trading day" if stamps.is_midnight else ""
    return DataError(
        "the file does not say whether a bar's time is its open or its close",
        where=f"{findings.file}, {column}",
        remedy=f"say it: --stamp open, or --stamp close{also}",
        code="data.stamp_missing",
    )


def _length(
    stamps: Ints, groups: list[Ints], column: str, options: ImportOptions, findings: Findings
) -> int:
    if options.timeframe is not None:
        return parse_timeframe(options.timeframe)
    step = usual_step_ns(stamps, groups)
    if step is None or step % NS_PER_SECOND:
        raise DataError(
            "the length of the bars cannot be told from their times",
            where=f"{findings.file}, {column}",
            remedy="say it: --timeframe 1m",
            code="data.timeframe_unknown",
        )
    return step


def _require_no_overlap(
    stamps: Ints, length: int, rows: Ints, groups: list[Ints], column: str, findings: Findings
) -> None:
    for group in groups:
        steps = np.diff(stamps[group])
        bad = group[np.flatnonzero((steps > 0) & (steps < length)) + 1]
        findings.add(
            rows[bad],
            column,
            "data.timeframe_mixed",
            lambda _: f"closer than {format_timeframe(length)} to the bar before",
        )


def is_daily(stamps: Stamps, groups: list[Ints]) -> bool:
    """Whether bars look daily: their usual step is most of a day or more."""
    if stamps.ns is None:
        return True
    step = usual_step_ns(stamps.ns, groups)
    return step is not None and step >= _DAILY_NS
