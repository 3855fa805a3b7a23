"""When the rows of a table became known: by its times, or because they are the bars of the run.

A file that a strategy reads by itself has no contract. Its rows get a time in this order: rows whose
numbers are the prices of an instrument, one by one, are that instrument's bars and known at their
close; a column of ascending times says it (where they are the opens of the bars whose closes the table
holds, the row is known at the close); a table with as many rows as an instrument has bars goes by them.
Anything else has no time, and is not cut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.history import History, bar_floats

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_DAY_FORMATS = ("%Y%m%d", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d")
_EPOCHS = (1, 10**3, 10**6, 10**9)  # ns, us, ms, s
_ENOUGH = 0.8
_BARS_MIN = 5
_PLACES_MAX = 100


class Known:
    """Tells when rows became known, from the history of the run."""

    def __init__(self, history: History) -> None:
        self._span = history.span_ns()
        self._bars = [part.bars for part in history.parts if part.bars is not None]
        self._prices = [
            bar_floats(part.instrument, part.bars)
            for part in history.parts
            if part.bars is not None
        ]

    def times(self, count: int, columns: Sequence[Any]) -> Ints | None:
        """Return when each of `count` rows became known, or None when nothing tells."""
        numbers = [each for each in map(as_numbers, columns) if each is not None]
        by_value = self._of_equal_bars(count, numbers)
        if by_value is not None:
            return by_value
        for column in columns:
            stamps = self._stamps(column)
            if stamps is not None:
                return self._at_close(stamps, numbers)
        return self._of_as_many_bars(count)

    def _of_equal_bars(self, count: int, numbers: Sequence[Floats]) -> Ints | None:
        """Return the closes of the bars whose prices stand in a column, also amid longer history."""
        for bars, prices in zip(self._bars, self._prices, strict=True):
            for column in numbers:
                first = _place_of(prices, column)
                if first is not None:
                    known = np.full(count, bars.ts_close_ns[-1] + 1, dtype=np.int64)
                    known[:first] = bars.ts_close_ns[0]
                    known[first : first + len(bars)] = bars.ts_close_ns
                    return known
        return None

    def _of_as_many_bars(self, count: int) -> Ints | None:
        return next((bars.ts_close_ns for bars in self._bars if len(bars) == count), None)

    def _stamps(self, column: Any) -> Ints | None:
        """Return a column as times, if it is one of the time of this run."""
        stamps = as_times(column)
        if stamps is None or self._span is None or len(stamps) == 0:
            return None
        ascending = bool((np.diff(stamps) >= 0).all())
        overlaps = stamps[0] <= self._span[1] and stamps[-1] >= self._span[0]
        return stamps if ascending and overlaps else None

    def _at_close(self, stamps: Ints, numbers: Sequence[Floats]) -> Ints:
        """Return the closes of the bars that open at the stamps, where the table holds their prices."""
        for bars, prices in zip(self._bars, self._prices, strict=True):
            if _matches(stamps, bars.ts_open_ns, prices["close"], numbers):
                place = np.searchsorted(bars.ts_open_ns, stamps)
                inside = place < len(bars)
                closes = bars.ts_close_ns[np.minimum(place, len(bars) - 1)]
                return np.where(inside, closes, stamps)
        return stamps


def _place_of(prices: Mapping[str, Floats], column: Floats) -> int | None:
    """Return where in a column all closes (or opens, or highs) stand one after the other."""
    for name in ("close", "open", "high"):
        wanted = prices[name]
        if len(wanted) < _BARS_MIN or len(column) < len(wanted):
            continue
        starts = np.arange(len(column) - len(wanted) + 1)
        for k in (0, 1, len(wanted) // 2, len(wanted) - 1):
            starts = starts[_near(column[starts + k], wanted[k])]
        for start in starts[:_PLACES_MAX].tolist():
            if _near(column[start : start + len(wanted)], wanted).all():
                return int(start)
    return None


def _near(one: Floats, other: Floats | float) -> NDArray[np.bool_]:
    return np.isclose(one, other, rtol=1e-6, atol=0.0)


def _matches(stamps: Ints, opens: Ints, closes: Floats, numbers: Sequence[Floats]) -> bool:
    place = np.searchsorted(opens, stamps)
    found = place < len(opens)
    found[found] = opens[place[found]] == stamps[found]
    if found.sum() < max(2, _ENOUGH * min(len(stamps), len(opens))):
        return False
    wanted = closes[place[found]]
    return any(np.mean(np.isclose(each[found], wanted, rtol=1e-6)) > _ENOUGH for each in numbers)


def as_numbers(column: Any) -> Floats | None:
    """Return a column as floats, or None when it is not numbers."""
    array = np.asarray(column)
    if array.dtype.kind in "iuf":
        return array.astype(np.float64)
    if array.dtype.kind not in "UO":
        return None
    try:
        return np.array([float(each) if each not in ("", None) else np.nan for each in array])
    except (TypeError, ValueError):
        return None


def as_times(column: Any) -> Ints | None:
    """Return a column as nanoseconds UTC, or None when it is not times."""
    array = np.asarray(column)
    if array.dtype.kind == "M":
        return array.astype("datetime64[ns]").astype(np.int64)
    if array.dtype.kind in "iu":
        return _epoch(array.astype(np.int64))
    if array.dtype.kind not in "UO" or len(array) == 0:
        return None
    try:
        return np.array([_moment(each) for each in array], dtype=np.int64)
    except (TypeError, ValueError):
        return None


def _epoch(stamps: Ints) -> Ints | None:
    """Return whole numbers as times: days like 20200131, or an epoch of the years 1990 to 2100."""
    if len(stamps) == 0:
        return None
    if 19900101 <= stamps[0] <= 21000101 and 19900101 <= stamps[-1] <= 21000101:
        return as_times([str(each) for each in stamps])
    for unit in _EPOCHS:
        low, high = 631_152_000 * 10**9 // unit, 4_102_444_800 * 10**9 // unit
        if low <= stamps[0] <= high and low <= stamps[-1] <= high:
            return stamps * unit
    return None


def _moment(value: Any) -> int:
    if isinstance(value, np.datetime64):
        return int(value.astype("datetime64[ns]").astype(np.int64))
    if isinstance(value, int) or (isinstance(value, str) and value.isdigit() and len(value) != 8):
        found = _epoch(np.array([int(value)], dtype=np.int64))
        if found is None:
            raise ValueError(value)
        return int(found[0])
    moment = value if isinstance(value, datetime) else _parse(str(value).strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds = int(moment.replace(microsecond=0).timestamp())
    return seconds * 10**9 + moment.microsecond * 1000


def _parse(text: str) -> datetime:
    for form in _DAY_FORMATS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return datetime.fromisoformat(text)
