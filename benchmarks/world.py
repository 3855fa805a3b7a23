"""The data of the benchmarks: a geometric random walk with a fixed seed, two decimals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NS_PER_MINUTE = 60 * 10**9


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Float64 bars in memory, as a user has them; times in ns UTC."""

    ts_close_ns: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]


def random_walk(bars: int, *, seed: int = 7) -> Columns:
    """Return one-minute bars of a geometric random walk around 100, rounded to cents."""
    draws = np.random.Generator(np.random.PCG64(seed))
    path = np.cumsum(draws.normal(0.0, 1e-4, bars))
    close = np.round(100.0 * np.exp(path), 2)
    open_ = np.concatenate(([100.0], close[:-1]))
    spread = np.round(np.abs(draws.normal(0.0, 0.02, bars)), 2)
    high = np.round(np.maximum(open_, close) + spread, 2)
    low = np.round(np.minimum(open_, close) - spread, 2)
    ts = np.arange(1, bars + 1, dtype=np.int64) * NS_PER_MINUTE
    return Columns(ts, open_, high, low, close)
