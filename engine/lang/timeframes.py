"""Higher timeframes: their names, and to which higher bar a base bar belongs.

A higher bar collects the base bars that open within one bucket. Buckets of minutes and hours are
counted from 00:00 UTC; a day's bucket is the trading day, a week's the trading days from Monday to
Sunday. A higher bar is known when a base bar closes at or
after the bucket's end, or else when the first base bar of a later bucket closes: at that moment it
is certain that nothing more belongs to it. The end of a day is known only where the calendar tells
it (`session_close_ns`); the end of a week never is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from engine.model.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE


class Anchor(Enum):
    """From where a timeframe's buckets are counted."""

    UTC = "utc"
    SESSION = "session"
    WEEK = "week"


@dataclass(frozen=True, slots=True)
class Timeframe:
    """A bar length above the base bars, e.g. ``1h``."""

    label: str
    anchor: Anchor
    length_ns: int


_LABEL = re.compile(r"([1-9][0-9]{0,3})(m|h|d|w)")
_UNITS = {"m": NS_PER_MINUTE, "h": NS_PER_HOUR}


def parse_timeframe(label: str) -> Timeframe | None:
    """Return the timeframe of a label such as ``5m``, ``4h``, ``1d``, ``1w``; None if it is none.

    Minutes and hours must divide a day, days and weeks come one at a time.
    """
    match = _LABEL.fullmatch(label)
    if match is None:
        return None
    count, unit = int(match.group(1)), match.group(2)
    if unit in _UNITS:
        length_ns = count * _UNITS[unit]
        divides = length_ns < NS_PER_DAY and NS_PER_DAY % length_ns == 0
        return Timeframe(label, Anchor.UTC, length_ns) if divides else None
    if count != 1:
        return None
    if unit == "d":
        return Timeframe(label, Anchor.SESSION, NS_PER_DAY)
    return Timeframe(label, Anchor.WEEK, 7 * NS_PER_DAY)


def bucket_of(timeframe: Timeframe, ts_open_ns: int, session_day: int) -> int:
    """Return the number of the bucket of a bar."""
    if timeframe.anchor is Anchor.UTC:
        return ts_open_ns // timeframe.length_ns
    # Day 0, 1970-01-01, was a Thursday: day 4 was the first Monday.
    return session_day if timeframe.anchor is Anchor.SESSION else (session_day + 3) // 7


def is_bucket_end(
    timeframe: Timeframe, ts_open_ns: int, ts_close_ns: int, session_close_ns: int
) -> bool:
    """Return whether a bar's close ends its bucket; `session_close_ns` is 0 where unknown."""
    if timeframe.anchor is Anchor.UTC:
        return ts_close_ns >= (ts_open_ns // timeframe.length_ns + 1) * timeframe.length_ns
    is_day = timeframe.anchor is Anchor.SESSION
    return is_day and session_close_ns != 0 and ts_close_ns >= session_close_ns


def bucket_columns(
    timeframe: Timeframe,
    ts_open_ns: NDArray[np.int64],
    ts_close_ns: NDArray[np.int64],
    session_day: NDArray[np.int64],
    session_close_ns: NDArray[np.int64] | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return `bucket_of` and `is_bucket_end` of whole columns, as float64 (exact to 2^53)."""
    if timeframe.anchor is Anchor.UTC:
        bucket = ts_open_ns // timeframe.length_ns
        ends = ts_close_ns >= (bucket + 1) * timeframe.length_ns
    elif timeframe.anchor is Anchor.SESSION and session_close_ns is not None:
        bucket = session_day
        ends = (session_close_ns != 0) & (ts_close_ns >= session_close_ns)
    else:
        bucket = session_day if timeframe.anchor is Anchor.SESSION else (session_day + 3) // 7
        ends = np.zeros(len(bucket), dtype=np.bool_)
    return bucket.astype(np.float64), ends.astype(np.float64)
