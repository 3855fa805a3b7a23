"""Whole columns of bars in one pass: floats to counts of a quantum, and what must hold for a bar.

Both only answer whether all is well. Who gets a no looks for the row and the reason with the plain
functions of `data.numbers` and `data.checks`, so that there is one place for what is told.
"""

from __future__ import annotations

from typing import Protocol

from engine.jit import kernel
from engine.kernels.indicators_windows import Floats

# Adding and subtracting 1.5 * 2^52 rounds half to even, for numbers under 2^51.
ROUNDER = 1.5 * 2.0**52
ROUNDED_MAX = 2.0**51


class Integers(Protocol):
    """A one-dimensional block of int64: a numpy array when compiled, else a memoryview."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> int: ...

    def __setitem__(self, index: int, value: int, /) -> None: ...


@kernel
def count_exactly(values: Floats, power: float, out: Integers) -> bool:
    """Fill `out` with ``values * power`` and return whether every count gives its value back.

    See `data.numbers` for why that is a proof. Also false for counts of 2^51 and more, and where a
    value is not finite; `out` is then of no use.
    """
    is_exact = True
    for i in range(len(out)):
        value = values[i]
        count = (value * power + ROUNDER) - ROUNDER
        is_good = (count / power == value) & (count < ROUNDED_MAX) & (count > -ROUNDED_MAX)
        is_exact &= is_good
        out[i] = int(count) if is_good else 0
    return is_exact


@kernel
def bars_are_sound(
    opens: Integers,
    highs: Integers,
    lows: Integers,
    closes: Integers,
    volumes: Integers,
    ts_open_ns: Integers,
    ts_close_ns: Integers,
) -> bool:
    """Return whether all bars keep the rules of `data.checks.bar_problem`."""
    is_sound = True
    for i in range(len(opens)):
        high, low = highs[i], lows[i]
        is_sound &= (low > 0) & (high >= low) & (volumes[i] >= 0)
        is_sound &= (opens[i] <= high) & (opens[i] >= low)
        is_sound &= (closes[i] <= high) & (closes[i] >= low)
        is_sound &= ts_open_ns[i] < ts_close_ns[i]
    for i in range(1, len(ts_close_ns)):
        is_sound &= ts_close_ns[i] > ts_close_ns[i - 1]
    return is_sound
