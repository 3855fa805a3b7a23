"""Thinned market data: of a history that is not in memory, the rows that somebody asks for later.

A kept bar stands for itself and for the bars between it and the kept one before: it opens with the
first of them, its high and low are those of all. So the last price at a kept time is exact, a chart
has every extreme, and nothing else need be remembered. Quotes and trades are kept as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.frames import AnyColumns, array_names, cut_block, with_arrays
from data.history import BarColumns, InstrumentHistory

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class ThinnedHistory(InstrumentHistory):
    """An instrument's kept rows; `bar_counts` is how many bars there were up to each kept one."""

    bar_counts: Ints | None = None


class Sieve:
    """Keeps rows of columns that come in windows.

    Parameters
    ----------
    total
        How many rows will come.
    spread
        So many rows are kept anyway, evenly over all: enough for a chart. The last is always kept.
    """

    def __init__(self, total: int, spread: int) -> None:
        count = min(spread, total)
        self._spread = (np.arange(count) + 1) * total // count - 1 if count else np.empty(0, int)
        self._seen = 0
        self._kept: list[AnyColumns] = []
        self._counts: list[Ints] = []
        self._waiting: AnyColumns | None = None  # what the next kept row stands for, as one row

    @property
    def seen(self) -> int:
        """How many rows have come."""
        return self._seen

    def add(self, columns: AnyColumns, places: Ints) -> None:
        """Take the next window's columns and keep the rows at some places; -1 is the row before.

        Parameters
        ----------
        places
            Ascending or not, each once or more often.
        """
        if self._waiting is not None and len(places) and places.min() < 0:
            self._keep(self._waiting, np.array([self._seen]))
            self._waiting = None
        if not len(columns):
            return
        low, high = np.searchsorted(self._spread, (self._seen, self._seen + len(columns)))
        ends = np.union1d(places[places >= 0], self._spread[low:high] - self._seen)
        joined = self._join(columns, ends)
        self._keep(cut_block(joined, slice(0, len(ends))), self._seen + ends + 1)
        rest = cut_block(joined, slice(len(ends), None))
        self._waiting = _copy(rest) if len(rest) else None
        self._seen += len(columns)

    def finish(self) -> tuple[AnyColumns, Ints] | None:
        """Return the kept rows, and how many rows there were up to each; None where none came."""
        if self._waiting is not None:
            self._keep(self._waiting, np.array([self._seen]))
            self._waiting = None
        if not self._kept:
            return None
        names = array_names(self._kept[0])
        arrays = [np.concatenate([getattr(one, name) for one in self._kept]) for name in names]
        return with_arrays(self._kept[0], arrays), np.concatenate(self._counts)

    def _keep(self, columns: AnyColumns, counts: Ints) -> None:
        if len(columns):
            self._kept.append(_copy(columns))
            self._counts.append(counts)

    def _join(self, columns: AnyColumns, ends: Ints) -> AnyColumns:
        """Return one row for each stretch up to an end, and one for what is left after the last."""
        last = len(columns) - 1
        has_rest = not len(ends) or ends[-1] < last
        stretches = np.append(ends, last) if has_rest else ends
        if not isinstance(columns, BarColumns):
            return _rows(columns, stretches)
        starts = np.concatenate(([0], stretches[:-1] + 1))
        opens, first = columns.ts_open_ns[starts], columns.open_ticks[starts]
        highs = np.maximum.reduceat(columns.high_ticks, starts)
        lows = np.minimum.reduceat(columns.low_ticks, starts)
        volumes = np.add.reduceat(columns.volume_lots, starts)
        before = self._waiting
        if isinstance(before, BarColumns):
            opens[0], first[0] = before.ts_open_ns[0], before.open_ticks[0]
            highs[0] = max(highs[0], before.high_ticks[0])
            lows[0] = min(lows[0], before.low_ticks[0])
            volumes[0] += before.volume_lots[0]
        closes, ends_ns = columns.close_ticks[stretches], columns.ts_close_ns[stretches]
        return BarColumns(
            opens, ends_ns, first, highs, lows, closes, volumes, has_volume=columns.has_volume
        )


def _rows(columns: AnyColumns, places: Ints) -> AnyColumns:
    return with_arrays(columns, [getattr(columns, n)[places] for n in array_names(columns)])


def _copy(columns: AnyColumns) -> AnyColumns:
    """Return columns of their own memory: a view would hold the whole window."""
    return with_arrays(columns, [getattr(columns, n).copy() for n in array_names(columns)])
