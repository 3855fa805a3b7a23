"""Random draws that are the same on every platform and with every numpy.

The problem: ``Generator.standard_normal`` promises its numbers only within one numpy version, and
it, ``exp`` and ``log`` may differ in the last bit between processors, which a price on the edge of
two ticks makes visible.

The choice: only the raw 64-bit output of PCG64 and `SeedSequence` are used (both are promised to
stay). They are cut into 16-bit indices into tables of quantiles, which are whole numbers of 2^-16:
computed once from the formulas and then rounded, far coarser than any difference between math
libraries. After that only +, -, x, /, square root and rounding follow, which IEEE 754 fixes to the
last bit, and sums and products that run in order (``cumsum``, ``cumprod``), never pairwise.

What it costs: a shock takes one of 65,536 values, so the normal ends at 4.3 deviations.
"""

from __future__ import annotations

import math
from enum import IntEnum
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TABLE_SIZE = 2**16
QUANTUM = 2.0**-16
GRID = 2**16
FACTOR = 0xFFFF_FFFF  # the "instrument" that all share


class Stream(IntEnum):
    """What a stream of draws is for; part of the seed, so a number here is never reused."""

    SHOCK = 1
    GAP = 2
    JUMP_TIME = 3
    JUMP_SIZE = 4
    HIGH = 5
    LOW = 6
    OPEN_SIDE = 7
    CLOSE_SIDE = 8
    VOLUME = 9
    INTERVAL = 10
    SPREAD = 11
    BID_SIZE = 12
    ASK_SIZE = 13
    AGGRESSOR = 14
    UNKNOWN = 15
    TRADE_SIZE = 16
    FIRST_SIDE = 17
    REVERSION = 18
    VOLATILITY = 32  # 32 + 2k and 33 + 2k for the k-th hidden state


class Draws:
    """The draws of one instrument in one world: each stream is independent of all others."""

    def __init__(self, seed: int, kind: int, instrument: int) -> None:
        self._seed, self._kind, self._instrument = seed, kind, instrument

    def bits(self, stream: int, count: int) -> NDArray[np.uint16]:
        """Return `count` uniform 16-bit numbers."""
        key = (self._kind, self._instrument, stream)
        source = np.random.PCG64(np.random.SeedSequence(self._seed, spawn_key=key))
        words = source.random_raw((count + 3) // 4)
        cut = np.asarray(words, dtype="<u8").view("<u2")[:count]
        return cut.astype(np.uint16, copy=False)

    def normal(self, stream: int, count: int) -> Floats:
        """Return standard normal draws."""
        return normal_table()[self.bits(stream, count)]

    def shocks(self, stream: int, count: int, tail_degrees: int) -> Floats:
        """Return draws with mean 0 and deviation 1: Student-t, or normal for 0 degrees."""
        table = student_table(tail_degrees) if tail_degrees else normal_table()
        return table[self.bits(stream, count)]

    def exponential(self, stream: int, count: int) -> Floats:
        """Return exponential draws with mean 1."""
        return exponential_table()[self.bits(stream, count)]

    def chance(self, stream: int, count: int, probability: float) -> NDArray[np.bool_]:
        """Return True with a probability, to the nearest 2^-32."""
        threshold = np.uint32(min(int(probability * 2**32 + 0.5), 2**32 - 1))
        pairs = self.bits(stream, 2 * count).astype(np.uint32)
        return (pairs[0::2] << np.uint32(16) | pairs[1::2]) < threshold

    def sides(self, stream: int, count: int) -> Floats:
        """Return +1.0 or -1.0 with equal probability."""
        return (self.bits(stream, count) & np.uint16(1)).astype(np.float64) * 2.0 - 1.0


def _midpoints() -> Floats:
    return (np.arange(TABLE_SIZE) + 0.5) / TABLE_SIZE


def _rounded(values: Floats) -> Floats:
    """Round to whole 2^-16 and forbid changes: the tables are shared."""
    table = np.rint(values / QUANTUM) * QUANTUM
    table.flags.writeable = False
    return table


@lru_cache(maxsize=1)
def normal_table() -> Floats:
    """Quantiles of the standard normal distribution at the midpoints of 65,536 equal parts."""
    inverse = NormalDist().inv_cdf
    upper = np.array([inverse(p) for p in _midpoints()[TABLE_SIZE // 2 :].tolist()])
    return _mirrored(upper)


@lru_cache(maxsize=1)
def exponential_table() -> Floats:
    """Quantiles of the exponential distribution with mean 1."""
    return _rounded(np.array([-math.log1p(-p) for p in _midpoints().tolist()]))


@lru_cache(maxsize=4)
def student_table(degrees: int) -> Floats:
    """Quantiles of Student's t distribution, integrated numerically, scaled to deviation 1."""
    fraction = np.arange(GRID) / GRID
    x = 4.0 * fraction / (1.0 - fraction)
    density = _student_density(x, degrees)
    areas = (density[1:] + density[:-1]) / 2.0 * np.diff(x)
    below = np.concatenate((np.zeros(1), np.cumsum(areas)))
    # The grid ends where the density does not matter: its area is half of the whole.
    cumulative = 0.5 + below / below[-1] / 2.0
    return _mirrored(np.interp(_midpoints()[TABLE_SIZE // 2 :], cumulative, x))


def _student_density(x: Floats, degrees: int) -> Floats:
    """Return (1 + x^2 / d) ^ -((d + 1) / 2) by multiplications and one square root."""
    base = 1.0 + x * x / degrees
    power = np.ones_like(base)
    for _ in range((degrees + 1) // 2):
        power = power * base
    return 1.0 / (power if degrees % 2 else power * np.sqrt(base))


def _mirrored(upper: Floats) -> Floats:
    """Complete a symmetric table from its upper half and scale it to deviation 1."""
    deviation = math.sqrt(math.fsum((upper * upper).tolist()) / upper.size)
    scaled = upper / deviation
    return _rounded(np.concatenate((-scaled[::-1], scaled)))


CDF_STEPS = 1024
CDF_REACH = 8


@lru_cache(maxsize=1)
def _cdf_table() -> Floats:
    points = np.arange(-CDF_REACH * CDF_STEPS, CDF_REACH * CDF_STEPS + 1) / CDF_STEPS
    values = np.array([0.5 * math.erfc(-z / math.sqrt(2.0)) for z in points.tolist()])
    return np.rint(values * 2.0**40) / 2.0**40


def normal_cdf(z: Floats) -> Floats:
    """Return the standard normal distribution function, interpolated between 1/1024ths."""
    table = _cdf_table()
    place = (np.clip(z, -CDF_REACH, CDF_REACH) + CDF_REACH) * CDF_STEPS
    below = np.minimum(np.floor(place).astype(np.int64), table.size - 2)
    part = place - below
    values: Floats = table[below] + (table[below + 1] - table[below]) * part
    return values
