"""The stationary bootstrap: what else the same returns could have been, in another order.

The problem: an equity curve is one draw. Its end and its deepest drawdown depend on the order in
which the days came and on which of them came at all. Drawing days one by one would destroy runs of
volatility and make drawdowns too shallow.

The choice: Politis and Romano (1994), J. American Statistical Association 89(428). Blocks of
geometric length (mean `mean_block`, 10 as in the gate) begin at random days and wrap around the
end, so that every resampled path is stationary.

Draws come from counters, not from a generator: the draw for a path and a day is a hash (SplitMix64)
of seed, path and day. So path 7 is the same whether 10 or 2,000 paths are asked for, in any order
and in any number of pieces.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import InputError

MEAN_BLOCK = 10.0
PATHS = 2_000
_CHUNK_CELLS = 1_000_000  # so many returns in memory at once

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_TO_UNIT = 2.0**-53
_MASK = 0xFFFF_FFFF_FFFF_FFFF


@dataclass(frozen=True, slots=True)
class Resampling:
    """How returns are drawn again: everything that decides about the draws.

    Parameters
    ----------
    seed
        Any whole number; the same gives the same paths.
    paths
        How many.
    mean_block
        Mean length of a block in days; 1 draws single days.
    """

    seed: int
    paths: int = PATHS
    mean_block: float = MEAN_BLOCK

    def __post_init__(self) -> None:
        if self.paths < 1:
            raise InputError(f"paths must be at least 1, not {self.paths}")
        if not self.mean_block >= 1.0:
            raise InputError(f"mean_block must be at least 1, not {self.mean_block}")


def resampled_indices(
    size: int, resampling: Resampling, first: int, count: int, *, length: int | None = None
) -> Ints:
    """Return which day each day of some paths is, shape ``(count, length)``.

    Parameters
    ----------
    size
        Number of days.
    first, count
        Which paths: `first` is the number of the first one.
    length
        Days of a path; `size` when left out. A shorter path is the beginning of a longer one.

    Examples
    --------
    >>> resampled_indices(6, Resampling(seed=7, mean_block=3.0), first=0, count=1).tolist()
    [[4, 5, 0, 1, 3, 4]]
    """
    days = np.arange(size if length is None else length)
    paths = np.arange(first, first + count, dtype=np.uint64)[:, np.newaxis]
    starts = (uniforms(resampling.seed, paths, 2 * days) * size).astype(np.int64)
    begins = uniforms(resampling.seed, paths, 2 * days + 1) < 1.0 / resampling.mean_block
    return block_indices(starts, begins, size)


def block_indices(starts: Ints, begins: NDArray[np.bool_], size: int) -> Ints:
    """Return the day of `size` drawn at each place: a block begins at its start and runs on, wrapping."""
    days = np.arange(starts.shape[1])
    last = np.maximum.accumulate(np.where(begins, days, 0), axis=1)
    indices: Ints = (np.take_along_axis(starts, last, axis=1) + days - last) % size
    return indices


def uniforms(seed: int, paths: Words, days: Ints) -> Floats:
    """Return numbers in [0, 1) for each path (rows) and counter (columns)."""
    stream = _mixed(_mixed(np.array([seed & _MASK], dtype=np.uint64)) + paths)
    words = _mixed(stream + (days.astype(np.uint64) + np.uint64(1)) * _GOLDEN)
    return (words >> np.uint64(11)).astype(np.float64) * _TO_UNIT


def _mixed(words: Words) -> Words:
    """SplitMix64's finalizer (Steele, Lea and Flood 2014); unsigned arrays wrap by definition."""
    words = (words ^ (words >> np.uint64(30))) * _MIX_1
    words = (words ^ (words >> np.uint64(27))) * _MIX_2
    mixed: Words = words ^ (words >> np.uint64(31))
    return mixed


def resampled_returns(returns: Floats, resampling: Resampling) -> Iterator[Floats]:
    """Yield the returns of all paths in pieces of shape ``(some, returns.size)``, in order."""
    step = max(_CHUNK_CELLS // max(returns.size, 1), 1)
    for first in range(0, resampling.paths, step):
        count = min(step, resampling.paths - first)
        yield returns[resampled_indices(returns.size, resampling, first, count)]


def seed_of(text: str) -> int:
    """Return the seed that a hexadecimal fingerprint stands for: its first 16 digits.

    Examples
    --------
    >>> seed_of("00000000000000ff" + "0" * 16)
    255
    """
    return int(text[:16] or "0", 16)
