"""RSI, stochastic, CCI and ADX, with TA-Lib's conventions for a market that does not move."""

from __future__ import annotations

from math import isnan

from engine.jit import kernel
from engine.kernels.indicators_averages import EMA_SIZE, follow_wilder
from engine.kernels.indicators_ranges import TRUE_RANGE_SIZE, next_true_range
from engine.kernels.indicators_windows import (
    EXTREME_RING,
    NAN,
    SUM_RING,
    Floats,
    finite_or_nan,
    larger,
    slide_highest,
    slide_sum,
)

EPSILON = 1e-14  # TA_EPSILON of TA-Lib: what is nearer to zero counts as zero


@kernel
def is_zero(x: float) -> bool:
    """Return whether TA-Lib takes `x` for zero."""
    return -EPSILON < x < EPSILON


# state of RSI: whether a value was seen, that value, then the averages of gains and of losses
RSI_GAIN = 2
RSI_LOSS = RSI_GAIN + EMA_SIZE
RSI_SIZE = RSI_LOSS + EMA_SIZE


@kernel
def update_rsi(a: float, b: float, c: float, params: Floats, state: Floats) -> float:
    """Wilder's relative strength: 100 x gains / (gains + losses); 0 where nothing moved."""
    if isnan(a):
        return NAN
    change = a - state[1]
    is_first = state[0] == 0.0
    state[0] = 1.0
    state[1] = a
    if is_first:
        return NAN
    n = int(params[0])
    gain = follow_wilder(larger(change, 0.0), n, state, RSI_GAIN)
    loss = follow_wilder(larger(-change, 0.0), n, state, RSI_LOSS)
    if isnan(gain):
        return NAN
    total = gain + loss
    return 0.0 if is_zero(total) else finite_or_nan(100.0 * (gain / total))


@kernel
def batch_rsi(
    in0: Floats, in1: Floats, in2: Floats, params: Floats, state: Floats, out: Floats
) -> None:
    """Loop over `update_rsi`."""
    for i in range(len(out)):
        out[i] = update_rsi(in0[i], in1[i], in2[i], params, state)


@kernel
def update_cci(a: float, b: float, c: float, params: Floats, state: Floats) -> float:
    """Commodity channel index of a typical price; state is the window's ring.

    The mean deviation is about a mean that moves, so the window is added up at each bar: O(n).
    """
    if isnan(a):
        return NAN
    n = int(params[0])
    position = int(state[1])
    state[SUM_RING + position] = a
    state[1] = position + 1 if position + 1 < n else 0
    if state[0] < n:
        state[0] += 1.0
        if state[0] < n:
            return NAN
    mean = 0.0
    for i in range(n):
        mean += state[SUM_RING + i]
    mean /= n
    deviation = 0.0
    for i in range(n):
        deviation += abs(state[SUM_RING + i] - mean)
    distance = a - mean
    if distance == 0.0 or deviation == 0.0:
        return 0.0
    return finite_or_nan(distance / (0.015 * (deviation / n)))


@kernel
def batch_cci(
    in0: Floats, in1: Floats, in2: Floats, params: Floats, state: Floats, out: Floats
) -> None:
    """Loop over `update_cci`."""
    for i in range(len(out)):
        out[i] = update_cci(in0[i], in1[i], in2[i], params, state)


@kernel
def _follow_stochastic(
    high: float, low: float, close: float, params: Floats, state: Floats
) -> bool:
    """Push a bar; return whether %K and %D, left in ``state[0:2]``, are both defined.

    params: n, smoothing of %K, smoothing of %D. State: the two results, the highest highs, the
    lowest lows, and the two smoothing windows.
    """
    n, smooth, d = int(params[0]), int(params[1]), int(params[2])
    lows = 2 + EXTREME_RING + 2 * n
    k_window = lows + EXTREME_RING + 2 * n
    highest = slide_highest(high, n, state, 2)
    lowest = -slide_highest(-low, n, state, lows)
    if isnan(highest):
        return False
    part = (highest - lowest) / 100.0
    raw = (close - lowest) / part if part != 0.0 else 0.0
    total = slide_sum(raw, smooth, state, k_window)
    if isnan(total):
        return False
    state[0] = total / smooth if smooth > 0 else NAN
    total = slide_sum(state[0], d, state, k_window + SUM_RING + smooth)
    state[1] = total / d if d > 0 else NAN
    return not isnan(total)


@kernel
def update_stochastic_k(a: float, b: float, c: float, params: Floats, state: Floats) -> float:
    """Place of the close between lowest low and highest high, 0 to 100, smoothed."""
    if isnan(a) or isnan(b) or isnan(c) or not _follow_stochastic(a, b, c, params, state):
        return NAN
    return finite_or_nan(state[0])


@kernel
def batch_stochastic_k(
    in0: Floats, in1: Floats, in2: Floats, params: Floats, state: Floats, out: Floats
) -> None:
    """Loop over `update_stochastic_k`."""
    for i in range(len(out)):
        out[i] = update_stochastic_k(in0[i], in1[i], in2[i], params, state)


@kernel
def update_stochastic_d(a: float, b: float, c: float, params: Floats, state: Floats) -> float:
    """Mean of the last %K."""
    if isnan(a) or isnan(b) or isnan(c) or not _follow_stochastic(a, b, c, params, state):
        return NAN
    return finite_or_nan(state[1])


