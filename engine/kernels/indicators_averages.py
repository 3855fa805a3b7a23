"""Averages and MACD: one streaming update each, and its loop.

Every indicator of this package has the same two signatures, so that a caller needs to know only
its number of inputs and its parameters:

- ``update_x(a, b, c, params, state) -> float`` takes one bar's inputs (unused ones are ignored),
- ``batch_x(in0, in1, in2, params, state, out)`` is a loop over it.

Each batch function is its own entry point: a run compiles only what its formulas use. An undefined
input (NaN) gives an undefined result and leaves the state as it is.
"""

from __future__ import annotations

from math import isnan

from engine.jit import kernel
from engine.kernels.indicators_windows import (
    NAN,
    SUM_RING,
    Floats,
    finite_or_nan,
    slide_sum,
    slide_weighted_sum,
    step_sum,
)


@kernel
def update_sum(a: float, b: float, c: float, params: Floats, state: Floats) -> float:
    """Sum of the last n values."""
    if isnan(a):
        return NAN
    return finite_or_nan(slide_sum(a, int(params[0]), state, 0))


@kernel
def batch_sum(
    in0: Floats, in1: Floats, in2: Floats, params: Floats, state: Floats, out: Floats
) -> None:
    """Loop over `update_sum`, with the sum in registers."""
    n = int(params[0])
    count, position, total = state[0], int(state[1]), state[2]
    for i in range(len(out)):
        x = in0[i]
        out[i] = NAN
        if not isnan(x):
            count, position, total = step_sum(x, n, count, position, total, state, SUM_RING)
            if count >= n:
                out[i] = finite_or_nan(total)
    state[0] = count
    state[1] = position
    state[2] = total


@kernel
def update_sma(a: float, b: float, c: float, params: Floats, state: Floats) -> float:
    """Mean of the last n values."""
    if isnan(a):
        return NAN
    n = int(params[0])
    return finite_or_nan(slide_sum(a, n, state, 0) / n)


@kernel
def batch_sma(
    in0: Floats, in1: Floats, in2: Floats, params: Floats, state: Floats, out: Floats
) -> None:
    """Loop over `update_sma`, with the sum in registers."""
    n = int(params[0])
    count, position, total = state[0], int(state[1]), state[2]
    for i in range(len(out)):
        x = in0[i]
        out[i] = NAN
        if not isnan(x):
            count, position, total = step_sum(x, n, count, position, total, state, SUM_RING)
            if count >= n:
                out[i] = finite_or_nan(total / n)
    state[0] = count
    state[1] = position
    state[2] = total


# state of an exponential average: count, sum of the seed, value
EMA_SIZE = 3


@kernel
def step_ema(
    x: float, n: int, weight: float, count: float, total: float, value: float
) -> tuple[float, float, float]:
    """Push `x` into an average whose numbers are at hand; return them anew. See `step_sum`."""
    if count < n:
        count += 1.0
        total += x
        return count, total, total / n
    return count, total, (x - value) * weight + value


@kernel
def follow_ema(x: float, n: int, state: Floats, base: int) -> float:
    """Push `x`; weight 2 / (n + 1), seeded with the mean of the first n values."""
    weight = 2.0 / (n + 1.0)
    count, total, value = step_ema(x, n, weight, state[base], state[base + 1], state[base + 2])
    state[base] = count
    state[base + 1] = total
    state[base + 2] = value
    return value if count >= n else NAN


@kernel
def follow_wilder(x: float, n: int, state: Floats, base: int) -> float:
    """Push `x`; weight 1 / n (Wilder), seeded with the mean of the first n values."""
    if state[base] < n:
        state[base] += 1.0
        state[base + 1] += x
        if state[base] < n:
            return NAN
        state[base + 2] = state[base + 1] / n
        return state[base + 2]
    state[base + 2] = (state[base + 2] * (n - 1.0) + x) / n
    return state[base + 2]


@kernel
def update_ema(a: float, b: float, c: float, params: Floats, state: Floats) -> float:
    """Exponential average."""
    if isnan(a):
        return NAN
    return finite_or_nan(follow_ema(a, int(params[0]), state, 0))


@kernel
def batch_ema(
    in0: Floats, in1: Floats, in2: Floats, params: Floats, state: Floats, out: Floats
) -> None:
    """Loop over `update_ema`, with the average in registers."""
    n = int(params[0])
    weight = 2.0 / (n + 1.0)
    count, total, value = state[0], state[1], state[2]
    for i in range(len(out)):
        x = in0[i]
        out[i] = NAN
        if not isnan(x):
            count, total, value = step_ema(x, n, weight, count, total, value)
            if count >= n:
                out[i] = finite_or_nan(value)
    state[0] = count
    state[1] = total
    state[2] = value


@kernel
def update_wma(a: float, b: float, c: float, params: Floats, state: Floats) -> float:
    """Mean of the last n values weighted 1 (oldest) to n (newest)."""
    if isnan(a):
        return NAN
    n = int(params[0])
    return finite_or_nan(slide_weighted_sum(a, n, state, 0) / (0.5 * n * (n + 1.0)))


@kernel
def batch_wma(
    in0: Floats, in1: Floats, in2: Floats, params: Floats, state: Floats, out: Floats
) -> None:
    """Loop over `update_wma`."""
    for i in range(len(out)):
        out[i] = update_wma(in0[i], in1[i], in2[i], params, state)


# state of MACD: count, the line, its signal, then the slow, fast and signal averages
MACD_SLOW = 3
MACD_FAST = MACD_SLOW + EMA_SIZE
MACD_SIGNAL = MACD_FAST + EMA_SIZE
MACD_SIZE = MACD_SIGNAL + EMA_SIZE


@kernel
def _follow_macd(x: float, params: Floats, state: Floats) -> bool:
    """Push `x`; return whether line and signal, left in ``state[1:3]``, are both defined.

    As in TA-Lib both averages give their first value at the same bar: the fast one is seeded with
    the `fast` values that end where the slow one's seed ends.
    """
    fast, slow, signal = int(params[0]), int(params[1]), int(params[2])
    state[0] += 1.0
    slow_value = follow_ema(x, slow, state, MACD_SLOW)
    if state[0] > slow - fast:
        fast_value = follow_ema(x, fast, state, MACD_FAST)
        if state[0] >= slow:
            state[1] = fast_value - slow_value
            state[2] = follow_ema(state[1], signal, state, MACD_SIGNAL)
    return state[0] >= slow + signal - 1


@kernel
def update_macd(a: float, b: float, c: float, params: Floats, state: Floats) -> float:
    """Fast minus slow exponential average."""
    if isnan(a) or not _follow_macd(a, params, state):
        return NAN
    return finite_or_nan(state[1])


@kernel
def batch_macd(
    in0: Floats, in1: Floats, in2: Floats, params: Floats, state: Floats, out: Floats
) -> None:
    """Loop over `update_macd`."""
    for i in range(len(out)):
        out[i] = update_macd(in0[i], in1[i], in2[i], params, state)


@kernel
def update_macd_signal(a: float, b: float, c: float, params: Floats, state: Floats) -> float:
    """Exponential average of the MACD line."""
    if isnan(a) or not _follow_macd(a, params, state):
        return NAN
    return finite_or_nan(state[2])


@kernel
def batch_macd_signal(
    in0: Floats, in1: Floats, in2: Floats, params: Floats, state: Floats, out: Floats
) -> None:
    """Loop over `update_macd_signal`."""
    for i in range(len(out)):
        out[i] = update_macd_signal(in0[i], in1[i], in2[i], params, state)
