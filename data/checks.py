"""What cannot be true of market data: impossible prices, wrong order, duplicates.

Each check is vectorised and answers with row numbers; the words that a person reads are made only
for the few rows that are shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from data.compiled import are_sound, is_used

if TYPE_CHECKING:
    from data.history import BarColumns

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
_BLOCK = 65_536


@dataclass(frozen=True, slots=True)
class Problem:
    """One bad row: its position, a stable code, and the sentence about it."""

    row: int
    code: str
    text: str


def bar_problem(bars: BarColumns) -> Problem | None:
    """Return the first impossible bar, or None; a fast pass over blocks for data in memory."""
    if is_used(len(bars)) and are_sound(
        bars.open_ticks,
        bars.high_ticks,
        bars.low_ticks,
        bars.close_ticks,
        bars.volume_lots,
        bars.ts_open_ns,
        bars.ts_close_ns,
    ):
        return None
    late = first_not_later(bars.ts_close_ns)
    if late is not None:
        text = "the time is not later than that of the bar before"
        return Problem(late, "data.unsorted", text)
    for start in range(0, len(bars), _BLOCK):
        for code, text, flags in _bar_rules(bars, start):
            if flags.any():
                row = start + int(np.argmax(flags))
                return Problem(row, code, text)
    return None


def _bar_rules(bars: BarColumns, start: int) -> Iterator[tuple[str, str, Flags]]:
    rows = slice(start, start + _BLOCK)
    opens, highs = bars.open_ticks[rows], bars.high_ticks[rows]
    lows, closes = bars.low_ticks[rows], bars.close_ticks[rows]
    yield "data.price_not_positive", "a price is zero or negative", lows <= 0
    yield "data.high_below_low", "high is below low", highs < lows
    outside = (np.maximum(opens, closes) > highs) | (np.minimum(opens, closes) < lows)
    yield "data.outside_range", "open or close lies outside low to high", outside
    if bars.has_volume:
        yield "data.negative_size", "volume is negative", bars.volume_lots[rows] < 0
    stamps = bars.ts_close_ns[rows]
    yield "data.bad_time", "the bar does not open before it closes", bars.ts_open_ns[rows] >= stamps


def first_not_later(stamps: Ints) -> int | None:
    """Return the first row whose time is not later than that of the row before, or None."""
    for start in range(0, len(stamps), _BLOCK):
        first = max(start - 1, 0)
        block = stamps[first : start + _BLOCK]
        late = block[1:] <= block[:-1]
        if late.any():
            return first + 1 + int(np.argmax(late))
    return None