@kernel
def batch_stochastic_d(
    in0: Floats, in1: Floats, in2: Floats, params: Floats, state: Floats, out: Floats
) -> None:
    """Loop over `update_stochastic_d`."""
    for i in range(len(out)):
        out[i] = update_stochastic_d(in0[i], in1[i], in2[i], params, state)


# state of the directional movement: count of changes, high and low before, Wilder's sums of +DM,
# -DM and true range, +DI, -DI, sum or average of DX, count of DX, then the true range's own
DM_COUNT, DM_HIGH, DM_LOW, DM_PLUS, DM_MINUS, DM_RANGE = 0, 1, 2, 3, 4, 5
DI_PLUS, DI_MINUS, ADX_TOTAL, ADX_COUNT, DM_TRUE_RANGE = 6, 7, 8, 9, 10
ADX_SIZE = DM_TRUE_RANGE + TRUE_RANGE_SIZE


@kernel
def _follow_directional(high: float, low: float, close: float, n: int, state: Floats) -> bool:
    """Push a bar; return whether +DI and -DI, left in the state, are defined."""
    true_range = next_true_range(high, low, close, state, DM_TRUE_RANGE)
    up = high - state[DM_HIGH]
    down = state[DM_LOW] - low
    state[DM_HIGH] = high
    state[DM_LOW] = low
    if isnan(true_range):
        return False
    if state[DM_COUNT] >= n - 1:
        # The first n - 1 changes are summed; from then on 1 / n of the sum leaves at each bar.
        state[DM_PLUS] -= state[DM_PLUS] / n
        state[DM_MINUS] -= state[DM_MINUS] / n
        state[DM_RANGE] -= state[DM_RANGE] / n
    if down > 0.0 and up < down:
        state[DM_MINUS] += down
    elif up > 0.0 and up > down:
        state[DM_PLUS] += up
    state[DM_RANGE] += true_range
    if state[DM_COUNT] < n:
        state[DM_COUNT] += 1.0
    if state[DM_COUNT] < n:
        return False
    is_still = is_zero(state[DM_RANGE])
    state[DI_PLUS] = 0.0 if is_still else 100.0 * (state[DM_PLUS] / state[DM_RANGE])
    state[DI_MINUS] = 0.0 if is_still else 100.0 * (state[DM_MINUS] / state[DM_RANGE])
    return True


@kernel
def update_plus_di(a: float, b: float, c: float, params: Floats, state: Floats) -> float:
    """Wilder's positive directional indicator, 0 to 100."""
    if isnan(a) or isnan(b) or isnan(c) or not _follow_directional(a, b, c, int(params[0]), state):
        return NAN
    return finite_or_nan(state[DI_PLUS])


@kernel
def batch_plus_di(
    in0: Floats, in1: Floats, in2: Floats, params: Floats, state: Floats, out: Floats
) -> None:
    """Loop over `update_plus_di`."""
    for i in range(len(out)):
        out[i] = update_plus_di(in0[i], in1[i], in2[i], params, state)


@kernel
def update_minus_di(a: float, b: float, c: float, params: Floats, state: Floats) -> float:
    """Wilder's negative directional indicator, 0 to 100."""
    if isnan(a) or isnan(b) or isnan(c) or not _follow_directional(a, b, c, int(params[0]), state):
        return NAN
    return finite_or_nan(state[DI_MINUS])


@kernel
def batch_minus_di(
    in0: Floats, in1: Floats, in2: Floats, params: Floats, state: Floats, out: Floats
) -> None:
    """Loop over `update_minus_di`."""
    for i in range(len(out)):
        out[i] = update_minus_di(in0[i], in1[i], in2[i], params, state)


@kernel
def update_adx(a: float, b: float, c: float, params: Floats, state: Floats) -> float:
    """Wilder's average of DX = 100 x |+DI - -DI| / (+DI + -DI), 0 to 100.

    A bar without any movement adds nothing to the seed and leaves the average as it is.
    """
    n = int(params[0])
    if isnan(a) or isnan(b) or isnan(c) or not _follow_directional(a, b, c, n, state):
        return NAN
    total = state[DI_PLUS] + state[DI_MINUS]
    has_dx = not is_zero(state[DM_RANGE]) and not is_zero(total)
    dx = 100.0 * (abs(state[DI_MINUS] - state[DI_PLUS]) / total) if has_dx else 0.0
    if state[ADX_COUNT] < n:
        state[ADX_COUNT] += 1.0
        state[ADX_TOTAL] += dx
        if state[ADX_COUNT] < n:
            return NAN
        state[ADX_TOTAL] /= n
    elif has_dx:
        state[ADX_TOTAL] = (state[ADX_TOTAL] * (n - 1.0) + dx) / n
    return finite_or_nan(state[ADX_TOTAL])


@kernel
def batch_adx(
    in0: Floats, in1: Floats, in2: Floats, params: Floats, state: Floats, out: Floats
) -> None:
    """Loop over `update_adx`."""
    for i in range(len(out)):
        out[i] = update_adx(in0[i], in1[i], in2[i], params, state)
