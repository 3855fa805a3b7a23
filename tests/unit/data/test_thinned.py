"""A sieve keeps what is asked for, and of the rest the extremes."""

from __future__ import annotations

import numpy as np
import pytest

from data.frames import cut_block
from data.history import BarColumns, QuoteColumns
from data.thinned import Sieve


def bars(count: int) -> BarColumns:
    close = np.arange(1, count + 1, dtype=np.int64) * 10
    opened, price = close - 10, np.random.default_rng(1).integers(100, 200, count)
    return BarColumns(opened, close, price, price + 7, price - 7, price + 1, np.ones(count, int))


@pytest.mark.parametrize("length", [1, 4, 30])
@pytest.mark.parametrize("wanted", [[], [0], [5, 6, 20], [29]])
def test_a_kept_bar_stands_for_those_before_it(length: int, wanted: list[int]) -> None:
    whole, sieve = bars(30), Sieve(30, spread=3)
    for first in range(0, 30, length):
        here = [row - first for row in wanted if first <= row < first + length]
        sieve.add(cut_block(whole, slice(first, first + length)), np.array(here, dtype=np.int64))
    found = sieve.finish()
    assert found is not None
    kept, counts = found
    assert isinstance(kept, BarColumns)
    ends = sorted({9, 19, 29, *wanted})
    assert (counts - 1).tolist() == ends
    for k, end in enumerate(ends):
        first = ends[k - 1] + 1 if k else 0
        rows = slice(first, end + 1)
        assert kept.ts_open_ns[k] == whole.ts_open_ns[first]
        assert kept.ts_close_ns[k] == whole.ts_close_ns[end]
        assert kept.open_ticks[k] == whole.open_ticks[first]
        assert kept.close_ticks[k] == whole.close_ticks[end]
        assert kept.high_ticks[k] == whole.high_ticks[rows].max()
        assert kept.low_ticks[k] == whole.low_ticks[rows].min()
        assert kept.volume_lots[k] == whole.volume_lots[rows].sum()


def test_the_row_before_a_window_can_still_be_kept() -> None:
    ts = np.arange(6, dtype=np.int64)
    whole, sieve = QuoteColumns(ts, ts, ts + 1, ts, ts.copy()), Sieve(6, spread=1)
    sieve.add(cut_block(whole, slice(0, 3)), np.array([], dtype=np.int64))
    sieve.add(cut_block(whole, slice(3, 6)), np.array([-1, 1], dtype=np.int64))
    found = sieve.finish()
    assert found is not None
    assert found[0].ts_ns.tolist() == [2, 4, 5]


def test_nothing_comes_out_where_nothing_came() -> None:
    assert Sieve(0, spread=10).finish() is None
