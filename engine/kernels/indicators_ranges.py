"""Extremes, deviations, true range: the indicators of how far prices move."""

from __future__ import annotations

import math
from math import isnan

from engine.jit import kernel
from engine.kernels.indicators_averages import EMA_SIZE, follow_wilder
from engine.kernels.indicators_windows import (
    NAN,
    Floats,
    finite_or_nan,
    larger,
    slide_highest,
    slide_moments,
)


@kernel
def update_highest(a: float, b: float, c: float, params: Floats, state: Floats) -> float:
    """Largest of the last n values."""
    if isnan(a):
        return NAN
    return slide_highest(a, int(params[0]), state, 0)


@kernel
def batch_highest(
    in0: Floats, in1: Floats, in2: Floats, params: Floats, state: Floats, out: Floats
) -> None:
    """Loop over `update_highest`."""
    for i in range(len(out)):
        out[i] = update_highest(in0[i], in1[i], in2[i], params, state)


@kernel
def update_lowest(a: float, b: float, c: float, params: Floats, state: Floats) -> float:
    """Smallest of the last n values."""
    if isnan(a):
        return NAN
    return finite_or_nan(-slide_highest(-a, int(params[0]), state, 0))


@kernel
def batch_lowest(
    in0: Floats, in1: Floats, in2: Floats, params: Floats, state: Floats, out: Floats
) -> None:
    """Loop over `update_lowest`."""
    for i in range(len(out)):
        out[i] = update_lowest(in0[i], in1[i], in2[i], params, state)


@kernel
def update_deviation(a: float, b: float, c: float, params: Floats, state: Floats) -> float:
    """Root of the squared deviations over ``n - params[1]`` (0: population, 1: sample)."""
    if isnan(a):
        return NAN
    n = int(params[0])
    squares = slide_moments(a, n, state, 0)
    freedom = n - params[1]
    if isnan(squares) or freedom <= 0.0:
        return NAN
    return finite_or_nan(math.sqrt(squares / freedom))


@kernel
def batch_deviation(
    in0: Floats, in1: Floats, in2: Floats, params: Floats, state: Floats, out: Floats
) -> None:
    """Loop over `update_deviation`."""
    for i in range(len(out)):
        out[i] = update_deviation(in0[i], in1[i], in2[i], params, state)


# state of a true range: whether a bar was seen, its close
TRUE_RANGE_SIZE = 2


@kernel
def next_true_range(high: float, low: float, close: float, state: Floats, base: int) -> float:
    """Return the true range of this bar; NaN at the first one, which has no close before it."""
    before = state[base + 1]
    is_first = state[base] == 0.0
    state[base] = 1.0
    state[base + 1] = close
    if is_first:
        return NAN
    return larger(larger(high - low, abs(high - before)), abs(low - before))


@kernel
def update_true_range(a: float, b: float, c: float, params: Floats, state: Floats) -> float:
    """Largest of high - low and the distances of both from the close before."""
    if isnan(a) or isnan(b) or isnan(c):
        return NAN
    return finite_or_nan(next_true_range(a, b, c, state, 0))


@kernel
def batch_true_range(
    in0: Floats, in1: Floats, in2: Floats, params: Floats, state: Floats, out: Floats
) -> None:
    """Loop over `update_true_range`."""
    for i in range(len(out)):
        out[i] = update_true_range(in0[i], in1[i], in2[i], params, state)


ATR_SIZE = TRUE_RANGE_SIZE + EMA_SIZE


@kernel
def update_atr(a: float, b: float, c: float, params: Floats, state: Floats) -> float:
    """Wilder's average of the true range."""
    if isnan(a) or isnan(b) or isnan(c):
        return NAN
    true_range = next_true_range(a, b, c, state, 0)
    if isnan(true_range):
        return NAN
    return finite_or_nan(follow_wilder(true_range, int(params[0]), state, TRUE_RANGE_SIZE))


@kernel
def batch_atr(
    in0: Floats, in1: Floats, in2: Floats, params: Floats, state: Floats, out: Floats
) -> None:
    """Loop over `update_atr`."""
    for i in range(len(out)):
        out[i] = update_atr(in0[i], in1[i], in2[i], params, state)
