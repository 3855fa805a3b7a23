"""The compiled passes over whole columns, where the compiled world is in use anyhow.

Loading a compiler to save milliseconds would cost seconds. So they are used once a run has loaded it,
and `load` makes them with the first compiled run, when everything else is compiled too. Whatever they
do not vouch for goes the plain way, which finds row and reason.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.jit import compiled, is_in_use
from engine.kernels.bar_columns import bars_are_sound, count_exactly

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Element = TypeVar("Element", bound=np.generic)

ROWS_MIN = 1_000


def is_used(rows: int) -> bool:
    """Return whether columns of so many rows take the compiled pass."""
    return rows >= ROWS_MIN and is_in_use()


def fill_exactly(values: Floats, precision: int, out: Ints) -> bool:
    """Fill `out` with `values` as counts of 10^-precision; False when that is not certain."""
    assert len(values) == len(out)  # compiled code checks no index
    return compiled(count_exactly)(_for_reading(values), 10.0**precision, out)


def are_sound(*columns: Ints) -> bool:
    """Return whether bars are certainly possible: prices, volume, opens and closes in time."""
    if len({len(column) for column in columns}) > 1:
        return False
    return compiled(bars_are_sound)(*(_for_reading(column) for column in columns))


def load() -> None:
    """Compile the passes, or load them from the cache."""
    fill_exactly(np.ones(1), 0, np.ones(1, dtype=np.int64))
    are_sound(*np.array([[1], [1], [1], [1], [1], [0], [1]], dtype=np.int64))


def _for_reading(column: NDArray[Element]) -> NDArray[Element]:
    """Return a read-only view: one type to the compiler, whatever the caller's array is."""
    view = np.ascontiguousarray(column).view()
    view.flags.writeable = False
    return view
